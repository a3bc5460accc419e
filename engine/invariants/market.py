"""Instruments, quotes and candles."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import report, rules_of_match
from engine.model.bounds import HOURS_PER_INSTRUMENT, MOMENTS_PER_ZONE
from engine.model.scale import NS_PER_S
from engine.model.state import State
from engine.model.tables import INTERVALS_S

_SWITCHES = ("enabled", "locked", "halted", "close_only")


def instruments_match_definitions(state: State) -> list[str]:
    """Switches and trading hours in the tables equal those of the instrument definitions; a switch is 0 or 1. Its zone
    has the name that the definition says."""
    book = state.book
    found = []
    for id, data in state.cold.instruments.items():
        row = book.instruments[id]
        if any(bool(row[switch]) != getattr(data, switch) for switch in _SWITCHES):
            found.append(f"a switch of instrument {id} is not as it was set")
        first = id * HOURS_PER_INSTRUMENT
        if book.hours[first : first + int(row["hours"])].tolist() != list(data.hours):
            found.append(f"hours of instrument {id} are not as they were set")
        if _name_of_zone(state, int(row["zone"])) != data.zone:
            found.append(f"the zone of instrument {id} is not as it was set")
    for table in (book.world, book.instruments, book.matches, book.players):
        for switch in _SWITCHES:
            if switch in (table.dtype.names or ()):
                found += report((table[switch] != 0) & (table[switch] != 1), f"{switch} of {{}} is neither on nor off")
    return found


def zones_match_definitions(state: State) -> list[str]:
    """The moments of a zone are those of its definition, UTC has none, and days are counted in zones that there are."""
    book, found = state.book, []
    for row, zone in state.cold.zones.items():
        first = row * MOMENTS_PER_ZONE
        rows = book.zone_moments[first : first + int(book.zones["moments"][row])]
        moments = [(since_s * NS_PER_S, ahead_s * NS_PER_S) for since_s, ahead_s in zone.moments]
        if rows.tolist() != moments:
            found.append(f"the moments of zone {row} are not as they were set")
    if book.zones["moments"][0] != 0:
        found.append("UTC has moments")
    for id in np.flatnonzero(book.matches["day_zone"]).tolist():
        if _name_of_zone(state, int(book.matches["day_zone"][id])) != rules_of_match(state, id).day_zone:
            found.append(f"the zone of match {id} is not that of its game")
    return found


def _name_of_zone(state: State, row: int) -> str | None:
    if row == 0:
        return ""
    return state.cold.zones[row].name if row in state.cold.zones else None


def quotes_are_usable(state: State) -> list[str]:
    """A quote has bid below ask, or neither before the first one, and is not from the future."""
    quotes, world = state.book.quotes, state.book.world[0]
    none = (quotes["bid"] == 0) & (quotes["ask"] == 0)
    wrong = (quotes["bid"] < 1) | (quotes["bid"] >= quotes["ask"]) | (quotes["sequence"] < 1)
    late = (quotes["at_ns"] > world["now_ns"]) | (quotes["sequence"] > world["sequence"])
    last = [] if quotes["at_ns"].max() == world["quoted_at_ns"] else ["quoted_at_ns is not the time of the last quote"]
    return [
        *last,
        *report(wrong & ~none, "quote of instrument {} is not usable"),
        *report(late, "quote of instrument {} is from the future"),
    ]


def candles_are_valid(state: State) -> list[str]:
    """An open candle starts on its interval; high and low enclose open and close; longer ones start no later."""
    book = state.book
    candles = book.candles[: len(book.candles) // len(INTERVALS_S) * len(INTERVALS_S)].reshape(-1, len(INTERVALS_S))
    started = candles["open_at_ns"] >= 0
    aligned = candles["open_at_ns"] % (np.array(INTERVALS_S) * NS_PER_S) == 0
    enclosed = (candles["low"] <= np.minimum(candles["open"], candles["close"])) & (
        candles["high"] >= np.maximum(candles["open"], candles["close"])
    )
    newer = candles["open_at_ns"][:, :1] >= candles["open_at_ns"]
    return report(
        (started & ~(aligned & enclosed & newer & (candles["ticks"] > 0))).any(axis=1),
        "candles of instrument {} are wrong",
    )
