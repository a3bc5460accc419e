"""Orders: placed, then filled at once, resting until their price is reached, or waiting for the next quote.

Each fill opens a position of its own under the order's id. Under `last` execution a marketable order fills at once, at
the last usable quote; under `next` it waits for a quote that nobody has seen yet. A resting order can be amended and
cancelled; a waiting one cannot. Where there is a speed bump, the price of a resting order counts when it is over, and
so it does after an amendment.
"""

from __future__ import annotations

from engine.jit import kernel, rare_kernel
from engine.model.arithmetic import ceil_div, ppm_ceil
from engine.model.commands import CLIENT_ORDER_ID_WORDS, Amend, OrderType, TimeInForce
from engine.model.events import EventKind, OrderStatus
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.tables import (
    BUCKET_ASK,
    BUCKET_BID,
    ORDERS,
    TIMER_ORDER,
    TIMER_REST,
    TRIGGER_ORDER,
    WAITS_TO_OPEN,
    Book,
    Row,
)
from engine.storage.compact_index import find_open, remove, store
from engine.storage.event_buffer import new_event
from engine.storage.free_rows import release, take
from engine.storage.linked_rows import link, unlink
from engine.storage.timers import clear_timer, set_timer
from engine.trading.instruments import check_opening
from engine.trading.margin import liquidation_price
from engine.trading.order_checks import (
    check_amendment,
    check_exposure,
    check_hedging,
    check_order,
    check_size,
    liquidated_at,
    lots_at,
    size_order,
)
from engine.trading.order_rate import record_order
from engine.trading.positions import open_position
from engine.trading.seats import add_exposure, find_seat, release_exposure
from engine.trading.triggers import add_trigger, rearm, remove_trigger
from engine.trading.waiting_quotes import await_quote, stop_waiting, wait_for_quote


@kernel
def place_order(book: Book, events: Events, command: Row, outcome: Row) -> int:
    """Place an order: it fills at once, rests, waits for the next quote, or (immediate-or-cancel) is cancelled."""
    reason = check_order(book, command)
    if reason != Reason.ACCEPTED.value:
        return reason

    world = book.world[0]
    plan = book.order_plan[0]
    seat = book.seats[plan.seat]
    match = book.matches[command.match]
    if match.trades_per_minute != 0:
        record_order(book, seat.order_rate, match.trades_per_minute)
    id = world.next_id
    world.next_id += 1
    outcome.id = id
    outcome.instrument = command.instrument
    if plan.fills:
        seat.cash -= plan.margin + plan.fee
        holding = add_exposure(book, plan.seat, plan.holding, command.instrument, command.side, plan.notional)
        opened = open_position(
            book, events, id, plan.seat, holding, command.instrument, command.side, plan.lots, plan.price,
            plan.margin, plan.fee, plan.liquidation, command.stop_loss, command.take_profit, command.leverage,
            command.trailing_ppm,
        )  # fmt: skip
        _copy_identity(opened, command)
        outcome.status = OrderStatus.FILLED.value
        outcome.price = plan.price
        outcome.fee = plan.fee
        outcome.liquidation = plan.liquidation
    elif command.time_in_force == TimeInForce.IOC.value and not plan.waits:
        number = new_event(book, events, EventKind.ORDER_CANCELED, seat.player, seat.match, command.instrument)
        event = events.trade[number]
        _write_canceled(event, command, plan, id, seat.cash)
        outcome.status = OrderStatus.CANCELED.value
    else:
        row = _store_order(book, command, plan, id)
        if plan.waits:
            earliest_fill_at_ns = world.now_ns + match.speed_bump_ns
            book.orders[row].waiting = wait_for_quote(
                book, command.instrument, WAITS_TO_OPEN, row, 0, earliest_fill_at_ns
            )
        else:
            _start_resting(book, row, match.speed_bump_ns)
        number = new_event(book, events, EventKind.ORDER_ACCEPTED, seat.player, seat.match, command.instrument)
        event = events.trade[number]
        _write_order(event, book.orders[row], seat.cash)
        event.liquidation = plan.liquidation
        outcome.status = OrderStatus.ACCEPTED.value
        outcome.liquidation = plan.liquidation
    return reason


