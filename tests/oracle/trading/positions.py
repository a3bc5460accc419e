"""A position is opened by a fill, changed, and closed at the touch."""

from __future__ import annotations

from engine.model.commands import Amend, DefineInstrument, pack_client_order_id
from engine.model.events import Cause, EventKind, OrderStatus
from engine.model.reasons import Reason
from tests.harness.records import AmendPosition, ClosePosition
from tests.oracle.events import tell_about
from tests.oracle.state import BILLION, Amendment, Oracle, Order, Outcome, Position, refuse_if
from tests.oracle.trading.prices import GREATEST_NOTIONAL, MILLION, is_reached, liquidation_price, rounded_up
from tests.oracle.trading.waiting import is_waiting, wait_for_quote
from tests.oracle.trading.worth import note_balance


def close_position(oracle: Oracle, command: ClosePosition) -> Outcome:
    position = own_position(oracle, command)
    refuse_if(command.lots < 0 or (command.lots != 0 and command.percent != 0), Reason.SIZE_INVALID)
    refuse_if(command.lots == 0 and not 1 <= command.percent <= 100, Reason.PERCENT_INVALID)
    refuse_if(command.lots > position.lots, Reason.QUANTITY_TOO_HIGH)
    lots = command.lots or position.lots * command.percent // 100
    refuse_if(lots == 0, Reason.SIZE_ZERO)
    market = oracle.markets[position.instrument]
    refuse_if(market.data.halted, Reason.INSTRUMENT_HALTED)
    refuse_if(is_waiting(oracle, position.id), Reason.POSITION_CLOSING)

    match = oracle.matches[position.seat.match]
    if match.takes_next_quote or market.is_stale(oracle.now_ns, match):
        wait_for_quote(oracle, position.id, position.instrument, match, lots)
        return {
            "id": position.id,
            "instrument": position.instrument,
            "status": OrderStatus.ACCEPTED,
            "left": position.lots,
        }
    return close_at_touch(oracle, position, lots, Cause.CLIENT) | {"status": OrderStatus.FILLED}


def amend_position(oracle: Oracle, command: AmendPosition) -> Outcome:
    position = own_position(oracle, command)
    refuse_if(is_waiting(oracle, position.id), Reason.POSITION_CLOSING)
    match, market = oracle.matches[position.seat.match], oracle.markets[position.instrument]
    stop_loss = command.stop_loss if command.fields & Amend.STOP_LOSS else 0
    take_profit = command.take_profit if command.fields & Amend.TAKE_PROFIT else 0
    ppm = command.trailing_ppm if command.fields & Amend.TRAILING_STOP else 0
    mark = market.closing(position.side)
    check_trailing(position.side, mark, stop_loss, ppm, market.data)
    check_stops(position.side, mark, stop_loss, take_profit, market.data)
    refuse_if(ppm != 0 and market.is_stale(oracle.now_ns, match), Reason.FEED_STALE)
    if command.fields & Amend.MARGIN:
        change_margin(oracle, position, command.margin)
    trailing = rounded_up(mark, ppm)
    stops = command.fields & (Amend.STOP_LOSS | Amend.TAKE_PROFIT | Amend.TRAILING_STOP)
    amendment = Amendment(
        oracle.now_ns + match.bump_ns, oracle.sequence, stops, mark - position.side * trailing if ppm else stop_loss,
        take_profit, trailing,
    )  # fmt: skip
    outcome = {"id": position.id, "instrument": position.instrument, "left": position.lots}
    if stops and match.bump_ns:
        position.amendments.append(amendment)
        outcome["status"] = OrderStatus.ACCEPTED
    else:
        set_stops(position, amendment)
    if command.fields & Amend.MARGIN:
        tell_about(oracle, EventKind.POSITION_MARGIN_CHANGED, position, lots=0)
    elif not position.amendments or position.amendments[-1] is not amendment:
        tell_about(oracle, EventKind.POSITION_CHANGED, position, lots=0)
    return outcome | {"liquidation": position.liquidation}


