"""The port: TCP connections are taken one at a time, as many as there is room for, and those that bring nothing end.

A connection is bare until it has become a WebSocket. A bare one has a few seconds for each request, from its first byte
to the last one of the answer, and an address has only so many. Trusted proxies and operators, who keep connections
open to use them again, have minutes and as many as they like. Descriptors are kept back for the log, snapshots, the
feed and operators: when the others are used up, the bare connection that is silent for longest makes room.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from collections import Counter
from typing import Any, Final, cast

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from engine.model.scale import NS_PER_S
from gateway.core.config import Limits
from gateway.core.limits import Buckets
from gateway.protocol.errors import Code, error_of, problem_of
from gateway.transport.addresses import Addresses, owner_of, parsed_address

KEPT_DESCRIPTORS: Final = 128
"""For all that is no connection of a client."""
MOST_OF_OPERATORS: Final = 32
"""Connections to a port for operators, out of those descriptors."""
WANTED_DESCRIPTORS: Final = 65_536
BACKLOG: Final = 1_024
"""Connections that wait in the kernel: they cost no descriptors."""
LINGER_S: Final = 1.0
"""How long the rest of a body is read that nobody wanted, before the connection is closed."""
KEEP_ALIVE_S: Final = 3_600.0
"""Of aiohttp's own timer, which is longer than ours: ours sees more."""
KEPT_OPEN_S: Final = 180.0
"""How long proxies and operators may be silent. Most proxies give up what they do not use after one or two minutes: if
we did so first, a request could meet the close."""
NO_DESCRIPTORS_WAIT_S: Final = 0.1
SWEEP_EVERY_S: Final = 0.25


