"""Free rows: every table that loses rows keeps them on a free list, and `head` says where it starts.

Whoever takes a row does not ask whether there is one: before a batch starts, `has_capacity` looks whether the tables
can take it.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.jit.intrinsics import prefetch
from engine.model.tables import Row, Table


@kernel
def take(table: Table, head: Row) -> int:
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
def has_row(table: Table, head: Row) -> bool:
    """Is there a row for a new thing? For those few that take more than `has_capacity` asks for."""
    return head.free != 0 or head.used < len(table)


@kernel
def release(table: Table, head: Row, row: int) -> None:
    """Put `row` on the free list."""
    table[row].next_free = head.free
    head.free = row
    head.live -= 1
