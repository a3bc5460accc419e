"""Room for what comes next: tables grow here, by doubling, before a batch or within a cold command, and never inside a
kernel.

How much a batch can take at most is said once more, as a question, in kernels/rows.py: `has_room`.
"""

from __future__ import annotations

import numpy as np

from engine.jit import kernel
from engine.jit.plain import for_kernels
from engine.model.bounds import HOURS_PER_INSTRUMENT
from engine.model.state import State
from engine.model.tables import (
    BANDS,
    BOUNDS_STEP,
    BRACKETS_PER_INSTRUMENT,
    EXPOSURES,
    FIXED_TRADES,
    HOLDINGS,
    HOLDS,
    INTERVALS_S,
    OPENED_AT_ONCE,
    ORDER_RATES,
    ORDERS,
    PAGE_ROWS,
    PAGES,
    POSITION_LISTS,
    POSITIONS,
    REQUESTS,
    SEATS,
    SLOTS_PER_TRANSFER,
    TIMERS,
    WAITING,
    grown,
    make_array,
)
from engine.storage import compact_index as compact
from engine.storage import hash_index as index
from engine.storage.account_rows import give_rows, has_room_for_accounts

_BY_TRIGGER_ROW = ("triggers", "mark_lots", "mark_cost", "profit", "fired", "fired_scratch")


def make_room(state: State, commands: int) -> None:
    """Let the tables have room for a batch of so many hot commands, or a cold one. Rows of accounts change."""
    book = state.book
    heads = book.heads
    orders = int(heads[ORDERS]["live"])
    fills = commands + orders
    buckets = 2 * (int(book.world[0]["instruments"]) + 1)
    # A command may take a trigger for an order that rests; each order that is filled, one for its position and one for
    # a band. That of the order is free then, but its page need not be.
    pages = (2 * fills + commands) // PAGE_ROWS + min(fills, buckets) + 1
    known = int(book.world[0]["transfers_known"]) - int(book.world[0]["transfers_forgotten"])
    transfers = known + int(heads[HOLDS]["live"]) + 2 * commands + 1  # each command may end a hold, and time ends any

    _fit(state, ("outcomes",), commands)
    _fit(state, ("orders",), int(heads[ORDERS]["used"]) + commands)
    _fit(state, ("positions",), int(heads[POSITIONS]["used"]) + fills)
    _fit(state, ("bands",), int(heads[BANDS]["used"]) + fills)
    _fit(state, ("position_lists",), int(heads[POSITION_LISTS]["used"]) + fills)
    _fit(state, ("holdings",), int(heads[HOLDINGS]["used"]) + commands)
    _fit(state, ("timers", "timer_heap"), int(heads[TIMERS]["used"]) + 2 * commands)
    _fit(state, ("waiting",), int(heads[WAITING]["used"]) + commands)
    _fit(state, ("fixed_trades",), int(heads[FIXED_TRADES]["used"]) + commands)
    _fit(state, ("exposures",), int(heads[EXPOSURES]["used"]) + commands)
    _fit(state, ("requests",), int(heads[REQUESTS]["used"]) + commands)
    _fit(state, ("holds",), int(heads[HOLDS]["used"]) + 2 * commands)  # a fixed-time trade has two
    make_room_for_accounts(state, OPENED_AT_ONCE)
    _fit_ring(state, transfers)
    _fit(state, ("pages",), int(heads[PAGES]["used"]) + pages)
    _fit(state, _BY_TRIGGER_ROW, len(state.book.pages) * PAGE_ROWS)
    # Every bucket may move to an extent of twice its room.
    bounds = 3 * int(book.world[0]["bounds_used"]) + BOUNDS_STEP * buckets + 2 * pages
    _fit(state, ("bound_low", "bound_high", "bound_page"), bounds)
    _fit_index(state, "id_index", int(heads[ORDERS]["live"]) + int(heads[POSITIONS]["live"]) + commands)
    _fit_index(state, "holding_index", int(heads[HOLDINGS]["live"]) + commands)
    _fit_index(state, "exposure_index", int(heads[EXPOSURES]["live"]) + commands)
    _fit_index(state, "request_index", int(heads[REQUESTS]["live"]) + commands)
    _fit_index(state, "transfer_index", transfers, SLOTS_PER_TRANSFER)


def make_room_for_seats(state: State, seats: int) -> None:
    """Let there be room for so many more seats, one of them a new player's."""
    _fit(state, ("seats", "due_seats", "due_seats_scratch"), int(state.book.heads[SEATS]["used"]) + seats)
    _fit(state, ("order_rates",), int(state.book.heads[ORDER_RATES]["used"]) + seats)
    _fit(state, ("players", "careers"), int(state.book.world[0]["players"]) + 2)
    _fit_index(state, "seat_index", int(state.book.heads[SEATS]["live"]) + seats)


