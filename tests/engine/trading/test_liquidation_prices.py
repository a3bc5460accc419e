"""Liquidation and bankruptcy prices to the tick: the vectors of the rules, on an instrument whose tick is 0.0001."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from engine.model.commands import Side
from engine.model.events import Cause, EventKind
from engine.model.reasons import Reason
from engine.model.scale import BOUND, MONEY
from tests.harness.arena import BTC, LONG, SHORT, Arena, dollars

FINE = replace(BTC, symbol="FINEUSDT", tick_units=MONEY // 10_000, lot_units=MONEY // 10_000, highest_price=2 * 10**9,
               max_lots=500_000_000, brackets=BTC.brackets)  # fmt: skip
"""Bitcoin with ticks of 0.0001 and lots of 0.0001, so that the vectors' digits show."""


@pytest.fixture
def fine(arena: Arena) -> Arena:
    arena.define(FINE)
    return arena


@pytest.mark.parametrize(("side", "fees", "liquidation"), [
    (LONG, True, "95475.1131"),
    (LONG, False, "95427.1356"),  # 95,427.13567...: the tick below satisfies the inequality, the one above does not
    (SHORT, True, "104475.3854"),
    (SHORT, False, "104527.3632"),
])  # fmt: skip
def test_liquidation_of_one_bitcoin_at_twenty_times(fine: Arena, side: Side, fees: bool, liquidation: str) -> None:
    alice = fine.player(cash=10_000, fees=fees)
    fine.quote("FINEUSDT", *(("99999.9999", 100_000) if side is LONG else (100_000, "100000.0001")))
    alice.opens("FINEUSDT", side, quantity=1, leverage=20)
    assert alice.margin == 5_000
    assert fine.outcome.liquidation == Decimal(liquidation)

    tick = Decimal("0.0001")
    price = Decimal(liquidation)
    quotes = ((price + tick, price + 2 * tick), (price, price + tick))
    if side is SHORT:
        quotes = ((price - 2 * tick, price - tick), (price - tick, price))
    fine.quote("FINEUSDT", *quotes[0])
    assert alice.positions
    fine.quote("FINEUSDT", *quotes[1])
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.cause, closed.price) == (Cause.LIQUIDATION, price)


def test_a_bracket_crossed_on_the_way_is_the_one_that_counts(fine: Arena) -> None:
    alice = fine.player(cash=20_000)
    fine.quote("FINEUSDT", 100_000)
    alice.opens("FINEUSDT", LONG, quantity="6.05", leverage=50)
    assert alice.margin == 12_100
    assert fine.outcome.liquidation == Decimal("98484.1563")  # solved in the bracket of the entry: 98,483.1


@pytest.mark.parametrize(("side", "fees", "bankruptcy"), [
    (LONG, True, "95047.5238"),
    (LONG, False, "95000.0000"),
    (SHORT, True, "104947.5262"),
    (SHORT, False, "105000.0000"),
])  # fmt: skip
def test_at_the_bankruptcy_price_nothing_comes_back(fine: Arena, side: Side, fees: bool, bankruptcy: str) -> None:
    """Margin, loss and closing fee meet within the tick: one beyond leaves nothing, one before leaves something."""
    alice = fine.player(cash=10_000, fees=fees)
    tick, price = Decimal("0.0001"), Decimal(bankruptcy)
    for beyond in (1, -1):
        fine.quote("FINEUSDT", *(("99999.9999", 100_000) if side is LONG else (100_000, "100000.0001")))
        position = alice.opens("FINEUSDT", side, quantity=1, leverage=20)
        touch = price - side * beyond * tick
        fine.quote("FINEUSDT", *((touch, touch + tick) if side is LONG else (touch - tick, touch)))
        closed = alice.last(EventKind.POSITION_CLOSED)
        assert closed.id == position
        back = closed.paid_back
        assert (back > 0) == (beyond < 0)
        assert 0 <= back < 2 * tick
        alice.resets()


