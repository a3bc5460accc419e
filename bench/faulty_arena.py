"""The command `arena` in a process whose disk, clock and code fail on request, for the soak test.

    python -m bench.faulty_arena FAULTS serve ...

FAULTS is a JSON file that says what fails now; it is looked at ten times a second. Targets are functions, such as
"os:fdatasync" or "gateway.channels.publisher:Publisher.send_boards".
"""

from __future__ import annotations

import errno
import functools
import importlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

LOOK_EVERY_S: Final = 0.1


class Faults(msgspec.Struct, frozen=True):
    """What fails at the moment."""

    fail: dict[str, str] = {}
    """By target: how. The name of an errno, of an error of SQLite, or anything else for a ValueError."""
    slow: dict[str, float] = {}
    """By target: seconds that it takes longer."""
    wall_s: float = 0.0
    """How far the wall clock is ahead of the machine's."""
    free_bytes: int | None = None
    """Of the volume, as far as the arena can see; None: as it is."""


class _FaultyProcess:
    """Watches the file, and wraps what it names."""

    def __init__(self, path: Path) -> None:
        self.faults = Faults()
        self._path = path
        self._text = b""
        self._wrapped: set[str] = set()
        self._time_ns = time.time_ns
        self._statvfs = os.statvfs

    def begin(self) -> None:
        """Before anything of the arena is imported: some of it keeps what it finds in modules."""
        time.time_ns = lambda: self._time_ns() + int(self.faults.wall_s * 1e9)
        os.statvfs = self._find_space  # type: ignore[assignment]
        self.look()
        threading.Thread(target=self._watch, name="faults", daemon=True).start()

    def look(self) -> None:
        text = self._path.read_bytes()
        if text == self._text:
            return
        self.faults, self._text = msgspec.json.decode(text, type=Faults), text
        for target in (*self.faults.fail, *self.faults.slow):
            if target not in self._wrapped:
                self._wrapped.add(target)
                self._wrap(target)

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            self.look()

    def _wrap(self, target: str) -> None:
        module, _, path = target.partition(":")
        *owners, name = path.split(".")
        owner: Any = functools.reduce(getattr, owners, importlib.import_module(module))
        setattr(owner, name, self._faulty(target, getattr(owner, name)))

    def _faulty(self, target: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def faulty(*arguments: Any, **named: Any) -> Any:
            if target in self.faults.slow:
                time.sleep(self.faults.slow[target])
            if target in self.faults.fail:
                raise _error(self.faults.fail[target])
            return function(*arguments, **named)

        return faulty

    def _find_space(self, path: Any) -> os.statvfs_result:
        found = self._statvfs(path)
        if self.faults.free_bytes is None:
            return found
        blocks = self.faults.free_bytes // found.f_frsize
        return os.statvfs_result((*found[:3], blocks, blocks, *found[5:]))


def _error(kind: str) -> Exception:
    if kind.startswith("SQLITE_"):
        error = sqlite3.OperationalError(f"{kind}, for a test")
        error.sqlite_errorcode = getattr(sqlite3, kind)
        error.sqlite_errorname = kind
        return error
    if hasattr(errno, kind):
        return OSError(getattr(errno, kind), f"{kind}, for a test")
    return ValueError(f"{kind}, for a test")


def main() -> None:
    """Entry point."""
    _FaultyProcess(Path(sys.argv[1])).begin()
    sys.argv[:2] = ["arena"]
    importlib.import_module("gateway.cli.main").main()


if __name__ == "__main__":
    main()
