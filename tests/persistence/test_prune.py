"""Pruning: the log before a base goes, and all that is told of what comes after it stays right."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.batch.machine import RULES_VERSION
from engine.digest import state_hash
from persistence import projection
from persistence.disk import Folder
from persistence.log import Log
from persistence.prune import prune, segments_before
from persistence.recovery import Recovered, rebuild, recover, state_at, verify
from persistence.segments import LogCorrupt, SegmentFile, segment_files
from tests.persistence.test_projection import dump
from tests.persistence.test_recovery import SEGMENT_BYTES, play, start


def played(folder: Path, batches: int) -> Recovered:
    """An arena of which so many batches more are logged, with its history."""
    arena = start(folder)
    play(arena, batches)
    arena.close()
    return start(folder)


def names(folder: Path) -> list[str]:
    return [file.name for file in segment_files(Folder(folder / "log"))]


def test_what_is_deleted_is_told_first(tmp_path: Path) -> None:
    played(tmp_path, 100).close()
    before = names(tmp_path)
    assert len(before) > 2
    dry = prune(tmp_path, apply=False)
    assert (dry.segments, dry.applied, names(tmp_path)) == (len(before) - 1, False, before)
    done = prune(tmp_path, apply=True)
    assert done == dry._replace(applied=True)
    assert names(tmp_path) == before[-1:]
    assert prune(tmp_path, apply=False).segments == 0


def test_a_pruned_folder_goes_on_and_its_history_is_rebuilt(tmp_path: Path) -> None:
    arena = played(tmp_path, 100)
    expected = state_hash(arena.machine.state)
    arena.close()
    pruned = prune(tmp_path, apply=True)
    arena = start(tmp_path)
    assert (arena.snapshot_sequence, arena.batches_replayed) == (pruned.sequence, 0)
    assert state_hash(arena.machine.state) == expected
    play(arena, 20)
    end = state_hash(arena.machine.state)
    arena.close()
    start(tmp_path).close()
    history = dump(tmp_path)

    assert rebuild(tmp_path) > pruned.sequence
    assert dump(tmp_path) == history
    verified = verify(tmp_path)
    assert (verified.replayed_after, verified.state_hash, verified.problems) == (pruned.sequence, end, [])
    assert state_hash(state_at(tmp_path, pruned.sequence).state) == expected
    with pytest.raises(LogCorrupt, match="earlier segments are missing"):
        state_at(tmp_path, 5)


def test_pruned_twice_it_goes_on_from_the_second_base(tmp_path: Path) -> None:
    played(tmp_path, 40).close()
    prune(tmp_path, apply=True)
    played(tmp_path, 40).close()
    second = prune(tmp_path, apply=True)
    assert [path.name for path in (tmp_path / "base").glob("snapshot-*")] == [f"snapshot-{second.sequence:012}"]
    assert verify(tmp_path).replayed_after == second.sequence
    start(tmp_path).close()


def test_a_log_that_begins_late_without_a_base_is_refused(tmp_path: Path) -> None:
    played(tmp_path, 100).close()
    (tmp_path / "log" / names(tmp_path)[0]).unlink()
    begins = segment_files(Folder(tmp_path / "log"))[0].first_sequence
    with pytest.raises(LogCorrupt, match=f"the log begins at sequence {begins}, and there is no base before it"):
        start(tmp_path)
    with pytest.raises(LogCorrupt):
        verify(tmp_path)


def test_a_projection_older_than_what_is_left_is_replaced_by_that_of_the_base(tmp_path: Path) -> None:
    played(tmp_path, 30).close()
    older = (tmp_path / projection.FILE).read_bytes()
    played(tmp_path, 30).close()
    prune(tmp_path, apply=True)
    history = dump(tmp_path)
    (tmp_path / projection.FILE).write_bytes(older)
    arena = start(tmp_path)
    assert arena.warnings == ["the projection is rebuilt: it ends before all that can be replayed"]
    arena.close()
    assert dump(tmp_path) == history


def test_only_whole_segments_before_a_sequence_go() -> None:
    files = [SegmentFile(number, first, "") for number, first in enumerate((1, 11, 21), 1)]
    assert [len(segments_before(files, sequence)) for sequence in (0, 9, 10, 19, 20, 99)] == [0, 0, 1, 1, 2, 2]


def test_sealed_segments_are_compressed_and_every_tool_reads_them(tmp_path: Path) -> None:
    arena = played(tmp_path, 100)
    expected = state_hash(arena.machine.state)
    arena.close()
    raw = sum((tmp_path / "log" / name).stat().st_size for name in names(tmp_path))
    recover(tmp_path, segment_bytes=SEGMENT_BYTES, compress_sealed=True).close()
    assert [name.endswith(".zst") for name in names(tmp_path)] == [True] * (len(names(tmp_path)) - 1) + [False]
    assert sum((tmp_path / "log" / name).stat().st_size for name in names(tmp_path)) < raw / 2
    assert verify(tmp_path).state_hash == expected
    assert state_hash(state_at(tmp_path, 10**9).state) == expected
    rebuild(tmp_path)


def test_a_segment_that_cannot_be_compressed_stays_and_that_is_said(tmp_path: Path) -> None:
    played(tmp_path, 100).close()
    damaged = tmp_path / "log" / names(tmp_path)[0]
    content = bytearray(damaged.read_bytes())
    content[2 * 4096 + 300] ^= 1
    damaged.write_bytes(content)
    log = Log(
        Folder(tmp_path / "log"),
        rules_version=RULES_VERSION,
        segment_bytes=SEGMENT_BYTES,
        compress_sealed=True,
        upgraded_at=0,
    )
    log.close()
    assert damaged.name in log.compression_problem
    assert [name.endswith(".zst") for name in names(tmp_path)] == [False, *[True] * (len(names(tmp_path)) - 2), False]


def test_what_a_backup_kept_of_a_segment_before_it_was_full_does_no_harm(tmp_path: Path) -> None:
    arena = played(tmp_path, 100)
    expected = state_hash(arena.machine.state)
    arena.close()
    first = tmp_path / "log" / names(tmp_path)[0]
    before_it_was_full = first.read_bytes()[: 10 * 4096] + bytes(SEGMENT_BYTES - 10 * 4096)
    recover(tmp_path, segment_bytes=SEGMENT_BYTES, compress_sealed=True).close()
    first.write_bytes(before_it_was_full)
    assert verify(tmp_path).state_hash == expected
    opened = recover(tmp_path, segment_bytes=SEGMENT_BYTES, compress_sealed=True)
    assert state_hash(opened.machine.state) == expected
    opened.close()
    assert (opened.log.compression_problem, first.exists()) == ("", False)
    assert verify(tmp_path).state_hash == expected


def test_a_copy_that_a_crash_left_beside_its_original_replaces_it(tmp_path: Path) -> None:
    arena = played(tmp_path, 100)
    expected = state_hash(arena.machine.state)
    arena.close()
    first = tmp_path / "log" / names(tmp_path)[0]
    original = first.read_bytes()
    recover(tmp_path, segment_bytes=SEGMENT_BYTES, compress_sealed=True).close()
    first.write_bytes(original)
    recover(tmp_path, segment_bytes=SEGMENT_BYTES, compress_sealed=True).close()
    assert not first.exists()
    assert verify(tmp_path).state_hash == expected


def test_a_backup_that_ends_with_a_compressed_segment_goes_on_in_the_next_one(tmp_path: Path) -> None:
    played(tmp_path, 100).close()
    recover(tmp_path, segment_bytes=SEGMENT_BYTES, compress_sealed=True).close()
    for path in ((tmp_path / "log" / names(tmp_path)[-1]), *(tmp_path / "snapshots").iterdir()):
        path.unlink()
    projection.delete(tmp_path / projection.FILE)
    before = names(tmp_path)
    assert before[-1].endswith(".zst")
    arena = start(tmp_path)
    play(arena, 3)
    expected = state_hash(arena.machine.state)
    arena.close()
    assert len(names(tmp_path)) == len(before) + 1
    assert verify(tmp_path).state_hash == expected
