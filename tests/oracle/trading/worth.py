"""What a seat and its positions are worth at the last quotes."""

from __future__ import annotations

from tests.oracle.state import Oracle, Position, Seat
from tests.oracle.trading.prices import rounded_up


def exposure_of(oracle: Oracle, seat: Seat, instrument: int = 0) -> int:
    """Notional at entry of what the seat has, in one instrument or in all."""
    ordered = [(order.command.instrument, order.notional) for order in seat.orders]
    held = [(held.instrument, held.cost * oracle.markets[held.instrument].value) for held in seat.positions]
    return sum(notional for where, notional in ordered + held if instrument in (0, where))


def floating_of(oracle: Oracle, position: Position) -> int:
    market = oracle.markets[position.instrument]
    return position.side * (market.closing(position.side) * position.lots - position.cost) * market.value


def floating_profit(oracle: Oracle, position: Position) -> int:
    return max(-position.margin, floating_of(oracle, position))


def result_of(oracle: Oracle, position: Position) -> int:
    """What it has brought so far: by the parts that are closed, and by the rest as of now."""
    return position.realised + floating_of(oracle, position)


def equity_of(oracle: Oracle, seat: Seat) -> int:
    equity = seat.balance
    for position in seat.positions:
        equity += floating_profit(oracle, position)
    return equity


def net_equity_of(oracle: Oracle, seat: Seat) -> int:
    """What the balance would be if all positions were closed now, each for its fee and at most its margin, and all that
    is staked were lost."""
    net = seat.balance - seat.stakes
    for position in seat.positions:
        market = oracle.markets[position.instrument]
        notional = market.closing(position.side) * position.lots * market.value
        fee = rounded_up(notional, market.data.taker_fee_ppm) if oracle.matches[seat.match].game.fees else 0
        net += max(-position.margin, floating_of(oracle, position) - fee)
    return net


def note_balance(oracle: Oracle, seat: Seat) -> None:
    seat.balances.append(seat.balance)
    seat.balance_at_ns = oracle.now_ns
