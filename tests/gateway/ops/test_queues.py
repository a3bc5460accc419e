"""Queues, outages and coming back, as clients see them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest_asyncio

from engine.model.scale import NS_PER_S
from gateway.core.clock import Clock
from gateway.sessions.presence import Presence
from tests.gateway.ops.test_wallet import changes, cup, operator
from tests.harness.gateway import ROOMY, Client, Gateway, open_gateway

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


GONE_AFTER_S = 0.05


@pytest_asyncio.fixture
async def hasty() -> AsyncIterator[Gateway]:
    """A gateway that waits only a moment for players who have gone."""
    opened = await open_gateway(msgspec.structs.replace(ROOMY, leave_queues_after_s=GONE_AFTER_S))
    yield opened
    await opened.stops()


async def queued(gateway: Gateway, players: int = 2) -> tuple[int, Client]:
    """A game with an entry fee for so many players, and one of them in its queue."""
    boss, ann = await operator(gateway), await listens(gateway, "10")
    game_for = QUICK | {"currency": "USDT", "entry_fee": "10", "min_players": players, "max_players": players}
    game: int = (await boss.result("admin.create_game", game_for))["id"]
    await ann.result("queue.join", {"game": game})
    return game, ann


async def test_who_is_gone_leaves_the_queue_and_is_neither_charged_nor_seated(hasty: Gateway) -> None:
    game, ann = await queued(hasty)
    ann.session.ended()
    await asyncio.sleep(2 * GONE_AFTER_S)
    await hasty.settles()
    bob = await listens(hasty, "10")
    await bob.result("queue.join", {"game": game})
    await hasty.settles()
    assert [place["place"] for place in (await bob.result("me.get"))["queues"]] == [1]
    back = await hasty.client(ann.session.player)
    assert (await back.result("me.get"))["queues"] == []
    assert [row["balance"] for row in await back.result("me.wallet") if row["asset"] == "USDT"] == ["10.000000"]


async def test_who_comes_back_in_time_or_has_another_connection_stays_in_the_queue(hasty: Gateway) -> None:
    _, ann = await queued(hasty)
    other = await hasty.client(ann.session.player)
    ann.session.ended()
    await asyncio.sleep(2 * GONE_AFTER_S)
    other.session.ended()
    back = await hasty.client(ann.session.player)
    await asyncio.sleep(2 * GONE_AFTER_S)
    await hasty.settles()
    assert len((await back.result("me.get"))["queues"]) == 1


async def test_after_a_restart_those_in_queues_have_the_same_time_to_come_back(hasty: Gateway) -> None:
    game, ann = await queued(hasty, players=3)
    bob = await listens(hasty, "10")
    await bob.result("queue.join", {"game": game})
    presence = Presence(hasty.machine.state, hasty.arena.sequencer, hasty.arena.config.limits)
    presence.begin()
    presence.enter(bob.session.player, bob.session)
    await asyncio.sleep(2 * GONE_AFTER_S)
    await hasty.settles()
    assert (await ann.result("me.get"))["queues"] == []
    assert len((await bob.result("me.get"))["queues"]) == 1
