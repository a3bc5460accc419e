"""Kills, power cuts and failing operations: nothing acknowledged is lost, nothing unacknowledged is claimed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.model.commands import Batch
from persistence.disk import BLOCK
from persistence.log import LogFailed
from persistence.segments import LogCorrupt, entries, segment_files
from tests.persistence.test_simulated_disk import (
    SMALL_SEGMENT,
    PowerCut,
    SimulatedDisk,
    content,
    make_batch,
    open_log,
    write_batches,
)

SEGMENT = "00000001-000000000001.log"


def run(disk: SimulatedDisk, batches: int, **options: Any) -> tuple[list[Batch], BaseException | None]:
    """A process that appends until its end; what it acknowledged, and what ended it early."""
    acknowledged: list[Batch] = []
    try:
        log = open_log(disk, **options)
        for i in range(batches):
            batch = make_batch(log.last_sequence + 1, records=(3, 1, 30, 8)[i % 4])
            log.append(batch)
            acknowledged.append(batch)
    except (LogFailed, PowerCut) as error:
        return acknowledged, error
    return acknowledged, None


def check(disk: SimulatedDisk, acknowledged: list[Batch], **options: Any) -> list[Batch]:
    """The next start finds all that was acknowledged and at most the batch that was in flight, and can go on."""
    disk.fail_at = disk.cut_at = 0
    log = open_log(disk, **options)
    found = list(log.read())
    assert content(found[: len(acknowledged)]) == content(acknowledged)
    assert len(found) <= len(acknowledged) + 1
    found += write_batches(log, 3)
    assert content(open_log(disk, **options).read()) == content(found)
    return found


@pytest.mark.parametrize("cut", range(0, 3 * BLOCK, 512))
def test_a_frame_torn_at_any_sector_is_cut_and_kept_aside(cut: int) -> None:
    disk = SimulatedDisk()
    log = open_log(disk)
    written = write_batches(log, 2)
    log.append(make_batch(7, records=50))
    file = disk.files[SEGMENT]
    torn = bytes(file.seen[3 * BLOCK : 3 * BLOCK + cut])
    file.seen[3 * BLOCK + cut : 6 * BLOCK] = bytes(3 * BLOCK - cut)

    whole = cut >= 128 + 50 * 192  # only padding is missing, and that is zero anyway
    again = open_log(disk)
    assert len(list(again.read())) == (3 if whole else 2)
    assert content(again.read())[:2] == content(written)
    if torn and not whole:
        assert again.torn == f"{SEGMENT}.{3 * BLOCK}.torn"
        assert torn.startswith(bytes(disk.files[again.torn].seen))
        assert not any(disk.files[SEGMENT].seen[3 * BLOCK :])
    check(disk, list(again.read()))


def test_any_failing_operation_ends_the_log_and_loses_nothing() -> None:
    healthy = SimulatedDisk()
    run(healthy, 12)
    for k in range(1, healthy.operations + 1):
        disk = SimulatedDisk()
        disk.fail_at = k
        acknowledged, error = run(disk, 12)
        assert isinstance(error, LogFailed), disk.trace[-1]
        check(disk, acknowledged)


def test_nothing_is_written_after_a_failure() -> None:
    disk = SimulatedDisk()
    log = open_log(disk)
    write_batches(log, 2)
    disk.fail_at = disk.operations + 2
    with pytest.raises(LogFailed):
        log.append(make_batch(7))
    operations = disk.operations
    with pytest.raises(LogFailed):
        log.append(make_batch(7))
    assert disk.operations == operations


def test_power_is_cut_at_any_operation() -> None:
    """Segment changes, the spare, the ballast and compression are all in the trace."""
    healthy = SimulatedDisk()
    run(healthy, 12, compress_sealed=True)
    assert {what.split()[0] for what in healthy.trace} >= {"write", "sync", "rename", "sync_directory", "unlink"}
    for k in range(1, healthy.operations + 1):
        for seed in range(3):
            disk = SimulatedDisk()
            disk.cut_at = k
            acknowledged, error = run(disk, 12, compress_sealed=True)
            assert isinstance(error, PowerCut)
            check(disk.after_power_cut(random.Random(1_000 * k + seed)), acknowledged, compress_sealed=True)


@pytest.mark.parametrize("seed", range(40))
def test_a_life_of_kills_power_cuts_and_failures(seed: int) -> None:
    """Several ends in a row, in repairs and reads too; each start builds on what the one before left."""
    coin = random.Random(seed)
    disk = SimulatedDisk()
    known: list[Batch] = []
    for _ in range(10):
        setattr(disk, coin.choice(("cut_at", "fail_at")), disk.operations + coin.randrange(1, 50))
        try:
            log = open_log(disk)
            found = list(log.read())
            assert content(found[: len(known)]) == content(known)
            assert len(found) <= len(known) + 1
            known = found
            while True:
                batch = make_batch(log.last_sequence + 1, records=coin.choice((1, 8, 30)))
                log.append(batch)
                known.append(batch)
        except (LogFailed, OSError):
            if coin.random() < 0.5:
                disk = disk.after_power_cut(coin)
        except PowerCut:
            disk = disk.after_power_cut(coin)
        disk.handles.clear()
        disk.fail_at = disk.cut_at = 0
    check(disk, known)


def test_a_sync_that_lied_is_made_good_at_the_next_start() -> None:
    """The failed sync leaves the batch in the page cache only; the next process reads it and must put it on disk."""
    disk = SimulatedDisk()
    acknowledged, _ = run(disk, 2)
    log = open_log(disk)
    disk.fail_at = disk.operations + 2
    with pytest.raises(LogFailed):
        log.append(make_batch(log.last_sequence + 1))
    assert disk.trace[-2:] == ["write", "sync"]

    open_log(disk)
    for seed in range(10):
        after = open_log(disk.after_power_cut(random.Random(seed)))
        assert len(list(after.read())) == len(acknowledged) + 1


def test_every_flipped_bit_of_a_header_is_found() -> None:
    disk = SimulatedDisk()
    log = open_log(disk)
    write_batches(log, 3)
    for start in (0, BLOCK):  # the segment's header, and the first frame's
        for bit in range(128 * 8):
            with flipped(disk, SEGMENT, start + bit // 8, bit % 8), pytest.raises(LogCorrupt) as caught:
                open_log(disk)
            assert (caught.value.name, caught.value.offset, caught.value.sequence) == (SEGMENT, start, 1)


def test_random_flips_are_found_and_placed() -> None:
    """In every byte that means something: headers, records, blobs, padding and footers of sealed and open segments."""
    disk = SimulatedDisk()
    log = open_log(disk)
    written = content(write_batches(log, 20, records=25))
    files = segment_files(disk)
    coin = random.Random(4)
    for _ in range(1_500):
        file = coin.choice(files)
        last_frame = 2 * BLOCK if file is files[-1] else 0
        used = BLOCK * 8 if file is not files[-1] else BLOCK + 2 * BLOCK * (20 % 3)
        offset = coin.randrange(used)
        with flipped(disk, file.name, offset, coin.randrange(8)):
            if offset >= used - last_frame:  # cannot be told from a torn write, and is reported as one
                assert content(read_all(disk)) == written[:-1]
                continue
            with pytest.raises(LogCorrupt) as caught:
                read_all(disk)
            assert caught.value.name == file.name
            assert caught.value.offset <= offset


def read_all(disk: SimulatedDisk) -> list[Batch]:
    return [entry.batch for entry in entries(disk)]


def plain(batches: list[Batch]) -> list[tuple[int, int, bytes, bytes]]:
    """Batches, to be compared."""
    return [(batch.first_sequence, batch.at_ns, batch.records.tobytes(), batch.blobs) for batch in batches]


class flipped:
    """One bit the other way round, and back."""

    def __init__(self, disk: SimulatedDisk, name: str, offset: int, bit: int) -> None:
        self.content, self.offset, self.mask = disk.files[name].seen, offset, 1 << bit

    def __enter__(self) -> None:
        self.content[self.offset] ^= self.mask

    def __exit__(self, *_: object) -> None:
        self.content[self.offset] ^= self.mask


def test_a_flip_in_a_compressed_segment_is_found() -> None:
    """Or it changes nothing that is read: a zstd frame has bits, such as its window's size, that need not matter."""
    disk = SimulatedDisk()
    write_batches(open_log(disk, compress_sealed=True), 20)
    name = f"{SEGMENT}.zst"
    whole = plain(read_all(disk))
    coin = random.Random(5)
    harmless = 0
    named = set()
    for _ in range(300):
        with flipped(disk, name, coin.randrange(disk.size(name)), coin.randrange(8)):
            try:
                assert plain(read_all(disk)) == whole
            except LogCorrupt as found:
                named.add(found.name)
            else:
                harmless += 1
    assert named == {name}
    assert harmless <= 3
    assert disk.size(name) < SMALL_SEGMENT
