"""How the process takes memory, and how it gives it back."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAPPED_FROM_BYTES: Final = 262_144
"""Arrays of this size and more, as nearly all tables are after a while, are mapped on their own."""
GC_THRESHOLDS: Final = (50_000, 20, 50)
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

_M_MMAP_THRESHOLD: Final = -3  # malloc.h of glibc
_OURS: Final = np.uint64(1 << 63 | 1 << 56)
"""Bits of an entry of /proc/self/pagemap: present, and nobody else's, as the page of zeros is (proc_pid_pagemap(5))."""


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


def resident_bytes() -> int:
    """Of the whole process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def resident_bytes_of(arrays: Iterable[NDArray[Any]]) -> int:
    """Of the arrays: a page that was never written to takes no memory, also when it was read. An array of less than a
    page counts in full."""
    total = 0
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        for array in arrays:
            if array.nbytes < PAGE_BYTES:
                total += array.nbytes
                continue
            first, end = array.ctypes.data // PAGE_BYTES, -(-(array.ctypes.data + array.nbytes) // PAGE_BYTES)
            pagemap.seek(8 * first)
            entries = np.frombuffer(pagemap.read(8 * (end - first)), np.uint64)
            total += PAGE_BYTES * int(np.count_nonzero(entries & _OURS == _OURS))
    return total
