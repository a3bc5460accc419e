"""Orders: placed, then filled at once, left to rest until their price comes, or left to wait for the next quote.

Each fill opens a position of its own under the order's id. Under `last` execution what can fill fills at once, at the
last usable quote; under `next` whatever a client causes waits for a quote that nobody has seen yet. What rests can be
amended and cancelled; what waits for its quote is on its way.
"""

from __future__ import annotations

from engine.jit import kernel, rare_kernel
from engine.model.arithmetic import ceil_div, ppm_ceil
from engine.model.commands import CLIENT_ORDER_ID_WORDS, Amend, OrderType, TimeInForce
from engine.model.events import EventKind, OrderStatus
from engine.model.reasons import Reason
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.tables import BUCKET_ASK, BUCKET_BID, ORDERS, TIMER_ORDER, TRIGGER_ORDER, WAITS_TO_OPEN
from engine.storage.compact_index import find_open, remove, store
from engine.storage.event_buffer import new_event
from engine.storage.free_rows import release, take
from engine.storage.linked_rows import link, unlink
from engine.storage.timers import clear_timer, set_timer
from engine.trading.instruments import opens_allowed
from engine.trading.margin import liquidation_price
from engine.trading.order_checks import (
    check_exposure,
    check_size,
    liquidated_at,
    lots_at,
    plan,
    plan_amendment,
    plan_size,
)
from engine.trading.order_rate import record_order
from engine.trading.positions import open_position
from engine.trading.seats import add_exposure, find_seat, release_exposure
from engine.trading.triggers import add, drop, rearm
from engine.trading.waiting_quotes import stop_waiting, wait_for_quote


@kernel
def place(book, events, command, outcome):
    """A new order: filled at once, left to rest or to wait, or, when it may do none of these, cancelled on arrival."""
    reason = plan(book, command)
    if reason != Reason.ACCEPTED.value:
        return reason

    world = book.world[0]
    plan_ = book.order_plan[0]
    seat = book.seats[plan_.seat]
    match = book.matches[command.match]
    if match.trades_per_minute != 0:
        record_order(book, seat.order_rate, match.trades_per_minute)
    id = world.next_id
    world.next_id += 1
    outcome.id = id
    outcome.instrument = command.instrument
    if plan_.fills:
        seat.cash -= plan_.margin + plan_.fee
        holding = add_exposure(book, plan_.seat, plan_.holding, command.instrument, plan_.notional)
        opened = open_position(
            book, events, id, plan_.seat, holding, command.instrument, command.side, plan_.lots, plan_.price,
            plan_.margin, plan_.fee, plan_.liquidation, command.stop_loss, command.take_profit, command.leverage,
            command.trailing_ppm,
        )  # fmt: skip
        _identify(opened, command)
        outcome.status = OrderStatus.FILLED.value
        outcome.price = plan_.price
        outcome.fee = plan_.fee
        outcome.liquidation = plan_.liquidation
    elif command.time_in_force == TimeInForce.IOC.value and not plan_.waits:
        number = new_event(book, events, EventKind.ORDER_CANCELED, seat.player, seat.match, command.instrument)
        event = events.trade[number]
        _describe_canceled(event, command, plan_, id, seat.cash)
        outcome.status = OrderStatus.CANCELED.value
    else:
        row = _keep(book, command, plan_, id)
        if plan_.waits:
            earliest_fill_at_ns = world.now_ns + match.speed_bump_ns
            book.orders[row].waiting = wait_for_quote(
                book, command.instrument, WAITS_TO_OPEN, row, 0, earliest_fill_at_ns
            )
        else:
            _rest(book, row)
        number = new_event(book, events, EventKind.ORDER_ACCEPTED, seat.player, seat.match, command.instrument)
        event = events.trade[number]
        _describe_order(event, book.orders[row], seat.cash)
        event.liquidation = plan_.liquidation
        outcome.status = OrderStatus.ACCEPTED.value
        outcome.liquidation = plan_.liquidation
    return reason


@kernel
def cancel(book, events, command, outcome):
    """Take back an order that rests."""
    row = -find_open(book, command.order)
    reason = _check_own(book, row, command.player)
    if reason != Reason.ACCEPTED.value:
        return reason

    outcome.id = command.order
    outcome.instrument = book.orders[row].instrument
    outcome.status = OrderStatus.CANCELED.value
    end_order(book, events, row, EventKind.ORDER_CANCELED, Reason.ACCEPTED.value)
    return reason


