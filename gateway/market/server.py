"""An exchange to connect to: plays recorded or simulated frames as Binance sends live ones.

Combined streams at /stream?streams=a/b/c, raw ones at /ws/a, requests over both, and the REST calls of `rest.py`.
What differs from Binance: time is that of the source, at any speed; on combined connections a frame of the stream
`arena@pass` goes before each new pass of a looping source, because source sequences start over with it; and faults
happen on request.

Every few milliseconds all frames that are due are written, one write per client. A client that does not read is cut
when `max_backlog_bytes` wait for it (and at speed 0, where clients set the pace, when it makes the others wait 2 s).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final

import msgspec
from aiohttp import WSMsgType, web

from engine.model.scale import NS_PER_S
from gateway.market import PASS_STREAM, MarketFrame, MarketSource
from gateway.market.derived import derive
from gateway.market.faults import ALL_SYMBOLS, Faults, FaultsInForce, deeply_nested, waits_s
from gateway.market.listings import LISTINGS, listing_of
from gateway.market.recording import Recording
from gateway.market.rest import RestCalls
from gateway.market.simulated import SimulatedMarket
from gateway.market.subscriber import Subscriber, data_of, text_packet
from gateway.market.subscriptions import MAX_STREAMS, Subscriptions

WAKE_S: Final = 0.004
CHUNK: Final = 1_000
"""Frames at most between two looks at the other tasks of the event loop."""

PREVIEW: Final = 2_000
"""Frames looked at before playback, to know the symbols, their first prices, and what need not be derived.

