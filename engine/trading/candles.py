"""Candles of the bid, one open per instrument and interval.

A quote touches the one-second candle only. When a quote comes that belongs to a later interval, the finished candle is
emitted and merged into the next longer one, whose own interval may then be over as well, and so on. An
unfinished longer candle is its row merged with the rows of all shorter ones, which engine/views does on request.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.model.events import EventKind
from engine.model.layouts import Events
from engine.model.scale import NS_PER_S
from engine.model.tables import INTERVALS_S, Book, Row
from engine.storage.event_buffer import new_event

_INTERVALS = len(INTERVALS_S)


@kernel
def update_candles(book: Book, events: Events, instrument: int, bid: int) -> None:
    """Update the instrument's candles with a bid at the current time. Emits at most one event for each interval."""
    now_ns = book.world[0].now_ns
    candle = book.candles[instrument * _INTERVALS]
    if candle.open_at_ns >= 0 and now_ns < candle.open_at_ns + NS_PER_S:
        candle.high = max(candle.high, bid)
        candle.low = min(candle.low, bid)
        candle.close = bid
        candle.ticks += 1
        return

    for interval in range(_INTERVALS):
        length_ns = INTERVALS_S[interval] * NS_PER_S
        row = instrument * _INTERVALS + interval
        candle = book.candles[row]
        if candle.open_at_ns < 0 or now_ns < candle.open_at_ns + length_ns:
            break
        _emit_closed(book, events, instrument, INTERVALS_S[interval], candle)
        if interval + 1 < _INTERVALS:
            _merge(book.candles[row + 1], candle, INTERVALS_S[interval + 1] * NS_PER_S)
        candle.open_at_ns = -1

    candle = book.candles[instrument * _INTERVALS]
    candle.open_at_ns = now_ns // NS_PER_S * NS_PER_S
    candle.open = bid
    candle.high = bid
    candle.low = bid
    candle.close = bid
    candle.ticks = 1


@kernel
def _merge(longer: Row, candle: Row, length_ns: int) -> None:
    if longer.open_at_ns < 0:
        longer.open_at_ns = candle.open_at_ns // length_ns * length_ns
        longer.open = candle.open
        longer.high = candle.high
        longer.low = candle.low
        longer.ticks = 0
    longer.high = max(longer.high, candle.high)
    longer.low = min(longer.low, candle.low)
    longer.close = candle.close
    longer.ticks += candle.ticks


@kernel
def _emit_closed(book: Book, events: Events, instrument: int, interval_s: int, candle: Row) -> None:
    k = new_event(book, events, EventKind.CANDLE_CLOSED, 0, 0, instrument)
    event = events.candle[k]
    event.interval_s = interval_s
    event.open_at_ns = candle.open_at_ns
    event.open = candle.open
    event.high = candle.high
    event.low = candle.low
    event.close = candle.close
    event.ticks = candle.ticks
