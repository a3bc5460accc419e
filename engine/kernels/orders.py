"""Orders: checked, then filled at once or left to rest; each fill opens a position of its own under the order's id.

`plan` is all the checks of a new order and none of its changes: `place` acts on it, and order.test shows it.
Execution is `last`: what can fill fills at the last usable quote.
"""

from __future__ import annotations

from engine.commands import CLIENT_ORDER_ID_WORDS, OrderType, Side, TimeInForce
from engine.events import EventKind, OrderStatus
from engine.kernels import kernel
from engine.kernels.emit import begin
from engine.kernels.index import find, insert, remove
from engine.kernels.instruments import is_stale, opens_allowed
from engine.kernels.margin import bracket_row, liquidation_price
from engine.kernels.positions import open_position, trailing_distance
from engine.kernels.rows import release, take
from engine.kernels.seats import count_in, count_out, find_holding, find_seat
from engine.kernels.timers import clear_timer, set_timer
from engine.kernels.triggers import add, drop
from engine.reasons import Reason
from engine.scale import BOUND, NEVER_HIGH, NEVER_LOW, PPM, ceil_div, ppm_ceil
from engine.tables import LANE_ASK, LANE_BID, MATCH_OPEN, ORDERS, TIMER_ORDER, TRIGGER_ORDER


@kernel
def plan(book, command, seat_hint):
    """Would this order be accepted? The reason why not, or ACCEPTED and the plan in book.turn[0].

    `seat_hint` may be the row of the player's seat, or anything else.
    """
    world = book.world[0]
    plan = book.turn[0]

    if command.match < 1 or command.match > world.matches:
        return Reason.MATCH_NOT_FOUND.value
    match = book.matches[command.match]
    if match.status != MATCH_OPEN:
        return Reason.MATCH_NOT_OPEN.value
    plan.seat = find_seat(book, command.player, command.match, seat_hint)
    if plan.seat == 0:
        return Reason.NOT_JOINED.value
    seat = book.seats[plan.seat]
    if command.instrument < 1 or command.instrument > world.instruments:
        return Reason.INSTRUMENT_NOT_FOUND.value
    instrument = book.instruments[command.instrument]
    reason = opens_allowed(instrument)
    if reason != Reason.ACCEPTED.value:
        return reason

    reason = _well_formed(command, instrument.highest_price, world.now_ns)
    if reason != Reason.ACCEPTED.value:
        return reason
    if command.leverage > match.max_leverage or command.leverage > instrument.max_leverage:
        return Reason.LEVERAGE_TOO_HIGH.value
    if seat.orders + seat.positions >= match.max_positions:
        return Reason.TOO_MANY_POSITIONS.value
    if is_stale(book, command.instrument):
        return Reason.FEED_STALE.value
    quote = book.quotes[command.instrument]

    long = command.side == Side.LONG.value
    touch = quote.ask if long else quote.bid
    mark = quote.bid if long else quote.ask
    is_stop = command.order_type == OrderType.STOP.value
    beyond = (touch - command.price) * command.side
    if is_stop and beyond >= 0:
        return Reason.WOULD_TRIGGER_NOW.value
    marketable = command.order_type == OrderType.MARKET.value or (not is_stop and beyond <= 0)
    plan.fills = marketable
    plan.price = touch if marketable else command.price

    # Stops are held against the price at which the position would be valued.
    reason = check_stops(command.side, mark if marketable else command.price, command.stop_loss, command.take_profit,
                         command.trailing_ppm, instrument.highest_price)  # fmt: skip
    if reason != Reason.ACCEPTED.value:
        return reason

    if command.lots != 0:
        plan.lots = command.lots
    else:
        if command.margin > BOUND // command.leverage:
            return Reason.EXPOSURE_TOO_HIGH.value
        plan.lots = command.margin * command.leverage // (plan.price * instrument.value)
    if plan.lots == 0:
        return Reason.SIZE_ZERO.value
    if plan.lots < instrument.min_lots:
        return Reason.QUANTITY_TOO_LOW.value
    if plan.lots > instrument.max_lots:
        return Reason.QUANTITY_TOO_HIGH.value
    plan.notional = plan.price * plan.lots * instrument.value
    if plan.notional < instrument.min_notional:
        return Reason.NOTIONAL_TOO_LOW.value
    margin = ceil_div(plan.notional, command.leverage)
    plan.margin = margin
    if is_stop:
        # It may fill at any price: what is reserved is the most that its size allows, or the worst price of today.
        if command.lots == 0:
            plan.margin = command.margin
            plan.notional = command.margin * command.leverage
        else:
            plan.notional = max(command.price, touch) * plan.lots * instrument.value
            plan.margin = ceil_div(plan.notional, command.leverage)
    if plan.notional > BOUND - seat.notional:
        return Reason.EXPOSURE_TOO_HIGH.value
    plan.holding = find_holding(book, plan.seat, command.instrument)
    held = book.holdings[plan.holding].notional if plan.holding != 0 else 0
    if command.leverage > book.brackets[bracket_row(book, command.instrument, held + plan.notional)].max_leverage:
        return Reason.LEVERAGE_TOO_HIGH.value

    fee_ppm = instrument.taker_fee_ppm if marketable or is_stop else instrument.maker_fee_ppm
    plan.fee = ppm_ceil(plan.notional, fee_ppm) if match.fees else 0
    if plan.margin + plan.fee > seat.cash:
        return Reason.CASH_TOO_LOW.value
    cost = plan.price * plan.lots
    plan.liquidation = liquidation_price(book, command.instrument, command.side, plan.lots, cost, margin, match.fees)
    if marketable and liquidated_at(command.side, plan.liquidation, mark):
        return Reason.WOULD_LIQUIDATE_NOW.value
    return Reason.ACCEPTED.value