A symbol that first appears later is played, but not listed."""

LONGEST_HOLE_NS: Final = 60 * NS_PER_S
"""A longer time without frames, such as the days between two recordings, is played as this."""

PING_EVERY_S: Final = 20.0
MAX_BACKLOG_BYTES: Final = 8 << 20
PACED_BACKLOG_BYTES: Final = 256 << 10
STUCK_S: Final = 2.0


class MarketServer:
    """Plays `source` at `speed` (1 is real time, 0 as fast as the clients take it), once or in a loop.

    With `wait_for_client` (the default) playback begins with the first subscription, so that it sees the start. At
    speed 0 it also pauses whenever nobody is subscribed; else time goes on without listeners, as on an exchange.
    Plain attributes: `port`; `frames` played, `packets` sent, `passes` begun, `clients_cut` because they did not read.
    """

    def __init__(
        self,
        source: MarketSource,
        *,
        speed: float = 1.0,
        loop: bool = False,
        faults: Faults | None = None,
        wait_for_client: bool = True,
        max_backlog_bytes: int = MAX_BACKLOG_BYTES,
    ) -> None:
        if speed < 0:
            raise ValueError("the speed of a market cannot be negative")
        self.port = 0
        self.frames = 0
        self.packets = 0
        self.passes = 0
        self.clients_cut = 0
        self.market_time_ns = 0
        self._source = source
        self._speed = speed
        self._looping = loop
        self._faults = faults or Faults()
        self._wait_for_client = wait_for_client
        self._max_backlog_bytes = max_backlog_bytes

        self._latest: dict[str, bytes] = {}
        for frame in derive(islice(iter(source), PREVIEW)):
            self._latest.setdefault(frame.stream, frame.frame)
        self._native = {frame.stream for frame in islice(iter(source), PREVIEW)}
        symbols = sorted({stream.partition("@")[0].upper() for stream in self._native})
        self._listings = {symbol: listing_of(symbol) for symbol in symbols}
        self.rest = RestCalls(self._listings, self._latest)

        self._clients: set[Subscriber] = set()
        self._routes: dict[str, list[Subscriber]] = {}
        self._wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._playback: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._host = ""

        self._in_force = FaultsInForce(self._faults)

    @property
    def symbols(self) -> frozenset[str]:
        """What it lists, and plays."""
        return frozenset(self._listings)

    @property
    def clients(self) -> int:
        """Connections that are open now."""
        return len(self._clients)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and begin to play or to wait for a client. The port it is on, which port 0 leaves to the system."""
        await self.open(host, port)
        self._playback = asyncio.create_task(self.play(), name="market playback")
        return self.port

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen only: `play` is the caller's task. The port it is on."""
        application = web.Application(middlewares=[self.rest.failing])
        application.add_routes(self.rest.routes())
        application.add_routes(
            [
                web.get("/stream", self._serve_combined),
                web.get("/ws", self._serve_raw),
                web.get("/ws/{streams:.+}", self._serve_raw),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        self._host, self.port = host, port
        await self._listen(self._runner)
        self.port = self._runner.addresses[0][1]
        self._start_faults()
        return self.port

    async def stop(self) -> None:
        """Drop all clients and listen no more. Raises what ended the playback, if it was a failure."""
        tasks = [task for task in (self._playback, *self._tasks) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self.disconnect()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._playback is not None and not self._playback.cancelled():
            self._playback.result()

    async def played(self, timeout_s: float | None = None) -> bool:
        """Wait until the source has been played to its end, or that long; whether it has. A loop has no end."""
        if self._playback is None:
            raise RuntimeError("the market server has not been started")
        done, _ = await asyncio.wait([self._playback], timeout=timeout_s)
        return bool(done)

    # Playing

    async def play(self) -> None:
        """Play the source once, or for ever when it loops. When it has failed it can be played again, as a new pass."""
        if self._wait_for_client:
            await self._wanted.wait()
        while True:
            self.passes += 1
            if self.passes > 1:
                self._announce_pass()
            played = self.frames
            frames = derive(self._source, self._native)
            if self._speed == 0:
                await self._play_at_clients_pace(frames)
            else:
                await self._play_in_time(frames)
            if self.frames == played:
                raise ValueError("the source of the market server holds no frames")
            if not self._looping:
                return

    async def _play_in_time(self, frames: Iterator[MarketFrame]) -> None:
        loop = asyncio.get_running_loop()
        upcoming = next(frames, None)
        if upcoming is None:
            return
        began_s, began_ns = loop.time(), upcoming.time_ns
        while upcoming is not None:
            due_ns = began_ns + int((loop.time() - began_s) * self._speed * NS_PER_S)
            left = CHUNK
            while upcoming is not None and upcoming.time_ns <= due_ns and left > 0:
                self._publish(upcoming)
                left -= 1
                upcoming = next(frames, None)
                if upcoming is not None:
                    began_ns += max(0, upcoming.time_ns - self.market_time_ns - LONGEST_HOLE_NS)
            self._flush()
            await asyncio.sleep(WAKE_S if left else 0)
        await self._stall_over()

    async def _play_at_clients_pace(self, frames: Iterator[MarketFrame]) -> None:
        while chunk := list(islice(frames, CHUNK)):
            await self._wanted.wait()
            await self._stall_over()
            for frame in chunk:
                self._publish(frame)
            self._flush()
            await self._drained()

    async def _stall_over(self) -> None:
        await asyncio.sleep(max(0.0, self._in_force.stall_ends_s - asyncio.get_running_loop().time()))
        self._flush()

    async def _drained(self) -> None:
        """Wait until every client has taken most of what it was sent; cut those that do not."""
        loop = asyncio.get_running_loop()
        stuck_s = loop.time() + STUCK_S
        await asyncio.sleep(0)
        while behind := [client for client in self._clients if client.backlog_bytes() > PACED_BACKLOG_BYTES]:
            if loop.time() > max(stuck_s, self._in_force.stall_ends_s + STUCK_S):
                for client in behind:
                    self._cut(client)
            await asyncio.sleep(WAKE_S)

    def _publish(self, frame: MarketFrame) -> None:
        self.frames += 1
        self.market_time_ns = frame.time_ns
        self._latest[frame.stream] = frame.frame
        clients = self._routes.get(frame.stream)
        if clients is None or self._in_force.in_gap(frame.stream, asyncio.get_running_loop().time()):
            return
        for sent in self._in_force.sent_for(self._in_force.altered(frame.stream, frame.frame)):
            self._push(clients, sent)

    def _announce_pass(self) -> None:
        clients = [client for client in self._clients if client.subscriptions.combined]
        self._push(clients, b'{"stream":"%s","data":{"pass":%d}}' % (PASS_STREAM.encode(), self.passes))

    def _push(self, clients: Sequence[Subscriber], frame: bytes) -> None:
        combined = text_packet(frame)
        for client in clients:
            client.push(combined if client.subscriptions.combined else text_packet(data_of(frame)))
        self.packets += len(clients)

    def _flush(self) -> None:
        stalled = asyncio.get_running_loop().time() < self._in_force.stall_ends_s
        for client in list(self._clients):
            if not stalled:
                client.flush()
            if client.backlog_bytes() > self._max_backlog_bytes:
                self._cut(client)

    def _cut(self, client: Subscriber) -> None:
        self.clients_cut += 1
        self._drop(client)

    def _drop(self, client: Subscriber) -> None:
        client.transport.abort()
        self._clients.discard(client)
        self._reroute()

    # Clients

    async def _serve_combined(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, request.query.get("streams", ""), combined=True)

    async def _serve_raw(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, request.match_info.get("streams", ""), combined=False)

    async def _serve(self, request: web.Request, asked: str, *, combined: bool) -> web.StreamResponse:
        streams = [stream for stream in asked.split("/") if stream]
        if len(streams) > MAX_STREAMS:
            raise web.HTTPBadRequest(text="too many streams")
        socket = web.WebSocketResponse(heartbeat=PING_EVERY_S, compress=False, max_msg_size=1 << 16)
        await socket.prepare(request)
        if request.transport is None:
            return socket

        client = Subscriber(request.transport, Subscriptions(streams, combined=combined))
        self._clients.add(client)
        self._reroute()
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    client.push(text_packet(client.subscriptions.answer(message.data)))
                    self._reroute()
                    self._flush()
        finally:
            self._clients.discard(client)
            self._reroute()
        return socket

    def _reroute(self) -> None:
        self._routes.clear()
        for client in self._clients:
            for stream in client.subscriptions.streams:
                self._routes.setdefault(stream, []).append(client)
        if self._routes:
            self._wanted.set()
        else:
            self._wanted.clear()

    async def _listen(self, runner: web.AppRunner) -> None:
        self._site = web.TCPSite(runner, self._host, self.port, reuse_address=True)
        await self._site.start()

    # Faults

    def gap(self, seconds: float, symbol: str = ALL_SYMBOLS) -> None:
        """Lose the frames of one symbol, or of all, for so long."""
        self._in_force.gap(symbol, asyncio.get_running_loop().time() + seconds)

    def stall(self, seconds: float) -> None:
        """Send nothing for so long, and then at once all that was held back."""
        self._in_force.stall_ends_s = asyncio.get_running_loop().time() + seconds

    def duplicate(self, frames: int = 1) -> None:
        """Send each of the next frames twice."""
        self._in_force.duplicate(frames)

    def garbage(self, frames: int = 1) -> None:
        """Send malformed frames to everybody, now."""
        for _ in range(frames):
            like = next(iter(self._latest.values()), b"")
            self._push(list(self._clients), self._in_force.garbage_like(like))
        self._flush()

    def nest(self, symbol: str) -> None:
        """Send everybody a frame of the symbol that is nested too deeply to be decoded, now."""
        self._push(list(self._clients), deeply_nested(f"{symbol.lower()}@bookTicker"))
        self._flush()

    def start_over(self, symbol: str) -> None:
        """Number the quotes of the symbol from 1 on, while the others go on."""
        self._in_force.start_over(symbol)

    def finer_tick(self, symbol: str) -> None:
        """Quote the symbol in thousandths."""
        self._in_force.finer_tick(symbol)

    def wild(self, symbol: str, frames: int = 1) -> None:
        """Quote the symbol at a tenth of its price, so many times."""
        self._in_force.wild(symbol, frames)

    def delist(self, symbol: str) -> None:
        """List the symbol no more, and send nothing of it."""
        self._listings.pop(symbol, None)
        self._in_force.gap(symbol, math.inf)

    def disconnect(self) -> None:
        """Drop all connections."""
        for client in list(self._clients):
            self._drop(client)

    def outage(self, seconds: float) -> asyncio.Task[None]:
        """Drop all connections and refuse new ones for so long. The task ends when it listens again."""
        task = asyncio.create_task(self._outage(seconds), name="market outage")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _outage(self, seconds: float) -> None:
        if self._site is None or self._runner is None:
            return
        site, self._site = self._site, None
        await site.stop()
        self.disconnect()
        await asyncio.sleep(seconds)
        await self._listen(self._runner)

    def _start_faults(self) -> None:
        faults = self._faults
        recurring: tuple[tuple[str, float, Callable[[], object]], ...] = (
            ("gap", faults.gap_every_s, lambda: self.gap(faults.gap_s)),
            ("stall", faults.stall_every_s, lambda: self.stall(faults.stall_s)),
            ("disconnect", faults.disconnect_every_s, self.disconnect),
            ("outage", faults.outage_every_s, lambda: self.outage(faults.outage_s)),
        )
        for name, every_s, strike in recurring:
            if every_s > 0:
                random = Random(f"{faults.seed} {name}")
                self._tasks.add(asyncio.create_task(_recur(every_s, random, strike), name=f"market {name}"))


async def _recur(every_s: float, random: Random, strike: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(waits_s(every_s, random))
        strike()


class MarketProgress(msgspec.Struct, frozen=True):
    """What a market server is doing."""

    port: int
    clients: int
    frames: int
    passes: int
    market_time_ns: int


async def run_market_server(
    *,
    recordings: Sequence[Path] = (),
    symbols: Sequence[str] = tuple(LISTINGS),
    seed: int = 1,
    host: str = "127.0.0.1",
    port: int = 9443,
    speed: float = 1.0,
    loop: bool = True,
    wait_for_client: bool = True,
    faults: Faults | None = None,
    on_progress: Callable[[MarketProgress], None] = lambda progress: None,
    progress_every_s: float = 1.0,
) -> None:
    """Serve the recordings, or without any a simulated market of `symbols` that begins now, until it is cancelled.

    Recordings that do not loop end it when they have been played. Raises KeyError for a symbol that cannot be
    simulated because LISTINGS does not have it.
    """
    source: MarketSource
    if recordings:
        source = Recording(recordings)
    else:
        source = SimulatedMarket([LISTINGS[symbol.upper()] for symbol in symbols], seed=seed, start_ns=time.time_ns())
    server = MarketServer(source, speed=speed, loop=loop, faults=faults, wait_for_client=wait_for_client)
    bound_port = await server.start(host, port)
    try:
        while not await server.played(timeout_s=progress_every_s):
            on_progress(MarketProgress(bound_port, server.clients, server.frames, server.passes, server.market_time_ns))
    finally:
        await server.stop()
