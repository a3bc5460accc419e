"""An order is placed, amended, cancelled and filled."""

from __future__ import annotations

from engine.model.commands import Amend, DefineInstrument, OrderType, TimeInForce
from engine.model.events import EventKind, OrderStatus, Rule
from engine.model.reasons import Reason
from tests.harness.records import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from tests.oracle.events import tell_of
from tests.oracle.state import BILLION, Oracle, Order, Outcome, Refused, Seat, refuse_if
from tests.oracle.trading.positions import check_stops, check_trailing, open_position
from tests.oracle.trading.prices import (
    GREATEST_NOTIONAL,
    MILLION,
    bracket_of,
    is_reached,
    liquidation_price,
    rounded_up,
)
from tests.oracle.trading.switches import check_that_it_opens
from tests.oracle.trading.waiting import is_waiting, wait_for_quote
from tests.oracle.trading.worth import exposure_of


def place_order(oracle: Oracle, command: PlaceOrder) -> Outcome:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    match = oracle.matches[command.match]
    refuse_if(not match.open, Reason.MATCH_NOT_OPEN)
    refuse_if((command.player, command.match) not in oracle.seats, Reason.NOT_JOINED)
    seat = oracle.seats[command.player, command.match]
    refuse_if(seat.out is Rule.PROFIT_TARGET, Reason.SEAT_LOCKED)
    refuse_if(seat.out is not Rule.NONE, Reason.SEAT_DISQUALIFIED)
    refuse_if(command.instrument not in oracle.markets, Reason.INSTRUMENT_NOT_FOUND)
    market = oracle.markets[command.instrument]
    data = market.data
    check_that_it_opens(oracle, seat, market)
    check_by_itself(oracle, command, data)
    allowed = match.game.allowed_symbols
    refuse_if(bool(allowed) and data.symbol not in allowed, Reason.INSTRUMENT_NOT_ALLOWED)
    refuse_if(match.game.directions not in (0, command.side), Reason.SIDE_NOT_ALLOWED)
    refuse_if(command.leverage > min(match.game.max_leverage, data.max_leverage), Reason.LEVERAGE_TOO_HIGH)
    open_trades = len(seat.orders) + len(seat.positions)
    refuse_if(open_trades >= match.game.max_positions, Reason.TOO_MANY_POSITIONS)
    seat.traded_at_ns = [at_ns for at_ns in seat.traded_at_ns if at_ns > oracle.now_ns - 60 * BILLION]
    refuse_if(0 < match.game.max_trades_per_minute <= len(seat.traded_at_ns), Reason.TOO_MANY_TRADES)
    refuse_if(market.is_stale(oracle.now_ns, match), Reason.FEED_STALE)

    touch, mark = market.opening(command.side), market.closing(command.side)
    is_market, is_stop = command.order_type == OrderType.MARKET, command.order_type == OrderType.STOP
    refuse_if(is_stop and is_reached(-command.side, command.price, touch), Reason.WOULD_TRIGGER_NOW)
    reached = is_market or (not is_stop and (touch <= command.price if command.side > 0 else touch >= command.price))
    waits = match.takes_next_quote and (reached or command.time_in_force == TimeInForce.IOC)
    price = touch if reached else command.price
    check_trailing(command.side, mark if reached else price, command.stop_loss, command.trailing_ppm, data)
    check_stops(command.side, mark if reached else price, command.stop_loss, command.take_profit, data)

    lots = command.lots or command.margin * command.leverage // (price * market.value)
    refuse_if(not command.lots and command.margin * command.leverage > GREATEST_NOTIONAL, Reason.EXPOSURE_TOO_HIGH)
    notional = price * lots * market.value
    check_size(data, lots, notional)
    margin = -(-notional // command.leverage)
    liquidation = liquidation_price(data, command.side, lots, price * lots, margin, match.game.fees)
    if is_stop or waits:  # reserves the worst: all that it asked for, or its lots at its price or today's
        notional = command.margin * command.leverage or max(command.price, touch) * lots * market.value
        margin = command.margin or -(-notional // command.leverage)
    refuse_if(hedges(oracle, seat, command), Reason.HEDGING_NOT_ALLOWED)
    refuse_if(exposure_of(oracle, seat) + notional > GREATEST_NOTIONAL, Reason.EXPOSURE_TOO_HIGH)
    there = exposure_of(oracle, seat, command.instrument) + notional
    refuse_if(command.leverage > bracket_of(data.brackets, there).max_leverage, Reason.LEVERAGE_TOO_HIGH)
    fee_ppm = data.taker_fee_ppm if reached or waits or is_stop else data.maker_fee_ppm
    fee = rounded_up(notional, fee_ppm) if match.game.fees else 0
    refuse_if(margin + fee > seat.cash, Reason.CASH_TOO_LOW)
    refuse_if(reached and is_reached(command.side, liquidation, mark), Reason.WOULD_LIQUIDATE_NOW)

    if waits:
        price = command.price or price  # a limit keeps its own
    order = Order(oracle.next_id, seat, command._replace(price=price), lots, notional, margin, fee)
    oracle.next_id += 1
    seat.traded_at_ns.append(oracle.now_ns)
    fills = reached and not waits
    if not fills and not waits and command.time_in_force == TimeInForce.IOC:
        tell_of(oracle, EventKind.ORDER_CANCELED, order, margin=0, fee=0, liquidation=liquidation)
        return {"id": order.id, "instrument": order.command.instrument, "status": OrderStatus.CANCELED}
    seat.cash -= margin + fee
    if not fills:
        oracle.orders[order.id] = order
        seat.orders.append(order)
        if waits:
            wait_for_quote(oracle, order.id, command.instrument, match)
        else:
            order.counts_from_ns = oracle.now_ns + match.bump_ns
        tell_of(oracle, EventKind.ORDER_ACCEPTED, order, liquidation=liquidation)
        return {
            "id": order.id,
            "instrument": order.command.instrument,
            "status": OrderStatus.ACCEPTED,
            "liquidation": liquidation,
        }
    open_position(oracle, order, fee, liquidation)
    return {
        "id": order.id,
        "instrument": order.command.instrument,
        "status": OrderStatus.FILLED,
        "price": price,
        "fee": fee,
        "liquidation": liquidation,
    }


def check_by_itself(oracle: Oracle, command: PlaceOrder, data: DefineInstrument) -> None:
    is_market, dated = command.order_type == OrderType.MARKET, command.time_in_force == TimeInForce.GTD
    refuse_if(command.side not in (1, -1), Reason.SIDE_INVALID)
    refuse_if(command.order_type not in list(OrderType), Reason.TYPE_INVALID)
    refuse_if(command.time_in_force not in list(TimeInForce), Reason.TIME_IN_FORCE_INVALID)
    refuse_if(is_market and dated, Reason.TIME_IN_FORCE_INVALID)
    is_stop, immediate = command.order_type == OrderType.STOP, command.time_in_force == TimeInForce.IOC
    refuse_if(is_stop and immediate, Reason.TIME_IN_FORCE_INVALID)
    refuse_if(dated and command.expires_at_ns <= oracle.now_ns, Reason.EXPIRY_INVALID)
    refuse_if(not dated and command.expires_at_ns != 0, Reason.EXPIRY_INVALID)
    refuse_if(is_market and command.price != 0, Reason.PRICE_INVALID)
    refuse_if(not is_market and not 1 <= command.price <= data.highest_price, Reason.PRICE_INVALID)
    refuse_if(not 0 <= command.max_slippage_ppm <= MILLION, Reason.SLIPPAGE_INVALID)
    refuse_if(not is_market and command.max_slippage_ppm != 0, Reason.SLIPPAGE_INVALID)
    refuse_if(min(command.margin, command.lots) < 0, Reason.SIZE_INVALID)
    refuse_if(bool(command.margin) == bool(command.lots), Reason.SIZE_INVALID)
    refuse_if(command.leverage < 1, Reason.LEVERAGE_INVALID)


def hedges(oracle: Oracle, seat: Seat, command: PlaceOrder) -> bool:
    """Is something of the other side open in the instrument, or ordered, where a seat may not have both?"""
    ordered = [(order.command.instrument, order.command.side) for order in seat.orders]
    held = [(position.instrument, position.side) for position in seat.positions]
    return not oracle.matches[seat.match].allows_hedging and (command.instrument, -command.side) in ordered + held


def check_size(data: DefineInstrument, lots: int, notional: int) -> None:
    refuse_if(lots == 0, Reason.SIZE_ZERO)
    refuse_if(lots < data.min_lots, Reason.QUANTITY_TOO_LOW)
    refuse_if(lots > data.max_lots, Reason.QUANTITY_TOO_HIGH)
    refuse_if(notional < data.min_notional, Reason.NOTIONAL_TOO_LOW)


def cancel_order(oracle: Oracle, command: CancelOrder) -> Outcome:
    order = own_resting(oracle, command)
    end_order(oracle, order, EventKind.ORDER_CANCELED)
    return {"id": order.id, "instrument": order.command.instrument, "status": OrderStatus.CANCELED}


def cancel_all(oracle: Oracle, command: CancelAll) -> Outcome:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    refuse_if((command.player, command.match) not in oracle.seats, Reason.NOT_JOINED)
    seat = oracle.seats[command.player, command.match]
    resting = [order for order in seat.orders if not is_waiting(oracle, order.id)]
    for order in reversed(resting):
        end_order(oracle, order, EventKind.ORDER_CANCELED)
    return {"id": command.match, "status": OrderStatus.CANCELED, "left": len(resting)}


def amend_order(oracle: Oracle, command: AmendOrder) -> Outcome:
    """As if it were cancelled and placed anew with these figures, but it keeps its place, and must rest again."""
    order = own_resting(oracle, command)
    old, seat, market = order.command, order.seat, oracle.markets[order.command.instrument]
    match = oracle.matches[seat.match]
    fees = match.game.fees
    new = old
    if command.fields & Amend.STOP_LOSS:
        new = new._replace(stop_loss=command.stop_loss, trailing_ppm=0)
    if command.fields & Amend.TAKE_PROFIT:
        new = new._replace(take_profit=command.take_profit)
    if command.fields & Amend.EXPIRY:
        ends_at_ns = command.expires_at_ns
        refuse_if(ends_at_ns != 0 and ends_at_ns <= oracle.now_ns, Reason.EXPIRY_INVALID)
        new = new._replace(expires_at_ns=ends_at_ns, time_in_force=TimeInForce.GTD if ends_at_ns else TimeInForce.GTC)
    lots, notional, margin, fee = order.lots, order.notional, order.margin, order.fee
    if command.fields & Amend.PRICE:
        new = new._replace(price=command.price)
        data, touch, is_stop = market.data, market.opening(new.side), new.order_type == OrderType.STOP
        check_that_it_opens(oracle, seat, market)
        refuse_if(not 1 <= new.price <= data.highest_price, Reason.PRICE_INVALID)
        refuse_if(market.is_stale(oracle.now_ns, match), Reason.FEED_STALE)
        if is_stop:
            refuse_if(is_reached(-new.side, new.price, touch), Reason.WOULD_TRIGGER_NOW)
        else:
            refuse_if(is_reached(new.side, new.price, touch), Reason.WOULD_FILL_NOW)
        lots = lots_at(oracle, order, new.price)
        check_size(data, lots, new.price * lots * market.value)
        if not is_stop:  # fills at its price, at the maker's fee
            notional = new.price * lots * market.value
        elif new.margin:
            notional = new.margin * new.leverage
        else:
            notional = max(new.price, touch) * lots * market.value
        margin = new.margin if is_stop and new.margin else -(-notional // new.leverage)
        fee = rounded_up(notional, data.taker_fee_ppm if is_stop else data.maker_fee_ppm) if fees else 0
        others = exposure_of(oracle, seat) - order.notional
        refuse_if(others + notional > GREATEST_NOTIONAL, Reason.EXPOSURE_TOO_HIGH)
        there = exposure_of(oracle, seat, new.instrument) - order.notional + notional
        refuse_if(new.leverage > bracket_of(data.brackets, there).max_leverage, Reason.LEVERAGE_TOO_HIGH)
        refuse_if(margin + fee > seat.cash + order.margin + order.fee, Reason.CASH_TOO_LOW)
    if command.fields & (Amend.PRICE | Amend.STOP_LOSS | Amend.TAKE_PROFIT):
        check_trailing(new.side, new.price, new.stop_loss, new.trailing_ppm, market.data)
        check_stops(new.side, new.price, new.stop_loss, new.take_profit, market.data)

    seat.cash += order.margin + order.fee - margin - fee
    order.command, order.lots, order.notional, order.margin, order.fee = new, lots, notional, margin, fee
    if command.fields & (Amend.PRICE | Amend.STOP_LOSS | Amend.TAKE_PROFIT):
        order.counts_from_ns = oracle.now_ns + match.bump_ns
    cost = new.price * lots
    initial = -(-cost * market.value // new.leverage)
    liquidation = liquidation_price(market.data, new.side, lots, cost, initial, fees)
    tell_of(oracle, EventKind.ORDER_CHANGED, order, liquidation=liquidation)
    return {
        "id": order.id, "instrument": new.instrument, "status": OrderStatus.ACCEPTED, "liquidation": liquidation,
    }  # fmt: skip


def own_resting(oracle: Oracle, command: CancelOrder | AmendOrder) -> Order:
    order = oracle.orders.get(command.order)
    refuse_if(order is None or order.seat.player != command.player, Reason.ORDER_NOT_FOUND)
    assert order is not None
    refuse_if(is_waiting(oracle, order.id), Reason.ORDER_EXECUTING)
    return order


def fill(oracle: Oracle, order: Order, at_touch: bool) -> None:
    """Its price is there. At the touch, which says how much its margin buys, with the taker fee; or at its own
    price, with the maker fee. Unless something has changed that forbids it.

    It was said that it waits, so it is said that it does no more.
    """
    command, seat = order.command, order.seat
    market, match = oracle.markets[command.instrument], oracle.matches[order.seat.match]
    data, price, lots, notional, margin = market.data, command.price, order.lots, order.notional, order.margin
    try:
        check_that_it_opens(oracle, seat, market)
        refuse_if(hedges(oracle, seat, command), Reason.HEDGING_NOT_ALLOWED)
        if at_touch:
            price = market.opening(command.side)
            lots = lots_at(oracle, order, price)
            notional = price * lots * market.value
            margin = -(-notional // command.leverage)
            check_size(data, lots, notional)
            more = notional - order.notional
            refuse_if(exposure_of(oracle, seat) + more > GREATEST_NOTIONAL, Reason.EXPOSURE_TOO_HIGH)
            there = exposure_of(oracle, seat, command.instrument) + more
            refuse_if(command.leverage > bracket_of(data.brackets, there).max_leverage, Reason.LEVERAGE_TOO_HIGH)
        fee_ppm = data.taker_fee_ppm if at_touch else data.maker_fee_ppm
        fee = rounded_up(notional, fee_ppm) if match.game.fees else 0
        refuse_if(margin + fee > seat.cash + order.margin + order.fee, Reason.CASH_TOO_LOW)
        liquidation = liquidation_price(data, command.side, lots, price * lots, margin, match.game.fees)
        reached = is_reached(command.side, liquidation, market.closing(command.side))
        refuse_if(reached, Reason.WOULD_LIQUIDATE_NOW)
    except Refused as refused:
        end_order(oracle, order, EventKind.ORDER_REFUSED, refused.reason)
        return
    del oracle.orders[order.id]
    seat.orders.remove(order)
    seat.cash += order.margin + order.fee - margin - fee
    order.command, order.lots, order.margin = command._replace(price=price), lots, margin
    tell_of(oracle, EventKind.ORDER_FILLED, order, fee=fee, liquidation=liquidation)
    open_position(oracle, order, fee, liquidation)


def fill_waiting(oracle: Oracle, order: Order) -> None:
    """The quote it waited for is there. A limit order that this does not reach rests from now on, if it may."""
    command, market = order.command, oracle.markets[order.command.instrument]
    data, seat, touch = market.data, order.seat, market.opening(order.command.side)
    away = (touch - command.price) * command.side
    if command.order_type == OrderType.LIMIT and away > 0:
        if command.time_in_force == TimeInForce.IOC:
            return end_order(oracle, order, EventKind.ORDER_CANCELED)
        lots = lots_at(oracle, order, command.price)
        notional = command.price * lots * market.value
        margin = -(-notional // command.leverage)
        fee = rounded_up(notional, data.maker_fee_ppm) if oracle.matches[seat.match].game.fees else 0
        try:
            check_size(data, lots, notional)
            refuse_if(margin + fee > seat.cash + order.margin + order.fee, Reason.CASH_TOO_LOW)
        except Refused as refused:
            return end_order(oracle, order, EventKind.ORDER_REFUSED, refused.reason)
        seat.cash += order.margin + order.fee - margin - fee
        order.lots, order.notional, order.margin, order.fee = lots, notional, margin, fee
        order.counts_from_ns = 0
        return tell_of(oracle, EventKind.ORDER_CHANGED, order)
    if command.max_slippage_ppm and away > rounded_up(command.price, command.max_slippage_ppm):
        return end_order(oracle, order, EventKind.ORDER_REFUSED, Reason.SLIPPAGE_TOO_HIGH)
    return fill(oracle, order, at_touch=True)


def lots_at(oracle: Oracle, order: Order, price: int) -> int:
    command = order.command
    return command.lots or command.margin * command.leverage // (price * oracle.markets[command.instrument].value)


def end_order(oracle: Oracle, order: Order, kind: EventKind, reason: Reason = Reason.ACCEPTED) -> None:
    """It ends without a fill, and what it reserved comes back."""
    del oracle.orders[order.id]
    order.seat.orders.remove(order)
    oracle.waiting = [wait for wait in oracle.waiting if wait.id != order.id]
    order.seat.cash += order.margin + order.fee
    tell_of(oracle, kind, order, reason=reason)
