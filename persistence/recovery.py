"""Recovery: load the newest good snapshot and replay the log after it. Every start does this, after a crash or not.

Replay starts from a snapshot that is not newer than the projection, so that the events that the projection lacks are
produced again. Without a projection it starts from the newest base, or where there is none from the first log entry,
and the projection is built beside and put in its place at the end.

    data folder:  lock  log/  snapshots/  base/  projection.sqlite
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.batch.machine import RULES_VERSION, Applied, Machine
from engine.digest import state_hash
from engine.invariants import problems
from engine.model.commands import Batch
from persistence import base, projection
from persistence.data_lock import DataLock
from persistence.disk import Folder, delete_temporaries
from persistence.frames import NO_HASH
from persistence.log import SEGMENT_BYTES, DerivedFile, Log
from persistence.segments import Entry, LogCorrupt, RulesDiffer, entries, first_header, scan, segment_files
from persistence.segments import read_header as read_segment_header
from persistence.snapshot import (
    Snapshot,
    SnapshotBad,
    derived_files,
    load,
    load_newest,
    read_header,
    sequence_of,
    snapshot_name,
    snapshot_names,
)

LOG: Final = "log"
SNAPSHOTS: Final = "snapshots"

_EVENTS_PER_TRANSACTION: Final = 1 << 16
_PROGRESS_STEP: Final = 1 << 16

Progress = Callable[[int, int], None]
Replayed = Callable[[Machine, NDArray[np.void]], None]
"""Told of each batch that a start replays: the machine as it is after it, and the events of the batch."""
"""Called with the number of replayed log entries and the total."""


class HistoriesDiffer(Exception):
    """Log, snapshots and replay, each valid by itself, contradict each other."""


class RebuildFailed(Exception):
    """The projection could not be rebuilt; it is as it was."""


class Folders(NamedTuple):
    """The parts of a data folder that are read and written as a `Disk`."""

    log: Folder
    snapshots: Folder
    bases: Folder


class Recovered(NamedTuple):
    """A recovered arena."""

    machine: Machine
    log: Log
    lock: DataLock
    snapshots: Folder
    bases: Folder
    projection_path: Path
    is_projected: bool  # the projection is at the log's last sequence; if not, a warning says why
    snapshot: str | None  # that replay started from; None: from the first entry
    snapshot_sequence: int  # its last entry; 0: from the first
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
    replayed_after: int  # sequence of the base that the replay began with; 0: the first entry
    chain: bytes
    state_hash: bytes
    hashes_checked: int  # state hashes in the log that the replay matched
    snapshots_checked: int
    torn_bytes: int  # after the last batch; the next start cuts them off
    warnings: list[str]
    problems: list[str]  # broken invariants of the state


def nobody(machine: Machine, events: NDArray[np.void]) -> None:
    """Is told of what is replayed."""


def recover(
    directory: Path,
    *,
    segment_bytes: int = SEGMENT_BYTES,
    compress_sealed: bool = True,
    fresh_projection: bool = False,
    on_progress: Progress = lambda done, total: None,
    on_replayed: Replayed = nobody,
) -> Recovered:
    """Lock the data folder and recover the arena from it. Blocks while the log is replayed.

    `fresh_projection` builds the projection again, from the newest base or the first entry, and replaces the old one.
    Raises DataFolderInUse, LogCorrupt, LogBehind, LogFailed, RulesDiffer, HistoriesDiffer.
    """
    lock = DataLock(directory)
    try:
        return _recover(directory, lock, segment_bytes, compress_sealed, fresh_projection, on_progress, on_replayed)
    except BaseException:
        lock.release()
        raise


def _recover(
    directory: Path,
    lock: DataLock,
    segment_bytes: int,
    compress_sealed: bool,
    fresh_projection: bool,
    on_progress: Progress,
    on_replayed: Replayed,
) -> Recovered:
    folders = open_folders(directory)
    for folder in (folders.snapshots, folders.bases):
        delete_temporaries(folder)
    refuse_newer_rules(folders)
    first_replayable(folders)
    path = directory / projection.FILE
    building, feed, warnings = _feed_of(path, folders, fresh_projection)
    try:
        log = Log(
            folders.log,
            rules_version=RULES_VERSION,
            segment_bytes=segment_bytes,
            compress_sealed=compress_sealed,
            derived_files=[*derived_files(folders.snapshots), *derived_files(folders.bases), *_witnesses(path, feed)],
            upgraded_at=max(map(sequence_of, of_these_rules(folders.bases)), default=0),
        )
        try:
            if log.torn:
                warnings.append(f"the last batch was torn by a crash: never acknowledged, kept as {log.torn}")
            feed.begin(log.log_id)
            snapshot, skipped = load_newest(
                folders.snapshots, folders.bases, up_to=feed.up_to, rules_version=RULES_VERSION
            )
            machine = Machine(snapshot.state if snapshot else None)
            batches = commands = 0
            begun_at = snapshot.header.sequence if snapshot else 0
            total = log.last_sequence - begun_at
            for entry in _entries_after(log, snapshot):
                events = apply(machine, entry.batch).events
                feed.put(entry.batch, events)
                on_replayed(machine, events)
                batches += 1
                commands += len(entry.batch.records)
                if commands % _PROGRESS_STEP < len(entry.batch.records):
                    on_progress(commands, total)
            feed.flush()
            on_progress(total, total)
        except BaseException:
            log.close()
            raise
    finally:
        feed.close()
    if feed.error is not None:
        warnings.append(f"the projection lags: {feed.error}")
        if building != path:
            projection.delete(building)
    elif building != path:
        projection.replace(path, by=building)
    return Recovered(
        machine=machine,
        log=log,
        lock=lock,
        snapshots=folders.snapshots,
        bases=folders.bases,
        projection_path=path,
        is_projected=feed.error is None,
        snapshot=snapshot.name if snapshot else None,
        snapshot_sequence=begun_at,
        batches_replayed=batches,
        commands_replayed=commands,
        warnings=warnings + skipped,
    )


def _feed_of(path: Path, folders: Folders, fresh: bool) -> tuple[Path, ProjectionFeed, list[str]]:
    """The database to be fed, its feed, and warnings. One that cannot be opened now, because it is locked or the disk
    fails, is not fed: the state does not wait for it."""
    try:
        building, warnings = projection_to_feed(path, folders, fresh)
        return building, ProjectionFeed(projection.connect(building)), warnings
    except (sqlite3.OperationalError, OSError) as error:
        return path, ProjectionFeed(None, error), []


def open_folders(directory: Path, reading: bool = False) -> Folders:
    """The folders of a data folder; made if they are not there, unless they are only read."""
    return Folders(*(Folder(directory / name, create=not reading) for name in (LOG, SNAPSHOTS, base.FOLDER)))


def refuse_newer_rules(folders: Folders) -> None:
    """Raise RulesDiffer for a folder on which a program with newer rules has worked."""
    for file in segment_files(folders.log)[-1:]:
        _refuse_newer(file.name, read_segment_header(folders.log, file).rules_version)
    for folder in (folders.snapshots, folders.bases):
        for name in snapshot_names(folder):
            try:
                version = read_header(folder, name).rules_version
            except SnapshotBad:
                continue  # whoever wants to load it says so
            _refuse_newer(name, version)


def _refuse_newer(name: str, version: int) -> None:
    if version > RULES_VERSION:
        raise RulesDiffer(
            f"{name} was made by a newer program, under rules version {version}; this one has {RULES_VERSION}:"
            " start the newer one"
        )


def projection_to_feed(path: Path, folders: Folders, fresh: bool) -> tuple[Path, list[str]]:
    """The database that the replay feeds: the projection, or a new one beside it where that cannot be used; warnings.

    Raises sqlite3.OperationalError and OSError when it cannot be opened at the moment.
    """
    warnings = []
    if not fresh and path.exists():
        try:
            with closing(projection.connect(path)) as connection:
                if _can_be_fed(folders, projection.position(connection).sequence):
                    return path, []
            warnings = ["the projection is rebuilt: it ends before all that can be replayed"]
        except projection.ProjectionUnreadable as error:
            warnings = [f"the projection is rebuilt: {error}"]
    return new_projection(path, folders), warnings


def _can_be_fed(folders: Folders, sequence: int) -> bool:
    """Is there a state from which the events behind `sequence` can be produced again?"""
    if first_replayable(folders) == 0:
        return True
    begins = segment_files(folders.log)[0].first_sequence
    names = [*of_these_rules(folders.snapshots), *of_these_rules(folders.bases)]
    return any(begins - 1 <= sequence_of(name) <= sequence for name in names)


def of_these_rules(folder: Folder) -> list[str]:
    """The snapshots of this program's rules version, newest first, and those whose header is damaged."""
    names = []
    for name in snapshot_names(folder):
        try:
            if read_header(folder, name).rules_version != RULES_VERSION:
                continue
        except SnapshotBad:
            pass  # whoever wants to load it says so
        names.append(name)
    return names


