"""Events -> SQLite: what people look up, written by one thread, a transaction for all batches that wait.

The last sequence is stored in the transaction that stores its events, so every event takes effect exactly once,
whatever crashes. The database runs with synchronous=NORMAL: a power cut may take its last transactions, never part of
one, and recovery feeds them again from the log. `reach` is for those who must know that it is on disk.

It shares the interpreter with the gateway, so events become rows by columns, not one by one.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import aiosqlite
import numpy as np
from numpy.typing import NDArray

from engine.commands import CLIENT_ORDER_ID_WORDS
from engine.events import CANDLE, EVENT, TRADE, Cause, EventKind
from persistence.log import Witness

T = TypeVar("T")

FILE: Final = "projection.sqlite"
VERSION: Final = 1
"""Of the schema, as PRAGMA user_version. A file of another version is rebuilt."""

EVENTS_FULL: Final = 1 << 18
"""Waiting events from which on the projection calls itself full (56 MiB of records)."""

_CHUNK_ROWS: Final = 2048
"""Rows made into Python objects at a time: about a millisecond in which nothing else runs."""

_FACT: Final = ("player", "message", "sequence", "at_ns", "match", "instrument", "id", "side")
_FILL: Final = (
    *_FACT, "order_type", "leverage", "price", "lots", "cost", "margin", "fee", "liquidation", "stop_loss",
    "take_profit", "client_order_id",
)  # fmt: skip
_CLOSED: Final = (*_FACT, "cause", "leverage", "price", "lots", "cost", "margin", "fee", "profit", "left")
_CANDLE: Final = ("instrument", "interval_s", "open_at_ns", "open", "high", "low", "close", "ticks")


def _insert(table: str, columns: tuple[str, ...]) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    return f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"


_INSERT_FILL: Final = _insert("fills", _FILL)
_INSERT_CLOSED: Final = _insert("closed_positions", _CLOSED)
_INSERT_CANDLE: Final = _insert("candles", _CANDLE)


class ProjectionUnreadable(Exception):
    """The file is damaged, or of another version: delete it and let it be rebuilt."""


class Position(NamedTuple):
    """What a projection holds: all entries of the log `log_id` up to `sequence`."""

    log_id: bytes
    sequence: int

    def witness(self) -> Witness:
        return Witness(FILE, self.sequence, self.log_id)


# In SQLite's thread, or in recovery


def connect(path: Path) -> sqlite3.Connection:
    """The database, made if it is not there. Raises ProjectionUnreadable."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            schema = Path(__file__).with_name("schema.sql").read_text()
            connection.executescript(f"BEGIN;\n{schema}\nPRAGMA user_version = {VERSION};\nCOMMIT;")
        elif version != VERSION:
            raise ProjectionUnreadable(f"{path.name} is of version {version}, this program has {VERSION}")
        position(connection)
    except (sqlite3.DatabaseError, TypeError) as error:
        connection.close()
        raise ProjectionUnreadable(f"{path.name}: {error}") from error
    except ProjectionUnreadable:
        connection.close()
        raise
    return connection


def delete(path: Path) -> None:
    """The database and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def position(connection: sqlite3.Connection) -> Position:
    return Position(*connection.execute("SELECT log_id, sequence FROM meta").fetchone())


def store(connection: sqlite3.Connection, log_id: bytes, last_sequence: int, batches: list[NDArray[np.void]]) -> None:
    """One transaction: the events of `batches`, and that all up to `last_sequence` is in now."""
    events = batches[0] if len(batches) == 1 else np.concatenate(batches) if batches else np.empty(0, EVENT)
    kinds = np.ascontiguousarray(events["kind"])
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, rows in _rows(events, kinds):
            connection.executemany(sql, rows)
        connection.execute("UPDATE meta SET log_id = ?, sequence = ?", (log_id, last_sequence))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def sync(connection: sqlite3.Connection) -> int:
    """Put everything that is committed on disk, by one commit that waits for it; the last sequence."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("UPDATE meta SET sequence = sequence")
    connection.execute("PRAGMA synchronous = NORMAL")
    return position(connection).sequence


def _rows(events: NDArray[np.void], kinds: NDArray[np.int32]) -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
    """What to insert, in chunks."""
    trades = events.view(TRADE)
    for chunk in _chunks(trades, kinds == EventKind.ORDER_FILLED):
        columns = [chunk[name].tolist() for name in _FILL[:-1]]
        yield _INSERT_FILL, zip(*columns, _texts(chunk["client_order_id"]), strict=True)
    partly = np.flatnonzero(kinds == EventKind.POSITION_CHANGED)
    is_close = kinds == EventKind.POSITION_CLOSED
    is_close[partly[trades["cause"][partly] != Cause.NONE]] = True
    for chunk in _chunks(trades, is_close):
        yield _INSERT_CLOSED, zip(*(chunk[name].tolist() for name in _CLOSED), strict=True)
    for chunk in _chunks(events.view(CANDLE), kinds == EventKind.CANDLE_CLOSED):
        yield _INSERT_CANDLE, zip(*(chunk[name].tolist() for name in _CANDLE), strict=True)


