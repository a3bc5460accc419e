"""The writer of the projection in a running arena: one thread, and a transaction for all batches that wait.

The projection is derived data, so nothing that befalls it stops the arena. Locked by another process, on a full disk or
on one that fails, it lags, says why, and tries again. Damaged, it is built again beside and put in its place, by a
process of its own. If more waits than is held in memory, the events are dropped, and produced again from the log.
"""

from __future__ import annotations

import asyncio
import sqlite3
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import aiosqlite
import numpy as np
from numpy.typing import NDArray

from engine.model.events import CANDLE, EventKind
from persistence.projection import (
    Position,
    ProjectionUnreadable,
    connect,
    is_damage,
    position,
    projected_events,
    store,
    sync,
)

T = TypeVar("T")

GATHER_S: Final = 0.25
"""Batches are collected for this long. Tables are clustered by player, so a transaction writes a page per player in it:
fewer transactions write fewer pages. History may be late by this much."""

HURRY_S: Final = 0.02
"""Batches are collected for this long while somebody waits for them."""

MAX_WAITING: Final = 1 << 18
"""Waiting events at which the projection reports itself full (56 MiB). While nothing can be stored, more are dropped,
and so are as many batches."""

RETRY_S: Final = 1.0
MOST_RETRY_S: Final = 30.0
"""Seconds from one attempt to the next while the projection cannot be written: at first, and after doubling."""

CLOSE_WITHIN_S: Final = 5.0
"""How long the end of the arena waits for the projection. The next start produces again what it lacks."""

Repair = Callable[[bool, int], Awaitable[None]]
"""Brings the closed database up to a sequence, which is in the log; puts a new one in its place if True."""


class Lagging(Exception):
    """The projection ends before it has reached a sequence."""


class _Batch(NamedTuple):
    """The projected events of a batch."""

    first_sequence: int
    last_sequence: int
    events: NDArray[np.void]


class _Candle(NamedTuple):
    sequence: int  # last of its batch
    open_at_ns: int
    row: Any


