"""Quotes: which are taken, what each lets happen and in which order, and the candles of the bid."""

from __future__ import annotations

from typing import Any

import pytest

from engine import views
from engine.model.events import Cause, EventKind
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S
from tests.harness.arena import LONG, SHORT, START_NS, Arena
from tests.harness.records import Quote


@pytest.mark.parametrize(("bid", "ask"), [
    (6_000_000, 6_000_000),  # no spread
    (6_000_001, 6_000_000),  # crossed
    (0, 6_000_000),
    (-1, 6_000_000),
    (6_000_000, 6_060_001),  # a tick wider than one in a hundred
    (99_999_999, 100_000_001),  # above the highest price
])  # fmt: skip
def test_an_unusable_quote_is_counted_and_changes_nothing(arena: Arena, bid: int, ask: int) -> None:
    arena.quote("BTCUSDT", 60_000)
    with arena.refuses(Reason.QUOTE_NOT_USABLE):
        arena.command(Quote(1, bid, ask, 100))
    assert arena.machine.state.book.world["quotes_unusable"][0] == 1


def test_the_widest_and_the_highest_quote_are_usable(arena: Arena) -> None:
    arena.quote("BTCUSDT", 60_000, 60_600)
    arena.quote("BTCUSDT", 999_999, 1_000_000)


def test_a_quote_must_be_newer_than_the_last_of_its_connection(arena: Arena) -> None:
    arena.command(Quote(1, 6_000_000, 6_000_001, 7))
    for sequence in (7, 6, -1):
        with arena.refuses(Reason.QUOTE_NOT_USABLE):
            arena.command(Quote(1, 6_000_002, 6_000_003, sequence))
    arena.command(Quote(2, 6_000_000, 6_000_001, 7))
    arena.feed_opens()
    assert [event["kind"] for event in arena.events] == [EventKind.FEED_OPENED]
    arena.command(Quote(1, 6_000_002, 6_000_003, 0))
    arena.command(Quote(1, 6_000_002, 6_000_003, 1))


def test_a_halted_or_closed_instrument_takes_no_quote_and_forgets_none(arena: Arena) -> None:
    """What is refused is not the last of its connection either: the same frame is taken afterwards."""
    arena.command(Quote(1, 6_000_000, 6_000_001, 7))
    for reason, off, on in (
        (Reason.INSTRUMENT_HALTED, {"halted": True}, {"halted": False}),
        (Reason.MARKET_CLOSED, {"hours": ((0, 1),)}, {"hours": ()}),
        (Reason.INSTRUMENT_HALTED, {"halted": True, "hours": ((0, 1),)}, {"halted": False, "hours": ()}),
    ):
        arena.change("BTCUSDT", **off)
        with arena.refuses(reason):
            arena.command(Quote(1, 6_000_002, 6_000_003, 8))
        arena.change("BTCUSDT", **on)
    arena.command(Quote(1, 6_000_002, 6_000_003, 8))
    assert arena.machine.state.book.world["quotes_unusable"][0] == 3


def test_markup_is_added_to_each_side_and_fills_pay_it(arena: Arena) -> None:
    alice = arena.player()
    arena.change("BTCUSDT", markup_ticks=500)
    arena.quote("BTCUSDT", 60_000, 60_010)
    quote = views.quote(arena.machine.state.book, 1, arena.now_ns)
    assert (quote.bid, quote.ask, quote.stale) == (5_999_500, 6_001_500, False)
    alice.opens("BTCUSDT", LONG, margin=100, leverage=10)
    assert alice.last(EventKind.POSITION_OPENED).price == 60_015


def test_a_quote_is_stale_when_it_is_older_than_its_lifetime(arena: Arena) -> None:
    book = arena.machine.state.book
    assert views.quote(book, 1, arena.now_ns).stale
    arena.quote("BTCUSDT", 60_000)
    book = arena.machine.state.book
    assert not views.quote(book, 1, arena.now_ns + 2 * NS_PER_S).stale
    assert views.quote(book, 1, arena.now_ns + 2 * NS_PER_S + 1).stale


def test_a_confirmation_of_the_same_price_keeps_it_fresh(arena: Arena) -> None:
    alice = arena.player()
    for _ in range(3):
        arena.quote("BTCUSDT", 60_000)
        arena.passes(2)
    alice.opens("BTCUSDT", LONG, margin=100, leverage=10)


# The order of service


