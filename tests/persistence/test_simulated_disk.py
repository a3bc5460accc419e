"""A disk in memory that fails and loses power on request, and what it takes to write a log on it.

It knows three kinds of content: what the process sees (the page cache), what is dirty there, and what is on the
platter. A power cut keeps, drops or tears every dirty sector by a coin, and keeps some prefix of the unsynced renames.
A sync that fails drops the dirty marks, as Linux does: the process goes on seeing what the platter never got.
"""

from __future__ import annotations

import errno
import random
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import pytest

from engine.model.commands import COMMAND, Batch
from persistence.disk import Buffer
from persistence.log import Log

SECTOR = 512


class PowerCut(BaseException):
    """No code may catch this but the test that asked for it."""


class File:
    def __init__(self, content: bytes = b"") -> None:
        self.seen = bytearray(content)
        self.platter = bytearray(content)
        self.dirty: set[int] = set()

    def write(self, data: bytes, offset: int) -> None:
        self.stretch(offset + len(data))
        self.seen[offset : offset + len(data)] = data
        self.dirty.update(range(offset // SECTOR, -(-(offset + len(data)) // SECTOR)))

    def stretch(self, length: int) -> None:
        if len(self.seen) < length:
            self.dirty.update(range(len(self.seen) // SECTOR, -(-length // SECTOR)))
            self.seen.extend(bytes(length - len(self.seen)))

    def sync(self) -> None:
        for sector in self.dirty:
            self.reach_platter(sector, SECTOR)
        self.dirty.clear()

    def reach_platter(self, sector: int, count: int) -> None:
        start = sector * SECTOR
        end = min(start + count, len(self.seen))
        self.platter.extend(bytes(max(0, min(start + SECTOR, len(self.seen)) - len(self.platter))))
        self.platter[start:end] = self.seen[start:end]


class SimulatedDisk:
    """`fail_at`: that operation (counted from 1) raises EIO, once. `cut_at`: power goes just before it."""

    def __init__(self, capacity: int = 1 << 40) -> None:
        self.capacity = capacity
        self.files: dict[str, File] = {}
        self.names_on_platter: dict[str, File] = {}
        self.name_changes: list[dict[str, File]] = []
        self.handles: dict[int, File] = {}
        self.operations = 0
        self.trace: list[str] = []
        self.fail_at = self.cut_at = 0

    def names(self) -> list[str]:
        return sorted(self.files)

    def size(self, name: str) -> int:
        return len(self.files[name].seen)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> np.ndarray:
        self._operation(f"read {name}")
        if name not in self.files:
            raise FileNotFoundError(name)
        end = None if length is None else offset + length
        return np.frombuffer(self.files[name].seen[offset:end], np.uint8)

    def open(self, name: str) -> int:
        self._operation(f"open {name}")
        if name not in self.files:
            self._change({**self.files, name: File()})
        handle = max(self.handles, default=2) + 1
        self.handles[handle] = self.files[name]
        return handle

    def close(self, handle: int) -> None:
        del self.handles[handle]

    def allocate(self, handle: int, length: int) -> None:
        self._operation("allocate")
        file = self.handles[handle]
        if max(0, length - len(file.seen)) > self.free_bytes():
            raise OSError(errno.ENOSPC, "no space")
        file.stretch(length)

    def write(self, handle: int, data: Buffer, offset: int) -> None:
        failing = self.operations + 1 == self.fail_at
        if failing:  # what a failed write leaves is anybody's guess
            self.handles[handle].write(bytes(data)[: len(data) // 2], offset)
        self._operation("write")
        self.handles[handle].write(bytes(data), offset)

    def sync(self, handle: int) -> None:
        if self.operations + 1 == self.fail_at:
            self.handles[handle].dirty.clear()
        self._operation("sync")
        self.handles[handle].sync()

    def rename(self, old: str, new: str) -> None:
        self._operation(f"rename {old} {new}")
        names = dict(self.files)
        names[new] = names.pop(old)
        self._change(names)

    def unlink(self, name: str) -> None:
        self._operation(f"unlink {name}")
        if name not in self.files:
            raise FileNotFoundError(errno.ENOENT, f"no file {name}")
        self._change({other: file for other, file in self.files.items() if other != name})

    def sync_directory(self) -> None:
        self._operation("sync_directory")
        self.names_on_platter = self.files
        self.name_changes = []

    def free_bytes(self) -> int:
        return self.capacity - sum(len(file.seen) for file in self.files.values())

    def _change(self, names: dict[str, File]) -> None:
        self.files = names
        self.name_changes.append(names)

    def _operation(self, what: str) -> None:
        self.operations += 1
        self.trace.append(what)
        if self.operations == self.cut_at:
            raise PowerCut
        if self.operations == self.fail_at:
            raise OSError(errno.EIO, f"operation {self.operations} fails")

    def after_power_cut(self, coin: random.Random) -> SimulatedDisk:
        """What the next process finds: the platter, plus whatever of the unsynced things the coin lets through."""
        names = coin.choice([self.names_on_platter, *self.name_changes])
        after = SimulatedDisk(self.capacity)
        for name, file in names.items():
            left = File()
            left.seen, left.platter = file.seen, bytearray(file.platter)
            luck = coin.random()
            for sector in sorted(file.dirty):
                if coin.random() < luck:
                    left.reach_platter(sector, coin.choice([SECTOR, SECTOR, SECTOR, 8 * coin.randrange(64)]))
            after.files[name] = File(bytes(left.platter))
        after.names_on_platter = after.files
        return after


class Inline(Executor):
    """Housekeeping at once, in the caller's thread, so that the order of operations is the same every time."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


SMALL_SEGMENT = 8 * 4096


def open_log(disk: Any, **options: Any) -> Log:
    settings: dict[str, Any] = {"rules_version": 1, "segment_bytes": SMALL_SEGMENT, "background": Inline()}
    return Log(disk, **settings | options)


def make_batch(first_sequence: int, records: int = 3, blobs: bytes = b"") -> Batch:
    """Records of noise, the same for the same sequence."""
    noise = random.Random(first_sequence * 1_000 + records).randbytes(records * COMMAND.itemsize)
    return Batch(first_sequence, 1_000 + first_sequence, np.frombuffer(bytearray(noise), COMMAND), blobs)


def write_batches(log: Log, count: int, records: int = 3) -> list[Batch]:
    """Append `count` batches; those that were acknowledged."""
    acknowledged = []
    for _ in range(count):
        batch = make_batch(log.last_sequence + 1, records)
        log.append(batch)
        acknowledged.append(batch)
    return acknowledged


def content(batches: Any) -> list[tuple[int, int, bytes, bytes]]:
    return [(b.first_sequence, b.at_ns, b.records.tobytes(), b.blobs) for b in batches]


def test_a_power_cut_spares_what_is_synced_and_may_take_what_is_not() -> None:
    disk = SimulatedDisk()
    handle = disk.open("a")
    disk.write(handle, b"x" * 1024, 0)
    disk.sync(handle)
    disk.sync_directory()
    disk.write(handle, b"y" * 1024, 0)
    outcomes = {bytes(disk.after_power_cut(random.Random(seed)).files["a"].seen) for seed in range(40)}
    assert {b"x" * 1024, b"y" * 1024, b"x" * 512 + b"y" * 512, b"y" * 512 + b"x" * 512} <= outcomes


def test_a_failed_sync_shows_what_the_platter_never_got() -> None:
    disk = SimulatedDisk()
    handle = disk.open("a")
    disk.sync_directory()
    disk.write(handle, b"x" * 512, 0)
    disk.fail_at = disk.operations + 1
    with pytest.raises(OSError, match="fails"):
        disk.sync(handle)
    disk.sync(handle)
    assert bytes(disk.files["a"].seen) == b"x" * 512
    assert not disk.after_power_cut(random.Random(1)).files["a"].seen


def test_a_name_that_is_not_synced_may_be_gone() -> None:
    disk = SimulatedDisk()
    disk.close(disk.open("a"))
    assert {tuple(disk.after_power_cut(random.Random(seed)).names()) for seed in range(20)} == {(), ("a",)}
