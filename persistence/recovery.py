"""Recovery: load the newest good snapshot and replay the log after it. Every start does this, after a crash or not.

Replay starts from a snapshot that is not newer than the projection, so that the events that the projection lacks are
produced again. Without a projection it starts from the first log entry, and the projection is rebuilt.

    data folder:  lock  log/  snapshots/  projection.sqlite
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.batch.machine import RULES_VERSION, Applied, Machine
from engine.digest import state_hash
from engine.invariants import problems
from engine.model.commands import Batch
from persistence import projection
from persistence.disk import Folder, delete_temporaries
from persistence.frames import NO_HASH
from persistence.log import SEGMENT_BYTES, Log
from persistence.segments import Entry, RulesDiffer, entries, scan
from persistence.snapshot import Snapshot, SnapshotBad, derived_files, load, load_newest, snapshot_names

LOG: Final = "log"
SNAPSHOTS: Final = "snapshots"

_EVENTS_PER_TRANSACTION: Final = 1 << 16
_PROGRESS_STEP: Final = 1 << 16

Progress = Callable[[int, int], None]
"""Called with the number of replayed log entries and the total."""


class DataFolderInUse(Exception):
    """Another process has locked the data folder."""


class HistoriesDiffer(Exception):
    """Log, snapshots and replay, each valid by itself, contradict each other."""


class DataLock:
    """An exclusive lock on a data folder. The operating system releases it when the process ends."""

    def __init__(self, directory: Path) -> None:
        """Raises DataFolderInUse, which names the process that holds the lock."""
        directory.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._handle, 20, 0).decode().strip() or "unknown"
            os.close(self._handle)
            raise DataFolderInUse(f"{directory} is in use by process {pid}") from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._handle)


class Recovered(NamedTuple):
    """A recovered arena. The projection is at the log's last sequence."""

    machine: Machine
    log: Log
    lock: DataLock
    snapshots: Folder
    projection_path: Path
    snapshot: str | None  # that replay started from; None: from the first entry
    batches_replayed: int
    commands_replayed: int
    warnings: list[str]  # problems that were repaired or skipped

    def close(self) -> None:
        self.log.close()
        self.lock.release()


class Verified(NamedTuple):
    """Result of `verify`."""

    batches: int
    last_sequence: int
    chain: bytes
    state_hash: bytes
    hashes_checked: int  # state hashes in the log that the replay matched
    snapshots_checked: int
    torn_bytes: int  # after the last batch; the next start cuts them off
    warnings: list[str]
    problems: list[str]  # broken invariants of the state


def recover(
    directory: Path,
    *,
    segment_bytes: int = SEGMENT_BYTES,
    compress_sealed: bool = False,
    fresh_projection: bool = False,
    on_progress: Progress = lambda done, total: None,
) -> Recovered:
    """Lock the data folder and recover the arena from it. Blocks while the log is replayed.

    `fresh_projection` deletes the projection first: it is rebuilt from the log's first entry.
    Raises DataFolderInUse, LogCorrupt, LogBehind, LogFailed, RulesDiffer, HistoriesDiffer.
    """
    lock = DataLock(directory)
    try:
        if fresh_projection:
            projection.delete(directory / projection.FILE)
        return _recover(directory, lock, segment_bytes, compress_sealed, on_progress)
    except BaseException:
        lock.release()
        raise


def _recover(
    directory: Path, lock: DataLock, segment_bytes: int, compress_sealed: bool, on_progress: Progress
) -> Recovered:
    snapshots = Folder(directory / SNAPSHOTS)
    delete_temporaries(snapshots)
    path = directory / projection.FILE
    with _projection(path) as (connection, warnings):
        projected = projection.position(connection)
        log = Log(
            Folder(directory / LOG),
            rules_version=RULES_VERSION,
            segment_bytes=segment_bytes,
            compress_sealed=compress_sealed,
            derived_files=[*derived_files(snapshots), projected.derived_file()],
        )
        try:
            if log.torn:
                warnings.append(f"the last batch was torn by a crash: never acknowledged, kept as {log.torn}")
            snapshot, skipped = load_newest(snapshots, up_to=projected.sequence)
            machine = Machine(snapshot.state if snapshot else None)
            feed = _ProjectionFeed(connection, log.log_id, projected.sequence)
            batches = commands = 0
            total = log.last_sequence - (snapshot.header.sequence if snapshot else 0)
            for entry in _entries_after(log, snapshot):
                feed.put(entry.batch, _apply(machine, entry.batch).events)
                batches += 1
                commands += len(entry.batch.records)
                if commands % _PROGRESS_STEP < len(entry.batch.records):
                    on_progress(commands, total)
            feed.flush()
            on_progress(total, total)
        except BaseException:
            log.close()
            raise
    name = snapshot.name if snapshot else None
    return Recovered(machine, log, lock, snapshots, path, name, batches, commands, warnings + skipped)


def rebuild(directory: Path, *, on_progress: Progress = lambda done, total: None) -> int:
    """Rebuild the projection of a stopped arena; returns its sequence. Raises as `recover`."""
    recovered = recover(directory, fresh_projection=True, on_progress=on_progress)
    recovered.close()
    return recovered.log.last_sequence


def state_at(directory: Path, sequence: int) -> Machine:
    """The engine as it was after entry `sequence`, or after the last entry if that is earlier. Raises as `verify`.

    For an entry in the middle of a batch, capacities of tables may differ from the original.
    """
    lock = DataLock(directory)
    try:
        snapshot, _ = load_newest(Folder(directory / SNAPSHOTS), up_to=sequence)
        machine = Machine(snapshot.state if snapshot else None)
        start = snapshot.header.sequence + 1 if snapshot else 1
        for entry in entries(Folder(directory / LOG), start, RULES_VERSION):
            batch = entry.batch
            if batch.first_sequence > sequence:
                break
            _apply(machine, batch._replace(records=batch.records[: sequence - batch.first_sequence + 1]))
        return machine
    finally:
        lock.release()