@kernel
def place(book, events, command, seat_hint, outcome):
    """A new order: filled at once, left to rest, or, when it may do neither, cancelled on arrival."""
    reason = plan(book, command, seat_hint)
    if reason != Reason.ACCEPTED.value:
        return reason

    world = book.world[0]
    plan_ = book.turn[0]
    seat = book.seats[plan_.seat]
    id = world.next_id
    world.next_id += 1
    outcome.id = id
    outcome.instrument = command.instrument
    if plan_.fills:
        seat.cash -= plan_.margin + plan_.fee
        holding = count_in(book, plan_.seat, plan_.holding, command.instrument, plan_.notional)
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
    elif command.time_in_force == TimeInForce.IOC.value:
        event = events.trade[begin(book, events, EventKind.ORDER_CANCELED, seat.player, seat.match, command.instrument)]
        _describe_canceled(event, command, plan_, id, seat.cash)
        outcome.status = OrderStatus.CANCELED.value
    else:
        _rest(book, events, command, plan_, id)
        outcome.status = OrderStatus.ACCEPTED.value
        outcome.liquidation = plan_.liquidation
    return reason


@kernel
def cancel(book, events, command, outcome):
    """Take back an order that rests, if it is the player's."""
    row = -find(book.id_index, command.order)
    if row <= 0 or book.seats[book.orders[row].seat].player != command.player:
        return Reason.ORDER_NOT_FOUND.value

    outcome.id = command.order
    outcome.instrument = book.orders[row].instrument
    outcome.status = OrderStatus.CANCELED.value
    end_order(book, events, row, EventKind.ORDER_CANCELED, Reason.ACCEPTED.value)
    return Reason.ACCEPTED.value


