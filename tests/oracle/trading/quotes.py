"""A quote comes: what waited for it, and what it fires."""

from __future__ import annotations

from engine.model.commands import OrderType
from engine.model.events import Cause, EventKind
from engine.model.reasons import Reason
from tests.harness.records import Quote
from tests.oracle.competition.outages import feed_is_back
from tests.oracle.state import Market, Oracle, refuse_if
from tests.oracle.trading.fixed_trades import enter
from tests.oracle.trading.markets import count_candles
from tests.oracle.trading.orders import fill, fill_waiting
from tests.oracle.trading.positions import cause_at, close_at_touch, follow, is_ahead
from tests.oracle.trading.prices import MILLION, is_reached
from tests.oracle.trading.waiting import is_waiting


def quote(oracle: Oracle, command: Quote) -> None:
    refuse_if(command.instrument not in oracle.markets, Reason.INSTRUMENT_NOT_FOUND)
    market = oracle.markets[command.instrument]
    data = market.data
    refuse_if(data.halted, Reason.INSTRUMENT_HALTED)
    refuse_if(not market.is_open(oracle.now_ns), Reason.MARKET_CLOSED)
    bid, ask = command.bid - data.markup_ticks, command.ask + data.markup_ticks
    refuse_if(bid <= 0 or ask > data.highest_price or command.bid >= command.ask, Reason.QUOTE_NOT_USABLE)
    refuse_if((command.ask - command.bid) * MILLION > command.bid * data.max_spread_ppm, Reason.QUOTE_NOT_USABLE)
    refuse_if(command.source_sequence <= market.source_sequence, Reason.QUOTE_NOT_USABLE)

    market.bid, market.ask, market.at_ns = bid, ask, oracle.now_ns
    market.source_sequence = command.source_sequence
    market.sequence = oracle.sequence
    market.quotes += 1
    count_candles(oracle, command.instrument, market)
    oracle.emit(EventKind.QUOTE_CHANGED, instrument=command.instrument, bid=bid, ask=ask)
    feed_is_back(oracle, data.symbol)
    # All that fires is found before anything is served: what a fill opens is first looked at with the next quote.
    fired = sorted(fired_by(oracle, command.instrument, market))
    for wait in [wait for wait in oracle.waiting if wait.queued and wait.instrument == command.instrument]:
        oracle.waiting.remove(wait)
        if wait.id in oracle.orders:
            fill_waiting(oracle, oracle.orders[wait.id])
        elif wait.id in oracle.fixed_trades:
            enter(oracle, oracle.fixed_trades[wait.id])
        else:
            close_at_touch(oracle, oracle.positions[wait.id], wait.lots, Cause.CLIENT)
    for _, id, cause in fired:
        if id in oracle.positions and cause is Cause.NONE:
            follow(oracle, oracle.positions[id])
        elif id in oracle.positions:
            close_at_touch(oracle, oracle.positions[id], oracle.positions[id].lots, cause)
        elif id in oracle.orders:
            fill(oracle, oracle.orders[id], at_touch=oracle.orders[id].command.order_type == OrderType.STOP)


def fired_by(oracle: Oracle, instrument: int, market: Market) -> list[tuple[int, int, Cause]]:
    """(class, id, cause) of what the quote reaches: stops, then liquidations, then targets, then steps of trailing
    stops (which close nothing: no cause), then entries."""
    stops = (Cause.STOP_LOSS, Cause.TRAILING_STOP)
    served = [stops, (Cause.LIQUIDATION,), (Cause.TAKE_PROFIT,), (Cause.NONE,)]
    fired = []
    for position in oracle.positions.values():
        price = market.closing(position.side)
        cause = cause_at(position, price)
        if position.instrument == instrument and (cause or is_ahead(position, price)):
            number = next(number for number, causes in enumerate(served) if cause in causes)
            fired.append((number, position.id, cause))
    for order in (order for order in oracle.orders.values() if not is_waiting(oracle, order.id)):
        command, touch = order.command, market.opening(order.command.side)
        comes_to = -command.side if command.order_type == OrderType.STOP else command.side
        counts = oracle.now_ns >= order.counts_from_ns
        if command.instrument == instrument and counts and is_reached(comes_to, command.price, touch):
            fired.append((99, order.id, Cause.NONE))
    return fired
