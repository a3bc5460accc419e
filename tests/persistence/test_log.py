"""The log in its ordinary life: what goes in comes out, segments change, and it refuses what it must."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from persistence.disk import BLOCK, Folder
from persistence.frames import decode_batch, decode_frame, encode_batch, frame_length
from persistence.log import BALLAST, SPARE, DerivedFile, LogBehind, LogFailed
from persistence.segments import LogCorrupt, RulesDiffer, compress, entries, scan, segment_files
from tests.persistence.test_simulated_disk import (
    SMALL_SEGMENT,
    File,
    SimulatedDisk,
    content,
    make_batch,
    open_log,
    write_batches,
)


def test_a_frame_holds_its_batch() -> None:
    batch = make_batch(7, records=5, blobs=b"text of a cold command")
    frame, chain = encode_batch(batch, b"i" * 16, 3, b"c" * 16, b"h" * 16)
    data = np.frombuffer(frame, np.uint8)
    decoded = decode_frame(data, 0)
    assert len(frame) == frame_length(5, 22) == BLOCK
    assert decoded is not None
    assert (decoded.batch_number, decoded.state_hash, decoded.chain_after) == (3, b"h" * 16, chain)
    assert content([decode_batch(data, 0, decoded)]) == content([batch])


@pytest.mark.parametrize("records", [1, 20, 21, 200])
def test_what_is_appended_is_read(tmp_path: Path, records: int) -> None:
    log = open_log(Folder(tmp_path / "log"), background=None, segment_bytes=1 << 20)
    written = write_batches(log, 40, records)
    assert content(log.read()) == content(written)
    assert content(log.read(from_sequence=written[7].first_sequence)) == content(written[7:])
    log.close()
    again = open_log(Folder(tmp_path / "log"), background=None, segment_bytes=1 << 20)
    assert again.chain == log.chain
    written += write_batches(again, 5, records)
    assert content(again.read()) == content(written)
    again.close()


def test_a_log_that_is_closed_again_leaves_the_files_of_others_open(tmp_path: Path) -> None:
    log = open_log(Folder(tmp_path / "log"), background=None, segment_bytes=1 << 20)
    log.close()
    with (tmp_path / "other").open("wb") as other:  # has the number of the descriptor that was free
        log.close()
        other.write(b"it is open")


class SlowFolder(Folder):
    """A disk whose syncs wait until they may."""

    may_sync = threading.Event()

    def sync(self, handle: int) -> None:
        assert self.may_sync.wait(10)
        super().sync(handle)


async def test_the_loop_goes_on_while_a_batch_is_synced(tmp_path: Path) -> None:
    disk = SlowFolder(tmp_path / "log")
    disk.may_sync.set()
    log = open_log(disk, background=None, segment_bytes=1 << 20)
    disk.may_sync.clear()
    pending = asyncio.create_task(log.append_async(make_batch(1)))
    await asyncio.sleep(0)
    with pytest.raises(AssertionError, match="one batch in flight"):
        log.append(make_batch(4))
    disk.may_sync.set()
    assert (await pending).last_sequence == 3
    assert (await log.append_async(make_batch(4))).chain == log.chain
    log.close()


def test_a_full_segment_is_sealed_and_the_next_one_goes_on() -> None:
    disk = SimulatedDisk()
    log = open_log(disk)
    written = write_batches(log, 20)
    names = [file.name for file in segment_files(disk)]
    assert names == ["00000001-000000000001.log", "00000002-000000000019.log", "00000003-000000000037.log",
                     "00000004-000000000055.log"]  # fmt: skip
    assert content(log.read()) == content(written)
    assert content(log.read(from_sequence=20)) == content(written[6:])
    end = scan(disk)
    assert end is not None
    assert (end.batches, end.last_sequence, end.chain, end.torn_bytes) == (20, 60, log.chain, 0)


def test_a_batch_larger_than_a_segment_gets_one_of_its_own_size() -> None:
    disk = SimulatedDisk()
    log = open_log(disk)
    written = write_batches(log, 2) + write_batches(log, 1, records=400) + write_batches(log, 2)
    assert content(log.read()) == content(written)
    assert content(open_log(disk).read()) == content(written)
    assert max(disk.size(file.name) for file in segment_files(disk)) == BLOCK + frame_length(400, 0) + BLOCK


def test_sealed_segments_are_compressed_and_read_the_same() -> None:
    disk = SimulatedDisk()
    log = open_log(disk, compress_sealed=True)
    written = write_batches(log, 20)
    assert [file.compressed for file in segment_files(disk)] == [True, True, True, False]
    assert content(log.read()) == content(written)
    assert content(open_log(disk).read(from_sequence=30)) == content(written[9:])


def test_an_original_of_the_time_before_it_was_full_goes_beside_a_good_copy() -> None:
    """As when a backup was taken again and again, and the arena has compressed the segment between."""
    disk = SimulatedDisk()
    log = open_log(disk)
    written = write_batches(log, 20)
    first = segment_files(disk)[0].name
    stale = bytes(disk.files[first].seen[: 2 * BLOCK]) + bytes(SMALL_SEGMENT - 2 * BLOCK)
    open_log(disk, compress_sealed=True)
    disk.files[first] = File(stale)

    log = open_log(disk, compress_sealed=True)
    assert log.compression_problem == ""
    assert first not in disk.names()
    assert content(log.read()) == content(written)


def test_a_copy_that_does_not_read_back_is_never_read_instead_of_the_original() -> None:
    class Lying(SimulatedDisk):
        """A compressed segment is not on it as it was written."""

        lies = True

        def sync(self, handle: int) -> None:
            name = next(name for name, file in self.files.items() if file is self.handles[handle])
            if self.lies and ".zst" in name:
                self.handles[handle].seen[20] ^= 0xFF
            super().sync(handle)

        def rename(self, old: str, new: str) -> None:
            super().rename(old, new)
            assert not (self.lies and new.endswith(".zst"))

    disk = Lying()
    log = open_log(disk, compress_sealed=True)
    written = write_batches(log, 20)
    assert "does not read back" in log.compression_problem
    assert content(log.read()) == content(written)
    disk.lies = False
    log = open_log(disk, compress_sealed=True)
    assert log.compression_problem == ""
    assert [file.compressed for file in segment_files(disk)] == [True, True, True, False]
    assert content(log.read()) == content(written)


def test_a_segment_that_is_pruned_while_it_is_compressed_leaves_no_copy_with_a_gap_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SimulatedDisk()
    written = write_batches(open_log(disk), 20)
    first, second = segment_files(disk)[:2]

    def compress_late(data: NDArray[np.uint8]) -> bytes:
        for file in (first, second):
            if file.name in disk.names():
                disk.unlink(file.name)
        return compress(data)

    monkeypatch.setattr("persistence.log.compress", compress_late)
    log = open_log(disk, compress_sealed=True)
    third, _ = segment_files(disk)
    assert third.number == 3
    assert content(log.read(third.first_sequence)) == content(
        b for b in written if b.first_sequence >= third.first_sequence
    )


def test_a_segment_that_is_compressed_while_the_log_is_read_is_read_all_the_same() -> None:
    disk = SimulatedDisk()
    log = open_log(disk)
    written = write_batches(log, 20)
    reading = log.read()
    found = [next(reading)]
    open_log(disk, compress_sealed=True)
    assert "00000002-000000000019.log" not in disk.names()
    assert content([*found, *reading]) == content(written)


def test_a_file_derived_from_later_entries_is_a_reason_to_refuse() -> None:
    disk = SimulatedDisk()
    log = open_log(disk)
    write_batches(log, 5)
    open_log(disk, derived_files=[DerivedFile("snapshot", 15, log.log_id)])
    with pytest.raises(LogBehind, match="snapshot has seen sequence 16, but the log ends at 15"):
        open_log(disk, derived_files=[DerivedFile("snapshot", 16)])
    with pytest.raises(LogBehind, match="another log"):
        open_log(disk, derived_files=[DerivedFile("snapshot", 3, b"?" * 16)])
    with pytest.raises(LogBehind):
        open_log(SimulatedDisk(), derived_files=[DerivedFile("projection", 1)])


def test_a_torn_tail_that_a_derived_file_contains_is_not_cut() -> None:
    disk = SimulatedDisk()
    write_batches(open_log(disk), 3)
    name = segment_files(disk)[0].name
    disk.files[name].seen[3 * BLOCK + 200] ^= 1
    before = bytes(disk.files[name].seen)
    with pytest.raises(LogBehind):
        open_log(disk, derived_files=[DerivedFile("projection", 9)])
    assert bytes(disk.files[name].seen) == before


def test_other_rules_begin_in_a_segment_of_their_own_where_an_upgrade_says_so() -> None:
    disk = SimulatedDisk()
    write_batches(open_log(disk), 2)
    before = {name: bytes(file.seen) for name, file in disk.files.items()}
    for upgraded_at in (0, 3):
        with pytest.raises(RulesDiffer, match="rules version 1, this program has 2: run `arena upgrade`"):
            open_log(disk, rules_version=2, upgraded_at=upgraded_at)
    assert {name: bytes(file.seen) for name, file in disk.files.items()} == before
    log = open_log(disk, rules_version=2, upgraded_at=6)
    written = write_batches(log, 2)
    assert [file.first_sequence for file in segment_files(disk)] == [1, 7]
    assert content(e.batch for e in entries(disk, 7, rules_version=2)) == content(written)
    with pytest.raises(RulesDiffer, match="rules version 1"):
        list(entries(disk, 1, rules_version=2))
    with pytest.raises(RulesDiffer, match="by a newer program, under rules version 2"):
        open_log(disk, rules_version=1)


def test_a_missing_segment_is_named() -> None:
    disk = SimulatedDisk()
    write_batches(open_log(disk), 20)
    disk.unlink("00000002-000000000019.log")
    with pytest.raises(LogCorrupt, match="segment 2 is missing"):
        open_log(disk)


def test_a_segment_of_another_log_is_refused() -> None:
    disk, other = SimulatedDisk(), SimulatedDisk()
    write_batches(open_log(disk), 20)
    write_batches(open_log(other), 20)
    disk.files["00000002-000000000019.log"] = other.files["00000002-000000000019.log"]
    with pytest.raises(
        LogCorrupt, match=r"00000002-000000000019.log, byte 0, from sequence 19 on: it belongs to another"
    ):
        scan(disk)


def test_what_a_reused_disk_block_held_before_is_not_read() -> None:
    disk, other = SimulatedDisk(), SimulatedDisk()
    written = write_batches(open_log(disk), 2)
    write_batches(open_log(other), 6)
    name = "00000001-000000000001.log"
    older = bytes(disk.files[name].seen[BLOCK : 2 * BLOCK])  # batch 1 of this very log
    disk.files[name].seen[3 * BLOCK : 4 * BLOCK] = older
    disk.files[name].seen[4 * BLOCK : 6 * BLOCK] = other.files[name].seen[4 * BLOCK : 6 * BLOCK]
    assert content(open_log(disk).read()) == content(written)


def test_on_a_full_disk_the_ballast_carries_the_log_on_and_room_comes_back() -> None:
    disk = SimulatedDisk(capacity=6 * SMALL_SEGMENT)
    log = open_log(disk)
    assert {SPARE, BALLAST} <= set(disk.names())
    assert not log.disk_space().is_low

    disk.allocate(disk.open("somebody else's"), 3 * SMALL_SEGMENT)
    assert log.disk_space().is_low
    written = write_batches(log, 6 * 3)  # segment 1, the spare, and the ballast's space
    assert BALLAST not in disk.names()
    disk.unlink("somebody else's")
    assert not log.disk_space().is_low
    written += write_batches(log, 6)
    assert content(log.read()) == content(written)


def test_a_disk_without_any_space_ends_the_log() -> None:
    disk = SimulatedDisk(capacity=2 * SMALL_SEGMENT)
    log = open_log(disk)
    with pytest.raises(LogFailed):
        write_batches(log, 60)
    assert log.last_sequence == 36
    with pytest.raises(LogFailed, match="failed before"):
        log.append(make_batch(37))
