"""Trading hours and kill switches: what they stop, what they never stop, and who is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from engine import views
from engine.model.events import Cause, EventKind
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S
from engine.trading.instruments import is_market_open
from tests.harness.arena import BTC, LONG, SHORT, Arena

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
TUESDAY_22_13 = 24 * 60 + 22 * 60 + 13
"""Minute of the week when the arena starts, and 20 seconds."""


def test_hours_are_half_open_minutes_of_the_week_by_the_calendar(arena: Arena) -> None:
    windows = ((0, 1), (60, 90), (90, 120), (5_000, 5_001), (10_079, 10_080))
    arena.change("BTCUSDT", hours=windows)
    book = arena.machine.state.book
    edges = {minute + around for window in windows for minute in window for around in (-1, 0, 1)}
    for minute in edges | set(range(0, 10_080, 7)):
        moment = MONDAY + timedelta(minutes=minute)
        at_ns = int(moment.timestamp()) * NS_PER_S
        expected = any(start <= minute % 10_080 < end for start, end in windows)
        assert bool(is_market_open(book, 1, at_ns)) == expected, moment
        assert bool(is_market_open(book, 1, at_ns + 60 * NS_PER_S - 1)) == expected, moment
        assert is_market_open(book, 2, at_ns)


def test_as_many_windows_as_there_can_be(arena: Arena) -> None:
    """Two a day, and the instruments beside it keep theirs, also when the tables grow."""
    windows = tuple((720 * half + 60, 720 * half + 600) for half in range(14))
    arena.change("BTCUSDT", hours=windows)
    for number in range(10):
        arena.define(replace(BTC, symbol=f"N{number}", hours=((number, number + 1),)))
    book = arena.machine.state.book
    week_ns = int(MONDAY.timestamp()) * NS_PER_S
    for half in range(14):
        assert is_market_open(book, 1, week_ns + (720 * half + 60) * 60 * NS_PER_S)
        assert not is_market_open(book, 1, week_ns + (720 * half + 600) * 60 * NS_PER_S)
    assert [minute for minute in range(12) if is_market_open(book, 5, week_ns + minute * 60 * NS_PER_S)] == [2]


def test_a_price_from_before_the_close_is_stale_however_long_quotes_live(arena: Arena) -> None:
    """So a close waits for the opening, and margin is not taken back on the old price."""
    alice = arena.player()
    arena.change("BTCUSDT", quote_lifetime_ns=10**18, hours=((0, TUESDAY_22_13 + 1), (TUESDAY_22_13 + 9, 10_080)))
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    alice.amends(position, margin=100)
    arena.passes(40)
    with arena.refuses(Reason.FEED_STALE):
        alice.amends(position, margin=-100)
    book = arena.machine.state.book
    assert views.quote(book, 1, arena.now_ns).stale
    assert not views.takes_quotes(book, 1, arena.now_ns)
    alice.closes(position)
    assert not views.waits_for_quote(book, 1)  # the market is closed
    arena.passes(8 * 60)
    assert views.takes_quotes(book, 1, arena.now_ns)
    assert views.waits_for_quote(book, 1)
    arena.quote("BTCUSDT", 61_000)
    assert alice.last(EventKind.POSITION_CLOSED).price == arena.price("BTCUSDT", 6_099_999)


def test_orders_expire_while_the_market_is_closed(arena: Arena) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    alice.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10, expires_in=100)
    arena.change("BTCUSDT", hours=((0, 1),))
    arena.passes(100)
    assert alice.orders == []
    assert alice.last(EventKind.ORDER_EXPIRED)


SWITCHES = [
    ("arena", "locked", Reason.TRADING_LOCKED),
    ("arena", "close_only", Reason.ARENA_CLOSE_ONLY),
    ("instrument", "locked", Reason.INSTRUMENT_LOCKED),
    ("instrument", "close_only", Reason.INSTRUMENT_CLOSE_ONLY),
    ("match", "locked", Reason.MATCH_LOCKED),
    ("player", "locked", Reason.PLAYER_LOCKED),
]


@pytest.mark.parametrize(("scope", "switch", "reason"), SWITCHES)
def test_what_is_locked_opens_nothing_and_closes_everything(
    arena: Arena, scope: str, switch: str, reason: Reason
) -> None:
    alice = arena.player()
    arena.quote("BTCUSDT", 60_000)
    closing = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    stopped = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10, stop_loss=59_500)
    liquidated = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=100)
    target = alice.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10, take_profit=59_500)
    limit = alice.limit("BTCUSDT", LONG, 59_400, quantity="0.1", leverage=10)
    stop = alice.stop("BTCUSDT", SHORT, 59_400, quantity="0.1", leverage=10)
    kept = alice.limit("BTCUSDT", LONG, 50_000, quantity="0.1", leverage=10)
    id = {"arena": 0, "instrument": 1, "match": alice.match, "player": alice.id}[scope]
    arena.switch(scope, id, switch)
    for again in (LONG, SHORT):
        with arena.refuses(reason):
            alice.opens("BTCUSDT", again, quantity="0.1", leverage=10)
    with arena.refuses(reason):
        alice.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)

    alice.amends(stopped, stop_loss=59_400)
    alice.closes(closing)
    alice.cancels(kept)
    arena.quote("BTCUSDT", 59_000, 59_001)
    causes = {happened.id: happened.cause for happened in arena.happened(EventKind.POSITION_CLOSED)}
    assert causes == {closing: Cause.CLIENT, stopped: Cause.STOP_LOSS, liquidated: Cause.LIQUIDATION,
                      target: Cause.TAKE_PROFIT}  # fmt: skip
    refused = arena.happened(EventKind.ORDER_REFUSED)
    assert [(happened.id, happened.reason) for happened in refused] == [(limit, reason), (stop, reason)]
    assert (alice.reserved, alice.margin, alice.cash) == (0, 0, alice.equity)

    arena.switch(scope, id, switch, on=False)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)


def test_a_switch_stops_only_what_it_is_of(arena: Arena) -> None:
    alice, bob = arena.player(), arena.player()
    other = arena.match(cash=500)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("ETHUSDT", 3_000)
    arena.switch("instrument", 1, "locked")
    alice.opens("ETHUSDT", LONG, quantity="0.1", leverage=10)
    arena.switch("instrument", 1, "locked", on=False)
    arena.switch("player", alice.id, "locked")
    bob.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.switch("player", alice.id, "locked", on=False)
    arena.switch("match", other, "locked")
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    assert views.match(arena.machine.state, other)


def test_the_event_of_a_switch_is_public_but_for_a_players(arena: Arena) -> None:
    alice = arena.player()
    told = []
    for scope, id in (("arena", 0), ("instrument", 2), ("match", 1), ("player", alice.id)):
        arena.switch(scope, id, "locked", on=scope != "match")
        (event,) = arena.events
        assert event["kind"] == EventKind.SWITCH_CHANGED
        told.append([event[field] for field in ("player", "match", "instrument", "id", "scope", "switch", "on")])
    assert told == [[0, 0, 0, 0, 1, 1, 1], [0, 0, 2, 2, 2, 1, 1], [0, 1, 0, 1, 3, 1, 0], [1, 0, 0, 1, 4, 1, 1]]


def test_switches_of_an_instrument_stand_in_its_data_until_it_is_defined_anew(arena: Arena) -> None:
    cold = arena.machine.state.cold.instruments
    plain = cold[1]
    arena.switch("instrument", 1, "halted")
    arena.switch("instrument", 1, "close_only")
    assert (cold[1].halted, cold[1].close_only, cold[1].locked) == (True, True, False)
    arena.switch("instrument", 1, "close_only", on=False)
    assert (cold[1].halted, cold[1].close_only) == (True, False)
    arena.define(plain)
    arena.quote("BTCUSDT", 60_000)
