"""The receiving side of a socket: the handshake, and frames to the session, in the call in which they arrive.

aiohttp's compiled frame parser is used without its queue and its coroutine: it feeds `Reader`, which hands each whole
message to the session at once. That halves the cost of a message, and a flood waits in the kernel, not here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import socket
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from aiohttp import WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue
from aiohttp.http import WebSocketError, WebSocketReader

from gateway.core.limits import Counts
from gateway.ops.dispatcher import Dispatcher
from gateway.protocol.codecs import CODECS, JSON, PONG, Codec, frame_of
from gateway.protocol.errors import Code
from gateway.sessions.arena import Arena
from gateway.sessions.session import TOO_MANY_REQUESTS, Session
from gateway.transport.connections import Connection, Connections

log = structlog.get_logger()

_ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
UNSUPPORTED_DATA: Final = 1003
INVALID_TEXT: Final = 1007
INTERNAL_ERROR: Final = 1011
NO_CODE: Final = 1005
READ_LIMIT: Final = 65_536


class Upgrade(web.StreamResponse):
    """101 Switching Protocols; the body that follows is frames."""

    _length_check = False


class Reader(WebSocketDataQueue):  # type: ignore[misc]  # compiled
    """Takes what the frame parser finds; `gone` is done when nothing more will come."""

    def __init__(self, protocol: Any, session: Session, connection: Connection, most_bytes: int) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(protocol, READ_LIMIT, loop=loop)
        self.gone: asyncio.Future[None] = loop.create_future()
        self._session = session
        self._receive = Dispatcher(session).receive
        self._connection = connection
        self._kind = WSMsgType(session.codec.opcode)
        self._is_text = self._kind is WSMsgType.TEXT
        self.parser = Parser(WebSocketReader(self, most_bytes + 1, compress=False, decode_text=False), self)

    def feed_data(self, message: Any, size: int) -> None:
        """A whole message or control frame, from the parser."""
        kind, data, _ = message
        now_ns = self._connection.seen_ns = time.monotonic_ns()
        if kind is self._kind:
            if self._is_text and not _is_utf8(data):
                self._session.close(INVALID_TEXT, "text must be UTF-8")
                return
            try:
                self._receive(data, now_ns)
            except Exception:
                log.exception("a message made the server fail", player=self._session.player)
                self._session.close(INTERNAL_ERROR, "internal error")
        elif kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
            self._session.close(UNSUPPORTED_DATA, f"{self._session.codec.name} was agreed on")
        elif kind is WSMsgType.PING:
            self._connection.send(frame_of(PONG, bytes(data)))
        elif kind is WSMsgType.CLOSE:
            if not self._session.closed:
                self._session.close(data if data and data != NO_CODE else 1000, "")
            self._connection.finish()
            self.parser.ignore()

    def set_exception(self, error: BaseException, cause: Any = None) -> None:
        """The parser failed: the frames violate RFC 6455, or are too big."""
        self.parser.ignore()
        code = error.code if isinstance(error, WebSocketError) else INTERNAL_ERROR
        self._session.close(int(code), str(error))

    def feed_eof(self) -> None:
        """The socket is closed."""
        if not self.gone.done():
            self.gone.set_result(None)


class Parser(asyncio.Protocol):
    """The frame parser, as aiohttp's protocol wants it; and, from `take_over` on, in that protocol's place: what is
    read comes here at once, and all other calls are passed on to aiohttp."""

    def __init__(self, frames: WebSocketReader, reader: Reader) -> None:
        self.feed_data: Callable[[bytes], tuple[bool, bytes]] = frames.feed_data
        self.feed_eof = reader.feed_eof

    def take_over(self, http: web.RequestHandler) -> None:
        """Let `http`, which has read the handshake, hand over what it has read beyond, and its transport."""
        self._http = http
        http.set_parser(self)  # type: ignore[arg-type]  # it only calls the two above
        if http.transport is not None:
            http.transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        self.feed_data(data)

    def eof_received(self) -> None:
        self._http.eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._http.connection_lost(exc)

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()

    def ignore(self) -> None:
        """Whatever else comes is of no interest: the connection is being closed."""
        self.feed_data = _ignored


def _ignored(data: bytes) -> tuple[bool, bytes]:
    return False, b""


class Sockets:
    """The handler of /ws."""

    def __init__(self, arena: Arena, connections: Connections) -> None:
        self._arena = arena
        self._connections = connections
        self._addresses = Counts(arena.config.limits.connections_per_address)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One socket, from handshake to end."""
        server = self._arena.config.server
        if not origin_allowed(request, server.allowed_origins, server.development):
            return web.json_response({"code": Code.ORIGIN_FORBIDDEN.name}, status=403)
        accept = _accept_key(request)
        if accept is None:
            return web.Response(status=400, text="not a WebSocket handshake of version 13\n")
        codec = _codec_of(request)
        response = Upgrade(status=101, headers={"Upgrade": "websocket", "Connection": "upgrade"})
        response.headers["Sec-WebSocket-Accept"] = accept
        if codec is not None:
            response.headers["Sec-WebSocket-Protocol"] = codec.name
        response.force_close()
        await response.prepare(request)
        if request.transport is None:
            return response

        connection = Connection(request.transport, self._connections)
        address = address_of(request, server.trusted_proxies)
        session = Session(self._arena, codec or JSON, connection, address)
        limited = self._arena.limits_address(address)
        counted = limited and self._addresses.enter(address)
        if limited and not counted:
            session.close(TOO_MANY_REQUESTS, "too many connections of this address")
        _limit_send_buffer(request.transport, self._arena.config.limits.send_buffer_bytes)
        await self._read(request, session, connection)
        if counted:
            self._addresses.leave(address)
        return response

    async def _read(self, request: web.Request, session: Session, connection: Connection) -> None:
        reader = Reader(request.protocol, session, connection, self._arena.config.limits.frame_bytes)
        connection.session = session
        self._connections.open.add(connection)
        try:
            request.protocol.keep_alive(False)
            reader.parser.take_over(request.protocol)
            await reader.gone
        finally:
            session.ended()
            self._connections.gone(connection)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _accept_key(request: web.Request) -> str | None:
    """The answer to the handshake's key; None when it is not a proper handshake."""
    key = request.headers.get("Sec-WebSocket-Key", "")
    try:
        proper = len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return None
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    connection = "upgrade" in request.headers.get("Connection", "").lower()
    if not (proper and upgrade and connection and request.headers.get("Sec-WebSocket-Version") == "13"):
        return None
    return base64.b64encode(hashlib.sha1(key.encode() + _ACCEPT_GUID, usedforsecurity=False).digest()).decode()


def _codec_of(request: web.Request) -> Codec | None:
    """The first subprotocol asked for that we speak; None when none was asked for, or none of ours."""
    asked = (name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(","))
    return next((CODECS[name] for name in asked if name in CODECS), None)


def origin_allowed(request: web.BaseRequest, allowed: tuple[str, ...], development: bool) -> bool:
    """May a page of this origin talk to us? Clients that are no browsers send none."""
    origin = request.headers.get("Origin")
    if origin is None or origin in allowed:
        return True
    return not allowed and (development or urlsplit(origin).netloc == request.host)


def address_of(request: web.BaseRequest, trusted_proxies: tuple[str, ...]) -> str:
    """The client's address: the last one in X-Forwarded-For that is not a trusted proxy, if a trusted proxy says it."""
    address = request.remote or ""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    while address in trusted_proxies and hops:
        address = hops.pop()
    return address


def _limit_send_buffer(transport: asyncio.Transport, size: int) -> None:
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
