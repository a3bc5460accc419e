"""An instrument is settled: everybody is out of it, in one command, at one price, by the rules of each match."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model.commands import Execution, SettleInstrument
from engine.model.events import Cause, EventKind, Rule
from engine.model.reasons import Reason
from tests.harness.arena import LONG, SHORT, Arena, Player
from tests.harness.records import Pulse, Quote

REASON = "delisted; last price of another exchange"


def settle(arena: Arena, price: int) -> None:
    arena.switch("instrument", 1, "halted")
    arena.command(SettleInstrument(1, price * 100, REASON))


def test_everybody_is_out_of_it_and_nobody_of_another(arena: Arena) -> None:
    alice, bob = arena.player(), arena.player(fees=True)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("ETHUSDT", 3_000)
    long = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    ether = alice.opens("ETHUSDT", LONG, quantity=1, leverage=10)
    rests = alice.limit("ETHUSDT", LONG, 2_900, quantity=1, leverage=10)
    short = bob.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10)
    order = bob.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)

    settle(arena, 55_000)

    assert arena.order_of_events() == [
        (EventKind.ORDER_CANCELED, order), (EventKind.POSITION_CLOSED, long), (EventKind.POSITION_CLOSED, short),
    ]  # fmt: skip
    closed = bob.last(EventKind.POSITION_CLOSED)
    assert (closed.cause, closed.price, closed.fee) == (Cause.SETTLEMENT, 55_000, Decimal("2.75"))
    assert closed.profit == Decimal("499.999")  # opened at the bid
    assert bob.last(EventKind.ORDER_CANCELED).reason is Reason.INSTRUMENT_SETTLED
    assert (alice.positions, alice.orders) == ([ether], [rests])
    assert bob.cash == 10_000 + Decimal("499.999") - Decimal("2.75") - Decimal("2.9999995")


def test_a_close_that_waits_and_an_order_in_its_speed_bump_end_too(arena: Arena) -> None:
    alice = arena.player()
    bob = arena.player(execution=Execution.NEXT, speed_bump_ms=250)
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    bob.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes(3)
    alice.closes(position)
    settle(arena, 60_000)
    assert (alice.positions, bob.orders, bob.cash) == ([], [], 10_000)
    assert not arena.machine.state.book.quotes["waiting"].any()


def test_who_loses_too_much_by_it_is_disqualified_in_the_same_command(arena: Arena) -> None:
    """And what he has elsewhere is closed."""
    alice = arena.player(max_total_drawdown_ppm=50_000)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("ETHUSDT", 3_000)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    ether = alice.opens("ETHUSDT", LONG, quantity=1, leverage=10)
    settle(arena, 54_999)
    assert alice.seat.out is not None
    assert alice.seat.out.rule == Rule.TOTAL_DRAWDOWN
    closed = arena.happened(EventKind.POSITION_CLOSED, alice.id)
    assert [(event.id, event.cause) for event in closed][-1] == (ether, Cause.RULE)
    assert {event["sequence"] for event in arena.events} == {arena.outcome.sequence}


def test_who_reaches_the_target_by_it_may_end_the_match(arena: Arena) -> None:
    match = arena.contest(3_600, profit_target_ppm=50_000, target_ends=True)
    alice, bob = arena.contestant(match), arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10)
    bob.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    settle(arena, 54_000)
    kinds = [EventKind(event["kind"]) for event in arena.events]
    assert kinds.index(EventKind.SEAT_LOCKED) < kinds.index(EventKind.MATCH_FINISHED)


def test_no_loss_is_beyond_the_margin(arena: Arena) -> None:
    alice = arena.player(cash=100)
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, margin=50, leverage=10)
    settle(arena, 1)
    assert alice.cash == Decimal("50.02")
    assert arena.insurance(alice.match) < 0


@pytest.mark.parametrize("room", [16, 64])
def test_more_of_them_than_the_event_buffer_holds(arena: Arena, room: int) -> None:
    players = [arena.player(max_total_drawdown_ppm=50_000) for _ in range(30)]
    arena.quote("BTCUSDT", 60_000)
    for player in players:
        player.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
        player.limit("BTCUSDT", LONG, 59_000, quantity="0.1", leverage=10)
    arena.has_room_for_events(room)
    settle(arena, 50_000)
    assert len(arena.happened(EventKind.POSITION_CLOSED)) == 30
    assert all(player.seat.out for player in players)


def test_the_next_command_of_the_batch_finds_it_done(arena: Arena) -> None:
    alice: Player = arena.player(max_total_drawdown_ppm=50_000)
    arena.quote("BTCUSDT", 60_000)
    alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.switch("instrument", 1, "halted")
    arena.apply([SettleInstrument(1, 5_000_000, REASON), Pulse(), Quote(2, 300_000, 300_001, 99)])
    kinds = [event["kind"] for event in arena.events]
    assert kinds.index(EventKind.SEAT_DISQUALIFIED) < kinds.index(EventKind.QUOTE_CHANGED)
