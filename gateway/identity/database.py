"""The database of identities: one SQLite file, one connection, one thread of its own.

A piece of work is a function of the connection, and a transaction: all of it or nothing. It is on disk when `run`
returns. The command line may change the file beside a running arena; `changed_outside` tells.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import structlog

from gateway.protocol.errors import Code, Refused

T = TypeVar("T")
log = structlog.get_logger()

FILE: Final = "identity.sqlite"
BUSY_S: Final = 5.0
MOST_WAITING: Final = 1_000
"""Pieces of work that wait for the thread; more are refused."""

SCHEMA: Final = (Path(__file__).parent / "schema.sql").read_text()
MIGRATIONS: Final[tuple[str, ...]] = (
    "ALTER TABLE play_days ADD COLUMN deposited INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE play_days ADD COLUMN lost INTEGER NOT NULL DEFAULT 0",
    # API keys
    """
    CREATE TABLE api_keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        acts_for INTEGER NOT NULL,
        label TEXT NOT NULL,
        kind TEXT NOT NULL,
        secret BLOB NOT NULL,
        scopes TEXT NOT NULL,
        addresses TEXT NOT NULL,
        per_minute INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        suspended INTEGER NOT NULL DEFAULT 0,
        revoked_ms INTEGER
    ) STRICT;
    CREATE INDEX api_keys_by_user ON api_keys (user);
    CREATE TABLE key_usage (
        key INTEGER NOT NULL REFERENCES api_keys ON DELETE CASCADE,
        day TEXT NOT NULL,
        requests INTEGER NOT NULL,
        commands INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        PRIMARY KEY (key, day)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE dependents (
        user INTEGER PRIMARY KEY REFERENCES users ON DELETE CASCADE,
        owner INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
        name TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        UNIQUE (owner, name)
    ) STRICT;
    """,
)
"""What makes of a file of version n + 1 one of version n + 2. New files are made by schema.sql."""
VERSION: Final = len(MIGRATIONS) + 1

_PASSING: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
"""What is wrong with the disk or with who else has the file, and not with us."""


class IdentityUnusable(Exception):
    """The file is damaged, open to others, or of a newer program; the message says which."""


def connect(path: Path) -> sqlite3.Connection:
    """The file, of this version: made, or brought up to it. Raises IdentityUnusable."""
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        if path.stat().st_mode & 0o077:
            raise IdentityUnusable(f"{path} can be read by others: chmod 600 it")
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise IdentityUnusable(f"{path}: {error}") from error
    try:
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        _migrate(connection)
    except sqlite3.Error as error:
        connection.close()
        raise IdentityUnusable(f"{path}: {error}") from error
    except IdentityUnusable as error:
        connection.close()
        raise IdentityUnusable(f"{path} {error}") from error
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            raise IdentityUnusable(f"is of version {found}, and this program knows {VERSION}: use the newer program")
        for step in MIGRATIONS[found - 1 :] if found else (SCHEMA,):
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """One by one: executescript would commit what has begun."""
    lines = (line.partition("--")[0] for line in script.splitlines())
    return [each for each in "\n".join(lines).split(";") if each.strip()]


def transact(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do the work as one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return done


class Database:
    """See the module."""

    def __init__(self, path: Path) -> None:
        """Raises IdentityUnusable."""
        self._path = path
        self._connection = connect(path)
        self._thread = ThreadPoolExecutor(1, "identity")
        self._waiting = 0
        self._seen_version = self._data_version()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work as one transaction. Raises Refused OVERLOADED when it cannot be done now, and what it raises."""
        if self._waiting >= MOST_WAITING:
            raise Refused(Code.OVERLOADED, because="so many wait for the accounts")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, transact, self._connection, work)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _PASSING:
                raise
            log.error("the accounts cannot be used", error=str(error))
            raise Refused(Code.OVERLOADED, because="the accounts cannot be used at the moment") from error
        finally:
            self._waiting -= 1

    async def changed_outside(self) -> bool:
        """Has another process changed the file since this was asked last?"""
        version = await asyncio.get_running_loop().run_in_executor(self._thread, self._data_version)
        changed, self._seen_version = version != self._seen_version, version
        return changed

    def close(self) -> None:
        """After what waits is done."""
        self._thread.shutdown()
        self._connection.close()

    def _data_version(self) -> int:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)


def back_up(path: Path, to: Path) -> None:
    """A copy of the file as it is now, also beside a running arena. Raises OSError when `to` is there already."""
    os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path, timeout=BUSY_S)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
