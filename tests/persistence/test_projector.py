"""The projection of a running arena: whatever befalls the file, the arena goes on, and no event is missing later."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.model.events import CANDLE, EVENT, TRADE, EventKind
from engine.model.scale import NS_PER_S
from persistence import projection, projector
from persistence.catch_up import CatchUpFailed, catch_up, catch_up_in_process
from persistence.projector import Lagging, Projector
from persistence.queries import HistoryUnavailable, Queries
from persistence.recovery import Recovered
from persistence.rows import FILLS, Wanted
from tests.harness.arena import START_NS
from tests.harness.records import batch_of
from tests.persistence.test_projection import dump, open_projection
from tests.persistence.test_recovery import round_of, start


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in a test."""
    monkeypatch.setattr(projector, "RETRY_S", 0.02)
    monkeypatch.setattr(projector, "MOST_RETRY_S", 0.05)
    monkeypatch.setattr(projection, "BUSY_S", 0.01)


async def in_this_process(directory: Path, fresh: bool, up_to: int) -> None:
    catch_up(directory, fresh, up_to)


@asynccontextmanager
async def running(directory: Path, **options: Any) -> AsyncIterator[tuple[Recovered, Projector]]:
    """An arena and its projection."""
    arena = start(directory)
    options = {"gather_s": 0, "repair": partial(in_this_process, directory)} | options
    fed = await open_projection(arena, **options)
    yield arena, fed
    await fed.close()
    arena.close()


def plays(arena: Recovered, fed: Projector, first: int, last: int) -> None:
    """Rounds as the sequencer plays them."""
    for number in range(first, last + 1):
        batch = batch_of(round_of(number), arena.log.last_sequence + 1, START_NS + number * NS_PER_S)
        appended = arena.log.append(batch)
        fed.put(batch.first_sequence, appended.last_sequence, arena.machine.apply(batch).events)


async def within(seconds: float, condition: Any) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.01)


async def undisturbed(directory: Path, rounds: int) -> list[str]:
    """The history of so many rounds in which nothing happens to it, but for the log's id."""
    async with running(directory) as (arena, fed):
        plays(arena, fed, 1, rounds)
    return history(directory)


def history(directory: Path) -> list[str]:
    return [line for line in dump(directory) if "meta" not in line]


def events_of(kind: EventKind, count: int, player: int = 1) -> np.ndarray:
    events = np.zeros(count, EVENT)
    events.view(TRADE)["kind"], events.view(TRADE)["player"] = kind, player
    events.view(TRADE)["message"] = np.arange(count)
    return events