def _chunks(events: NDArray[np.void], chosen: NDArray[np.bool_]) -> Iterator[NDArray[np.void]]:
    places = np.flatnonzero(chosen)
    for start in range(0, len(places), _CHUNK_ROWS):
        yield events[places[start : start + _CHUNK_ROWS]]


def _texts(words: NDArray[np.int64]) -> list[str]:
    """The client order ids that `pack_client_order_id` packed."""
    raw = np.ascontiguousarray(words).view(f"S{8 * CLIENT_ORDER_ID_WORDS}").ravel()
    texts: list[str] = raw.astype(f"U{8 * CLIENT_ORDER_ID_WORDS}").tolist()
    return texts


# In the event loop


class Projection:
    """The database while the arena runs. `sequence`: the last one committed. Made by `open`, ended by `close`."""

    def __init__(self, connection: aiosqlite.Connection, at: Position, events_full: int, gather_s: float) -> None:
        self.sequence = self._last_put = at.sequence
        self.events_waiting = 0
        self._log_id = at.log_id
        self._connection = connection
        self._events_full = events_full
        self._gather_s = gather_s
        self._waiting: deque[tuple[int, NDArray[np.void]]] = deque()
        self._something = asyncio.Event()
        self._moved = asyncio.Event()
        self._closing = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="projection")

    @classmethod
    async def open(
        cls, path: Path, log_id: bytes, sequence: int, *, events_full: int = EVENTS_FULL, gather_s: float = 0.05
    ) -> Projection:
        """Of the log `log_id`, fed by recovery up to `sequence`. Batches gather for `gather_s` seconds."""
        connection = aiosqlite.Connection(lambda: connect(path), iter_chunk_size=64)
        await connection
        at = await _in_thread(connection, position)
        assert at == (log_id, sequence), f"recovery leaves the projection at {sequence}, it is at {at.sequence}"
        return cls(connection, at, events_full, gather_s)

    @property
    def full(self) -> bool:
        """Stop numbering commands that can wait until it is not. What is applied is taken all the same."""
        return self.events_waiting >= self._events_full

    @property
    def lag(self) -> int:
        """Log entries that are applied, but not looked up yet."""
        return self._last_put - self.sequence

    def put(self, first_sequence: int, last_sequence: int, events: NDArray[np.void]) -> None:
        """Queue the events of a batch, which must not change any more. Raises what has stopped the projection."""
        if self._task.done():
            self._task.result()
        assert first_sequence == self._last_put + 1, "batches come without gaps"
        self._last_put = last_sequence
        self.events_waiting += len(events)
        self._waiting.append((last_sequence, events))
        self._something.set()

    async def reach(self, sequence: int) -> int:
        """Wait until all up to `sequence` is in, put it on disk, and say up to where it is: for `snapshot.publish`.

        Raises what has stopped the projection.
        """
        while self.sequence < sequence:
            if self._task.done():
                self._task.result()
            self._moved.clear()
            await self._moved.wait()
        return await _in_thread(self._connection, sync)

    async def close(self) -> None:
        """Write what waits, and let go of the file. Raises what has stopped the projection."""
        self._closing.set()
        self._something.set()
        try:
            await self._task
        finally:
            await self._connection.close()

    async def _run(self) -> None:
        try:
            while True:
                await self._something.wait()
                if not self._closing.is_set():  # let a transaction's worth gather; closing ends the wait
                    await _wait_at_most(self._closing, self._gather_s)
                self._something.clear()
                if not self._waiting:
                    return
                await self._write_waiting()
        finally:
            self._moved.set()

    async def _write_waiting(self) -> None:
        batches = list(self._waiting)
        self._waiting.clear()
        last_sequence = batches[-1][0]
        events = [events for _, events in batches if len(events)]
        await _in_thread(self._connection, store, self._log_id, last_sequence, events)
        self.sequence = last_sequence
        self.events_waiting -= sum(map(len, events))
        self._moved.set()
        if self._closing.is_set():
            self._something.set()


async def _in_thread(connection: aiosqlite.Connection, function: Callable[..., T], *arguments: Any) -> T:
    """`function(database, ...)` in SQLite's thread, in one call; aiosqlite's public methods take one per statement."""
    result: T = await connection._execute(function, connection._conn, *arguments)  # type: ignore[no-untyped-call]
    return result


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