def new_projection(path: Path, folders: Folders) -> Path:
    """A new database beside `path`, as the newest base has it; where there is no base, none yet."""
    building = path.with_name(f"{path.name}.new")
    projection.delete(building)
    newest = base.newest(folders.bases)
    if newest is not None:
        projection.copy(newest.projection, building)
    return building


def first_replayable(folders: Folders) -> int:
    """The earliest sequence from which this program can replay: 0, or that of the oldest base of its rules.

    Raises RulesDiffer or LogCorrupt when there is none.
    """
    header = first_header(folders.log)
    if header is None or (header.first_sequence, header.rules_version) == (1, RULES_VERSION):
        return 0
    usable = [name for name in of_these_rules(folders.bases) if sequence_of(name) >= header.first_sequence - 1]
    if not usable and header.rules_version == RULES_VERSION:
        raise LogCorrupt(
            segment_files(folders.log)[0].name, 0, 1,
            f"the log begins at sequence {header.first_sequence}, and there is no base before it",
        )  # fmt: skip
    if not usable:
        raise RulesDiffer(
            f"the log begins at sequence {header.first_sequence} under rules version {header.rules_version}, this"
            f" program has {RULES_VERSION}: run `arena upgrade` on the folder"
        )
    return sequence_of(usable[-1])


