"""What a batch changes while its later commands are already prefetched: each answers by what is there in its turn."""

from __future__ import annotations

from typing import Any

import pytest

from engine.invariants import problems
from engine.jit.intrinsics import SLOTS_PER_LINE
from engine.model.commands import Account, LeaveMatch, OrderType, StartMatch
from engine.model.reasons import Reason
from engine.model.tables import HOLDINGS
from engine.storage.compact_index import mark_of
from tests.engine.competition.test_joining import room
from tests.harness.arena import LONG, Arena
from tests.harness.kernels import for_python
from tests.harness.records import ClosePosition, Transfer, outcomes_of


@pytest.mark.parametrize("percent", [50, 100])
def test_a_position_that_is_closed_is_not_the_one_of_id_0(percent: int) -> None:
    arena = Arena()
    ann = arena.player()
    arena.quote("BTCUSDT", 60_000)
    ann.closes(ann.opens("BTCUSDT", LONG, margin=100, leverage=10))
    with arena.refuses(Reason.POSITION_NOT_FOUND):
        arena.command(ClosePosition(ann.id, 0, 0, percent))


def test_a_seat_that_was_given_back_is_nobodys() -> None:
    """The order's seat is prefetched before its player leaves."""
    arena = Arena()
    match = room(arena)
    ann = arena.contestant(match)
    arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    order = ann._order("BTCUSDT", LONG, OrderType.MARKET, margin=100, leverage=10)
    applied = arena.apply([LeaveMatch(match, ann.id), StartMatch(match), order])
    assert reasons_of(applied) == [Reason.ACCEPTED, Reason.ACCEPTED, Reason.NOT_JOINED]


def reasons_of(applied: Any) -> list[Reason]:
    return [Reason(outcome["reason"]) for outcome in outcomes_of(applied.outcomes)]


def test_a_holding_that_went_with_its_last_position_is_made_anew_for_the_next_order() -> None:
    arena = Arena()
    ann = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = ann.opens("BTCUSDT", LONG, margin=100, leverage=10)
    order = ann._order("BTCUSDT", LONG, OrderType.MARKET, margin=200, leverage=10)
    arena.apply([ClosePosition(ann.id, position, 0, 100), order, order])
    assert arena.machine.state.book.heads[HOLDINGS]["live"] == 1
    assert problems(arena.machine.state) == []


def home_of(index: Any, id: int) -> int:
    """The line of the index in which the id belongs."""
    return int(for_python(mark_of)(id) >> 2) & (len(index) // SLOTS_PER_LINE - 1)


def test_a_position_is_closed_wherever_its_word_has_moved() -> None:
    """More than fit into a line belong there. When one in it goes, another, which stood behind, moves to its place."""
    arena = Arena()
    ann = arena.player()
    arena.quote("BTCUSDT", 60_000)
    index = arena.machine.state.book.id_index
    positions = [ann.opens("BTCUSDT", LONG, margin=1, leverage=10)]
    while len(positions) <= SLOTS_PER_LINE:
        position = ann.opens("BTCUSDT", LONG, margin=1, leverage=10)
        if home_of(index, position) == home_of(index, positions[0]):
            positions.append(position)
        else:
            arena.command(ClosePosition(ann.id, position, 0, 100))
    assert arena.machine.state.book.id_index is index
    closes = [ClosePosition(ann.id, position, 0, 100) for position in positions]
    applied = arena.apply([*closes, *closes])
    assert reasons_of(applied) == [Reason.ACCEPTED] * len(closes) + [Reason.POSITION_NOT_FOUND] * len(closes)
    assert not index.any()


def test_no_account_has_the_id_0() -> None:
    arena = Arena()
    ann = arena.player()
    cash = arena.account(ann.id, Account.PLAYER_CASH, balance=10)
    with arena.refuses(Reason.ACCOUNT_NOT_FOUND):
        arena.command(Transfer(1, cash, 0, 1))