@kernel
def end_order(book, events, row, kind, reason):
    """The order ends without a fill; what it reserved comes back."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    _take_from_seat(book, row)
    seat.cash += order.margin + order.fee
    count_out(book, order.holding, order.notional, 1)
    remove(book.id_index, order.id)
    event = events.trade[begin(book, events, kind, seat.player, seat.match, order.instrument)]
    event.reason = reason
    _describe_order(event, order, seat.cash)
    order.id = 0
    release(book.orders, book.heads[ORDERS], row)


@kernel
def fill_resting(book, events, row):
    """The price that the order waits for is there: a limit order fills at its own price, a stop order at the touch.
    Or it is refused, by what has changed since, or by what the touch makes of its size."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    instrument = book.instruments[order.instrument]
    match = book.matches[seat.match]
    quote = book.quotes[order.instrument]
    price, lots, notional, margin = order.price, order.lots, order.notional, order.margin
    fee_ppm = instrument.maker_fee_ppm
    reason = opens_allowed(instrument)
    if order.order_type == OrderType.STOP.value:
        price = quote.ask if order.side > 0 else quote.bid
        if order.asked != 0:
            lots = order.asked * order.leverage // (price * instrument.value)
        notional = price * lots * instrument.value
        margin = ceil_div(notional, order.leverage)
        fee_ppm = instrument.taker_fee_ppm
        if reason == Reason.ACCEPTED.value:
            reason = _size_allowed(book, order, lots, notional)
    fee = ppm_ceil(notional, fee_ppm) if match.fees else 0
    liquidation = 0
    if reason == Reason.ACCEPTED.value and margin + fee - order.margin - order.fee > seat.cash:
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
    seat.notional += notional - order.notional
    book.holdings[order.holding].notional += notional - order.notional
    remove(book.id_index, order.id)
    event = events.trade[begin(book, events, EventKind.ORDER_FILLED, seat.player, seat.match, order.instrument)]
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
def _size_allowed(book, order, lots, notional):
    """The checks of a stop order's size once more, now that its price is known."""
    instrument = book.instruments[order.instrument]
    if lots == 0:
        return Reason.SIZE_ZERO.value
    if lots < instrument.min_lots:
        return Reason.QUANTITY_TOO_LOW.value
    if lots > instrument.max_lots:
        return Reason.QUANTITY_TOO_HIGH.value
    if notional < instrument.min_notional:
        return Reason.NOTIONAL_TOO_LOW.value
    more = notional - order.notional
    if more > BOUND - book.seats[order.seat].notional:
        return Reason.EXPOSURE_TOO_HIGH.value
    held = book.holdings[order.holding].notional + more
    if order.leverage > book.brackets[bracket_row(book, order.instrument, held)].max_leverage:
        return Reason.LEVERAGE_TOO_HIGH.value
    return Reason.ACCEPTED.value


@kernel
def check_stops(side, price, stop_loss, take_profit, trailing_ppm, highest_price):
    """May a position valued at `price` have these? A stop of 0 is none. A trailing stop is a stop of its own."""
    if trailing_ppm < 0 or trailing_ppm >= PPM or (trailing_ppm != 0 and stop_loss != 0):
        return Reason.TRAILING_STOP_INVALID.value
    if trailing_ppm != 0:
        trails_at = price - side * trailing_distance(price, trailing_ppm)
        if trails_at < 1 or trails_at > highest_price:
            return Reason.PRICE_INVALID.value
    if stop_loss < 0 or take_profit < 0 or stop_loss > highest_price or take_profit > highest_price:
        return Reason.PRICE_INVALID.value
    if stop_loss != 0 and (price - stop_loss) * side <= 0:
        return Reason.WOULD_TRIGGER_NOW.value
    if take_profit != 0 and (take_profit - price) * side <= 0:
        return Reason.WOULD_TRIGGER_NOW.value
    return Reason.ACCEPTED.value


@kernel
def liquidated_at(side, liquidation, mark):
    """Is `mark` at or beyond the liquidation price?"""
    return liquidation != 0 and (mark - liquidation) * side <= 0