@kernel
def cancel_order(book: Book, events: Events, command: Row, outcome: Row) -> int:
    """Cancel a resting order."""
    row = -find_open(book, command.order)
    reason = _check_resting(book, row, command.player)
    if reason != Reason.ACCEPTED.value:
        return reason

    outcome.id = command.order
    outcome.instrument = book.orders[row].instrument
    outcome.status = OrderStatus.CANCELED.value
    end_order(book, events, row, EventKind.ORDER_CANCELED, Reason.ACCEPTED.value)
    return reason


@kernel
def start_cancel_all(book: Book, command: Row, outcome: Row) -> int:
    """Start to cancel the player's resting orders in the match: count them for the outcome, which is complete before
    `continue_cancel_all` has cancelled the last one. Walks the seat's orders."""
    if command.match < 1 or command.match > book.world[0].matches:
        return Reason.MATCH_NOT_FOUND.value
    seat_row = find_seat(book, command.player, command.match)
    if seat_row == 0:
        return Reason.NOT_JOINED.value

    row = book.seats[seat_row].first_order
    book.progress[0].order = row
    resting = 0
    while row != 0:
        resting += book.orders[row].waiting == 0
        row = book.orders[row].next_in_seat
    outcome.id = command.match
    outcome.status = OrderStatus.CANCELED.value
    outcome.left = resting
    return Reason.ACCEPTED.value


@rare_kernel
def continue_cancel_all(book: Book, events: Events, event_limit: int) -> bool:
    """Cancel resting orders from book.progress[0].order on, the latest first, until `event_limit` events are written;
    True when all are done."""
    progress = book.progress[0]
    while progress.order != 0:
        if progress.events >= event_limit:
            return False
        row = progress.order
        progress.order = book.orders[row].next_in_seat
        if book.orders[row].waiting == 0:
            end_order(book, events, row, EventKind.ORDER_CANCELED, Reason.ACCEPTED.value)
    return True


@rare_kernel
def amend_order(book: Book, events: Events, command: Row, outcome: Row) -> int:
    """Change price, stops or expiry of a resting order. It keeps its id, hence its time priority.

    With another price or other stops it is held back as if placed now.
    """
    row = -find_open(book, command.order)
    reason = _check_resting(book, row, command.player)
    if reason != Reason.ACCEPTED.value:
        return reason
    order = book.orders[row]
    stop_loss = command.stop_loss if command.fields & Amend.STOP_LOSS.value else order.stop_loss
    take_profit = command.take_profit if command.fields & Amend.TAKE_PROFIT.value else order.take_profit
    trailing_ppm = 0 if command.fields & Amend.STOP_LOSS.value else order.trailing_ppm
    reason = check_amendment(book, order, command, stop_loss, take_profit, trailing_ppm)
    if reason != Reason.ACCEPTED.value:
        return reason

    plan = book.order_plan[0]
    seat = book.seats[order.seat]
    order.price = plan.price
    order.stop_loss = stop_loss
    order.take_profit = take_profit
    order.trailing_ppm = trailing_ppm
    _update_reservation(book, row)
    if command.fields & (Amend.PRICE.value | Amend.STOP_LOSS.value | Amend.TAKE_PROFIT.value):
        _hold_back(book, row, book.matches[seat.match].speed_bump_ns)
    if command.fields & Amend.EXPIRY.value:
        order.time_in_force = TimeInForce.GTD.value if command.expires_at_ns != 0 else TimeInForce.GTC.value
        if order.timer != 0:
            clear_timer(book, order.timer)
        _set_expiry(book, row, command.expires_at_ns)
    event = events.trade[new_event(book, events, EventKind.ORDER_CHANGED, seat.player, seat.match, order.instrument)]
    _write_order(event, order, seat.cash)
    event.liquidation = plan.liquidation
    outcome.id = order.id
    outcome.instrument = order.instrument
    outcome.status = OrderStatus.ACCEPTED.value
    outcome.liquidation = plan.liquidation
    return reason


@kernel
def _check_resting(book: Book, row: int, player: int) -> int:
    """Is there a resting order of the player in the row? A Reason; ORDER_EXECUTING when it waits for its quote."""
    if row <= 0 or book.seats[book.orders[row].seat].player != player:
        return Reason.ORDER_NOT_FOUND.value
    if book.orders[row].waiting != 0:
        return Reason.ORDER_EXECUTING.value
    return Reason.ACCEPTED.value