class Projector:
    """Create with `open`, end with `close`. `sequence` is the last one committed."""

    def __init__(
        self, path: Path, at: Position, *, max_waiting: int, gather_s: float, keep_ns: int, repair: Repair | None
    ) -> None:
        self.sequence = self._last_put = at.sequence
        self.events_waiting = 0
        self.problem = ""
        """Why nothing is stored at the moment; empty: it is."""
        self.on_problem: Callable[[str], None] = lambda problem: None
        """Called with `problem` when it changes."""
        self._path = path
        self._log_id = at.log_id
        self._max_waiting = max_waiting
        self._gather_s = gather_s
        self._keep_ns = keep_ns
        self._repair = repair
        self._connection: aiosqlite.Connection | None = None
        self._waiting: deque[_Batch] = deque()
        self._waiting_of: dict[int, int] = {}  # by player: the last sequence with an event that waits
        self._candles: dict[tuple[int, int], list[_Candle]] = {}  # that wait, by instrument and interval
        self._is_damaged = False
        self._is_repairing = False
        self._has_work = asyncio.Event()
        self._committed = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closing = asyncio.Event()
        self._pause_s = RETRY_S
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        log_id: bytes,
        sequence: int,
        *,
        max_waiting: int = MAX_WAITING,
        gather_s: float = GATHER_S,
        keep_ns: int = 0,
        repair: Repair | None = None,
    ) -> Projector:
        """Open the projection of the log `log_id`, whose last applied sequence is `sequence`. Batches are collected for
        `gather_s` seconds; shortest candles are kept for `keep_ns` before the latest of their instrument; 0: ever.
        Without `repair`, a damaged one stays so."""
        at = Position(log_id, sequence)
        self = cls(path, at, max_waiting=max_waiting, gather_s=gather_s, keep_ns=keep_ns, repair=repair)
        try:
            await self._connect()
        except Exception as error:  # it is tried again
            self._failed(error)
        if self.problem or self._has_gap:
            self._has_work.set()
        self._task = asyncio.create_task(self._run(), name="projection")
        return self

    @property
    def full(self) -> bool:
        """Do events come faster than they are stored? Then commands that can wait should be held back."""
        return self.events_waiting >= self._max_waiting and not self.problem

    @property
    def lag(self) -> int:
        """Number of log entries that are applied but not committed here yet."""
        return self._last_put - self.sequence

    def put(self, first_sequence: int, last_sequence: int, events: NDArray[np.void]) -> None:
        """Queue a copy of a batch's events. If that fails, they are produced again from the log."""
        assert first_sequence == self._last_put + 1, "batches come without gaps"
        self._last_put = last_sequence
        self._has_work.set()
        try:
            self._queue(_Batch(first_sequence, last_sequence, projected_events(events)))
        except BaseException:
            self._drop_waiting()
            raise

    def waiting_candles(self, instrument: int, interval_s: int, until_ns: int, limit: int) -> list[Any]:
        """The last `limit` closed candles that opened before `until_ns` and are not committed yet, earliest first."""
        candles = self._candles.get((instrument, interval_s), [])
        end = bisect_left(candles, until_ns, key=attrgetter("open_at_ns"))
        return [candle.row for candle in candles[max(0, end - limit) : end]]

    async def wait_for(self, sequence: int) -> None:
        """Wait until `sequence` is committed, without the usual gathering. Raises Lagging at the arena's end."""
        if self.sequence < sequence:
            self._hurry.set()
            await self._wait_until(sequence)

    async def wait_for_player(self, player: int) -> None:
        """Wait until all that the player has been told is committed. Raises Lagging at the arena's end."""
        if self._has_gap:
            await self.catch_up()  # what was dropped may be the player's
        else:
            await self.wait_for(self._waiting_of.get(player, 0))

    async def catch_up(self) -> None:
        """Wait until all events put so far are committed. Raises Lagging at the arena's end."""
        await self.wait_for(self._last_put)

    async def sync_to(self, sequence: int) -> int:
        """Wait until `sequence` is committed, sync to disk, return the last durable sequence: for `snapshot.publish`.

        Raises Lagging at the arena's end.
        """
        while True:
            await self._wait_until(sequence)
            try:
                return await self._in_thread(sync)
            except ValueError:
                pass  # it is closed, to be repaired
            except sqlite3.Error as error:
                self._failed(error)
                self._has_work.set()
            await asyncio.sleep(RETRY_S)

    def report(self, error: Exception) -> None:
        """Who reads the projection has met this error. If it is damaged, it is repaired."""
        if is_damage(error) and not self._is_repairing:
            self._failed(error)
            self._has_work.set()

    async def close(self) -> None:
        """Store what waits, if that is possible within CLOSE_WITHIN_S, and close the file."""
        assert self._task is not None
        self._closing.set()
        self._has_work.set()
        await asyncio.wait([self._task], timeout=0 if self._is_repairing else CLOSE_WITHIN_S)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._disconnect()

    # The task

    async def _run(self) -> None:
        try:
            while not (self._closing.is_set() and not self._waiting):
                await self._has_work.wait()
                await self._gather()
                self._has_work.clear()
                try:
                    await self._work()
                except Exception as error:  # told as a problem, and tried again
                    self._failed(error)
                    if self._closing.is_set():
                        return
                    await _wait_at_most(self._closing, self._pause_s)
                    self._pause_s = min(2 * self._pause_s, MOST_RETRY_S)
                    self._has_work.set()
        finally:
            self._closing.set()
            self._committed.set()

    async def _gather(self) -> None:
        """Let batches gather, for less long when somebody waits."""
        await _wait_at_most(self._closing, min(HURRY_S, self._gather_s))
        if self._gather_s > HURRY_S and not self._closing.is_set():
            await _wait_at_most(self._hurry, self._gather_s - HURRY_S)
        self._hurry.clear()

    async def _work(self) -> None:
        if self._connection is None and not self._is_damaged:
            await self._connect()
        if self._is_damaged or self._has_gap:
            await self._bring_up()
            await self._connect()
        if self._has_gap:  # more came meanwhile than is held
            self._has_work.set()
            return
        if self._waiting:
            await self._store_waiting()
        self._pause_s = RETRY_S
        self._tell("")

    async def _store_waiting(self) -> None:
        """Store all waiting batches in one transaction."""
        batches = list(self._waiting)
        last_sequence = batches[-1].last_sequence
        kept = [batch.events for batch in batches if len(batch.events)]
        await self._in_thread(store, self._log_id, last_sequence, kept, self._keep_ns)
        self._reached(last_sequence)

    async def _bring_up(self) -> None:
        """Let what is applied be reached by another way than from the queue. The log may have more by now, but who
        reads it cannot know whether that is synced."""
        if self._repair is None:
            raise ProjectionUnreadable(self.problem or "it ends before what waits")
        self._tell("it is built again from the log" if self._is_damaged else "it is brought up to the end of the log")
        self._is_repairing = True
        try:
            await self._disconnect()
            self._drop_waiting()
            await self._repair(self._is_damaged, self._last_put)
        finally:
            self._is_repairing = False
        self._is_damaged = False

    @property
    def _has_gap(self) -> bool:
        """Does what waits, or comes next, not follow on what is stored? The log has what is between."""
        next_sequence = self._waiting[0].first_sequence if self._waiting else self._last_put + 1
        return next_sequence > self.sequence + 1

    def _queue(self, batch: _Batch) -> None:
        is_full = self.events_waiting + len(batch.events) > self._max_waiting or len(self._waiting) >= self._max_waiting
        if self.problem and is_full:
            self._drop_waiting()
        self.events_waiting += len(batch.events)
        self._waiting.append(batch)
        self._waiting_of |= dict.fromkeys(batch.events["player"].tolist(), batch.last_sequence)
        for row in batch.events[batch.events["kind"] == EventKind.CANDLE_CLOSED].view(CANDLE):
            of = int(row["instrument"]), int(row["interval_s"])
            self._candles.setdefault(of, []).append(_Candle(batch.last_sequence, int(row["open_at_ns"]), row))

    def _reached(self, sequence: int) -> None:
        """Everything until there is committed."""
        while self._waiting and self._waiting[0].last_sequence <= sequence:
            self.events_waiting -= len(self._waiting.popleft().events)
        if not self._waiting:
            self._waiting_of.clear()
        for of, candles in list(self._candles.items()):
            del candles[: bisect_right(candles, sequence, key=attrgetter("sequence"))]
            if not candles:
                del self._candles[of]
        self.sequence = sequence
        self._committed.set()

    def _drop_waiting(self) -> None:
        self._waiting.clear()
        self._waiting_of.clear()
        self._candles.clear()
        self.events_waiting = 0

    def _failed(self, error: Exception) -> None:
        if isinstance(error, ProjectionUnreadable) or is_damage(error):
            self._is_damaged = True
        self._tell(str(error) or repr(error))

    def _tell(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self.on_problem(problem)

    async def _wait_until(self, sequence: int) -> None:
        while self.sequence < sequence:
            if self._closing.is_set() and (self._task is None or self._task.done()):
                raise Lagging(f"the projection ends at sequence {self.sequence}")
            self._committed.clear()
            await self._committed.wait()

    # The connection

    async def _connect(self) -> None:
        connection = aiosqlite.Connection(lambda: connect(self._path), iter_chunk_size=64)
        connection._thread.daemon = True  # does not keep the process from exiting: the log has everything
        await connection
        self._connection = connection
        at: Position = await self._in_thread(position)
        if at.log_id not in (self._log_id, b""):
            raise ProjectionUnreadable(f"{self._path.name} was made from another log")
        if at.sequence > self._last_put:
            raise ProjectionUnreadable(f"{self._path.name} has entries that the log lacks")
        self._reached(at.sequence)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(TimeoutError, sqlite3.Error, ValueError):
                async with asyncio.timeout(2 * RETRY_S):
                    await connection.close()

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function(connection, ...)` in SQLite's thread, in one call; aiosqlite's API needs one per statement."""
        if self._connection is None:
            raise ValueError("the projection is closed")
        connection = self._connection
        result: T = await connection._execute(function, connection._conn, *arguments)  # type: ignore[no-untyped-call]
        return result


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
