"""The lock on a data folder: one process works on it at a time."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

FILE: Final = "lock"
_NOT_OURS: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


class DataFolderInUse(Exception):
    """Another process has locked the data folder."""


class DataLock:
    """An exclusive lock on a data folder. The operating system releases it when the process ends."""

    def __init__(self, directory: Path, reading: bool = False) -> None:
        """Raises DataFolderInUse, which names the process that holds the lock, and OSError.

        Who only reads may do so in a folder in which nothing can be written, such as a read-only mount: an arena that
        works there is noticed by its lock file if that can be read, and where there is no such file there is no arena.
        """
        self._handle: int | None = None
        is_ours = True
        path = directory / FILE
        try:
            if not reading:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if not reading or error.errno not in _NOT_OURS:
                raise
            is_ours = False
            try:
                self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._handle, 20, 0).decode().strip() or "unknown"
            os.close(self._handle)
            raise DataFolderInUse(f"{directory} is in use by process {pid}") from None
        if is_ours:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Once; the descriptor's number may be another file's afterwards."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)
