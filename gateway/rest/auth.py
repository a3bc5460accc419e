"""auth/* and me/sessions: accounts, their sessions, and what shows who one is. Every answer is for one client only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from aiohttp import web

from gateway.core.tokens import Identity
from gateway.identity.identities import Identities
from gateway.identity.sessions import Client
from gateway.presenters.referral_codes import player_of
from gateway.protocol.codecs import JSON
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.accounts import (
    ChangeEmail,
    ChangePassword,
    Login,
    OfAddress,
    RefreshToken,
    Register,
    ResetPassword,
)
from gateway.rest.requests import Handler, body_of, identity_of
from gateway.rest.responses import NO_STORE, answer
from gateway.rest.serving import CALL_TIMEOUT_S
from gateway.sessions.arena import Arena

T = TypeVar("T")

LONGEST_AGENT: Final = 200


class AuthRoutes:
    """The handlers. `client_of` says where a request comes from."""

    def __init__(self, arena: Arena, identities: Identities, client_of: Callable[[web.Request], Client]) -> None:
        self._arena = arena
        self._identities = identities
        self._client_of = client_of

    def handlers(self) -> dict[str, Handler]:
        """By their names in the table of routes."""
        return {
            "register": self.register,
            "login": self.log_in,
            "otp": self.request_code,
            "refresh": self.refresh,
            "logout": self.log_out,
            "password.change": self.change_password,
            "password.forgot": self.forgot_password,
            "password.reset": self.reset_password,
            "email": self.change_email,
            "sessions": self.sessions,
            "session.end": self.end_session,
        }

    # Signing up and in

    async def register(self, request: web.Request) -> web.Response:
        of = await _read(request, Register)
        referrer = player_of(of.referral_code) if of.referral_code is not None else 0
        guest = self._identity(request) if "Authorization" in request.headers else None
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return answer(await self._identities.sign_up.register(of, referrer, self._client_of(request), guest), 201)

    async def log_in(self, request: web.Request) -> web.Response:
        of = await _read(request, Login)
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return answer(await self._identities.sign_in.log_in(of, self._client_of(request)))

    async def request_code(self, request: web.Request) -> web.Response:
        of = await _read(request, OfAddress)
        return answer(await self._identities.sign_in.send_code(of, self._client_of(request)), 202)

    # Sessions

    async def refresh(self, request: web.Request) -> web.Response:
        of = await _read(request, RefreshToken)
        return answer(await self._identities.accounts.refresh(of.refresh_token, self._client_of(request)))

    async def log_out(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        await self._identities.accounts.end_session(identity, identity.session)
        return _done()

    async def sessions(self, request: web.Request) -> web.Response:
        found = await self._identities.accounts.sessions_of(self._identity(request))
        return answer({"items": found, "next": None})

    async def end_session(self, request: web.Request) -> web.Response:
        await self._identities.accounts.end_session(self._identity(request), request.match_info["session"])
        return _done()

    # Passwords and addresses

    async def change_password(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        of = await _read(request, ChangePassword)
        await self._identities.credentials.change_password(identity, of, self._client_of(request))
        return _done()

    async def forgot_password(self, request: web.Request) -> web.Response:
        of = await _read(request, OfAddress)
        return answer(await self._identities.credentials.forgot(of, self._client_of(request)), 202)

    async def reset_password(self, request: web.Request) -> web.Response:
        of = await _read(request, ResetPassword)
        await self._identities.credentials.reset(of, self._client_of(request))
        return _done()

    async def change_email(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        of = await _read(request, ChangeEmail)
        sent = await self._identities.credentials.change_email(identity, of, self._client_of(request))
        return answer(sent, 202) if of.otp is None else _done()

    def _identity(self, request: web.Request) -> Identity:
        """Raises Refused: NOT_AUTHENTICATED without a token, TOKEN_INVALID with one that is no good."""
        identity = identity_of(self._arena, request)
        if identity is None:
            raise Refused(Code.NOT_AUTHENTICATED)
        return identity


def client_of(request: web.Request, address: str, is_exempt: bool) -> Client:
    agent = request.headers.get("User-Agent", "")
    return Client(address, "".join(each for each in agent if each.isprintable())[:LONGEST_AGENT], not is_exempt)


async def _read(request: web.Request, shape: type[T]) -> T:
    found: T = JSON.decode(await body_of(request), shape)
    return found


def _done() -> web.Response:
    return web.Response(status=204, headers={"Cache-Control": NO_STORE})
