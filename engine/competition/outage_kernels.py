"""Compiled part of outages.py: one timer for each match that must not run without prices.

The feed of a match counts as alive when a usable quote of an instrument that the match allows arrives. Time in which
the server was down counts as silence: timers that came due meanwhile fire in its first batch, in order, before the
first entry.
"""

from __future__ import annotations

from engine.jit import entry, kernel
from engine.model.tables import TIMER_OUTAGE, Book
from engine.storage.hash_index import allowed_key, find
from engine.storage.timers import clear_timer, set_timer


@entry
def start_outage_timer(book: Book, match_id: int, since_ns: int) -> None:
    """Set the match's outage timer, due when the feed has been silent since `since_ns` for longer than allowed."""
    match = book.matches[match_id]
    if match.outage_timer != 0:
        clear_timer(book, match.outage_timer)
    match.outage_timer = set_timer(book, since_ns + match.outage_ns + 1, TIMER_OUTAGE, match_id, match_id)


@kernel
def is_feed_alive(book: Book, row: int) -> bool:
    """Whether a quote has arrived since the outage timer in `row` was set."""
    timer = book.timers[row]
    return last_quote_ns(book, timer.owner) + book.matches[timer.owner].outage_ns >= timer.due_ns


@kernel
def last_quote_ns(book: Book, match_id: int) -> int:
    """Stamp of the last usable quote of an instrument that the match allows. A look at each, if it does not allow
    all."""
    if not book.matches[match_id].restricted:
        return book.world[0].quoted_at_ns
    latest = 0
    for instrument in range(1, book.world[0].instruments + 1):
        if find(book.allowed_index, allowed_key(match_id, instrument)) != 0:
            latest = max(latest, book.quotes[instrument].at_ns)
    return latest
