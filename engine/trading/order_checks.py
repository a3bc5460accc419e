"""All checks of a new or amended order, without changes: the result is a plan in book.order_plan[0].

orders.py executes a plan; order.test of the protocol shows it.
"""

from __future__ import annotations

from engine.jit import entry, kernel
from engine.model.arithmetic import ceil_div, ppm_ceil
from engine.model.commands import Amend, OrderType, Side, TimeInForce
from engine.model.reasons import Reason
from engine.model.scale import BOUND, PPM
from engine.model.tables import MATCH_OPEN, SEAT_ACTIVE, SEAT_LOCKED, Book, Row
from engine.storage.hash_index import allowed_key, find
from engine.trading.instruments import check_opening, is_stale
from engine.trading.margin import bracket_row, liquidation_price
from engine.trading.order_rate import exceeds_order_rate
from engine.trading.positions import trailing_distance
from engine.trading.seats import find_holding, find_seat


@entry
def check_order(book: Book, command: Row) -> int:
    """Would this order be accepted? A reason why not, or ACCEPTED with the plan in book.order_plan[0]."""
    world = book.world[0]
    plan = book.order_plan[0]

    if command.match < 1 or command.match > world.matches:
        return Reason.MATCH_NOT_FOUND.value
    match = book.matches[command.match]
    if match.status != MATCH_OPEN:
        return Reason.MATCH_NOT_OPEN.value
    plan.seat = find_seat(book, command.player, command.match)
    if plan.seat == 0:
        return Reason.NOT_JOINED.value
    seat = book.seats[plan.seat]
    if seat.status != SEAT_ACTIVE:
        return Reason.SEAT_LOCKED.value if seat.status == SEAT_LOCKED else Reason.SEAT_DISQUALIFIED.value
    if command.instrument < 1 or command.instrument > world.instruments:
        return Reason.INSTRUMENT_NOT_FOUND.value
    instrument = book.instruments[command.instrument]
    reason = check_opening(book, seat, command.instrument)
    if reason != Reason.ACCEPTED.value:
        return reason

    reason = _check_fields(command, instrument.highest_price, world.now_ns)
    if reason != Reason.ACCEPTED.value:
        return reason
    if match.restricted and find(book.allowed_index, allowed_key(command.match, command.instrument)) == 0:
        return Reason.INSTRUMENT_NOT_ALLOWED.value
    if match.allowed_side != 0 and command.side != match.allowed_side:
        return Reason.SIDE_NOT_ALLOWED.value
    if command.leverage > match.max_leverage or command.leverage > instrument.max_leverage:
        return Reason.LEVERAGE_TOO_HIGH.value
    if seat.orders + seat.positions >= match.max_positions:
        return Reason.TOO_MANY_POSITIONS.value
    if match.trades_per_minute != 0 and exceeds_order_rate(book, seat.order_rate, match.trades_per_minute):
        return Reason.TOO_MANY_TRADES.value
    if is_stale(book, match, command.instrument):
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
    plan.price = touch if marketable else command.price
    next_quote = match.next_quote != 0
    plan.waits = next_quote & (marketable | (command.time_in_force == TimeInForce.IOC.value))
    plan.fills = marketable & (not next_quote)

    # Stops are compared with the price at which the position would be valued.
    reason = check_stops(command.side, mark if marketable else command.price, command.stop_loss, command.take_profit,
                         command.trailing_ppm, instrument.highest_price)  # fmt: skip
    if reason != Reason.ACCEPTED.value:
        return reason

    if command.margin > BOUND // command.leverage:
        return Reason.EXPOSURE_TOO_HIGH.value
    worst = max(command.price, touch) if is_stop or plan.waits else 0
    fee_ppm = instrument.taker_fee_ppm if marketable or worst != 0 else instrument.maker_fee_ppm
    reason = size_order(book, instrument, match, command.lots, command.margin, command.leverage, plan.price, worst,
                       fee_ppm)  # fmt: skip
    if reason != Reason.ACCEPTED.value:
        return reason
    plan.holding = find_holding(book, plan.seat, command.instrument)
    reason = check_hedging(book, match, plan.holding, command.side)
    if reason != Reason.ACCEPTED.value:
        return reason
    reason = check_exposure(book, seat, plan.holding, command.instrument, plan.notional, command.leverage)
    if reason != Reason.ACCEPTED.value:
        return reason
    if plan.margin + plan.fee > seat.cash:
        return Reason.CASH_TOO_LOW.value
    _set_liquidation(book, command.instrument, command.side, command.leverage, match.fees)
    if marketable and liquidated_at(command.side, plan.liquidation, mark):
        return Reason.WOULD_LIQUIDATE_NOW.value
    return Reason.ACCEPTED.value