@rare_kernel
def end_order(book: Book, events: Events, row: int, kind: int, reason: int) -> None:
    """End the order without a fill, release its reservation and emit an event of that kind and reason."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    _detach(book, row)
    seat.cash += order.margin + order.fee
    release_exposure(book, order.holding, order.notional, 1)
    remove(book.id_index, order.id, -row)
    event = events.trade[new_event(book, events, kind, seat.player, seat.match, order.instrument)]
    event.reason = reason
    _write_order(event, order, seat.cash)
    order.id = 0
    release(book.orders, book.heads[ORDERS], row)


@kernel
def fill_waiting(book: Book, events: Events, row: int) -> None:
    """Execute a waiting order at the current quote. A limit order that is no longer marketable rests, or is cancelled
    if immediate-or-cancel; a market order beyond its slippage is refused; else the order fills at the touch."""
    order = book.orders[row]
    quote = book.quotes[order.instrument]
    touch = quote.ask if order.side > 0 else quote.bid
    away = (touch - order.price) * order.side
    if order.order_type == OrderType.LIMIT.value and away > 0:
        if order.time_in_force == TimeInForce.IOC.value:
            end_order(book, events, row, EventKind.ORDER_CANCELED, Reason.ACCEPTED.value)
        else:
            _convert_to_resting(book, events, row)
    elif order.max_slippage_ppm != 0 and away > ppm_ceil(order.price, order.max_slippage_ppm):
        end_order(book, events, row, EventKind.ORDER_REFUSED, Reason.SLIPPAGE_TOO_HIGH.value)
    else:
        _fill_at_touch(book, events, row, touch)


@kernel
def fill_resting(book: Book, events: Events, row: int) -> None:
    """Fill a resting order whose price is reached: a limit order at its price, a stop order at the touch."""
    order = book.orders[row]
    quote = book.quotes[order.instrument]
    if order.order_type == OrderType.STOP.value:
        _fill_at_touch(book, events, row, quote.ask if order.side > 0 else quote.bid)
    else:
        fee_ppm = book.instruments[order.instrument].maker_fee_ppm
        _fill(book, events, row, order.price, order.lots, fee_ppm, Reason.ACCEPTED.value)


@kernel
def _fill_at_touch(book: Book, events: Events, row: int, touch: int) -> None:
    """Compute the order's lots at the touch, and fill it if that size is allowed."""
    order = book.orders[row]
    instrument = book.instruments[order.instrument]
    lots = lots_at(instrument, order.lots, order.asked, order.leverage, touch)
    reason = check_size(instrument, lots, touch)
    if reason == Reason.ACCEPTED.value:
        more = touch * lots * instrument.value - order.notional
        seat = book.seats[order.seat]
        reason = check_exposure(book, seat, order.holding, order.instrument, more, order.leverage)
    _fill(book, events, row, touch, lots, instrument.taker_fee_ppm, reason)


