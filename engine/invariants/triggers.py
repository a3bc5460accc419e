"""Price triggers, their pages, and the bounds of the pages."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.invariants.rows import Rows, list_problems, live_rows, report
from engine.model.commands import OrderType
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.state import State
from engine.model.tables import (
    BANDS,
    BOUNDS_STEP,
    BUCKET_ASK,
    BUCKET_BID,
    FREE_BITS,
    FREE_WORDS,
    ORDERS,
    PAGE_ROWS,
    PAGE_SHUT,
    PAGE_SPARE,
    PAGES,
    POSITIONS,
    TRIGGER_ORDER,
    TRIGGER_POSITION,
    Book,
)


def triggers_match_their_owners(state: State) -> list[str]:
    """Every position and resting order has one trigger, in the right bucket, with the right prices; no other trigger
    is in use, except those of bands."""
    book = state.book
    found = []
    positions, orders = live_rows(book, POSITIONS), live_rows(book, ORDERS)
    waits = book.orders[orders]
    found += report((waits["trigger"] != 0) == (waits["waiting"] != 0), "order {} must rest or else wait", waits["id"])
    orders = orders[waits["waiting"] == 0]
    for kind, table, rows in ((TRIGGER_POSITION, book.positions, positions), (TRIGGER_ORDER, book.orders, orders)):
        trades = table[rows]
        long = trades["side"] > 0
        triggers = book.triggers[trades["trigger"]]
        low, high = _position_bounds(book, trades) if kind == TRIGGER_POSITION else _order_bounds(trades)
        # A position is valued at what its close gets, an order fills at what its open pays: other sides of the quote.
        side = np.where(long == (kind == TRIGGER_POSITION), BUCKET_BID, BUCKET_ASK)
        bucket = book.pages["bucket"][trades["trigger"] // PAGE_ROWS]
        found += report(
            (triggers["owner"] != rows) | (triggers["kind"] != kind), "trigger of {} has another owner", trades["id"]
        )
        found += report(
            (triggers["low"] != low) | (triggers["high"] != high), "trigger prices of {} are wrong", trades["id"]
        )
        found += report(bucket != trades["instrument"] * 2 + side, "trigger of {} is in a wrong bucket", trades["id"])

    owned, bands = int(_waiting(book).sum()), len(live_rows(book, BANDS))
    if owned != len(positions) + len(orders) + bands:
        found.append(f"{owned} triggers for {len(positions)} positions, {len(orders)} orders and {bands} bands")
    return found


def page_bounds_enclose_their_rows(state: State) -> list[str]:
    """No trigger is missed: a page's bound_low is at least every low in it, its bound_high at most every high."""
    book = state.book
    pages = live_rows(book, PAGES)
    waits = _waiting(book)[pages]
    low = np.where(waits, book.triggers["low"].reshape(-1, PAGE_ROWS)[pages], NEVER_LOW).max(axis=1, initial=NEVER_LOW)
    high = np.where(waits, book.triggers["high"].reshape(-1, PAGE_ROWS)[pages], NEVER_HIGH).min(
        axis=1, initial=NEVER_HIGH
    )
    bounds = book.pages["bound"][pages]
    loose = (book.bound_low[bounds] < low) | (book.bound_high[bounds] > high)
    return report(loose, "bounds of page {} miss a row", pages)


def page_counts_match_rows(state: State) -> list[str]:
    """A page counts its rows in use. The linked list of a bucket has its open pages: a full page is shut, a page with
    PAGE_SPARE free rows is open."""
    book = state.book
    pages = live_rows(book, PAGES)
    found = []
    waits = _waiting(book)
    found += report(book.pages["live"][pages] != waits[pages].sum(axis=1), "page {} miscounts its rows", pages)
    words = ((book.pages["free"][pages] != 0) << np.arange(FREE_WORDS)).sum(axis=1)
    found += report(book.pages["words"][pages] != words, "page {} has words that do not match its free rows", pages)
    found += report(book.pages["live"][pages] < 1, "page {} is empty and still in use", pages)

    buckets = np.arange(2 * (int(book.world["instruments"][0]) + 1))
    is_open = book.pages["previous_open"][pages] != PAGE_SHUT
    live = book.pages["live"][pages]
    found += report(is_open & (live == PAGE_ROWS), "page {} is full and open", pages)
    found += report(~is_open & (live <= PAGE_ROWS - PAGE_SPARE), "page {} has free rows and is shut", pages)
    room = pages[is_open]
    return found + list_problems("open pages of bucket", buckets, book.buckets["first_open"], book.pages["next_open"],
                                 book.pages["previous_open"], book.pages["bucket"], room)  # fmt: skip


