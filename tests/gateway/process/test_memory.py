from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the maps of the process in /proc")
def test_large_arrays_are_mapped_also_after_a_larger_one_was_freed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "mapped"
