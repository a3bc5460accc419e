"""Equity bands: no level of a challenge rule can be crossed without the rule being evaluated."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import list_problems, live_rows, positions_of, report, sum_by
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


def bands_match_positions(state: State) -> list[str]:
    """A watched seat has one band per bucket in which it has positions, with all its lots there; the band's trigger
    fires before its loss or profit share is used up. Other seats have none."""
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
        found.append("bands do not match the positions of watched seats")
    link = np.where(bands["side"] > 0, book.holdings["long_band"][bands["holding"]],
                    book.holdings["short_band"][bands["holding"]])  # fmt: skip
    found += report(link != rows, "band {} is not linked from its holding", rows)

    triggers = book.triggers[bands["trigger"]]
    worth = bands["lots"] * book.instruments["value"][buckets // 2]
    falls, rises = (np.maximum(bands[share], 0) // worth + 1 for share in ("loss_share", "profit_share"))
    below, above = np.where(bands["side"] > 0, falls, rises), np.where(bands["side"] > 0, rises, falls)
    off = triggers["low"] < np.maximum(bands["mark"] - below, NEVER_LOW)
    highest = book.instruments["highest_price"][buckets // 2] + 1  # no quote is above highest_price
    off |= np.minimum(triggers["high"], highest) > bands["mark"] + above
    off |= (triggers["kind"] != TRIGGER_BAND) | (triggers["owner"] != rows)
    off |= book.pages["bucket"][bands["trigger"] // PAGE_ROWS] != buckets
    price = np.where(buckets % 2 == BUCKET_BID, quotes["bid"], quotes["ask"])
    off |= (price <= triggers["low"]) | (price >= triggers["high"])
    return found + report(off, "trigger of band {} is wrong", rows) + list_problems(
        "bands of seat", live_rows(book, SEATS), book.seats["first_band"], book.bands["next"], book.bands["previous"],
        book.bands["seat"], rows,
    )  # fmt: skip


def band_shares_fit_headroom(state: State) -> list[str]:
    """The shares of a watched seat's bands and its free headroom add up to no more than the distance from its equity
    to the next level at which its rules must be evaluated. The levels are computed here independently."""
    book = state.book
    seats = book.seats
    matches = book.matches[seats["match"]]
    rows = np.flatnonzero((seats["watched"] != 0) & (seats["status"] == SEAT_ACTIVE))
    rows = rows[np.isin(rows, live_rows(book, SEATS))]
    found = report(seats["evaluation_due"] != 0, "seat {} is due for evaluation between batches")
    trades = (seats["orders"] != 0) | (seats["positions"] != 0) | (seats["stakes"] != 0)
    found += report((seats["status"] != SEAT_ACTIVE) & trades, "seat {} is out and has open trades")

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
    too_low, too_high = down > np.maximum(linear - lower, 0), up > upper - 1 - equity
    found += report(too_low[rows], "bands of seat {} exceed its loss headroom", rows)
    return found + report(too_high[rows], "bands of seat {} exceed its profit headroom", rows)
