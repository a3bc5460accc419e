"""Looking back: the summary of a match, the lists of a player's matches and trades, and the final ranking."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace

from engine.batch.machine import Applied
from engine.model.commands import Batch
from gateway.core.defaults import INSTRUMENTS
from gateway.core.tokens import ADMIN
from gateway.process import history
from gateway.protocol.codecs import JSON, Codec
from persistence import projection
from persistence.projector import Projector
from persistence.queries import Queries
from tests.gateway.ops.test_queues import passes
from tests.harness.gateway import MSGPACK, Client, Gateway, open_gateway

SPRINT = {"title": "Sprint", "duration_s": 600, "max_total_drawdown_pct": "10", "reward_price": "50"}
ONE = {"symbol": "BTCUSDT", "side": "long", "quantity": "0.1", "leverage": 10}


@pytest_asyncio.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway with a projection."""
    opened = await open_gateway()
    sequence = opened.arena.sequencer.sequence
    path = tmp_path / projection.FILE
    connection = projection.connect(path)
    projection.store(connection, b"log", sequence, [])
    connection.close()
    projector, queries = await Projector.open(path, b"log", sequence, gather_s=0.05), Queries(path)
    opened.arena.history = history.History(projector, queries, path)

    def put(batch: Batch, applied: Applied) -> None:
        projector.put(batch.first_sequence, batch.first_sequence + len(batch.records) - 1, applied.events)

    opened.arena.sequencer._consumers["history"] = put  # type: ignore[index]
    yield opened
    opened.arena.sequencer.stop()
    await opened.task
    await projector.close()
    await queries.close()


@pytest_asyncio.fixture
async def boss(gateway: Gateway) -> Client:
    client = gateway.guest()
    await client.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    return client


async def sprint(boss: Client, *players: Client, **rules: Any) -> int:
    game = (await boss.result("admin.create_game", SPRINT | rules))["id"]
    match: int = (await boss.result("admin.create_match", {"game": game}))["id"]
    for player in players:
        await player.result("match.join", {"match": match})
    return match


async def ends(gateway: Gateway, boss: Client, match: int) -> None:
    await boss.result("admin.end_match", {"match": match, "reason": "over"})
    await gateway.settles()


async def later(client: Client, op: str, args: Any = None) -> Any:
    """The result of an op that waits for the projection."""
    reply = await answered(client, op, args)
    assert reply["ok"], reply
    return reply["result"]


async def listed(client: Client, op: str, args: Any = None) -> list[Any]:
    """The items of a list."""
    items: list[Any] = (await later(client, op, args))["items"]
    return items


async def answered(client: Client, op: str, args: Any = None) -> dict[str, Any]:
    client._id += 1
    request = {"id": client._id, "op": op, **({} if args is None else {"args": args})}
    client.sends(client.codec.encode(request))
    while True:
        found = [message for message in client.messages() if message.get("id") == client._id]
        if found:
            return found[0]
        await asyncio.sleep(0.005)


async def test_a_match_is_summed_up_as_soon_as_it_is_over(gateway: Gateway, boss: Client) -> None:
    """Asked for at once, it is complete: the closes of the end, the end of the curve, and the rank are in."""
    ann, bob = await gateway.player(), await gateway.player(MSGPACK)
    match = await sprint(boss, ann, bob)
    won = await ann.result("order.place", {"match": match, **ONE})
    lost = await ann.result("order.place", {"match": match, **ONE, "side": "short", "quantity": "0.02"})
    up = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 300, "account": {"match": match}}
    assert (await ann.asks("fixed.buy", up))["ok"]
    await bob.result("order.place", {"match": match, **ONE, "side": "short", "quantity": "1"})
    await gateway.quote("BTCUSDT", 6_101_000, 6_101_001)
    await ends(gateway, boss, match)

    summary = await later(ann, "match.summary", {"match": match})
    of = summary["match"]
    assert (of["match"], of["title"], of["rank"], of["players"], of["prize"]) == (match, "Sprint", 1, 2, "50.00000000")
    assert (of["trades"], of["wins"], "out" in of, "out" in summary, "currency" in of) == (2, 1, False, False, False)
    assert (summary["best"]["position"], summary["best"]["side"]) == (won["position"], "long")
    assert (summary["worst"]["position"], summary["worst"]["side"]) == (lost["position"], "short")
    result = Decimal(summary["best"]["net"]) + Decimal(summary["worst"]["net"])
    assert result == Decimal(of["balance"]) - Decimal(of["starting_balance"])
    assert result == Decimal(of["profit"]) - Decimal(of["fees"]) == Decimal(of["net"])
    assert summary["equity"][-1] == [of["at"], of["balance"]]

    summary = await later(bob, "match.summary", {"match": match})
    assert (summary["match"]["rank"], summary["match"]["out"]) == (2, "total_drawdown")
    assert summary["out"] == (await bob.result("match.get", {"match": match}))["seat"]["out"]
    assert summary["best"] == summary["worst"]


