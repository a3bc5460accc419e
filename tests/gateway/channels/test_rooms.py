"""The channel of a match: who comes and goes, when it begins and ends; and that lists hear of a new one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.channels.publisher import Publisher
from gateway.core.tokens import ADMIN
from tests.harness.gateway import MSGPACK, Client, Gateway, open_gateway

ROOM = {"title": "Room", "duration_s": 60, "min_players": 2, "max_players": 3, "countdown_s": 30}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    opened.arena.sequencer.stop()
    await opened.task


@pytest_asyncio.fixture
async def boss(gateway: Gateway) -> Client:
    client = gateway.guest()
    await client.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    return client


async def room(boss: Client, **rules: Any) -> int:
    game = (await boss.result("admin.create_game", ROOM | rules))["id"]
    match: int = (await boss.result("admin.create_match", {"game": game}))["id"]
    return match


def told(client: Client, match: int) -> list[tuple[str, dict[str, Any]]]:
    """(type, data) of what came on the match's channel after the snapshot; their numbers have no gap."""
    snapshot, *messages = client.on(f"match.{match}")
    assert snapshot["kind"] == "snapshot"
    assert [message["n"] for message in messages] == list(range(snapshot["n"] + 1, snapshot["n"] + 1 + len(messages)))
    assert not any("kind" in message for message in messages)
    return [(message["type"], message["data"]) for message in messages]


async def test_from_the_first_player_to_the_archive(gateway: Gateway, boss: Client) -> None:
    match = await room(boss)
    watcher = gateway.guest(MSGPACK)
    assert await watcher.result("subscribe", {"channels": [f"match.{match}"]}) == {"channels": [f"match.{match}"]}
    (snapshot,) = watcher.on(f"match.{match}")
    assert (snapshot["type"], snapshot["data"]) == ("match", await boss.result("match.get", {"match": match}))
    ann, bob, eve = [await gateway.player() for _ in range(3)]
    for player in (ann, bob):
        await player.result("match.join", {"match": match})
    await bob.result("match.leave", {"match": match})
    for player in (bob, eve):
        await player.result("match.join", {"match": match})
    await boss.result("admin.end_match", {"match": match, "reason": "over"})
    await gateway.settles()
    await boss.result("admin.archive_match", {"match": match})
    await gateway.settles()

    messages = told(watcher, match)
    assert [type for type, _ in messages] == [
        "room.joined", "room.joined", "room.timed", "room.left", "room.timed", "room.joined", "room.timed",
        "room.joined", "room.started", "room.finished", "room.archived",
    ]  # fmt: skip
    first, second, countdown, left, stopped, _, again, third, started, finished, archived = [d for _, d in messages]
    assert first == {"match": match, "status": "waiting", "players": 1, "player": ann.session.player, "name": "ann"}
    assert (second["players"], second["player"], left["players"], left["player"]) == (
        2, bob.session.player, 1, bob.session.player,
    )  # fmt: skip
    assert countdown == {"match": match, "status": "waiting", "players": 2, "starts_at": second["starts_at"]}
    assert again["starts_at"] >= countdown["starts_at"] > 30_000
    assert stopped == {"match": match, "status": "waiting", "players": 1}
    assert (third["players"], third["player"]) == (3, eve.session.player)
    times = {"starts_at": started["starts_at"], "ends_at": started["ends_at"]}
    assert started == {"match": match, "status": "open", "players": 3, **times}
    assert (finished["status"], archived["status"]) == ("closed", "archived")


async def test_one_that_is_called_off_is_told_once(gateway: Gateway, boss: Client) -> None:
    match = await room(boss)
    ann = await gateway.player()
    await ann.result("match.join", {"match": match})
    await boss.result("subscribe", {"channels": [f"match.{match}"]})
    await boss.result("admin.cancel_match", {"match": match, "reason": "rain"})
    await gateway.settles()
    assert told(boss, match) == [("room.canceled", {"match": match, "status": "canceled", "players": 1})]


async def test_it_says_nothing_of_money_and_nothing_of_other_matches(gateway: Gateway, boss: Client) -> None:
    """An open match in which somebody pays, joins late, trades and is put out; and a practice match beside it."""
    match = await room(
        boss, min_players=0, max_players=0, countdown_s=0, currency="USDT", entry_fee="5", prize_split=[100],
        max_total_drawdown_pct="1",
    )  # fmt: skip
    await boss.result("subscribe", {"channels": [f"match.{match}"]})
    ann = await gateway.player()
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "50"})
    await ann.result("match.join", {"match": match})
    long = {"match": match, "symbol": "BTCUSDT", "side": "long", "quantity": "1", "leverage": 10}
    await ann.result("order.place", long)
    await gateway.quote("BTCUSDT", 5_000_000, 5_000_001)
    assert (await ann.result("match.get", {"match": match}))["seat"]["status"] == "disqualified"
    ((type, data),) = told(boss, match)
    assert (type, set(data)) == (
        "room.joined",
        {"match", "status", "players", "starts_at", "ends_at", "player", "name"},
    )


async def test_a_slow_reader_misses_nothing(gateway: Gateway, boss: Client) -> None:
    """Nothing of it is held back: who is too slow for that is cut, as for `me` and `sys`."""
    match = await room(boss)
    await boss.result("subscribe", {"channels": [f"match.{match}"]})
    boss.outlet.slow = True
    for _ in range(3):
        await (await gateway.player()).result("match.join", {"match": match})
    await gateway.settles()
    assert [type for type, _ in told(boss, match)].count("room.joined") == 3
    assert boss.outlet.held == {}