@kernel
def check_amendment(book: Book, order: Row, command: Row, stop_loss: int, take_profit: int, trailing_ppm: int) -> int:
    """May the resting order be amended so, and then have these stops? A reason why not, or ACCEPTED with its new price,
    size and reservation in book.order_plan[0]."""
    plan = book.order_plan[0]
    plan.price = order.price
    plan.lots = order.lots
    plan.notional = order.notional
    plan.margin = order.margin
    plan.fee = order.fee
    ends = command.fields & Amend.EXPIRY.value and command.expires_at_ns != 0
    if ends and command.expires_at_ns <= book.world[0].now_ns:
        return Reason.EXPIRY_INVALID.value
    if command.fields & Amend.PRICE.value:
        reason = _check_new_price(book, order, command.price)
        if reason != Reason.ACCEPTED.value:
            return reason
    if command.fields & (Amend.PRICE.value | Amend.STOP_LOSS.value | Amend.TAKE_PROFIT.value):
        highest_price = book.instruments[order.instrument].highest_price
        reason = check_stops(order.side, plan.price, stop_loss, take_profit, trailing_ppm, highest_price)
        if reason != Reason.ACCEPTED.value:
            return reason
    fees = book.matches[book.seats[order.seat].match].fees
    _set_liquidation(book, order.instrument, order.side, order.leverage, fees)
    return Reason.ACCEPTED.value


@kernel
def _check_new_price(book: Book, order: Row, price: int) -> int:
    """Plan the order as if placed at `price`. It must rest there: without a speed bump it must not fill."""
    plan = book.order_plan[0]
    instrument = book.instruments[order.instrument]
    seat = book.seats[order.seat]
    reason = check_opening(book, book.seats[order.seat], order.instrument)
    if reason != Reason.ACCEPTED.value:
        return reason
    if price < 1 or price > instrument.highest_price:
        return Reason.PRICE_INVALID.value
    match = book.matches[seat.match]
    if is_stale(book, match, order.instrument):
        return Reason.FEED_STALE.value
    quote = book.quotes[order.instrument]
    touch = quote.ask if order.side > 0 else quote.bid
    beyond = (touch - price) * order.side
    is_stop = order.order_type == OrderType.STOP.value
    if is_stop and beyond >= 0:
        return Reason.WOULD_TRIGGER_NOW.value
    if not is_stop and beyond <= 0:
        return Reason.WOULD_FILL_NOW.value

    plan.price = price
    worst = max(price, touch) if is_stop else 0
    fee_ppm = instrument.taker_fee_ppm if is_stop else instrument.maker_fee_ppm
    reason = size_order(book, instrument, match, order.lots, order.asked, order.leverage, price, worst, fee_ppm)
    if reason != Reason.ACCEPTED.value:
        return reason
    more = plan.notional - order.notional
    reason = check_exposure(book, seat, order.holding, order.instrument, more, order.leverage)
    if reason == Reason.ACCEPTED.value and plan.margin + plan.fee - order.margin - order.fee > seat.cash:
        return Reason.CASH_TOO_LOW.value
    return reason


