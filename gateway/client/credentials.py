"""What a client shows: its token, and the refresh token of an account, which brings the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway.client.errors import ArenaError, Unanswered, Unreachable
from gateway.client.web import Web
from gateway.protocol.envelopes import Reply
from gateway.protocol.identity.accounts import SignedIn
from gateway.protocol.session import Authenticated, Renewed

SHORTEST_RENEWAL_S: Final = 0.5
"""Between two attempts to renew a token."""


class Credentials:
    """`request` asks over the connection, as Connection.request does."""

    def __init__(self, web: Web, request: Callable[..., Awaitable[Reply[Any]]]) -> None:
        self.token: str | None = None
        self.refresh_token: str | None = None
        self._web = web
        self._request = request
        self._refreshing: asyncio.Task[SignedIn] | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def enter(self, how: str, body: dict[str, Any]) -> SignedIn:
        """Sign up or in. Raises Refused, Unreachable and Garbled."""
        signed_in = await self._web.post(f"/api/v1/auth/{how}", body, SignedIn)
        self.refresh_token = signed_in.refresh_token
        return signed_in

    async def leave(self) -> None:
        """End the session of the account, and forget the tokens. Raises Refused, Unreachable and Garbled."""
        await self._web.post("/api/v1/auth/logout", {}, type(None), self.token)
        self.keep(0)
        self.token = self.refresh_token = None

    async def exchange(self, token: str) -> str:
        """A new token for one that has expired. Raises Refused, Unreachable and Garbled."""
        if self.refresh_token is not None:
            return (await self.refresh()).access_token
        return await self._web.exchange(token)

    async def refresh(self) -> SignedIn:
        """The next two tokens. A refresh token that is used twice ends the session: so there is one request at a time,
        and it goes on when nobody waits for it any more."""
        if self._refreshing is None:
            body = {"refresh_token": self.refresh_token}
            self._refreshing = asyncio.create_task(self.enter("refresh", body), name="arena client refreshes")
            self._refreshing.add_done_callback(self._refreshed)
        return await asyncio.shield(self._refreshing)

    def _refreshed(self, task: asyncio.Task[SignedIn]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # who waited has it

    def keep(self, expires_in_s: int) -> None:
        """Renew the token while we are connected, from the middle of its life on; 0: do not."""
        if self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        if expires_in_s:
            self._renewing = asyncio.create_task(self._renew(expires_in_s), name="arena client renews its token")

    async def _renew(self, expires_in_s: float) -> None:
        while True:
            await asyncio.sleep(max(expires_in_s / 2, SHORTEST_RENEWAL_S))
            try:
                expires_in_s = await self._next()
            except (Unanswered, Unreachable):
                expires_in_s /= 2
            except ArenaError:
                return  # whoever asks next is told why

    async def _next(self) -> int:
        """Show the next token; how long it lasts, in s."""
        if self.refresh_token is None:
            renewed = (await self._request("renew", {}, Renewed)).result
            self.token = renewed.token
            return int(renewed.expires_in)
        signed_in = await self.refresh()
        self.token = signed_in.access_token
        await self._request("auth", {"token": self.token}, Authenticated)
        return signed_in.expires_in

    async def close(self) -> None:
        """Renew no more; what has been asked for is waited for, as it is used up."""
        self.keep(0)
        if self._refreshing is not None:
            await asyncio.wait([self._refreshing])
