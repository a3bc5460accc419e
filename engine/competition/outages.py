"""Outages: what becomes of a match that costs or pays real money when no prices come for longer than its game allows.

It is called off, or it is paused, and its end moves by exactly as long as the silence lasted. A match that is over
before its silence has been too long ends as if there were none.
"""

from __future__ import annotations

import numpy as np

from engine.competition.matches import tell_all
from engine.competition.outage_watch import watch_feed
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.capacity import make_room_for_timers
from engine.storage.emit import Emit
from engine.storage.timers import clear_timer
from engine.trading.challenge_rules import time_match


def feed_is_out(state: State, timer: int, emit: Emit) -> None:
    """The match to which the timer belongs has had no prices for too long."""
    book = state.book
    match_id, due_ns = int(book.timers[timer]["owner"]), int(book.timers[timer]["due_ns"])
    match = book.matches[match_id]
    clear_timer(book, timer)
    match["outage_timer"] = 0
    if not match["outage_extends"]:
        match["void"] = Reason.OUTAGE
        time_match(book, match_id, due_ns)  # so that nothing that came due since is served before
        return
    ends_at_ns = int(match["ends_at_ns"])
    time_match(book, match_id, 0)
    match["ends_at_ns"] = ends_at_ns
    match["paused_since_ns"] = due_ns - int(match["outage_ns"]) - 1
    book.world[0]["paused"] += 1
    tell_all(state, match_id, EventKind.MATCH_PAUSED, emit)


def feed_is_back(state: State, emit: Emit) -> None:
    """Let all paused matches go on. Walks all matches, once for each outage."""
    paused = np.flatnonzero(np.asarray(state.book.matches)["paused_since_ns"]).tolist()
    make_room_for_timers(state, 2 * len(paused))
    book = state.book
    now_ns = int(book.world[0]["now_ns"])
    for match_id in paused:
        match = book.matches[match_id]
        ends_at_ns = int(match["ends_at_ns"]) + now_ns - int(match["paused_since_ns"])
        time_match(book, match_id, ends_at_ns)
        watch_feed(book, match_id, now_ns)
        tell_all(state, match_id, EventKind.MATCH_RESUMED, emit, ends_at_ns=ends_at_ns)