async def test_a_winner_who_has_reached_the_target_is_locked_and_not_out(gateway: Gateway, boss: Client) -> None:
    ann = await gateway.player()
    match = await sprint(boss, ann, profit_target_pct="1", max_total_drawdown_pct="0")
    await ann.result("subscribe", {"channels": ["me"]})
    await ann.result("order.place", {"match": match, **ONE, "quantity": "1"})
    await gateway.quote("BTCUSDT", 6_101_000, 6_101_001)
    await ends(gateway, boss, match)
    finished = next(message["data"] for message in ann.on("me") if message["type"] == "match.finished")
    summary = await later(ann, "match.summary", {"match": match})
    for told in (finished, summary["match"], *await listed(ann, "me.matches")):
        assert (told["rank"], told["locked"], "out" in told) == (1, True, False)
    assert (summary["locked"]["rule"], "out" in summary) == ("profit_target", False)


async def test_what_is_not_over_not_joined_or_called_off_is_not_summed_up(gateway: Gateway, boss: Client) -> None:
    ann, bob = await gateway.player(), await gateway.player()
    match = await sprint(boss, ann)
    for of, code in ((99, "MATCH_NOT_FOUND"), (match, "MATCH_NOT_OVER"), (1, "MATCH_NOT_OVER")):
        assert await ann.error("match.summary", {"match": of}) == code
    assert await bob.error("match.summary", {"match": match}) == "NOT_JOINED"
    waits = await sprint(boss, ann, min_players=2, max_players=2)
    assert await ann.error("match.summary", {"match": waits}) == "MATCH_NOT_OVER"
    await boss.result("admin.cancel_match", {"match": waits, "reason": "rain"})
    assert await ann.error("match.summary", {"match": waits}) == "MATCH_CALLED_OFF"
    await boss.result("admin.archive_match", {"match": waits})
    assert await ann.error("match.summary", {"match": waits}) == "MATCH_CALLED_OFF"