def verify(directory: Path, *, on_progress: Progress = lambda done, total: None) -> Verified:
    """Replay the whole log and compare with its state hashes and with all snapshots; writes only the lock file.

    Raises LogCorrupt, and HistoriesDiffer at the first sequence where the replay has another state.
    """
    lock = DataLock(directory)
    try:
        return _verify(Folder(directory / LOG), Folder(directory / SNAPSHOTS), on_progress)
    finally:
        lock.release()


def _verify(disk: Folder, snapshots: Folder, on_progress: Progress) -> Verified:
    end = scan(disk)
    last_sequence = end.last_sequence if end else 0
    expected, warnings = _snapshot_hashes(snapshots)
    hashes_checked = snapshots_checked = 0
    machine = Machine()
    for entry in entries(disk, rules_version=RULES_VERSION):
        if entry.state_hash != NO_HASH:
            _compare_state(machine, entry.state_hash, f"the log before sequence {entry.batch.first_sequence}")
            hashes_checked += 1
        _apply(machine, entry.batch)
        on_progress(entry.last_sequence, last_sequence)
        if entry.last_sequence in expected:
            name, chain, hash_ = expected.pop(entry.last_sequence)
            if chain != entry.chain_after:
                raise HistoriesDiffer(f"{name} was made from another log than the one here")
            _compare_state(machine, hash_, name)
            snapshots_checked += 1
    if expected:
        raise HistoriesDiffer(f"no batch of the log ends where {next(iter(expected.values()))[0]} was made")
    return Verified(
        batches=end.batches if end else 0,
        last_sequence=last_sequence,
        chain=end.chain if end else NO_HASH,
        state_hash=state_hash(machine.state),
        hashes_checked=hashes_checked,
        snapshots_checked=snapshots_checked,
        torn_bytes=end.torn_bytes if end else 0,
        warnings=warnings,
        problems=problems(machine.state),
    )


def _snapshot_hashes(snapshots: Folder) -> tuple[dict[int, tuple[str, bytes, bytes]], list[str]]:
    """By sequence: name, chain and state hash of every good snapshot; and warnings about the others."""
    found: dict[int, tuple[str, bytes, bytes]] = {}
    warnings: list[str] = []
    for name in snapshot_names(snapshots):
        try:
            header = load(snapshots, name).header
        except SnapshotBad as error:
            warnings.append(str(error))
        else:
            found[header.sequence] = name, header.chain, header.state_hash
    return found, warnings


def _compare_state(machine: Machine, expected: bytes, who: str) -> None:
    actual = state_hash(machine.state)
    if actual != expected:
        sequence = int(machine.state.book.world["sequence"][0])
        raise HistoriesDiffer(
            f"at sequence {sequence} the replay has state {actual.hex()}, {who} says {expected.hex()}"
        )


def _apply(machine: Machine, batch: Batch) -> Applied:
    """Apply the batch. Raises RulesDiffer when it has a command that this program does not know."""
    try:
        return machine.apply(batch)
    except msgspec.MsgspecError as error:
        last_sequence = batch.first_sequence + len(batch.records) - 1
        raise RulesDiffer(
            f"a command of the log, sequence {batch.first_sequence} to {last_sequence}, is not one that this program"
            f" knows: {error}. Start the program that wrote it"
        ) from error


def _entries_after(log: Log, snapshot: Snapshot | None) -> Iterator[Entry]:
    """The entries after the snapshot. Raises HistoriesDiffer when it was made from another log."""
    follow = entries(log.disk, snapshot.header.sequence + 1 if snapshot else 1, RULES_VERSION)
    first = next(follow, None)
    if snapshot:
        chain = first.chain_before if first else log.chain
        if (snapshot.header.log_id, snapshot.header.chain) != (log.log_id, chain):
            raise HistoriesDiffer(f"{snapshot.name} was made from another log than the one here: move one of them away")
    if first:
        yield first
        yield from follow


class _ProjectionFeed:
    """Projects events during replay, from where the projection stopped."""

    def __init__(self, connection: sqlite3.Connection, log_id: bytes, sequence: int) -> None:
        self._connection = connection
        self._log_id = log_id
        self._sequence = sequence
        self._batches: list[NDArray[np.void]] = []
        self._waiting = 0

    def put(self, batch: Batch, events: NDArray[np.void]) -> None:
        last_sequence = batch.first_sequence + len(batch.records) - 1
        if last_sequence <= self._sequence:
            return
        self._sequence = last_sequence
        kept = projection.projected_events(events)
        if len(kept):
            self._batches.append(kept)
            self._waiting += len(kept)
        if self._waiting >= _EVENTS_PER_TRANSACTION:
            self.flush()

    def flush(self) -> None:
        projection.store(self._connection, self._log_id, self._sequence, self._batches)
        self._batches, self._waiting = [], 0


@contextmanager
def _projection(path: Path) -> Iterator[tuple[sqlite3.Connection, list[str]]]:
    """Open the projection; an unreadable one is deleted, to be rebuilt, with a warning."""
    warnings: list[str] = []
    try:
        connection = projection.connect(path)
    except projection.ProjectionUnreadable as error:
        warnings.append(f"the projection is rebuilt: {error}")
        projection.delete(path)
        connection = projection.connect(path)
    try:
        yield connection, warnings
    finally:
        connection.close()
