"""The projection: events to SQLite, for history queries. projector.py writes it while the arena runs.

The last sequence is stored in the same transaction as its events, so every event is stored exactly once despite
crashes. The database runs with synchronous=NORMAL: a power cut may lose the last transactions, never part of one, and
recovery projects them again from the log. `sync` brings to disk what is committed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from engine.model.events import CANDLE, EVENT, EventKind
from engine.model.tables import INTERVALS_S
from persistence.disk import sync_file
from persistence.event_rows import IS_PROJECTED, rows_of
from persistence.log import DerivedFile
from persistence.schema import ORDERS_FROM_FILLS, SCHEMA, statements_for

FILE: Final = "projection.sqlite"
VERSION: Final = 9
"""Schema version, stored as PRAGMA user_version. A file of another version is rebuilt."""

STEPS: Final[Mapping[int, str]] = MappingProxyType({
    7: f"{statements_for('orders', 'orders_by_client', 'closed_by_position')};\n{ORDERS_FROM_FILLS}",
    8: statements_for("notifications", "unread_notifications"),
})  # fmt: skip
"""By schema version: the SQL that turns a file of it into one of the next version. The copy in a base cannot be
rebuilt, for the log before it may be gone, or of other rules; so since there are bases every version has its step."""

_STEPS_BETWEEN_QUESTIONS: Final = 1_000_000
"""Of SQLite's machine, before a copy asks again whether it is canceled: some tens of milliseconds."""

BUSY_S: Final = 1.0
"""Seconds for which SQLite waits for a lock that another process holds."""

_JOURNAL_BYTES: Final = 1 << 26
"""To which the write-ahead log is cut when it has grown beyond, behind a reader that was slow."""

_PRUNED_AT_ONCE: Final = 256
"""How many old candles of an instrument a transaction deletes beyond the number it writes: takes under a millisecond,
and at four transactions per second a backlog is gone within hours."""

_PRUNE_CANDLES: Final = (
    f"DELETE FROM candles WHERE (instrument, interval_s, open_at_ns) IN (SELECT instrument, interval_s, open_at_ns"
    f" FROM candles WHERE instrument = ? AND interval_s = {INTERVALS_S[0]} AND open_at_ns < ?"
    " ORDER BY open_at_ns LIMIT ?)"
)


_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""Primary result codes. SQLITE_ERROR is what comes of another schema: no such table or column."""


class ProjectionUnreadable(Exception):
    """The file is damaged or of another version: delete it, and it is rebuilt."""


class Position(NamedTuple):
    """The projection has all events of the log `log_id` up to `sequence`."""

    log_id: bytes
    sequence: int

    def derived_file(self) -> DerivedFile:
        return DerivedFile(FILE, self.sequence, self.log_id)


def connect(path: Path) -> sqlite3.Connection:
    """Open the database, or create it. Raises ProjectionUnreadable, and sqlite3.OperationalError for what passes."""
    _create(path)
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
        connection.execute("PRAGMA synchronous = NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN;\n{SCHEMA}\nPRAGMA user_version = {VERSION};\nCOMMIT;")
        elif version != VERSION:
            raise ProjectionUnreadable(f"{path.name} is of version {version}, this program has {VERSION}")
        position(connection)
    except BaseException as error:
        connection.close()
        if is_damage(error):
            raise ProjectionUnreadable(f"{path.name}: {error}") from error
        raise
    return connection


def _create(path: Path) -> None:
    """Make the file, for its owner alone, if it is not there. SQLite's own files beside it get the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def is_damage(error: BaseException) -> bool:
    """Must the database be rebuilt? Not one that is locked, or whose disk is full or fails: that passes."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def delete(path: Path) -> None:
    """Delete the database and SQLite's files beside it."""
    for name in (f"{path.name}-wal", f"{path.name}-shm", path.name):
        path.with_name(name).unlink(missing_ok=True)


def copy(source: Path, target: Path, is_canceled: Callable[[], bool] = lambda: False) -> None:
    """Copy a database, which may be in use, to a new file of this program's schema version, and sync that.

    Raises ProjectionUnreadable, sqlite3.OperationalError, which is also how it ends when `is_canceled`.
    """
    target.unlink(missing_ok=True)
    _create(target)
    with closing(open_read_only(source)) as connection:
        connection.set_progress_handler(is_canceled, _STEPS_BETWEEN_QUESTIONS)
        connection.execute("VACUUM INTO ?", (str(target),))
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        _migrate(connection, target.name)
    sync_file(target)


