"""The load client: connections with one request in flight each; the next is sent when the reply arrives.

    python -m bench.sockets.load orders|echo PORT CONNECTIONS SECONDS SERVER_PID

Prints one JSON object. It is as light as possible (picows, no decoding), so that the server is the bottleneck: a reply
is distinguished from an event by its first bytes, and the position's id is cut out of it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from array import array
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import numpy as np
import picows
import uvloop

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT")
WARM_UP_S: Final = 1.0
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")

ACCEPTED: Final = b'{"id":1,"ok":true'
REPLY: Final = b'{"id":'
POSITION: Final = b'"position":'


class Result(msgspec.Struct, frozen=True):
    """One measurement. CPU as a share of one core; latencies in ms."""

    replies_per_s: float
    refused: int
    p50_ms: float
    p99_ms: float
    server_cpu: float
    client_cpu: float


def order_message(symbol: str) -> bytes:
    """A market order, sized by margin."""
    return (
        b'{"id":1,"op":"order.place","args":{"match":1,"symbol":"%s","side":"long","leverage":5,"margin":"20"}}'
        % symbol.encode()
    )


def close_message(position: bytes) -> bytes:
    return b'{"id":1,"op":"position.close","args":{"position":%s,"percent":100}}' % position


class Load:
    """State shared by all connections, and the measured latencies."""

    def __init__(self) -> None:
        self.measuring = False
        self.stopped = False
        self.refused = 0
        self.latencies_ns = array("q")


class Echo(picows.WSListener):
    """Sends the same message again after each reply."""

    def __init__(self, load: Load, message: bytes) -> None:
        self.load = load
        self.message = message
        self.sent_ns = 0

    def begin(self) -> None:
        self.send(self.message)

    def send(self, message: bytes) -> None:
        if not self.load.stopped:
            self.sent_ns = time.perf_counter_ns()
            self.transport.send(picows.WSMsgType.TEXT, message)

    def on_ws_connected(self, transport: Any) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        if frame.msg_type == picows.WSMsgType.TEXT:
            self.on_reply(frame.get_payload_as_bytes())

    def on_reply(self, payload: bytes) -> None:
        self.record_latency()
        self.send(self.message)

    def record_latency(self) -> None:
        if self.load.measuring:
            self.load.latencies_ns.append(time.perf_counter_ns() - self.sent_ns)


class Orders(Echo):
    """Opens a position, closes it, opens the next; subscribed to its private channel, as players are."""

    def __init__(self, load: Load, symbol: str, token: str) -> None:
        super().__init__(load, order_message(symbol))
        self.token = token
        self.ready = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: Any) -> None:
        super().on_ws_connected(transport)
        transport.send(picows.WSMsgType.TEXT, b'{"id":0,"op":"auth","args":{"token":"%s"}}' % self.token.encode())
        transport.send(picows.WSMsgType.TEXT, b'{"id":0,"op":"subscribe","args":{"channels":["me"]}}')

    def on_reply(self, payload: bytes) -> None:
        if not payload.startswith(REPLY):
            if not self.ready.done():
                self.ready.set_result(None)  # the snapshot of `me`
            return
        if not payload.startswith(ACCEPTED):
            if payload.startswith(b'{"id":1'):
                self.load.refused += 1
                self.send(self.message)
            return
        self.record_latency()
        at = payload.find(POSITION)
        is_order = payload.find(b'"order":') >= 0
        if is_order and at >= 0:
            self.send(close_message(payload[at + len(POSITION) : payload.index(b",", at)]))
        else:
            self.send(self.message)


def cpu_s(pid: int) -> float:
    """CPU seconds used by all threads of the process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


async def register_guests(port: int, count: int) -> list[str]:
    """Register `count` guests; returns their tokens."""
    url = f"http://127.0.0.1:{port}/api/v1/auth/guest"
    tokens = []
    async with aiohttp.ClientSession() as http:
        for _ in range(count):
            async with http.post(url, json={}) as response:
                response.raise_for_status()
                tokens.append((await response.json())["token"])
    return tokens


async def run(what: str, port: int, connections: int, seconds: float, server_pid: int) -> Result:
    """Measure for `seconds`, after WARM_UP_S."""
    load = Load()
    listeners: list[Echo] = []
    tokens = await register_guests(port, connections) if what == "orders" else [""] * connections
    for number, token in enumerate(tokens):
        symbol = SYMBOLS[number % len(SYMBOLS)]
        listener = Orders(load, symbol, token) if what == "orders" else Echo(load, order_message(symbol))
        await picows.ws_connect(lambda listener=listener: listener, f"ws://127.0.0.1:{port}/ws")
        listeners.append(listener)
        if isinstance(listener, Orders):
            await asyncio.wait_for(listener.ready, 10)
    for listener in listeners:
        listener.begin()
    await asyncio.sleep(WARM_UP_S)

    server_s, client_s, begun_s = cpu_s(server_pid), time.process_time(), time.perf_counter()
    load.measuring = True
    await asyncio.sleep(seconds)
    load.measuring = False
    passed_s = time.perf_counter() - begun_s
    server_s, client_s = cpu_s(server_pid) - server_s, time.process_time() - client_s

    load.stopped = True
    await asyncio.sleep(0.2)
    for listener in listeners:
        listener.transport.disconnect()
    p50, p99 = np.percentile(np.frombuffer(load.latencies_ns, np.int64), [50, 99]) / 1e6
    return Result(
        replies_per_s=len(load.latencies_ns) / passed_s,
        refused=load.refused,
        p50_ms=float(p50),
        p99_ms=float(p99),
        server_cpu=server_s / passed_s,
        client_cpu=client_s / passed_s,
    )


if __name__ == "__main__":
    kind, *numbers = sys.argv[1:]
    result = uvloop.run(run(kind, int(numbers[0]), int(numbers[1]), float(numbers[2]), int(numbers[3])))
    print(msgspec.json.encode(result).decode())
