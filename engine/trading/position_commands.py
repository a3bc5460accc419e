"""Commands on open positions: close one, wholly or in part; move its stops and target; add or take back margin."""

from __future__ import annotations

from engine.jit import kernel, rare_kernel
from engine.model.arithmetic import ceil_div
from engine.model.commands import Amend
from engine.model.events import Cause, OrderStatus
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.tables import AMENDMENTS, TIMER_AMEND, WAITS_TO_CLOSE, Book, Row
from engine.storage.compact_index import find_open
from engine.storage.free_rows import take
from engine.storage.linked_rows import link
from engine.storage.timers import set_timer
from engine.trading.instruments import is_stale
from engine.trading.order_checks import check_stops, liquidated_at
from engine.trading.positions import (
    change_position,
    close_lots,
    liquidation_price_with,
    remove_amendment,
    trailing_distance,
)
from engine.trading.waiting_quotes import await_quote, wait_for_quote


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
    price, which therefore must not be stale. Where there is a speed bump, stops count when it is over, margin at once.
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
    stops = command.fields & (Amend.STOP_LOSS.value | Amend.TAKE_PROFIT.value | Amend.TRAILING_STOP.value)
    outcome.id = position.id
    outcome.instrument = position.instrument
    outcome.left = position.lots
    if stops != 0 and match.speed_bump_ns != 0:
        outcome.status = OrderStatus.ACCEPTED.value
        _store_amendment(book, row, stops, stop_loss, take_profit, trailing, match.speed_bump_ns)
    else:
        _set_stops(position, stops, stop_loss, take_profit, trailing)
    if margin != 0 or outcome.status == OrderStatus.NONE.value:
        change_position(book, events, row, margin)
    outcome.liquidation = position.liquidation
    return reason


@kernel
def _store_amendment(
    book: Book, position_row: int, fields: int, stop_loss: int, take_profit: int, trailing: int, bump_ns: int
) -> None:
    """Let these stops of the position count `bump_ns` from now on; until then it has those that it had."""
    row = take(book.amendments, book.heads[AMENDMENTS])
    position = book.positions[position_row]
    amendment = book.amendments[row]
    amendment.position = position_row
    amendment.fields = fields
    amendment.stop_loss = stop_loss
    amendment.take_profit = take_profit
    amendment.trailing = trailing
    amendment.sequence = book.progress[0].sequence
    counts_from_ns = book.world[0].now_ns + bump_ns
    amendment.timer = set_timer(book, counts_from_ns, TIMER_AMEND, amendment.sequence, row)
    await_quote(book, position.instrument, counts_from_ns)
    nexts, previous = book.amendments.next, book.amendments.previous
    position.first_amendment = link(nexts, previous, position.first_amendment, row)


@rare_kernel
def apply_amendment(book: Book, events: Events, row: int) -> None:
    """The amendment's speed bump is over: its stops count from the next quote on."""
    amendment = book.amendments[row]
    position_row = amendment.position
    position = book.positions[position_row]
    _set_stops(position, amendment.fields, amendment.stop_loss, amendment.take_profit, amendment.trailing)
    remove_amendment(book, row)
    change_position(book, events, position_row, 0)


@kernel
def _set_stops(position: Row, fields: int, stop_loss: int, take_profit: int, trailing: int) -> None:
    """Set those stops of the position that `fields` names. One that stays ends one that trails, and back."""
    if trailing != 0:
        position.stop_loss = stop_loss
        position.trailing = trailing
    elif fields & Amend.STOP_LOSS.value:
        position.stop_loss = stop_loss
        position.trailing = 0
    elif fields & Amend.TRAILING_STOP.value and position.trailing != 0:
        position.stop_loss = 0
        position.trailing = 0
    if fields & Amend.TAKE_PROFIT.value:
        position.take_profit = take_profit


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