async def test_who_unsubscribes_hears_no_more_and_the_numbers_go_on(gateway: Gateway, boss: Client) -> None:
    match = await room(boss)
    name = f"match.{match}"
    await boss.result("subscribe", {"channels": [name]})
    await (await gateway.player()).result("match.join", {"match": match})
    await boss.result("unsubscribe", {"channels": [name]})
    await (await gateway.player()).result("match.join", {"match": match})
    assert len(boss.on(name)) == 2
    await boss.result("subscribe", {"channels": [name]})
    assert boss.on(name)[-1]["n"] == 3  # joined, joined, timed
    assert boss.on(name)[-1]["data"]["players"] == 2


async def private(boss: Client) -> int:
    game = (await boss.result("admin.create_game", ROOM))["id"]
    match: int = (await boss.result("admin.create_match", {"game": game, "code": "sesame"}))["id"]
    return match


async def test_a_private_match_is_listed_and_otherwise_for_those_who_are_in_it(gateway: Gateway, boss: Client) -> None:
    match = await private(boss)
    ann, bob = await gateway.player(), await gateway.player()
    channels = {"channels": [f"match.{match}", f"board.{match}"]}
    await ann.result("match.join", {"match": match, "code": "sesame"})
    for stranger in (gateway.guest(), bob):
        for name in channels["channels"]:
            assert await stranger.error("subscribe", {"channels": ["tick.BTCUSDT", name]}) == "NOT_JOINED"
        assert stranger.session.channels == {}
    assert await bob.error("match.board", {"match": match}) == "NOT_JOINED"
    shown = await bob.result("match.get", {"match": match})
    assert [shown] == await bob.result("match.list", {"status": "waiting"})
    assert (shown["private"], shown["players"], "seat" in shown) == (True, 1, False)
    for client in (ann, boss):
        assert await client.result("subscribe", channels) == channels
        assert len((await client.result("match.board", {"match": match}))["rows"]) == 1
    await bob.result("match.join", {"match": match, "code": "sesame"})
    assert await bob.result("subscribe", channels) == channels
    assert told(boss, match)[0][1]["name"] == "ann"


async def test_who_leaves_a_private_match_hears_no_more_of_it(gateway: Gateway, boss: Client) -> None:
    match = await private(boss)
    ann, bob = await gateway.player(), await gateway.player()
    again = await gateway.client(ann.session.player)
    channels = {"channels": [f"match.{match}", f"board.{match}"]}
    for player in (ann, bob):
        await player.result("match.join", {"match": match, "code": "sesame"})
        await player.result("subscribe", channels)
    await again.result("subscribe", {"channels": [f"board.{match}"]})
    await ann.result("match.leave", {"match": match})
    Publisher(gateway.machine.state, gateway.instruments, gateway.arena.boards, gateway.arena.fanout,
              gateway.arena.clock.stamp_ns).send_boards()  # fmt: skip
    await boss.result("admin.cancel_match", {"match": match, "reason": "rain"})
    await gateway.settles()
    heard = ann.on(f"match.{match}")
    assert [message["type"] for message in heard] == ["match", "room.joined", "room.timed", "room.left", "match"]
    assert (heard[-1]["n"], heard[-1]["data"], heard[-1]["kind"]) == (heard[-2]["n"], {}, "ended")
    for client in (ann, again):
        assert [message.get("kind") for message in client.on(f"board.{match}")] == ["snapshot", "ended"]
        assert client.session.channels == {}
        assert await client.error("subscribe", channels) == "NOT_JOINED"
    assert [type for type, _ in told(bob, match)][-1] == "room.canceled"
    assert len(bob.on(f"board.{match}")) == 2
    for client in (ann, bob, again):
        client.session.ended()


@pytest.mark.parametrize("type", ["match", "board"])
async def test_a_channel_has_one_name(gateway: Gateway, boss: Client, type: str) -> None:
    match = await private(boss)
    ann = await gateway.player()
    await ann.result("match.join", {"match": match, "code": "sesame"})
    assert await ann.error("subscribe", {"channels": [f"{type}.0{match}"]}) == "CHANNEL_UNKNOWN"
    await ann.result("match.leave", {"match": match})
    assert ann.session.channels == {}


async def test_who_leaves_a_public_match_may_go_on_watching(gateway: Gateway, boss: Client) -> None:
    match = await room(boss)
    ann = await gateway.player()
    await ann.result("match.join", {"match": match})
    await ann.result("subscribe", {"channels": [f"match.{match}"]})
    await ann.result("match.leave", {"match": match})
    await (await gateway.player()).result("match.join", {"match": match})
    assert [type for type, _ in told(ann, match)] == ["room.left", "room.joined"]


@pytest.mark.parametrize("name", ["match.7", "match.", "match.x", "match", "match.1.2", "match.99999999999"])
async def test_there_is_no_channel_of_a_match_that_is_none(gateway: Gateway, name: str) -> None:
    assert await gateway.guest().error("subscribe", {"channels": [name]}) == "CHANNEL_UNKNOWN"


async def test_lists_hear_of_a_new_match(gateway: Gateway, boss: Client) -> None:
    watcher = gateway.guest()
    await watcher.result("subscribe", {"channels": ["sys"]})
    game = (await boss.result("admin.create_game", ROOM))["id"]
    match = (await boss.result("admin.create_match", {"game": game}))["id"]
    created = watcher.on("sys")[-1]
    assert (created["type"], created["data"]) == ("match.created", {"match": match, "game": game})
