"""Capacity: how long the tables must be for what comes next, and how they grow to that length.

Kernels take rows without asking whether there are any, so all that a batch can take is there before it starts. One
formula, `needed_lengths`, says how much that is: kernels compare it with what there is, and Python lets the tables grow
to it. They grow by doubling, before a batch or within a cold command, and never inside a kernel. What else a cold
command takes, its handler asks for with one of the `ensure_capacity_for_...`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.jit import entry, kernel
from engine.jit.plain import for_kernels
from engine.model.bounds import HOURS_PER_INSTRUMENT, MOMENTS_PER_ZONE
from engine.model.state import State
from engine.model.tables import (
    AMENDMENTS,
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
    Book,
    grown,
    make_array,
)
from engine.storage import compact_index as compact
from engine.storage import hash_index as index
from engine.storage.account_rows import ROWS_PER_ACCOUNT, give_rows, length_for_accounts

SLOTS_PER_ENTRY: Final = 2
"""Of an index: it is never more than half full."""


class Lengths(NamedTuple):
    """Lengths of tables, by their names in the Book."""

    outcomes: int
    orders: int
    positions: int
    amendments: int
    bands: int
    position_lists: int
    holdings: int
    timers: int
    waiting: int
    fixed_trades: int
    exposures: int
    requests: int
    holds: int
    accounts: int
    transfers: int
    pages: int
    bound_low: int
    id_index: int
    holding_index: int
    exposure_index: int
    request_index: int
    transfer_index: int


@entry
def needed_lengths(book: Book, count: int) -> Lengths:
    """The lengths at which the tables take a batch of so many hot commands, whatever they are, or a cold one.

    Rows that are free count as used. Besides what its commands take, any order that is live may be filled by a quote of
    the batch, and any hold may end.
    """
    world = book.world[0]
    heads = book.heads
    fills = count + heads[ORDERS].live
    # A fill takes a trigger for its position and one for its band. What its order had is free then, but the page of
    # that need not be: so each command may take one more, for an order that rests. They fill pages, but for the last
    # one of each bucket.
    buckets = 2 * (world.instruments + 1)
    pages = (2 * fills + count) // PAGE_ROWS + min(fills, buckets) + 1
    # A command may be a transfer itself and end a hold that came before it, and time may end any hold. The last one is
    # for the number that is skipped.
    known = world.transfers_known - world.transfers_forgotten
    transfers = known + heads[HOLDS].live + 2 * count + 1
    return Lengths(
        outcomes=count,
        orders=heads[ORDERS].used + count,
        positions=heads[POSITIONS].used + fills,
        amendments=heads[AMENDMENTS].used + count,
        bands=heads[BANDS].used + fills,
        position_lists=heads[POSITION_LISTS].used + fills,
        holdings=heads[HOLDINGS].used + count,
        timers=heads[TIMERS].used + 2 * count,  # an order's expiry, and the end of its bump or waiting
        waiting=heads[WAITING].used + count,
        fixed_trades=heads[FIXED_TRADES].used + count,
        exposures=heads[EXPOSURES].used + count,
        requests=heads[REQUESTS].used + count,
        holds=heads[HOLDS].used + 2 * count,  # of a fixed-time trade the stake and the payout
        accounts=length_for_accounts(book, OPENED_AT_ONCE),
        transfers=transfers,
        pages=heads[PAGES].used + pages,
        # Every bucket may move its bounds to an extent of twice its length.
        bound_low=3 * world.bounds_used + BOUNDS_STEP * buckets + 2 * pages,
        id_index=SLOTS_PER_ENTRY * (heads[ORDERS].live + heads[POSITIONS].live + count),
        holding_index=SLOTS_PER_ENTRY * (heads[HOLDINGS].live + count),
        exposure_index=SLOTS_PER_ENTRY * (heads[EXPOSURES].live + count),
        request_index=SLOTS_PER_ENTRY * (heads[REQUESTS].live + count),
        transfer_index=SLOTS_PER_TRANSFER * transfers,
    )


@kernel
def has_capacity(book: Book, count: int) -> bool:
    """Can the tables take a batch of so many hot commands, or a cold one?"""
    needed = needed_lengths(book, count)
    return (
        len(book.outcomes) >= needed.outcomes
        and len(book.orders) >= needed.orders
        and len(book.positions) >= needed.positions
        and len(book.amendments) >= needed.amendments
        and len(book.bands) >= needed.bands
        and len(book.position_lists) >= needed.position_lists
        and len(book.holdings) >= needed.holdings
        and len(book.timers) >= needed.timers
        and len(book.waiting) >= needed.waiting
        and len(book.fixed_trades) >= needed.fixed_trades
        and len(book.exposures) >= needed.exposures
        and len(book.requests) >= needed.requests
        and len(book.holds) >= needed.holds
        and len(book.accounts) >= needed.accounts
        and len(book.transfers) >= needed.transfers
        and len(book.pages) >= needed.pages
        and len(book.bound_low) >= needed.bound_low
        and len(book.id_index) >= needed.id_index
        and len(book.holding_index) >= needed.holding_index
        and len(book.exposure_index) >= needed.exposure_index
        and len(book.request_index) >= needed.request_index
        and len(book.transfer_index) >= needed.transfer_index
    )


def ensure_capacity(state: State, count: int) -> None:
    """Let `has_capacity` be true. Rows of accounts change."""
    needed = needed_lengths(state.book, count)
    for name, length in zip(Lengths._fields, needed, strict=True):
        _ensure_length(state, name, length)


def ensure_capacity_for_seats(state: State, seats: int) -> None:
    """Let there be room for so many more seats, one of them a new player's."""
    heads = state.book.heads
    _ensure_length(state, "seats", int(heads[SEATS]["used"]) + seats)
    _ensure_length(state, "order_rates", int(heads[ORDER_RATES]["used"]) + seats)
    _ensure_length(state, "players", int(state.book.world[0]["players"]) + 2)
    _ensure_length(state, "seat_index", SLOTS_PER_ENTRY * (int(heads[SEATS]["live"]) + seats))


