"""Commands on open positions: close one, wholly or in part; move its stops and target; add or take back margin."""

from __future__ import annotations

from engine.jit import kernel, rare_kernel
from engine.model.arithmetic import ceil_div
from engine.model.commands import Amend
from engine.model.events import Cause, OrderStatus
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.tables import WAITS_TO_CLOSE, Book, Row
from engine.storage.compact_index import find_open
from engine.trading.instruments import is_stale
from engine.trading.order_checks import check_stops, liquidated_at
from engine.trading.positions import change_position, close_lots, liquidation_price_with, trailing_distance
from engine.trading.waiting_quotes import wait_for_quote


@kernel
def close_position(book: Book, events: Events, command: Row, outcome: Row) -> int:
    """Close a position, wholly or in part; under `next` execution, or on a stale quote, it waits for the next quote."""
    row = find_open(book, command.position)
    if row <= 0 or book.seats[book.positions[row].seat].player != command.player:
        return Reason.POSITION_NOT_FOUND.value
    position = book.positions[row]
    if command.lots < 0 or (command.lots != 0 and command.percent != 0):
        return Reason.SIZE_INVALID.value
    if command.lots == 0 and (command.percent < 1 or command.percent > 100):
        return Reason.PERCENT_INVALID.value
    if command.lots > position.lots:
        return Reason.QUANTITY_TOO_HIGH.value
    instrument = book.instruments[position.instrument]
    lots = command.lots
    if lots == 0:
        lots = position.lots
        if command.percent != 100:
            lots = lots // 100 * command.percent + lots % 100 * command.percent // 100
    if lots == 0:
        return Reason.SIZE_ZERO.value
    if instrument.halted:
        return Reason.INSTRUMENT_HALTED.value
    if position.waiting != 0:
        return Reason.POSITION_CLOSING.value

    match = book.matches[book.seats[position.seat].match]
    if match.next_quote or is_stale(book, match, position.instrument):
        outcome.id = position.id
        outcome.instrument = position.instrument
        outcome.status = OrderStatus.ACCEPTED.value
        outcome.left = position.lots
        earliest_fill_at_ns = book.world[0].now_ns + match.speed_bump_ns
        position.waiting = wait_for_quote(book, position.instrument, WAITS_TO_CLOSE, row, lots, earliest_fill_at_ns)
    else:
        outcome.status = OrderStatus.FILLED.value
        quote = book.quotes[position.instrument]
        price = quote.bid if position.side > 0 else quote.ask
        close_lots(book, events, row, lots, price, Cause.CLIENT, outcome)
    return Reason.ACCEPTED.value


@rare_kernel
def amend_position(book: Book, events: Events, command: Row, outcome: Row) -> int:
    """Set or remove stop loss, trailing stop and take profit of a position; add or remove margin.

    Stop loss and trailing stop exclude each other: setting one removes the other. A trailing stop starts at the current
    price, which therefore must not be stale.
    """
    row = find_open(book, command.position)
    if row <= 0 or book.seats[book.positions[row].seat].player != command.player:
        return Reason.POSITION_NOT_FOUND.value
    position = book.positions[row]
    if position.waiting != 0:
        return Reason.POSITION_CLOSING.value
    match = book.matches[book.seats[position.seat].match]
    quote = book.quotes[position.instrument]
    mark = quote.bid if position.side > 0 else quote.ask
    stop_loss = command.stop_loss if command.fields & Amend.STOP_LOSS.value else 0
    take_profit = command.take_profit if command.fields & Amend.TAKE_PROFIT.value else 0
    trailing_ppm = command.trailing_ppm if command.fields & Amend.TRAILING_STOP.value else 0
    highest_price = book.instruments[position.instrument].highest_price
    reason = check_stops(position.side, mark, stop_loss, take_profit, trailing_ppm, highest_price)
    if reason == Reason.ACCEPTED.value and trailing_ppm != 0 and is_stale(book, match, position.instrument):
        reason = Reason.FEED_STALE.value
    margin = 0
    if reason == Reason.ACCEPTED.value and command.fields & Amend.MARGIN.value:
        margin = command.margin
        reason = _check_margin(book, position, margin, mark)
    if reason != Reason.ACCEPTED.value:
        return reason

    trailing = 0
    if trailing_ppm != 0:
        trailing = trailing_distance(mark, trailing_ppm)
        stop_loss = mark - position.side * trailing
    elif not command.fields & Amend.STOP_LOSS.value and (
        position.trailing == 0 or not command.fields & Amend.TRAILING_STOP.value
    ):
        stop_loss = position.stop_loss
        trailing = position.trailing
    if not command.fields & Amend.TAKE_PROFIT.value:
        take_profit = position.take_profit
    outcome.id = position.id
    outcome.instrument = position.instrument
    outcome.left = position.lots
    change_position(book, events, row, stop_loss, take_profit, margin, trailing)
    outcome.liquidation = position.liquidation
    return reason


@kernel
def _check_margin(book: Book, position: Row, change: int, mark: int) -> int:
    """May margin be added (change > 0) or removed (< 0), the position being valued at `mark`?

    Removal depends on the price, which therefore must not be stale.
    """
    seat = book.seats[position.seat]
    if change == 0 or change < -BOUND or change > BOUND - position.margin:
        return Reason.MARGIN_INVALID.value
    if change > 0:
        return Reason.CASH_TOO_LOW.value if change > seat.cash else Reason.ACCEPTED.value
    instrument = book.instruments[position.instrument]
    margin = position.margin + change
    if margin < ceil_div(position.cost * instrument.value, position.leverage):
        return Reason.MARGIN_TOO_LOW.value
    if is_stale(book, book.matches[seat.match], position.instrument):
        return Reason.FEED_STALE.value
    if liquidated_at(position.side, liquidation_price_with(book, position, margin), mark):
        return Reason.WOULD_LIQUIDATE_NOW.value
    return Reason.ACCEPTED.value
