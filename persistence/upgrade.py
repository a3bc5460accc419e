"""`arena upgrade`: a data folder of an older rules version is made one of this program's, by a base.

What was logged under other rules cannot be replayed under these. So the older program must have been stopped cleanly:
then its last snapshot and its projection stand where its log ends. The snapshot, migrated, and a copy of the projection
become the base from which this program goes on, in a log segment of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.batch.machine import RULES_VERSION
from engine.invariants import problems
from engine.migration import migrated
from engine.model.state import State, sections
from engine.model.tables import POSITIONS
from persistence import base, projection
from persistence.data_lock import DataLock
from persistence.disk import Folder
from persistence.log import Appended
from persistence.recovery import Folders, of_these_rules, open_folders, refuse_newer_rules
from persistence.segments import Segment, segment_files
from persistence.snapshot import CopyBuffers, Stored, capture, read, sequence_of, snapshot_names

_SUMS = ("id", "debits_posted", "credits_posted", "debits_pending", "credits_pending")


class NotUpgradable(Exception):
    """The folder cannot be upgraded as it is; the message says what to do first."""


class Upgrade(NamedTuple):
    """What was found, and is done when it is applied."""

    from_rules: int
    to_rules: int  # the same: there is nothing to do
    sequence: int  # at which the rules change: the last one of the log
    accounts: int
    players: int
    open_positions: int
    problems: list[str]  # of the migrated state; with any, nothing is done
    applied: bool

    @property
    def is_needed(self) -> bool:
        return self.from_rules != self.to_rules


class _End(NamedTuple):
    """Where the log ends."""

    rules_version: int
    log_id: bytes
    sequence: int
    chain: bytes


def upgrade(directory: Path, *, apply: bool) -> Upgrade:
    """Check whether the folder can be upgraded, and do it if `apply`; without, nothing is written.

    Raises NotUpgradable, DataFolderInUse, RulesDiffer (the folder is of a newer program), LogCorrupt, SnapshotBad,
    sqlite3.OperationalError, OSError.
    """
    lock = DataLock(directory, reading=not apply)
    try:
        folders = open_folders(directory, reading=not apply)
        refuse_newer_rules(folders)
        end = _log_end(folders.log)
        if end is None or end.rules_version == RULES_VERSION or _was_upgraded(folders.bases, end):
            return Upgrade(RULES_VERSION, RULES_VERSION, end.sequence if end else 0, 0, 0, 0, [], applied=False)
        stored = _last_snapshot(folders, end)
        path = directory / projection.FILE
        _check_projection(path, end)
        try:
            state = migrated(stored.tables, stored.cold, stored.header.rules_version, RULES_VERSION)
        except (TypeError, msgspec.MsgspecError) as error:
            raise NotUpgradable(f"{stored.name} cannot be made one of this program: {error}") from error
        found = problems(state) + _changed_accounts(stored.tables, state)
        done = apply and not found
        if done:
            captured = capture(state, CopyBuffers(), Appended(end.sequence, end.chain), end.log_id)
            base.make(base.open_folder(directory), captured, RULES_VERSION, path)
        return Upgrade(
            end.rules_version,
            RULES_VERSION,
            end.sequence,
            int(state.book.world[0]["accounts"]),
            len(state.cold.players),
            int(state.book.heads[POSITIONS]["live"]),
            found,
            done,
        )
    finally:
        lock.release()


def _log_end(log: Folder) -> _End | None:
    """The end of the log; None where nothing was logged yet. Raises NotUpgradable for a torn one."""
    files = segment_files(log)
    if not files:
        return None
    segment = Segment(log, files[-1], is_last=True)
    for _ in segment:
        pass
    header, position = segment.header, segment.position
    if header.rules_version < RULES_VERSION and segment.torn_bytes():
        raise NotUpgradable(f"the log ends in a torn batch: {_stop_it_cleanly(header.rules_version)}")
    if position.next_sequence == 1:
        return None
    return _End(header.rules_version, header.log_id, position.next_sequence - 1, position.chain)


def _was_upgraded(bases: Folder, end: _End) -> bool:
    """Is there a base of these rules at the end of the log? Then it goes on from there at the next start."""
    return any(sequence_of(name) == end.sequence for name in of_these_rules(bases))


def _last_snapshot(folders: Folders, end: _End) -> Stored:
    """The snapshot at the end of the log. Raises NotUpgradable and SnapshotBad."""
    names = snapshot_names(folders.snapshots)
    stored = read(folders.snapshots, names[0]) if names else None
    if stored is None or stored.header.sequence != end.sequence:
        stands = f"stands at sequence {stored.header.sequence}" if stored else "is missing"
        raise NotUpgradable(
            f"the last snapshot {stands} and the log ends at {end.sequence}; what is between cannot be replayed under"
            f" other rules: {_stop_it_cleanly(end.rules_version)}"
        )
    if (stored.header.log_id, stored.header.chain) != (end.log_id, end.chain):
        raise NotUpgradable(f"{stored.name} was made from another log than the one here")
    return stored


def _check_projection(path: Path, end: _End) -> None:
    """Raise NotUpgradable unless the projection has everything until the end of the log."""
    if not path.exists():
        raise NotUpgradable(f"there is no {path.name}: {_stop_it_cleanly(end.rules_version)}")
    try:
        at = projection.read_position(path)
        projection.check_migratable(path)
    except projection.ProjectionUnreadable as error:
        raise NotUpgradable(f"{error}: {_stop_it_cleanly(end.rules_version)}") from error
    if at != (end.log_id, end.sequence):
        raise NotUpgradable(
            f"the projection is at sequence {at.sequence} and the log ends at {end.sequence}:"
            f" {_stop_it_cleanly(end.rules_version)}"
        )


def _stop_it_cleanly(version: int) -> str:
    return f"start the program of rules version {version} on the folder once more and stop it with Ctrl-C, then upgrade"


def _changed_accounts(before: dict[str, NDArray[Any]], state: State) -> list[str]:
    """What must be empty: accounts that have other sums than they had."""
    old, new = (_sums(tables["accounts"]) for tables in (before, sections(state)))
    changed = [id for id in sorted(old.keys() | new.keys()) if old.get(id) != new.get(id)]
    return [f"account {id} has other sums than before" for id in changed]


def _sums(accounts: NDArray[Any]) -> dict[int, tuple[int, ...]]:
    columns = [np.asarray(accounts[name]).tolist() for name in _SUMS]
    return {id: tuple(sums) for id, *sums in zip(*columns, strict=True) if id > 0}
