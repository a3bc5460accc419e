"""Pruning: the log before a base is deleted, for everything that would replay it starts from the base.

Segments are deleted as wholes, the oldest first, and only those whose every entry is in the base. The last one stays.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from engine.batch.machine import RULES_VERSION
from persistence import base
from persistence.data_lock import DataLock
from persistence.disk import Disk
from persistence.log import Appended
from persistence.recovery import open_folders, recover
from persistence.segments import SegmentFile, log_end, segment_files
from persistence.snapshot import CopyBuffers, capture, sequence_of, snapshot_names


class NotPrunable(Exception):
    """The log cannot be pruned as it is; the message says why."""


class Pruned(NamedTuple):
    """What is deleted, or would be."""

    sequence: int  # of the base; what was before it can no longer be replayed
    segments: int
    bytes: int
    applied: bool


def prune(directory: Path, *, apply: bool) -> Pruned:
    """Make a base at the end of a stopped arena's log and delete the segments before it; without `apply`, say which.

    Raises what `recover` and `base.make` raise, and NotPrunable.
    """
    if not apply:
        lock = DataLock(directory, reading=True)
        try:
            log = open_folders(directory, reading=True).log
            last_sequence = log_end(log)
            files = segments_before(segment_files(log), last_sequence)
            return Pruned(last_sequence, len(files), sum(log.size(file.name) for file in files), applied=False)
        finally:
            lock.release()
    arena = recover(directory, compress_sealed=False)
    try:
        if not arena.is_projected:
            raise NotPrunable(f"the history must be whole first: {arena.warnings[0]}")
        end = Appended(arena.log.last_sequence, arena.log.chain)
        captured = capture(arena.machine.state, CopyBuffers(), end, arena.log.log_id)
        base.make(arena.bases, captured, RULES_VERSION, arena.projection_path)
        segments, size = delete_before(arena.log.disk, arena.bases, end.last_sequence)
        return Pruned(end.last_sequence, segments, size, applied=True)
    finally:
        arena.close()


def delete_before(log: Disk, bases: Disk, sequence: int) -> tuple[int, int]:
    """Delete the segments that have nothing behind `sequence`, at which there is a base; how many, and their bytes.

    Snapshots of older bases, behind which the log is gone then, are deleted too.
    """
    size = 0
    files = segments_before(segment_files(log), sequence)
    for file in files:
        for name in (file.name, f"{file.name.removesuffix('.zst')}.zst"):
            if name in log.names():
                size += log.size(name)
                log.unlink(name)
    log.sync_directory()
    for name in snapshot_names(bases):
        if sequence_of(name) < sequence:
            bases.unlink(name)
    return len(files), size


def segments_before(files: list[SegmentFile], sequence: int) -> list[SegmentFile]:
    """Those whose every entry is at or before `sequence`."""
    return [file for file, after in pairwise(files) if after.first_sequence <= sequence + 1]
