"""All file operations of the log and the snapshots, in one directory.

Everything that matters for durability goes through `Disk`: tests replace it to fail the k-th operation or to simulate a
power cut.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

Buffer = bytes | bytearray | memoryview

BLOCK: Final = 4096
"""Bytes. Frames, headers and sections are aligned to it, so that no two of them share a disk sector."""


class Disk(Protocol):
    """File operations in one directory. Names are plain file names; every method may raise OSError."""

    def names(self) -> list[str]: ...

    def size(self, name: str) -> int:
        """Size of the file in bytes, including preallocated space."""
        ...

    def read(self, name: str, offset: int = 0, length: int | None = None) -> NDArray[np.uint8]:
        """At most `length` bytes from `offset`, as a writable copy."""
        ...

    def open(self, name: str) -> int:
        """A handle for writing; the file is created if it does not exist."""
        ...

    def close(self, handle: int) -> None: ...

    def allocate(self, handle: int, length: int) -> None:
        """Preallocate the file to at least `length` bytes; new bytes are zero."""
        ...

    def write(self, handle: int, data: Buffer, offset: int) -> None: ...

    def sync(self, handle: int) -> None:
        """Make the file's content and length durable, but not its name."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Atomic; replaces `new`. Durable after sync_directory."""
        ...

    def unlink(self, name: str) -> None: ...

    def sync_directory(self) -> None:
        """Make created, renamed and unlinked names durable."""
        ...

    def free_bytes(self) -> int:
        """Free space on the volume for unprivileged processes."""
        ...


class Folder:
    """A `Disk` in the file system: a directory, for its owner alone."""

    def __init__(self, path: Path, create: bool = True) -> None:
        """Without `create`, what is not there is a folder without files."""
        if create and not path.exists():
            path.mkdir(mode=0o700, parents=True)
            sync_file(path.parent)
        self.path = path

    def names(self) -> list[str]:
        try:
            return sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []

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
        return os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self, handle: int) -> None:
        os.close(handle)

    def allocate(self, handle: int, length: int) -> None:
        os.posix_fallocate(handle, 0, length)

    def write(self, handle: int, data: Buffer, offset: int) -> None:
        count = os.pwrite(handle, data, offset)
        while count < len(data):  # interrupted by a signal, or the disk is full: then the next call raises
            count += os.pwrite(handle, memoryview(data)[count:], offset + count)

    def sync(self, handle: int) -> None:
        os.fdatasync(handle)

    def rename(self, old: str, new: str) -> None:
        os.rename(self.path / old, self.path / new)

    def unlink(self, name: str) -> None:
        os.unlink(self.path / name)

    def sync_directory(self) -> None:
        sync_file(self.path)

    def free_bytes(self) -> int:
        volume = os.statvfs(self.path)
        return volume.f_bavail * volume.f_frsize


def sync_file(path: Path) -> None:
    """Make a file's content durable, or the names in a directory."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def create_file(disk: Disk, name: str, data: list[Buffer], length: int = 0) -> None:
    """Write a file of at least `length` bytes atomically: `name` appears complete and durable, or not at all."""
    write_temporary(disk, name, data, length)
    publish_temporary(disk, name)


def write_temporary(disk: Disk, name: str, data: list[Buffer], length: int = 0) -> str:
    """First half of create_file: write and sync the content under a temporary name, which is returned."""
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
        disk.unlink(temporary)  # on a full disk the partial file takes space that is needed
        raise
    finally:
        disk.close(handle)
    return temporary


def publish_temporary(disk: Disk, name: str) -> None:
    """Second half of create_file: rename the temporary file to `name`."""
    disk.rename(f"{name}.tmp", name)
    disk.sync_directory()


def delete_temporaries(disk: Disk) -> None:
    """Delete temporary files that a crash has left."""
    for name in disk.names():
        if name.endswith(".tmp"):
            disk.unlink(name)
