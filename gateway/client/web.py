"""What a client asks over HTTP: REST requests, and the socket; and how long it waits for what is refused for now."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final, TypeVar

import aiohttp
import msgspec

from gateway.client.errors import Garbled, Refused, Unreachable
from gateway.protocol.codecs import DecodeFailure
from gateway.protocol.errors import Code, Problem
from gateway.protocol.session import Renewed

T = TypeVar("T")

HEARTBEAT_S: Final = 15.0
BROKEN: Final = (aiohttp.ClientError, TimeoutError, OSError)
"""What is raised when nobody answers, or no more."""


class Patience:
    """Waits until what was refused may succeed; with `retry` false never."""

    def __init__(self, retry: bool) -> None:
        self._retry = retry
        self._too_fast = asyncio.Lock()
        """Held by a request that waits because there were too many: the others go after it, not all at once again."""

    async def wait_for(self, refused: Refused, ends_s: float) -> None:
        """Raises the refusal if it never may succeed, or not before `ends_s` of the loop's clock."""
        wait_s = (refused.retry_after or 0) / 1000
        if not self._retry or refused.retry != "after" or asyncio.get_running_loop().time() + wait_s >= ends_s:
            raise refused
        in_turn = self._too_fast if refused.code == Code.RATE_LIMITED.name else contextlib.nullcontext()
        try:
            async with asyncio.timeout_at(ends_s), in_turn:
                await asyncio.sleep(wait_s)
        except TimeoutError:
            raise refused from None


class Web:
    """The arena at `url`. Made with `open`, ended with `close`."""

    def __init__(self, url: str, patience: Patience, timeout_s: float) -> None:
        self.url = url
        self._patience = patience
        self._timeout_s = timeout_s
        self._http: aiohttp.ClientSession | None = None

    def open(self) -> None:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def socket(self, protocol: str) -> aiohttp.ClientWebSocketResponse:
        """A new socket. Raises one of BROKEN."""
        assert self._http is not None
        return await self._http.ws_connect(
            self.url + "/ws", protocols=(protocol,), heartbeat=HEARTBEAT_S, max_msg_size=0
        )

    async def post(self, path: str, body: dict[str, Any], shape: type[T], token: str | None = None) -> T:
        """A REST request; what is refused for now is asked for again. Raises Refused, Unreachable and Garbled."""
        ends_s = asyncio.get_running_loop().time() + self._timeout_s
        while True:
            try:
                return await self._post(path, body, shape, token)
            except Refused as refused:
                await self._patience.wait_for(refused, ends_s)

    async def exchange(self, token: str) -> str:
        """A new token for one that has expired lately. Raises Refused, Unreachable and Garbled."""
        return (await self.post("/api/v1/auth/renew", {"token": token}, Renewed)).token

    async def _post(self, path: str, body: dict[str, Any], shape: type[T], token: str | None) -> T:
        assert self._http is not None, "use `async with`"
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        try:
            async with self._http.post(self.url + path, json=body, headers=headers) as response:
                content = await response.read()
        except BROKEN as error:
            raise Unreachable(f"no arena at {self.url}: {error}") from error
        try:
            if response.status < 400:
                return msgspec.json.decode(content or b"null", type=shape)
            problem = msgspec.json.decode(content, type=Problem)
        except DecodeFailure as error:
            raise Garbled(f"not an answer to {path}, with status {response.status}: {error}") from error
        raise Refused(problem.code, problem.detail, problem.retry, problem.details, problem.retry_after)


def retry_after_s(refusal: aiohttp.WSServerHandshakeError) -> float:
    """How long to wait, by the answer to a handshake; 0: it does not say."""
    told = refusal.headers.get("Retry-After", "") if refusal.headers is not None else ""
    return float(told) if told.isdecimal() else 0.0
