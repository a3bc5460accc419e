"""Careers: what a finished match makes of its players, levels, seasons, and the board of cups."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import views
from engine.competition.career_kernels import level_of, level_threshold
from engine.model.commands import CancelMatch, EndMatch, JoinMatch, RegisterPlayer, StartSeason
from engine.model.events import EventKind
from engine.model.scale import NS_PER_S
from tests.harness.arena import LONG, START_NS, Arena, Player

GAME: dict[str, Any] = {"cup": 30, "win_exp": 120, "lose_exp": 20}


def career(arena: Arena, player: Player | int) -> views.CareerView:
    return views.career(arena.machine.state.book, player.id if isinstance(player, Player) else player)


def players(arena: Arena, count: int) -> list[int]:
    return [arena.command(RegisterPlayer("Player")).id for _ in range(count)]


def plays(arena: Arena, winner: int, *losers: int, **rules: Any) -> int:
    """A match of those players, which the first of them wins: who joined first does, when nobody trades."""
    match = arena.contest(60, **GAME | rules)
    for player in (winner, *losers):
        arena.command(JoinMatch(match, player))
    arena.command(EndMatch(match, "over"))
    return match


def board(arena: Arena, limit: int = 100, player: int = 0, of_season: bool = False) -> list[tuple[int, int]]:
    view = views.cups(arena.machine.state.book, limit, player, of_season)
    return [(standing.player, standing.cups) for standing in view.top]


def progressed(arena: Arena) -> list[dict[str, int]]:
    return [event for event in arena.events if event["kind"] == EventKind.PLAYER_PROGRESSED]


def test_the_winner_gains_cups_and_the_others_lose_them(arena: Arena) -> None:
    ann, bob, carol = players(arena, 3)
    plays(arena, ann, bob, carol)
    plays(arena, bob, ann, carol, cup=20)
    assert career(arena, ann) == (10, 0, 10, 140, 2, 300, 1, 2)
    assert career(arena, bob) == (20, 0, 20, 140, 2, 300, 1, 2)
    assert career(arena, carol) == (0, 0, 0, 40, 1, 100, 0, 2)


def test_each_player_is_told_what_came_of_it(arena: Arena) -> None:
    ann, bob = players(arena, 2)
    plays(arena, bob, ann, cup=10)
    arena.passes(5)
    match = plays(arena, ann, bob)
    first, second = progressed(arena)
    at_ns = START_NS + 5 * NS_PER_S
    told = {"match": match, "player": ann, "cups": 30, "change": 30, "cups_at_ns": at_ns, "season": 0,
            "season_cups": 30, "season_matches": 2, "experience": 140, "gained": 120, "level": 2, "level_before": 1,
            "matches": 2, "wins": 1}  # fmt: skip
    assert {name: first[name] for name in told} == told
    told = {"player": bob, "cups": 0, "change": -10, "experience": 140, "gained": 20, "level": 2, "level_before": 2}
    assert {name: second[name] for name in told} == told
    assert [event["kind"] for event in arena.events][-2:] == [EventKind.PLAYER_PROGRESSED] * 2


def test_a_trade_decides_who_wins(arena: Arena) -> None:
    match = arena.contest(60, **GAME)
    ann, bob = arena.contestant(match), arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    bob.opens("BTCUSDT", LONG, quantity="0.01", leverage=10)
    arena.quote("BTCUSDT", 60_100)
    arena.passes(60)
    assert (career(arena, ann).cups, career(arena, bob).cups) == (0, 30)
    assert (career(arena, ann).wins, career(arena, bob).wins) == (0, 1)


def test_practice_cancelled_and_unwon_matches_count_for_nobody(arena: Arena) -> None:
    ann = arena.player(**GAME)
    arena.command(EndMatch(ann.match, "enough"))
    match = arena.contest(60, min_players=2, **GAME)
    arena.command(JoinMatch(match, ann.id))
    arena.command(CancelMatch(match, "rain"))
    plays(arena, ann.id, min_trades=1)
    out = arena.contest(60, max_total_drawdown_ppm=10_000, **GAME)
    bob = arena.contestant(out)
    arena.quote("BTCUSDT", 60_000)
    bob.opens("BTCUSDT", LONG, quantity="1", leverage=20)
    arena.quote("BTCUSDT", 59_000)
    arena.passes(60)
    assert career(arena, ann) == career(arena, bob) == (0, 0, 0, 0, 1, 100, 0, 0)
    told = {event["kind"] for event in arena.history}
    assert EventKind.MATCH_FINISHED in told
    assert EventKind.PLAYER_PROGRESSED not in told


def test_who_is_disqualified_loses_to_who_is_not(arena: Arena) -> None:
    match = arena.contest(60, max_total_drawdown_ppm=10_000, **GAME)
    ann, bob = arena.contestant(match), arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    ann.opens("BTCUSDT", LONG, quantity="1", leverage=20)
    arena.quote("BTCUSDT", 59_000)
    arena.passes(60)
    assert (career(arena, ann).wins, career(arena, bob).wins) == (0, 1)
    assert (career(arena, ann).matches, career(arena, bob).matches) == (1, 1)


def test_more_players_than_the_event_buffer_holds_progress(arena: Arena) -> None:
    arena.has_room_for_events(16)
    plays(arena, *players(arena, 40))
    assert len(progressed(arena)) == 40


@pytest.mark.parametrize(("experience", "level"), [(0, 1), (99, 1), (100, 2), (299, 2), (300, 3), (599, 3), (600, 4)])
def test_each_level_asks_for_a_hundred_more(experience: int, level: int) -> None:
    assert level_of(experience) == level


@given(st.integers(1, (1 << 28) - 2))
def test_a_level_begins_where_the_one_before_ends(level: int) -> None:
    assert level_of(level_threshold(level)) == level
    assert level_of(level_threshold(level + 1) - 1) == level


def test_a_season_counts_from_nothing_and_leaves_the_rest(arena: Arena) -> None:
    ann, bob = players(arena, 2)
    plays(arena, ann, bob)
    assert arena.command(StartSeason("Spring")).id == 1
    assert [(event["kind"], event["season"]) for event in arena.events] == [(EventKind.SEASON_STARTED, 1)]
    assert career(arena, ann)[:3] == (30, 1, 0)
    assert board(arena, of_season=True) == []
    plays(arena, bob, ann, cup=10)
    assert [(event["season"], event["season_cups"]) for event in progressed(arena)] == [(1, 10), (1, 0)]
    assert career(arena, ann)[:3] == (20, 1, 0)
    assert career(arena, bob)[:3] == (10, 1, 10)
    assert board(arena) == [(ann, 20), (bob, 10)]
    assert board(arena, of_season=True) == [(bob, 10), (ann, 0)]
    assert arena.command(StartSeason("Summer")).id == 2
    assert {season.name for season in arena.machine.state.cold.seasons.values()} == {"Spring", "Summer"}


def test_of_equal_cups_who_has_them_longer_ranks_higher_and_then_who_came_first(arena: Arena) -> None:
    ann, bob, carol, dave, eve = players(arena, 5)
    plays(arena, bob, dave)
    plays(arena, carol, dave)
    arena.passes(1)
    plays(arena, ann, dave)
    plays(arena, eve, dave, cup=0)
    assert board(arena) == [(bob, 30), (carol, 30), (ann, 30), (dave, 0), (eve, 0)]
    plays(arena, bob, dave, cup=0)  # which is no other number of cups
    assert board(arena)[0] == (bob, 30)
    arena.passes(1)
    plays(arena, carol, bob, cup=5)
    plays(arena, bob, carol, cup=5)
    assert board(arena)[:3] == [(ann, 30), (bob, 30), (carol, 30)]


def test_who_asks_is_told_the_own_rank_beyond_the_last_row(arena: Arena) -> None:
    everybody = players(arena, 12)
    for player in everybody[:10]:
        plays(arena, player, cup=player % 3)
    ranked = sorted(everybody[:10], key=lambda player: (-(player % 3), player))
    for limit in (1, 3, 4, 9, 10, 100):
        found = views.cups(arena.machine.state.book, limit)
        assert ([standing.player for standing in found.top], found.players) == (ranked[:limit], 10)
    for player in everybody:
        rank = ranked.index(player) + 1 if player in ranked else 0
        assert views.cups(arena.machine.state.book, 2, player).rank == rank
    assert views.cups(arena.machine.state.book, 2, 99).rank == 0
    assert views.cups(arena.machine.state.book, 2).rank == 0


def test_nobody_is_on_the_board_of_an_empty_arena(arena: Arena) -> None:
    assert views.cups(arena.machine.state.book, 10) == ([], 0, 0)
