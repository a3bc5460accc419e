"""What is told on `sys` of prices and switches: when it changes, and to who comes later."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from engine.model.scale import NS_PER_S
from gateway.channels.publisher import Publisher
from gateway.core.tokens import ADMIN
from gateway.ops.market import ticker_of
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


async def test_a_ticker_is_told_when_it_has_changed_and_to_who_comes_later(gateway: Gateway) -> None:
    ann, ben = await gateway.player(), await gateway.player()
    publisher = Watch(gateway).publisher

    async def send() -> None:
        await publisher.send_tickers(lambda instrument: ticker_of(gateway.arena, instrument))

    def prices(client: Client) -> list[tuple[int, str | None, str | None]]:
        messages = client.on("ticker.BTCUSDT")
        return [(each["n"], each.get("kind"), each["data"].get("last")) for each in messages]

    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    await ann.result("subscribe", {"channels": ["ticker.BTCUSDT"]})
    assert prices(ann) == [(0, "snapshot", None)]
    for _ in range(2):
        await send()
    assert prices(ann)[1:] == [(1, None, "60000.00")]
    await gateway.quote("BTCUSDT", 6_100_000, 6_100_001)
    await send()
    assert prices(ann)[2:] == [(2, None, "61000.00")]
    assert ann.on("ticker.BTCUSDT")[-1]["data"]["change"] == "1000.00"

    await ben.result("subscribe", {"channels": ["ticker.BTCUSDT"]})
    assert prices(ben) == [(2, "snapshot", "61000.00")]
    for client in (ann, ben):
        await client.result("unsubscribe", {"channels": ["ticker.BTCUSDT"]})
    await send()
    await ben.result("subscribe", {"channels": ["ticker.BTCUSDT"]})
    assert prices(ben)[-1] == (2, "snapshot", None)
