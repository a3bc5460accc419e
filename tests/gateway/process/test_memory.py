from __future__ import annotations

import mmap
import subprocess
import sys

import numpy as np
import pytest

from gateway.process.memory import resident_bytes_of

PROGRAM = """
import numpy as np
from gateway.process.memory import map_large_arrays

map_large_arrays()
before = np.ones(16_000_000, np.uint8)
del before
now = np.ones(2_000_000, np.uint8)
at = now.ctypes.data
heap = next(line for line in open("/proc/self/maps") if line.endswith("[heap]\\n"))
start, end = (int(number, 16) for number in heap.split()[0].split("-"))
print("heap" if start <= at < end else "mapped")
"""


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@LINUX
def test_large_arrays_are_mapped_also_after_a_larger_one_was_freed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "mapped"


@LINUX
def test_pages_that_were_never_written_to_take_no_memory() -> None:
    fresh = mmap.mmap(-1, 16_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    array = np.frombuffer(fresh, np.uint8)
    assert not array.any()
    assert resident_bytes_of([array]) < 100_000
    array[:8_000_000] = 1
    assert abs(resident_bytes_of([array]) - 8_000_000) < 2 * 2**21  # pages can be of 2 MB
    assert resident_bytes_of([np.zeros(10, np.uint8)]) == 10
