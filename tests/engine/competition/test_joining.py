"""Matches that wait for players: who comes, who goes, and when it begins."""

from __future__ import annotations

import pytest

from engine.invariants import check
from engine.model.commands import (
    ArchiveMatch,
    CancelMatch,
    CreateMatch,
    JoinMatch,
    LeaveMatch,
    RegisterPlayer,
    StartMatch,
)
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S
from engine.model.tables import MATCH_ARCHIVED, MATCH_CANCELED, MATCH_CLOSED, MATCH_OPEN, MATCH_WAITING
from tests.harness.arena import LONG, Arena, Player


def room(arena: Arena, **rules: int) -> int:
    return arena.contest(60, **{"min_players": 2, "max_players": 3, "countdown_s": 10} | rules)


def status(arena: Arena, match: int) -> int:
    return int(arena.machine.state.book.matches[match]["status"])


def told(arena: Arena) -> list[tuple[int, int]]:
    """(kind, player) of the last events."""
    return [(event["kind"], event["player"]) for event in arena.events]


def joins(arena: Arena, match: int) -> Player:
    return arena.contestant(match)


def test_it_begins_when_the_countdown_after_enough_players_is_over(arena: Arena) -> None:
    match = room(arena)
    ann = joins(arena, match)
    arena.passes(100)
    assert status(arena, match) == MATCH_WAITING
    bob = joins(arena, match)
    arena.passes("9.999999999")
    assert status(arena, match) == MATCH_WAITING
    arena.passes("0.000000001")
    assert status(arena, match) == MATCH_OPEN
    assert told(arena) == [(EventKind.MATCH_STARTED, player) for player in (ann.id, bob.id, 0)]
    arena.quote("BTCUSDT", 60_000)
    ann.opens("BTCUSDT", LONG, margin=100, leverage=10)
    arena.passes("59.999999999")
    assert status(arena, match) == MATCH_OPEN
    arena.passes("0.000000001")
    assert status(arena, match) == MATCH_CLOSED


def test_the_last_player_starts_it_at_once(arena: Arena) -> None:
    match = room(arena)
    for _ in range(2):
        joins(arena, match)
    assert status(arena, match) == MATCH_WAITING
    joins(arena, match)
    assert status(arena, match) == MATCH_OPEN
    late = arena.command(RegisterPlayer("late")).id
    with arena.refuses(Reason.MATCH_NOT_WAITING):
        arena.command(JoinMatch(match, late))


def test_without_a_countdown_enough_players_start_it(arena: Arena) -> None:
    match = room(arena, countdown_s=0)
    joins(arena, match)
    joins(arena, match)
    assert status(arena, match) == MATCH_OPEN


def test_who_leaves_stops_the_countdown_and_the_next_one_starts_it_anew(arena: Arena) -> None:
    match = room(arena)
    ann, _ = joins(arena, match), joins(arena, match)
    arena.passes(9)
    arena.command(LeaveMatch(match, ann.id))
    assert told(arena) == [(EventKind.SEAT_CLOSED, ann.id), (EventKind.MATCH_TIMED, 0)]
    arena.passes(100)
    assert status(arena, match) == MATCH_WAITING
    arena.command(JoinMatch(match, ann.id))
    arena.passes(9)
    assert status(arena, match) == MATCH_WAITING
    arena.passes(1)
    assert status(arena, match) == MATCH_OPEN
    check(arena.machine.state)


@pytest.mark.parametrize("who", range(4))
def test_a_seat_that_was_given_back_leaves_nothing_behind(arena: Arena, who: int) -> None:
    """Whoever of them leaves; the next one gets a seat as new, and what the match has granted is right."""
    match = room(arena, max_players=5, countdown_s=600, max_trades_per_minute=2, max_daily_drawdown_ppm=100_000)
    players = [joins(arena, match) for _ in range(4)]
    arena.command(LeaveMatch(match, players[who].id))
    check(arena.machine.state)
    late = joins(arena, match)
    arena.command(StartMatch(match))
    check(arena.machine.state)
    arena.quote("BTCUSDT", 60_000)
    late.opens("BTCUSDT", LONG, margin=100, leverage=10)
    late.opens("BTCUSDT", LONG, margin=100, leverage=10)
    with arena.refuses(Reason.TOO_MANY_TRADES):
        late.opens("BTCUSDT", LONG, margin=100, leverage=10)
    check(arena.machine.state)


