"""auth/* and me/sessions: accounts, their sessions, and what shows who one is. Every answer is for one client only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from aiohttp import web

from gateway.core.tickets import LIFETIME_S
from gateway.core.tickets import PREFIX as TICKET
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
from gateway.protocol.session import Ticket
from gateway.sessions.arena import Arena
from gateway.transport.http import CALL_TIMEOUT_S, body_of

T = TypeVar("T")

LONGEST_AGENT: Final = 200


class AuthRoutes:
    """The handlers. `client_of` says where a request comes from."""

    def __init__(self, arena: Arena, identities: Identities, client_of: Callable[[web.Request], Client]) -> None:
        self._arena = arena
        self._identities = identities
        self._client_of = client_of

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/v1/auth/register", self.register),
            web.post("/api/v1/auth/login", self.log_in),
            web.post("/api/v1/auth/otp/request", self.request_code),
            web.post("/api/v1/auth/refresh", self.refresh),
            web.post("/api/v1/auth/logout", self.log_out),
            web.post("/api/v1/auth/password", self.change_password),
            web.post("/api/v1/auth/password/forgot", self.forgot_password),
            web.post("/api/v1/auth/password/reset", self.reset_password),
            web.post("/api/v1/auth/email", self.change_email),
            web.post("/api/v1/auth/ticket", self.ticket),
            web.get("/api/v1/me/sessions", self.sessions),
            web.delete("/api/v1/me/sessions/{session}", self.end_session),
        ]

    # Signing up and in

    async def register(self, request: web.Request) -> web.Response:
        of = await _read(request, Register)
        referrer = player_of(of.referral_code) if of.referral_code is not None else 0
        guest = self._identity(request) if "Authorization" in request.headers else None
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return _answer(await self._identities.sign_up.register(of, referrer, self._client_of(request), guest), 201)

    async def log_in(self, request: web.Request) -> web.Response:
        of = await _read(request, Login)
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return _answer(await self._identities.sign_in.log_in(of, self._client_of(request)))

    async def request_code(self, request: web.Request) -> web.Response:
        of = await _read(request, OfAddress)
        return _answer(await self._identities.sign_in.send_code(of, self._client_of(request)), 202)

    # Sessions

    async def refresh(self, request: web.Request) -> web.Response:
        of = await _read(request, RefreshToken)
        return _answer(await self._identities.accounts.refresh(of.refresh_token, self._client_of(request)))

    async def log_out(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        await self._identities.accounts.end_session(identity, identity.session)
        return _done()

    async def sessions(self, request: web.Request) -> web.Response:
        found = await self._identities.accounts.sessions_of(self._identity(request))
        return _answer({"items": found, "next": None})

    async def end_session(self, request: web.Request) -> web.Response:
        await self._identities.accounts.end_session(self._identity(request), request.match_info["session"])
        return _done()

    async def ticket(self, request: web.Request) -> web.Response:
        ticket = self._arena.tickets.issue(self._identity(request))
        return _answer(Ticket(ticket, LIFETIME_S), 201)

    # Passwords and addresses

    async def change_password(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        of = await _read(request, ChangePassword)
        await self._identities.credentials.change_password(identity, of, self._client_of(request))
        return _done()

    async def forgot_password(self, request: web.Request) -> web.Response:
        of = await _read(request, OfAddress)
        return _answer(await self._identities.credentials.forgot(of, self._client_of(request)), 202)

    async def reset_password(self, request: web.Request) -> web.Response:
        of = await _read(request, ResetPassword)
        await self._identities.credentials.reset(of, self._client_of(request))
        return _done()

    async def change_email(self, request: web.Request) -> web.Response:
        identity = self._identity(request)
        of = await _read(request, ChangeEmail)
        sent = await self._identities.credentials.change_email(identity, of, self._client_of(request))
        return _answer(sent, 202) if of.otp is None else _done()

    def _identity(self, request: web.Request) -> Identity:
        """Raises Refused: NOT_AUTHENTICATED without a token, TOKEN_INVALID with one that is no good."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise Refused(Code.NOT_AUTHENTICATED)
        token = token.strip()
        if token.startswith(TICKET):
            raise Refused(Code.TOKEN_INVALID)  # it is for the first message of a socket, and not spent by this
        return self._arena.identity(token)


def client_of(request: web.Request, address: str, is_exempt: bool) -> Client:
    agent = request.headers.get("User-Agent", "")
    return Client(address, "".join(each for each in agent if each.isprintable())[:LONGEST_AGENT], not is_exempt)


async def _read(request: web.Request, shape: type[T]) -> T:
    found: T = JSON.decode(await body_of(request), shape)
    return found


def _answer(answer: Any, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    body = msgspec.json.encode(answer)
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def _done() -> web.Response:
    return web.Response(status=204, headers={"Cache-Control": "no-store"})
