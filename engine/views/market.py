"""Quotes, candles, and the time of the next timer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.model.bounds import HOURS_PER_INSTRUMENT
from engine.model.scale import DAY_NS, NS_PER_S
from engine.model.tables import INTERVALS_S, Book
from engine.storage.zones import next_day_ns
from engine.trading.instruments import NS_PER_MINUTE, is_market_open
from engine.trading.switches import SCOPES

_DAYS_TO_OPENING = 8
"""A week, and a day more when the clock is set over the beginning of a window."""


def next_due_ns(book: Book) -> int | None:
    """When the next timer is due; None when none is set."""
    if not book.world[0]["timers"]:
        return None
    return int(book.timer_heap[0]["due_ns"])


class Quote(NamedTuple):
    """The last usable quote of an instrument, in ticks; all 0 before the first."""

    bid: int
    ask: int
    at_ns: int
    sequence: int
    stale: bool


def quote(book: Book, instrument: int, now_ns: int) -> Quote:
    """The last quote, and whether it is stale at `now_ns` (the time of the state advances with commands only)."""
    row = book.quotes[instrument]
    at_ns = int(row["at_ns"])
    lifetime_ns = int(book.instruments[instrument]["quote_lifetime_ns"])
    stale = not row["bid"] or now_ns - at_ns > lifetime_ns or not is_market_open(book, instrument, now_ns)
    return Quote(int(row["bid"]), int(row["ask"]), at_ns, int(row["sequence"]), bool(stale))


def takes_quotes(book: Book, instrument: int, now_ns: int) -> bool:
    """Whether usable quotes are accepted: the instrument is not halted and within its trading hours."""
    return not book.instruments[instrument]["halted"] and bool(is_market_open(book, instrument, now_ns))


def waits_for_quote(book: Book, instrument: int) -> bool:
    """Whether an order, close or entry waits for a quote of the instrument, or will when its speed bump is over, or a
    price or stop counts from a quote on that has not come yet; and quotes are accepted."""
    row = book.quotes[instrument]
    waits = row["waiting"] != 0 or row["at_ns"] < book.instruments[instrument]["awaited_ns"]
    return bool(waits) and takes_quotes(book, instrument, int(book.world[0]["now_ns"]))


class SwitchView(NamedTuple):
    """A kill switch that is on: its scope and name, both in small letters, and the id within the scope."""

    scope: str
    id: int
    switch: str


def switches(book: Book) -> list[SwitchView]:
    """The kill switches that are on, but for those of players. Walks all instruments and matches."""
    found = []
    for scope, (table, names) in SCOPES.items():
        if scope == "player":
            continue
        rows = np.asarray(getattr(book, table))
        for name in names:
            found += [SwitchView(scope, id, name) for id in np.flatnonzero(rows[name]).tolist()]
    return found


def is_player_locked(book: Book, player: int) -> bool:
    """Whether a kill switch keeps the player from opening."""
    return bool(book.players[player]["locked"])


class CandleView(NamedTuple):
    """An unfinished candle; prices are ticks of the bid."""

    open_at_ns: int
    open: int
    high: int
    low: int
    close: int
    ticks: int


def candle(book: Book, instrument: int, interval_s: int) -> CandleView | None:
    """The unfinished candle of that interval: its own row merged with those of shorter intervals within it."""
    first = instrument * len(INTERVALS_S)
    rows = [row for row in book.candles[first : first + INTERVALS_S.index(interval_s) + 1] if row["open_at_ns"] >= 0]
    if not rows:
        return None
    open_at_ns = int(rows[0]["open_at_ns"]) // (interval_s * NS_PER_S) * (interval_s * NS_PER_S)
    parts = [row for row in rows if int(row["open_at_ns"]) >= open_at_ns]
    return CandleView(
        open_at_ns,
        int(parts[-1]["open"]),
        max(int(row["high"]) for row in parts),
        min(int(row["low"]) for row in parts),
        int(parts[0]["close"]),
        sum(int(row["ticks"]) for row in parts),
    )


def opens_at_ns(book: Book, instrument: int, now_ns: int) -> int | None:
    """When the instrument is within its trading hours, by its zone's clock: `now_ns` or later; None: it has none.

    It opens at a time of day at which a window begins: a look at each of these on the days of a week.
    """
    if is_market_open(book, instrument, now_ns):
        return now_ns if book.instruments[instrument]["hours"] else None
    zone, count = int(book.instruments[instrument]["zone"]), int(book.instruments[instrument]["hours"])
    windows = book.hours[instrument * HOURS_PER_INSTRUMENT :][:count]
    found = []
    for start_ns in sorted({int(window["start"]) * NS_PER_MINUTE % DAY_NS for window in windows}):
        at_ns = now_ns
        for _ in range(_DAYS_TO_OPENING):
            at_ns = int(next_day_ns(book, zone, start_ns, at_ns))
            if is_market_open(book, instrument, at_ns):
                found.append(at_ns)
                break
    return min(found, default=None)
