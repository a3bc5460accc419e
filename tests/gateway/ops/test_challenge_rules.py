"""Challenge rules as clients see them: in the match, in their seat, in what an order would do, and as events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from engine.model.commands import Anchor, ColdCommand, CreateGame, CreateMatch, Directions, TotalDrawdown, encode_cold
from engine.model.scale import MONEY
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from gateway.protocol.codecs import JSON, Codec
from tests.harness.gateway import MSGPACK, Client, Gateway, open_gateway

ONE_BITCOIN = {"symbol": "BTCUSDT", "side": "long", "quantity": "1", "leverage": 10}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    opened.arena.sequencer.stop()
    await opened.task


async def challenge(gateway: Gateway, starting_balance: int = 10_000 * MONEY, fees: bool = False, **rules: Any) -> int:
    """A practice match with these rules."""

    async def create(command: ColdCommand) -> int:
        outcome, _ = await gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, encode_cold(command))
        assert not outcome.reason
        return outcome.id

    game = await create(CreateGame("Challenge", "", starting_balance, 100, 125, fees=fees, **rules))
    return await create(CreateMatch(game=game, practice=True))


async def seat_in(client: Client, match: int) -> dict[str, Any]:
    """The client's seat: what match.get and me.get say of it is the same."""
    seat: dict[str, Any] = (await client.result("match.get", {"match": match}))["seat"]
    assert seat in (await client.result("me.get"))["seats"]
    return seat


def told(client: Client) -> list[tuple[str, Any]]:
    """What came on `me` after the snapshot."""
    return [(message["type"], message["data"]) for message in client.on("me")[1:]]


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_a_seat_is_warned_disqualified_sees_why_and_starts_over(gateway: Gateway, codec: Codec) -> None:
    match = await challenge(gateway, max_daily_drawdown_ppm=50_000, max_total_drawdown_ppm=200_000)
    ann = await gateway.player(codec)
    await ann.result("subscribe", {"channels": ["me"]})
    before = await seat_in(ann, match)
    assert (before["status"], before["floors"], before["distance"]) == (
        "playing",
        {"daily_drawdown": "9500.00000000", "total_drawdown": "8000.00000000"},
        {"daily_drawdown": "500.00000000", "total_drawdown": "2000.00000000"},
    )
    assert not {"warnings", "out"} & before.keys()

    await ann.result("order.place", {"match": match, **ONE_BITCOIN})
    await gateway.quote("BTCUSDT", 5_955_001, 5_955_002)
    warned = await seat_in(ann, match)
    assert (warned["status"], warned["distance"]["daily_drawdown"], warned["warnings"]) == (
        "playing", "50.00000000", {"daily_drawdown": 90},
    )  # fmt: skip
    await gateway.quote("BTCUSDT", 5_950_000, 5_950_001)

    _, first, second, (disqualified, evidence), (closed, position) = told(ann)
    assert first == (
        "seat.warned",
        {"match": match, "rule": "daily_drawdown", "equity": "9550.00000000", "floor": "9500.00000000", "percent": 80},
    )
    assert second == ("seat.warned", first[1] | {"percent": 90})
    message = ann.on("me")[4]
    assert disqualified == "seat.disqualified"
    assert evidence == {
        "match": match,
        "rule": "daily_drawdown",
        "equity": "9499.99000000",
        "floor": "9500.00000000",
        "symbol": "BTCUSDT",
        "bid": "59500.00",
        "ask": "59500.01",
        "quote_seq": message["seq"],
    }
    assert (closed, position["cause"]) == ("position.closed", "rule")

    out = await seat_in(ann, match)
    assert (out["status"], out["warnings"]) == ("disqualified", {"daily_drawdown": 90})
    assert not {"floors", "distance"} & out.keys()
    del evidence["quote_seq"]
    assert out["out"] == evidence | {"seq": message["seq"]}
    (row,) = (await ann.result("match.board", {"match": match}))["rows"]
    assert (row["status"], row["equity"]) == ("disqualified", "9499.99000000")
    assert await ann.error("order.test", {"match": match, **ONE_BITCOIN}) == "SEAT_DISQUALIFIED"

    await ann.result("match.reset", {"match": match})
    again = await seat_in(ann, match)
    joined_at = {"joined_at": before["joined_at"]}
    assert again | joined_at == before
    assert told(ann)[-1][0] == "seat.changed"


async def test_a_reached_target_locks_the_seat(gateway: Gateway) -> None:
    match = await challenge(gateway, profit_target_ppm=10_000)
    ann = await gateway.player()
    await ann.result("subscribe", {"channels": ["me"]})
    await ann.result("order.place", {"match": match, **ONE_BITCOIN})
    assert (await seat_in(ann, match))["distance"] == {"profit_target": "100.01000000"}
    await gateway.quote("BTCUSDT", 6_010_001, 6_010_002)
    type, data = told(ann)[1]
    assert (type, data["rule"], data["equity"], data["target"]) == (
        "seat.locked", "profit_target", "10100.00000000", "10100.00000000",
    )  # fmt: skip
    seat = await seat_in(ann, match)
    assert (seat["status"], seat["locked"]["target"]) == ("locked", "10100.00000000")
    assert not {"distance", "out"} & seat.keys()
    assert await ann.error("order.place", {"match": match, **ONE_BITCOIN}) == "SEAT_LOCKED"