@rare_kernel
def _fill(book: Book, events: Events, row: int, price: int, lots: int, fee_ppm: int, reason: int) -> None:
    """Open the order's position at `price`; or refuse the order, for `reason` or when a check now fails."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    instrument = book.instruments[order.instrument]
    match = book.matches[seat.match]
    quote = book.quotes[order.instrument]
    allowed = check_opening(book, seat, order.instrument)
    if allowed == Reason.ACCEPTED.value:
        allowed = check_hedging(book, match, order.holding, order.side)
    if allowed != Reason.ACCEPTED.value:
        reason = allowed
    notional, margin, fee, liquidation = 0, 0, 0, 0
    if reason == Reason.ACCEPTED.value:
        notional = price * lots * instrument.value
        margin = ceil_div(notional, order.leverage)
        fee = ppm_ceil(notional, fee_ppm) if match.fees else 0
        if margin + fee - order.margin - order.fee > seat.cash:
            reason = Reason.CASH_TOO_LOW.value
    if reason == Reason.ACCEPTED.value:
        mark = quote.bid if order.side > 0 else quote.ask
        liquidation = liquidation_price(book, order.instrument, order.side, lots, price * lots, margin, match.fees)
        if liquidated_at(order.side, liquidation, mark):
            reason = Reason.WOULD_LIQUIDATE_NOW.value
    if reason != Reason.ACCEPTED.value:
        end_order(book, events, row, EventKind.ORDER_REFUSED, reason)
        return

    _detach(book, row)
    seat.cash += order.margin + order.fee - margin - fee
    _update_notional(book, order, notional)
    remove(book.id_index, order.id, -row)
    event = events.trade[new_event(book, events, EventKind.ORDER_FILLED, seat.player, seat.match, order.instrument)]
    _write_order(event, order, seat.cash)
    event.price = price
    event.lots = lots
    event.cost = price * lots
    event.margin = margin
    event.fee = fee
    event.liquidation = liquidation
    opened = open_position(
        book, events, order.id, order.seat, order.holding, order.instrument, order.side, lots, price, margin, fee,
        liquidation, order.stop_loss, order.take_profit, order.leverage, order.trailing_ppm,
    )  # fmt: skip
    _copy_identity(opened, order)
    order.id = 0
    release(book.orders, book.heads[ORDERS], row)


@kernel
def _convert_to_resting(book: Book, events: Events, row: int) -> None:
    """Let a waiting limit order rest at its price, sized at that price with the maker fee."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    instrument = book.instruments[order.instrument]
    plan = book.order_plan[0]
    match = book.matches[seat.match]
    fee_ppm = instrument.maker_fee_ppm
    reason = size_order(book, instrument, match, order.lots, order.asked, order.leverage, order.price, 0, fee_ppm)
    if reason == Reason.ACCEPTED.value and plan.margin + plan.fee - order.margin - order.fee > seat.cash:
        reason = Reason.CASH_TOO_LOW.value
    if reason != Reason.ACCEPTED.value:
        end_order(book, events, row, EventKind.ORDER_REFUSED, reason)
        return

    stop_waiting(book, order.waiting)
    order.waiting = 0
    _update_reservation(book, row)
    _start_resting(book, row, 0)
    event = events.trade[new_event(book, events, EventKind.ORDER_CHANGED, seat.player, seat.match, order.instrument)]
    _write_order(event, order, seat.cash)


@kernel
def _update_reservation(book: Book, row: int) -> None:
    """Set the order's size and reservation to the plan's."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    plan = book.order_plan[0]
    more = plan.margin + plan.fee - order.margin - order.fee
    seat.cash -= more
    seat.reserved += more
    _update_notional(book, order, plan.notional)
    order.lots = plan.lots
    order.notional = plan.notional
    order.margin = plan.margin
    order.fee = plan.fee


@kernel
def _update_notional(book: Book, order: Row, notional: int) -> None:
    """Replace the order's notional in the sums of its seat and holding."""
    book.seats[order.seat].notional += notional - order.notional
    book.holdings[order.holding].notional += notional - order.notional


@kernel
def _store_order(book: Book, command: Row, plan: Row, id: int) -> int:
    """Store the planned order, with margin and fee reserved; returns its row. The caller lets it rest or wait."""
    seat = book.seats[plan.seat]
    row = take(book.orders, book.heads[ORDERS])
    order = book.orders[row]
    order.id = id
    order.seat = plan.seat
    order.instrument = command.instrument
    order.side = command.side
    order.time_in_force = command.time_in_force
    order.leverage = command.leverage
    order.lots = plan.lots
    order.price = command.price if command.price != 0 else plan.price
    order.stop_loss = command.stop_loss
    order.take_profit = command.take_profit
    order.trailing_ppm = command.trailing_ppm
    order.asked = command.margin
    order.max_slippage_ppm = command.max_slippage_ppm
    order.margin = plan.margin
    order.fee = plan.fee
    order.notional = plan.notional
    order.accepted_at_ns = book.world[0].now_ns
    order.trigger = 0
    order.waiting = 0
    order.bump_timer = 0
    _copy_identity(order, command)
    store(book.id_index, id, -row)

    seat.cash -= plan.margin + plan.fee
    seat.reserved += plan.margin + plan.fee
    order.holding = add_exposure(book, plan.seat, plan.holding, command.instrument, command.side, plan.notional)
    seat.first_order = link(book.orders.next_in_seat, book.orders.previous_in_seat, seat.first_order, row)
    seat.orders += 1
    _set_expiry(book, row, command.expires_at_ns)
    return row


@kernel
def _set_expiry(book: Book, row: int, expires_at_ns: int) -> None:
    """Set the expiry, and its timer, of an order without a timer; 0: never."""
    order = book.orders[row]
    order.expires_at_ns = expires_at_ns
    order.timer = 0
    if expires_at_ns != 0:
        order.timer = set_timer(book, expires_at_ns, TIMER_ORDER, order.id, row)


