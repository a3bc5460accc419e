"""Errors say which argument is wrong, what it was, and what is allowed; and when it is worth trying again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace

from engine.model.commands import ColdCommand, CreateGame, CreateMatch, Directions, encode_cold
from engine.model.scale import MONEY
from gateway.core.defaults import INSTRUMENTS
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from gateway.core.tokens import ADMIN
from gateway.presenters.hours import DAYS, parse_hours
from tests.harness.gateway import Client, Gateway, open_gateway

ORDER = {"match": 1, "symbol": "BTCUSDT", "side": "long", "leverage": 10, "margin": "100"}
STAKE = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 60, "account": {"match": 1}}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    await opened.stops()


async def does(gateway: Gateway, command: ColdCommand) -> int:
    outcome, _ = await gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, encode_cold(command))
    assert not outcome.reason
    return outcome.id


async def match_with(gateway: Gateway, **rules: Any) -> int:
    game = await does(gateway, CreateGame("Rules", "", 10_000 * MONEY, 3, 50, **rules))
    return await does(gateway, CreateMatch(game=game, practice=True))


async def error_of(client: Client, op: str, args: Any) -> dict[str, Any]:
    reply = await client.asks(op, args)
    assert not reply["ok"], reply
    error: dict[str, Any] = reply["error"]
    return error


BRACKETS = ["125 up to a notional of 50000.00000000", "5 above"]


@pytest.mark.parametrize(
    ("changed", "code", "details"),
    [
        ({"leverage": 126}, "LEVERAGE_TOO_HIGH", {"field": "leverage", "value": 126, "at_most": 125}),
        ({"leverage": 0}, "LEVERAGE_INVALID", {"field": "leverage", "value": 0, "at_most": 125}),
        ({"margin": None, "quantity": "2000"}, "QUANTITY_TOO_HIGH",
         {"field": "quantity", "value": "2000", "quantity_at_most": "1000.00000"}),
        ({"margin": "0.01"}, "SIZE_ZERO", {"field": "margin", "value": "0.01", "quantity_at_least": "0.00001"}),
        ({"margin": "0.1"}, "NOTIONAL_TOO_LOW", {"field": "margin", "value": "0.1", "notional_at_least": "5.00000000"}),
        ({"margin": "20000"}, "CASH_TOO_LOW", {"cash": "10000.00000000"}),
        ({"type": "limit", "price": "1000000.01"}, "PRICE_INVALID",
         {"fields": ["price"], "at_least": "0.01", "at_most": "1000000.00"}),
        ({"trailing_stop": 1_000_000}, "TRAILING_STOP_INVALID",
         {"field": "trailing_stop", "value": 1_000_000, "at_least": 1, "at_most": 999_999}),
        ({"max_slippage": 1_000_001}, "SLIPPAGE_INVALID",
         {"field": "max_slippage", "value": 1_000_001, "at_least": 1, "at_most": 1_000_000}),
        ({"expires_at": 1}, "EXPIRY_INVALID", {"field": "expires_at", "value": 1}),
    ],
)  # fmt: skip
async def test_an_order_is_refused_with_what_is_allowed(
    gateway: Gateway, changed: dict[str, Any], code: str, details: dict[str, Any]
) -> None:
    ann = await gateway.player()
    order = {field: value for field, value in (ORDER | changed).items() if value is not None}
    for op in ("order.place", "order.test"):
        error = await error_of(ann, op, order)
        assert error["code"] == code
        brackets = error["details"].pop("brackets", None)
        assert error["details"] == details
        if brackets is not None:
            assert (brackets[0], brackets[-1]) == (BRACKETS[0], BRACKETS[-1])


@pytest.mark.parametrize(
    ("op", "args", "code", "details"),
    [
        ("position.close", {"quantity": "5"}, "QUANTITY_TOO_HIGH",
         {"field": "quantity", "value": "5", "at_most": "0.01666"}),
        ("position.close", {"percent": 101}, "PERCENT_INVALID",
         {"field": "percent", "value": 101, "at_least": 1, "at_most": 100}),
        ("position.amend", {"add_margin": "20000"}, "CASH_TOO_LOW",
         {"field": "add_margin", "value": "20000", "at_most": "9899.54018325"}),
        ("position.amend", {"remove_margin": "99"}, "MARGIN_TOO_LOW",
         {"field": "remove_margin", "value": "99", "margin": "99.96001666"}),
        ("position.amend", {"stop_loss": "60000.01"}, "WOULD_TRIGGER_NOW",
         {"field": "stop_loss", "value": "60000.01", "mark_price": "60000.00"}),
        ("position.amend", {"take_profit": "1000000.01"}, "PRICE_INVALID",
         {"field": "take_profit", "value": "1000000.01", "at_least": "0.01", "at_most": "1000000.00"}),
    ],
)  # fmt: skip
async def test_what_is_asked_for_a_position_is_refused_with_its_figures(
    gateway: Gateway, op: str, args: dict[str, Any], code: str, details: dict[str, Any]
) -> None:
    ann = await gateway.player()
    position = (await ann.result("order.place", ORDER))["position"]
    error = await error_of(ann, op, {"position": position, **args})
    assert (error["code"], error["details"]) == (code, details)


async def test_a_close_without_a_size_closes_all(gateway: Gateway) -> None:
    ann = await gateway.player()
    position = (await ann.result("order.place", ORDER))["position"]
    assert (await ann.result("position.close", {"position": position}))["left"] == "0"


async def test_who_may_not_hedge_hears_which_side_is_open(gateway: Gateway) -> None:
    order = ORDER | {"match": await match_with(gateway, allow_hedging=False)}
    ann = await gateway.player()
    await ann.result("order.place", order)
    error = await error_of(ann, "order.place", order | {"side": "short"})
    assert (error["code"], error["details"]) == (
        "HEDGING_NOT_ALLOWED", {"field": "side", "value": "short", "allowed": ["long"]},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "code", "details"),
    [
        ({"stake": "0.5"}, "STAKE_TOO_LOW",
         {"field": "stake", "value": "0.5", "at_least": "1.00000000", "at_most": "1000.00000000"}),
        ({"stake": "1001"}, "STAKE_TOO_HIGH",
         {"field": "stake", "value": "1001", "at_least": "1.00000000", "at_most": "1000.00000000"}),
        ({"duration": 4}, "DURATION_INVALID", {"field": "duration", "value": 4, "at_least": 5, "at_most": 86400}),
        ({"duration": 0}, "DURATION_INVALID", {"field": "duration", "value": 0, "at_least": 5, "at_most": 86400}),
    ],
)  # fmt: skip
async def test_a_stake_is_refused_with_what_is_allowed(
    gateway: Gateway, changed: dict[str, Any], code: str, details: dict[str, Any]
) -> None:
    error = await error_of(await gateway.player(), "fixed.buy", STAKE | changed)
    assert (error["code"], error["details"]) == (code, details)


async def test_the_rules_of_a_match_are_told_when_they_refuse(gateway: Gateway) -> None:
    ann = await gateway.player()
    narrow = await match_with(gateway, allowed_symbols=("ETHUSDT",), directions=Directions.SHORT_ONLY)
    assert (await error_of(ann, "order.place", ORDER | {"match": narrow}))["details"] == {
        "field": "symbol", "value": "BTCUSDT", "allowed": ["ETHUSDT"],
    }  # fmt: skip
    shorts = await match_with(gateway, directions=Directions.SHORT_ONLY)
    assert (await error_of(ann, "order.place", ORDER | {"match": shorts}))["details"] == {"allowed": ["short"]}
    three = await match_with(gateway)
    for _ in range(3):
        await ann.result("order.place", ORDER | {"match": three})
    assert (await error_of(ann, "order.place", ORDER | {"match": three}))["details"] == {"at_most": 3}


async def test_too_many_trades_may_be_tried_again_when_the_minute_of_the_first_is_over(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await gateway.player()
    match = await match_with(gateway, max_trades_per_minute=2)
    first = await ann.asks("order.place", ORDER | {"match": match})
    monkeypatch.setattr(gateway.arena.clock, "stamp_ns", lambda: (first["at"] + 1_500) * 10**6)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    await ann.result("order.place", ORDER | {"match": match})
    error = await error_of(ann, "order.place", ORDER | {"match": match})
    assert (error["code"], error["retry"], error["details"]["at_most"]) == ("TOO_MANY_TRADES", "after", 2)
    assert 58_500 <= error["retry_after"] <= 58_501
    assert 0 <= error["details"]["opens_at"] - (first["at"] + 60_000) <= 1


async def test_a_closed_market_is_worth_trying_when_it_opens(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await gateway.player()
    today = datetime.fromtimestamp(gateway.arena.clock.stamp_ns() / 1e9, UTC)
    opens = datetime(today.year, today.month, today.day, tzinfo=UTC).timestamp() + 3 * 86_400 + 8 * 3_600
    day = DAYS[(today.weekday() + 3) % 7]
    bitcoin = gateway.machine.state.cold.instruments[1]
    await does(gateway, replace(bitcoin, hours=parse_hours([f"{day} 08:00 - {day} 16:00"])))
    for op, args in (("order.place", ORDER), ("order.test", ORDER), ("fixed.buy", STAKE)):
        now_ms = gateway.arena.clock.stamp_ns() // 10**6
        error = await error_of(ann, op, args)
        assert (error["code"], error["retry"]) == ("MARKET_CLOSED", "after")
        assert error["details"] == {"symbol": "BTCUSDT", "opens_at": opens * 1_000}
        assert 0 <= opens * 1_000 - now_ms - error["retry_after"] < 1_000


@pytest.mark.parametrize(
    ("field", "zero", "code"),
    [
        ("max_slippage", 0, "SLIPPAGE_INVALID"),
        ("price", "0", "PRICE_INVALID"),
        ("price", "0.00", "PRICE_INVALID"),
        ("stop_loss", "0", "PRICE_INVALID"),
        ("take_profit", 0, "PRICE_INVALID"),
        ("trailing_stop", 0, "TRAILING_STOP_INVALID"),
        ("expires_at", 0, "EXPIRY_INVALID"),
        ("quantity", "0", "SIZE_INVALID"),
        ("margin", "0.00", "SIZE_INVALID"),
    ],
)
async def test_a_zero_that_was_given_is_not_taken_for_nothing(
    gateway: Gateway, field: str, zero: int | str, code: str
) -> None:
    ann = await gateway.player()
    order = ORDER | {"quantity": "0.01"} if field == "margin" else ORDER
    for op in ("order.place", "order.test"):
        error = await error_of(ann, op, order | {field: zero})
        assert (error["code"], error["details"]["field"], error["details"]["value"]) == (code, field, zero)
    assert (await ann.result("me.get"))["positions"] == []


SYMBOLS = ["me", "sys", "tick.SYMBOL", "ticker.SYMBOL", "candle.SYMBOL.INTERVAL", "match.ID", "board.ID"]


@pytest.mark.parametrize(
    ("op", "args", "code", "details"),
    [
        ("order.place", ORDER | {"side": "buy"}, "BAD_ARGUMENTS",
         {"field": "side", "problem": "Invalid enum value 'buy'", "value": "buy", "allowed": ["long", "short"]}),
        ("fixed.buy", STAKE | {"account": {"wallet": "cash"}}, "BAD_ARGUMENTS",
         {"field": "account.wallet", "problem": "Invalid enum value 'cash'", "value": "cash",
          "allowed": ["bt", "demo", "sol", "usdc", "usdt"]}),
        ("candles", {"symbol": "BTCUSDT", "interval": "1m", "limit": 2000}, "BAD_ARGUMENTS",
         {"field": "limit", "problem": "Expected `int` <= 1000", "value": 2000, "at_least": 1, "at_most": 1000}),
        ("match.get", {"mach": 1}, "BAD_ARGUMENTS",
         {"field": "mach", "problem": "Object contains unknown field `mach`", "value": 1, "allowed": ["match"]}),
        ("match.get", {}, "BAD_ARGUMENTS",
         {"field": "match", "problem": "Object missing required field `match`"}),
        ("auth", {"token": 7}, "BAD_ARGUMENTS",
         {"field": "token", "problem": "Expected `str`, got `int`", "longest": 4096}),
        ("subscribe", {"channels": ["me", 7]}, "BAD_ARGUMENTS",
         {"field": "channels[1]", "problem": "Expected `str`, got `int`", "value": 7, "longest": 64}),
        ("subscribe", {"channels": ["ticks"]}, "CHANNEL_UNKNOWN", {"channel": "ticks", "index": 0, "allowed": SYMBOLS}),
        ("order.place", ORDER | {"margin": "a lot"}, "NOT_DECIMAL", {"field": "margin", "value": "a lot"}),
        ("order.place", ORDER | {"stop_loss": "59000.005"}, "TOO_PRECISE",
         {"field": "stop_loss", "value": "59000.005", "steps_of": "0.01"}),
        ("order.place", ORDER | {"margin": "9" * 30}, "OUT_OF_RANGE", {"field": "margin", "value": "9" * 30}),
        ("order.place", ORDER | {"margin": 10**30}, "OUT_OF_RANGE", {"field": "margin"}),
    ],
)  # fmt: skip
async def test_arguments_that_do_not_fit_are_named_with_what_would(
    gateway: Gateway, op: str, args: Any, code: str, details: dict[str, Any]
) -> None:
    error = await error_of(await gateway.player(), op, args)
    assert (error["code"], error["details"]) == (code, details)


GAME = {"title": "Sprint", "duration_s": 600}


@pytest.mark.parametrize(
    ("op", "changed", "field", "told"),
    [
        ("admin.create_game", {"starting_balance": "45035997"}, "starting_balance",
         "must be from 0.00000001 to 45035996.27370496, not 45035997.00000000"),
        ("admin.create_game", {"max_positions": 100_001}, "max_positions", "from 1 to 100000, not 100001"),
        ("admin.create_game", {"max_leverage": 1001}, "max_leverage", "from 1 to 1000, not 1001"),
        ("admin.create_game", {"min_players": 3, "max_players": 2}, "max_players", "from 3 to 100000, not 2"),
        ("admin.create_game", {"prize_split": [60, 30]}, "prize_split", "from 100 to 100, not 90"),
        ("admin.create_game", {"currency": "USDT", "entry_fee": "1000000"}, "entry_fee",
         "from 0 to 68719.476736, not 1000000.000000"),
        ("admin.define_instrument", {"max_quantity": "2000000"}, "max_quantity",
         "from 0.00001 to 11529.21504, not 2000000"),
        ("admin.define_instrument", {"min_quantity": "2000"}, "min_quantity", "from 0.00001 to 1000, not 2000"),
        ("admin.define_instrument", {"highest_price": "20000000000"}, "highest_price",
         "from 0.01 to 10000000000, not 20000000000"),
        ("admin.define_instrument", {"max_leverage": 1001}, "max_leverage", "from 1 to 1000, not 1001"),
        ("admin.define_instrument", {"taker_fee_ppm": 100_001}, "taker_fee_ppm", "from 0 to 100000, not 100001"),
        ("admin.define_instrument", {"max_spread_ppm": 0}, "max_spread_ppm", "from 1 to 1000000, not 0"),
        ("admin.define_instrument", {"fixed_min_s": 4}, "fixed_min_s", "from 5 to 86400, not 4"),
        ("admin.define_instrument", {"fixed_max_s": 4}, "fixed_max_s", "from 5 to 86400, not 4"),
        ("admin.define_instrument", {"fixed_min_stake": "2000"}, "fixed_min_stake",
         "from 0.00000001 to 1000.00000000, not 2000.00000000"),
        ("admin.define_instrument", {"tick_size": "0.1"}, "tick_size", "keeps what its positions are stated in"),
        ("admin.define_instrument", {"quote": "USDC"}, "quote", "keeps what its positions are stated in"),
    ],
)  # fmt: skip
async def test_what_an_operator_defines_is_refused_with_the_key_and_its_bounds(
    gateway: Gateway, op: str, changed: dict[str, Any], field: str, told: str
) -> None:
    boss = gateway.guest()
    await boss.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    bitcoin = msgspec.to_builtins(INSTRUMENTS[0])
    error = await error_of(boss, op, (GAME if op == "admin.create_game" else bitcoin) | changed)
    assert error["code"] == ("GAME_INVALID" if op == "admin.create_game" else "INSTRUMENT_INVALID")
    assert error["details"]["field"] == field
    assert told in error["details"]["problem"]
