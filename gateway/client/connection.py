"""A player's connection that stays up: requests, their replies, and events.

When the socket breaks, a new one authenticates, subscribes again, and repeats what is not answered: with its key, so
that a request sent twice does not act twice. What the arena refuses for now is asked for again when it says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar

import aiohttp
import msgspec

from gateway.protocol.codecs import DecodeFailure
from gateway.protocol.envelopes import Push, Reply, ServerMessage
from gateway.protocol.errors import RETRY_AFTER_MS, Code, Error, Problem
from gateway.protocol.events import data_type
from gateway.protocol.scalars import MessageId
from gateway.protocol.session import Authenticated, Renewed

T = TypeVar("T")
Encoding = Literal["json", "msgpack"]

EVENTS_KEPT: Final = 10_000
"""Events that wait to be read; when more come, the oldest are dropped and counted."""

FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 2.0
"""Between two attempts to come back; the wait doubles from the first to the longest."""

HEARTBEAT_S: Final = 15.0
NOT_AUTHENTICATED: Final = 4001
FINAL_CLOSES: Final = frozenset({4003, 4009})
"""Close codes after which coming back is of no use: forbidden, and replaced by a newer connection of the player."""

TURNED_AWAY: Final = 4029
"""Too many connections or messages. To come back at once is of no use to somebody who is not a player yet."""

TOKEN_INVALID: Final = "TOKEN_INVALID"
SHORTEST_RENEWAL_S: Final = 0.5
"""Between two attempts to renew a token."""

_MESSAGES: Final = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
_BROKEN: Final = (aiohttp.ClientError, TimeoutError, OSError)


class ArenaError(Exception):
    """Something between us and the arena; the message says what."""


class Refused(ArenaError):
    """The arena said no. `retry` is "never", "after" (in `retry_after` ms), or "query": the outcome is unknown, ask."""

    def __init__(
        self, code: str, message: str, retry: str, details: dict[str, Any] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{code}: {message}" + (f" {details}" if details else ""))
        self.code = code
        self.message = message
        self.retry = retry
        self.details = details or {}
        self.retry_after = retry_after


class Unreachable(ArenaError):
    """Nobody answers at that address."""


class Disconnected(ArenaError):
    """The connection is gone for good; `code` is the close code. The outcome of what was asked is unknown."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the connection was closed with code {code}")
        self.code = code


class Garbled(ArenaError):
    """The arena sent what is no message of its protocol."""


class Unanswered(ArenaError):
    """No reply in time. The outcome is unknown; the same request with the same `key` gets it."""

    def __init__(self, op: str, key: str | None) -> None:
        super().__init__(f"{op} was not answered in time; ask again" + (f" with key {key}" if key else ""))
        self.op = op
        self.key = key


class _Pending(NamedTuple):
    """A request without a reply."""

    frame: bytes
    answer: asyncio.Future[ServerMessage]


