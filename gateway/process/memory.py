"""How the process takes memory, and how it gives it back."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from typing import Final

MAPPED_FROM_BYTES: Final = 262_144
"""Arrays of this size and more, as nearly all tables are after a while, are mapped on their own."""
GC_THRESHOLDS: Final = (50_000, 20, 50)

_M_MMAP_THRESHOLD: Final = -3  # malloc.h of glibc


def map_large_arrays() -> None:
    """Let what a table leaves behind when it grows go back to the system. Before the first table is made.

    By itself glibc maps only what is larger than anything that was ever freed, up to 32 MB, and takes the rest from a
    heap, in which the tables' former places stay as holes. Other C libraries have no such setting, and need none.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_BYTES)


def tune_gc() -> None:
    """Let the garbage collector leave alone what is here to stay, and look at the rest less often.

    Messages are made of Structs that it does not track, and connections leave no circles, so there is little to find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
