"""Ops of the market: instruments, quotes, candles."""

from __future__ import annotations

from functools import partial
from typing import Final

from engine import views
from engine.model.scale import DAY_NS, NS_PER_MS, NS_PER_S
from gateway.core.intervals import INTERVALS, Interval
from gateway.presenters import instruments as presenters
from gateway.presenters.market import candle_answer, instrument_answer, ticker_answer
from gateway.protocol.errors import Code, Refused
from gateway.protocol.market import Candle, CandlesOf, Instrument, Quote, QuoteOf, Ticker, TickersOf
from gateway.protocol.scalars import Nothing
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from persistence import rows

_QUARTER_S: Final = 900
_QUARTER_NS: Final = _QUARTER_S * NS_PER_S
"""Of an hour: the candles that a ticker is made of."""


def instruments(caller: Caller, nothing: Nothing) -> list[Instrument[str]]:
    return all_instruments(caller.arena)


def all_instruments(arena: Arena) -> list[Instrument[str]]:
    return [instrument_answer(instrument) for instrument in arena.instruments.by_id.values()]


def quote(caller: Caller, of: QuoteOf) -> Quote[str]:
    return quote_of(caller.arena, of.symbol)


def quote_of(arena: Arena, symbol: str) -> Quote[str]:
    """The quote of a symbol. Raises Refused SYMBOL_UNKNOWN."""
    instrument = arena.instruments.named(symbol)
    found = views.quote(arena.state.book, instrument.id, arena.clock.stamp_ns())
    return Quote(
        symbol,
        instrument.price_or_none(found.bid),
        instrument.price_or_none(found.ask),
        arena.last_price(symbol),
        found.at_ns // NS_PER_MS,
        found.stale,
    )


async def candles(caller: Caller, of: CandlesOf) -> list[Candle[str]]:
    return await candles_of(caller.arena, of)


async def candles_of(arena: Arena, of: CandlesOf) -> list[Candle[str]]:
    """Candles that opened before `until` (or `to`), earliest first: the latest of them, or with `from` the first since
    then. The one that is not finished comes last, and is taken before the answer is waited for: whatever closes
    meanwhile is neither missing nor twice. Raises Refused.
    """
    instrument = arena.instruments.named(of.symbol)
    interval = INTERVALS.get(of.interval)
    if interval is None:
        raise Refused(Code.INTERVAL_UNKNOWN, interval=of.interval, allowed=list(INTERVALS))
    if of.until is not None and of.to is not None:
        raise Refused(Code.BAD_ARGUMENTS, problem="give until or to, not both: they mean the same")
    until = of.until if of.until is not None else of.to
    until_ns = until * NS_PER_MS if until is not None else arena.clock.stamp_ns() + 1
    from_ns = of.from_ * NS_PER_MS if of.from_ is not None else None
    unfinished = views.candle(arena.state.book, instrument.id, interval.kept_s)
    # One more than is asked for: the first may have parts that are not among them.
    parts = (of.limit + 1) * interval.parts if interval.parts > 1 else of.limit
    ends_ns = interval.end_ns(interval.open_ns(until_ns - 1)) if until_ns else 0
    kept = await arena.history.candles(instrument.id, interval.kept_s, ends_ns, parts, from_ns)
    if unfinished is not None and unfinished.open_at_ns < ends_ns and (not kept or kept[-1][0] < unfinished.open_at_ns):
        reaches = from_ns is None or (unfinished.open_at_ns >= from_ns and len(kept) < parts)
        kept += [rows.Candle(*unfinished)] if reaches else []
    merged = await _merged(arena, interval, kept)
    if from_ns is not None:
        found = [candle for candle in merged if candle.open_at_ns >= from_ns][: of.limit]
    else:
        found = merged[-of.limit :]
    return await arena.turns.make(partial(candle_answer, instrument), found)


async def _merged(arena: Arena, interval: Interval, kept: list[rows.Candle]) -> list[rows.Candle]:
    """The candles that the kept ones make."""
    if interval.parts == 1:
        return kept
    merged: list[rows.Candle] = []

    def add(part: rows.Candle) -> None:
        open_ns = interval.open_ns(part.open_at_ns)
        if not merged or merged[-1].open_at_ns != open_ns:
            merged.append(part._replace(open_at_ns=open_ns))
            return
        _, open, high, low, _, ticks = merged[-1]
        merged[-1] = rows.Candle(
            open_ns, open, max(high, part.high), min(low, part.low), part.close, ticks + part.ticks
        )

    await arena.turns.make(add, kept)
    return merged


async def tickers(caller: Caller, of: TickersOf) -> list[Ticker[str]]:
    """Raises Refused SYMBOL_UNKNOWN."""
    arena = caller.arena
    chosen = [arena.instruments.named(of.symbol)] if of.symbol is not None else list(arena.instruments.by_id.values())
    return [await ticker_of(arena, instrument) for instrument in chosen]


async def ticker_of(arena: Arena, instrument: presenters.Instrument) -> Ticker[str]:
    now_ns = arena.clock.stamp_ns()
    since_ns = (now_ns - DAY_NS) // _QUARTER_NS * _QUARTER_NS + _QUARTER_NS
    unfinished = views.candle(arena.state.book, instrument.id, _QUARTER_S)
    found = await arena.history.candles(instrument.id, _QUARTER_S, now_ns + 1, DAY_NS // _QUARTER_NS, since_ns)
    known_ns = found[-1].open_at_ns if found else since_ns - 1
    if unfinished is not None and unfinished.open_at_ns > known_ns:
        found.append(rows.Candle(*unfinished))
    return ticker_answer(instrument, since_ns, found)
