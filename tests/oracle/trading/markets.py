"""An instrument as it is defined and settled, and its candles."""

from __future__ import annotations

from engine.model.commands import DefineInstrument, DefineZone, OpenFeed, SettleInstrument
from engine.model.events import Cause, EventKind
from engine.model.reasons import Reason
from tests.oracle.state import BILLION, Market, Oracle, Outcome, refuse_if
from tests.oracle.trading.orders import end_order
from tests.oracle.trading.positions import close_at

CANDLE_LENGTHS_S = (1, 60, 300, 900, 3_600, 14_400, 86_400)


def define_instrument(oracle: Oracle, command: DefineInstrument) -> Outcome:
    refuse_if(bool(command.zone) and command.zone not in oracle.zones, Reason.ZONE_NOT_FOUND)
    known = next((id for id, market in oracle.markets.items() if market.data.symbol == command.symbol), 0)
    if known:
        oracle.markets[known].data = command
    id = known or len(oracle.markets) + 1
    oracle.markets.setdefault(id, Market(command, oracle.zones))
    oracle.emit(EventKind.INSTRUMENT_CHANGED, instrument=id)
    return {"id": id}


def settle_instrument(oracle: Oracle, command: SettleInstrument) -> Outcome:
    refuse_if(command.instrument not in oracle.markets, Reason.INSTRUMENT_NOT_FOUND)
    data = oracle.markets[command.instrument].data
    refuse_if(not data.halted, Reason.INSTRUMENT_NOT_HALTED)
    refuse_if(not 1 <= command.price <= data.highest_price, Reason.PRICE_INVALID)
    for order in sorted(oracle.orders.values(), key=lambda order: order.id):
        if order.command.instrument == command.instrument:
            end_order(oracle, order, EventKind.ORDER_CANCELED, Reason.INSTRUMENT_SETTLED)
    for position in sorted(oracle.positions.values(), key=lambda position: position.id):
        if position.instrument == command.instrument:
            close_at(oracle, position, position.lots, command.price, Cause.SETTLEMENT)
    return {"id": command.instrument}


def define_zone(oracle: Oracle, command: DefineZone) -> Outcome:
    oracle.zones[command.name] = command.moments
    return {"id": list(oracle.zones).index(command.name) + 1}


def open_feed(oracle: Oracle, command: OpenFeed) -> None:
    for market in oracle.markets.values():
        market.source_sequence = -1
    oracle.emit(EventKind.FEED_OPENED)


def count_candles(oracle: Oracle, instrument: int, market: Market) -> None:
    for length in CANDLE_LENGTHS_S:
        if length in market.candles:
            start, bids = market.candles[length]
            if oracle.now_ns >= start + length * BILLION:
                oracle.emit(
                    EventKind.CANDLE_CLOSED, instrument=instrument, interval_s=length, open_at_ns=start, open=bids[0],
                    high=max(bids), low=min(bids), close=bids[-1], ticks=len(bids),
                )  # fmt: skip
                del market.candles[length]
    for length in CANDLE_LENGTHS_S:
        start = oracle.now_ns // (length * BILLION) * length * BILLION
        market.candles.setdefault(length, (start, []))[1].append(market.bid)