async def test_locked_by_another_process_it_lags_and_says_so_until_the_lock_is_gone(tmp_path: Path) -> None:
    expected = await undisturbed(tmp_path / "steady", 20)
    told: list[str] = []
    async with running(tmp_path / "locked") as (arena, fed):
        fed.on_problem = told.append
        plays(arena, fed, 1, 5)
        await fed.catch_up()
        other = sqlite3.connect(arena.projection_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        plays(arena, fed, 6, 20)
        await within(5, lambda: fed.problem)
        assert (fed.problem, fed.full) == ("database is locked", False)
        assert fed.lag > 0
        other.execute("ROLLBACK")
        other.close()
        await within(5, lambda: not fed.problem)
        assert fed.lag == 0
        assert told == ["database is locked", ""]
    assert history(tmp_path / "locked") == expected


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN])
async def test_a_disk_that_fails_for_a_while_is_waited_for_and_nothing_is_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    expected = await undisturbed(tmp_path / "steady", 8)
    failures = 3
    store = projection.store

    def failing(*arguments: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            error = sqlite3.OperationalError("the disk")
            error.sqlite_errorcode = code
            raise error
        store(*arguments)

    async def never(fresh: bool, up_to: int) -> None:
        raise AssertionError("nothing is damaged")

    async with running(tmp_path / "failing", repair=never) as (arena, fed):
        monkeypatch.setattr(projector, "store", failing)
        plays(arena, fed, 1, 8)
        await within(5, lambda: fed.sequence == arena.log.last_sequence)
        assert failures == 0
    assert history(tmp_path / "failing") == expected


async def test_on_a_full_disk_it_waits_for_space(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, fed):
        connection = fed._connection
        assert connection is not None
        pages = next(iter(await connection.execute_fetchall("PRAGMA page_count")))[0]
        await connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        fed.put(1, 1, events_of(EventKind.POSITION_OPENED, 5_000))
        await within(5, lambda: "full" in fed.problem)
        assert (fed.sequence, fed.events_waiting) == (0, 5_000)
        await connection.execute("PRAGMA max_page_count = 100000")
        assert await fed.sync_to(1) == 1
        assert next(iter(await connection.execute_fetchall("SELECT count(*) FROM fills")))[0] == 5_000


def damage(path: Path) -> None:
    """Overwrite every page but the first, so that the file opens."""
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


async def checkpointed(fed: Projector) -> None:
    """Everything is in the file, and nothing in memory only."""
    await fed.catch_up()
    assert fed._connection is not None
    await fed._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    await fed._connection.execute_fetchall("PRAGMA shrink_memory")


async def test_damaged_it_is_built_again_by_another_process_and_put_in_place(tmp_path: Path) -> None:
    expected = await undisturbed(tmp_path / "steady", 30)
    directory = tmp_path / "damaged"
    told: list[str] = []
    async with running(directory, repair=partial(catch_up_in_process, directory)) as (arena, fed):
        fed.on_problem = told.append
        plays(arena, fed, 1, 20)
        await checkpointed(fed)
        damage(arena.projection_path)
        plays(arena, fed, 21, 25)
        await within(20, lambda: told)
        plays(arena, fed, 26, 30)
        await within(60, lambda: not fed.problem)
        assert fed.sequence == arena.log.last_sequence
        assert told[-2:] == ["it is built again from the log", ""]
        assert not (directory / f"{projection.FILE}.new").exists()
    assert history(directory) == expected


async def test_damage_that_only_a_reader_meets_is_mended(tmp_path: Path) -> None:
    async with running(tmp_path) as (arena, fed):
        plays(arena, fed, 1, 20)
        await checkpointed(fed)
        damage(arena.projection_path)
        queries = Queries(arena.projection_path)
        with pytest.raises(HistoryUnavailable) as unavailable:
            await queries.page(FILLS, 1, Wanted(10))
        fed.report(unavailable.value.error)
        await within(20, lambda: not fed.problem)
        await queries.close()
        assert await queries.page(FILLS, 1, Wanted(10)) != []
        await queries.close()


async def test_more_than_memory_should_hold_is_produced_again_from_the_log(tmp_path: Path) -> None:
    expected = await undisturbed(tmp_path / "steady", 30)
    async with running(tmp_path / "locked", max_waiting=50) as (arena, fed):
        other = sqlite3.connect(arena.projection_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for number in range(1, 31):
            plays(arena, fed, number, number)
            await asyncio.sleep(0.005)
            assert fed.events_waiting <= 100
        other.execute("ROLLBACK")
        other.close()
        await within(20, lambda: fed.sequence == arena.log.last_sequence)
    assert history(tmp_path / "locked") == expected


async def test_an_arena_starts_while_another_process_has_the_projection_to_itself(tmp_path: Path) -> None:
    expected = await undisturbed(tmp_path, 12)
    other = sqlite3.connect(tmp_path / projection.FILE, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    async with running(tmp_path) as (arena, fed):
        assert not arena.is_projected
        assert arena.warnings == ["the projection lags: database is locked"]
        assert fed.problem == "database is locked"
        plays(arena, fed, 13, 15)
        other.close()
        await within(20, lambda: fed.sequence == arena.log.last_sequence)
        assert not fed.problem
    assert set(expected) < set(history(tmp_path))


async def test_an_end_does_not_wait_for_a_projection_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "CLOSE_WITHIN_S", 0.2)
    arena = start(tmp_path)
    fed = await open_projection(arena, gather_s=0)
    other = sqlite3.connect(arena.projection_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    plays(arena, fed, 1, 3)
    snapshot = asyncio.create_task(fed.sync_to(arena.log.last_sequence))
    async with asyncio.timeout(5):
        await fed.close()
    with pytest.raises(Lagging):
        await snapshot
    with pytest.raises(Lagging):
        await fed.catch_up()
    arena.close()
    other.close()
    again = start(tmp_path)
    assert (again.is_projected, again.batches_replayed) == (True, 3)
    again.close()


async def test_an_end_does_not_wait_for_a_rebuild(tmp_path: Path) -> None:
    async def endless(fresh: bool, up_to: int) -> None:
        await asyncio.sleep(1_000)

    async with running(tmp_path, repair=endless) as (arena, fed):
        plays(arena, fed, 1, 3)
        await checkpointed(fed)
        fed.report(sqlite_error(sqlite3.SQLITE_CORRUPT))
        await within(5, lambda: "built again" in fed.problem)


def sqlite_error(code: int) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("damaged")
    error.sqlite_errorcode = code
    return error


async def test_a_rebuild_that_fails_leaves_the_file_and_is_tried_again(tmp_path: Path) -> None:
    tries = 0

    async def third_time(fresh: bool, up_to: int) -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise CatchUpFailed("no space")
        catch_up(tmp_path, fresh, up_to)

    async with running(tmp_path, repair=third_time) as (arena, fed):
        plays(arena, fed, 1, 9)
        await checkpointed(fed)
        fed.report(sqlite_error(sqlite3.SQLITE_NOTADB))
        await within(20, lambda: tries == 3 and not fed.problem)
        assert fed.sequence == arena.log.last_sequence


async def test_the_process_that_rebuilds_says_what_is_wrong(tmp_path: Path) -> None:
    start(tmp_path).close()
    segment = next((tmp_path / "log").glob("*.log"))
    segment.write_bytes(b"?" + segment.read_bytes()[1:])
    with pytest.raises(CatchUpFailed, match="does not have the magic of a log"):
        await catch_up_in_process(tmp_path, fresh=True, up_to=0)


async def test_sync_to_waits_until_it_is_stored(tmp_path: Path) -> None:
    arena = start(tmp_path)
    fed = await open_projection(arena)
    fed.put(1, 1000, np.zeros(3, EVENT))
    assert (fed.sequence, fed.lag) == (0, 1000)
    assert await fed.sync_to(1000) == 1000
    assert (fed.lag, fed.events_waiting) == (0, 0)
    await fed.close()
    arena.close()


async def test_it_says_when_it_is_full_and_takes_what_is_applied_all_the_same(tmp_path: Path) -> None:
    nine = np.zeros(9, EVENT)
    nine["kind"] = EventKind.POSITION_REDUCED
    arena = start(tmp_path)
    fed = await open_projection(arena, max_waiting=10)
    fed.put(1, 1, nine)
    assert not fed.full
    fed.put(2, 2, nine)
    assert fed.full
    fed.put(3, 3, nine)
    await fed.sync_to(3)
    assert not fed.full
    await fed.close()
    arena.close()


async def test_a_player_waits_for_what_he_was_told_and_not_for_others(tmp_path: Path) -> None:
    arena = start(tmp_path)
    fed = await open_projection(arena, gather_s=30)
    fed.put(1, 1, events_of(EventKind.POSITION_OPENED, 2, player=1))
    async with asyncio.timeout(5):
        await fed.wait_for_player(2)
        assert fed.sequence == 0
        await fed.wait_for_player(1)
    assert fed.sequence == 1
    await fed.close()
    arena.close()


async def test_candles_that_closed_are_there_before_they_are_stored(tmp_path: Path) -> None:
    arena = start(tmp_path)
    fed = await open_projection(arena, gather_s=30)
    events = np.zeros(3, EVENT)
    candles = events.view(CANDLE)
    candles["kind"], candles["instrument"], candles["interval_s"] = EventKind.CANDLE_CLOSED, [1, 1, 2], [1, 60, 1]
    candles["open_at_ns"] = [5, 6, 7]
    fed.put(1, 1, events)
    assert [candle["open_at_ns"] for candle in fed.waiting_candles(1, 1, 9, 9)] == [5]
    assert [candle["open_at_ns"] for candle in fed.waiting_candles(1, 60, 9, 9)] == [6]
    await fed.catch_up()
    assert fed.waiting_candles(1, 1, 9, 9) == []
    await fed.close()
    arena.close()


async def test_of_many_candles_that_wait_only_those_are_looked_at_that_are_asked_for(tmp_path: Path) -> None:
    arena = start(tmp_path)
    fed = await open_projection(arena, gather_s=30)
    for number in range(1, 10):
        events = np.zeros(1, EVENT)
        candles = events.view(CANDLE)
        candles["kind"], candles["instrument"], candles["interval_s"] = EventKind.CANDLE_CLOSED, 1, 1
        candles["open_at_ns"] = number
        fed.put(number, number, events)

    def opened(until_ns: int, limit: int) -> list[int]:
        return [candle["open_at_ns"] for candle in fed.waiting_candles(1, 1, until_ns, limit)]

    assert (opened(99, 3), opened(5, 2), opened(5, 99), opened(1, 9)) == ([7, 8, 9], [3, 4], [1, 2, 3, 4], [])
    fed._reached(7)
    assert opened(99, 99) == [8, 9]
    await fed.close()
    arena.close()


async def test_a_batch_that_cannot_be_taken_is_produced_again_from_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(events: np.ndarray) -> np.ndarray:
        raise MemoryError

    expected = await undisturbed(tmp_path / "steady", 7)
    async with running(tmp_path / "failing", gather_s=30) as (arena, fed):
        plays(arena, fed, 1, 4)
        with monkeypatch.context() as patched:
            patched.setattr(projector, "projected_events", fails)
            with pytest.raises(MemoryError):
                plays(arena, fed, 5, 5)
        plays(arena, fed, 6, 7)
        async with asyncio.timeout(20):
            await fed.catch_up()
    assert history(tmp_path / "failing") == expected


async def test_what_is_appended_but_not_applied_is_not_in_the_history(tmp_path: Path) -> None:
    expected = await undisturbed(tmp_path / "steady", 6)
    directory = tmp_path / "damaged"
    async with running(directory) as (arena, fed):
        plays(arena, fed, 1, 5)
        await checkpointed(fed)
        applied = arena.log.last_sequence
        batch = batch_of(round_of(6), applied + 1, START_NS + 6 * NS_PER_S)
        arena.log.append(batch)
        fed.report(sqlite_error(sqlite3.SQLITE_CORRUPT))
        await within(20, lambda: not fed.problem)
        assert projection.read_position(arena.projection_path).sequence == fed.sequence == applied
        fed.put(batch.first_sequence, arena.log.last_sequence, arena.machine.apply(batch).events)
    assert history(directory) == expected


async def test_a_history_that_has_seen_more_than_the_log_is_built_again(tmp_path: Path) -> None:
    expected = await undisturbed(tmp_path / "steady", 4)
    directory = tmp_path / "ahead"
    async with running(directory) as (arena, fed):
        plays(arena, fed, 1, 3)
        await fed.catch_up()
        await fed._disconnect()
        with closing(sqlite3.connect(arena.projection_path)) as other, other:
            other.execute("UPDATE meta SET sequence = 1000")
        plays(arena, fed, 4, 4)
        await within(20, lambda: fed.lag == 0 and not fed.problem)
    assert history(directory) == expected


async def test_what_is_dropped_while_it_is_brought_up_is_produced_again_too(tmp_path: Path) -> None:
    expected = await undisturbed(tmp_path / "steady", 30)
    directory = tmp_path / "busy"
    brought_up: list[int] = []

    async def busy(fresh: bool, up_to: int) -> None:
        catch_up(directory, fresh, up_to)
        if not brought_up:
            plays(arena, fed, 6, 29)  # more than is held, after the log was read
        brought_up.append(up_to)

    async with running(directory, repair=busy, max_waiting=50) as (arena, fed):
        plays(arena, fed, 1, 5)
        await checkpointed(fed)
        fed.report(sqlite_error(sqlite3.SQLITE_CORRUPT))
        await within(20, lambda: brought_up)
        plays(arena, fed, 30, 30)
        await within(20, lambda: not fed.problem and fed.lag == 0)
    assert history(directory) == expected


async def test_batches_without_events_are_not_held_without_end_either(tmp_path: Path) -> None:
    arena = start(tmp_path)
    fed = await open_projection(arena, gather_s=30, max_waiting=20)
    fed.problem = "the disk"
    for number in range(1, 50):
        fed.put(number, number, np.zeros(0, EVENT))
        assert len(fed._waiting) <= 20
    await fed.close()
    arena.close()
