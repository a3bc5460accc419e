"""Ops of the market: instruments, quotes, candles."""

from __future__ import annotations

from msgspec import Struct

from engine import views
from engine.model.scale import NS_PER_MS
from gateway.channels.fanout import INTERVALS
from gateway.presenters.decimals import money_text, rate_text
from gateway.presenters.hours import hours_texts
from gateway.presenters.instruments import Instrument
from gateway.presenters.market_messages import QuoteData, candle_row
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session

CandleRow = tuple[int, str, str, str, str, int]


class BracketAnswer(Struct, frozen=True, omit_defaults=True):
    maintenance_rate: str
    max_leverage: int
    maintenance_amount: str
    notional_cap: str | None = None


class FixedTermsAnswer(Struct, frozen=True):
    """On what terms fixed-time trades are offered; the payout in percent of the stake, durations in seconds. From
    `wallets` they may be staked as well, in all of them on these terms."""

    payout: int
    min_stake: str
    max_stake: str
    min_duration: int
    max_duration: int
    wallets: list[str]


class InstrumentAnswer(Struct, frozen=True):
    symbol: str
    name: str
    type: str
    base: str
    quote: str
    tick_size: str
    lot_size: str
    min_quantity: str
    max_quantity: str
    min_notional: str
    max_leverage: int
    taker_fee: str
    maker_fee: str
    markup: str
    enabled: bool
    locked: bool
    halted: bool
    close_only: bool
    brackets: list[BracketAnswer]
    hours: list[str]  # UTC; none: always open
    fixed: FixedTermsAnswer | None = None


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
    return QuoteData(
        symbol,
        instrument.price_or_none(found.bid),
        instrument.price_or_none(found.ask),
        arena.last_price(symbol),
        found.at_ns // NS_PER_MS,
        found.stale,
    )


async def candles(session: Session, of: args.CandlesOf) -> list[CandleRow]:
    return await candles_of(session.arena, of)


async def candles_of(arena: Arena, of: args.CandlesOf) -> list[CandleRow]:
    """Candles that opened before `until`, earliest first; the one that is not finished comes last."""
    instrument = arena.instruments.named(of.symbol)
    interval_s = INTERVALS.get(of.interval)
    if interval_s is None:
        raise Refused(Code.INTERVAL_UNKNOWN, interval=of.interval)
    until_ns = of.until * NS_PER_MS if of.until is not None else arena.clock.stamp_ns()
    found = await arena.history.candles(instrument.id, interval_s, until_ns, of.limit)
    rows = [candle_row(instrument, row) for row in found]

    unfinished = views.candle(arena.state.book, instrument.id, interval_s)
    if unfinished is not None and unfinished.open_at_ns < until_ns:
        row = candle_row(instrument, unfinished)
        if not rows or rows[-1][0] < row[0]:
            rows.append(row)
    return rows[-of.limit :]


def instrument_answer(instrument: Instrument) -> InstrumentAnswer:
    data = instrument.data
    return InstrumentAnswer(
        data.symbol,
        data.name,
        data.type,
        data.base,
        data.quote,
        instrument.price_text(1),
        instrument.quantity_text(1),
        instrument.quantity_text(data.min_lots),
        instrument.quantity_text(data.max_lots),
        money_text(data.min_notional),
        data.max_leverage,
        rate_text(data.taker_fee_ppm),
        rate_text(data.maker_fee_ppm),
        instrument.price_text(data.markup_ticks),
        data.enabled,
        data.locked,
        data.halted,
        data.close_only,
        [
            BracketAnswer(
                rate_text(bracket.maintenance_ppm),
                bracket.max_leverage,
                money_text(bracket.maintenance_cum),
                money_text(bracket.notional_cap) if bracket.notional_cap else None,
            )
            for bracket in data.brackets
        ],
        hours_texts(data.hours),
        FixedTermsAnswer(
            data.fixed_payout_percent,
            money_text(data.fixed_min_stake),
            money_text(data.fixed_max_stake),
            data.fixed_min_s,
            data.fixed_max_s,
            [asset.lower() for asset in data.fixed_wallets],
        )
        if data.fixed_payout_percent
        else None,
    )
