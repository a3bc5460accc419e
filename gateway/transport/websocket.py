"""The receiving side of a socket: the handshake, and messages to the session, in the call in which they arrive.

After the handshake the transport is read without aiohttp: what a read brings is taken apart and served at once, and a
flood waits in the kernel, not here. From the moment at which a client's own doing closes its connection, nothing more
of it is looked at.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import socket
import time
from contextlib import suppress
from typing import Final

import structlog
from aiohttp import HttpVersion11, web

from gateway.core.limits import Bucket, Buckets, Counts, retry_after_ms
from gateway.ops.dispatcher import Dispatcher
from gateway.protocol.codecs import CLOSE, CODECS, JSON, PING, PONG, TEXT, Codec, frame_of
from gateway.protocol.errors import Close, Code, Refused
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from gateway.transport.addresses import Addresses
from gateway.transport.connections import Connection, Connections
from gateway.transport.frames import NO_CODE, Frames, Violation, close_code, is_utf8
from gateway.transport.listener import Door

log = structlog.get_logger()

_ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
VERSION: Final = "13"
MOST_IGNORED_BYTES: Final = 65_536
"""That a client may send after our close frame, until it is not even read any more: what was on its way then."""


class Upgrade(web.StreamResponse):
    """101 Switching Protocols; the body that follows is frames."""

    _length_check = False


class Reader(asyncio.Protocol):
    """Takes what the transport reads, in place of aiohttp, whose protocol gets all other calls. `gone` is done when
    nothing more will come."""

    def __init__(self, http: web.RequestHandler, session: Session, connection: Connection) -> None:
        limits = session.arena.config.limits
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._http = http
        self._session = session
        self._receive = Dispatcher(session).receive
        self._connection = connection
        self._frames = Frames(limits.frame_bytes)
        self._beside_messages = Bucket(limits.messages_per_s, limits.messages_burst)
        """Of control frames and fragments, which have a limit of their own: a pong must not cost a message."""
        self._ignored_bytes = 0

    def take_over(self) -> None:
        """Take what aiohttp has read beyond the handshake, and what will be read."""
        self._http.set_parser(self)  # type: ignore[arg-type]  # it only calls feed_data and feed_eof
        if self._http.transport is not None:
            self._http.transport.set_protocol(self)

    # What aiohttp calls

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data_received(data)
        return False, b""

    def feed_eof(self) -> None:
        """The socket is closed."""
        if not self.gone.done():
            self.gone.set_result(None)

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        self._connection.seen_ns = time.monotonic_ns()
        if self._session.closed:
            self._ignored_bytes += len(data)
            if self._ignored_bytes > MOST_IGNORED_BYTES:
                self._frames.stop()
                self._connection.pause_reading()
        if self._frames.stopped:
            return
        try:
            self._frames.feed(data, self)
        except Violation as violation:
            self._close(violation.code, violation.reason)

    def eof_received(self) -> None:
        self._http.eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._http.connection_lost(exc)

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()

    # What frames bring

    def take_message(self, opcode: int, payload: bytes) -> None:
        session = self._session
        if session.closed:
            return
        if opcode != session.codec.opcode:
            self._close(Close.UNSUPPORTED_DATA, f"{session.codec.name} was agreed on")
        elif opcode == TEXT and not is_utf8(payload):
            self._close(Close.INVALID_TEXT, "text must be UTF-8")
        else:
            try:
                self._receive(payload, self._connection.seen_ns)
            except Exception:
                log.exception("a message made the server fail", player=session.player)
                self._close(Close.INTERNAL_ERROR, "internal error")
            if session.closed:
                self._frames.stop()

    def take_control(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            code = close_code(payload)
            self._close(Close.NORMAL if code == NO_CODE else code, "")
            self._connection.finish()
        elif self._may_go_on() and opcode == PING:
            self._connection.send(frame_of(PONG, payload))

    def take_fragment(self) -> None:
        self._may_go_on()

    def _may_go_on(self) -> bool:
        """Count a frame that is no message of its own; close when there are too many."""
        if not self._beside_messages.take(self._connection.seen_ns):
            return True
        self._close(Close.TOO_MANY_REQUESTS, "too many control frames or fragments")
        return False

    def _close(self, code: int, reason: str) -> None:
        """Close for what the client has sent, of which nothing more is looked at."""
        self._frames.stop()
        self._session.close(code, reason)


class Sockets:
    """The handler of /ws."""

    def __init__(self, arena: Arena, connections: Connections, addresses: Addresses) -> None:
        limits = arena.config.limits
        self._arena = arena
        self._connections = connections
        self._addresses = addresses
        self._open = Counts(limits.connections_per_address)
        per_minute = limits.handshakes_per_address_per_minute
        self._handshakes = Buckets(per_minute, per_minute, per_s=60)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One socket, from handshake to end. Raises Refused."""
        server = self._arena.config.server
        if not origin_allowed(request, server.allowed_origins, server.development):
            raise Refused(Code.ORIGIN_FORBIDDEN)
        address = self._addresses.of(request)
        limited = not self._addresses.is_exempt(address)
        if limited:
            now_ns = time.monotonic_ns()
            wait_ns = self._handshakes.of(address, now_ns).take(now_ns)
            if wait_ns:
                raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns))
        response = _accepted(request)
        codec = _codec_of(request)
        if codec is not None:
            response.headers["Sec-WebSocket-Protocol"] = codec.name
        await response.prepare(request)
        if request.transport is None:
            return response

        connection = Connection(request.transport, self._connections)
        session = Session(self._arena, codec or JSON, connection, address)
        counted = limited and self._open.enter(address)
        try:
            if limited and not counted:
                session.close(Close.TOO_MANY_REQUESTS, "too many connections of this address")
            elif self._arena.sequencer.is_overloaded():
                session.close(Close.OVERLOADED, "overloaded: come back later")
            _limit_send_buffer(request.transport, self._arena.config.limits.send_buffer_bytes)
            await self._read(request, session, connection)
        finally:
            if counted:
                self._open.leave(address)
        return response

    async def _read(self, request: web.Request, session: Session, connection: Connection) -> None:
        reader = Reader(request.protocol, session, connection)
        connection.session = session
        self._connections.open.add(connection)
        try:
            request.protocol.keep_alive(False)
            if isinstance(request.protocol, Door):
                request.protocol.upgraded()
            reader.take_over()
            await reader.gone
        finally:
            session.ended()
            self._connections.gone(connection)


