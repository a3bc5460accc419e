"""The sending side of every socket: one write per connection and flush, and nobody waits for a client.

A reader is slow while more than `slow_bytes` are unsent. Then market messages are held back (the
latest of each channel), and when it has not caught up within `slow_patience_s`, or `hard_bytes` pile up, it is cut.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

from engine.model.scale import NS_PER_S
from gateway.channels.fanout import Channel, Subscriber
from gateway.channels.message import Message
from gateway.core.config import Limits
from gateway.protocol.codecs import PING, close_frame, frame_of
from gateway.protocol.errors import Close

SWEEP_EVERY_S: Final = 0.25
CLOSE_GRACE_S: Final = 0.5
"""From our close frame until the socket is cut, if the client does not answer it."""

_PING: Final = frame_of(PING, b"")


class ClientSession(Protocol):
    """What a connection has to know of its session."""

    @property
    def role(self) -> str: ...

    def is_idle(self) -> bool: ...

    def is_revoked(self) -> bool: ...

    def is_disabled(self) -> bool: ...

    def close(self, code: int, reason: str) -> None: ...


class Connection:
    """One socket's sending side: the outlet of its session."""

    __slots__ = (
        "_connections",
        "_held",
        "_out",
        "_transport",
        "closing",
        "opened_ns",
        "pinged_ns",
        "seen_ns",
        "session",
        "slow",
        "slow_since_ns",
    )

    def __init__(self, transport: asyncio.Transport, connections: Connections) -> None:
        self.session: ClientSession | None = None
        self.slow = False
        self.slow_since_ns = 0
        self.closing = False
        self.opened_ns = self.seen_ns = self.pinged_ns = time.monotonic_ns()
        self._transport = transport
        self._connections = connections
        self._out: list[bytes] = []
        self._held: dict[Channel, tuple[Subscriber, Message]] = {}

    def send(self, frame: bytes) -> None:
        """Queue a frame for the next flush."""
        if self.closing:
            return
        if not self._out:
            self._connections.has_output(self)
        self._out.append(frame)

    def hold(self, channel: Channel, subscriber: Subscriber, message: Message) -> None:
        """Keep the channel's latest message until the reader has caught up."""
        self._held[channel] = (subscriber, message)

    def let_go(self, channel: Channel) -> None:
        """Keep nothing of the channel any more."""
        self._held.pop(channel, None)

    def close(self, code: int, reason: str) -> None:
        """Send what is queued and a close frame; cut the socket if the client does not answer that."""
        if self.closing:
            return
        self._out.append(close_frame(code, reason))
        self.flush()
        self.closing = True
        self._connections.closes(self)

    def flush(self) -> None:
        """Write all queued frames at once."""
        out = self._out
        if not out:
            return
        transport = self._transport
        unsent = transport.get_write_buffer_size()
        if unsent > self._connections.slow_bytes:
            self._is_behind(unsent)
        if not transport.is_closing():
            transport.write(out[0] if len(out) == 1 else b"".join(out))
        out.clear()

    def unsent_bytes(self) -> int:
        return self._transport.get_write_buffer_size()

    def release(self) -> None:
        """The reader has caught up: send what was held back."""
        self.slow = False
        held, self._held = self._held, {}
        for channel, (subscriber, message) in held.items():
            channel.send_held(subscriber, message)

    def abort(self) -> None:
        """Cut the socket; what is unsent is lost."""
        self._transport.abort()

    def pause_reading(self) -> None:
        """Leave in the kernel what else comes: it is of no interest, and the connection is about to end."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def finish(self) -> None:
        """Close the socket when what is queued has been sent."""
        self.closing = True
        self._transport.close()

    def _is_behind(self, unsent: int) -> None:
        if not self.slow:
            self.slow = True
            self.slow_since_ns = time.monotonic_ns()
            self._connections.slow.add(self)
        if unsent > self._connections.hard_bytes and not self.closing:
            self._connections.too_slow.add(self)


class Connections:
    """All sockets: flushes those that have output, and sweeps for the slow, the silent and the unknown."""

    def __init__(self, limits: Limits) -> None:
        self.open: set[Connection] = set()
        self.slow: set[Connection] = set()
        self.too_slow: set[Connection] = set()
        self.slow_bytes = limits.slow_bytes
        self.hard_bytes = limits.hard_bytes
        self.cut = 0
        """Connections closed for being slow."""
        self._patience_ns = int(limits.slow_patience_s * NS_PER_S)
        self._auth_ns = int(limits.auth_within_s * NS_PER_S)
        self._ping_ns = int(limits.ping_every_s * NS_PER_S)
        self._silence_ns = int(limits.silence_s * NS_PER_S)
        self._ready: list[Connection] = []
        self._loop = asyncio.get_running_loop()

    def has_output(self, connection: Connection) -> None:
        """Flush it soon; a batch that is done flushes at once."""
        if not self._ready:
            self._loop.call_soon(self.flush)
        self._ready.append(connection)

    def flush(self) -> None:
        """Write what is queued for every connection, then cut those that are hopelessly behind."""
        ready, self._ready = self._ready, []
        for connection in ready:
            connection.flush()
        while self.too_slow:
            self._cut(self.too_slow.pop())

    def closes(self, connection: Connection) -> None:
        """A close frame is on its way: give the client a moment to answer."""
        self._loop.call_later(CLOSE_GRACE_S, connection.abort)

    def gone(self, connection: Connection) -> None:
        """The socket is closed. Nothing of the session is kept: a circle would wait for the garbage collector."""
        connection.closing = True
        connection.session = None
        for group in (self.open, self.slow, self.too_slow):
            group.discard(connection)

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.sweep(time.monotonic_ns())

    def sweep(self, now_ns: int) -> None:
        """Release or cut slow readers; ping, and close what is silent, unknown or revoked. A microsecond each."""
        for connection in list(self.slow):
            if connection.unsent_bytes() <= self.slow_bytes // 2:
                self.slow.discard(connection)
                connection.release()
            elif now_ns - connection.slow_since_ns > self._patience_ns:
                self._cut(connection)
        for connection in list(self.open):
            if connection.closing or connection.session is None:
                continue
            if now_ns - connection.seen_ns > self._silence_ns:
                connection.session.close(Close.GOING_AWAY, "no sign of life")
            elif now_ns - connection.opened_ns > self._auth_ns and connection.session.is_idle():
                connection.session.close(Close.NOT_AUTHENTICATED, "not authenticated in time")
            elif connection.session.is_disabled():
                connection.session.close(Close.FORBIDDEN, "the account is disabled")
            elif connection.session.is_revoked():
                connection.session.close(Close.NOT_AUTHENTICATED, "the token is not valid any more")
            elif now_ns - connection.pinged_ns > self._ping_ns:
                connection.pinged_ns = now_ns
                connection.send(_PING)

    def close_all(self, code: int, reason: str) -> None:
        """Close all sessions."""
        for connection in list(self.open):
            if connection.session is not None:
                connection.session.close(code, reason)

    def _cut(self, connection: Connection) -> None:
        self.slow.discard(connection)
        if connection.closing:
            return
        self.cut += 1
        if connection.session is not None:
            connection.session.close(Close.TOO_SLOW, "too slow")
