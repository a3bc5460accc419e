"""Positions: what closes them, at what price, and what comes back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model.commands import Side
from engine.model.events import Cause, EventKind, OrderStatus
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S
from tests.harness.arena import LONG, SHORT, Arena, money


def test_a_long_is_valued_and_closed_at_the_bid_and_a_short_at_the_ask(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 59_990, 60_000)
    long = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    short = alice.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10)
    assert alice.equity == 10_000 - 1 - 1  # both sides of the spread, 10 x 0.1 each
    arena.quote("BTCUSDT", 61_000, 61_010)
    assert alice.closes(long).profit == 100
    assert arena.outcome.price == 61_000
    assert alice.closes(short).profit == -102
    assert arena.outcome.price == 61_010
    assert alice.cash == 10_000 - 2


def test_closing_takes_the_taker_fee_of_the_closing_notional(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 59_999, 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.quote("BTCUSDT", 62_000, 62_001)
    outcome = alice.closes(position)
    assert (outcome.fee, outcome.profit, outcome.left) == (Decimal("3.1"), 200, 0)
    assert alice.cash == 10_000 - 3 + 200 - Decimal("3.1")
    assert (alice.seat.trades, alice.seat.wins) == (1, 1)


def test_a_match_without_fees_takes_none(arena: Arena) -> None:
    alice = arena.player(fees=False)
    arena.quote("BTCUSDT", 59_999, 60_000)
    alice.closes(alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10))
    assert alice.seat.fees == 0
    assert alice.cash == 10_000 - Decimal("0.1")


# Stops and targets


def test_a_long_stops_at_the_first_bid_at_or_below_its_stop(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, stop_loss=58_000)
    arena.quote("BTCUSDT", "58000.01", "58000.02")
    assert alice.positions
    arena.quote("BTCUSDT", 58_000, "58000.01")
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.cause, closed.price, closed.profit) == (Cause.STOP_LOSS, 58_000, -200)


def test_a_short_stops_at_the_first_ask_at_or_above_its_stop(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000, "60000.01")
    alice.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10, stop_loss=62_000)
    arena.quote("BTCUSDT", "61999.98", "61999.99")
    assert alice.positions
    arena.quote("BTCUSDT", 61_999, 62_000)
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.cause, closed.price, closed.profit) == (Cause.STOP_LOSS, 62_000, -200)


def test_a_target_closes_at_the_touch_on_the_closing_side(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000, "60000.01")
    long = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, take_profit=61_000)
    short = alice.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10, take_profit=59_000)
    arena.quote("BTCUSDT", "60999.99", 61_001)
    assert alice.positions == [long, short]
    arena.quote("BTCUSDT", 61_500, 61_501)
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.id, closed.cause, closed.price) == (long, Cause.TAKE_PROFIT, 61_500)
    arena.quote("BTCUSDT", 58_999, "59000.01")
    assert alice.positions == [short]
    arena.quote("BTCUSDT", 58_999, 59_000)
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.id, closed.cause, closed.price) == (short, Cause.TAKE_PROFIT, 59_000)


def test_stops_are_set_moved_and_taken_away(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, stop_loss=59_000, take_profit=61_000)
    alice.amends(position, stop_loss=58_000)
    assert (alice.position(position).stop_loss, alice.position(position).take_profit) == (5_800_000, 6_100_000)
    arena.quote("BTCUSDT", 58_500)
    alice.amends(position, take_profit=0, stop_loss=0)
    arena.quote("BTCUSDT", 57_000)
    arena.quote("BTCUSDT", 63_000)
    assert alice.positions == [position]
    alice.amends(position, stop_loss=62_000)
    arena.quote("BTCUSDT", 62_000)
    assert alice.last(EventKind.POSITION_CLOSED).profit == Decimal("199.999")


def test_margin_added_moves_the_liquidation_away_and_taken_back_brings_it_home(arena: Arena) -> None:
    alice = arena.player(cash=10_000)
    arena.quote("BTCUSDT", 100_000)
    position = alice.opens("BTCUSDT", LONG, quantity=1, leverage=20)
    before = alice.position(position)
    outcome = alice.amends(position, margin=1_000, stop_loss=95_000)
    after = alice.position(position)
    assert (after.margin, after.stop_loss) == (before.margin + money(1_000), 9_500_000)
    assert outcome.liquidation * 100 == after.liquidation
    # A thousand more per coin: the maintenance margin falls with the price, so a little more than a thousand.
    assert 100_000 <= before.liquidation - after.liquidation <= 101_000
    assert alice.last(EventKind.POSITION_MARGIN_CHANGED).cash == 10_000 - 5_000 - 1_000
    alice.amends(position, margin=-1_000)
    again = alice.position(position)
    assert (again.margin, again.liquidation) == (before.margin, before.liquidation)
    with arena.refuses(Reason.MARGIN_TOO_LOW):
        alice.amends(position, margin="-0.00000001")


def test_what_a_part_that_closed_paid_is_not_taken_back_again(arena: Arena) -> None:
    """The initial requirement is of what is still open."""
    alice = arena.player(cash=10_000)
    arena.quote("BTCUSDT", 100_000)
    position = alice.opens("BTCUSDT", LONG, quantity=1, leverage=20)
    alice.amends(position, margin=1_000)
    alice.closes(position, percent=50)
    assert alice.position(position).margin == money(3_000)
    alice.amends(position, margin=-500)
    with arena.refuses(Reason.MARGIN_TOO_LOW):
        alice.amends(position, margin="-0.00000001")


def test_margin_that_is_added_is_at_stake(arena: Arena) -> None:
    alice = arena.player(cash=10_000)
    arena.quote("BTCUSDT", 100_000, "100000.01")
    position = alice.opens("BTCUSDT", SHORT, quantity=1, leverage=20)
    alice.amends(position, margin=5_000)
    arena.quote("BTCUSDT", 109_000)
    assert alice.positions == [position]
    arena.quote("BTCUSDT", 120_000)
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.cause, closed.profit, closed.cash) == (Cause.LIQUIDATION, -10_000, 0)


@pytest.mark.parametrize("side", [LONG, SHORT])
def test_a_trailing_stop_never_goes_back_whatever_else_changes(arena: Arena, side: Side) -> None:
    """Two percent of 50,000 is 1,000, and a step is 50. What counts is the closing side of the quote."""
    alice = arena.player(cash=100_000)

    def gains(much: int) -> None:
        price = 50_000 + side * much
        arena.quote("BTCUSDT", *((price, price + 1) if side is LONG else (price - 1, price)))

    def stands() -> int:
        return int(alice.position(position).stop_loss // 100 - 50_000) * side

    gains(0)
    position = alice.opens("BTCUSDT", side, quantity=1, leverage=10, trailing_stop=20_000)
    found = []
    for much in (0, 49, 50, 20, 99, 100, 349, -699):
        gains(much)
        found.append(stands())
    assert found == [-1_000, -1_000, -950, -950, -950, -900, -700, -700]

    alice.amends(position, margin=100, take_profit=50_000 + side * 2_000)
    alice.closes(position, percent=50)
    arena.change("BTCUSDT", taker_fee_ppm=600)
    assert (stands(), alice.position(position).trailing) == (-700, 100_000)
    gains(350)
    gains(-650)
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.cause, closed.price) == (Cause.TRAILING_STOP, 50_000 - side * 650)


@pytest.mark.parametrize(("side", "touch"), [(LONG, (50_030, 50_031)), (SHORT, (49_969, 49_970))])
def test_a_target_nearer_than_the_next_step_is_reached_before_it(
    arena: Arena, side: Side, touch: tuple[int, int]
) -> None:
    """A step is 50, the target 30 away."""
    alice = arena.player()
    arena.quote("BTCUSDT", *((50_000, 50_001) if side is LONG else (49_999, 50_000)))
    alice.opens("BTCUSDT", side, quantity="0.1", leverage=10, trailing_stop=20_000, take_profit=50_000 + side * 30)
    arena.quote("BTCUSDT", *touch)
    assert alice.last(EventKind.POSITION_CLOSED).cause is Cause.TAKE_PROFIT


def test_what_fires_at_one_quote_may_have_been_halved_by_a_close_that_waited(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 50_000, 50_001)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, trailing_stop=20_000)
    arena.passes(3)
    alice.closes(position, percent=50)
    arena.quote("BTCUSDT", 50_060, 50_061)
    reduced, changed = alice.last(EventKind.POSITION_REDUCED), alice.last(EventKind.POSITION_CHANGED)
    assert (reduced.cause, reduced.left, reduced.stop_loss) == (Cause.CLIENT, Decimal("0.05"), 49_000)
    assert (changed.cause, changed.left, changed.stop_loss) == (Cause.NONE, Decimal("0.05"), 49_050)


@pytest.mark.parametrize(("side", "stop_loss", "take_profit"), [
    (LONG, 59_990, 0), (LONG, 60_005, 0), (LONG, 0, 59_990), (LONG, 0, 59_980),
    (SHORT, 60_000, 0), (SHORT, 59_995, 0), (SHORT, 0, 60_000), (SHORT, 0, 60_010),
])  # fmt: skip
def test_stops_on_the_wrong_side_of_the_closing_price_are_refused(
    arena: Arena, side: Side, stop_loss: int, take_profit: int
) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 59_990, 60_000)
    position = alice.opens("BTCUSDT", side, quantity="0.1", leverage=10)
    with arena.refuses(Reason.WOULD_TRIGGER_NOW):
        alice.opens("BTCUSDT", side, quantity="0.1", leverage=10, stop_loss=stop_loss, take_profit=take_profit)
    with arena.refuses(Reason.WOULD_TRIGGER_NOW):
        alice.amends(position, stop_loss=stop_loss, take_profit=take_profit)


def test_stops_a_tick_on_the_right_side_are_taken(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 59_990, 60_000)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, stop_loss="59989.99", take_profit="59990.01")
    alice.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10, stop_loss="60000.01", take_profit="59999.99")


# Liquidation and gaps


def test_liquidation_at_the_first_quote_that_satisfies_the_inequality(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    # 600 + 0.1 x (p - 60,000) <= 0.4 % of 0.1 p: p <= 54,000 / 0.996 = 54,216.867...
    assert arena.outcome.liquidation == Decimal("54216.86")
    arena.quote("BTCUSDT", "54216.87", "54216.88")
    assert alice.positions
    arena.quote("BTCUSDT", "54216.86", "54216.88")
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.cause, closed.price) == (Cause.LIQUIDATION, Decimal("54216.86"))
    assert closed.paid_back == Decimal("21.686")


def test_a_short_is_liquidated_by_the_ask(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000, "60000.01")
    alice.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10)
    # 600 - 0.1 x (p - 60,000) <= 0.4 % of 0.1 p: p >= 66,000 / 1.004 = 65,737.0517...
    assert arena.outcome.liquidation == Decimal("65737.06")
    arena.quote("BTCUSDT", "65737.00", "65737.05")
    assert alice.positions
    arena.quote("BTCUSDT", "65737.00", "65737.06")
    assert alice.last(EventKind.POSITION_CLOSED).cause is Cause.LIQUIDATION


def test_gap_through_the_stop_costs_no_more_than_the_margin(arena: Arena) -> None:
    alice = arena.player(cash=100)
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, margin=50, leverage=10, stop_loss=57_000)
    arena.quote("BTCUSDT", 53_000)
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert closed.paid_back == 0
    assert alice.cash == Decimal("50.02")  # 833 lots are all that 50 buys at 10x: margin 49.98
    # A gap through the stop and the liquidation is a stop, filled at the gap; the shortfall is the insurance's.
    assert (closed.cause, closed.price) == (Cause.STOP_LOSS, Decimal("52999.99"))
    assert arena.insurance(alice.match) == Decimal("49.98") - Decimal("0.00833") * (60_000 - Decimal("52999.99"))


def test_gap_through_the_liquidation_of_a_short_costs_no_more_than_the_margin(arena: Arena) -> None:
    alice = arena.player(cash=100, fees=True)
    arena.quote("BTCUSDT", 60_000, "60000.01")
    alice.opens("BTCUSDT", SHORT, quantity="0.00833", leverage=10)
    paid = Decimal("49.98") + Decimal("0.2499")
    assert alice.cash == 100 - paid
    arena.quote("BTCUSDT", 69_999, 70_000)
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.cause, closed.profit, closed.fee, closed.paid_back) == (Cause.LIQUIDATION, Decimal("-49.98"), 0, 0)
    assert alice.cash == 100 - paid
    assert arena.insurance(alice.match) == Decimal("49.98") - Decimal("83.3")


def test_margin_meets_the_loss_first_then_the_fee_and_the_rest_of_the_fee_is_waived(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    cash = alice.cash
    arena.quote("BTCUSDT", 54_001, "54001.01")  # 0.1 of margin is left; the fee would be 2.70005
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.id, closed.profit, closed.fee) == (position, Decimal("-599.9"), Decimal("0.1"))
    assert alice.cash == cash
    assert arena.insurance(alice.match) == 0


def test_no_liquidation_where_margin_covers_all(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=1)
    assert arena.outcome.liquidation == 0
    arena.quote("BTCUSDT", 100, "100.01")
    assert len(alice.positions) == 1
    assert alice.equity == 4_000 + 10


def test_would_liquidate_now(arena: Arena) -> None:
    alice = arena.player()
    arena.change("BTCUSDT", max_spread_ppm=100_000)
    arena.quote("BTCUSDT", 59_000, 60_000)
    with arena.refuses(Reason.WOULD_LIQUIDATE_NOW):
        alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=75)
    with arena.refuses(Reason.WOULD_LIQUIDATE_NOW):
        alice.opens("BTCUSDT", SHORT, quantity="0.1", leverage=75)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=45)


# Partial closes


def test_a_part_takes_its_share_and_the_remainder_stays_with_what_stays(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.00301", leverage=7)
    margin = alice.margin
    assert margin == Decimal("25.80")
    arena.quote("BTCUSDT", 61_000, "61000.01")
    outcome = alice.closes(position, quantity="0.001")
    assert (outcome.left, outcome.profit, outcome.fee) == (Decimal("0.00201"), 1, Decimal("0.0305"))
    assert alice.margin == margin - Decimal("8.57142857")  # floor of 25.80 x 100 / 301
    reduced = alice.last(EventKind.POSITION_REDUCED)
    assert (reduced.cause, reduced.quantity, reduced.left) == (Cause.CLIENT, Decimal("0.001"), Decimal("0.00201"))
    assert alice.seat.trades == 0
    alice.closes(position)
    assert (alice.seat.trades, alice.margin) == (1, 0)
    assert alice.cash == 10_000 - Decimal("0.0903") + Decimal("3.01") - Decimal("0.0305") - Decimal("0.061305")


def test_percent_is_floored_to_lots_and_a_hundred_closes_all(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.00333", leverage=10)
    assert alice.closes(position, percent=33).left == Decimal("0.00333") - Decimal("0.00109")
    assert alice.closes(position, percent=100).left == 0
    assert alice.positions == []


def test_a_remainder_below_the_minimum_notional_closes_too(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 50_000, "50000.01")
    position = alice.opens("BTCUSDT", SHORT, quantity="0.001", leverage=10)
    outcome = alice.closes(position, quantity="0.0009")  # 0.0001 would stay: worth 5.000001 at the ask
    assert outcome.left == Decimal("0.0001")
    position = alice.opens("BTCUSDT", LONG, quantity="0.001", leverage=10)
    arena.quote("BTCUSDT", "49999.99", 50_000)
    outcome = alice.closes(position, quantity="0.0009")  # worth 4.999999 at the bid
    assert (outcome.left, outcome.profit) == (0, Decimal("-0.00002"))


def test_what_stays_is_liquidated_where_its_own_margin_ends(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 100_000)
    position = alice.opens("BTCUSDT", LONG, quantity=1, leverage=20)
    assert arena.outcome.liquidation == Decimal("95427.13")  # in the second bracket
    alice.amends(position, stop_loss="95427.00")
    alice.closes(position, percent=60)
    # 0.4 BTC fall into the first bracket: 95,000 / 0.996 = 95,381.526...
    assert alice.last(EventKind.POSITION_REDUCED).left == Decimal("0.4")
    assert alice.position(position).liquidation == 9_538_152
    arena.quote("BTCUSDT", "95427.01", "95427.02")
    assert alice.positions == [position]
    alice.amends(position, stop_loss=0)
    arena.quote("BTCUSDT", "95381.53", "95381.54")
    assert alice.positions == [position]
    arena.quote("BTCUSDT", "95381.52", "95381.53")
    assert alice.last(EventKind.POSITION_CLOSED).cause is Cause.LIQUIDATION


# Closing on a stale feed


def test_on_a_stale_feed_opens_are_refused_and_closes_wait_for_the_next_quote(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes(2)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)  # two seconds old is not too old
    arena.passes("0.000000001")
    with arena.refuses(Reason.FEED_STALE):
        alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    with arena.refuses(Reason.FEED_STALE):
        alice.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)
    outcome = alice.closes(position)
    assert (outcome.status, outcome.left, outcome.price) == (OrderStatus.ACCEPTED, Decimal("0.1"), 0)
    assert alice.position(position).closing
    with arena.refuses(Reason.POSITION_CLOSING):
        alice.closes(position)
    arena.passes(3600)
    assert alice.position(position).closing
    arena.quote("BTCUSDT", 61_000, 61_001)
    closed = alice.last(EventKind.POSITION_CLOSED)
    assert (closed.id, closed.cause, closed.price) == (position, Cause.CLIENT, 61_000)


def test_part_of_a_position_can_wait_too_and_the_rest_stays(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes(3)
    alice.closes(position, percent=40)
    arena.quote("BTCUSDT", 61_000, 61_001)
    view = alice.position(position)
    assert (view.lots, view.closing) == (6_000, False)


def test_an_unusable_quote_does_not_end_the_waiting(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes(3)
    alice.closes(position)
    with arena.refuses(Reason.QUOTE_NOT_USABLE):
        arena.quote("BTCUSDT", 60_001, 60_000)
    assert alice.position(position).closing


def test_a_close_waits_only_for_its_own_instrument(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes(3)
    alice.closes(position)
    arena.quote("ETHUSDT", 3_000)
    assert alice.position(position).closing


def test_halted_nothing_fills_and_nothing_triggers_until_the_first_quote_after(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    stopped = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, stop_loss=59_000)
    waiting = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    order = alice.limit("BTCUSDT", LONG, 58_500, quantity="0.1", leverage=10)
    arena.passes(3)
    alice.closes(waiting)
    equity = alice.equity
    arena.change("BTCUSDT", halted=True)
    for _ in range(2):
        with arena.refuses(Reason.INSTRUMENT_HALTED):
            arena.quote("BTCUSDT", 58_000)
    assert arena.machine.state.book.world["quotes_unusable"][0] == 2
    assert alice.equity == equity
    assert (alice.positions, alice.orders) == ([stopped, waiting], [order])
    with arena.refuses(Reason.INSTRUMENT_HALTED):
        alice.closes(stopped)
    arena.change("BTCUSDT", halted=False)
    arena.quote("BTCUSDT", 58_400)
    assert [id for kind, id in arena.order_of_events() if kind != EventKind.ORDER_FILLED] == [waiting, stopped, order]


def test_a_locked_or_close_only_instrument_still_closes(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    for switch in ("locked", "close_only"):
        position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
        arena.change("BTCUSDT", **{switch: True})
        alice.closes(position)
        arena.change("BTCUSDT", **{switch: False})
    assert alice.seat.trades == 2


def test_new_brackets_move_the_liquidation_of_open_positions(arena: Arena) -> None:
    from msgspec.structs import replace

    from tests.harness.arena import BRACKETS_OF_BTC

    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    first, *_ = BRACKETS_OF_BTC
    arena.change("BTCUSDT", brackets=(replace(first, maintenance_ppm=5_000),))
    # 54,000 / 0.995 = 54,271.356...
    assert alice.position(position).liquidation == 5_427_135


def test_waiting_does_not_survive_a_stop_of_the_same_quote(arena: Arena) -> None:
    """A close that waits is served before the stops, so the stop finds nothing left."""
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, stop_loss=59_000)
    arena.passes(3)
    alice.closes(position)
    arena.quote("BTCUSDT", 58_000)
    assert alice.last(EventKind.POSITION_CLOSED).cause is Cause.CLIENT
    assert len(arena.happened(EventKind.POSITION_CLOSED)) == 1
    assert alice.seat.trades == 1
    assert arena.now_ns > NS_PER_S
