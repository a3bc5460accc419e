"""Orders: how they are sized, what they reserve, when and at what price they fill, and how they end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine import views
from engine.invariants import InvariantBroken
from engine.model.commands import Execution, OrderType, unpack_client_order_id
from engine.model.events import Cause, EventKind, OrderStatus
from engine.model.reasons import Reason
from tests.harness.arena import LONG, SHORT, Arena, Player
from tests.harness.records import CancelAll, outcomes_of


def test_a_market_buy_fills_at_the_ask_and_a_sell_at_the_bid(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 59_990, 60_010)
    alice.opens("BTCUSDT", LONG, margin=600, leverage=10)
    assert alice.last(EventKind.POSITION_OPENED).price == 60_010
    alice.opens("BTCUSDT", SHORT, margin=600, leverage=10)
    assert alice.last(EventKind.POSITION_OPENED).price == 59_990


def test_size_by_margin_is_whole_lots_and_never_costs_more_than_asked(arena: Arena) -> None:
    alice = arena.player(cash=100)
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, margin=50, leverage=10)
    opened = alice.last(EventKind.POSITION_OPENED)
    assert opened.quantity == Decimal("0.00833")
    assert opened.margin == Decimal("49.98")
    assert alice.cash == Decimal("50.02")


def test_size_by_quantity_pays_the_margin_rounded_up(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", "60000.01")
    alice.opens("BTCUSDT", LONG, quantity="0.001", leverage=7)
    assert alice.margin == Decimal("8.57143000")  # 60.00001 / 7 = 8.571430 exactly to 1e-8: 8.57143
    alice.opens("BTCUSDT", LONG, quantity="0.0001", leverage=7)
    assert alice.last(EventKind.POSITION_OPENED).margin == Decimal("0.85714300")


def test_margin_that_does_not_divide_is_rounded_up(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, quantity="0.001", leverage=7)
    assert alice.margin == Decimal("8.57142858")  # 60 / 7 = 8.571428571...


def test_each_fill_is_a_position_of_its_own(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    long = alice.opens("BTCUSDT", LONG, margin=100, leverage=5)
    short = alice.opens("BTCUSDT", SHORT, margin=100, leverage=20)
    again = alice.opens("BTCUSDT", LONG, margin=100, leverage=5)
    assert alice.positions == [long, short, again]
    assert arena.order_of_events() == [(EventKind.POSITION_OPENED, again)]


def test_opening_takes_the_taker_fee_rounded_up(arena: Arena) -> None:
    alice = arena.player(cash=100, fees=True)
    arena.quote("BTCUSDT", "60000.01")
    alice.opens("BTCUSDT", LONG, quantity="0.00101", leverage=10)
    # Notional 60.6000101; a tenth of it rounds up to 6.06000101, five ten-thousandths to 0.03030001 (0.030300005...).
    assert arena.outcome.fee == Decimal("0.03030001")
    assert alice.cash == 100 - Decimal("6.06000101") - Decimal("0.03030001")


def test_a_limit_buy_rests_until_the_ask_comes_down_and_fills_at_its_own_price_with_the_maker_fee(arena: Arena) -> None:
    alice = arena.player(cash=1_000, fees=True)
    arena.quote("BTCUSDT", 59_999, 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, quantity="0.01", leverage=10)
    assert arena.outcome.status is OrderStatus.ACCEPTED
    assert alice.reserved == 59 + Decimal("0.118")  # 590 notional: margin a tenth, fee 200 ppm
    assert alice.cash + alice.reserved == 1_000

    arena.quote("BTCUSDT", 58_990, "59000.01")
    assert alice.orders == [order]
    arena.quote("BTCUSDT", 58_500, 58_501)
    assert alice.orders == []
    opened = alice.last(EventKind.POSITION_OPENED)
    assert (opened.id, opened.price, opened.fee) == (order, 59_000, Decimal("0.118"))
    assert (alice.reserved, alice.margin, alice.cash) == (0, 59, 1_000 - 59 - Decimal("0.118"))


def test_a_limit_fills_at_the_very_tick_of_its_price(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 59_999, 60_000)
    buy = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10)
    sell = alice.limit("BTCUSDT", SHORT, 61_000, margin=100, leverage=10)
    arena.quote("BTCUSDT", 58_990, 59_000)
    assert alice.positions == [buy]
    arena.quote("BTCUSDT", "60999.99", 61_001)
    assert alice.positions == [buy]
    arena.quote("BTCUSDT", 61_000, 61_001)
    assert alice.positions == [buy, sell]


def test_a_marketable_limit_fills_at_the_touch_with_the_taker_fee(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 59_999, 60_000)
    alice.limit("BTCUSDT", LONG, 60_500, quantity="0.01", leverage=10)
    assert (arena.outcome.status, arena.outcome.price, arena.outcome.fee) == (
        OrderStatus.FILLED,
        60_000,
        Decimal("0.3"),
    )
    alice.limit("BTCUSDT", LONG, 60_000, quantity="0.01", leverage=10)
    assert arena.outcome.price == 60_000
    alice.limit("BTCUSDT", SHORT, 59_000, quantity="0.01", leverage=10)
    assert arena.outcome.price == 59_999


def test_a_fill_on_arrival_is_one_event_and_it_names_the_order(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 59_999, 60_000)
    order = alice.limit("BTCUSDT", LONG, 60_500, margin=100, leverage=10, client_order_id="now")
    (event,) = arena.events
    assert (event["kind"], event["id"], event["order_type"]) == (EventKind.POSITION_OPENED, order, OrderType.LIMIT)
    assert unpack_client_order_id(event["client_order_id"]) == "now"
    opened, outcome = alice.last(EventKind.POSITION_OPENED), arena.outcome
    assert (opened.price, opened.fee, opened.liquidation) == (60_000, outcome.fee, outcome.liquidation)
    assert (opened.margin, opened.cash) == (alice.margin, alice.cash)


def test_a_fill_after_waiting_ends_the_order_and_opens_the_position(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, stop_loss=58_000, client_order_id="later")
    arena.quote("BTCUSDT", 58_900)
    assert arena.order_of_events() == [(EventKind.ORDER_FILLED, order), (EventKind.POSITION_OPENED, order)]
    filled, opened = arena.events[-2:]
    assert unpack_client_order_id(opened["client_order_id"]) == "later"
    assert {name for name in filled if filled[name] != opened[name]} == {"kind", "message", "left"}


def test_immediate_or_cancel_fills_now_or_is_cancelled_and_costs_nothing(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 59_999, 60_000)
    order = alice.limit("BTCUSDT", LONG, "59999.99", margin=100, leverage=10, ioc=True)
    assert arena.outcome.status is OrderStatus.CANCELED
    assert arena.order_of_events() == [(EventKind.ORDER_CANCELED, order)]
    assert (alice.orders, alice.positions, alice.cash, alice.reserved) == ([], [], 10_000, 0)
    alice.limit("BTCUSDT", LONG, 60_000, margin=100, leverage=10, ioc=True)
    assert arena.outcome.status is OrderStatus.FILLED


def test_an_order_good_till_a_date_expires_at_it_and_what_it_reserved_comes_back(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, expires_in=30)
    arena.passes("29.999999999")
    assert alice.orders == [order]
    arena.passes("0.000000001")
    assert arena.order_of_events() == [(EventKind.ORDER_EXPIRED, order)]
    assert (alice.orders, alice.cash, alice.reserved) == ([], 10_000, 0)


def test_an_order_that_filled_or_was_cancelled_does_not_expire(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    filled = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, expires_in=30)
    cancelled = alice.limit("BTCUSDT", LONG, 58_000, margin=100, leverage=10, expires_in=30)
    alice.cancels(cancelled)
    arena.quote("BTCUSDT", 59_000)
    arena.passes(31)
    assert alice.positions == [filled]
    assert not arena.happened(EventKind.ORDER_EXPIRED)


def test_expiry_comes_before_the_quote_of_the_same_stamp(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, expires_in=1)
    arena.now_ns += 10**9
    arena.quote("BTCUSDT", 58_000)
    assert (EventKind.ORDER_EXPIRED, order) in arena.order_of_events()
    assert alice.positions == []


def test_orders_expire_in_order_of_their_time_then_of_acceptance(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    late = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, expires_in=20)
    first = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, expires_in=10)
    second = alice.limit("BTCUSDT", SHORT, 61_000, margin=100, leverage=10, expires_in=10)
    arena.passes(20)
    assert [id for _, id in arena.order_of_events()] == [first, second, late]


def test_cancel_gives_back_what_was_reserved(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", SHORT, 61_000, margin=100, leverage=10)
    outcome = alice.cancels(order)
    assert (outcome.id, outcome.status) == (order, OrderStatus.CANCELED)
    assert (alice.orders, alice.cash, alice.reserved) == ([], 10_000, 0)
    arena.quote("BTCUSDT", 62_000)
    assert alice.positions == []


def test_an_amendment_that_changes_nothing_is_taken(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, stop_loss=58_000, expires_in=9)
    before = views.orders(arena.machine.state.book, alice.id, alice.match)
    assert (alice.moves(order).id, arena.outcome.status) == (order, OrderStatus.ACCEPTED)
    assert arena.order_of_events() == [(EventKind.ORDER_CHANGED, order)]
    assert views.orders(arena.machine.state.book, alice.id, alice.match) == before
    alice.moves(order, price=59_000)
    assert views.orders(arena.machine.state.book, alice.id, alice.match) == before


def test_an_amended_order_is_as_one_placed_at_its_price(arena: Arena) -> None:
    alice, bob = (arena.player(fees=True, cash=1_000) for _ in range(2))
    arena.quote("BTCUSDT", 60_000)
    for place, price, other in ((Player.limit, 59_000, 58_000), (Player.stop, 61_000, 62_000)):
        for size in ({"margin": 100}, {"quantity": "0.0123"}):
            amended = place(alice, "BTCUSDT", LONG, price, leverage=7, **size)
            moved = alice.moves(amended, price=other)
            place(bob, "BTCUSDT", LONG, other, leverage=7, **size)
            assert moved.liquidation == arena.outcome.liquidation
            mine, his = (one.resting[-1] for one in (alice, bob))
            assert mine._replace(order=0) == his._replace(order=0)
            assert (alice.cash, alice.reserved) == (bob.cash, bob.reserved)


def test_a_new_reservation_takes_the_fees_of_today(arena: Arena) -> None:
    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, quantity="0.01", leverage=10)
    arena.change("BTCUSDT", maker_fee_ppm=300)
    alice.moves(order, stop_loss=50_000)
    assert alice.reserved == 59 + Decimal("0.118")
    alice.moves(order, price=59_000)
    assert alice.reserved == 59 + Decimal("0.177")


def test_cancel_all_takes_more_than_fits_the_event_buffer_and_its_outcome_is_whole(arena: Arena) -> None:
    """The turn stops when the buffer is full and goes on where it was; the outcome is remembered before the last."""
    arena.has_room_for_events(16)
    alice, bob = arena.player(), arena.player()
    arena.quote("BTCUSDT", 60_000)
    his = bob.limit("BTCUSDT", LONG, 58_000, margin=10, leverage=5)
    orders = [alice.limit("BTCUSDT", LONG, 59_000 - n, margin=10, leverage=5, expires_in=9) for n in range(40)]
    position = alice.opens("BTCUSDT", LONG, margin=10, leverage=5)
    again = alice._order("BTCUSDT", LONG, OrderType.MARKET, margin=10, leverage=5)
    all_of_it = CancelAll(alice.id, alice.match, key="all")
    outcomes = outcomes_of(arena.apply([all_of_it, all_of_it, again]).outcomes)
    assert [(found["left"], found["replayed"]) for found in outcomes] == [(40, 0), (40, 1), (0, 0)]
    kinds = [(EventKind.ORDER_CANCELED, order) for order in reversed(orders)]
    assert arena.order_of_events() == [*kinds, (EventKind.POSITION_OPENED, outcomes[2]["id"])]
    assert {event["sequence"] for event in arena.events[:-1]} == {outcomes[0]["sequence"]}
    assert (alice.orders, alice.reserved, alice.positions) == ([], 0, [position, outcomes[2]["id"]])
    assert bob.orders == [his]
    assert arena.machine.state.book.world[0]["timers"] == 0


def test_cancel_all_passes_over_what_is_on_its_way_however_small_the_buffer(arena: Arena) -> None:
    arena.has_room_for_events(12)
    alice = arena.player(execution=Execution.NEXT)
    arena.quote("BTCUSDT", 60_000)
    rest = [alice.limit("BTCUSDT", LONG, 59_000 + n % 2 * 1_000, margin=10, leverage=5) for n in range(21)]
    assert alice.cancels_all().left == 11
    assert [id for _, id in arena.order_of_events()] == rest[::-2]
    assert alice.orders == rest[1::2]


def test_cancel_all_is_of_one_match_and_works_when_it_is_not_open_for_trading(arena: Arena) -> None:
    alice = arena.player()
    other = Player(arena, alice.id, arena.match(cash=5_000))
    arena.quote("BTCUSDT", 60_000)
    for seat in (alice, other, alice):
        seat.limit("BTCUSDT", LONG, 59_000, margin=10, leverage=5)
    arena.machine.state.book.matches["status"][alice.match] = 3
    assert (alice.cancels_all().id, arena.outcome.left) == (alice.match, 2)
    assert (len(alice.orders), len(other.orders)) == (0, 1)


def test_a_resting_order_keeps_its_text_stops_and_times(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    text = "abcABC019._:/-" + 22 * "x"
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, stop_loss=58_000, take_profit=62_000,
                        expires_in=30, client_order_id=text)  # fmt: skip
    shown = alice.resting[0]
    assert (shown.order, shown.price, shown.stop_loss, shown.take_profit) == (order, 5_900_000, 5_800_000, 6_200_000)
    assert shown.expires_at_ns - shown.accepted_at_ns == 30 * 10**9
    assert shown.client_order_id.rstrip(b"\0").decode() == text
    assert unpack_client_order_id(arena.events[-1]["client_order_id"]) == text
    arena.quote("BTCUSDT", 59_000)
    position = alice.position(order)
    assert (position.stop_loss, position.take_profit, position.leverage) == (5_800_000, 6_200_000, 10)


def test_stops_of_a_limit_order_are_held_against_its_own_price(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    with arena.refuses(Reason.WOULD_TRIGGER_NOW):
        alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, stop_loss=59_000)
    alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, stop_loss="58999.99", take_profit="59000.01")


def test_an_order_that_opens_on_this_quote_is_first_looked_at_with_the_next(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10, stop_loss=58_900)
    arena.quote("BTCUSDT", 58_800)
    assert alice.positions == [order]
    arena.quote("BTCUSDT", 58_800)
    assert alice.last(EventKind.POSITION_CLOSED).cause is Cause.STOP_LOSS


def test_a_resting_order_that_would_be_liquidated_by_its_quote_is_refused_at_the_fill(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=100)
    arena.quote("BTCUSDT", 58_000)
    refused = alice.last(EventKind.ORDER_REFUSED)
    assert (refused.id, refused.reason) == (order, Reason.WOULD_LIQUIDATE_NOW)
    assert (alice.orders, alice.positions, alice.cash, alice.reserved) == ([], [], 10_000, 0)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"enabled": False}, Reason.INSTRUMENT_DISABLED),
        ({"locked": True}, Reason.INSTRUMENT_LOCKED),
        ({"close_only": True}, Reason.INSTRUMENT_CLOSE_ONLY),
    ],
)
def test_a_resting_order_is_refused_at_the_fill_when_the_instrument_no_longer_opens(
    arena: Arena, field: dict[str, bool], reason: Reason
) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10)
    arena.change("BTCUSDT", **field)
    arena.quote("BTCUSDT", 59_000)
    assert alice.last(EventKind.ORDER_REFUSED).reason is reason
    assert (alice.orders, alice.positions, alice.cash) == ([], [], 10_000)


def test_a_fill_that_needs_more_than_is_free_is_refused_and_the_reservation_comes_back(arena: Arena) -> None:
    alice = arena.player(cash="59.118", fees=True)
    arena.quote("BTCUSDT", 60_000)
    alice.limit("BTCUSDT", LONG, 59_000, quantity="0.01", leverage=10)
    assert alice.cash == 0
    arena.change("BTCUSDT", maker_fee_ppm=300)
    arena.quote("BTCUSDT", 59_000)
    assert alice.last(EventKind.ORDER_REFUSED).reason is Reason.CASH_TOO_LOW
    assert alice.cash == Decimal("59.118")


def test_a_fill_that_needs_less_gives_the_rest_back(arena: Arena) -> None:
    alice = arena.player(cash="59.118", fees=True)
    arena.quote("BTCUSDT", 60_000)
    alice.limit("BTCUSDT", LONG, 59_000, quantity="0.01", leverage=10)
    arena.change("BTCUSDT", maker_fee_ppm=100)
    arena.quote("BTCUSDT", 59_000)
    assert (alice.positions != [], alice.cash) == (True, Decimal("0.059"))


def test_all_the_cash_can_be_spent_and_not_a_unit_more(arena: Arena) -> None:
    alice = arena.player(cash="60.3", fees=True)
    bob = arena.player(cash="60.29999999", fees=True)
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, quantity="0.01", leverage=10)
    assert alice.cash == 0
    with arena.refuses(Reason.CASH_TOO_LOW):
        bob.opens("BTCUSDT", LONG, quantity="0.01", leverage=10)


def test_orders_and_positions_count_together_against_the_limit(arena: Arena) -> None:
    alice = arena.player(max_positions=2)
    arena.quote("BTCUSDT", 60_000)
    order = alice.limit("BTCUSDT", LONG, 59_000, margin=100, leverage=10)
    position = alice.opens("BTCUSDT", LONG, margin=100, leverage=10)
    with arena.refuses(Reason.TOO_MANY_POSITIONS):
        alice.opens("BTCUSDT", LONG, margin=100, leverage=10)
    alice.closes(position)
    alice.opens("BTCUSDT", LONG, margin=100, leverage=10)
    alice.cancels(order)
    alice.opens("BTCUSDT", LONG, margin=100, leverage=10)


def test_private_messages_are_numbered_without_gaps(arena: Arena) -> None:
    alice, bob = arena.player(), arena.player()
    arena.quote("BTCUSDT", 60_000)
    for player in (alice, bob, alice):
        player.closes(player.opens("BTCUSDT", LONG, margin=100, leverage=10))
    for player in (alice, bob):
        numbers = [event["message"] for event in arena.history if event["player"] == player.id]
        assert numbers == list(range(1, len(numbers) + 1))
        assert views.last_message(arena.machine.state.book, player.id) == len(numbers)


def test_a_trial_says_what_the_order_would_do_and_changes_nothing(arena: Arena) -> None:
    from tests.harness.records import batch_of, lasting

    alice = arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    command = alice._order("BTCUSDT", LONG, 1, margin=600, leverage=10)
    before = lasting(arena.machine.state)
    reason, plan = arena.machine.preview_order(batch_of([command], 1, 0).records.tobytes())
    assert (reason, lasting(arena.machine.state)) == (Reason.ACCEPTED, before)
    outcome = arena.command(command)
    assert plan is not None
    assert (plan.fills, plan.price, plan.fee) == (True, 6_000_000, 300_000_000)
    assert arena.price("BTCUSDT", plan.liquidation) == outcome.liquidation
    assert plan.bankruptcy == 5_402_701  # 54,000 / 0.9995 = 54,027.01...


def test_hedging_is_refused_at_the_fill_too(arena: Arena) -> None:
    """The order was accepted while the match allowed it, which no command of today takes back."""
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, margin=100, leverage=10)
    alice.limit("BTCUSDT", SHORT, 61_000, margin=100, leverage=10)
    arena.machine.state.book.matches[alice.match]["no_hedging"] = 1
    with pytest.raises(InvariantBroken, match="is of the other side than its holding"):
        arena.passes(0)
    arena.quote("BTCUSDT", 61_001)
    assert alice.last(EventKind.ORDER_REFUSED).reason is Reason.HEDGING_NOT_ALLOWED
    assert (len(alice.positions), alice.orders, alice.reserved) == (1, [], 0)
