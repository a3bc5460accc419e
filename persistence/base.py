"""Bases: a snapshot and a copy of the projection, from which an arena goes on without the log before them.

`arena upgrade` makes one when the rules change, and pruning makes one before it deletes old segments. Everything that
would replay the log from its first entry starts from a base then: its snapshot is the state, and its projection has
all history until there. The two newest snapshots are kept, for the log between them, and the newest projection.

    base/  snapshot-000000001234  projection-000000001234.sqlite

The projection is complete before the snapshot is renamed, so a base whose snapshot is there is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from persistence import projection
from persistence.disk import Folder, delete_temporaries, publish_temporary
from persistence.snapshot import CapturedState, sequence_of, snapshot_names, write

FOLDER: Final = "base"
KEEP_SNAPSHOTS: Final = 2

_SUFFIX: Final = ".sqlite"


class Base(NamedTuple):
    """The newest base. Its projection has everything up to `sequence`, or more."""

    sequence: int
    projection: Path


def open_folder(directory: Path) -> Folder:
    """The folder of the bases of a data folder, made if it is not there, without what a crash has left."""
    folder = Folder(directory / FOLDER)
    delete_temporaries(folder)
    return folder


def newest(folder: Folder) -> Base | None:
    """The newest base, or None."""
    names = snapshot_names(folder)
    if not names:
        return None
    sequence = sequence_of(names[0])
    return Base(sequence, folder.path / _projection_name(sequence))


def make(
    folder: Folder,
    captured: CapturedState,
    rules_version: int,
    projection_path: Path,
    is_canceled: Callable[[], bool] = lambda: False,
) -> Base:
    """Make a base of a captured state and of a projection that has reached it. Slow: not for the engine's thread.

    Raises OSError, SnapshotBad, ProjectionUnreadable and sqlite3.OperationalError; then there is no new base.
    """
    unpublished = write(folder, captured, rules_version)
    name = _projection_name(captured.sequence)
    temporary = folder.path / f"{name}.tmp"
    projection.copy(projection_path, temporary, is_canceled)
    copied = projection.read_position(temporary)
    assert copied.log_id == captured.log_id
    assert copied.sequence >= captured.sequence, "the copy lacks what the snapshot has"
    publish_temporary(folder, name)
    publish_temporary(folder, unpublished.name)
    _delete_older(folder)
    return Base(captured.sequence, folder.path / name)


def _delete_older(folder: Folder) -> None:
    for name in snapshot_names(folder)[KEEP_SNAPSHOTS:]:
        folder.unlink(name)
    kept = newest(folder)
    for name in folder.names():
        if name.endswith(_SUFFIX) and (kept is None or name != kept.projection.name):
            folder.unlink(name)


def _projection_name(sequence: int) -> str:
    return f"projection-{sequence:012}{_SUFFIX}"