async def test_what_a_timer_found_comes_before_the_quote_of_the_same_sequence(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    match = await challenge(gateway, max_total_drawdown_ppm=10_000)
    ann = await gateway.player()
    await ann.result("subscribe", {"channels": ["me", "tick.BTCUSDT"]})
    up = {"symbol": "BTCUSDT", "direction": "up", "stake": "200", "duration": 5, "account": {"match": match}}
    bought = await ann.asks("fixed.buy", up)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    monkeypatch.setattr(gateway.arena.clock, "stamp_ns", lambda: (bought["at"] + 4_000) * 10**6)
    await gateway.quote("BTCUSDT", 5_990_000, 5_990_001)
    monkeypatch.setattr(gateway.arena.clock, "stamp_ns", lambda: (bought["at"] + 5_001) * 10**6)
    await gateway.quote("BTCUSDT", 6_010_000, 6_010_001)

    pushed = [message for message in ann.messages() if "channel" in message and "kind" not in message]
    pushed = [message for message in pushed if message["type"] != "notification"]
    assert [message["type"] for message in pushed[-3:]] == ["fixed.settled", "seat.disqualified", "tick"]
    assert len({message["seq"] for message in pushed[-3:]}) == 1
    order = [(message["seq"], message.get("place", 0)) for message in pushed]
    assert order == sorted(set(order))


async def test_the_way_to_a_target_is_shown_after_the_fees_of_closing(gateway: Gateway) -> None:
    match = await challenge(gateway, fees=True, profit_target_ppm=10_000)
    ann = await gateway.player()
    await ann.result("order.place", {"match": match, **ONE_BITCOIN})
    seat = await seat_in(ann, match)
    net = Decimal(seat["equity"]) - Decimal("30")  # 0.05 % of the bid, 60,000
    assert (Decimal(seat["net_equity"]), Decimal(seat["distance"]["profit_target"])) == (net, 10_100 - net)


async def test_a_trades_loss_is_told_as_its_result_against_the_limit(gateway: Gateway) -> None:
    match = await challenge(gateway, max_loss_per_trade_ppm=10_000, loss_disqualifies=True)
    ann = await gateway.player()
    await ann.result("order.place", {"match": match, **ONE_BITCOIN})
    await gateway.quote("BTCUSDT", 5_990_000, 5_990_001)
    out = (await seat_in(ann, match))["out"]
    assert (out["rule"], out["result"], out["limit"]) == ("loss_per_trade", "-100.01000000", "-100.00000000")
    assert not {"equity", "floor", "target"} & out.keys()


async def test_order_test_says_what_would_be_left_to_each_floor(gateway: Gateway) -> None:
    match = await challenge(gateway, fees=True, max_daily_drawdown_ppm=50_000, max_total_drawdown_ppm=100_000)
    ann = await gateway.player()
    order = {"match": match, **ONE_BITCOIN}
    would = await ann.result("order.test", order)
    assert would["distance"] == {
        "daily_drawdown": "469.98999500",  # 500 less a fee of 30.000005 and a cent
        "total_drawdown": "969.98999500",
    }
    await ann.result("order.place", order)
    seat = await seat_in(ann, match)
    assert {rule: seat["distance"][rule] for rule in would["distance"]} == would["distance"]

    # One that rests, held against what it does when its price has come. What was open has lost by then.
    resting = order | {"quantity": "0.1", "type": "limit", "price": "59990.01"}
    would = await ann.result("order.test", resting)
    await ann.result("order.place", resting)
    await gateway.quote("BTCUSDT", 5_999_000, 5_999_001)
    seat = await seat_in(ann, match)
    assert seat["positions"] == 2
    assert Decimal(would["distance"]["daily_drawdown"]) - Decimal(seat["distance"]["daily_drawdown"]) == 10

    assert "distance" not in await ann.result("order.test", order | {"match": 1})


async def test_a_match_shows_its_rules_as_people_read_them(gateway: Gateway) -> None:
    ann = await gateway.player()
    await challenge(
        gateway,
        starting_balance=1_234_567,
        allowed_symbols=("SOLUSDT", "ETHUSDT"),
        directions=Directions.SHORT_ONLY,
        max_trades_per_minute=7,
        min_trades=3,
        min_hold_s=90,
        max_daily_drawdown_ppm=33_333,
        daily_anchor=Anchor.HIGHER,
        max_total_drawdown_ppm=1_000_000,
        total_drawdown=TotalDrawdown.TRAILING,
        max_loss_per_trade_ppm=1,
        loss_disqualifies=True,
        profit_target_ppm=2_505_000,
        target_ends=True,
        allow_hedging=False,
        day_start_min=17 * 60 + 5,
    )
    practice, default, strict = await ann.result("match.list")
    assert practice["rules"] == {}
    assert default["rules"] == {
        "max_trades_per_minute": 10,
        "max_daily_drawdown_pct": "5",
        "daily_anchor": "balance",
        "max_total_drawdown_pct": "10",
        "total_drawdown": "trailing_lock",
        "profit_target_pct": "10",
        "profit_target": "locks",
        "profit_target_measure": "net_equity",
        "day_zone": "UTC",
        "day_start": "00:00",
    }
    assert strict["rules"] == {
        "allowed_symbols": ["ETHUSDT", "SOLUSDT"],
        "allowed_directions": "short_only",
        "max_trades_per_minute": 7,
        "min_trades": 3,
        "min_hold_s": 90,
        "max_daily_drawdown_pct": "3.3333",
        "daily_anchor": "higher",
        "max_total_drawdown_pct": "100",
        "total_drawdown": "trailing",
        "max_loss_per_trade_pct": "0.0001",
        "loss_per_trade": "disqualify",
        "profit_target_pct": "250.5",
        "profit_target": "ends",
        "allow_hedging": False,
        "profit_target_measure": "net_equity",
        "day_zone": "UTC",
        "day_start": "17:05",
    }
    assert "seat" not in default
    assert (await ann.result("match.get", {"match": strict["match"]}))["rules"] == strict["rules"]
