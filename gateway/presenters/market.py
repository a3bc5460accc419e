"""The market as clients see it: instruments, candles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.model.scale import NS_PER_MS, PPM
from gateway.core.zones import UTC_NAME
from gateway.presenters.decimals import money_text, rate_text
from gateway.presenters.events import Candle
from gateway.presenters.hours import hours_texts
from gateway.presenters.instruments import Instrument
from gateway.protocol import market as protocol


def candle_event(
    instrument: Instrument, interval: str, candle: Candle | Any, closed: bool
) -> protocol.CandleEvent[str]:
    """Of a closed candle's event, or of a view of one that is not finished: both name their figures alike."""
    return protocol.CandleEvent(instrument.symbol, interval, candle_answer(instrument, candle), closed)


def candle_answer(instrument: Instrument, candle: Candle | Any) -> protocol.Candle[str]:
    price = instrument.price_text
    return protocol.Candle(
        candle.open_at_ns // NS_PER_MS,
        price(candle.open),
        price(candle.high),
        price(candle.low),
        price(candle.close),
        candle.ticks,
    )


def ticker_answer(instrument: Instrument, since_ns: int, candles: Sequence[Candle | Any]) -> protocol.Ticker[str]:
    """Of the candles since then."""
    since_ms, price = since_ns // NS_PER_MS, instrument.price_text
    if not candles:
        return protocol.Ticker(instrument.symbol, since_ms, None, None, None, None, None, None, 0)
    first, last = candles[0].open, candles[-1].close
    sign = "-" if last < first else ""
    return protocol.Ticker(
        instrument.symbol,
        since_ms,
        price(first),
        price(max(candle.high for candle in candles)),
        price(min(candle.low for candle in candles)),
        price(last),
        sign + price(abs(last - first)),
        sign + rate_text(abs(last - first) * PPM // first),
        sum(candle.ticks for candle in candles),
    )


def instrument_answer(instrument: Instrument) -> protocol.Instrument[str]:
    data = instrument.data
    return protocol.Instrument(
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
            protocol.Bracket(
                rate_text(bracket.maintenance_ppm),
                bracket.max_leverage,
                money_text(bracket.maintenance_cum),
                money_text(bracket.notional_cap) if bracket.notional_cap else None,
            )
            for bracket in data.brackets
        ],
        hours_texts(data.hours),
        data.zone or UTC_NAME,
        instrument.price_text(data.highest_price),
        rate_text(data.max_spread_ppm),
        data.quote_lifetime_ns // NS_PER_MS,
        protocol.FixedTerms(
            data.fixed_payout_percent,
            money_text(data.fixed_min_stake),
            money_text(data.fixed_max_stake),
            data.fixed_min_s,
            data.fixed_max_s,
            [asset.lower() for asset in data.fixed_wallets],
            money_text(data.fixed_exposure_cap) if data.fixed_exposure_cap else None,
        )
        if data.fixed_payout_percent
        else None,
    )
