"""The projection: every event once, whatever happens in between, and the same when it is made again from the log."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import views
from engine.batch.machine import Applied
from engine.model.commands import Batch, EndMatch, JoinMatch, OrderType, RegisterPlayer, StartSeason
from engine.model.events import CANDLE, EVENT, TRADE, Cause, EventKind, FixedResult
from engine.model.reasons import Reason
from engine.model.scale import MONEY, NS_PER_S
from persistence import projection
from persistence.projection import ProjectionUnreadable
from persistence.projector import Projector
from persistence.queries import Queries
from persistence.recovery import Recovered, rebuild
from persistence.rows import CLOSED_POSITIONS, FILLS, FIXED_TRADES, Wanted
from tests.harness.arena import LONG, START_NS, Arena
from tests.harness.records import batch_of
from tests.persistence.test_recovery import play, round_of, start

LOG_ID = b"i" * 16


def dump(directory: Path) -> list[str]:
    with closing(sqlite3.connect(directory / projection.FILE)) as connection:
        return list(connection.iterdump())


async def open_projection(arena: Recovered, **options: Any) -> Projector:
    return await Projector.open(arena.projection_path, arena.log.log_id, arena.log.last_sequence, **options)


async def live(arena: Recovered, first: int, last: int, keep_ns: int = 0) -> None:
    """Rounds as the sequencer plays them, the projection fed on the way."""
    fed = await open_projection(arena, gather_s=0, keep_ns=keep_ns)
    for number in range(first, last + 1):
        batch = batch_of(round_of(number), arena.log.last_sequence + 1, START_NS + number * NS_PER_S)
        appended = await arena.log.append_async(batch)
        fed.put(batch.first_sequence, appended.last_sequence, arena.machine.apply(batch).events)
        if number % 3 == 0:
            await asyncio.sleep(0.001)
    await fed.close()


async def test_deleted_and_rebuilt_it_is_the_same(tmp_path: Path) -> None:
    arena = start(tmp_path)
    await live(arena, 1, 60)
    arena.close()
    written = dump(tmp_path)
    assert sum('INTO "fills"' in line for line in written) > 50
    assert sum('INTO "closed_positions"' in line for line in written) > 10
    assert sum('INTO "candles"' in line for line in written) > 50

    assert rebuild(tmp_path) == arena.log.last_sequence
    assert dump(tmp_path) == written


async def test_what_a_crash_kept_from_it_is_fed_again(tmp_path: Path) -> None:
    crashing, steady = start(tmp_path / "crashing"), start(tmp_path / "steady")
    await live(steady, 1, 40)
    await live(crashing, 1, 20)
    play(crashing, 20)  # logged and applied, but the projection never saw it
    crashing.close()
    steady.close()
    start(tmp_path / "crashing").close()
    without_log_id = [[line for line in dump(tmp_path / name) if "meta" not in line] for name in ("crashing", "steady")]
    assert without_log_id[0] == without_log_id[1]


async def test_a_damaged_or_old_one_is_rebuilt_and_that_is_said(tmp_path: Path) -> None:
    arena = start(tmp_path)
    await live(arena, 1, 20)
    arena.close()
    written = dump(tmp_path)
    for content in (b"this is no database" * 1000, b""):
        projection.delete(tmp_path / projection.FILE)
        (tmp_path / projection.FILE).write_bytes(content)
        again = start(tmp_path)
        assert bool(again.warnings) == bool(content)
        again.close()
        assert dump(tmp_path) == written
    with sqlite3.connect(tmp_path / projection.FILE) as connection:
        connection.execute("PRAGMA user_version = 77")
    with pytest.raises(ProjectionUnreadable, match="version 77"):
        projection.connect(tmp_path / projection.FILE)


def test_a_sync_commits_something_for_sqlite_syncs_nothing_else(tmp_path: Path) -> None:
    """An UPDATE to the same value writes no page, and was no sync."""
    connection = projection.connect(tmp_path / projection.FILE)
    projection.store(connection, LOG_ID, 5, [])
    write_ahead = tmp_path / f"{projection.FILE}-wal"
    before = write_ahead.stat().st_size
    assert projection.sync(connection) == 5
    assert write_ahead.stat().st_size > before
    connection.close()


async def test_a_player_looks_up_what_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arena = Arena()
    alice = arena.player()
    records = []
    applied = arena.machine.apply

    def recording(batch: Batch) -> Applied:
        done = applied(batch)
        records.append(done.events.copy())
        return done

    monkeypatch.setattr(arena.machine, "apply", recording)
    arena.quote("BTCUSDT", 60_000)
    position = alice.opens("BTCUSDT", LONG, margin=500, leverage=10, client_order_id="first")
    waited = alice.limit("BTCUSDT", LONG, 59_500, margin=500, leverage=10, client_order_id="second")
    arena.quote("BTCUSDT", 59_000)
    arena.quote("BTCUSDT", 61_000)
    alice.closes(position, percent=40)
    alice.amends(position, stop_loss=50_000)
    alice.closes(position)

    connection = projection.connect(tmp_path / projection.FILE)
    projection.store(connection, LOG_ID, 99, records)
    connection.close()
    queries = Queries(tmp_path / projection.FILE)
    later, fill = await queries.page(FILLS, alice.id, Wanted(10))
    assert (fill.id, fill.side, fill.price, fill.client_order_id) == (position, LONG, 6_000_000, "first")
    assert (later.id, later.price, later.client_order_id) == (waited, 5_950_000, "second")
    assert (fill.order_type, later.order_type) == (OrderType.MARKET, OrderType.LIMIT)
    whole, part = await queries.page(CLOSED_POSITIONS, alice.id, Wanted(10))
    assert (part.id, part.cause, part.lots, part.left) == (position, Cause.CLIENT, fill.lots * 2 // 5, whole.lots)
    assert (whole.left, whole.profit + part.profit) == (0, (whole.lots + part.lots) * 99_999 * 10)
    assert await queries.page(CLOSED_POSITIONS, alice.id, Wanted(10, whole.message)) == [part]
    assert await queries.page(FILLS, alice.id + 1, Wanted(10)) == []
    await queries.close()


async def test_a_player_looks_up_settled_fixed_time_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arena = Arena()
    alice = arena.player()
    records = []
    applied = arena.machine.apply

    def recording(batch: Batch) -> Applied:
        done = applied(batch)
        records.append(done.events.copy())
        return done

    monkeypatch.setattr(arena.machine, "apply", recording)
    arena.quote("BTCUSDT", 60_000)
    won = alice.buys("BTCUSDT", LONG, 10, 5)
    arena.quote("BTCUSDT", 60_000)
    arena.passes(4)
    arena.quote("BTCUSDT", 60_001)
    arena.passes(1)
    refunded = alice.buys("BTCUSDT", LONG, 10, 60)
    arena.passes(60)

    connection = projection.connect(tmp_path / projection.FILE)
    projection.store(connection, LOG_ID, 99, records)
    connection.close()
    queries = Queries(tmp_path / projection.FILE)
    later, first = await queries.page(FIXED_TRADES, alice.id, Wanted(10))
    assert (first.id, first.result, first.reason, first.profit) == (won, FixedResult.WON, 0, 8 * MONEY)
    assert (first.entry, first.exit, first.exit_sequence - first.entry_sequence) == (11_999_999, 12_000_199, 2)
    assert (later.id, later.result, later.reason) == (refunded, FixedResult.REFUNDED, Reason.QUOTES_TOO_FEW)
    assert await queries.page(FIXED_TRADES, alice.id, Wanted(10, later.message)) == [first]
    await queries.close()


async def test_a_season_is_looked_up_when_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The board of a season in the projection is the one that the engine had when the next one began."""
    arena = Arena()
    records, boards = [], []
    applied = arena.machine.apply

    def recording(batch: Batch) -> Applied:
        done = applied(batch)
        records.append(done.events.copy())
        return done

    monkeypatch.setattr(arena.machine, "apply", recording)
    players = [arena.command(RegisterPlayer("Player")).id for _ in range(7)]
    for season, cups in ((0, (3, 5, 5, 0, 1, 5)), (1, (0, 0, 9, 2, 2, 0)), (2, (1,))):
        for number, cup in reversed(list(enumerate(cups))):  # the later a player came, the earlier he plays
            arena.passes(number % 2)
            match = arena.contest(60, cup=cup)
            for player in sorted({players[number], players[season]}, key=players[number].__ne__):  # the winner first
                arena.command(JoinMatch(match, player))
            arena.command(EndMatch(match, "over"))
        boards.append([views.cups(arena.machine.state.book, 4, player, of_season=True) for player in (*players, 0)])
        arena.command(StartSeason("Next"))

    connection = projection.connect(tmp_path / projection.FILE)
    projection.store(connection, LOG_ID, 99, records)
    connection.close()
    queries = Queries(tmp_path / projection.FILE)
    for season, seen in enumerate(boards):
        found = [await queries.standings(season, 4, player) for player in (*players, 0)]
        assert found == seen
    assert boards[0][0].players == 6
    assert await queries.standings(3, 4, 1) == ([], 0, 0)
    await queries.close()


