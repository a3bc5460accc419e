"""What a command ends with when it cannot do its work, and the exit codes.

0 fine; 1 the check or the run found errors; 2 used wrongly, or something is missing; 74 the log failed.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Final

EXIT_ERRORS: Final = 1
EXIT_USAGE: Final = 2


class Failure(Exception):
    """A command cannot do what it was asked; the message is one line that says what to do about it."""

    def __init__(self, message: str, code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        self.code = code


def complain(text: str) -> None:
    """On standard error. If that is full or gone, the exit code still says it."""
    with contextlib.suppress(OSError):
        print(f"arena: {text}", file=sys.stderr, flush=True)