@kernel
def size_order(
    book: Book, instrument: Row, match: Row, lots: int, margin: int, leverage: int, price: int, worst: int, fee_ppm: int
) -> int:
    """Compute lots, notional, margin and fee of an order at `price` into book.order_plan[0].

    `worst` is not 0 when the fill price is not known yet: then the order reserves all the margin it asks for, or the
    margin of its lots at the worse of `price` and `worst`.
    """
    plan = book.order_plan[0]
    plan.lots = lots_at(instrument, lots, margin, leverage, price)
    reason = check_size(instrument, plan.lots, price)
    if reason != Reason.ACCEPTED.value:
        return reason
    if worst != 0 and margin != 0:
        plan.notional = margin * leverage
        plan.margin = margin
    else:
        plan.notional = max(price, worst) * plan.lots * instrument.value
        plan.margin = ceil_div(plan.notional, leverage)
    plan.fee = ppm_ceil(plan.notional, fee_ppm) if match.fees else 0
    return reason


@kernel
def lots_at(instrument: Row, lots: int, margin: int, leverage: int, price: int) -> int:
    """Lots of an order at that price: `lots`, or what `margin` buys, whichever is not 0."""
    return lots if margin == 0 else margin * leverage // (price * instrument.value)


@kernel
def _set_liquidation(book: Book, instrument: int, side: int, leverage: int, fees: int) -> None:
    """Set the plan's liquidation price, for a fill of its lots at its price."""
    plan = book.order_plan[0]
    cost = plan.price * plan.lots
    notional = cost * book.instruments[instrument].value
    margin = plan.margin if notional == plan.notional else ceil_div(notional, leverage)
    plan.liquidation = liquidation_price(book, instrument, side, plan.lots, cost, margin, fees)


@kernel
def check_size(instrument: Row, lots: int, price: int) -> int:
    """Is a fill of that size within the instrument's limits? A Reason."""
    if lots == 0:
        return Reason.SIZE_ZERO.value
    if lots < instrument.min_lots:
        return Reason.QUANTITY_TOO_LOW.value
    if lots > instrument.max_lots:
        return Reason.QUANTITY_TOO_HIGH.value
    if price * lots * instrument.value < instrument.min_notional:
        return Reason.NOTIONAL_TOO_LOW.value
    return Reason.ACCEPTED.value


@kernel
def check_hedging(book: Book, match: Row, holding_row: int, side: int) -> int:
    """May the seat, whose holding in the instrument this is (0: none), have something of that side there? A Reason."""
    if match.no_hedging and book.holdings[holding_row].side * side < 0:
        return Reason.HEDGING_NOT_ALLOWED.value
    return Reason.ACCEPTED.value


@kernel
def check_exposure(book: Book, seat: Row, holding_row: int, instrument: int, more: int, leverage: int) -> int:
    """May the seat's notional in the instrument grow by `more` at that leverage? The margin bracket is that of the sum,
    so splitting an order does not evade it."""
    if more > BOUND - seat.notional:
        return Reason.EXPOSURE_TOO_HIGH.value
    held = book.holdings[holding_row].notional if holding_row != 0 else 0
    if leverage > book.brackets[bracket_row(book, instrument, held + more)].max_leverage:
        return Reason.LEVERAGE_TOO_HIGH.value
    return Reason.ACCEPTED.value


@kernel
def check_stops(side: int, price: int, stop_loss: int, take_profit: int, trailing_ppm: int, highest_price: int) -> int:
    """May a position valued at `price` have these? 0: none. Stop loss and trailing stop exclude each other."""
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
def liquidated_at(side: int, liquidation: int, mark: int) -> bool:
    """Is `mark` at or beyond the liquidation price?"""
    return liquidation != 0 and (mark - liquidation) * side <= 0


@kernel
def _check_fields(command: Row, highest_price: int, now_ns: int) -> int:
    """The checks that need no state."""
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
    if command.max_slippage_ppm < 0 or command.max_slippage_ppm > PPM or (not market and command.max_slippage_ppm != 0):
        return Reason.SLIPPAGE_INVALID.value
    if command.margin < 0 or command.lots < 0 or (command.margin == 0) == (command.lots == 0):
        return Reason.SIZE_INVALID.value
    if command.leverage < 1:
        return Reason.LEVERAGE_INVALID.value
    return Reason.ACCEPTED.value
