"""The projection: events to SQLite, for history queries. projector.py writes it while the arena runs.

The last sequence is stored in the same transaction as its events, so every event is stored exactly once despite
crashes. The database runs with synchronous=NORMAL: a power cut may lose the last transactions, never part of one, and
recovery projects them again from the log. `sync` brings to disk what is committed.

Events are converted to rows column by column, because the Python code shares the interpreter with the gateway.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from engine.model.commands import CLIENT_ORDER_ID_WORDS
from engine.model.events import CANDLE, DTYPES, EVENT, LAYOUTS, EventKind
from engine.model.tables import INTERVALS_S
from persistence.disk import sync_file
from persistence.log import DerivedFile

FILE: Final = "projection.sqlite"
VERSION: Final = 7
"""Schema version, stored as PRAGMA user_version. A file of another version is rebuilt."""

STEPS: Final[Mapping[int, str]] = MappingProxyType({})
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

_CHUNK_ROWS: Final = 2048
"""Rows converted to Python objects at a time: blocks other threads for about a millisecond."""

_COMMON: Final = ("player", "message", "sequence", "at_ns", "match", "instrument", "id", "side")


class _Table(NamedTuple):
    """A table of the schema, and the kind of event that its rows are made from."""

    kind: EventKind
    name: str
    fields: tuple[str, ...]  # of the event's layout, one for each column
    renamed: Mapping[str, str] = MappingProxyType({})  # columns that have other names than their fields

    @property
    def insert(self) -> str:
        names = ", ".join(f'"{self.renamed.get(field, field)}"' for field in self.fields)
        return f"INSERT OR REPLACE INTO {self.name} ({names}) VALUES ({', '.join('?' * len(self.fields))})"


_TABLES: Final = (
    _Table(EventKind.POSITION_OPENED, "fills", (
        *_COMMON, "order_type", "leverage", "price", "lots", "cost", "margin", "fee", "liquidation", "stop_loss",
        "take_profit", "client_order_id",
    )),
    _Table(EventKind.POSITION_CLOSED, "closed_positions", (
        *_COMMON, "cause", "leverage", "price", "lots", "cost", "margin", "fee", "profit", "left",
    )),
    _Table(EventKind.FIXED_SETTLED, "fixed_trades", (
        *_COMMON[:-1], "direction", "result", "reason", "stake", "payout_percent", "expires_at_ns", "entry", "exit",
        "entry_sequence", "exit_sequence", "profit", "asset",
    )),
    _Table(EventKind.TRANSFERRED, "transfers", (
        "debit", "debit_version", "credit", "credit_version", "sequence", "at_ns", "id_low", "id_high", "hold_low",
        "hold_high", "amount", "held", "code", "reference", "status",
    )),
    _Table(EventKind.WALLET_CHANGED, "wallet_changes", (
        *_COMMON[:5], "asset", "change", "balance", "held", "version", "code",
    )),
    _Table(EventKind.SEAT_OPENED, "seats", ("player", "match", "message")),
    _Table(EventKind.MATCH_FINISHED, "finished_matches", (
        *_COMMON[:5], "rank", "seats", "balance", "prize", "asset", "trades", "wins", "max_drawdown", "profit", "fees",
        "starting_balance", "rule",
    )),
    _Table(EventKind.EQUITY_SAMPLED, "equity_points", ("match", "owner", "at_ns", "equity", "balance"),
           {"owner": "player"}),
    _Table(EventKind.PLAYER_PROGRESSED, "standings", (
        "season", "player", "season_cups", "season_cups_at_ns", "season_matches",
    ), {"season_cups": "cups", "season_cups_at_ns": "cups_at_ns", "season_matches": "matches"}),
    _Table(EventKind.CANDLE_CLOSED, "candles", (
        "instrument", "interval_s", "open_at_ns", "open", "high", "low", "close", "ticks",
    )),
)  # fmt: skip

_IS_PROJECTED: Final = np.isin(
    np.arange(max(EventKind) + 1), (EventKind.POSITION_REDUCED, *(table.kind for table in _TABLES))
)
"""By EventKind: whether events of the kind are projected."""

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
            schema = Path(__file__).with_name("schema.sql").read_text()
            connection.executescript(f"BEGIN;\n{schema}\nPRAGMA user_version = {VERSION};\nCOMMIT;")
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
    return events.take(np.flatnonzero(_IS_PROJECTED[events["kind"]]))  # indexing would copy field by field


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
        for sql, rows in _rows(events, kinds):
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


def _rows(events: NDArray[np.void], kinds: NDArray[np.int32]) -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
    """INSERT statements and their rows, in chunks."""
    for table in _TABLES:
        for chunk in _chunks(events.view(DTYPES[LAYOUTS[table.kind]]), _chosen(table.kind, events, kinds)):
            yield table.insert, zip(*(_column(chunk, field) for field in table.fields), strict=True)


def _chosen(kind: EventKind, events: NDArray[np.void], kinds: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which events are inserted into the table of that kind."""
    chosen: NDArray[np.bool_] = kinds == kind
    if kind is EventKind.POSITION_CLOSED:
        chosen |= kinds == EventKind.POSITION_REDUCED
    elif kind is EventKind.MATCH_FINISHED:  # to a player, and not to all
        chosen &= events["player"] != 0
    return chosen


def _column(chunk: NDArray[np.void], field: str) -> list[Any]:
    values: list[Any] = _client_order_ids(chunk[field]) if field == "client_order_id" else chunk[field].tolist()
    return values


def _candles_to_prune(
    events: NDArray[np.void], kinds: NDArray[np.int32], keep_ns: int
) -> Iterator[tuple[int, int, int]]:
    """Instrument, open time before which, and number of shortest candles to delete."""
    candles = events.view(CANDLE)[np.flatnonzero(kinds == EventKind.CANDLE_CLOSED)]
    shortest = candles[candles["interval_s"] == INTERVALS_S[0]]
    for instrument in np.unique(shortest["instrument"]).tolist():
        opened_ns = shortest["open_at_ns"][shortest["instrument"] == instrument]
        yield instrument, int(opened_ns.max()) - keep_ns, len(opened_ns) + _PRUNED_AT_ONCE


def _chunks(events: NDArray[np.void], chosen: NDArray[np.bool_]) -> Iterator[NDArray[np.void]]:
    places = np.flatnonzero(chosen)
    for start in range(0, len(places), _CHUNK_ROWS):
        yield events[places[start : start + _CHUNK_ROWS]]


def _client_order_ids(words: NDArray[np.int64]) -> list[str]:
    """Decode client order ids packed by `pack_client_order_id`."""
    raw = np.ascontiguousarray(words).view(f"S{8 * CLIENT_ORDER_ID_WORDS}").ravel()
    texts: list[str] = raw.astype(f"U{8 * CLIENT_ORDER_ID_WORDS}").tolist()
    return texts
