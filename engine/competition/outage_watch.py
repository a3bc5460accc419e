"""Outages: has the feed been silent for too long? Asked by one timer for each match that may not go on without it.

The feed is what brings usable quotes, of whatever instrument. A server that was down brought none either: its first
batch fires what came due meanwhile, in order, before its first entry.
"""

from __future__ import annotations

from engine.jit import entry, kernel
from engine.model.tables import TIMER_OUTAGE
from engine.storage.timers import clear_timer, set_timer


@entry
def watch_feed(book, match_id, since_ns):
    """Let it be asked for the match as soon as a silence since then is longer than the match allows."""
    match = book.matches[match_id]
    if match.outage_timer != 0:
        clear_timer(book, match.outage_timer)
    match.outage_timer = set_timer(book, since_ns + match.outage_ns + 1, TIMER_OUTAGE, match_id, match_id)


@kernel
def was_quoted(book, row):
    """Has a quote come since the match's timer was set?"""
    timer = book.timers[row]
    return book.world[0].quoted_at_ns + book.matches[timer.owner].outage_ns >= timer.due_ns
