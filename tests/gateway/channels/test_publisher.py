"""What is told on `sys` of prices and switches: when it changes, and to who comes later."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from engine.model.scale import NS_PER_S
from gateway.channels.publisher import Publisher
from gateway.core.tokens import ADMIN
from tests.harness.gateway import Client, Gateway, open_gateway


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    await opened.stops()


class Watch:
    """A publisher whose clock is told what time it is."""

    def __init__(self, gateway: Gateway) -> None:
        self.now_ns = gateway.arena.clock.stamp_ns()
        arena = gateway.arena
        self.publisher = Publisher(arena.state, gateway.instruments, arena.boards, arena.fanout, lambda: self.now_ns)

    def passes(self, seconds: int) -> None:
        self.now_ns += seconds * NS_PER_S
        self.publisher.send_stale()


async def operator(gateway: Gateway) -> Client:
    boss = gateway.guest()
    await boss.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    return boss


def told(client: Client) -> list[tuple[str, bool]]:
    return [(message["data"]["symbol"], message["data"]["stale"]) for message in client.on("sys")
            if message["type"] == "instrument.stale"]  # fmt: skip


async def test_a_price_that_becomes_stale_is_told_once_and_so_is_a_fresh_one(gateway: Gateway) -> None:
    ann = await gateway.player()
    await ann.result("subscribe", {"channels": ["sys"]})
    watch = Watch(gateway)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    watch.passes(0)
    assert told(ann) == []
    watch.passes(1)
    assert told(ann) == []
    watch.passes(2)
    watch.passes(2)
    assert told(ann) == [("BTCUSDT", True)]

    watch.now_ns = gateway.arena.clock.stamp_ns()
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    await gateway.quote("ETHUSDT", 300_000, 300_001)
    watch.passes(0)
    assert told(ann)[1:] == [("BTCUSDT", False), ("ETHUSDT", False)]


async def test_who_comes_later_is_told_how_things_stand(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    for of in ({}, {"symbol": "ETHUSDT"}, {"match": 2}, {"player": ann.session.player}):
        await boss.result("admin.set_switch", {"switch": "locked", "on": True, "reason": "so", **of})
    await ann.result("subscribe", {"channels": ["sys", "me"]})
    (hello,) = [message["data"] for message in ann.on("sys")]
    assert hello["stale"] == ["ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT"]
    assert hello["switches"] == [
        {"scope": "arena", "switch": "locked", "on": True},
        {"scope": "instrument", "switch": "locked", "on": True, "symbol": "ETHUSDT"},
        {"scope": "match", "switch": "locked", "on": True, "match": 2},
    ]
    (me,) = [message["data"] for message in ann.on("me")]
    assert me["locked"]
    await boss.result("admin.set_switch", {"switch": "locked", "on": False, "reason": "so", "player": 1})
    assert not (await ann.result("me.get"))["locked"]


async def test_what_bounds_an_instrument_is_shown(gateway: Gateway) -> None:
    bitcoin = (await (await gateway.player()).result("instruments"))[0]
    shown = [bitcoin[name] for name in ("highest_price", "max_spread", "quote_lifetime_ms")]
    assert shown == ["1000000.00", "0.010000", 2_000]
    assert bitcoin["fixed"]["exposure_cap"] == "1000000.00000000"
