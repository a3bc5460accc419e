"""What the compatibility routes share: who asks, bodies, amounts, numbers, and calling an op."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from aiohttp import web
from msgspec import Raw

from gateway.core.config import Config
from gateway.identity.identities import Identities
from gateway.identity.sessions import Client
from gateway.protocol.errors import Code, Refused
from gateway.protocol.problems import problem_of
from gateway.rest.requests import body_of, identity_of
from gateway.rest.serving import call
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller

T = TypeVar("T")

HOUR_S: Final = 3_600
_AMOUNT: Final = re.compile(rb'"?([0-9]{1,19}(?:\.[0-9]{1,18})?)"?')


class Front:
    """What the handlers of a front end work with. `client_of` says where a request comes from."""

    def __init__(
        self, arena: Arena, identities: Identities, client_of: Callable[[web.Request], Client], cookie: str = ""
    ) -> None:
        self.arena = arena
        self.identities = identities
        self.client_of = client_of
        self._cookie = cookie

    async def caller(self, request: web.Request) -> Caller:
        """Who asks, by a bearer token or by the cookie, if the front end has one. Raises Refused."""
        caller = Caller(self.arena, self.client_of(request).address, time.monotonic_ns())
        identity = identity_of(self.arena, request)
        cookie = request.cookies.get(self._cookie) if self._cookie else None
        if identity is None and cookie:
            identity = self.arena.identity(cookie)
        if identity is None:
            raise Refused(Code.NOT_AUTHENTICATED)
        caller.authenticate(identity)
        caller.spend(1)
        return caller

    def token_for_an_hour(self, access_token: str) -> str:
        """A token of the same session that lasts longer: those front ends cannot refresh one."""
        identity = self.arena.identity(access_token)
        return self.arena.tokens.issue(
            identity.player, identity.role, identity.registration, identity.session, lifetime_s(self.arena.config)
        )


def lifetime_s(config: Config) -> int:
    """An hour, but no longer than a session that was ended is remembered."""
    remembered_s = max(config.identity.access_token_s, config.server.token_lifetime_s + config.server.token_grace_s)
    return min(HOUR_S, remembered_s)


async def read(request: web.Request, shape: type[T]) -> T:
    """The body; what it has beyond the shape is passed over. Raises Refused."""
    data = await body_of(request)
    try:
        return msgspec.json.decode(data or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise Refused(Code.BAD_ARGUMENTS, **problem_of(error, shape, {})) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(Code.NOT_JSON) from error


def amount(field: str, raw: Raw) -> str:
    """The decimal text of a number, or of a text that is one, as it stands in the JSON. Raises Refused."""
    found = _AMOUNT.fullmatch(bytes(raw).strip())
    if found is None:
        problem = "a number of at most 19 digits and 18 decimals, without sign or exponent"
        raise Refused(Code.BAD_ARGUMENTS, field=field, value=bytes(raw)[:64].decode(errors="replace"), problem=problem)
    return found[1].decode()


def number(text: str) -> Raw:
    """Decimal text as the same JSON number."""
    return Raw(f"{Decimal(text).normalize():f}".encode())


def with_status(refused: Refused, status: int) -> Refused:
    """The same refusal, with the status that the front end expects of it."""
    refused.status = status
    return refused


__all__ = ["Front", "amount", "call", "lifetime_s", "number", "read", "with_status"]