@kernel
def _start_resting(book: Book, row: int, bump_ns: int) -> None:
    """Give the order its trigger: a buy fires on the ask, a sell on the bid. Its price counts `bump_ns` from now on."""
    order = book.orders[row]
    bucket = order.instrument * 2 + (BUCKET_ASK if order.side > 0 else BUCKET_BID)
    if bump_ns == 0:
        order.trigger = add_trigger(book, bucket, _low_bound(order), _high_bound(order), row, TRIGGER_ORDER)
    else:
        order.trigger = add_trigger(book, bucket, NEVER_LOW, NEVER_HIGH, row, TRIGGER_ORDER)
        _hold_back(book, row, bump_ns)


@kernel
def _hold_back(book: Book, row: int, bump_ns: int) -> None:
    """Let the price of an order that has a trigger count `bump_ns` from now on, and not before."""
    order = book.orders[row]
    if order.bump_timer != 0:
        clear_timer(book, order.bump_timer)
        order.bump_timer = 0
    if bump_ns == 0:
        rearm(book, order.trigger, _low_bound(order), _high_bound(order))
    else:
        counts_from_ns = book.world[0].now_ns + bump_ns
        order.bump_timer = set_timer(book, counts_from_ns, TIMER_REST, order.id, row)
        await_quote(book, order.instrument, counts_from_ns)
        rearm(book, order.trigger, NEVER_LOW, NEVER_HIGH)


@kernel
def end_speed_bump(book: Book, row: int) -> None:
    """The price of the order in the row counts from the next quote on."""
    order = book.orders[row]
    clear_timer(book, order.bump_timer)
    order.bump_timer = 0
    rearm(book, order.trigger, _low_bound(order), _high_bound(order))


@kernel
def _low_bound(order: Row) -> int:
    return order.price if _fires_on_fall(order) else NEVER_LOW


@kernel
def _high_bound(order: Row) -> int:
    return NEVER_HIGH if _fires_on_fall(order) else order.price


@kernel
def _fires_on_fall(order: Row) -> bool:
    """Buy limits and sell stops fire when the price falls, sell limits and buy stops when it rises."""
    return (order.side > 0) != (order.order_type == OrderType.STOP.value)


@kernel
def _detach(book: Book, row: int) -> None:
    """Remove the order's reservation, links, trigger, queue entry and timer. The caller updates cash and holding."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    seat.reserved -= order.margin + order.fee
    seat.orders -= 1
    seat.first_order = unlink(book.orders.next_in_seat, book.orders.previous_in_seat, seat.first_order, row)
    if order.trigger != 0:
        remove_trigger(book, order.trigger)
    if order.waiting != 0:
        stop_waiting(book, order.waiting)
    if order.bump_timer != 0:
        clear_timer(book, order.bump_timer)
    if order.timer != 0:
        clear_timer(book, order.timer)


@kernel
def _copy_identity(to: Row, order: Row) -> None:
    """Copy order type and client order id from a command or a row to an event or a row.

    The id is copied word by word: assigning the slice would allocate.
    """
    to.order_type = order.order_type
    for word in range(CLIENT_ORDER_ID_WORDS):
        to.client_order_id[word] = order.client_order_id[word]


@kernel
def _write_canceled(event: Row, command: Row, plan: Row, id: int, cash: int) -> None:
    """Write an order that was cancelled on arrival: margin and fee stay 0, because nothing was reserved."""
    event.id = id
    event.side = command.side
    event.leverage = command.leverage
    event.price = plan.price
    event.lots = plan.lots
    event.cost = plan.price * plan.lots
    event.cash = cash
    event.liquidation = plan.liquidation
    event.stop_loss = command.stop_loss
    event.take_profit = command.take_profit
    event.trailing = command.trailing_ppm
    _copy_identity(event, command)


@kernel
def _write_order(event: Row, order: Row, cash: int) -> None:
    event.id = order.id
    event.side = order.side
    event.leverage = order.leverage
    event.price = order.price
    event.lots = order.lots
    event.cost = order.price * order.lots
    event.margin = order.margin
    event.fee = order.fee
    event.cash = cash
    event.stop_loss = order.stop_loss
    event.take_profit = order.take_profit
    event.trailing = order.trailing_ppm
    _copy_identity(event, order)
