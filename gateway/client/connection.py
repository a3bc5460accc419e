"""A player's connection that stays up: requests, their replies, and events.

When the socket breaks, a new one authenticates, resumes the channels, and repeats what is not answered: with its key,
so that a request sent twice does not act twice. What the arena refuses for now is asked for again when it says so. The
program is told of each change, and nothing ends silently: who waits for a reply or an event gets it, or an ArenaError.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, Self, TypeVar

import aiohttp
import msgspec

from gateway.client.credentials import Credentials
from gateway.client.errors import ArenaError, Disconnected, Failed, Garbled, Refused, Unanswered, Unreachable
from gateway.client.states import Change, State
from gateway.client.subscriptions import Subscriptions
from gateway.client.web import BROKEN, Patience, Web, retry_after_s
from gateway.protocol.codecs import DecodeFailure
from gateway.protocol.envelopes import Push, Reply, ServerMessage
from gateway.protocol.errors import FINAL_CLOSES, RETRY_AFTER_MS, Close, Error
from gateway.protocol.events import data_type
from gateway.protocol.scalars import MessageId
from gateway.protocol.session import Authenticated, Resumed

T = TypeVar("T")
Encoding = Literal["json", "msgpack"]

EVENTS_KEPT: Final = 10_000
"""Events that wait to be read; when more come, the oldest are dropped and counted."""

FIRST_WAIT_S: Final = 0.05
LONGEST_WAIT_S: Final = 2.0
"""Between two attempts to come back: the wait doubles from the first to the longest, less up to a half by chance, so
that not all come back at once when an arena has restarted. It begins anew when a connection has lasted."""
LASTED_S: Final = 5.0
MOST_DOUBLED: Final = 16

TURNED_AWAY: Final = Close.TOO_MANY_REQUESTS
"""Too many connections or messages. To come back at once is of no use to somebody who is not a player yet."""

TOKEN_INVALID: Final = "TOKEN_INVALID"
TICKET: Final = "tk_"
"""What a one-time ticket begins with."""

_MESSAGES: Final = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


class _Pending(NamedTuple):
    """A request without a reply."""

    frame: bytes
    answer: asyncio.Future[ServerMessage]


class Connection:
    """See the module. Plain attributes: `state`, `reconnects`, `events_dropped`."""

    def __init__(
        self,
        url: str,
        encoding: Encoding,
        reconnect: bool,
        retry: bool,
        timeout_s: float,
        on_state: Callable[[Change], None] | None = None,
    ) -> None:
        """`on_state` is called with each change of the connection, from the event loop; it must not wait."""
        self.url = ("http" + url[2:] if url.startswith("ws") else url).rstrip("/")
        self.state: State | None = None
        self.subscriptions = Subscriptions()
        """Which a new socket takes over."""
        self._session = ""
        """Of this socket."""
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
        self._on_state = on_state
        self._attempts = 0
        """To come back, since a connection has lasted."""
        self._timeout_s = timeout_s
        self._ids = itertools.count(1)
        self._pending: dict[MessageId, _Pending] = {}
        self._events: deque[Push] = deque()
        self._arrived = asyncio.Event()
        self._ended: ArenaError | None = None
        self._closed = False
        """By the program."""
        self._patience = Patience(retry)
        self.web = Web(self.url, self._patience, timeout_s)
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._restoring: asyncio.Task[None] | None = None
        self.credentials = Credentials(self.web, self.request)

    @property
    def token(self) -> str | None:
        """What a new socket shows. Keep it for the next time: it changes while we are connected."""
        return self.credentials.token

    @property
    def refresh_token(self) -> str | None:
        """Of an account: good once, it brings the next token. Keep it for the next time: it changes too."""
        return self.credentials.refresh_token

    @property
    def channels(self) -> list[str]:
        """What is listened to."""
        return self.subscriptions.channels

    async def __aenter__(self) -> Self:
        """Connect. Raises Unreachable."""
        self.web.open()
        try:
            async with asyncio.timeout(self._timeout_s):
                self._socket = await self.web.socket(self._protocol)
        except BROKEN as error:
            await self.web.close()
            raise Unreachable(f"no arena at {self.url}: {error}") from error
        self._changed(Change(State.CONNECTED))
        self._reader = asyncio.create_task(self._stay_connected(), name="arena client")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave. What still waits for a reply gets Disconnected."""
        await self.credentials.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        self._end(Disconnected(None), asked=True)
        if self._socket is not None:
            await self._socket.close()
        await self.web.close()

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
                await self._patience.wait_for(refused, ends_s)
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

    async def events(self) -> AsyncIterator[Push]:
        """The messages of the channels as they come. Ends when the program closes the connection; raises the ArenaError
        that ended it otherwise.

        When the connection came back and a channel was refused, its last message is of the type "refused" and of the
        kind "ended", and its data are the Error that says why.
        """
        while True:
            while self._events:
                yield self._events.popleft()
            if self._ended is not None:
                if self._closed:
                    return
                raise self._ended
            self._arrived.clear()
            await self._arrived.wait()

    # Reconnecting

    async def _stay_connected(self) -> None:
        try:
            while self._socket is not None:
                begun_s = asyncio.get_running_loop().time()
                code = await self._read(self._socket)
                self._socket = None
                await self._stop_restoring()
                if asyncio.get_running_loop().time() - begun_s > LASTED_S:
                    self._attempts = 0
                nobody = self.token is None and code in (TURNED_AWAY, Close.NOT_AUTHENTICATED)
                if not self._reconnect or code in FINAL_CLOSES or nobody:
                    self._end(Disconnected(code))
                    return
                self._changed(Change(State.LOST, Disconnected(code)))
                self._socket = await self._reopen()
                self._changed(Change(State.CONNECTED))
                self._abandoned.clear()  # a new socket answers none of them
                self._restoring = asyncio.create_task(
                    self._restore(sorted(self._pending)), name="arena client restores"
                )
        except ArenaError as error:
            self._end(error)
        except DecodeFailure as error:
            self._end(Garbled(f"not a message of the protocol: {error}"))
        except Exception as error:
            failed = Failed(f"the client has failed: {error!r}")
            failed.__cause__ = error
            self._end(failed)
            raise
        finally:
            await self._stop_restoring()

    async def _stop_restoring(self) -> None:
        restoring, self._restoring = self._restoring, None
        if restoring is not None:
            restoring.cancel()
            await asyncio.wait([restoring])
            if not restoring.cancelled():
                restoring.result()

    async def _reopen(self) -> aiohttp.ClientWebSocketResponse:
        """A new socket of the same player. Raises Refused when the token is not good any more, and no other can be had
        for it."""
        told_s, exchanged = 0.0, False
        while True:
            wait_s = min(FIRST_WAIT_S * 2**self._attempts, LONGEST_WAIT_S)
            await asyncio.sleep(max(random.uniform(wait_s / 2, wait_s), told_s))
            self._attempts, told_s = min(self._attempts + 1, MOST_DOUBLED), 0.0
            try:
                async with asyncio.timeout(self._timeout_s):
                    socket = await self.web.socket(self._protocol)
                    accepted = False
                    try:
                        accepted = await self._authenticates(socket)
                    finally:
                        if not accepted:
                            await socket.close()
                    if accepted:
                        self.reconnects += 1
                        return socket
            except aiohttp.WSServerHandshakeError as refusal:
                told_s = retry_after_s(refusal)
            except BROKEN:
                continue
            except Refused as refused:
                if refused.code == TOKEN_INVALID and self.token is not None and not exchanged:
                    try:
                        self.credentials.token, exchanged = await self.credentials.exchange(self.token), True
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
            raise Refused.by(incoming.error)
        identity = self._codec.decode(incoming.result, type=Authenticated)
        self.took(identity)
        return True

    def took(self, identity: Authenticated) -> None:
        """The arena knows the token, which is renewed from now on; an operator's without account is not."""
        self._session = identity.session
        is_renewed = identity.player or self.refresh_token is not None
        self.credentials.keep(identity.expires_in if is_renewed else 0)

    async def _restore(self, unanswered: list[MessageId]) -> None:
        """Resume the channels, repeat what is not answered, and go on with what was refused of the channels."""
        try:
            self.subscriptions.begin_again()
            await self._listen_again()
            await self._listen_again()
            for id in unanswered:
                if id in self._pending:
                    await self._send(self._pending[id].frame)
            while await self._listen_again():
                pass
        except ArenaError:
            return  # the connection has ended, and whoever waits has been told
        except DecodeFailure as error:
            self._end(Garbled(f"not an answer to a subscription: {error}"))
            return
        self.subscriptions.session = self._session
        if self._socket is not None:
            self._changed(Change(State.RESUMED, channels=dict(self.subscriptions.restored)))

    async def _listen_again(self) -> bool:
        """Ask for the next channels on the new socket; False when there are none left. A channel that is refused for
        good takes no other along, and many that cost more than a burst of messages are asked for bit by bit."""
        subscriptions = self.subscriptions
        request = subscriptions.next_request()
        if request is None:
            return False
        op, args, part = request
        id = next(self._ids)
        frame = self._codec.encode({"id": id, "op": op, "args": args})
        try:
            incoming = await self._ask(id, frame, asyncio.get_running_loop().time() + self._timeout_s)
        except TimeoutError:
            subscriptions.again(part)
        except Refused as refused:
            lost = subscriptions.refused(part, refused)
            if lost is not None:
                self._tell_lost(lost, refused)
            elif refused.retry != "never":
                await asyncio.sleep((refused.retry_after or RETRY_AFTER_MS) / 1000)
        else:
            if op == "resume":
                subscriptions.restored |= self._codec.decode(incoming.result, type=Resumed).channels
            else:
                subscriptions.restored |= dict.fromkeys(part, "reset")
        return True

    def _tell_lost(self, channel: str, refused: Refused) -> None:
        """Tell the program that the arena refuses a channel now, as the channel's last message."""
        why = Error(refused.code, refused.message, refused.retry, refused.retry_after, refused.details or None)
        self._keep(Push(channel, 0, 0, 0, "refused", why, "ended"))

    async def _send(self, frame: bytes) -> None:
        """Send if there is a socket; what is not answered is sent again by the next one."""
        if self._socket is not None:
            try:
                await self._write(self._socket, frame)
            except BROKEN:
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
            asked.answer.set_exception(Refused.by(incoming.error))
        else:
            asked.answer.set_result(incoming)

    def _receive_event(self, incoming: ServerMessage) -> None:
        if not self.subscriptions.took(incoming):
            return
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

    def _end(self, error: ArenaError, asked: bool = False) -> None:
        """Nothing more will come; `asked`: because the program wants it so."""
        if self._ended is None:
            self._ended, self._closed = error, asked
            self._changed(Change(State.ENDED, None if asked else error))
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(self._ended)
        self._arrived.set()

    def _changed(self, change: Change) -> None:
        self.state = change.state
        if self._on_state is not None:
            self._on_state(change)


_EMPTY: Final = (b"{}", b"\x80")
