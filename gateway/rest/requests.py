"""What a request says: who asks, its key, and the arguments in its path, its query and its body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Raw, inspect

from gateway.core.tickets import PREFIX as TICKET
from gateway.core.tokens import Identity
from gateway.identity.keys.signatures import Signed
from gateway.protocol.codecs import JSON
from gateway.protocol.errors import Code, Refused
from gateway.protocol.scalars import Key
from gateway.rest.routes import Route
from gateway.sessions.arena import Arena
from gateway.sessions.caller import GUESTS_USE, Caller
from gateway.sessions.logon import acting_for, acting_for_new, identity_of_key

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CALLER: Final = web.RequestKey("caller", Caller)

KEY_HEADER: Final = "Idempotency-Key"
KEY_IN_HEADER: Final = "X-Api-Key"
TIMESTAMP: Final = "X-Api-Timestamp"
WINDOW: Final = "X-Api-Recv-Window"
NONCE: Final = "X-Api-Nonce"
SIGNATURE: Final = "X-Api-Signature"
EXTERNAL_USER: Final = "X-External-User-Id"
FORMAT: Final = "format"
FORMATS: Final = ("json", "csv")
"""Of lists."""
CSV: Final = "text/csv"
LONGEST_INTEGER: Final = 18
"""Digits: what has more is no integer of ours, and stays text."""


async def identify(caller: Caller, request: web.Request, is_public: bool = False) -> None:
    """Take the caller for who the token or the API key says. Raises Refused when there is one that is no good."""
    if is_public:
        caller.may_use |= GUESTS_USE
    if KEY_IN_HEADER in request.headers:
        caller.authenticate(await key_identity(caller, request))
        return
    identity = identity_of(caller.arena, request)
    if identity is not None:
        caller.authenticate(identity)


def identity_of(arena: Arena, request: web.Request) -> Identity | None:
    """Whose token the request brings, if any. Raises Refused TOKEN_INVALID; and KEY_SCOPE where an API key is shown: it
    has scopes for ops only."""
    if KEY_IN_HEADER in request.headers:
        raise Refused(Code.KEY_SCOPE)
    authorization = request.headers.get("Authorization")
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        raise Refused(Code.TOKEN_INVALID, problem="Authorization is Bearer and a token")
    if token.startswith(TICKET):
        raise Refused(Code.TOKEN_INVALID)  # it is for the first message of a socket, and not spent by this
    return arena.identity(token)


async def key_identity(caller: Caller, request: web.Request) -> Identity:
    """Whose API key the request brings: whole, or with a signature of the request. Raises Refused."""
    headers = request.headers
    if "Authorization" in headers:
        raise Refused(Code.TOKEN_INVALID, problem="give either a token or an API key")
    key, external_user = headers[KEY_IN_HEADER].strip(), headers.get(EXTERNAL_USER)
    credentials: str | Signed = key if SIGNATURE not in headers else await _signed(request, key)
    identity = identity_of_key(caller, credentials)
    if external_user is None:
        return identity
    if request.method == "GET":
        return acting_for(caller, identity, external_user)
    return await acting_for_new(caller, identity, external_user)


async def _signed(request: web.Request, key: str) -> Signed:
    """Raises Refused SIGNATURE_INVALID, and what ends a body early."""
    headers = request.headers
    times = [headers.get(TIMESTAMP, ""), headers.get(WINDOW, "5000")]
    if not all(text.isascii() and text.isdecimal() and len(text) <= LONGEST_INTEGER for text in times):
        raise Refused(Code.SIGNATURE_INVALID, problem=f"{TIMESTAMP} and {WINDOW} are whole milliseconds")
    return Signed(
        key, int(times[0]), int(times[1]), headers.get(NONCE, ""), headers[SIGNATURE],
        request.method, request.raw_path, await body_of(request),
    )  # fmt: skip


def key_of(request: web.Request) -> str | None:
    """The idempotency key. Raises Refused."""
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    try:
        found: str = msgspec.convert(key, Key)
    except msgspec.ValidationError as error:
        problem = "1 to 36 characters"
        raise Refused(Code.BAD_ARGUMENTS, field=KEY_HEADER, value=key[:64], problem=problem) from error
    return found


async def arguments_of(request: web.Request, route: Route) -> Any:
    """What the route takes, checked as a socket's arguments are. Raises Refused, and what ends a body early."""
    shape = route.shape
    assert shape is not None
    given: dict[str, Any] = dict(query_of(request, shape))
    if route.item is not None:
        given.pop(FORMAT, None)
    body = await body_of(request) if route.has_body else b""
    if body:
        if given:
            field = next(iter(given))
            raise Refused(Code.BAD_ARGUMENTS, field=field, problem="of this method they are in the body")
        given = JSON.decode(body, dict[str, Raw])
    for field, text in request.match_info.items():
        if field in given:
            raise Refused(Code.BAD_ARGUMENTS, field=field, problem="the path names it already")
        given[field] = typed(shape, field, text)
    arguments = JSON.decode(JSON.encode(given), shape)
    return route.arguments(arguments) if route.arguments is not None else arguments


def wants_csv(request: web.Request, route: Route) -> bool:
    """Of a list; what the query says comes before the header. Raises Refused."""
    if route.item is None:
        return False
    wanted = request.query.get(FORMAT)
    if wanted is None:
        named = {each.partition(";")[0].strip().lower() for each in request.headers.get("Accept", "").split(",")}
        return CSV in named and "application/json" not in named
    if wanted not in FORMATS:
        raise Refused(Code.BAD_ARGUMENTS, field=FORMAT, value=wanted[:64], allowed=list(FORMATS))
    return wanted == "csv"


def query_of(request: web.Request, shape: type) -> dict[str, Any]:
    """The parameters of the query, each as what its field takes. Raises Refused when one comes twice."""
    found: dict[str, Any] = {}
    for field, text in request.query.items():
        if field in found:
            raise Refused(Code.BAD_ARGUMENTS, field=field, problem="it is given twice")
        found[field] = typed(shape, field, text)
    return found


def typed(shape: type, field: str, text: str) -> Any:
    """The text of a parameter as an integer or a boolean, where the field takes that and it is one."""
    kinds = _kinds(shape).get(field, ())
    digits = text.removeprefix("-")
    if inspect.IntType in kinds and digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST_INTEGER:
        return int(text)
    if inspect.BoolType in kinds and text in ("true", "false"):
        return text == "true"
    return text


@cache
def _kinds(shape: type) -> dict[str, tuple[type, ...]]:
    """Of each field, the kinds of values that it takes."""
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)
    return {
        field.encode_name: tuple(
            type(each) for each in (field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,))
        )
        for field in info.fields
    }


async def body_of(request: web.Request) -> bytes:
    """Raises Refused, and what ends a body early."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(Code.BAD_MESSAGE, problem="a body is taken as it is, without Content-Encoding")
    return await request.read()
