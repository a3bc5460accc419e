"""auth/passkey/* and me/passkeys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from gateway.core.tokens import Identity
from gateway.identity.identities import Identities
from gateway.identity.sessions import Client
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.passkeys import AddPasskey, NewPasskey, OfPasskey, SignInWithPasskey
from gateway.rest.requests import Handler, arguments_of, identity_of
from gateway.rest.responses import answer
from gateway.rest.routes import ROUTES
from gateway.sessions.arena import Arena


class PasskeyRoutes:
    """The handlers."""

    def __init__(self, arena: Arena, identities: Identities, client_of: Callable[[web.Request], Client]) -> None:
        self._arena = arena
        self._passkeys = identities.passkeys
        self._client_of = client_of

    def handlers(self) -> dict[str, Handler]:
        """By their names in the table of routes."""
        return {
            "passkey.options": self.options_to_add,
            "passkey.add": self.add,
            "passkey.challenge": self.options_to_sign_in,
            "passkey.login": self.sign_in,
            "passkeys": self.listed,
            "passkey.remove": self.remove,
        }

    async def options_to_add(self, request: web.Request) -> web.Response:
        of: AddPasskey = await arguments_of(request, _ROUTES["passkey.options"])
        return answer(await self._passkeys.options_to_add(self._identity(request), of, self._client_of(request)))

    async def add(self, request: web.Request) -> web.Response:
        of: NewPasskey = await arguments_of(request, _ROUTES["passkey.add"])
        return answer(await self._passkeys.add(self._identity(request), of.credential, of.label), 201)

    async def options_to_sign_in(self, request: web.Request) -> web.Response:
        return answer(self._passkeys.options_to_sign_in())

    async def sign_in(self, request: web.Request) -> web.Response:
        of: SignInWithPasskey = await arguments_of(request, _ROUTES["passkey.login"])
        return answer(await self._passkeys.sign_in(of.credential, self._client_of(request)))

    async def listed(self, request: web.Request) -> web.Response:
        return answer({"items": await self._passkeys.listed(self._identity(request)), "next": None})

    async def remove(self, request: web.Request) -> web.Response:
        of: OfPasskey = await arguments_of(request, _ROUTES["passkey.remove"])
        await self._passkeys.remove(self._identity(request), of.passkey)
        return web.Response(status=204)

    def _identity(self, request: web.Request) -> Identity:
        identity = identity_of(self._arena, request)
        if identity is None:
            raise Refused(Code.NOT_AUTHENTICATED)
        return identity


_ROUTES: Final = {route.handler: route for route in ROUTES if route.handler}
