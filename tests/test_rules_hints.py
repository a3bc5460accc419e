"""What looking ahead has left behind is a hint and no more: a command answers the same whatever stands there.

A batch never looks ahead to its first commands, so for those stands what an earlier batch found.
"""

from __future__ import annotations

import pytest
from arena import LONG, Arena
from records import ClosePosition, Command, Pulse, Transfer, outcomes_of
from test_rules_rooms import room

from engine.commands import Account, LeaveMatch, OrderType, StartMatch
from engine.reasons import Reason
from engine.tables import AHEAD


def leaves_hint(arena: Arena, command: Command) -> Reason:
    """Apply the command at a place in its batch where what is found for it stays for the first of the next batch."""
    applied = arena.apply([Pulse()] * AHEAD + [command])
    return Reason(outcomes_of(applied.outcomes)[AHEAD]["reason"])


@pytest.mark.parametrize("percent", [50, 100])
def test_a_position_that_is_closed_is_not_the_one_of_id_0(percent: int):
    arena = Arena()
    ann = arena.player()
    arena.quote("BTCUSDT", 60_000)
    position = ann.opens("BTCUSDT", LONG, margin=100, leverage=10)
    assert leaves_hint(arena, ClosePosition(ann.id, position, 0, 100)) is Reason.ACCEPTED
    with arena.refuses(Reason.POSITION_NOT_FOUND):
        arena.command(ClosePosition(ann.id, 0, 0, percent))


def test_a_seat_that_was_given_back_is_nobodys():
    arena = Arena()
    match = room(arena)
    ann = arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    order = ann._order("BTCUSDT", LONG, OrderType.MARKET, margin=100, leverage=10)
    assert leaves_hint(arena, order) is Reason.MATCH_NOT_OPEN
    arena.contestant(match)
    arena.command(LeaveMatch(match, ann.id))
    arena.command(StartMatch(match))
    with arena.refuses(Reason.NOT_JOINED):
        arena.command(order)


def test_no_account_has_the_id_0():
    arena = Arena()
    ann = arena.player()
    arena.quote("BTCUSDT", 60_000)
    cash = arena.account(ann.id, Account.PLAYER_CASH, balance=10)
    positions = [ann.opens("BTCUSDT", LONG, margin=100, leverage=10) for _ in range(20)]
    assert leaves_hint(arena, ClosePosition(ann.id, positions[-1], 0, 100)) is Reason.ACCEPTED
    with arena.refuses(Reason.ACCOUNT_NOT_FOUND):
        arena.command(Transfer(1, cash, 0, 1))
