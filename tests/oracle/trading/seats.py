"""A player comes, sits down in a match, starts over, and is flat when all is closed."""

from __future__ import annotations

from engine.model.commands import RegisterPlayer, ResetSeat
from engine.model.events import Cause, EventKind, FixedResult, Rule
from engine.model.reasons import Reason
from tests.oracle.events import tell
from tests.oracle.state import Career, Oracle, Outcome, Seat, refuse_if
from tests.oracle.trading.fixed_trades import end_fixed
from tests.oracle.trading.orders import end_order
from tests.oracle.trading.positions import close_at_touch


def register_player(oracle: Oracle, command: RegisterPlayer) -> Outcome:
    oracle.players.append(0)
    oracle.careers.append(Career())
    player = len(oracle.players)
    oracle.emit(EventKind.PLAYER_REGISTERED, player=player)
    for id, match in oracle.running.items():
        if match.practice:
            sit(oracle, player, id)
    return {"id": player}


def sit(oracle: Oracle, player: int, match: int) -> None:
    balance = oracle.matches[match].game.starting_balance
    oracle.matches[match].granted += balance
    seat = oracle.seats[player, match] = Seat(player, match, balance)
    oracle.matches[match].seats.append(seat)
    start_seat(oracle, seat)
    tell(oracle, EventKind.SEAT_OPENED, seat, 0)


def start_seat(oracle: Oracle, seat: Seat) -> None:
    match = oracle.matches[seat.match]
    seat.balances, seat.balance_at_ns = [seat.cash], oracle.now_ns
    seat.daily_floor = seat.cash - match.daily_drawdown
    seat.total_floor = seat.cash - match.total_drawdown
    seat.high_water = seat.cash
    seat.warned = set()


def reset_seat(oracle: Oracle, command: ResetSeat) -> Outcome:
    refuse_if(command.match not in oracle.matches, Reason.MATCH_NOT_FOUND)
    refuse_if(not oracle.matches[command.match].practice, Reason.MATCH_NOT_PRACTICE)
    refuse_if(not oracle.matches[command.match].open, Reason.MATCH_NOT_OPEN)
    refuse_if((command.player, command.match) not in oracle.seats, Reason.NOT_JOINED)
    seat = oracle.seats[command.player, command.match]
    flat = not (seat.orders or seat.positions or seat.fixed_trades)
    refuse_if(not flat, Reason.SEAT_NOT_FLAT)

    match = oracle.matches[command.match]
    match.granted += match.game.starting_balance - seat.cash
    seat.cash = match.game.starting_balance
    seat.profit = seat.fees = seat.trades = seat.wins = seat.held_trades = 0
    seat.out = Rule.NONE
    start_seat(oracle, seat)
    tell(oracle, EventKind.SEAT_RESET, seat, 0)
    return {"id": command.match}


def flatten(oracle: Oracle, seat: Seat, cause: Cause) -> None:
    """The latest first; a stake comes back."""
    reason = Reason.SEAT_LOCKED if seat.out is Rule.PROFIT_TARGET else Reason.SEAT_DISQUALIFIED
    for trade in seat.fixed_trades[::-1]:
        why = Reason.MATCH_NOT_OPEN if cause is Cause.MATCH_END else reason
        end_fixed(oracle, trade, FixedResult.REFUNDED, why, 0)
    for order in seat.orders[::-1]:
        end_order(oracle, order, EventKind.ORDER_CANCELED)
    for position in seat.positions[::-1]:
        close_at_touch(oracle, position, position.lots, cause)
