"""Ops of the market: instruments, quotes, candles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import views
from engine.scale import NS_PER_MS
from gateway import arguments as args
from gateway.arena import Arena
from gateway.errors import Code, Refused
from gateway.fanout import INTERVALS
from gateway.messages import QuoteData, candle_row
from gateway.presentation import InstrumentAnswer, instrument_answer, quote_answer

if TYPE_CHECKING:
    from gateway.sessions import Session

CandleRow = tuple[int, str, str, str, str, int]


def instruments(session: Session, nothing: args.Nothing) -> list[InstrumentAnswer]:
    return all_instruments(session.arena)


def all_instruments(arena: Arena) -> list[InstrumentAnswer]:
    return [instrument_answer(instrument) for instrument in arena.instruments.by_id.values()]


def quote(session: Session, of: args.QuoteOf) -> QuoteData:
    return quote_of(session.arena, of.symbol)


def quote_of(arena: Arena, symbol: str) -> QuoteData:
    """The quote of a symbol. Raises Refused SYMBOL_UNKNOWN."""
    instrument = arena.instruments.named(symbol)
    found = views.quote(arena.state.book, instrument.id, arena.clock.stamp_ns())
    return quote_answer(instrument, found, arena.last_price(symbol))


async def candles(session: Session, of: args.CandlesOf) -> list[CandleRow]:
    return await candles_of(session.arena, of)


async def candles_of(arena: Arena, of: args.CandlesOf) -> list[CandleRow]:
    """Candles that opened before `until`, earliest first; the one that is not finished comes last."""
    instrument = arena.instruments.named(of.symbol)
    interval_s = INTERVALS.get(of.interval)
    if interval_s is None:
        raise Refused(Code.INTERVAL_UNKNOWN, interval=of.interval)
    until_ns = of.until * NS_PER_MS if of.until is not None else arena.clock.stamp_ns()
    found = await arena.past.candles(instrument.id, interval_s, until_ns, of.limit)
    rows = [candle_row(instrument, row) for row in found]

    unfinished = views.candle(arena.state.book, instrument.id, interval_s)
    if unfinished is not None and unfinished.open_at_ns < until_ns:
        row = candle_row(instrument, unfinished)
        if not rows or rows[-1][0] < row[0]:
            rows.append(row)
    return rows[-of.limit :]