def ensure_capacity_for_accounts(state: State, accounts: int) -> None:
    """Let there be room for so many more accounts: whoever has the row of one must find it anew."""
    _ensure_length(state, "accounts", ROWS_PER_ACCOUNT * (int(state.book.world[0]["accounts"]) + accounts))


def ensure_capacity_for_hold(state: State) -> None:
    """Let there be room for one more hold that has no id."""
    _ensure_length(state, "holds", int(state.book.heads[HOLDS]["used"]) + 1)


def ensure_capacity_for_instrument(state: State) -> None:
    """Let there be room for one more instrument."""
    _ensure_length(state, "instruments", int(state.book.world[0]["instruments"]) + 2)


def ensure_capacity_for_zone(state: State) -> None:
    """Let there be a row for each time zone that there is."""
    _ensure_length(state, "zones", len(state.cold.zones) + 1)


def ensure_capacity_for_match(state: State, allowed: int) -> None:
    """Let there be room for one more match, of so many instruments if not all."""
    if allowed:  # to count the entries is to look at all of them, and matches come and begin without any, too
        entries = int(np.count_nonzero(np.asarray(state.book.allowed_index)["row"]))
        _ensure_length(state, "allowed_index", SLOTS_PER_ENTRY * (entries + allowed))
    ensure_capacity_for_timers(state, 4)
    _ensure_length(state, "matches", int(state.book.world[0]["matches"]) + 2)


def ensure_capacity_for_timers(state: State, timers: int) -> None:
    """Let there be room for so many more timers."""
    _ensure_length(state, "timers", int(state.book.heads[TIMERS]["used"]) + timers)


def ensure_capacity_for_evaluation(state: State) -> None:
    """Let there be a row for the timer of a match that ends because its target is reached."""
    if not state.book.heads[TIMERS]["free"]:
        ensure_capacity_for_timers(state, 1)


ROWS_BESIDE: Final[dict[str, dict[str, int]]] = {
    "timers": {"timer_heap": 1},
    "pages": dict.fromkeys(("triggers", "fired", "fired_scratch"), PAGE_ROWS),
    "bound_low": {"bound_high": 1, "bound_page": 1},
    "seats": {"due_seats": 1, "due_seats_scratch": 1},
    "players": {"careers": 1},
    "zones": {"zone_moments": MOMENTS_PER_ZONE},
    "instruments": {
        "quotes": 1,
        "buckets": 2,
        "brackets": BRACKETS_PER_INSTRUMENT,
        "hours": HOURS_PER_INSTRUMENT,
        "candles": len(INTERVALS_S),
    },
}
"""Tables that grow with another one, and how many rows they have for each row of that."""


def _ensure_length(state: State, name: str, needed: int) -> None:
    """Let the table, and those beside it, be at least so long: twice as long, as often as it takes."""
    length = len(getattr(state.book, name))
    if length >= needed:
        return
    while length < needed:
        length *= 2
    longer = {name: length, **{beside: rows * length for beside, rows in ROWS_BESIDE.get(name, {}).items()}}
    state.book = state.book.with_arrays(**{name: _lengthened(state.book, name, rows) for name, rows in longer.items()})


def _lengthened(book: Book, name: str, length: int) -> NDArray[Any]:
    """The table, of that length now: each of its rows where it belongs then."""
    table = getattr(book, name)
    if name == "transfers":
        return _longer_ring(book, length)
    if name == "accounts":
        return _with_accounts(np.asarray(table), length)
    if not name.endswith("_index"):
        return grown(table, name, length)
    longer: Any = make_array(name, length)
    if table.dtype.names:
        index.rehash(table, longer)
    else:
        compact.rehash(table, longer)
    return longer


def _longer_ring(book: Book, length: int) -> NDArray[Any]:
    """The known transfers, by number."""
    ring, longer = np.asarray(book.transfers), make_array("transfers", length)
    numbers = np.arange(int(book.world[0]["transfers_forgotten"]) + 1, int(book.world[0]["transfers_known"]) + 1)
    np.asarray(longer)[numbers & (length - 1)] = ring[numbers & (len(ring) - 1)]
    return longer


def _with_accounts(accounts: NDArray[Any], length: int) -> NDArray[Any]:
    """The accounts, each where its id says."""
    longer: Any = make_array("accounts", length)
    opened = accounts[accounts["id"] > 0]
    rows = for_kernels(np.empty(len(opened), np.int64))
    give_rows(longer, for_kernels(opened["id"].copy()), rows)
    np.asarray(longer)[rows] = opened
    return longer
