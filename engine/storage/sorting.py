"""Sorting of keys in place, with scratch of the same length: nothing is allocated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.jit import kernel


@kernel
def sort(keys: NDArray[np.int64], scratch: NDArray[np.int64], count: int) -> None:
    """Sort the first `count` keys, ascending: a merge sort from the bottom up, into `scratch` and back.

    Runs that follow each other already are only copied: keys that come nearly in order cost n log n copies at worst.
    """
    source, target = keys, scratch
    swapped = False
    width = 1
    while width < count:
        for start in range(0, count, 2 * width):
            middle = min(start + width, count)
            end = min(start + 2 * width, count)
            left, right = start, middle
            for k in range(start, end):
                if right >= end or (left < middle and source[left] <= source[right]):
                    target[k] = source[left]
                    left += 1
                else:
                    target[k] = source[right]
                    right += 1
        source, target = target, source
        swapped = not swapped
        width *= 2
    if swapped:
        for k in range(count):
            keys[k] = scratch[k]