@kernel
def start_cancel_all(book, command, outcome):
    """Take back all that the player has resting in the match: count it here, for the outcome may be remembered before
    the last is cancelled, which `go_on_cancelling` does. Walks the seat's orders."""
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
def go_on_cancelling(book, events, room):
    """Cancel what rests from book.progress[0].order on, the latest first, while more than `room` events fit; True when
    all is done."""
    progress = book.progress[0]
    while progress.order != 0:
        if progress.events >= room:
            return False
        row = progress.order
        progress.order = book.orders[row].next_in_seat
        if book.orders[row].waiting == 0:
            end_order(book, events, row, EventKind.ORDER_CANCELED, Reason.ACCEPTED.value)
    return True


@rare_kernel
def amend_order(book, events, command, outcome):
    """Give an order that rests another price, other stops, another end. Its id and its place in line stay."""
    row = -find_open(book, command.order)
    reason = _check_own(book, row, command.player)
    if reason != Reason.ACCEPTED.value:
        return reason
    order = book.orders[row]
    stop_loss = command.stop_loss if command.fields & Amend.STOP_LOSS.value else order.stop_loss
    take_profit = command.take_profit if command.fields & Amend.TAKE_PROFIT.value else order.take_profit
    trailing_ppm = 0 if command.fields & Amend.STOP_LOSS.value else order.trailing_ppm
    reason = plan_amendment(book, order, command, stop_loss, take_profit, trailing_ppm)
    if reason != Reason.ACCEPTED.value:
        return reason

    plan_ = book.order_plan[0]
    seat = book.seats[order.seat]
    order.price = plan_.price
    order.stop_loss = stop_loss
    order.take_profit = take_profit
    order.trailing_ppm = trailing_ppm
    _reserve_anew(book, row)
    rearm(book, order.trigger, _low(order), _high(order))
    if command.fields & Amend.EXPIRY.value:
        order.time_in_force = TimeInForce.GTD.value if command.expires_at_ns != 0 else TimeInForce.GTC.value
        if order.timer != 0:
            clear_timer(book, order.timer)
        _expire_at(book, row, command.expires_at_ns)
    event = events.trade[new_event(book, events, EventKind.ORDER_CHANGED, seat.player, seat.match, order.instrument)]
    _describe_order(event, order, seat.cash)
    event.liquidation = plan_.liquidation
    outcome.id = order.id
    outcome.instrument = order.instrument
    outcome.status = OrderStatus.ACCEPTED.value
    outcome.liquidation = plan_.liquidation
    return reason


@kernel
def _check_own(book, row, player):
    """Is there a resting order of the player's in the row? One that waits for its quote is on its way."""
    if row <= 0 or book.seats[book.orders[row].seat].player != player:
        return Reason.ORDER_NOT_FOUND.value
    if book.orders[row].waiting != 0:
        return Reason.ORDER_EXECUTING.value
    return Reason.ACCEPTED.value


@rare_kernel
def end_order(book, events, row, kind, reason):
    """The order ends without a fill; what it reserved comes back."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    _take_from_seat(book, row)
    seat.cash += order.margin + order.fee
    release_exposure(book, order.holding, order.notional, 1)
    remove(book.id_index, order.id, -row)
    event = events.trade[new_event(book, events, kind, seat.player, seat.match, order.instrument)]
    event.reason = reason
    _describe_order(event, order, seat.cash)
    order.id = 0
    release(book.orders, book.heads[ORDERS], row)


@kernel
def fill_waiting(book, events, row):
    """The quote that the order waits for is there. A limit order that it does not reach any more rests from now on, or
    is cancelled; a market order that it has moved away from is refused; else it fills at the touch."""
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
def fill_resting(book, events, row):
    """The price that the order rests for is there: a limit order fills at its own price, a stop order at the touch."""
    order = book.orders[row]
    quote = book.quotes[order.instrument]
    if order.order_type == OrderType.STOP.value:
        _fill_at_touch(book, events, row, quote.ask if order.side > 0 else quote.bid)
    else:
        fee_ppm = book.instruments[order.instrument].maker_fee_ppm
        _fill(book, events, row, order.price, order.lots, fee_ppm, Reason.ACCEPTED.value)


@kernel
def _fill_at_touch(book, events, row, touch):
    """Size the order anew, now that its price is known, and fill it if that size is allowed."""
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
def _fill(book, events, row, price, lots, fee_ppm, reason):
    """Open the order's position at `price`; or refuse it, for `reason` or for what has changed since it came."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    instrument = book.instruments[order.instrument]
    match = book.matches[seat.match]
    quote = book.quotes[order.instrument]
    allowed = opens_allowed(book, seat, order.instrument)
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

    _take_from_seat(book, row)
    seat.cash += order.margin + order.fee - margin - fee
    _count_anew(book, order, notional)
    remove(book.id_index, order.id, -row)
    event = events.trade[new_event(book, events, EventKind.ORDER_FILLED, seat.player, seat.match, order.instrument)]
    _describe_order(event, order, seat.cash)
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
    _identify(opened, order)
    order.id = 0
    release(book.orders, book.heads[ORDERS], row)


