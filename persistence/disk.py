"""One folder, and every file operation that the log and the snapshots do in it.

Durability is decided here and nowhere else: who wants to fail the k-th operation, or to see what is left after a power
cut, puts something with the same methods in the place of `Disk`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Buffer = bytes | bytearray | memoryview

BLOCK: Final = 4096
"""Frames, headers and sections start and end at multiples of this: no two of them share a sector of any disk."""


class Disk(Protocol):
    """What the log and the snapshots need of a folder. Names are plain file names; every method may raise OSError."""

    def names(self) -> list[str]: ...

    def size(self, name: str) -> int:
        """Bytes of the file, preallocated ones included."""
        ...

    def read(self, name: str, offset: int = 0, length: int | None = None) -> NDArray[np.uint8]:
        """The bytes from `offset`, at most `length`, in memory of their own that may be written to."""
        ...

    def open(self, name: str) -> int:
        """A handle for writing; the file is created if it is not there."""
        ...

    def close(self, handle: int) -> None: ...

    def allocate(self, handle: int, length: int) -> None:
        """Make the file at least `length` bytes long, in space that no other file can take. New bytes are zero."""
        ...

    def write(self, handle: int, data: Buffer, offset: int) -> None: ...

    def sync(self, handle: int) -> None:
        """Make what was written to the file durable, and its length; not its name."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Atomic; replaces `new`. Durable after sync_names."""
        ...

    def unlink(self, name: str) -> None: ...

    def sync_names(self) -> None:
        """Make what was created, renamed and unlinked durable."""
        ...

    def free_bytes(self) -> int:
        """Of the volume, for us."""
        ...


class Folder:
    """The real `Disk`: a directory, created if it is not there."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.mkdir(parents=True)
            _sync_directory(path.parent)
        self.path = path

    def names(self) -> list[str]:
        return sorted(os.listdir(self.path))

    def size(self, name: str) -> int:
        return os.stat(self.path / name).st_size

    def read(self, name: str, offset: int = 0, length: int | None = None) -> NDArray[np.uint8]:
        handle = os.open(self.path / name, os.O_RDONLY)
        try:
            left = max(0, os.fstat(handle).st_size - offset)
            data = np.empty(left if length is None else min(left, length), np.uint8)
            done = 0
            while done < len(data):
                count = os.preadv(handle, [data[done:].data], offset + done)
                if not count:
                    raise OSError(f"{name} ends at {offset + done} while it is read")
                done += count
            return data
        finally:
            os.close(handle)

    def open(self, name: str) -> int:
        return os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def close(self, handle: int) -> None:
        os.close(handle)

    def allocate(self, handle: int, length: int) -> None:
        os.posix_fallocate(handle, 0, length)

    def write(self, handle: int, data: Buffer, offset: int) -> None:
        count = os.pwrite(handle, data, offset)
        while count < len(data):  # a signal or a full disk; the latter raises on the next try
            count += os.pwrite(handle, memoryview(data)[count:], offset + count)

    def sync(self, handle: int) -> None:
        os.fdatasync(handle)

    def rename(self, old: str, new: str) -> None:
        os.rename(self.path / old, self.path / new)

    def unlink(self, name: str) -> None:
        os.unlink(self.path / name)

    def sync_names(self) -> None:
        _sync_directory(self.path)

    def free_bytes(self) -> int:
        volume = os.statvfs(self.path)
        return volume.f_bavail * volume.f_frsize


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def create_file(disk: Disk, name: str, data: list[Buffer], length: int = 0) -> None:
    """Write a file of at least `length` bytes that appears under `name` whole and durable, or not at all."""
    write_unnamed(disk, name, data, length)
    name_file(disk, name)


def write_unnamed(disk: Disk, name: str, data: list[Buffer], length: int = 0) -> str:
    """The first half of create_file: the content is durable, under the temporary name that is returned."""
    temporary = f"{name}.tmp"
    handle = disk.open(temporary)
    try:
        if length:
            disk.allocate(handle, length)
        offset = 0
        for part in data:
            if len(part):
                disk.write(handle, part, offset)
            offset += len(part)
        disk.sync(handle)
    except OSError:
        disk.unlink(temporary)  # when the disk is full, half a file is still space that others need
        raise
    finally:
        disk.close(handle)
    return temporary


def name_file(disk: Disk, name: str) -> None:
    """The second half."""
    disk.rename(f"{name}.tmp", name)
    disk.sync_names()


def drop_unfinished(disk: Disk) -> None:
    """Delete what a crash left half made."""
    for name in disk.names():
        if name.endswith(".tmp"):
            disk.unlink(name)