@kernel
def _well_formed(command, highest_price, now_ns):
    """The checks of the command by itself."""
    if command.side != Side.LONG.value and command.side != Side.SHORT.value:
        return Reason.SIDE_INVALID.value
    market = command.order_type == OrderType.MARKET.value
    stop = command.order_type == OrderType.STOP.value
    if not market and not stop and command.order_type != OrderType.LIMIT.value:
        return Reason.TYPE_INVALID.value
    if command.time_in_force < TimeInForce.GTC.value or command.time_in_force > TimeInForce.IOC.value:
        return Reason.TIME_IN_FORCE_INVALID.value
    dated = command.time_in_force == TimeInForce.GTD.value
    if (market and dated) or (stop and command.time_in_force == TimeInForce.IOC.value):
        return Reason.TIME_IN_FORCE_INVALID.value
    if (dated and command.expires_at_ns <= now_ns) or (not dated and command.expires_at_ns != 0):
        return Reason.EXPIRY_INVALID.value
    if market and command.price != 0:
        return Reason.PRICE_INVALID.value
    if not market and (command.price < 1 or command.price > highest_price):
        return Reason.PRICE_INVALID.value
    if command.margin < 0 or command.lots < 0 or (command.margin == 0) == (command.lots == 0):
        return Reason.SIZE_INVALID.value
    if command.leverage < 1:
        return Reason.LEVERAGE_INVALID.value
    return Reason.ACCEPTED.value


@kernel
def _rest(book, events, command, plan, id):
    """Reserve margin and fee, and wait for the price."""
    seat = book.seats[plan.seat]
    row = take(book.orders, book.heads[ORDERS])
    order = book.orders[row]
    order.id = id
    order.seat = plan.seat
    order.instrument = command.instrument
    order.side = command.side
    order.leverage = command.leverage
    order.lots = plan.lots
    order.price = command.price
    order.stop_loss = command.stop_loss
    order.take_profit = command.take_profit
    order.trailing_ppm = command.trailing_ppm
    order.asked = command.margin if command.order_type == OrderType.STOP.value else 0
    order.margin = plan.margin
    order.fee = plan.fee
    order.notional = plan.notional
    order.accepted_at_ns = book.world[0].now_ns
    order.expires_at_ns = command.expires_at_ns
    _identify(order, command)
    insert(book.id_index, id, -row)

    seat.cash -= plan.margin + plan.fee
    seat.reserved += plan.margin + plan.fee
    order.holding = count_in(book, plan.seat, plan.holding, command.instrument, plan.notional)
    order.previous_in_seat = 0
    order.next_in_seat = seat.first_order
    if seat.first_order != 0:
        book.orders[seat.first_order].previous_in_seat = row
    seat.first_order = row
    seat.orders += 1

    # A buy waits for the ask, a sell for the bid: at a limit to come to its side, at a stop to leave it.
    lane = command.instrument * 2 + (LANE_ASK if command.side > 0 else LANE_BID)
    is_stop = command.order_type == OrderType.STOP.value
    if (command.side > 0) != is_stop:
        order.trigger = add(book, lane, command.price, NEVER_HIGH, row, TRIGGER_ORDER)
    else:
        order.trigger = add(book, lane, NEVER_LOW, command.price, row, TRIGGER_ORDER)
    order.timer = 0
    if command.expires_at_ns != 0:
        order.timer = set_timer(book, command.expires_at_ns, TIMER_ORDER, id, row)

    event = events.trade[begin(book, events, EventKind.ORDER_ACCEPTED, seat.player, seat.match, command.instrument)]
    _describe_order(event, order, seat.cash)
    event.liquidation = plan.liquidation


@kernel
def _take_from_seat(book, row):
    """The order no longer waits: its reservation, trigger, timer and links go. The caller settles cash and holding."""
    order = book.orders[row]
    seat = book.seats[order.seat]
    seat.reserved -= order.margin + order.fee
    seat.orders -= 1
    if order.previous_in_seat != 0:
        book.orders[order.previous_in_seat].next_in_seat = order.next_in_seat
    else:
        seat.first_order = order.next_in_seat
    if order.next_in_seat != 0:
        book.orders[order.next_in_seat].previous_in_seat = order.previous_in_seat
    drop(book, order.trigger)
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