class Connection:
    """See the module. Plain attributes: `token`, which a new socket shows; `reconnects`, `events_dropped`."""

    def __init__(self, url: str, encoding: Encoding, reconnect: bool, retry: bool, timeout_s: float) -> None:
        self.url = ("http" + url[2:] if url.startswith("ws") else url).rstrip("/")
        self.token: str | None = None
        self.channels: list[str] = []
        """Subscriptions, which a new socket takes over."""
        self.reconnects = 0
        self.events_dropped = 0
        self.unexpected = 0
        """Replies to no request of ours."""
        self._abandoned: set[MessageId] = set()
        """Requests that were not answered in time: a reply may still come."""
        self._text = encoding == "json"
        self._codec: Any = msgspec.json if self._text else msgspec.msgpack
        self._protocol = f"arena.v1+{encoding}"
        self._reconnect = reconnect
        self._retry = retry
        self._too_fast = asyncio.Lock()
        """Held by a request that waits because there were too many: the others go after it, not all at once again."""
        self._timeout_s = timeout_s
        self._ids = itertools.count(1)
        self._pending: dict[MessageId, _Pending] = {}
        self._events: deque[Push] = deque()
        self._arrived = asyncio.Event()
        self._ended: ArenaError | None = None
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._restoring: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises Unreachable."""
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout_s))
        try:
            async with asyncio.timeout(self._timeout_s):
                self._socket = await self._open()
        except _BROKEN as error:
            await self._http.close()
            raise Unreachable(f"no arena at {self.url}: {error}") from error
        self._reader = asyncio.create_task(self._stay_connected(), name="arena client")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave. What still waits for a reply gets Disconnected."""
        self.keep_token(0)
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        self._end(Disconnected(None))
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.close()

    # Requests

    async def request(
        self,
        op: str,
        args: dict[str, Any],
        shape: type[T],
        *,
        key: str | None = None,
        deadline: int | None = None,
        timeout_s: float | None = None,
    ) -> Reply[T]:
        """Ask for any op and wait for the outcome, over reconnects if need be. What is refused for now (`retry` is
        "after") is asked for again, as long as its time allows.

        Raises Refused, Unanswered after `timeout_s`, Disconnected and Garbled.
        """
        id = next(self._ids)
        message: dict[str, Any] = {"id": id, "op": op, "args": args}
        if key is not None:
            message["key"] = key
        if deadline is not None:
            message["deadline"] = deadline
        frame = self._codec.encode(message)
        ends_s = asyncio.get_running_loop().time() + (timeout_s or self._timeout_s)
        while True:
            try:
                incoming = await self._ask(id, frame, ends_s)
                break
            except TimeoutError as error:
                raise Unanswered(op, key) from error
            except Refused as refused:
                await self._wait_for(refused, ends_s)
        try:
            result = self._codec.decode(incoming.result, type=shape)
        except DecodeFailure as error:
            raise Garbled(f"not a result of {op}: {error}") from error
        return Reply(id, True, incoming.seq, incoming.at, result, incoming.replayed)

    async def _ask(self, id: MessageId, frame: bytes, ends_s: float) -> ServerMessage:
        """The reply to one request. Raises Refused, Disconnected, and TimeoutError at `ends_s` of the loop's clock."""
        if self._ended is not None:
            raise self._ended
        asked = self._pending[id] = _Pending(frame, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout_at(ends_s):
                await self._send(frame)
                return await asked.answer
        finally:
            if asked.answer.cancelled() or not asked.answer.done():
                self._abandoned.add(id)
            del self._pending[id]

    async def _wait_for(self, refused: Refused, ends_s: float) -> None:
        """Wait until what was refused may succeed. Raises the refusal if it never may, or not before `ends_s`."""
        wait_s = (refused.retry_after or 0) / 1000
        if not self._retry or refused.retry != "after" or asyncio.get_running_loop().time() + wait_s >= ends_s:
            raise refused
        in_turn = self._too_fast if refused.code == Code.RATE_LIMITED.name else contextlib.nullcontext()
        try:
            async with asyncio.timeout_at(ends_s), in_turn:
                await asyncio.sleep(wait_s)
        except TimeoutError:
            raise refused from None

    async def post(self, path: str, body: dict[str, Any], shape: type[T]) -> T:
        """A REST request; what is refused for now is asked for again. Raises Refused, Unreachable and Garbled."""
        ends_s = asyncio.get_running_loop().time() + self._timeout_s
        while True:
            try:
                return await self._post(path, body, shape)
            except Refused as refused:
                await self._wait_for(refused, ends_s)

    async def _post(self, path: str, body: dict[str, Any], shape: type[T]) -> T:
        assert self._http is not None, "use `async with`"
        try:
            async with self._http.post(self.url + path, json=body) as response:
                content = await response.read()
        except _BROKEN as error:
            raise Unreachable(f"no arena at {self.url}: {error}") from error
        try:
            if response.status < 400:
                return msgspec.json.decode(content, type=shape)
            problem = msgspec.json.decode(content, type=Problem)
        except DecodeFailure as error:
            raise Garbled(f"not an answer to {path}, with status {response.status}: {error}") from error
        raise Refused(problem.code, problem.detail, problem.retry, problem.details, problem.retry_after)

    async def events(self) -> AsyncIterator[Push]:
        """The messages of the channels as they come; ends when the connection does.

        When the connection came back and a channel was refused, its last message is of the type "refused" and of the
        kind "ended", and its data are the Error that says why.
        """
        while True:
            while self._events:
                yield self._events.popleft()
            if self._ended is not None:
                return
            self._arrived.clear()
            await self._arrived.wait()

    # Reconnecting

    async def _stay_connected(self) -> None:
        try:
            while self._socket is not None:
                code = await self._read(self._socket)
                self._socket = None
                await self._stop_restoring()
                nobody = self.token is None and code in (TURNED_AWAY, NOT_AUTHENTICATED)
                if not self._reconnect or code in FINAL_CLOSES or nobody:
                    self._end(Disconnected(code))
                    return
                self._socket = await self._reopen()
                self._abandoned.clear()  # a new socket answers none of them
                self._restoring = asyncio.create_task(
                    self._restore(sorted(self._pending)), name="arena client restores"
                )
        except ArenaError as error:
            self._end(error)
        except DecodeFailure as error:
            self._end(Garbled(f"not a message of the protocol: {error}"))
        finally:
            await self._stop_restoring()

    async def _stop_restoring(self) -> None:
        restoring, self._restoring = self._restoring, None
        if restoring is not None:
            restoring.cancel()
            await asyncio.wait([restoring])
            if not restoring.cancelled():
                restoring.result()

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        assert self._http is not None
        return await self._http.ws_connect(
            self.url + "/ws", protocols=(self._protocol,), heartbeat=HEARTBEAT_S, max_msg_size=0
        )

    async def _reopen(self) -> aiohttp.ClientWebSocketResponse:
        """A new socket of the same player. Raises Refused when the token is not good any more, and no other can be had
        for it."""
        wait_s, told_s, exchanged = FIRST_WAIT_S, 0.0, False
        while True:
            await asyncio.sleep(max(wait_s, told_s))
            wait_s, told_s = min(2 * wait_s, LONGEST_WAIT_S), 0.0
            try:
                async with asyncio.timeout(self._timeout_s):
                    socket = await self._open()
                    accepted = False
                    try:
                        accepted = await self._authenticates(socket)
                    finally:
                        if not accepted:
                            await socket.close()
                    if accepted:
                        self.reconnects += 1
                        return socket
            except _BROKEN:
                continue
            except Refused as refused:
                if refused.code == TOKEN_INVALID and self.token is not None and not exchanged:
                    try:
                        self.token, exchanged = await self.exchange(self.token), True
                    except Unreachable:
                        continue
                elif refused.retry == "never":
                    raise
                told_s = (refused.retry_after or 0) / 1000

    async def _authenticates(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        """Send the token again; False when the socket broke meanwhile. Raises Refused."""
        if self.token is None:
            return True
        await self._write(socket, self._codec.encode({"id": 0, "op": "auth", "args": {"token": self.token}}))
        message = await socket.receive()
        if message.type not in _MESSAGES:
            return False
        incoming = self._codec.decode(message.data, type=ServerMessage)
        if incoming.error is not None:
            raise _refusal(incoming.error)
        identity = self._codec.decode(incoming.result, type=Authenticated)
        self.keep_token(identity.expires_in if identity.player else 0)
        return True

    # The token

    async def exchange(self, token: str) -> str:
        """A new token for one that has expired lately. Raises Refused, Unreachable and Garbled."""
        return (await self.post("/api/v1/auth/renew", {"token": token}, Renewed)).token

    def keep_token(self, expires_in_s: int) -> None:
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
                renewed = (await self.request("renew", {}, Renewed)).result
            except Unanswered:
                expires_in_s /= 2
            except ArenaError:
                return  # whoever asks next is told why
            else:
                self.token, expires_in_s = renewed.token, renewed.expires_in

    async def _restore(self, unanswered: list[MessageId]) -> None:
        """Subscribe again, repeat what is not answered, and go on with what was refused of the subscriptions."""
        parts = [self.channels]
        await self._subscribe_again(parts)
        for id in unanswered:
            if id in self._pending:
                await self._send(self._pending[id].frame)
        while parts:
            await self._subscribe_again(parts)

    async def _subscribe_again(self, parts: list[list[str]]) -> None:
        """Subscribe to the last part. When it is refused, its two halves take its place: so a channel that there is no
        more takes no other along, and many that cost more than a burst of messages are asked for bit by bit."""
        part = [channel for channel in parts.pop() if channel in self.channels]
        if not part:
            return
        id = next(self._ids)
        frame = self._codec.encode({"id": id, "op": "subscribe", "args": {"channels": part}})
        try:
            await self._ask(id, frame, asyncio.get_running_loop().time() + self._timeout_s)
        except TimeoutError:
            parts.append(part)
        except Refused as refused:
            half = len(part) // 2
            if half:
                parts += [part[half:], part[:half]]
            elif refused.retry == "never":
                self._lose(part[0], refused)
            else:
                await asyncio.sleep((refused.retry_after or RETRY_AFTER_MS) / 1000)
                parts.append(part)

    def _lose(self, channel: str, refused: Refused) -> None:
        """Tell the program that the arena refuses a channel now, as the channel's last message."""
        self.channels = [kept for kept in self.channels if kept != channel]
        why = Error(refused.code, refused.message, refused.retry, refused.retry_after, refused.details or None)
        self._keep(Push(channel, 0, 0, 0, "refused", why, "ended"))

    async def _send(self, frame: bytes) -> None:
        """Send if there is a socket; what is not answered is sent again by the next one."""
        if self._socket is not None:
            try:
                await self._write(self._socket, frame)
            except _BROKEN:
                return

    async def _write(self, socket: aiohttp.ClientWebSocketResponse, frame: bytes) -> None:
        await socket.send_frame(frame, aiohttp.WSMsgType.TEXT if self._text else aiohttp.WSMsgType.BINARY)

    # Messages

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> int | None:
        """Take what comes until the socket ends; its close code."""
        async for message in socket:
            if message.type in _MESSAGES:
                self._receive(self._codec.decode(message.data, type=ServerMessage))
        return socket.close_code

    def _receive(self, incoming: ServerMessage) -> None:
        if incoming.channel:
            self._receive_event(incoming)
            return
        if incoming.id in self._abandoned:
            self._abandoned.remove(incoming.id)
            return
        asked = self._pending.get(incoming.id) if incoming.id is not None else None
        if asked is None or asked.answer.done():
            self.unexpected += not (asked and asked.answer.cancelled())
        elif incoming.error is not None:
            asked.answer.set_exception(_refusal(incoming.error))
        else:
            asked.answer.set_result(incoming)

    def _receive_event(self, incoming: ServerMessage) -> None:
        if incoming.kind == "ended":
            self.channels = [channel for channel in self.channels if channel != incoming.channel]
        shape = data_type(incoming.channel, incoming.type, Decimal) if bytes(incoming.data) not in _EMPTY else dict
        data = self._codec.decode(incoming.data, type=shape)
        self._keep(
            Push(
                incoming.channel,
                incoming.n,
                incoming.seq,
                incoming.at,
                incoming.type,
                data,
                incoming.kind,
                incoming.place,
            )
        )

    def _keep(self, event: Push) -> None:
        """For whoever reads events()."""
        if len(self._events) == EVENTS_KEPT:
            self._events.popleft()
            self.events_dropped += 1
        self._events.append(event)
        self._arrived.set()

    def _end(self, error: ArenaError) -> None:
        """Nothing more will come."""
        if self._ended is None:
            self._ended = error
        for asked in self._pending.values():
            if not asked.answer.done():
                asked.answer.set_exception(error)
        self._arrived.set()


_EMPTY: Final = (b"{}", b"\x80")


def _refusal(error: Error) -> Refused:
    return Refused(error.code, error.message, error.retry, error.details, error.retry_after)
