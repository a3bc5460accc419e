"""Queues for the next usable quote: of closes on a stale feed, entries of fixed-time trades, and under `next` execution
of all orders and closes of clients.

An item joins its instrument's queue after its speed bump, and the next usable quote executes the queue in order: within
a match that is the order of acceptance. An opening order expires when the last quote becomes stale before the next one
comes; a close waits without limit, an entry until its trade expires.
"""

from __future__ import annotations

from engine.jit import kernel, rare_kernel
from engine.model.tables import TIMER_WAIT, WAITING, WAITS_TO_OPEN, Book
from engine.storage.free_rows import release, take
from engine.storage.linked_rows import unlink
from engine.storage.timers import clear_timer, set_timer


@kernel
def wait_for_quote(book: Book, instrument: int, kind: int, owner: int, lots: int, earliest_fill_at_ns: int) -> int:
    """Let an order, a position or a fixed-time trade (row `owner`) wait for the first usable quote from
    `earliest_fill_at_ns` on; returns the row in book.waiting."""
    row = take(book.waiting, book.heads[WAITING])
    waiting = book.waiting[row]
    waiting.kind = kind
    waiting.owner = owner
    waiting.instrument = instrument
    waiting.queued = 0
    waiting.timer = 0
    waiting.lots = lots
    waiting.sequence = book.progress[0].sequence
    book.quotes[instrument].waiting += 1
    if earliest_fill_at_ns > book.world[0].now_ns:
        waiting.timer = set_timer(book, earliest_fill_at_ns, TIMER_WAIT, waiting.sequence, row)
    else:
        enqueue(book, row)
    return row


@kernel
def await_quote(book: Book, instrument: int, from_ns: int) -> None:
    """Prices or stops count from the first quote at `from_ns` or later on, so until then the feed lets every frame
    through, as it does for what waits in a queue."""
    data = book.instruments[instrument]
    data.awaited_ns = max(data.awaited_ns, from_ns)


@kernel
def enqueue(book: Book, row: int) -> None:
    """Append the row to its instrument's queue: its speed bump is over."""
    waiting = book.waiting[row]
    quote = book.quotes[waiting.instrument]
    waiting.queued = 1
    waiting.next = 0
    waiting.previous = quote.waiting_last
    if quote.waiting_last != 0:
        book.waiting[quote.waiting_last].next = row
    else:
        quote.waiting_first = row
    quote.waiting_last = row
    if waiting.kind == WAITS_TO_OPEN:
        set_stale_timer(book, row)


@kernel
def set_stale_timer(book: Book, row: int) -> None:
    """Set the timer of a queued row to the time at which the last quote becomes stale."""
    waiting = book.waiting[row]
    lifetime_ns = book.instruments[waiting.instrument].quote_lifetime_ns
    stale_at_ns = book.quotes[waiting.instrument].at_ns + lifetime_ns + 1
    waiting.timer = set_timer(book, stale_at_ns, TIMER_WAIT, waiting.sequence, row)


@rare_kernel
def stop_waiting(book: Book, row: int) -> None:
    """Remove the row, from its queue or before it has joined it."""
    waiting = book.waiting[row]
    quote = book.quotes[waiting.instrument]
    if waiting.queued:
        quote.waiting_first = unlink(book.waiting.next, book.waiting.previous, quote.waiting_first, row)
        if waiting.next == 0:
            quote.waiting_last = waiting.previous
    if waiting.timer != 0:
        clear_timer(book, waiting.timer)
    quote.waiting -= 1
    release(book.waiting, book.heads[WAITING], row)
