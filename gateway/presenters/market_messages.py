"""What clients see of the market's events: quotes, candles, switches."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from engine.model.scale import NS_PER_MS
from gateway.presenters.events import Candle
from gateway.presenters.instruments import Instrument


class QuoteData(Struct, frozen=True, gc=False, omit_defaults=True):
    symbol: str
    bid: str | None
    ask: str | None
    last: str | None
    at: int
    stale: bool | None = None


class CandleData(Struct, frozen=True, gc=False):
    symbol: str
    interval: str
    candle: tuple[int, str, str, str, str, int]  # open_at in ms, open, high, low, close, ticks
    closed: bool


class SwitchData(Struct, frozen=True, omit_defaults=True):
    """A kill switch: `scope` is arena, instrument, match or player, `switch` locked, halted or close_only."""

    scope: str
    switch: str
    on: bool
    symbol: str | None = None
    match: int | None = None
    player: int | None = None


def candle_data(instrument: Instrument, interval: str, candle: Candle | Any, closed: bool) -> CandleData:
    """Of a closed candle's event, or of a view of one that is not finished: both name their figures alike."""
    return CandleData(instrument.symbol, interval, candle_row(instrument, candle), closed)


def candle_row(instrument: Instrument, candle: Candle | Any) -> tuple[int, str, str, str, str, int]:
    price = instrument.price_text
    return (
        candle.open_at_ns // NS_PER_MS,
        price(candle.open),
        price(candle.high),
        price(candle.low),
        price(candle.close),
        candle.ticks,
    )