async def test_a_projection_that_lags_behind_is_not_waited_for_for_ever(
    gateway: Gateway, boss: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "WITHIN_S", 0.05)
    ann = await gateway.player()
    match = await sprint(boss, ann)
    with closing(sqlite3.connect(tmp_path / projection.FILE, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        await ends(gateway, boss, match)
        for op, args in (("match.summary", {"match": match}), ("me.matches", None)):
            error = (await answered(ann, op, args))["error"]
            assert (error["code"], error["retry"]) == ("OVERLOADED", "after")
            assert error["details"] == {"because": "the history lags behind"}
        another.execute("ROLLBACK")
    monkeypatch.undo()
    assert (await later(ann, "match.summary", {"match": match}))["match"]["rank"] == 1


async def test_what_a_reply_has_said_can_be_looked_up_at_once(gateway: Gateway, boss: Client) -> None:
    ann, bob = await gateway.player(), await gateway.player()
    match = await sprint(boss, ann)
    for number in range(1, 6):
        await ann.result("wallet.top_up", {"asset": "USDT", "amount": "1"})
        assert [row["change"] for row in await listed(ann, "me.ledger")] == ["1.000000"] * number
        placed = await ann.result("order.place", {"match": match, **ONE})
        await ann.result("position.close", {"position": placed["position"], "percent": 100})
        trades = await listed(ann, "me.trades")
        assert (len(trades), trades[0]["position"]) == (number, placed["position"])
    assert await listed(bob, "me.trades") == []


async def test_a_history_that_cannot_be_read_is_to_be_asked_for_again(gateway: Gateway, tmp_path: Path) -> None:
    ann = await gateway.player()
    (tmp_path / projection.FILE).rename(tmp_path / "elsewhere")
    error = (await answered(ann, "me.trades"))["error"]
    assert (error["code"], error["retry"]) == ("OVERLOADED", "after")
    assert error["details"] == {"because": "the history cannot be read at the moment"}
    (tmp_path / "elsewhere").rename(tmp_path / projection.FILE)
    assert await listed(ann, "me.trades") == []


async def test_between_the_candles_that_are_stored_and_the_unfinished_one_there_is_no_hole(gateway: Gateway) -> None:
    ann = await gateway.player()
    asked = {"symbol": "BTCUSDT", "interval": "1s", "limit": 100}
    for number in range(3):
        await passes(gateway, 1)
        await gateway.quote("BTCUSDT", 6_100_000 + number, 6_100_001 + number)
        opened = [candle[0] for candle in await later(ann, "candles", asked)]
        assert opened == [opened[0] + 1_000 * second for second in range(len(opened))]
        assert len(opened) >= number + 2


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_lists_are_paged_backwards(gateway: Gateway, boss: Client, codec: Codec) -> None:
    ann = await gateway.player(codec)
    bob = await gateway.player()
    assert [await listed(ann, op) for op in ("me.matches", "me.trades", "me.fixed")] == [[], [], []]
    await ann.result("subscribe", {"channels": ["me"]})
    matches = [await sprint(boss, ann) for _ in range(3)]
    placed = await ann.result("order.place", {"match": matches[0], **ONE})
    part = await ann.result("position.close", {"position": placed["position"], "percent": 30})
    assert part["left"] == "0.07000"
    stake = {"symbol": "BTCUSDT", "direction": "down", "stake": "7", "duration": 500}
    bought = await ann.result("fixed.buy", stake | {"account": {"match": matches[1]}})
    for match in reversed(matches):
        await ends(gateway, boss, match)
    await later(ann, "match.summary", {"match": matches[0]})

    private = {message["n"]: message for message in ann.on("me")}
    told = await listed(ann, "me.matches")
    assert [row["match"] for row in told] == matches
    assert all(private[row["n"]]["type"] == "match.finished" for row in told)
    assert private[told[0]["n"]]["data"].items() <= told[0].items()
    assert await listed(ann, "me.matches", {"limit": 1, "before": told[0]["n"]}) == told[1:2]

    whole, first = await listed(ann, "me.trades", {"limit": 10})
    assert (whole["position"], whole["cause"], whole["left"]) == (placed["position"], "match_end", "0")
    assert (first["cause"], first["quantity"], first["entry_price"]) == ("client", "0.03000", "60000.01")
    message = private[first["n"]]["data"]
    assert {name: message[name] for name in message if name in first} == {
        name: first[name] for name in message if name in first
    }
    assert set(message) - set(first) == {"cash", "liquidation_price"}
    assert await listed(ann, "me.trades", {"before": whole["n"]}) == [first]

    (settled,) = await listed(ann, "me.fixed")
    assert (settled["trade"], settled["result"], settled["reason"]) == (bought["trade"], "refunded", "MATCH_NOT_OPEN")
    message = private[settled["n"]]["data"]
    assert (message.pop("cash"), message.items() <= settled.items()) == ("10000.00000000", True)
    assert await listed(bob, "me.trades") == []
    for op in ("me.matches", "me.trades", "me.fixed"):
        for wrong in ({"limit": 0}, {"limit": 501}, {"before": 0}, {"befor": 1}):
            assert await ann.error(op, wrong) == "BAD_ARGUMENTS"


async def test_what_was_staked_from_a_wallet_is_told_in_its_money(gateway: Gateway, boss: Client) -> None:
    """A unit of USDT is a hundred of virtual money."""
    ann = await gateway.player()
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "50"})
    await boss.result("admin.fund_rewards", {"asset": "USDT", "amount": "1000"})
    bitcoin = next(seed for seed in INSTRUMENTS if seed.symbol == "BTCUSDT")
    await boss.result("admin.define_instrument", msgspec.to_builtins(replace(bitcoin, fixed_wallets=("USDT",))))
    await ann.result("subscribe", {"channels": ["me"]})
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    up = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 5, "account": {"wallet": "usdt"}}
    await ann.result("fixed.buy", up)
    await passes(gateway, 3)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    await gateway.quote("BTCUSDT", 6_000_500, 6_000_501)
    await passes(gateway, 4)
    await gateway.quote("BTCUSDT", 6_000_500, 6_000_501)
    message = next(message for message in ann.on("me") if message["type"] == "fixed.settled")
    while not (rows := await listed(ann, "me.fixed")):
        pass
    (settled,) = rows
    told = message["data"]
    assert (settled["n"], told.pop("cash")) == (message["n"], "58.000000")
    assert told.items() <= settled.items()
    assert (settled["wallet"], settled["stake"], settled["paid_back"]) == ("usdt", "10.000000", "18.000000")
    assert "match" not in settled


async def test_the_board_of_a_match_that_is_over_is_its_ranking(gateway: Gateway, boss: Client) -> None:
    """Ann has more, and is disqualified for what she once had: the board shows what the match was decided by."""
    ann, bob = await gateway.player(), await gateway.player()
    match = await sprint(boss, ann, bob, min_trades=1)
    await bob.result("order.place", {"match": match, **ONE})
    await gateway.quote("BTCUSDT", 5_990_000, 5_990_001)
    before = await ann.result("match.board", {"match": match})
    assert ([row["player"] for row in before["rows"]], before["rank"]) == ([ann.session.player, bob.session.player], 1)
    assert "prize" not in before["rows"][0]
    await ends(gateway, boss, match)
    board = await ann.result("match.board", {"match": match})
    assert [(row["rank"], row["player"], row["prize"]) for row in board["rows"]] == [
        (1, bob.session.player, "50.00000000"), (2, ann.session.player, "0"),
    ]  # fmt: skip
    assert board["rank"] == 2
    await boss.result("admin.archive_match", {"match": match})
    assert (await ann.result("match.board", {"match": match}))["rows"] == board["rows"]