def check_migratable(path: Path) -> None:
    """Raise ProjectionUnreadable when a copy could not be brought to this program's schema version."""
    with closing(open_read_only(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    _check_steps(version, path.name)


def _check_steps(version: int, name: str) -> None:
    if not set(range(version, VERSION)) <= STEPS.keys() or version > VERSION:
        raise ProjectionUnreadable(f"{name} is of version {version}, this program has {VERSION}")


def _migrate(connection: sqlite3.Connection, name: str) -> None:
    """Bring the schema up to this program's version. Raises ProjectionUnreadable when a step is missing."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    _check_steps(found, name)
    for version in range(found, VERSION):
        connection.executescript(f"BEGIN;\n{STEPS[version]};\nPRAGMA user_version = {version + 1};\nCOMMIT;")


def replace(path: Path, by: Path) -> None:
    """Put the closed database `by` in the place of `path`."""
    # A write-ahead log of the old database must not be found beside the new one.
    for name in (f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    by.replace(path)
    sync_file(path.parent)


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing. Raises sqlite3.OperationalError when there is no such file."""
    # Without a write-ahead log nobody has it open, and SQLite need not make the files of one to read it.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(path))}?{how}", timeout=BUSY_S, uri=True)
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.OperationalError as error:
        connection.close()
        if not path.exists() or error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        return _open_copy(path)
    return connection


def _open_copy(path: Path) -> sqlite3.Connection:
    """A connection to a copy, which ends with it: in a folder that cannot be written, a write-ahead log is not read."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (path.name, f"{path.name}-wal"):
            shutil.copyfile(path.with_name(name), Path(folder) / name)
        connection = sqlite3.connect(Path(folder) / path.name)
        connection.execute("SELECT 1 FROM sqlite_master").fetchall()  # opens the files before their names are gone
        return connection


def read_position(path: Path) -> Position:
    """The position of a database, whatever its schema version is. Raises as `connect`."""
    try:
        with closing(open_read_only(path)) as connection:
            return position(connection)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        raise ProjectionUnreadable(f"{path.name}: {error}") from error


def position(connection: sqlite3.Connection) -> Position:
    """Raises ProjectionUnreadable and sqlite3.DatabaseError."""
    row = connection.execute("SELECT log_id, sequence FROM meta").fetchone()
    if row is None:
        raise ProjectionUnreadable("the projection does not say where it ends")
    return Position(*row)


def projected_events(events: NDArray[np.void]) -> NDArray[np.void]:
    """A copy of the events that are projected."""
    return events.take(np.flatnonzero(IS_PROJECTED[events["kind"]]))  # indexing would copy field by field


def store(
    connection: sqlite3.Connection,
    log_id: bytes,
    last_sequence: int,
    batches: list[NDArray[np.void]],
    keep_ns: int = 0,
) -> None:
    """Store the projected events of `batches` and the new last sequence, in one transaction.

    For instruments with new candles of the shortest interval, some candles more than `keep_ns` older are deleted; 0:
    none are.
    """
    events = np.concatenate([np.empty(0, EVENT), *batches])
    kinds = np.ascontiguousarray(events["kind"])
    connection.execute("BEGIN IMMEDIATE")
    try:
        for sql, rows in rows_of(events, kinds):
            connection.executemany(sql, rows)
        if keep_ns:
            connection.executemany(_PRUNE_CANDLES, _candles_to_prune(events, kinds, keep_ns))
        connection.execute("UPDATE meta SET log_id = ?, sequence = ?", (log_id, last_sequence))
    except BaseException:
        if connection.in_transaction:  # a full disk has already rolled it back
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def sync(connection: sqlite3.Connection) -> int:
    """Sync all committed transactions to disk; returns the last sequence.

    SQLite syncs only in a commit that writes a page: setting user_version does, an UPDATE to the same value does not.
    """
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("PRAGMA synchronous = NORMAL")
    return position(connection).sequence


def _candles_to_prune(
    events: NDArray[np.void], kinds: NDArray[np.int32], keep_ns: int
) -> Iterator[tuple[int, int, int]]:
    """Instrument, open time before which, and number of shortest candles to delete."""
    candles = events.view(CANDLE)[np.flatnonzero(kinds == EventKind.CANDLE_CLOSED)]
    shortest = candles[candles["interval_s"] == INTERVALS_S[0]]
    for instrument in np.unique(shortest["instrument"]).tolist():
        opened_ns = shortest["open_at_ns"][shortest["instrument"] == instrument]
        yield instrument, int(opened_ns.max()) - keep_ns, len(opened_ns) + _PRUNED_AT_ONCE
