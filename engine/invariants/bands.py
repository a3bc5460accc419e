"""Bands of watched seats: no level of a challenge rule is crossed unseen."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import chain_problems, live_rows, positions_of, sum_by, where
from engine.model.commands import TotalDrawdown
from engine.model.scale import BOUND, NEVER_LOW
from engine.model.state import State
from engine.model.tables import (
    BANDS,
    BUCKET_ASK,
    BUCKET_BID,
    PAGE_ROWS,
    SEAT_ACTIVE,
    SEATS,
    TRIGGER_BAND,
    WARNINGS_PERCENT,
)


def bands_watch_what_their_seats_hold(state: State) -> list[str]:
    """A watched seat has one band for each bucket it is in, of all its lots there, whose trigger fires before a share
    is used up; no other seat has any."""
    book = state.book
    rows = live_rows(book, BANDS)
    bands = book.bands[rows]
    buckets, quotes = bands["bucket"], book.quotes[bands["bucket"] // 2]
    found = []
    held = positions_of(book)
    held = held[book.seats["watched"][held["seat"]] != 0]
    bucket = held["instrument"].astype(np.int64) * 2 + np.where(held["side"] > 0, BUCKET_BID, BUCKET_ASK)
    keys, places = np.unique(held["seat"].astype(np.int64) << 32 | bucket, return_inverse=True)
    lots = sum_by(len(keys), places, held["lots"])
    own = bands["seat"].astype(np.int64) << 32 | buckets
    if sorted(zip(own.tolist(), bands["lots"].tolist(), strict=True)) != sorted(zip(keys, lots, strict=True)):
        found.append("bands are not those of what watched seats hold")
    link = np.where(bands["side"] > 0, book.holdings["long_band"][bands["holding"]],
                    book.holdings["short_band"][bands["holding"]])  # fmt: skip
    found += where(link != rows, "band {} is not its holding's", rows)

    triggers = book.triggers[bands["trigger"]]
    worth = bands["lots"] * book.instruments["value"][buckets // 2]
    falls, rises = (np.maximum(bands[share], 0) // worth + 1 for share in ("loss_share", "profit_share"))
    below, above = np.where(bands["side"] > 0, falls, rises), np.where(bands["side"] > 0, rises, falls)
    off = triggers["low"] < np.maximum(bands["mark"] - below, NEVER_LOW)
    highest = book.instruments["highest_price"][buckets // 2] + 1  # no quote is there
    off |= np.minimum(triggers["high"], highest) > bands["mark"] + above
    off |= (triggers["kind"] != TRIGGER_BAND) | (triggers["owner"] != rows)
    off |= book.pages["bucket"][bands["trigger"] // PAGE_ROWS] != buckets
    price = np.where(buckets % 2 == BUCKET_BID, quotes["bid"], quotes["ask"])
    off |= (price <= triggers["low"]) | (price >= triggers["high"])
    return found + where(off, "band {} is not armed as it should", rows) + chain_problems(
        "bands of seat", live_rows(book, SEATS), book.seats["first_band"], book.bands["next"], book.bands["previous"],
        book.bands["seat"], rows,
    )  # fmt: skip


def shares_of_bands_do_not_exceed_headroom(state: State) -> list[str]:
    """What a watched seat's bands and its free headroom allow is no more than lies between its equity and the next
    level at which its rules must be evaluated: so no level is ever crossed unseen. The levels, said once more."""
    book = state.book
    seats = book.seats
    matches = book.matches[seats["match"]]
    rows = np.flatnonzero((seats["watched"] != 0) & (seats["status"] == SEAT_ACTIVE))
    rows = rows[np.isin(rows, live_rows(book, SEATS))]
    found = where(seats["evaluation_due"] != 0, "seat {} waits for its rules to be evaluated between batches")
    trades = (seats["orders"] != 0) | (seats["positions"] != 0) | (seats["stakes"] != 0)
    found += where((seats["status"] != SEAT_ACTIVE) & trades, "seat {} is out and still trades")

    held = positions_of(book)
    quotes = book.quotes[held["instrument"]]
    price = np.where(held["side"] > 0, quotes["bid"], quotes["ask"])
    value = book.instruments["value"][held["instrument"]]
    rest = held["margin"] + held["side"] * (price * held["lots"] - held["cost"]) * value
    free = seats["cash"] + seats["reserved"] + seats["stakes"]
    linear = free + sum_by(len(seats), held["seat"], rest)
    equity = free + sum_by(len(seats), held["seat"], np.maximum(rest, 0))

    lower = np.full(len(seats), -BOUND)
    for rule, first in (("daily", 0), ("total", len(WARNINGS_PERCENT))):
        drawdown, floor = matches[f"{rule}_drawdown"], seats[f"{rule}_floor"]
        lower = np.where(drawdown != 0, np.maximum(lower, floor), lower)
        for number, percent in enumerate(WARNINGS_PERCENT, first):
            waits = (drawdown != 0) & ((seats["warned"] >> number) & 1 == 0)
            lower = np.where(waits, np.maximum(lower, floor + drawdown * (100 - percent) // 100 + 1), lower)
    upper = np.where(matches["profit_target"] != 0, matches["profit_target"], 2 * BOUND)
    start = matches["starting_balance"]
    rising = (matches["total_mode"] != TotalDrawdown.STATIC) & (
        (matches["total_mode"] != TotalDrawdown.TRAILING_LOCK) | (seats["total_floor"] < start)
    )
    upper = np.where(rising, np.minimum(upper, seats["high_water"] + np.maximum(1, start // 1000)), upper)

    bands = book.bands[live_rows(book, BANDS)]
    bucket, quotes = bands["bucket"], book.quotes[bands["bucket"] // 2]
    price = np.where(bucket % 2 == BUCKET_BID, quotes["bid"], quotes["ask"])
    gained = bands["side"] * (price - bands["mark"]) * bands["lots"] * book.instruments["value"][bucket // 2]
    down = seats["loss_headroom"] + sum_by(len(seats), bands["seat"], bands["loss_share"] + gained)
    up = seats["profit_headroom"] + sum_by(len(seats), bands["seat"], bands["profit_share"] - gained)
    too_low, too_high = down > np.maximum(linear - lower, 0), up > np.maximum(upper - 1 - equity, 0)
    found += where(too_low[rows], "seat {} may lose more than it has headroom", rows)
    return found + where(too_high[rows], "seat {} may gain more than it has headroom", rows)