def test_a_trial_names_the_bankruptcy_price_with_the_closing_fee(fine: Arena) -> None:
    from tests.harness.records import batch_of

    alice = fine.player(cash=10_000, fees=True)
    fine.quote("FINEUSDT", 100_000)
    command = alice._order("FINEUSDT", LONG, 1, quantity=1, leverage=20)
    _, plan = fine.machine.preview_order(batch_of([command], 1, 0).records.tobytes())
    assert plan is not None
    assert plan.bankruptcy in (950_475_238, 950_475_237)


def test_leverage_is_limited_by_the_bracket_of_all_that_the_seat_has_there(arena: Arena) -> None:
    """Splitting evades nothing: the third order would lift the sum over 50,000, where 100 is the most."""
    alice = arena.player(cash=100_000)
    arena.quote("BTCUSDT", 50_000)
    alice.opens("BTCUSDT", LONG, quantity="0.4", leverage=125)
    alice.limit("BTCUSDT", SHORT, 50_000, quantity="0.6", leverage=101)
    with arena.refuses(Reason.LEVERAGE_TOO_HIGH):
        alice.opens("BTCUSDT", LONG, quantity="0.0002", leverage=101)
    alice.opens("BTCUSDT", LONG, quantity="0.0002", leverage=100)


def test_another_instrument_and_another_player_have_brackets_of_their_own(arena: Arena) -> None:
    alice, bob = arena.player(cash=100_000), arena.player(cash=100_000)
    arena.quote("BTCUSDT", 50_000)
    arena.quote("ETHUSDT", 50_000)
    alice.opens("BTCUSDT", LONG, quantity=1, leverage=125)
    alice.opens("ETHUSDT", LONG, quantity=1, leverage=125)
    bob.opens("BTCUSDT", LONG, quantity=1, leverage=125)


def test_what_is_closed_or_cancelled_makes_room_in_the_bracket(arena: Arena) -> None:
    alice = arena.player(cash=100_000)
    arena.quote("BTCUSDT", 49_999, 50_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.5", leverage=125)
    order = alice.limit("BTCUSDT", LONG, 49_000, quantity="0.5", leverage=125)
    with arena.refuses(Reason.LEVERAGE_TOO_HIGH):
        alice.opens("BTCUSDT", LONG, quantity="0.4", leverage=125)
    alice.closes(position, percent=80)
    alice.opens("BTCUSDT", LONG, quantity="0.4", leverage=125)
    alice.cancels(order)
    alice.opens("BTCUSDT", LONG, quantity="0.5", leverage=125)


def test_all_the_notional_that_fits_is_taken_and_not_a_lot_more(arena: Arena) -> None:
    """At the very bound, 2^60 units in one seat, every product still fits, also in the machine's words."""
    bracket = replace(BTC.brackets[0], maintenance_ppm=10, max_leverage=1000)
    huge = replace(BTC, symbol="HUGE", tick_units=MONEY, lot_units=MONEY, highest_price=1 << 33, max_lots=1,
                   min_notional=0, max_leverage=1000, brackets=(bracket,))  # fmt: skip
    arena.define(huge)
    alice = arena.player(cash=dollars(1 << 52), max_leverage=1000)
    arena.quote("HUGE", (1 << 32) - 1, 1 << 32)
    first = alice.opens("HUGE", LONG, quantity=1, leverage=1000)
    alice.opens("HUGE", SHORT, quantity=1, leverage=1000)
    left = BOUND // MONEY - (1 << 32) - ((1 << 32) - 1)
    with arena.refuses(Reason.EXPOSURE_TOO_HIGH):
        alice.limit("HUGE", LONG, left + 1, quantity=1, leverage=1000)
    order = alice.limit("HUGE", LONG, left, quantity=1, leverage=1000)
    with arena.refuses(Reason.EXPOSURE_TOO_HIGH):
        alice.limit("HUGE", SHORT, (1 << 32) + 1, quantity=1, leverage=1000)
    alice.cancels(order)
    alice.closes(first)
    arena.quote("HUGE", (1 << 33) - 1, 1 << 33)
    assert alice.positions == []
    assert arena.insurance(alice.match) < 0