def test_within_one_quote_waiting_closes_then_stops_liquidations_targets_steps_entries(arena: Arena) -> None:
    """One quote that does all of it: it falls to 58,000 / 58,010."""
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    entry = alice.limit("BTCUSDT", LONG, 58_500, margin=100, leverage=5)
    followed = alice.opens("BTCUSDT", SHORT, margin=100, leverage=5, trailing_stop=10_000)
    target = alice.opens("BTCUSDT", SHORT, margin=100, leverage=5, take_profit=58_500, trailing_stop=10_000)
    liquidated = alice.opens("BTCUSDT", LONG, margin=100, leverage=50)
    stopped = alice.opens("BTCUSDT", LONG, margin=100, leverage=5, stop_loss=58_500)
    closing = alice.opens("BTCUSDT", LONG, margin=100, leverage=5)
    arena.passes(3)
    alice.closes(closing)
    arena.quote("BTCUSDT", 58_000, 58_010)
    closed = EventKind.POSITION_CLOSED
    assert arena.order_of_events() == [
        (closed, closing), (closed, stopped), (closed, liquidated), (closed, target),
        (EventKind.POSITION_CHANGED, followed), (EventKind.ORDER_FILLED, entry), (EventKind.POSITION_OPENED, entry),
    ]  # fmt: skip
    causes = [Cause(event["cause"]) for event in arena.events if event["kind"] == closed]
    assert causes == [Cause.CLIENT, Cause.STOP_LOSS, Cause.LIQUIDATION, Cause.TAKE_PROFIT]


def test_within_a_class_earlier_acceptance_comes_first(arena: Arena) -> None:
    """Rows and pages are used again and decide nothing: a thousand stops in shuffled rows are served by their ids."""
    alice = arena.player(cash=1_000_000, max_positions=1_000)
    arena.quote("BTCUSDT", 60_000)
    ids = [alice.opens("BTCUSDT", side, margin=10, leverage=5) for side in (LONG, SHORT) * 20]
    for id in ids[::3]:
        alice.closes(id)
    kept = [id for id in ids if id not in ids[::3]]
    kept += [alice.opens("BTCUSDT", side, margin=10, leverage=5) for side in (SHORT, LONG) * 5]
    for id in reversed(kept):
        side = alice.position(id).side
        level: dict[str, Any] = {"stop_loss" if side > 0 else "take_profit": 59_000}
        alice.amends(id, **level)
    arena.quote("BTCUSDT", 58_000, 58_001)
    longs = [event for event in arena.events if event.get("cause") == Cause.STOP_LOSS]
    shorts = [event for event in arena.events if event.get("cause") == Cause.TAKE_PROFIT]
    assert [event["id"] for event in longs] == sorted(event["id"] for event in longs)
    assert [event["id"] for event in shorts] == sorted(event["id"] for event in shorts)
    assert [event["id"] for event in longs + shorts] == [id for _, id in arena.order_of_events()]
    assert len(longs) + len(shorts) == len(kept)


def test_waiting_closes_are_served_in_order_of_acceptance_not_of_opening(arena: Arena) -> None:
    alice, bob = arena.player(), arena.player()
    arena.quote("BTCUSDT", 60_000)
    first = alice.opens("BTCUSDT", LONG, margin=100, leverage=5)
    second = bob.opens("BTCUSDT", LONG, margin=100, leverage=5)
    third = alice.opens("BTCUSDT", SHORT, margin=100, leverage=5)
    arena.passes(3)
    bob.closes(second)
    alice.closes(third)
    alice.closes(first)
    arena.quote("BTCUSDT", 60_000)
    assert [id for _, id in arena.order_of_events()] == [second, third, first]


