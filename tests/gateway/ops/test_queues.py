"""Queues, outages and coming back, as clients see them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from engine.model.scale import NS_PER_S
from gateway.core.clock import Clock
from tests.gateway.ops.test_wallet import changes, cup, operator
from tests.harness.gateway import Client, Gateway, open_gateway

QUICK = {"title": "Quick", "duration_s": 60, "min_players": 2, "max_players": 2}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    opened.arena.sequencer.stop()
    await opened.task


def told(client: Client) -> list[tuple[str, Any]]:
    """(type, data) of what came on `me` after the snapshot."""
    return [(message["type"], message["data"]) for message in client.on("me")[1:]]


async def listens(gateway: Gateway, top_up: str = "") -> Client:
    """A new player who listens to `me`."""
    client = await gateway.player()
    if top_up:
        await client.result("wallet.top_up", {"asset": "USDT", "amount": top_up})
    await client.result("subscribe", {"channels": ["me"]})
    return client


async def passes(gateway: Gateway, seconds: int) -> None:
    """So much time goes by, without a quote; the next batch is stamped then."""
    ahead_ns = seconds * NS_PER_S
    last_ns = gateway.arena.clock.stamp_ns() + ahead_ns
    clock = Clock(last_ns, lambda: time.time_ns() + ahead_ns, time.monotonic_ns)
    gateway.arena.clock = gateway.arena.sequencer._clock = clock


async def test_from_the_queue_to_the_match(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await listens(gateway), await listens(gateway)
    game = (await boss.result("admin.create_game", QUICK))["id"]
    assert await ann.result("queue.join", {"game": game}, key="in") == {"game": game}
    assert (await ann.asks("queue.join", {"game": game}, key="in"))["replayed"]
    assert await ann.error("queue.join", {"game": game}) == "ALREADY_QUEUED"
    (waits,) = (await ann.result("me.get"))["queues"]
    assert (waits["game"], waits["place"]) == (game, 1)
    await bob.result("queue.join", {"game": game})
    await gateway.settles()
    assert (await ann.result("me.get"))["queues"] == []
    match = (await ann.result("match.list", {"game": game}))[0]["match"]
    assert [type for type, _ in told(ann)] == ["queue.joined", "match.created", "match.joined", "match.started"]
    assert told(ann)[0] == ("queue.joined", {"game": game, "until": waits["until"]})
    assert told(ann)[1] == ("match.created", {"match": match})


async def test_leaving_a_queue_and_waiting_too_long(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await listens(gateway)
    game = (await boss.result("admin.create_game", QUICK | {"queue_timeout_s": 30}))["id"]
    assert await ann.error("queue.leave", {"game": game}) == "NOT_QUEUED"
    await ann.result("queue.join", {"game": game})
    assert await ann.result("queue.leave", {"game": game}) == {"game": game}
    await ann.result("queue.join", {"game": game})
    await passes(gateway, 30)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    assert [data for type, data in told(ann) if type == "queue.left"] == [
        {"game": game}, {"game": game, "reason": "QUEUE_TIMED_OUT"},
    ]  # fmt: skip
    assert await ann.error("queue.join", {"game": 1}) == "QUEUE_NOT_OFFERED"


async def test_an_outage_calls_a_paid_match_off(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await listens(gateway, "50"), await listens(gateway, "50")
    match = await cup(boss, duration_s=600, outage_s=20)
    for player in (ann, bob):
        await player.result("match.join", {"match": match})
    shown = await ann.result("match.get", {"match": match})
    assert (shown["outage_s"], shown["outage"], shown["status"]) == (20, "void", "open")
    await passes(gateway, 21)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    assert told(ann)[-1] == ("match.canceled", {"match": match, "reason": "OUTAGE"})
    assert changes(ann)[-1] == ("refund", "10.500000", "50.000000")
    assert (await ann.result("match.get", {"match": match}))["status"] == "canceled"


async def test_an_outage_moves_the_end_of_a_match(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await listens(gateway, "50"), await listens(gateway, "50")
    match = await cup(boss, duration_s=600, outage_s=20, outage="extend")
    for player in (ann, bob):
        await player.result("match.join", {"match": match})
    before = (await ann.result("match.get", {"match": match}))["ends_at"]
    await passes(gateway, 30)
    await ann.error("queue.leave", {"game": 1})  # any command makes a batch
    assert told(ann)[-1] == ("match.paused", {"match": match})
    assert (await ann.result("match.get", {"match": match}))["paused"]
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    after = await ann.result("match.get", {"match": match})
    assert told(ann)[-1] == ("match.resumed", {"match": match, "ends_at": after["ends_at"]})
    assert 30_000 <= after["ends_at"] - before < 40_000
    assert "paused" not in after


async def test_an_operator_calls_off_a_match_that_is_played(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await listens(gateway, "50"), await listens(gateway, "50")
    match = await cup(boss)
    for player in (ann, bob):
        await player.result("match.join", {"match": match})
    void = {"match": match, "reason": "a wrong price", "void": True}
    assert await ann.error("admin.end_match", void) == "ADMINS_ONLY"
    await boss.result("admin.end_match", void)
    await gateway.settles()
    assert told(ann)[-1] == ("match.canceled", {"match": match, "reason": "CALLED_OFF"})
    assert [balance for _, _, balance in changes(ann)] == ["39.500000", "50.000000"]
    assert "rank" not in (await ann.result("match.get", {"match": match}))["seat"]


async def test_who_comes_back_finds_the_same_seat(gateway: Gateway) -> None:
    """A new connection, with the token from before or with a fresh one for the same player."""
    boss, ann = await operator(gateway), await listens(gateway, "50")
    match = await cup(boss, min_players=0, max_players=0)
    await ann.result("match.join", {"match": match})
    bought = {"match": match, "symbol": "BTCUSDT", "side": "long", "margin": "100", "leverage": 10}
    position = (await ann.result("order.place", bought))["position"]
    ann.session.ended()
    again = await gateway.client(ann.session.player)
    (seat,) = [seat for seat in (await again.result("me.get"))["seats"] if seat["match"] == match]
    assert seat["positions"] == 1
    assert await again.error("match.join", {"match": match}) == "ALREADY_JOINED"
    assert [each["position"] for each in await again.result("position.list", {"match": match})] == [position]
    await again.result("position.close", {"position": position, "percent": 100})
