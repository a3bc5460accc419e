"""What a player looks back at: finished matches, the trades in them, and the curve of equity."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.model.commands import EndMatch, JoinMatch, LeaveMatch, RegisterPlayer
from engine.model.events import EventKind, Rule
from engine.model.scale import MONEY, NS_PER_S
from persistence import projection, queries
from persistence.queries import Queries
from persistence.rows import FINISHED_MATCHES, TradeResult, Wanted
from tests.harness.arena import LONG, SHORT, START_NS, Arena, Player, money

LOG_ID = b"i" * 16


class Recorded:
    """An arena, all of whose events go into a projection."""

    def __init__(self, directory: Path) -> None:
        self.arena = Arena()
        self.path = directory / projection.FILE
        self._connection = projection.connect(self.path)
        self._sequence = 0
        apply = self.arena.machine.apply

        def recording(batch: Any) -> Any:
            applied = apply(batch)
            self._sequence += 1
            projection.store(self._connection, LOG_ID, self._sequence, [projection.projected_events(applied.events)])
            return applied

        self.arena.machine.apply = recording  # type: ignore[method-assign]

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    found = Recorded(tmp_path)
    yield found
    found.close()


def joined(arena: Arena, player: Player, match: int) -> Player:
    """The player's seat in one more match."""
    arena.command(JoinMatch(match, player.id))
    return Player(arena, player.id, match)


async def test_a_match_is_summed_up_for_each_player(recorded: Recorded) -> None:
    arena = recorded.arena
    practice = arena.player(fees=True)
    match, other = arena.contest(1_000, fees=True), arena.contest(1_000, fees=True)
    arena.quote("BTCUSDT", 60_000)
    practice.opens("BTCUSDT", LONG, quantity=1, leverage=100)
    ann, beside = joined(arena, practice, match), joined(arena, practice, other)
    bob = arena.contestant(match)
    lost = ann.opens("BTCUSDT", SHORT, quantity="0.01", leverage=20)
    beside.opens("BTCUSDT", SHORT, quantity=1, leverage=50)
    won = ann.opens("BTCUSDT", LONG, quantity="0.2", leverage=20)
    up = ann.buys("BTCUSDT", LONG, 100, 60)
    arena.quote("BTCUSDT", 60_000)
    ann.closes(won, percent=30)
    arena.quote("BTCUSDT", 60_500)
    ann.closes(won, percent=50)
    arena.passes(10)
    arena.passes(49)
    arena.quote("BTCUSDT", 62_000)
    arena.passes(1)
    assert ann.last(EventKind.FIXED_SETTLED).id == up
    arena.command(EndMatch(match, "over"))
    arena.command(EndMatch(other, "over"))

    found = Queries(recorded.path)
    summary = await found.summary(ann.id, match)
    assert summary is not None
    seat = ann.seat
    assert summary.finished[3:] == (
        match, 1, 2, seat.cash, 0, 0, seat.trades, seat.wins, seat.max_drawdown, seat.profit, seat.fees,
        10_000 * MONEY, 0,
    )  # fmt: skip
    assert summary.best is not None
    assert summary.worst is not None
    assert (summary.best.id, summary.best.side, summary.best.fixed) == (won, LONG, 0)
    assert (summary.worst.id, summary.worst.side, summary.worst.fixed) == (lost, SHORT, 0)
    # Three trades, each with all its fees: together they are what the balance has changed by.
    assert summary.best.result + summary.worst.result + 80 * MONEY == seat.cash - 10_000 * MONEY
    assert [point.at_ns for point in summary.points] == [START_NS + second * NS_PER_S for second in (10, 59, 60)]
    assert (summary.points[-1].equity, summary.points[-1].balance) == (seat.cash, seat.cash)
    assert summary.points[0].balance < summary.points[0].equity < summary.points[-1].balance

    idle = await found.summary(bob.id, match)
    assert idle is not None
    assert (idle.best, idle.worst, idle.finished.rank) == (None, None, 2)
    assert {point.equity for point in idle.points} == {10_000 * MONEY}
    assert await found.summary(bob.id, other) is None
    assert await found.summary(ann.id, practice.match) is None
    await found.close()


