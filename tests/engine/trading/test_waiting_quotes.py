"""What waits for the next quote of its instrument, and who is told that it does."""

from __future__ import annotations

import numpy as np

from engine import views
from engine.migration import migrated
from engine.model.commands import Execution
from engine.model.state import encode_cold_state, sections
from tests.harness.arena import LONG, Arena


def test_an_order_waits_for_quotes_from_its_acceptance_until_its_fill(arena: Arena) -> None:
    """Through the speed bump too: meanwhile the feed lets every frame through, so that none is missed after it."""
    alice = arena.player(execution=Execution.NEXT, speed_bump_ms=100)
    arena.quote("BTCUSDT", 60_000)
    book = arena.machine.state.book

    def waits() -> list[bool]:
        return [views.waits_for_quote(book, instrument) for instrument in (1, 2)]

    assert waits() == [False, False]
    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    assert waits() == [True, False]
    arena.passes("0.1")
    assert waits() == [True, False]
    arena.quote("BTCUSDT", 60_000)
    assert waits() == [False, False]

    alice.closes(position)
    assert waits() == [True, False]
    arena.switch("instrument", 1, "halted")
    assert waits() == [False, False]
    arena.switch("instrument", 1, "halted", on=False)
    arena.quote("BTCUSDT", 60_000)
    arena.passes("0.1")
    arena.quote("BTCUSDT", 60_000)
    assert (alice.positions, waits()) == ([], [False, False])

    alice.buys("BTCUSDT", LONG, 10, 60)
    assert waits() == [True, False]
    arena.passes(60)
    assert waits() == [False, False]


def test_what_a_bump_holds_back_waits_for_the_first_quote_after_it(arena: Arena) -> None:
    """A price or stop that counts from that quote on is reached by it also when it says what the last one said."""
    alice = arena.player(execution=Execution.NEXT, speed_bump_ms=100)
    bob = arena.player(execution=Execution.NEXT, speed_bump_ms=250)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("ETHUSDT", 3_000)
    book = arena.machine.state.book

    def waits() -> list[bool]:
        return [views.waits_for_quote(book, instrument) for instrument in (1, 2)]

    order = bob.limit("ETHUSDT", LONG, 2_000, quantity="0.1", leverage=10)
    alice.limit("ETHUSDT", LONG, 2_000, quantity="0.1", leverage=10)
    assert waits() == [False, True]
    arena.passes("0.1")
    arena.quote("ETHUSDT", 3_000)
    assert waits() == [False, True]
    arena.passes("0.15")
    assert waits() == [False, True]
    arena.quote("ETHUSDT", 3_000)
    assert waits() == [False, False]

    bob.moves(order, price=2_100)
    assert waits() == [False, True]
    arena.passes("0.25")
    arena.quote("ETHUSDT", 3_000)
    assert waits() == [False, False]

    position = alice.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.passes("0.1")
    arena.quote("BTCUSDT", 60_000)
    assert waits() == [False, False]
    alice.amends(position, stop_loss=59_000)
    assert waits() == [True, False]
    arena.passes("0.1")
    assert waits() == [True, False]
    arena.quote("BTCUSDT", 60_000)
    assert waits() == [False, False]


def test_what_waits_in_a_folder_of_older_rules_is_counted(arena: Arena) -> None:
    alice = arena.player(execution=Execution.NEXT, speed_bump_ms=100)
    for symbol, count in (("BTCUSDT", 3), ("ETHUSDT", 2)):
        arena.quote(symbol, 6_000)
        for _ in range(count):
            alice.opens(symbol, LONG, quantity="0.1", leverage=10)
    state = arena.machine.state
    tables = {name: np.asarray(array).copy() for name, array in sections(state).items()}
    tables["quotes"]["waiting"] = 0
    book = migrated(tables, encode_cold_state(state.cold), 1, 2).book
    assert book.quotes["waiting"].tolist() == state.book.quotes["waiting"].tolist()
    assert book.quotes["waiting"].sum() == 5
