"""Free rows: every table that loses rows keeps them on a free list, and `head` says where it starts.

There is always room: the machine grows tables between batches by what a batch can take at most.
"""

from __future__ import annotations

from engine.kernels import kernel


@kernel
def take(table, head):
    """A row of `table` for a new thing; the one released last, or else a fresh one. Its old content still stands."""
    row = head.free
    if row != 0:
        head.free = table[row].next_free
        table[row].next_free = 0
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
