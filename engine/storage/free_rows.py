"""Free rows: every table that loses rows keeps them on a free list, and `head` says where it starts.

There is always room: before a batch starts, `has_room` looks whether the tables can take it, and room.py grows them.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.jit.intrinsics import prefetch
from engine.ledger.accounts import has_room_for_accounts
from engine.model.tables import (
    BANDS,
    BOUNDS_STEP,
    EXPOSURES,
    FIXED_TRADES,
    HOLDINGS,
    HOLDS,
    OPENED_AT_ONCE,
    ORDERS,
    PAGE_ROWS,
    PAGES,
    POSITIONS,
    REQUESTS,
    ROSTERS,
    SLOTS_PER_TRANSFER,
    TIMERS,
    WAITING,
)


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


@kernel
def has_room(book, commands):
    """Can the tables take a batch of so many hot commands, whatever they are, or a cold one?

    A batch of quotes may also turn every waiting order into a position, and every lane may move its page bounds.
    """
    heads = book.heads
    fills = commands + heads[ORDERS].live
    lanes = 2 * (book.world[0].instruments + 1)
    # A command may take a trigger for an order that rests; each order that is filled, one for its position and one for
    # a band. That of the order is free then, but its page need not be.
    pages = (2 * fills + commands) // PAGE_ROWS + min(fills, lanes) + 1
    bounds = 3 * book.world[0].bounds_used + BOUNDS_STEP * lanes + 2 * pages
    entries = heads[ORDERS].live + heads[POSITIONS].live + commands
    known = book.world[0].transfers_known - book.world[0].transfers_forgotten
    transfers = known + heads[HOLDS].live + 2 * commands + 1  # each command may end a hold, and time ends any
    return (
        commands <= len(book.outcomes)
        and heads[ORDERS].used + commands <= len(book.orders)
        and heads[POSITIONS].used + fills <= len(book.positions)
        and heads[BANDS].used + fills <= len(book.bands)
        and heads[ROSTERS].used + fills <= len(book.rosters)
        and heads[HOLDINGS].used + commands <= len(book.holdings)
        and heads[TIMERS].used + 2 * commands <= len(book.timers)
        and heads[WAITING].used + commands <= len(book.waiting)
        and heads[FIXED_TRADES].used + commands <= len(book.fixed_trades)
        and heads[EXPOSURES].used + commands <= len(book.exposures)
        and heads[REQUESTS].used + commands <= len(book.requests)
        and heads[HOLDS].used + 2 * commands <= len(book.holds)
        and has_room_for_accounts(book, OPENED_AT_ONCE)
        and transfers <= len(book.transfers)
        and heads[PAGES].used + pages <= len(book.pages)
        and bounds <= len(book.bound_low)
        and 2 * entries <= len(book.id_index)
        and 2 * (heads[HOLDINGS].live + commands) <= len(book.holding_index)
        and 2 * (heads[EXPOSURES].live + commands) <= len(book.exposure_index)
        and 2 * (heads[REQUESTS].live + commands) <= len(book.request_index)
        and SLOTS_PER_TRANSFER * transfers <= len(book.transfer_index)
    )
