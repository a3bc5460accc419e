"""What seats are worth while a match is played: told now and then, and once more when it is settled."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.model.commands import CreateGame, CreateMatch, EndMatch, JoinMatch, RegisterPlayer
from engine.model.events import EventKind, Rule
from engine.model.scale import MONEY, NS_PER_S
from tests.harness.arena import LONG, SHORT, START_NS, Arena, dollars
from tests.harness.records import batch_of


def points(arena: Arena, player: int) -> list[tuple[int, Decimal]]:
    """(seconds since the arena opened, equity) of what was told of the player's seat."""
    return [
        ((event["at_ns"] - START_NS) // NS_PER_S, dollars(event["equity"]))
        for event in arena.history
        if event["kind"] == EventKind.EQUITY_SAMPLED and event["owner"] == player
    ]


def sampled(arena: Arena) -> list[int]:
    """Whose equity the last command told."""
    return [event["owner"] for event in arena.events if event["kind"] == EventKind.EQUITY_SAMPLED]


@pytest.mark.compiled
def test_a_hundred_points_the_last_one_at_the_end(arena: Arena) -> None:
    match = arena.contest(200)
    ann = arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    ann.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    for second in range(1, 201):
        arena.quote("BTCUSDT", 60_000 + second)
        arena.passes(1)
    curve = points(arena, ann.id)
    assert [second for second, _ in curve] == list(range(2, 201, 2))
    # Bought at 60,000.00, a tick above the bid: 0.1 of each dollar that the price has risen since.
    assert curve[0] == (2, Decimal("10000.199"))
    assert curve[-1] == (200, Decimal("10019.999"))
    told = next(event for event in arena.events if event["kind"] == EventKind.MATCH_FINISHED)
    assert dollars(told["balance"]) == curve[-1][1]


def test_the_balance_is_told_beside_it(arena: Arena) -> None:
    match = arena.contest(100, fees=True)
    ann = arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    ann.opens("BTCUSDT", SHORT, quantity="0.1", leverage=10)
    arena.quote("BTCUSDT", 59_000)
    arena.passes(1)
    (event,) = [event for event in arena.events if event["kind"] == EventKind.EQUITY_SAMPLED]
    assert (event["player"], event["message"], event["match"]) == (0, 0, match)
    assert dollars(event["equity"]) == ann.equity
    assert dollars(event["balance"]) == 10_000 - ann.last(EventKind.POSITION_OPENED).fee
    before = ann.equity
    arena.command(EndMatch(match, "over"))
    (event,) = [event for event in arena.events if event["kind"] == EventKind.EQUITY_SAMPLED]
    assert event["equity"] == event["balance"] == ann.seat.cash
    assert ann.equity == before - ann.last(EventKind.POSITION_CLOSED).fee


def test_a_short_match_is_told_of_once_a_second(arena: Arena) -> None:
    match = arena.contest(7)
    ann = arena.contestant(match)
    for _ in range(70):
        arena.passes("0.1")
    assert [second for second, _ in points(arena, ann.id)] == [1, 2, 3, 4, 5, 6, 7]


def test_a_process_that_was_down_does_not_make_up_for_it(arena: Arena) -> None:
    match = arena.contest(1_000)
    ann = arena.contestant(match)
    arena.passes(555)
    assert sampled(arena) == [ann.id]
    arena.passes("9.999999999")
    assert sampled(arena) == []
    arena.passes("0.000000001")
    assert sampled(arena) == [ann.id]
    assert [second for second, _ in points(arena, ann.id)] == [555, 565]


def test_only_what_is_played_for_a_while_is_told_of(arena: Arena) -> None:
    """Neither practice, which has no end, nor what waits, nor what is over."""
    arena.player()
    match = arena.contest(100, min_players=2, max_players=2)
    arena.contestant(match)
    arena.passes(50)
    assert sampled(arena) == []
    arena.contestant(match)
    arena.passes(1)
    assert len(sampled(arena)) == 2
    arena.passes(100)
    assert len(sampled(arena)) == 4
    arena.passes(100)
    assert sampled(arena) == []


def test_who_joins_late_or_is_out_is_told_of_like_all(arena: Arena) -> None:
    match = arena.contest(100, max_total_drawdown_ppm=50_000)
    ann = arena.contestant(match)
    arena.passes(1)
    bob = arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    ann.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.quote("BTCUSDT", 50_000)
    arena.passes(1)
    assert sampled(arena) == [bob.id, ann.id]
    assert [second for second, _ in points(arena, bob.id)] == [2]
    assert points(arena, ann.id)[-1] == (2, Decimal(9_400))
    arena.command(EndMatch(match, "over"))
    (told,) = [event for event in arena.events
               if event["kind"] == EventKind.MATCH_FINISHED and event["player"] == ann.id]  # fmt: skip
    assert (told["rank"], told["rule"], told["trades"], told["wins"]) == (2, Rule.TOTAL_DRAWDOWN, 1, 0)
    assert (dollars(told["max_drawdown"]), dollars(told["profit"])) == (600, -600)


@pytest.mark.parametrize("room", [11, 13, 20])
def test_more_seats_than_events_fit_are_each_told_of_once(arena: Arena, room: int) -> None:
    """An event buffer of 11 has room for one seat at a time: ten events are kept free for a step."""
    match = arena.contest(1_000)
    players = [arena.contestant(match) for _ in range(30)]
    arena.quote("BTCUSDT", 60_000)
    for player in players[::3]:
        player.opens("BTCUSDT", LONG, margin=100, leverage=10)
        player.opens("BTCUSDT", SHORT, margin=100, leverage=10)
    latest_first = [player.id for player in reversed(players)]
    arena.has_room_for_events(room)
    arena.passes(10)
    assert sampled(arena) == latest_first
    arena.passes("9.999999999")
    assert sampled(arena) == []
    arena.passes("0.000000001")
    assert sampled(arena) == latest_first
    arena.command(EndMatch(match, "over"))
    assert sampled(arena) == latest_first
    assert [event["equity"] for event in arena.events if event["kind"] == EventKind.EQUITY_SAMPLED] == [
        player.seat.cash for player in reversed(players)
    ]


def test_two_matches_that_are_due_at_once_and_do_not_fit(arena: Arena) -> None:
    """Each is told of whole, in the order of their ids, although either stops in the middle."""
    first, second = arena.contest(1_000), arena.contest(1_000)
    names = [arena.command(RegisterPlayer("Player")).id for _ in range(9)]
    for name in names:
        arena.command(JoinMatch(first, name))
        arena.command(JoinMatch(second, name))
    arena.has_room_for_events(13)
    arena.passes(10)
    told = [(event["match"], event["owner"]) for event in arena.events
            if event["kind"] == EventKind.EQUITY_SAMPLED]  # fmt: skip
    assert told == [(match, name) for match in (first, second) for name in names[::-1]]


def test_matches_begin_as_many_as_they_are(arena: Arena) -> None:
    """The table of timers grows for them: three to a match."""
    game = arena.command(CreateGame("Room", "", MONEY, 1, 1, duration_s=60, max_daily_drawdown_ppm=10_000)).id
    sequence = int(arena.machine.state.book.world["sequence"][0])
    arena.machine.apply(batch_of([CreateMatch(game, practice=False)] * 200, sequence + 1, arena.now_ns))
    assert int(arena.machine.state.book.world["timers"][0]) == 600