def make_room_for_accounts(state: State, accounts: int) -> None:
    """Let there be room for so many more accounts: whoever has the row of one must find it anew."""
    table, live = np.asarray(state.book.accounts), int(state.book.world[0]["accounts"])
    length = len(table)
    if length >= 2 * (live + accounts):
        return
    while length < 2 * (live + accounts):
        length *= 2
    larger = make_array("accounts", length)
    opened = table[table["id"] > 0]
    rows = for_kernels(np.empty(len(opened), np.int64))
    give_rows(larger, for_kernels(opened["id"].copy()), rows)
    np.asarray(larger)[rows] = opened
    state.book = state.book.with_arrays(accounts=larger)


def make_room_for_hold(state: State) -> None:
    """Let there be room for one more hold that has no id."""
    _fit(state, ("holds",), int(state.book.heads[HOLDS]["used"]) + 1)


def make_room_for_instrument(state: State) -> None:
    """Let there be room for one more instrument."""
    rows = int(state.book.world[0]["instruments"]) + 2
    _fit(state, ("instruments", "quotes"), rows)
    _fit(state, ("buckets",), 2 * rows)
    _fit(state, ("brackets",), BRACKETS_PER_INSTRUMENT * rows)
    _fit(state, ("hours",), HOURS_PER_INSTRUMENT * rows)
    _fit(state, ("candles",), len(INTERVALS_S) * rows)


def make_room_for_match(state: State, allowed: int) -> None:
    """Let there be room for one more match, of so many instruments if not all."""
    if allowed:  # to count the entries is to look at all of them, and matches come and begin without any, too
        entries = int(np.count_nonzero(np.asarray(state.book.allowed_index)["row"]))
        _fit_index(state, "allowed_index", entries + allowed)
    make_room_for_timers(state, 4)
    _fit(state, ("matches",), int(state.book.world[0]["matches"]) + 2)


def make_room_for_timers(state: State, timers: int) -> None:
    """Let there be room for so many more timers."""
    _fit(state, ("timers", "timer_heap"), int(state.book.heads[TIMERS]["used"]) + timers)


def _fit(state: State, names: tuple[str, ...], rows: int) -> None:
    """Let the tables `names`, which are of one length, have at least `rows` rows."""
    length = len(getattr(state.book, names[0]))
    if length >= rows:
        return
    while length < rows:
        length *= 2
    state.book = state.book.with_arrays(**{name: grown(getattr(state.book, name), name, length) for name in names})


def _fit_ring(state: State, transfers: int) -> None:
    """Let there be room for so many known transfers."""
    ring, world = np.asarray(state.book.transfers), state.book.world[0]
    length = len(ring)
    if length >= transfers:
        return
    while length < transfers:
        length *= 2
    larger = make_array("transfers", length)
    numbers = np.arange(int(world["transfers_forgotten"]) + 1, int(world["transfers_known"]) + 1)
    np.asarray(larger)[numbers & (length - 1)] = ring[numbers & (len(ring) - 1)]
    state.book = state.book.with_arrays(transfers=larger)


def _fit_index(state: State, name: str, entries: int, slots_per_entry: int = 2) -> None:
    """Let the index have so many slots for each of its entries."""
    slots = getattr(state.book, name)
    length = len(slots)
    if length >= slots_per_entry * entries:
        return
    while length < slots_per_entry * entries:
        length *= 2
    larger = make_array(name, length)
    if slots.dtype.names:
        index.rehash(slots, larger)
    else:
        compact.rehash(slots, larger)
    state.book = state.book.with_arrays(**{name: larger})


@kernel
def has_room(book, commands):
    """Can the tables take a batch of so many hot commands, whatever they are, or a cold one?

    A batch of quotes may also turn every waiting order into a position, and every bucket may move its page bounds.
    """
    heads = book.heads
    fills = commands + heads[ORDERS].live
    buckets = 2 * (book.world[0].instruments + 1)
    # A command may take a trigger for an order that rests; each order that is filled, one for its position and one for
    # a band. That of the order is free then, but its page need not be.
    pages = (2 * fills + commands) // PAGE_ROWS + min(fills, buckets) + 1
    bounds = 3 * book.world[0].bounds_used + BOUNDS_STEP * buckets + 2 * pages
    entries = heads[ORDERS].live + heads[POSITIONS].live + commands
    known = book.world[0].transfers_known - book.world[0].transfers_forgotten
    transfers = known + heads[HOLDS].live + 2 * commands + 1  # each command may end a hold, and time ends any
    return (
        commands <= len(book.outcomes)
        and heads[ORDERS].used + commands <= len(book.orders)
        and heads[POSITIONS].used + fills <= len(book.positions)
        and heads[BANDS].used + fills <= len(book.bands)
        and heads[POSITION_LISTS].used + fills <= len(book.position_lists)
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