async def test_candles_come_oldest_first_and_a_later_one_replaces(tmp_path: Path) -> None:
    events = np.zeros(5, EVENT)
    candles = events.view(CANDLE)
    candles["kind"], candles["instrument"], candles["interval_s"] = EventKind.CANDLE_CLOSED, 3, 60
    candles["open_at_ns"] = [0, 60, 120, 180, 180]
    candles["close"] = [10, 11, 12, 13, 14]
    connection = projection.connect(tmp_path / projection.FILE)
    projection.store(connection, LOG_ID, 1, [events])
    connection.close()
    queries = Queries(tmp_path / projection.FILE)
    assert [candle.close for candle in await queries.candles(3, 60, limit=3)] == [11, 12, 14]
    assert [candle.close for candle in await queries.candles(3, 60, limit=2, until_ns=180)] == [11, 12]
    assert await queries.candles(3, 300, limit=3) == []
    await queries.close()


def candles_of(opened_s: list[int], instrument: int = 1, interval_s: int = 1) -> np.ndarray:
    events = np.zeros(len(opened_s), EVENT)
    candles = events.view(CANDLE)
    candles["kind"], candles["instrument"], candles["interval_s"] = EventKind.CANDLE_CLOSED, instrument, interval_s
    candles["open_at_ns"] = np.array(opened_s) * NS_PER_S
    return events


