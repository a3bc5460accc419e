"""Outages: a paid match is voided or paused when no prices of its instruments arrive for longer than its
game allows.

The end of a paused match is postponed by the length of the silence, and nothing fills in it: every quote counts as
stale (`is_stale` in trading/instruments.py), and a day that begins meanwhile begins when the match goes on. A match
that ends before the silence is too long is not affected.
"""

from __future__ import annotations

import numpy as np

from engine.competition.matches import emit_to_all
from engine.competition.outage_kernels import start_outage_timer
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.capacity import ensure_capacity_for_timers
from engine.storage.emit import Emit
from engine.storage.hash_index import allowed_key, find
from engine.storage.timers import clear_timer
from engine.trading.challenge_rules import schedule_match, start_day
from engine.trading.instruments import count_paused


def void_or_pause_match(state: State, timer: int, emit: Emit) -> None:
    """Serve an outage timer: void its match, or pause it if the game extends matches."""
    book = state.book
    match_id, due_ns = int(book.timers[timer]["owner"]), int(book.timers[timer]["due_ns"])
    match = book.matches[match_id]
    clear_timer(book, timer)
    match["outage_timer"] = 0
    if not match["outage_extends"]:
        match["void"] = Reason.OUTAGE
        schedule_match(book, match_id, due_ns)  # at the time of the outage: before anything that came due since
        return
    ends_at_ns = int(match["ends_at_ns"])
    schedule_match(book, match_id, 0)
    match["ends_at_ns"] = ends_at_ns
    match["paused_since_ns"] = due_ns - int(match["outage_ns"]) - 1
    count_paused(book, match_id, 1)
    emit_to_all(state, match_id, EventKind.MATCH_PAUSED, emit)


def resume_paused_matches(state: State, emit: Emit) -> None:
    """Resume the paused matches that allow the instrument of the current quote, with their ends postponed. Walks all
    matches, once per outage."""
    paused = np.flatnonzero(np.asarray(state.book.matches)["paused_since_ns"]).tolist()
    instrument = int(state.book.progress[0]["instrument"])
    paused = [match_id for match_id in paused if _allows(state, match_id, instrument)]
    ensure_capacity_for_timers(state, 3 * len(paused))
    book = state.book
    now_ns = int(book.world[0]["now_ns"])
    for match_id in paused:
        match = book.matches[match_id]
        ends_at_ns = int(match["ends_at_ns"]) + now_ns - int(match["paused_since_ns"])
        schedule_match(book, match_id, ends_at_ns)
        start_outage_timer(book, match_id, now_ns)
        if not match["day_timer"] and (match["daily_drawdown"] or match["total_drawdown"]):
            start_day(book, match_id)  # it began in the pause
        emit_to_all(state, match_id, EventKind.MATCH_RESUMED, emit, ends_at_ns=ends_at_ns)


def _allows(state: State, match_id: int, instrument: int) -> bool:
    restricted = bool(state.book.matches[match_id]["restricted"])
    return not restricted or bool(find(state.book.allowed_index, allowed_key(match_id, instrument)))
