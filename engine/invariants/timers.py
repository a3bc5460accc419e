"""What waits for a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.invariants.rows import first_rows, holds_of, live_rows, where
from engine.model.commands import TimeInForce
from engine.model.scale import DAY_NS
from engine.model.state import State
from engine.model.tables import (
    FIXED_TRADES,
    MATCH_OPEN,
    MATCH_WAITING,
    ORDERS,
    TIMER_CHILDREN,
    TIMER_DAY,
    TIMER_FIXED,
    TIMER_HOLD,
    TIMER_KIND_SHIFT,
    TIMER_MATCH,
    TIMER_ORDER,
    TIMER_OUTAGE,
    TIMER_QUEUE,
    TIMER_SAMPLE,
    TIMER_WAIT,
    TIMERS,
    WAITING,
)

Owned = tuple[int, list[str]]
"""How many timers these should have, and what is wrong with those they have."""


def timers_are_in_order(state: State) -> list[str]:
    """The heap is ordered by (due, kind, id), knows where its rows are, and nothing in it is overdue."""
    book = state.book
    count = int(book.world["timers"][0])
    heap = book.timer_heap["row"][:count]
    found = []
    if (
        sorted(heap.tolist()) != live_rows(book, TIMERS).tolist()
        or (book.timers["heap"][heap] != np.arange(count)).any()
    ):
        found.append("the heap does not hold the live timers")
    ordered = book.timers[heap]
    keys = list(zip(*(ordered[field].tolist() for field in ("due_ns", "kind", "id")), strict=True))
    found += [f"timer {keys[i]} is before its parent" for i in range(1, count)
              if keys[i] < keys[(i - 1) // TIMER_CHILDREN]]  # fmt: skip
    places = book.timer_heap[:count]
    order = (ordered["kind"].astype(np.int64) << TIMER_KIND_SHIFT) | ordered["id"]
    found += where((places["due_ns"] != ordered["due_ns"]) | (places["order"] != order), "place {} of the heap is off")
    return found + [f"timer {key} is overdue" for key in keys if key[0] <= book.world["now_ns"][0]]


def timers_are_those_of_what_ends_or_waits(state: State) -> list[str]:
    """Each of these has its timer, and there is no other."""
    owners = (
        _orders_that_end, _holds_that_end, _fixed_trades, _what_waits_for_a_quote, _days, _beginnings_and_ends,
        _samples, _silences, _players_in_queues,
    )  # fmt: skip
    found, expected = [], 0
    for owned in owners:
        timers, problems = owned(state)
        expected += timers
        found += problems
    count = state.book.world["timers"][0]
    return found + ([f"{count} timers for {expected} things that end or wait"] if count != expected else [])


def _orders_that_end(state: State) -> Owned:
    book = state.book
    rows = live_rows(book, ORDERS)
    has_end = book.orders["expires_at_ns"][rows] != 0
    dated = book.orders["time_in_force"][rows] == TimeInForce.GTD
    found = where(dated != has_end, "order row {} is good till a date and has none, or has one and is not", rows)
    timed = book.orders["timer"][rows] != 0
    found += where(timed & ~has_end, "order row {} has a timer and no end", rows)
    rows = rows[has_end]
    orders = book.orders[rows]
    timers = book.timers[orders["timer"]]
    wrong = (timers["owner"] != rows) | (timers["id"] != orders["id"]) | (timers["kind"] != TIMER_ORDER)
    wrong |= timers["due_ns"] != orders["expires_at_ns"]
    return len(rows), found + where(wrong, "timer of order row {} is off", rows)


def _holds_that_end(state: State) -> Owned:
    book = state.book
    holds = holds_of(book)
    has_end = holds["expires_at_ns"] != 0
    found = where((holds["timer"] != 0) & ~has_end, "hold {} has a timer and no end", holds["number"])
    holds = holds[has_end]
    timers = book.timers[holds["timer"]]
    wrong = (timers["id"] != holds["number"]) | (timers["kind"] != TIMER_HOLD)
    wrong |= (book.holds["number"][timers["owner"]] != holds["number"]) | (timers["due_ns"] != holds["expires_at_ns"])
    return len(holds), found + where(wrong, "timer of hold {} is off", holds["number"])


def _fixed_trades(state: State) -> Owned:
    book = state.book
    rows = live_rows(book, FIXED_TRADES)
    trades = book.fixed_trades[rows]
    timers = book.timers[trades["timer"]]
    wrong = (timers["owner"] != rows) | (timers["id"] != trades["id"]) | (timers["kind"] != TIMER_FIXED)
    wrong |= timers["due_ns"] != trades["expires_at_ns"]
    return len(rows), where(wrong, "timer of fixed-time trade {} is off", trades["id"])


def _what_waits_for_a_quote(state: State) -> Owned:
    """Until its bump is over; an order also until its last quote is stale."""
    book = state.book
    rows = live_rows(book, WAITING)
    rows = rows[book.waiting["timer"][rows] != 0]
    timers = book.timers[book.waiting["timer"][rows]]
    wrong = (timers["owner"] != rows) | (timers["kind"] != TIMER_WAIT)
    wrong |= timers["id"] != book.waiting["sequence"][rows]
    return len(rows), where(wrong, "timer of what waits in row {} is off", rows)


def _days(state: State) -> Owned:
    """Of matches with drawdown rules."""
    matches, days = _matches(state), _timers(state, TIMER_DAY)
    drawn = (matches["daily_drawdown"] != 0) | (matches["total_drawdown"] != 0)
    drawn &= matches["status"] == MATCH_OPEN
    off = sorted(days["id"].tolist()) != np.flatnonzero(drawn).tolist() or (days["due_ns"] % DAY_NS).any()
    return len(days), ["the days of matches do not begin as they should"] if off else []


def _beginnings_and_ends(state: State) -> Owned:
    """Of matches; one that is paused has no end for now."""
    matches, timers = _matches(state), _timers(state, TIMER_MATCH)
    goes_on = (matches["status"] == MATCH_OPEN) & (matches["paused_since_ns"] == 0)
    begins_ns = np.where(matches["status"] == MATCH_WAITING, matches["starts_at_ns"], 0)
    next_ns = np.where(goes_on, matches["ends_at_ns"], begins_ns)
    found = where(timers["due_ns"] != next_ns[timers["id"]], "match {} begins or ends at another time than it says",
                  timers["id"])  # fmt: skip
    if sorted(timers["id"].tolist()) != np.flatnonzero(next_ns).tolist():
        found.append("the matches that begin or end are not those with a timer")
    return len(timers), found


def _samples(state: State) -> Owned:
    """Of what the seats of matches that end are worth."""
    book, matches, samples = state.book, _matches(state), _timers(state, TIMER_SAMPLE)
    sampled = np.flatnonzero((matches["status"] == MATCH_OPEN) & (matches["practice"] == 0))
    found = []
    for those in (sorted(samples["id"].tolist()), np.flatnonzero(matches["sample_timer"]).tolist()):
        if those != sampled.tolist():
            found.append("the matches that are sampled are not those that are played for a while")
    timers = book.timers[matches["sample_timer"][sampled]]
    off = (timers["id"] != sampled) | (timers["kind"] != TIMER_SAMPLE)
    found += where(off, "timer of the samples of match {} is off", sampled)
    late = samples["due_ns"] > book.world["now_ns"][0] + matches["sample_ns"][samples["id"]]
    return len(samples), found + where(late, "match {} is sampled later than it should be", samples["id"])


def _silences(state: State) -> Owned:
    """Of the feed, after which a match does not go on."""
    book, matches = state.book, _matches(state)
    goes_on = (matches["status"] == MATCH_OPEN) & (matches["paused_since_ns"] == 0)
    watched = np.flatnonzero(goes_on & (matches["outage_ns"] != 0))
    timers = book.timers[matches["outage_timer"][watched]]
    wrong = (timers["owner"] != watched) | (timers["id"] != watched) | (timers["kind"] != TIMER_OUTAGE)
    wrong |= timers["due_ns"] > book.world["now_ns"][0] + matches["outage_ns"][watched] + 1
    found = where(wrong, "nobody asks whether the feed of match {} is out", watched)
    if np.count_nonzero(matches["outage_timer"]) != len(watched):
        found.append("it is asked about the feed of a match that goes on without")
    return len(watched), found


def _players_in_queues(state: State) -> Owned:
    """That have a time limit."""
    book = state.book
    queued = [(game, timer) for game, queue in state.cold.queues.items() for timer in queue.waiting.values() if timer]
    timers = book.timers[[timer for _, timer in queued]]
    wrong = (timers["owner"] != [game for game, _ in queued]) | (timers["kind"] != TIMER_QUEUE)
    off = wrong.any() or len(np.unique(timers["id"])) != len(queued)
    return len(queued), ["timers of those who wait in queues are off"] if off else []


def _matches(state: State) -> NDArray[Any]:
    return first_rows(state.book.matches, state.book.world["matches"][0])


def _timers(state: State, kind: int) -> NDArray[Any]:
    timers = state.book.timers[live_rows(state.book, TIMERS)]
    of_kind: NDArray[Any] = timers[timers["kind"] == kind]
    return of_kind