def _witnesses(path: Path, feed: ProjectionFeed) -> Iterator[DerivedFile]:
    """What projections have seen: the one that is fed, and the old one, if that is another and can be read."""
    if feed.at is not None:
        yield feed.at.derived_file()
    if path.exists():
        with suppress(projection.ProjectionUnreadable, sqlite3.OperationalError):
            yield projection.read_position(path).derived_file()


def rebuild(directory: Path, *, on_progress: Progress = lambda done, total: None) -> int:
    """Rebuild the projection of a stopped arena; returns its sequence. Raises as `recover`, and RebuildFailed."""
    recovered = recover(directory, fresh_projection=True, on_progress=on_progress)
    recovered.close()
    if not recovered.is_projected:
        raise RebuildFailed(f"nothing was changed: {recovered.warnings[0]}")
    return recovered.log.last_sequence


def state_at(directory: Path, sequence: int) -> Machine:
    """The engine as it was after entry `sequence`, or after the last entry if that is earlier. Raises as `verify`.

    For an entry in the middle of a batch, capacities of tables may differ from the original.
    """
    lock = DataLock(directory, reading=True)
    try:
        return state_in(open_folders(directory, reading=True), sequence)
    finally:
        lock.release()


def state_in(folders: Folders, sequence: int) -> Machine:
    """`state_at` in a folder that is locked already."""
    snapshot, _ = load_newest(folders.snapshots, folders.bases, up_to=sequence, rules_version=RULES_VERSION)
    machine = Machine(snapshot.state if snapshot else None)
    start = snapshot.header.sequence + 1 if snapshot else 1
    for entry in entries(folders.log, start, RULES_VERSION):
        batch = entry.batch
        if batch.first_sequence > sequence:
            break
        apply(machine, batch._replace(records=batch.records[: sequence - batch.first_sequence + 1]))
    return machine


def verify(directory: Path, *, on_progress: Progress = lambda done, total: None) -> Verified:
    """Replay the log from the first entry that can be, and compare with its state hashes and with all snapshots.

    What is before an upgrade or before what was pruned is read and its hash chain checked. Writes only the lock file.
    Raises LogCorrupt, RulesDiffer, and HistoriesDiffer at the first sequence where the replay has another state.
    """
    lock = DataLock(directory, reading=True)
    try:
        return _verify(open_folders(directory, reading=True), on_progress)
    finally:
        lock.release()