def _accepted(request: web.Request) -> Upgrade:
    """The answer to a handshake. Raises Refused when it is none."""
    headers = request.headers
    if headers.get("Sec-WebSocket-Version") not in (None, VERSION):
        raise Refused(Code.HANDSHAKE_VERSION)
    keys = headers.getall("Sec-WebSocket-Key", [])
    try:
        proper = [len(base64.b64decode(key, validate=True)) for key in keys] == [16]
    except (binascii.Error, ValueError):
        proper = False
    proper = proper and request.method == "GET" and request.version >= HttpVersion11 and "Host" in headers
    for header, token in (("Upgrade", "websocket"), ("Connection", "upgrade")):
        proper = proper and token in (found.lower() for found in _tokens(request, header))
    if not proper or "Sec-WebSocket-Version" not in headers:
        raise Refused(Code.HANDSHAKE_INVALID)
    digest = hashlib.sha1(keys[0].encode() + _ACCEPT_GUID, usedforsecurity=False).digest()
    response = Upgrade(status=101, headers={"Upgrade": "websocket", "Connection": "upgrade"})
    response.headers["Sec-WebSocket-Accept"] = base64.b64encode(digest).decode()
    response.force_close()
    return response


def _tokens(request: web.Request, header: str) -> list[str]:
    """What a header lists, on all its lines."""
    return [token.strip() for token in ",".join(request.headers.getall(header, ())).split(",")]


def _codec_of(request: web.Request) -> Codec | None:
    """The first subprotocol asked for that we speak; None when none was asked for, or none of ours."""
    return next((CODECS[name] for name in _tokens(request, "Sec-WebSocket-Protocol") if name in CODECS), None)


def origin_allowed(request: web.BaseRequest, allowed: tuple[str, ...], development: bool) -> bool:
    """May a page of this origin talk to us? Clients that are no browsers send none."""
    origin = request.headers.get("Origin")
    if origin is None or origin in allowed:
        return True
    return not allowed and (development or origin.partition("://")[2] == request.host)


def _limit_send_buffer(transport: asyncio.Transport, size: int) -> None:
    found = transport.get_extra_info("socket")
    if found is not None:
        with suppress(OSError):  # the client is gone already; then nothing will be sent
            found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