async def test_a_fixed_time_trade_is_the_best_one_and_a_refund_is_none(recorded: Recorded) -> None:
    arena = recorded.arena
    match = arena.contest(1_000)
    ann = arena.contestant(match)
    arena.quote("BTCUSDT", 60_000)
    down = ann.buys("BTCUSDT", SHORT, 100, 5)
    arena.quote("BTCUSDT", 60_000)
    arena.quote("BTCUSDT", 59_999)
    arena.passes(4)
    arena.quote("BTCUSDT", 59_998)
    arena.passes(1)
    ann.buys("BTCUSDT", LONG, 100, 60)
    arena.command(EndMatch(match, "over"))
    found = Queries(recorded.path)
    summary = await found.summary(ann.id, match)
    assert summary is not None
    assert summary.best == summary.worst == TradeResult(down, 1, SHORT, 1, 80 * MONEY)
    await found.close()


async def test_who_left_and_came_back_has_what_happened_since(recorded: Recorded) -> None:
    arena = recorded.arena
    match = arena.contest(1_000, min_players=2, max_players=2)
    ann = arena.contestant(match)
    arena.command(LeaveMatch(match, ann.id))
    bob = arena.command(RegisterPlayer("Bob")).id
    arena.command(JoinMatch(match, bob))
    arena.command(JoinMatch(match, ann.id))
    arena.quote("BTCUSDT", 60_000)
    only = ann.opens("BTCUSDT", LONG, quantity="0.1", leverage=10)
    arena.command(EndMatch(match, "over"))
    found = Queries(recorded.path)
    summary = await found.summary(ann.id, match)
    assert summary is not None
    assert summary.best == summary.worst == TradeResult(only, 1, LONG, 0, -money("0.001"))
    await found.close()


async def test_finished_matches_come_newest_first(recorded: Recorded) -> None:
    arena = recorded.arena
    first, second, third = (arena.contest(1_000, max_total_drawdown_ppm=10_000) for _ in range(3))
    ann = arena.contestant(first)
    seats = [ann, joined(arena, ann, second), joined(arena, ann, third)]
    arena.quote("BTCUSDT", 60_000)
    seats[2].opens("BTCUSDT", LONG, quantity="0.5", leverage=10)
    arena.quote("BTCUSDT", 59_000)
    for match in (second, third, first):
        arena.command(EndMatch(match, "over"))
    found = Queries(recorded.path)
    rows = await found.page(FINISHED_MATCHES, ann.id, Wanted(10))
    assert [(row.match, row.rule) for row in rows] == [(first, 0), (third, Rule.TOTAL_DRAWDOWN), (second, 0)]
    assert await found.page(FINISHED_MATCHES, ann.id, Wanted(1, rows[0].message)) == rows[1:2]
    for nobody in (0, ann.id + 1):
        assert await found.page(FINISHED_MATCHES, nobody, Wanted(10)) == []
    await found.close()


async def test_the_last_of_two_samples_of_one_moment_stays(recorded: Recorded) -> None:
    """A process that was down over a sample and the end: both come in one batch."""
    arena = recorded.arena
    match = arena.contest(1_000)
    ann = arena.contestant(match)
    arena.passes(5_000)
    found = Queries(recorded.path)
    summary = await found.summary(ann.id, match)
    assert summary is not None
    assert len(summary.points) == 1
    assert sum(event["kind"] == EventKind.EQUITY_SAMPLED for event in arena.events) == 2
    await found.close()


STATEMENTS = {name: sql for name, sql in vars(queries).items() if isinstance(sql, str) and sql.startswith("SELECT")}


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_look_up_goes_by_a_key(recorded: Recorded, name: str) -> None:
    """None walks through a table; and a page of a list is read as it lies, without sorting."""
    sql = STATEMENTS[name]
    with sqlite3.connect(recorded.path) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        arguments: Any = {"player": 1, "match": 1, "last": 1} if ":player" in sql else (1,) * sql.count("?")
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
    assert any(step.startswith("SEARCH") for step in plan)
    assert [step for step in plan if step.startswith("SCAN") and step.split()[1] in tables] == []
    if sql.endswith("LIMIT ?"):
        assert [step for step in plan if "TEMP B-TREE" in step] == []


def test_a_table_that_is_walked_through_would_be_seen(recorded: Recorded) -> None:
    with sqlite3.connect(recorded.path) as connection:
        plan = [row[3] for row in connection.execute("EXPLAIN QUERY PLAN SELECT * FROM fills WHERE match = 1")]
    assert plan == ["SCAN fills"]
