"""Who comes back is told what he missed, once, and nothing else; or begins with a snapshot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from msgspec.structs import replace

from engine import views
from gateway.channels.message import Message
from gateway.channels.recent import MATCH_MESSAGES, MATCHES, Recent
from gateway.channels.rooms import keep_replayed
from gateway.core.tokens import ADMIN
from persistence.recovery import recover
from tests.harness.gateway import MSGPACK, ROOMY, Client, Gateway, open_gateway

LONG = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "100", "leverage": 10}
ROOM = {"title": "Room", "duration_s": 60, "min_players": 2, "max_players": 3, "countdown_s": 30}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    await opened.stops()


@pytest_asyncio.fixture
async def ann(gateway: Gateway) -> Client:
    """She stays, and sees all."""
    client = await gateway.player()
    await client.result("subscribe", {"channels": ["me"]})
    return client


async def room(gateway: Gateway) -> int:
    boss = gateway.guest()
    await boss.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    game = (await boss.result("admin.create_game", ROOM))["id"]
    match: int = (await boss.result("admin.create_match", {"game": game}))["id"]
    return match


async def comes_back(gateway: Gateway, lost: Client, last: dict[str, int], **other: Any) -> tuple[Client, Any]:
    """A new connection of the same session, and what it is answered."""
    assert lost.session.identity is not None
    lost.session.ended()
    client = Client(gateway, lost.codec)
    await client.result("auth", {"token": gateway.arena.tokens.renewed(lost.session.identity)})
    wanted = {"session": lost.session.identity.session, "last": last} | other
    return client, (await client.result("resume", wanted))["channels"]


def seen(client: Client, channel: str, after: int) -> list[dict[str, Any]]:
    return [message for message in client.on(channel) if message["n"] > after]


async def test_what_was_missed_of_me_is_told_once_and_then_what_comes(gateway: Gateway, ann: Client) -> None:
    lost = await gateway.client(ann.session.player)
    await lost.result("subscribe", {"channels": ["me"]})
    await ann.result("order.place", LONG)
    last = lost.on("me")[-1]["n"]
    lost.session.ended()
    await ann.result("order.place", LONG | {"type": "limit", "price": "50000"})
    await gateway.quote("BTCUSDT", 4_900_000, 4_900_001)
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "5"})
    back, channels = await comes_back(gateway, lost, {"me": last})
    assert channels == {"me": "replayed"}
    await ann.result("order.cancel_all", {"match": 1})
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "6"})
    assert back.on("me") == seen(ann, "me", last)
    assert len(back.on("me")) > 4
    order = [message.get("channel", "reply") for message in back.messages()]
    assert order[:3] == ["reply", "reply", "me"], "after the reply"


async def test_a_switch_is_told_again_too(gateway: Gateway, ann: Client) -> None:
    boss = gateway.guest()
    await boss.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    lost = await gateway.client(ann.session.player)
    await lost.result("subscribe", {"channels": ["me"]})
    (snapshot,) = lost.on("me")
    lost.session.ended()
    lock = {"switch": "locked", "on": True, "reason": "a test", "player": ann.session.player}
    await boss.result("admin.set_switch", lock)
    back, _ = await comes_back(gateway, lost, {"me": snapshot["n"]})
    assert back.on("me") == seen(ann, "me", snapshot["n"])
    assert [message["type"] for message in back.on("me")] == ["switch.changed"]


async def test_the_notification_of_the_last_message_comes_again_for_it_is_not_counted(
    gateway: Gateway, ann: Client
) -> None:
    await ann.result("order.place", LONG | {"type": "limit", "price": "50000"})
    await gateway.quote("BTCUSDT", 4_900_000, 4_900_001)
    (notification,) = ann.notified()
    lost = await gateway.client(ann.session.player)
    back, _ = await comes_back(gateway, lost, {"me": notification["n"]})
    assert back.notified() == [notification]
    assert back.on("me") == seen(ann, "me", notification["n"]) != []


async def test_what_was_missed_of_a_match_is_told_whether_somebody_listened_or_not(gateway: Gateway) -> None:
    match = await room(gateway)
    channel = f"match.{match}"
    watcher, lost = await gateway.player(MSGPACK), await gateway.player(MSGPACK)
    await lost.result("subscribe", {"channels": [channel]})
    await lost.result("match.join", {"match": match})
    assert [message["n"] for message in lost.on(channel)] == [0, 1]
    lost.session.ended()
    await watcher.result("match.join", {"match": match})
    await watcher.result("subscribe", {"channels": [channel]})
    assert [message["n"] for message in watcher.on(channel)] == [3], "a snapshot after room.joined and room.timed"
    await watcher.result("match.leave", {"match": match})
    back, channels = await comes_back(gateway, lost, {channel: 1})
    assert channels == {channel: "replayed"}
    await watcher.result("match.join", {"match": match})
    assert [message["n"] for message in back.on(channel)] == [2, 3, 4, 5, 6, 7]
    assert seen(back, channel, 3) == seen(watcher, channel, 3)
    types = [message["type"].removeprefix("room.") for message in back.on(channel)]
    assert types == ["joined", "timed", "left", "timed", "joined", "timed"]
    assert views.last_match_message(gateway.machine.state.book, match) == 7


async def test_nothing_missed_is_replayed_with_nothing(gateway: Gateway, ann: Client) -> None:
    n = ann.on("me")[-1]["n"]
    back, channels = await comes_back(gateway, ann, {"me": n, "match.1": 1})
    assert (channels, back.on("me"), back.on("match.1")) == ({"me": "replayed", "match.1": "replayed"}, [], [])


@pytest.mark.parametrize("what", ["another session", "a number ahead", "more than may be", "forgotten"])
async def test_what_cannot_be_told_begins_with_a_snapshot(what: str) -> None:
    limits = replace(ROOMY, resume_messages=2, resume_kept=3 if what == "forgotten" else 100)
    gateway = await open_gateway(limits)
    ann = await gateway.player()
    await ann.result("subscribe", {"channels": ["me"]})
    n = ann.on("me")[-1]["n"]
    bob = await gateway.player() if what == "forgotten" else ann
    for amount in range(1, 5 if what in ("more than may be", "forgotten") else 3):
        client = ann if amount == 1 else bob
        await client.result("wallet.top_up", {"asset": "USDT", "amount": str(amount)})
    last = 99 if what == "a number ahead" else n
    other = {"session": "another"} if what == "another session" else {}
    back, channels = await comes_back(gateway, ann, {"me": last, "tick.BTCUSDT": 0}, **other)
    assert channels == {"me": "reset", "tick.BTCUSDT": "reset"}
    (snapshot,) = back.on("me")
    assert (snapshot["kind"], snapshot["n"]) == (
        "snapshot",
        views.last_message(gateway.machine.state.book, ann.session.player),
    )
    assert back.on("tick.BTCUSDT")[0]["kind"] == "snapshot"
    await gateway.stops()


async def test_all_or_none_and_the_error_names_the_channel(gateway: Gateway, ann: Client) -> None:
    names = ["sys", "me", "tick.NOSUCH", "board.99"]
    for op, args in (
        ("subscribe", {"channels": names}),
        ("resume", {"session": "any", "last": dict.fromkeys(names, 0)}),
    ):
        client = await gateway.client(ann.session.player)
        error = (await client.asks(op, args))["error"]
        assert (error["code"], error["details"]["channel"], error["details"]["index"]) == (
            "SYMBOL_UNKNOWN", "tick.NOSUCH", 2,
        )  # fmt: skip
        assert (client.session.channels, client.on("sys")) == ({}, [])
    assert await gateway.guest().error("resume", {"session": "", "last": {}}) == "NOT_AUTHENTICATED"


async def test_a_start_that_replays_the_log_knows_what_was_told(tmp_path: Path) -> None:
    """A crash: no last snapshot, and another process."""
    recovered = recover(tmp_path)
    gateway = await open_gateway(ROOMY, recovered)
    ann, match = await gateway.player(), await room(gateway)
    await ann.result("match.join", {"match": match})
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "5"})
    player, before = ann.session.player, gateway.arena.fanout.recent
    await gateway.stops()
    recovered.close()

    after = Recent(1_000)
    recovered = recover(tmp_path, on_replayed=lambda machine, events: keep_replayed(machine.state, after, events))
    book = recovered.machine.state.book
    last = views.last_message(book, player)
    assert last > 3
    for n in range(last + 1):
        assert after.private_after(player, n, last, 100) == before.private_after(player, n, last, 100) is not None
    told = views.last_match_message(book, match)
    assert after.of_match_after(match, 0, told, 100) == before.of_match_after(match, 0, told, 100) != []
    recovered.close()


def test_what_is_kept_is_bounded() -> None:
    recent = Recent(4)
    events = np.zeros(7, recent._events.dtype)
    events["player"], events["message"] = [1, 2, 2, 0, 1, 2, 2], [1, 1, 2, 0, 2, 3, 4]
    recent.keep_private(events, np.arange(7))
    assert recent.private_after(1, 1, 2, 9) is not None
    assert recent.private_after(1, 0, 2, 9) is None
    found = recent.private_after(2, 2, 4, 9)
    assert found is not None
    assert found.places == [5, 6]
    for number in range(MATCHES + 1):
        recent.keep_of_match(number, 1, Message(1, 1, "room.joined", None))
    assert recent.of_match_after(0, 0, 1, 9) is None
    for n in range(2, MATCH_MESSAGES + 2):
        recent.keep_of_match(1, n, Message(1, 1, "room.joined", None))
    assert recent.of_match_after(1, 0, MATCH_MESSAGES + 1, 10**6) is None
    assert len(recent.of_match_after(1, 1, MATCH_MESSAGES + 1, 10**6) or ()) == MATCH_MESSAGES
