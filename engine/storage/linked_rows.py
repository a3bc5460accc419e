"""Doubly linked lists of rows: two columns of a table, each row's next and previous one, 0 where there is none.

The first row stands with whatever the list is of, so both functions return which one it is from now on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.jit import kernel


@kernel
def link(next: NDArray[np.int64], previous: NDArray[np.int64], first: int, row: int) -> int:
    """Put the row in front of the list that begins with `first`."""
    next[row] = first
    previous[row] = 0
    if first != 0:
        previous[first] = row
    return row


@kernel
def unlink(next: NDArray[np.int64], previous: NDArray[np.int64], first: int, row: int) -> int:
    """Take the row out of the list that begins with `first`. What it says of its neighbours still stands in it."""
    if next[row] != 0:
        previous[next[row]] = previous[row]
    if previous[row] == 0:
        return next[row]
    next[previous[row]] = next[row]
    return first