def test_old_candles_of_a_second_go_a_few_at_a_time(tmp_path: Path) -> None:
    connection = projection.connect(tmp_path / projection.FILE)
    projection.store(
        connection, LOG_ID, 1, [candles_of(list(range(2_000))), candles_of([5], 2), candles_of([0, 60], interval_s=60)]
    )

    def opened_s(instrument: int, interval_s: int = 1) -> list[int]:
        found = connection.execute(
            "SELECT open_at_ns FROM candles WHERE instrument = ? AND interval_s = ? ORDER BY open_at_ns",
            (instrument, interval_s),
        )
        return [open_at_ns // NS_PER_S for (open_at_ns,) in found]

    projection.store(connection, LOG_ID, 2, [candles_of([9_000])])
    projection.store(connection, LOG_ID, 3, [candles_of([9_500], interval_s=60)], 1_000 * NS_PER_S)
    assert opened_s(1) == [*range(2_000), 9_000]
    projection.store(connection, LOG_ID, 4, [candles_of([9_001, 9_002])], 1_000 * NS_PER_S)
    gone = 2 + projection._PRUNED_AT_ONCE
    assert opened_s(1) == [*range(gone, 2_000), 9_000, 9_001, 9_002]
    for number in range(10):
        projection.store(connection, LOG_ID, 5 + number, [candles_of([9_010 + number])], 10 * NS_PER_S)
    assert opened_s(1) == [*range(9_010, 9_020)]
    assert (opened_s(2), opened_s(1, 60)) == ([5], [0, 60, 9_500])
    connection.close()


async def test_what_is_kept_of_them_is_what_a_rebuilt_one_has(tmp_path: Path) -> None:
    """Which has the older ones as well, until the arena goes on."""
    arena = start(tmp_path)
    await live(arena, 1, 60, keep_ns=20 * NS_PER_S)
    arena.close()
    of_a_second = "SELECT * FROM candles WHERE interval_s = 1 ORDER BY instrument, open_at_ns"
    others = "SELECT * FROM candles WHERE interval_s > 1 ORDER BY instrument, interval_s, open_at_ns"

    def read() -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        with sqlite3.connect(tmp_path / projection.FILE) as connection:
            return connection.execute(of_a_second).fetchall(), connection.execute(others).fetchall()

    kept, longer = read()
    rebuild(tmp_path)
    every, longer_again = read()
    latest_ns = {row[0]: row[2] for row in every}
    assert len(kept) < len(every)
    assert kept == [row for row in every if row[2] >= latest_ns[row[0]] - 20 * NS_PER_S]
    assert longer == longer_again


def test_an_amended_position_is_no_close(tmp_path: Path) -> None:
    events = np.zeros(2, EVENT)
    trades = events.view(TRADE)
    trades["kind"] = [EventKind.POSITION_MARGIN_CHANGED, EventKind.POSITION_REDUCED]
    trades["player"], trades["message"] = 1, [1, 2]
    connection = projection.connect(tmp_path / projection.FILE)
    projection.store(connection, LOG_ID, 1, [events])
    assert connection.execute("SELECT message FROM closed_positions").fetchall() == [(2,)]
    connection.close()
