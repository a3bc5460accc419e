"""Connections that are idle until they are told to place and close orders, at an even rate or as fast as they can.

    python -m bench.sockets.paced PORT CONNECTIONS

Prints a line of JSON when all connections are there. Then, for each line `SECONDS PER_S` on standard input, it sends
for so long, and prints what it measured. At a rate, the connections take turns, and a latency counts from the time when
the request was due, even when its connection was still waiting for the reply before. Ends with its input.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from typing import Any, Final

import msgspec
import picows
import uvloop

from bench.sockets.load import Load, Orders, register_guests

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
AT_ONCE: Final = 50
"""Connections that are opened at the same time."""
READY_S: Final = 60.0
DRAIN_S: Final = 30.0
TURN_S: Final = 0.001


class Paced(msgspec.Struct, frozen=True):
    """What was measured; nothing when only the connections were opened."""

    latencies_ms: list[float] = []
    refused: int = 0
    lost: int = 0
    """Connections that the server has ended since the beginning."""


class Trader(Orders):
    """Waits for a turn between a reply and the next request, unless there are turns without end."""

    def __init__(self, load: Crowd, symbol: str, token: str) -> None:
        super().__init__(load, symbol, token)
        self.crowd = load
        self.due_ns: deque[int] = deque()
        self._next = self.message
        self._waits = False

    def send(self, message: bytes) -> None:
        """The next request, when it is its turn."""
        self._next, self._waits = message, False
        if self.crowd.per_s and not self.due_ns:
            return
        if not self.crowd.stopped or self.due_ns:
            self._waits = True
            self.sent_ns = self.due_ns.popleft() if self.crowd.per_s else time.perf_counter_ns()
            self.transport.send(picows.WSMsgType.TEXT, message)

    def turn(self, due_ns: int) -> None:
        """A request was due then."""
        self.due_ns.append(due_ns)
        if not self._waits:
            self.send(self._next)

    def resume(self) -> None:
        if not self._waits:
            self.send(self._next)

    @property
    def is_done(self) -> bool:
        return not self._waits and not self.due_ns

    def on_ws_disconnected(self, transport: Any) -> None:
        self.crowd.lost += 1


class Crowd(Load):
    """All connections of this process."""

    def __init__(self) -> None:
        super().__init__()
        self.per_s = 0.0
        self.lost = 0
        self.traders: list[Trader] = []

    async def gather(self, port: int, connections: int) -> None:
        """Sign up and connect."""
        tokens = await register_guests(port, connections)
        for start in range(0, connections, AT_ONCE):
            part = enumerate(tokens[start : start + AT_ONCE], start)
            await asyncio.gather(
                *(self._connect(port, SYMBOLS[number % len(SYMBOLS)], token) for number, token in part)
            )

    async def _connect(self, port: int, symbol: str, token: str) -> None:
        trader = Trader(self, symbol, token)
        await picows.ws_connect(lambda: trader, f"ws://127.0.0.1:{port}/ws")
        await asyncio.wait_for(trader.ready, READY_S)
        self.traders.append(trader)

    async def measure(self, seconds: float, per_s: float) -> Paced:
        """Send for so long, and wait for what is still to be answered."""
        del self.latencies_ns[:]
        self.refused, self.per_s = 0, per_s
        self.stopped, self.measuring = False, True
        if per_s:
            await self._take_turns(seconds)
        else:
            for trader in self.traders:
                trader.resume()
            await asyncio.sleep(seconds)
            self.measuring = False
        self.stopped = True
        async with asyncio.timeout(DRAIN_S):
            while not all(trader.is_done for trader in self.traders):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        self.measuring = False
        return Paced([ns / 1e6 for ns in self.latencies_ns], self.refused, self.lost)

    async def _take_turns(self, seconds: float) -> None:
        begun_ns = time.perf_counter_ns()
        sent = 0
        while sent < int(seconds * self.per_s):
            passed_s = (time.perf_counter_ns() - begun_ns) / 1e9
            while sent < min(passed_s, seconds) * self.per_s:
                self.traders[sent % len(self.traders)].turn(begun_ns + int(sent / self.per_s * 1e9))
                sent += 1
            await asyncio.sleep(TURN_S)


async def run(port: int, connections: int) -> None:
    """See the module."""
    crowd = Crowd()
    await crowd.gather(port, connections)
    _print(Paced())
    while line := await asyncio.to_thread(sys.stdin.readline):
        seconds, per_s = map(float, line.split())
        _print(await crowd.measure(seconds, per_s))


def _print(measured: Paced) -> None:
    print(msgspec.json.encode(measured).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), int(sys.argv[2])))