def amend(oracle: Oracle, position: Position, amendment: Amendment) -> None:
    """Its speed bump is over."""
    position.amendments.remove(amendment)
    set_stops(position, amendment)
    tell_about(oracle, EventKind.POSITION_CHANGED, position, lots=0)


def set_stops(position: Position, amendment: Amendment) -> None:
    if amendment.fields & Amend.TRAILING_STOP and position.trailing:
        position.stop_loss = position.trailing = 0
    if amendment.fields & Amend.STOP_LOSS:
        position.stop_loss, position.trailing = amendment.stop_loss, 0
    if amendment.trailing:
        position.stop_loss, position.trailing = amendment.stop_loss, amendment.trailing
    if amendment.fields & Amend.TAKE_PROFIT:
        position.take_profit = amendment.take_profit


def change_margin(oracle: Oracle, position: Position, change: int) -> None:
    """Margin moves between the position and its seat's cash; back only down to the initial requirement, on a fresh
    price, and not if that would liquidate."""
    seat, market = position.seat, oracle.markets[position.instrument]
    match = oracle.matches[seat.match]
    margin = position.margin + change
    refuse_if(change == 0 or change < -GREATEST_NOTIONAL or margin > GREATEST_NOTIONAL, Reason.MARGIN_INVALID)
    refuse_if(change > seat.cash, Reason.CASH_TOO_LOW)
    initial = -(-position.cost * market.value // position.leverage)
    refuse_if(change < 0 and margin < initial, Reason.MARGIN_TOO_LOW)
    refuse_if(change < 0 and market.is_stale(oracle.now_ns, match), Reason.FEED_STALE)
    liquidation = liquidation_price(market.data, position.side, position.lots, position.cost, margin, match.game.fees)
    mark = market.closing(position.side)
    gone = liquidation != 0 and (mark <= liquidation if position.side > 0 else mark >= liquidation)
    refuse_if(change < 0 and gone, Reason.WOULD_LIQUIDATE_NOW)
    seat.cash -= change
    position.margin = margin
    position.liquidation = liquidation


def own_position(oracle: Oracle, command: ClosePosition | AmendPosition) -> Position:
    position = oracle.positions.get(command.position)
    refuse_if(position is None or position.seat.player != command.player, Reason.POSITION_NOT_FOUND)
    assert position is not None
    return position


def open_position(oracle: Oracle, order: Order, fee: int, liquidation: int) -> None:
    """The order becomes a position under its id; the seat has paid already."""
    command, seat = order.command, order.seat
    market = oracle.markets[command.instrument]
    mark = market.closing(command.side)
    stop_loss, trailing = command.stop_loss, rounded_up(mark, command.trailing_ppm)
    if trailing:  # what does not fit on the price scale stands at its end
        stop_loss = sorted((1, mark - command.side * trailing, market.data.highest_price))[1]
    position = oracle.positions[order.id] = Position(
        order.id, seat, command.instrument, command.side, command.leverage, order.lots, command.price * order.lots,
        order.margin, liquidation, stop_loss, command.take_profit, trailing, oracle.now_ns,
    )  # fmt: skip
    seat.positions.append(position)
    seat.fees += fee
    oracle.matches[seat.match].fees_taken += fee
    if fee:
        note_balance(oracle, seat)
    tell_about(
        oracle, EventKind.POSITION_OPENED, position, price=command.price, lots=order.lots, fee=fee,
        order_type=int(command.order_type), client_order_id=list(pack_client_order_id(command.client_order_id)),
    )  # fmt: skip


def close_at_touch(oracle: Oracle, position: Position, lots: int, cause: Cause) -> Outcome:
    """Close at what the market pays."""
    return close_at(oracle, position, lots, oracle.markets[position.instrument].closing(position.side), cause)


def close_at(oracle: Oracle, position: Position, lots: int, price: int, cause: Cause) -> Outcome:
    """Close so many lots, or all when the rest would be too small."""
    market, seat = oracle.markets[position.instrument], position.seat
    match = oracle.matches[seat.match]
    if (position.lots - lots) * price * market.value < market.data.min_notional:
        lots = position.lots
    cost, margin = position.cost * lots // position.lots, position.margin * lots // position.lots

    profit = position.side * (price * lots - cost) * market.value
    match.market -= profit
    fee = rounded_up(price * lots * market.value, market.data.taker_fee_ppm) if match.game.fees else 0
    if profit < -margin:  # no position costs more than its margin
        match.insurance += margin + profit
        profit = -margin
    fee = min(fee, margin + profit)  # the margin meets the loss first, then the fee
    match.fees_taken += fee
    seat.cash += margin + profit - fee
    seat.profit += profit
    seat.fees += fee

    position.lots -= lots
    position.margin -= margin
    position.realised += profit
    note_balance(oracle, seat)
    if position.lots:
        position.cost -= cost
        position.liquidation = liquidation_price(
            market.data, position.side, position.lots, position.cost, position.margin, match.game.fees
        )
        kind = EventKind.POSITION_REDUCED
    else:
        seat.trades += 1
        seat.wins += profit > 0
        seat.held_trades += oracle.now_ns - position.opened_at_ns >= match.game.min_hold_s * BILLION
        del oracle.positions[position.id]
        seat.positions.remove(position)
        oracle.waiting = [wait for wait in oracle.waiting if wait.id != position.id]
        kind = EventKind.POSITION_CLOSED
    tell_about(
        oracle, kind, position, price=price, lots=lots, cost=cost, margin=margin, fee=fee, profit=profit,
        cause=int(cause),
    )  # fmt: skip
    return {
        "id": position.id,
        "instrument": position.instrument,
        "price": price,
        "fee": fee,
        "profit": profit,
        "left": position.lots,
    }


def cause_at(position: Position, price: int) -> Cause:
    """A gap through the stop and the liquidation is a stop."""
    if is_reached(position.side, position.stop_loss, price):
        return Cause.TRAILING_STOP if position.trailing else Cause.STOP_LOSS
    if is_reached(position.side, position.liquidation, price):
        return Cause.LIQUIDATION
    if is_reached(-position.side, position.take_profit, price):
        return Cause.TAKE_PROFIT
    return Cause.NONE


def is_ahead(position: Position, price: int) -> bool:
    """Is the price a step or more further from the trailing stop than its distance?"""
    return position.trailing != 0 and (
        (price - position.stop_loss) * position.side >= position.trailing + position.step
    )


def follow(oracle: Oracle, position: Position) -> None:
    """The trailing stop goes after the price, step by step."""
    while is_ahead(position, oracle.markets[position.instrument].closing(position.side)):
        position.stop_loss += position.side * position.step
    tell_about(oracle, EventKind.POSITION_CHANGED, position, lots=0)


def check_stops(side: int, price: int, stop_loss: int, take_profit: int, data: DefineInstrument) -> None:
    """They must lie on the price scale, the stop on the losing side of `price` and the target on the other."""
    for stop in (stop_loss, take_profit):
        refuse_if(not 0 <= stop <= data.highest_price, Reason.PRICE_INVALID)
    refuse_if(stop_loss != 0 and not (stop_loss < price if side > 0 else stop_loss > price), Reason.WOULD_TRIGGER_NOW)
    refuse_if(
        take_profit != 0 and not (take_profit > price if side > 0 else take_profit < price),
        Reason.WOULD_TRIGGER_NOW,
    )


def check_trailing(side: int, price: int, stop_loss: int, ppm: int, data: DefineInstrument) -> None:
    """It goes without a fixed stop, and where it would stand must lie on the price scale."""
    refuse_if(not 0 <= ppm < MILLION or bool(ppm and stop_loss), Reason.TRAILING_STOP_INVALID)
    stands = price - side * rounded_up(price, ppm)
    refuse_if(ppm != 0 and not 1 <= stands <= data.highest_price, Reason.PRICE_INVALID)