def bucket_extents_match_pages(state: State) -> list[str]:
    """The bounds of a bucket's pages are contiguous, in an extent of its own; unused bounds are neutral."""
    book = state.book
    pages = live_rows(book, PAGES)
    used = int(book.world["bounds_used"][0])
    taken = np.zeros(len(book.bound_low), np.int64)
    room = np.zeros(len(book.bound_low), np.int64)
    found = []
    for number in np.flatnonzero(book.buckets["bounds_capacity"]):
        bucket = book.buckets[number]
        start, count, extent = int(bucket["bounds_start"]), int(bucket["pages"]), int(bucket["bounds_capacity"])
        taken[start : start + count] += 1
        room[start : start + extent] += 1
        if start % BOUNDS_STEP or extent % BOUNDS_STEP or count > extent or start + extent > used:
            found.append(f"extent of bucket {number} is wrong")
        if (book.pages["bucket"][book.bound_page[start : start + count]] != number).any():
            found.append(f"a bound of bucket {number} belongs to another bucket's page")
    if (room > 1).any():
        found.append("extents of buckets overlap")
    if int(book.buckets["pages"].sum()) != len(pages) or (book.bound_page[book.pages["bound"][pages]] != pages).any():
        found.append("pages and bounds do not point at each other")
    spare = taken == 0
    if (book.bound_low[spare] != NEVER_LOW).any() or (book.bound_high[spare] != NEVER_HIGH).any():
        found.append("an unused bound is not neutral")
    return found


def _position_bounds(book: Book, positions: NDArray[Any]) -> tuple[Rows, Rows]:
    """Trigger prices of positions. Losing side: the nearest of liquidation, stop and loss limit per trade. Winning
    side: the nearer of the target and the next step of a trailing stop, which is its distance and a twentieth of it
    (at least a tick) away."""
    liquidation, stop, target = positions["liquidation"], positions["stop_loss"], positions["take_profit"]
    trailing, side = positions["trailing"], positions["side"]
    moves = stop + side * (trailing + np.maximum(1, trailing // 20))
    nearest = np.minimum(np.where(liquidation, liquidation, NEVER_HIGH), np.where(stop, stop, NEVER_HIGH))
    below = np.maximum(target, np.where(trailing, moves, NEVER_LOW))
    above = np.minimum(np.where(target, target, NEVER_HIGH), np.where(trailing, moves, NEVER_HIGH))
    long = side > 0
    limit = book.matches["loss_per_trade"][book.seats["match"][positions["seat"]]]
    per_lot = -(-(limit + 1 + positions["realised"]) // book.instruments["value"][positions["instrument"]])
    lots = np.maximum(positions["lots"], 1)
    lost = np.where(long, (positions["cost"] - per_lot) // lots, -(-(positions["cost"] + per_lot) // lots))
    low = np.maximum(np.maximum(liquidation, stop), np.where(limit, lost, NEVER_LOW))
    nearest = np.minimum(nearest, np.where(limit, lost, NEVER_HIGH))
    return np.where(long, low, below), np.where(long, above, nearest)


def _order_bounds(orders: NDArray[Any]) -> tuple[Rows, Rows]:
    """Trigger prices of orders. A buy limit fires when the ask falls to its price, a sell limit when the bid rises to
    it; stop orders the other way. Within its speed bump an order fires at no price."""
    counts = orders["bump_timer"] == 0
    down = (orders["side"] > 0) != (orders["order_type"] == OrderType.STOP)
    low = np.where(down & counts, orders["price"], NEVER_LOW)
    return low, np.where(down | ~counts, NEVER_HIGH, orders["price"])


def _waiting(book: Book) -> NDArray[np.bool_]:
    """Which trigger rows are in use; shape (pages, PAGE_ROWS)."""
    bits = (book.pages["free"][:, :, None] >> np.arange(FREE_BITS)) & 1
    waits: NDArray[np.bool_] = bits.reshape(len(book.pages), -1)[:, :PAGE_ROWS] == 0
    waits[np.setdiff1d(np.arange(len(book.pages)), live_rows(book, PAGES))] = False
    return waits
