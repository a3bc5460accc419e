"""Log lines on their way to standard error: nobody waits for it, and nothing ends because of it.

A thread writes them, because whoever reads standard error may be slow, or stop. What it cannot take, and what waits
beyond a bound, is lost and counted.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import traceback
from pathlib import Path
from typing import Final

MOST_WAITING: Final = 1_000
"""Lines. A reader that is slower than that loses some."""

LAST_WORDS_S: Final = 1.0
"""How long the process stays at its end for lines that wait."""


class LogLines:
    """A logger as structlog wants it, whose every method takes a line."""

    def __init__(self, descriptor: int, most_waiting: int = MOST_WAITING) -> None:
        self._descriptor = descriptor
        self._waiting: queue.Queue[str] = queue.Queue(most_waiting)
        self._dropped = 0
        self._failed = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def lost(self) -> int:
        """Lines that nobody will read."""
        return self._dropped + self._failed

    def msg(self, message: str) -> None:
        """A line, without its end. Never waits, never raises."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            with self._lock:
                self._dropped += 1
            return
        if self._thread is None:
            self._start()

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg

    def wait(self, seconds: float = LAST_WORDS_S) -> None:
        """Wait until what was logged is written, or lost, but no longer than that."""
        with self._waiting.all_tasks_done:
            self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, seconds)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log lines", daemon=True)
                self._thread.start()
                atexit.register(self.wait)

    def _run(self) -> None:
        while True:
            line = self._waiting.get()
            try:
                _write(self._descriptor, f"{line}\n".encode(errors="replace"))
            except OSError:
                self._failed += 1
            finally:
                self._waiting.task_done()


class StandardHandler(logging.Handler):
    """What libraries log with the standard library goes the same way, one line each."""

    def __init__(self, lines: LogLines) -> None:
        super().__init__(logging.WARNING)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # its arguments do not fit: the library has a fault, and we go on
            message = str(record.msg)
        text = f"{record.levelname.lower()} {record.name}: {message}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({told(record.exc_info[1])})"
        self._lines.msg(text.replace("\n", " "))


def told(error: BaseException) -> str:
    """An exception in one line: what it is, and where it came from. Of a group, the first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    where = f", at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{where}".replace("\n", " ")


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


STDERR: Final = LogLines(2)
"""The process has one standard error."""