def test_an_operator_starts_it_with_whoever_is_there(arena: Arena) -> None:
    match = room(arena)
    joins(arena, match)
    arena.command(StartMatch(match))
    assert status(arena, match) == MATCH_OPEN
    arena.passes(60)
    assert status(arena, match) == MATCH_CLOSED


def test_called_off_it_tells_its_players_and_never_begins(arena: Arena) -> None:
    match = room(arena)
    ann, bob = joins(arena, match), joins(arena, match)
    arena.command(CancelMatch(match, "rain"))
    assert told(arena) == [(EventKind.MATCH_CANCELED, player) for player in (ann.id, bob.id, 0)]
    arena.passes(100)
    assert status(arena, match) == MATCH_CANCELED
    arena.command(ArchiveMatch(match))
    assert status(arena, match) == MATCH_ARCHIVED
    check(arena.machine.state)


def test_a_process_that_was_down_at_the_end_of_the_countdown_makes_up_for_it(arena: Arena) -> None:
    """The batch comes an hour later: it begins then, not back then, and has its whole minute."""
    match = room(arena)
    joins(arena, match), joins(arena, match)
    arena.passes(3600)
    assert status(arena, match) == MATCH_OPEN
    arena.passes("59.999999999")
    assert status(arena, match) == MATCH_OPEN


def test_the_day_of_its_drawdown_begins_with_the_match(arena: Arena) -> None:
    """It waits over midnight (the arena opens at 22:13:20): the first day is the one on which it is played."""
    match = room(arena, max_daily_drawdown_ppm=100_000)
    joins(arena, match)
    arena.passes(7_200)
    joins(arena, match)
    arena.passes(10)
    check(arena.machine.state)


def test_a_private_match_wants_its_code(arena: Arena) -> None:
    game = int(arena.machine.state.book.matches[room(arena)]["game"])
    match = arena.command(CreateMatch(game, practice=False, code="sesame")).id
    player = arena.command(RegisterPlayer("Ann")).id
    for code in ("", "Sesame"):
        with arena.refuses(Reason.CODE_WRONG):
            arena.command(JoinMatch(match, player, code))
    arena.command(JoinMatch(match, player, "sesame"))


def test_a_match_with_more_players_than_events_fit_begins(arena: Arena) -> None:
    arena.has_room_for_events(16)
    match = room(arena, max_players=40)
    for _ in range(40):
        joins(arena, match)
    assert status(arena, match) == MATCH_OPEN
    assert told(arena).count((EventKind.MATCH_STARTED, 0)) == 1


def test_the_countdown_is_told_when_it_is_set_and_when_it_stops(arena: Arena) -> None:
    match = room(arena)
    ann = joins(arena, match)
    bob = joins(arena, match)
    starts_at_ns = arena.now_ns + 10 * NS_PER_S
    arena.command(LeaveMatch(match, ann.id))
    arena.command(LeaveMatch(match, bob.id))  # there was no countdown any more
    clock = [(event["starts_at_ns"], event["ends_at_ns"]) for event in arena.history
             if event["kind"] == EventKind.MATCH_TIMED]  # fmt: skip
    assert clock == [(starts_at_ns, 0), (0, 0)]


def test_a_match_that_has_begun_still_says_when(arena: Arena) -> None:
    at_once = arena.contest(60)
    assert arena.shown(at_once).starts_at_ns == arena.now_ns
    began_ns = arena.now_ns
    waiting = arena.contest(60, min_players=1, countdown_s=10)
    assert arena.shown(waiting).starts_at_ns == 0
    arena.contestant(waiting)
    assert arena.shown(waiting).starts_at_ns == began_ns + 10 * NS_PER_S
    arena.passes(12)
    assert arena.shown(waiting).starts_at_ns == arena.now_ns
    arena.passes(100)
    assert (arena.shown(at_once).starts_at_ns, arena.shown(waiting).starts_at_ns) == (
        began_ns,
        began_ns + 12 * NS_PER_S,
    )


def test_all_are_told_that_it_is_archived(arena: Arena) -> None:
    match = room(arena)
    arena.command(CancelMatch(match, "rain"))
    arena.command(ArchiveMatch(match))
    assert told(arena) == [(EventKind.MATCH_ARCHIVED, 0)]
