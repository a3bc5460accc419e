"""The timer heap, and the owners of timers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.invariants.rows import holds_of, live_rows, report, rows_up_to
from engine.model.commands import TimeInForce
from engine.model.scale import DAY_NS, NS_PER_S
from engine.model.state import State
from engine.model.tables import (
    AMENDMENTS,
    FIXED_TRADES,
    MATCH_OPEN,
    MATCH_WAITING,
    ORDERS,
    TIMER_AMEND,
    TIMER_CHILDREN,
    TIMER_DAY,
    TIMER_DISCONNECT,
    TIMER_FIXED,
    TIMER_HOLD,
    TIMER_KIND_SHIFT,
    TIMER_MATCH,
    TIMER_ORDER,
    TIMER_OUTAGE,
    TIMER_QUEUE,
    TIMER_REST,
    TIMER_SAMPLE,
    TIMER_WAIT,
    TIMERS,
    WAITING,
    Book,
)

Owned = tuple[int, list[str]]
"""How many timers these owners must have, and problems found."""


def timer_heap_is_ordered(state: State) -> list[str]:
    """The heap is ordered by (due, kind, id), timers know their places in it, and none is overdue."""
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
    found += report((places["due_ns"] != ordered["due_ns"]) | (places["order"] != order), "heap entry {} is wrong")
    return found + [f"timer {key} is overdue" for key in keys if key[0] <= book.world["now_ns"][0]]


def timers_match_their_owners(state: State) -> list[str]:
    """Each owner has its timer, and there is no other timer."""
    owners = (
        _expiring_orders, _expiring_holds, _fixed_trades, _waiting_rows, _held_back_orders, _amendments,
        _trading_days, _match_starts_and_ends,
        _samples, _outages, _players_in_queues, _players_away,
    )  # fmt: skip
    found, expected = [], 0
    for owned in owners:
        timers, problems = owned(state)
        expected += timers
        found += problems
    count = state.book.world["timers"][0]
    return found + ([f"{count} timers, not {expected}"] if count != expected else [])


def _expiring_orders(state: State) -> Owned:
    book = state.book
    rows = live_rows(book, ORDERS)
    has_end = book.orders["expires_at_ns"][rows] != 0
    dated = book.orders["time_in_force"][rows] == TimeInForce.GTD
    found = report(dated != has_end, "order row {}: expiry does not match time in force", rows)
    timed = book.orders["timer"][rows] != 0
    found += report(timed & ~has_end, "order row {} has a timer and no expiry", rows)
    rows = rows[has_end]
    orders = book.orders[rows]
    timers = book.timers[orders["timer"]]
    wrong = (timers["owner"] != rows) | (timers["id"] != orders["id"]) | (timers["kind"] != TIMER_ORDER)
    wrong |= timers["due_ns"] != orders["expires_at_ns"]
    return len(rows), found + report(wrong, "timer of order row {} is wrong", rows)


def _expiring_holds(state: State) -> Owned:
    book = state.book
    holds = holds_of(book)
    has_end = holds["expires_at_ns"] != 0
    found = report((holds["timer"] != 0) & ~has_end, "hold {} has a timer and no expiry", holds["number"])
    holds = holds[has_end]
    timers = book.timers[holds["timer"]]
    wrong = (timers["id"] != holds["number"]) | (timers["kind"] != TIMER_HOLD)
    wrong |= (book.holds["number"][timers["owner"]] != holds["number"]) | (timers["due_ns"] != holds["expires_at_ns"])
    return len(holds), found + report(wrong, "timer of hold {} is wrong", holds["number"])


def _fixed_trades(state: State) -> Owned:
    book = state.book
    rows = live_rows(book, FIXED_TRADES)
    trades = book.fixed_trades[rows]
    timers = book.timers[trades["timer"]]
    wrong = (timers["owner"] != rows) | (timers["id"] != trades["id"]) | (timers["kind"] != TIMER_FIXED)
    wrong |= timers["due_ns"] != trades["expires_at_ns"]
    return len(rows), report(wrong, "timer of fixed-time trade {} is wrong", trades["id"])


def _waiting_rows(state: State) -> Owned:
    """Timers end the speed bump; those of orders also fire when the quote goes stale."""
    book = state.book
    rows = live_rows(book, WAITING)
    rows = rows[book.waiting["timer"][rows] != 0]
    timers = book.timers[book.waiting["timer"][rows]]
    wrong = (timers["owner"] != rows) | (timers["kind"] != TIMER_WAIT)
    wrong |= timers["id"] != book.waiting["sequence"][rows]
    return len(rows), report(wrong, "timer of waiting row {} is wrong", rows)


def _held_back_orders(state: State) -> Owned:
    """Timers end the speed bump of orders that rest."""
    book = state.book
    rows = live_rows(book, ORDERS)
    rows = rows[book.orders["bump_timer"][rows] != 0]
    orders = book.orders[rows]
    timers = book.timers[orders["bump_timer"]]
    wrong = (timers["owner"] != rows) | (timers["id"] != orders["id"]) | (timers["kind"] != TIMER_REST)
    wrong |= timers["due_ns"] > book.world["now_ns"][0] + _speed_bumps(book, orders["seat"])
    found = report(orders["waiting"] != 0, "order {} is held back and waits", orders["id"])
    return len(rows), found + report(wrong, "timer of the speed bump of order row {} is wrong", rows)


def _amendments(state: State) -> Owned:
    """Timers end the speed bump of amendments."""
    book = state.book
    rows = live_rows(book, AMENDMENTS)
    amendments = book.amendments[rows]
    timers = book.timers[amendments["timer"]]
    wrong = (timers["owner"] != rows) | (timers["id"] != amendments["sequence"]) | (timers["kind"] != TIMER_AMEND)
    seats = book.positions["seat"][amendments["position"]]
    wrong |= timers["due_ns"] > book.world["now_ns"][0] + _speed_bumps(book, seats)
    return len(rows), report(wrong, "timer of amendment {} is wrong", rows)


def _speed_bumps(book: Book, seats: NDArray[Any]) -> NDArray[Any]:
    bumps: NDArray[Any] = book.matches["speed_bump_ns"][book.seats["match"][seats]]
    return bumps


def _trading_days(state: State) -> Owned:
    """Day timers of matches with drawdown rules; of a paused one, in which a day has begun, none until it goes on."""
    matches, days = _matches(state), _timers(state, TIMER_DAY)
    drawn = (matches["daily_drawdown"] != 0) | (matches["total_drawdown"] != 0)
    drawn &= matches["status"] == MATCH_OPEN
    drawn &= (matches["paused_since_ns"] == 0) | (matches["day_timer"] != 0)
    off = sorted(days["id"].tolist()) != np.flatnonzero(drawn).tolist()
    of = matches[days["id"]]  # those in UTC are known without a look at the moments of a zone
    late = (days["due_ns"] - of["day_start_s"].astype(np.int64) * NS_PER_S) % DAY_NS
    off = off or bool(late[of["day_zone"] == 0].any())
    return len(days), ["day timers of matches are wrong"] if off else []


def _match_starts_and_ends(state: State) -> Owned:
    """Start and end timers of matches; a paused match has none."""
    matches, timers = _matches(state), _timers(state, TIMER_MATCH)
    is_running = (matches["status"] == MATCH_OPEN) & (matches["paused_since_ns"] == 0)
    begins_ns = np.where(matches["status"] == MATCH_WAITING, matches["starts_at_ns"], 0)
    next_ns = np.where(is_running, matches["ends_at_ns"], begins_ns)
    found = report(timers["due_ns"] != next_ns[timers["id"]], "start or end timer of match {} is wrong",
                   timers["id"])  # fmt: skip
    if sorted(timers["id"].tolist()) != np.flatnonzero(next_ns).tolist():
        found.append("matches with a start or end are not those with a timer")
    return len(timers), found


def _samples(state: State) -> Owned:
    """Equity sample timers of open matches."""
    book, matches, samples = state.book, _matches(state), _timers(state, TIMER_SAMPLE)
    sampled = np.flatnonzero((matches["status"] == MATCH_OPEN) & (matches["practice"] == 0))
    found = []
    for those in (sorted(samples["id"].tolist()), np.flatnonzero(matches["sample_timer"]).tolist()):
        if those != sampled.tolist():
            found.append("matches with a sample timer are not the open matches (practice excluded)")
    timers = book.timers[matches["sample_timer"][sampled]]
    off = (timers["id"] != sampled) | (timers["kind"] != TIMER_SAMPLE)
    found += report(off, "sample timer of match {} is wrong", sampled)
    late = samples["due_ns"] > book.world["now_ns"][0] + matches["sample_ns"][samples["id"]]
    return len(samples), found + report(late, "match {} is sampled later than it should be", samples["id"])


def _outages(state: State) -> Owned:
    """Outage timers of open matches with an outage rule."""
    book, matches = state.book, _matches(state)
    is_running = (matches["status"] == MATCH_OPEN) & (matches["paused_since_ns"] == 0)
    watched = np.flatnonzero(is_running & (matches["outage_ns"] != 0))
    timers = book.timers[matches["outage_timer"][watched]]
    wrong = (timers["owner"] != watched) | (timers["id"] != watched) | (timers["kind"] != TIMER_OUTAGE)
    wrong |= timers["due_ns"] > book.world["now_ns"][0] + matches["outage_ns"][watched] + 1
    found = report(wrong, "outage timer of match {} is wrong", watched)
    if np.count_nonzero(matches["outage_timer"]) != len(watched):
        found.append("a match without an outage rule has an outage timer")
    return len(watched), found


def _players_in_queues(state: State) -> Owned:
    """Timeouts of queued players."""
    book = state.book
    queued = [(game, timer) for game, queue in state.cold.queues.items() for timer in queue.waiting.values() if timer]
    timers = book.timers[[timer for _, timer in queued]]
    wrong = (timers["owner"] != [game for game, _ in queued]) | (timers["kind"] != TIMER_QUEUE)
    off = wrong.any() or len(np.unique(timers["id"])) != len(queued)
    return len(queued), ["timers of queued players are wrong"] if off else []


def _players_away(state: State) -> Owned:
    """Timers of players whose orders are cancelled if they stay away."""
    away = {player: found.timer for player, found in state.cold.disconnects.items() if found.timer}
    timers = state.book.timers[list(away.values())]
    wrong = (timers["owner"] != list(away)) | (timers["kind"] != TIMER_DISCONNECT)
    return len(away), report(wrong, "disconnect timer of player {} is wrong", list(away))


def _matches(state: State) -> NDArray[Any]:
    return rows_up_to(state.book.matches, state.book.world["matches"][0])


def _timers(state: State, kind: int) -> NDArray[Any]:
    timers = state.book.timers[live_rows(state.book, TIMERS)]
    of_kind: NDArray[Any] = timers[timers["kind"] == kind]
    return of_kind