def _verify(folders: Folders, on_progress: Progress) -> Verified:
    refuse_newer_rules(folders)
    end = scan(folders.log)
    last_sequence = end.last_sequence if end else 0
    start = first_replayable(folders)
    expected, warnings = _snapshot_hashes(folders, after=start)
    hashes_checked = snapshots_checked = 0
    machine = Machine(load(folders.bases, snapshot_name(start)).state if start else None)
    for entry in entries(folders.log, start + 1, RULES_VERSION):
        if entry.state_hash != NO_HASH:
            _compare_state(machine, entry.state_hash, f"the log before sequence {entry.batch.first_sequence}")
            hashes_checked += 1
        apply(machine, entry.batch)
        on_progress(entry.last_sequence, last_sequence)
        for name, chain, hash_ in expected.pop(entry.last_sequence, ()):
            if chain != entry.chain_after:
                raise HistoriesDiffer(f"{name} was made from another log than the one here")
            _compare_state(machine, hash_, name)
            snapshots_checked += 1
    if expected:
        raise HistoriesDiffer(f"no batch of the log ends where {next(iter(expected.values()))[0][0]} was made")
    return Verified(
        batches=end.batches if end else 0,
        last_sequence=last_sequence,
        replayed_after=start,
        chain=end.chain if end else NO_HASH,
        state_hash=state_hash(machine.state),
        hashes_checked=hashes_checked,
        snapshots_checked=snapshots_checked,
        torn_bytes=end.torn_bytes if end else 0,
        warnings=warnings,
        problems=problems(machine.state),
    )


def _snapshot_hashes(folders: Folders, after: int) -> tuple[dict[int, list[tuple[str, bytes, bytes]]], list[str]]:
    """By sequence: name, chain and state hash of every good snapshot there; and warnings about the others.

    The hash is that of the state as this program has it: commands may have new fields since.
    """
    found: dict[int, list[tuple[str, bytes, bytes]]] = {}
    warnings: list[str] = []
    for folder in (folders.snapshots, folders.bases):
        for name in of_these_rules(folder):
            try:
                if sequence_of(name) > after:
                    snapshot = load(folder, name)
                    hashes = name, snapshot.header.chain, state_hash(snapshot.state)
                    found.setdefault(snapshot.header.sequence, []).append(hashes)
            except SnapshotBad as error:
                warnings.append(str(error))
    return found, warnings


def _compare_state(machine: Machine, expected: bytes, who: str) -> None:
    actual = state_hash(machine.state)
    if actual != expected:
        sequence = int(machine.state.book.world["sequence"][0])
        raise HistoriesDiffer(
            f"at sequence {sequence} the replay has state {actual.hex()}, {who} says {expected.hex()}"
        )


def apply(machine: Machine, batch: Batch) -> Applied:
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


class ProjectionFeed:
    """Projects events during replay, from where the projection stopped. A failure of the projection is no failure of
    the replay: then nothing more is projected, and `error` says why."""

    def __init__(self, connection: sqlite3.Connection | None, error: Exception | None = None) -> None:
        self.at = projection.position(connection) if connection is not None else None
        self.error = error
        self._connection = connection
        self._log_id = b""
        self._sequence = self.at.sequence if self.at else 0
        self._batches: list[NDArray[np.void]] = []
        self._waiting = 0

    @property
    def up_to(self) -> int | None:
        """A replay that begins there or before has all events that the projection lacks; None: it lacks none."""
        return self.at.sequence if self.at else None

    @property
    def sequence(self) -> int:
        """The last one that was put."""
        return self._sequence

    def begin(self, log_id: bytes) -> None:
        """What follows is of that log."""
        self._log_id = log_id

    def put(self, batch: Batch, events: NDArray[np.void]) -> None:
        last_sequence = batch.first_sequence + len(batch.records) - 1
        if last_sequence <= self._sequence or self.error is not None:
            return
        self._sequence = last_sequence
        kept = projection.projected_events(events)
        if len(kept):
            self._batches.append(kept)
            self._waiting += len(kept)
        if self._waiting >= _EVENTS_PER_TRANSACTION:
            self.flush()

    def flush(self) -> None:
        if self._connection is not None and self.error is None:
            try:
                projection.store(self._connection, self._log_id, self._sequence, self._batches)
            except sqlite3.DatabaseError as error:
                self.error = error
        self._batches, self._waiting = [], 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
