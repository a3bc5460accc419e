"""Waiting for a quote: closes on a stale feed, fixed-time trades for their entry, and under `next` execution whatever
a client causes.

What waits joins its instrument's queue when its speed bump is over, at once where there is none, and the next usable
quote serves the queue in order: within a match that is the order of acceptance. An opening order whose quote does not
come expires when the last one has gone stale; a close waits as long as it takes, an entry as long as its trade runs.
"""

from __future__ import annotations

from engine.jit import kernel, rare_kernel
from engine.model.tables import TIMER_WAIT, WAITING, WAITS_TO_OPEN
from engine.storage.free_rows import release, take
from engine.storage.linked_rows import unlink
from engine.storage.timers import clear_timer, set_timer


@kernel
def wait_for_quote(book, instrument, kind, owner, lots, earliest_fill_at_ns):
    """Let the row of an order, a position or a fixed-time trade wait for the first usable quote from
    `earliest_fill_at_ns` on; returns its row here."""
    row = take(book.waiting, book.heads[WAITING])
    waiting = book.waiting[row]
    waiting.kind = kind
    waiting.owner = owner
    waiting.instrument = instrument
    waiting.queued = 0
    waiting.timer = 0
    waiting.lots = lots
    waiting.sequence = book.progress[0].sequence
    if earliest_fill_at_ns > book.world[0].now_ns:
        waiting.timer = set_timer(book, earliest_fill_at_ns, TIMER_WAIT, waiting.sequence, row)
    else:
        join_queue(book, row)
    return row


@kernel
def join_queue(book, row):
    """The speed bump is over: the next usable quote is the one."""
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
        look_when_stale(book, row)


@kernel
def look_when_stale(book, row):
    """Set the timer of a queued row to the first moment at which the last quote is stale."""
    waiting = book.waiting[row]
    lifetime_ns = book.instruments[waiting.instrument].quote_lifetime_ns
    stale_at_ns = book.quotes[waiting.instrument].at_ns + lifetime_ns + 1
    waiting.timer = set_timer(book, stale_at_ns, TIMER_WAIT, waiting.sequence, row)


@rare_kernel
def stop_waiting(book, row):
    """Take the row out of its queue, or out of its bump."""
    waiting = book.waiting[row]
    quote = book.quotes[waiting.instrument]
    if waiting.queued:
        quote.waiting_first = unlink(book.waiting.next, book.waiting.previous, quote.waiting_first, row)
        if waiting.next == 0:
            quote.waiting_last = waiting.previous
    if waiting.timer != 0:
        clear_timer(book, waiting.timer)
    release(book.waiting, book.heads[WAITING], row)