def test_a_quote_of_one_instrument_leaves_the_others_alone(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    arena.quote("ETHUSDT", 60_000)
    other = alice.opens("ETHUSDT", LONG, margin=100, leverage=5, stop_loss=59_000)
    arena.quote("BTCUSDT", 50_000)
    assert alice.positions == [other]


def test_one_quote_can_do_more_than_fits_the_event_buffer(arena: Arena) -> None:
    """The turn stops when the buffer is full and goes on where it was; nobody can tell."""
    arena.has_room_for_events(16)
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    order = [alice.limit("BTCUSDT", LONG, 59_000, margin=10, leverage=5, expires_in=9) for _ in range(20)]
    stops = [alice.opens("BTCUSDT", LONG, margin=10, leverage=5, stop_loss=59_500) for _ in range(20)]
    trail = [alice.opens("BTCUSDT", SHORT, margin=10, leverage=5, trailing_stop=10_000) for _ in range(20)]
    arena.quote("BTCUSDT", 59_000)
    done = [id for kind, id in arena.order_of_events() if kind is not EventKind.ORDER_FILLED]
    assert done == stops + trail + order
    again = [alice.limit("BTCUSDT", LONG, 58_000, margin=10, leverage=5, expires_in=9) for _ in range(30)]
    arena.passes(9)
    assert [id for _, id in arena.order_of_events()] == again


# Candles


def candles(arena: Arena, interval_s: int) -> list[tuple[int, ...]]:
    """The closed ones so far: second of the start, open, high, low, close, quotes."""
    return [
        (event["open_at_ns"] // NS_PER_S - START_NS // NS_PER_S,
         *(event[field] // 100 for field in ("open", "high", "low", "close")), event["ticks"])
        for event in arena.history
        if event["kind"] == EventKind.CANDLE_CLOSED and event["interval_s"] == interval_s
    ]  # fmt: skip


def bids(arena: Arena, *prices: int) -> None:
    for price in prices:
        arena.quote("BTCUSDT", price, price + 1)


def test_a_candle_of_the_bid_closes_with_the_first_quote_after_it(arena: Arena) -> None:
    bids(arena, 60_000, 60_020, 59_990, 60_010)
    arena.passes("0.999999999")
    bids(arena, 60_030)
    assert candles(arena, 1) == []
    arena.passes("0.000000001")
    assert candles(arena, 1) == []
    bids(arena, 70_000)
    assert candles(arena, 1) == [(0, 60_000, 60_030, 59_990, 60_030, 5)]


def test_longer_candles_are_made_of_shorter_ones(arena: Arena) -> None:
    assert START_NS // NS_PER_S % 60 == 20, "the first minute ends after 40 s"
    bids(arena, 60_000)
    arena.passes(10)
    bids(arena, 61_000, 59_000)
    arena.passes(29)
    bids(arena, 60_500)
    assert candles(arena, 60) == []
    arena.passes(1)
    bids(arena, 60_700)
    assert candles(arena, 60) == [(-20, 60_000, 61_000, 59_000, 60_500, 4)]
    arena.passes(3600)
    bids(arena, 1_000)
    assert candles(arena, 60)[1:] == [(40, 60_700, 60_700, 60_700, 60_700, 1)]
    assert candles(arena, 300) == [(-200, 60_000, 61_000, 59_000, 60_700, 5)]
    assert candles(arena, 3600) == [(-800, 60_000, 61_000, 59_000, 60_700, 5)]
    assert candles(arena, 14_400) == []
    arena.passes(10 * 86_400)
    bids(arena, 2_000)
    assert [len(candles(arena, interval)) for interval in (1, 60, 300, 900, 3_600, 14_400, 86_400)] == [
        5,
        3,
        2,
        2,
        2,
        1,
        1,
    ]
    assert candles(arena, 86_400) == [(-80_000, 60_000, 61_000, 1_000, 1_000, 6)]


def test_an_unfinished_candle_is_merged_of_all_shorter_ones(arena: Arena) -> None:
    assert views.candle(arena.machine.state.book, 1, 60) is None
    bids(arena, 60_000)
    arena.passes(10)
    bids(arena, 61_000, 59_000)
    arena.passes(29)
    bids(arena, 60_500)
    now = views.candle(arena.machine.state.book, 1, 60)
    assert now is not None
    assert (now.open, now.high, now.low, now.close, now.ticks) == (6_000_000, 6_100_000, 5_900_000, 6_050_000, 4)


def test_shorter_candles_are_announced_before_longer_ones_and_all_before_the_quote(arena: Arena) -> None:
    bids(arena, 60_000)
    arena.passes(86_400)
    bids(arena, 60_000)
    lengths = [event["interval_s"] for event in arena.events[:-1]]
    assert lengths == [1, 60, 300, 900, 3_600, 14_400, 86_400]
    assert arena.events[-1]["kind"] == EventKind.QUOTE_CHANGED


def test_an_unusable_quote_is_in_no_candle(arena: Arena) -> None:
    bids(arena, 60_000)
    with arena.refuses(Reason.QUOTE_NOT_USABLE):
        arena.quote("BTCUSDT", 70_000, 69_000)
    arena.passes(1)
    bids(arena, 60_000)
    assert candles(arena, 1) == [(0, 60_000, 60_000, 60_000, 60_000, 1)]