class Door(web.RequestHandler):
    """aiohttp's end of one connection, which may be silent for `patience_ns`. `owner` is whose it counts for; None: for
    nobody."""

    def __init__(
        self, listener: Listener, patience_ns: int, owner: str | None, server: web.Server, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self.patience_ns = patience_ns
        self.owner = owner
        self.seen_ns = time.monotonic_ns()
        """When it was opened, or its last request came."""
        self._listener = listener
        self._tcp: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._tcp = cast(asyncio.Transport, transport)
        self._listener.opened(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._listener.closed(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP, or has too long a line, never comes to be a request: it is told so as all errors are."""
        answer = super().handle_error(request, status, exc, message)
        if not isinstance(exc, HttpProcessingError):
            return answer
        error = error_of(Code.BAD_MESSAGE, problem="it is no HTTP, or its address or a header is too long")
        body = msgspec.json.encode(problem_of(error, status))
        problem = web.Response(body=body, status=status, content_type="application/problem+json")
        problem.force_close()
        return problem

    def requested(self) -> None:
        """A request has come, and has its time from now."""
        self.seen_ns = time.monotonic_ns()
        self._listener.requested(self)

    def upgraded(self) -> None:
        """It is a WebSocket from now on."""
        self._listener.upgraded(self)

    def abort(self) -> None:
        """Cut it; what is unsent is lost."""
        if self._tcp is not None:
            self._tcp.abort()


class Listener:
    """One port, and the connections to it. Without `addresses` nobody is limited: such a port is for operators."""

    def __init__(self, server: web.Server, limits: Limits, addresses: Addresses | None, most: int) -> None:
        per_s = limits.requests_per_address_per_s
        self.open: set[Door] = set()
        self.bare: dict[Door, None] = {}
        """The longest silent first."""
        self.turned_away = 0
        """Connections that were closed without a word, and bare ones that were ended."""
        self.port = 0
        self._server = server
        self._addresses = addresses
        self._most = most
        self._most_bare = limits.bare_connections_per_address
        self._patience_ns = int(limits.request_within_s * NS_PER_S)
        self._patience_with_trusted_ns = max(self._patience_ns, int(KEPT_OPEN_S * NS_PER_S))
        self._of_owner: Counter[str] = Counter()
        self._arrivals = Buckets(per_s, per_s)
        self._sockets: list[socket.socket] = []

    async def listen(self, host: str, port: int) -> None:
        """Listen on all addresses of that name. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            listening = socket.create_server(address[:2], family=family, backlog=BACKLOG)
            listening.setblocking(False)
            self._sockets.append(listening)
        self.port = self._sockets[0].getsockname()[1]

    async def run(self) -> None:
        """Take connections, and end bare ones whose time is over, until cancelled. Who comes afterwards waits in the
        kernel, until it is called again or `close` is."""
        async with asyncio.TaskGroup() as tasks:
            for listening in self._sockets:
                tasks.create_task(self._accept_all(listening), name="accept")
            while True:
                await asyncio.sleep(SWEEP_EVERY_S)
                self.sweep(time.monotonic_ns())

    def close(self) -> None:
        """Listen no more."""
        for listening in self._sockets:
            listening.close()

    def sweep(self, now_ns: int) -> None:
        """End the bare connections whose time is over."""
        for door in list(self.bare):
            silent_ns = now_ns - door.seen_ns
            if silent_ns <= self._patience_ns:
                return
            if silent_ns > door.patience_ns:
                self._end(door)

    # What doors tell

    def opened(self, door: Door) -> None:
        self.open.add(door)
        self.bare[door] = None
        if door.owner is not None:
            self._of_owner[door.owner] += 1

    def requested(self, door: Door) -> None:
        if door in self.bare:
            del self.bare[door]
            self.bare[door] = None

    def upgraded(self, door: Door) -> None:
        self.bare.pop(door, None)
        if door.owner is not None:
            self._of_owner[door.owner] -= 1
            if not self._of_owner[door.owner]:
                del self._of_owner[door.owner]
            door.owner = None

    def closed(self, door: Door) -> None:
        self.open.discard(door)
        self.upgraded(door)

    # Who comes in

    async def _accept_all(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError:
                # The client has gone already; or there are no descriptors, in spite of those that are kept back.
                await asyncio.sleep(NO_DESCRIPTORS_WAIT_S)
                continue
            await self._take(connection, str(peer[0]))
            # One at a time, and in between it is others' turn: however many come, they delay nobody by more than one.
            await asyncio.sleep(0)

    async def _take(self, connection: socket.socket, peer: str) -> None:
        addresses = self._addresses
        owner: str | None = None
        patience_ns = self._patience_with_trusted_ns
        if addresses is not None and not addresses.is_proxy(peer):
            patience_ns = self._patience_ns
            address = owner_of(parsed_address(peer))
            owner = None if addresses.is_exempt(address) else address
        if not self._has_room_for(owner):
            self.turned_away += 1
            connection.close()
            return
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {
            "loop": loop,
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": KEEP_ALIVE_S,
            "lingering_time": LINGER_S,
            "logger": HTTP_LOG,
        }

        def door() -> Door:
            return Door(self, patience_ns, owner, self._server, **options)

        try:
            await loop.connect_accepted_socket(door, connection)
        except OSError:  # the client has gone already
            connection.close()

    def _has_room_for(self, owner: str | None) -> bool:
        """Is there room for one more connection of this owner?"""
        if owner is not None:
            now_ns = time.monotonic_ns()
            if self._of_owner[owner] >= self._most_bare or self._arrivals.of(owner, now_ns).take(now_ns):
                return False
        if len(self.open) >= self._most:
            longest_silent = next(iter(self.bare), None)
            if longest_silent is None:
                return False
            self._end(longest_silent)
        return True

    def _end(self, door: Door) -> None:
        self.turned_away += 1
        door.abort()
        self.upgraded(door)


def most_connections() -> int:
    """How many connections there may be at once. Raises the limit of descriptors as far as it may be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(WANTED_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        soft = WANTED_DESCRIPTORS
    return max(soft - KEPT_DESCRIPTORS, soft // 2)


def _is_ours(record: logging.LogRecord) -> bool:
    """Not what aiohttp says of a client that sends no HTTP, or has gone."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | ConnectionError)


HTTP_LOG: Final = logging.getLogger("gateway.http")
HTTP_LOG.addFilter(_is_ours)
