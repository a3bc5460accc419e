"""Ops of the market: instruments, quotes, candles."""

from __future__ import annotations

from functools import partial

from engine import views
from engine.model.scale import NS_PER_MS
from gateway.channels.fanout import INTERVALS
from gateway.presenters.market import candle_answer, instrument_answer
from gateway.protocol.errors import Code, Refused
from gateway.protocol.market import Candle, CandlesOf, Instrument, Quote, QuoteOf
from gateway.protocol.scalars import Nothing
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller


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
    """Candles that opened before `until`, earliest first; the one that is not finished comes last.

    That one is taken before the answer is waited for: whatever closes meanwhile is neither missing nor twice.
    """
    instrument = arena.instruments.named(of.symbol)
    interval_s = INTERVALS.get(of.interval)
    if interval_s is None:
        raise Refused(Code.INTERVAL_UNKNOWN, interval=of.interval)
    until_ns = of.until * NS_PER_MS if of.until is not None else arena.clock.stamp_ns()
    unfinished = views.candle(arena.state.book, instrument.id, interval_s)
    found = await arena.history.candles(instrument.id, interval_s, until_ns, of.limit)
    rows = await arena.turns.make(partial(candle_answer, instrument), found)
    if unfinished is not None and unfinished.open_at_ns < until_ns:
        row = candle_answer(instrument, unfinished)
        if not rows or rows[-1].open_at < row.open_at:
            rows.append(row)
    return rows[-of.limit :]
