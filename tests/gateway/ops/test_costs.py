"""What ops cost a client, held against what they cost the arena when their answers are as long as they can be."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.jit import JIT_DISABLED
from engine.model.scale import format_decimal
from gateway.ops.subscriptions import SNAPSHOT_COSTS
from gateway.ops.table import OPS, Command
from gateway.sessions.caller import ANSWER_BYTES, For
from persistence.rows import Candle
from tests.gateway.ops.test_wallet import operator
from tests.harness.gateway import ROOMY, Client, Gateway, open_gateway

LONG = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "20", "leverage": 10}
STAKE = {"symbol": "BTCUSDT", "direction": "up", "stake": "1", "duration": 3600, "account": {"match": 1}}
MOST = 100
"""Positions and orders of a seat, open fixed-time trades, rows of a board."""
CANDLES = {"symbol": "BTCUSDT", "interval": "1m", "limit": 1_000}
CHANNELS = ["me", "board.1", "match.1", "tick.BTCUSDT"]


OPERATORS = (For.SUPPORT, For.FINANCE, For.ADMINS)
UNITS = 40 if JIT_DISABLED else 2
"""That a message may take; kernels take many times as long in plain Python."""


def candles(count: int) -> list[Candle]:
    price = partial(random.Random(1).randrange, 1, 10**8)
    return [Candle(60 * 10**9 * (n + 1), price(), price(), price(), price(), 1) for n in range(count)]


async def crowded(gateway: Gateway) -> Client:
    """A player with all that a seat can hold, in an arena with many players, games and matches."""
    ann, boss = await gateway.player(), await operator(gateway)
    for number in range(MOST // 2):
        await ann.result("order.place", LONG)
        await ann.result("order.place", LONG | {"type": "limit", "price": str(50_000 + number)})
    for _ in range(MOST):
        await ann.result("fixed.buy", STAKE)
        await gateway.player()
    for number in range(25):
        game = (await boss.result("admin.create_game", {"title": f"Sprint {number}", "duration_s": 60}))["id"]
        for _ in range(20):
            await boss.result("admin.create_match", {"game": game})
    gateway.history.closed_candles = candles(1_000)
    return ann


ARGUMENTS: dict[str, Any] = {
    "quote": {"symbol": "BTCUSDT"}, "candles": CANDLES, "game.get": {"game": 1}, "match.list": {"limit": 500},
    "match.get": {"match": 1}, "match.board": {"match": 1}, "order.list": {"match": 1}, "position.list": {"match": 1},
    "order.test": LONG, "subscribe": {"channels": CHANNELS}, "unsubscribe": {"channels": CHANNELS},
    "resume": {"session": "another", "last": dict.fromkeys(CHANNELS, 0)},
}  # fmt: skip
WITH_A_DATABASE = {
    "me.matches", "me.trades", "me.fills", "me.fixed", "me.ledger", "match.summary", "board.cups", "order.get",
    "me.notifications", "order.history",
    "me.keys.create", "me.keys.list", "me.keys.update", "me.keys.revoke", "me.keys.usage",
}  # fmt: skip
"""Here their answers are empty."""


def unit_s() -> float:
    """Processor time of a thousand decimals, on this machine and now."""

    def taken_s() -> float:
        begun_s = time.thread_time()
        for amount in range(10**8, 10**8 + 1_000):
            format_decimal(amount, 8)
        return time.thread_time() - begun_s

    return min(taken_s() for _ in range(20))


async def served(gateway: Gateway, client: Client, op: str) -> tuple[float, int]:
    """Processor time of the quickest of some answers, and as how many messages one counts."""
    times_s = []
    for _ in range(7):
        client.outlet.frames.clear()
        client.session.channels.clear()
        begun_s = time.thread_time()
        client.sends(msgspec.json.encode({"id": 1, "op": op, "args": ARGUMENTS.get(op, {})}))
        await gateway.settles()
        while not client.outlet.frames:  # noqa: ASYNC110  # a piece of the answer at a time
            await asyncio.sleep(0)
        times_s.append(time.thread_time() - begun_s)
        assert client.messages()[0]["ok"], client.messages()[0]
    cost = getattr(OPS[op], "cost", 1) + sum(SNAPSHOT_COSTS.values()) * (op in ("subscribe", "resume"))
    return min(times_s), cost + sum(len(frame) // ANSWER_BYTES for frame in client.outlet.frames)


@pytest.mark.compiled
async def test_no_op_costs_less_than_what_it_takes_at_its_largest() -> None:
    """For each message that it counts as, an op may take as long as two thousand decimals: some half a millisecond."""
    gateway = await open_gateway()
    ann = await crowded(gateway)
    cheap = {}
    asked = [name for name, op in OPS.items() if op.who not in OPERATORS and not isinstance(op, Command)]
    for op in asked:
        if op not in WITH_A_DATABASE | {"auth", "order.test"}:
            taken_s, messages = await served(gateway, ann, op)
            if taken_s / messages > UNITS * unit_s():
                cheap[op] = (taken_s, messages)
    await gateway.stops()
    assert cheap == {}


@pytest_asyncio.fixture
async def strict() -> AsyncIterator[Gateway]:
    opened = await open_gateway(msgspec.structs.replace(ROOMY, messages_per_s=20, messages_burst=40))
    yield opened
    await opened.stops()


async def test_a_long_answer_counts_as_more_messages_when_it_has_been_given(strict: Gateway) -> None:
    strict.history.closed_candles = candles(1_000)
    client = strict.guest()
    now_ns = 10**12
    client.sends(msgspec.json.encode({"id": 1, "op": "candles", "args": CANDLES}), now_ns)
    while not client.outlet.frames:  # noqa: ASYNC110  # a piece of the answer at a time
        await asyncio.sleep(0)
    (frame,) = client.outlet.frames
    more = len(frame) // ANSWER_BYTES
    assert more >= 6
    client.outlet.frames.clear()
    for _ in range(40):
        client.sends(b'{"id":1,"op":"ping"}', now_ns)
    assert [message["ok"] for message in client.messages()].count(True) == 39 - more