@kernel
def _convert_to_resting(book, events, row):
    """A limit order that waited for its quote in vain rests at its price: sized by it, with the maker's fee."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    instrument = book.instruments[order.instrument]
    plan_ = book.order_plan[0]
    reason = plan_size(book, instrument, book.matches[seat.match], order.lots, order.asked, order.leverage, order.price,
                       0, instrument.maker_fee_ppm)  # fmt: skip
    if reason == Reason.ACCEPTED.value and plan_.margin + plan_.fee - order.margin - order.fee > seat.cash:
        reason = Reason.CASH_TOO_LOW.value
    if reason != Reason.ACCEPTED.value:
        end_order(book, events, row, EventKind.ORDER_REFUSED, reason)
        return

    stop_waiting(book, order.waiting)
    order.waiting = 0
    _reserve_anew(book, row)
    _rest(book, row)
    event = events.trade[new_event(book, events, EventKind.ORDER_CHANGED, seat.player, seat.match, order.instrument)]
    _describe_order(event, order, seat.cash)


@kernel
def _reserve_anew(book, row):
    """The order is of the planned size from now on, and reserves what is planned for it."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    plan_ = book.order_plan[0]
    more = plan_.margin + plan_.fee - order.margin - order.fee
    seat.cash -= more
    seat.reserved += more
    _count_anew(book, order, plan_.notional)
    order.lots = plan_.lots
    order.notional = plan_.notional
    order.margin = plan_.margin
    order.fee = plan_.fee


@kernel
def _count_anew(book, order, notional):
    """The order's seat and holding count this notional for it, not what was reserved."""
    book.seats[order.seat].notional += notional - order.notional
    book.holdings[order.holding].notional += notional - order.notional


@kernel
def _keep(book, command, plan, id):
    """A row for an order that stays, with margin and fee reserved; returns it. The caller lets it rest or wait."""
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
    _identify(order, command)
    store(book.id_index, id, -row)

    seat.cash -= plan.margin + plan.fee
    seat.reserved += plan.margin + plan.fee
    order.holding = add_exposure(book, plan.seat, plan.holding, command.instrument, plan.notional)
    seat.first_order = link(book.orders.next_in_seat, book.orders.previous_in_seat, seat.first_order, row)
    seat.orders += 1
    _expire_at(book, row, command.expires_at_ns)
    return row


@kernel
def _expire_at(book, row, expires_at_ns):
    """Let the order, which has no timer, end then; 0: never."""
    order = book.orders[row]
    order.expires_at_ns = expires_at_ns
    order.timer = 0
    if expires_at_ns != 0:
        order.timer = set_timer(book, expires_at_ns, TIMER_ORDER, order.id, row)


@kernel
def _rest(book, row):
    """Let the order wait for its price: a buy waits for the ask, a sell for the bid."""
    order = book.orders[row]
    bucket = order.instrument * 2 + (BUCKET_ASK if order.side > 0 else BUCKET_BID)
    order.trigger = add(book, bucket, _low(order), _high(order), row, TRIGGER_ORDER)


@kernel
def _low(order):
    return order.price if _waits_for_a_fall(order) else NEVER_LOW


@kernel
def _high(order):
    return NEVER_HIGH if _waits_for_a_fall(order) else order.price


@kernel
def _waits_for_a_fall(order):
    """A limit waits for the price to come to its side, a stop for it to leave it."""
    return (order.side > 0) != (order.order_type == OrderType.STOP.value)


@kernel
def _take_from_seat(book, row):
    """The order is no more: its reservation, links and timer go, and what it rested or waited by. The caller settles
    cash and holding."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    seat.reserved -= order.margin + order.fee
    seat.orders -= 1
    seat.first_order = unlink(book.orders.next_in_seat, book.orders.previous_in_seat, seat.first_order, row)
    if order.trigger != 0:
        drop(book, order.trigger)
    if order.waiting != 0:
        stop_waiting(book, order.waiting)
    if order.timer != 0:
        clear_timer(book, order.timer)


@kernel
def _identify(to, order):
    """Write which order this is of to an event or a row: its type and the client's id of it, from a command or a row.

    The id goes word by word: assigning the slice would allocate.
    """
    to.order_type = order.order_type
    for word in range(CLIENT_ORDER_ID_WORDS):
        to.client_order_id[word] = order.client_order_id[word]


@kernel
def _describe_canceled(event, command, plan, id, cash):
    """An order that may not rest: margin and fee stay 0, for it has reserved nothing."""
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
    _identify(event, command)


@kernel
def _describe_order(event, order, cash):
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
    _identify(event, order)
