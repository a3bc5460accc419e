"""Free rows: every table that loses rows keeps them on a free list, and `head` says where it starts.

There is always room: before a batch starts, `has_room` looks whether the tables can take it, and room.py grows them.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.jit.intrinsics import prefetch


@kernel
def take(table, head):
    """A row of `table` for a new thing; the one released last, or else a fresh one. Its old content still stands."""
    row = head.free
    if row != 0:
        head.free = table[row].next_free
        table[row].next_free = 0
        prefetch(table, head.free)
    else:
        row = head.used
        head.used += 1
    head.live += 1
    return row


@kernel
def release(table, head, row):
    """Put `row` on the free list."""
    table[row].next_free = head.free
    head.free = row
    head.live -= 1
