"""The op me.get: the player and all that is open."""

from __future__ import annotations

from msgspec import Struct

from engine import views
from gateway.ops.careers import CareerAnswer, career_answer
from gateway.ops.fixed import FixedTradeAnswer, fixed_trades_of
from gateway.ops.orders import OrderAnswer, order_answer
from gateway.ops.positions import PositionAnswer, position_answer
from gateway.ops.queues import QueueAnswer, queues_of
from gateway.presenters.matches import SeatAnswer, seat_answer
from gateway.protocol import arguments as args
from gateway.sessions.session import Session


class MeAnswer(Struct, frozen=True):
    """The player and all that is open: result of me.get, and the snapshot of the private channel."""

    player: int
    name: str
    role: str
    seats: list[SeatAnswer]
    orders: list[OrderAnswer]
    positions: list[PositionAnswer]
    fixed: list[FixedTradeAnswer]
    queues: list[QueueAnswer]
    career: CareerAnswer


def me_get(session: Session, nothing: args.Nothing) -> MeAnswer:
    arena, state = session.arena, session.arena.state
    assert session.identity is not None
    player = session.player
    seats = views.seats_of(state, player)
    orders = [view for seat in seats for view in views.orders(state.book, player, seat.match) or ()]
    positions = [view for seat in seats for view in views.positions(state.book, player, seat.match) or ()]
    return MeAnswer(
        player,
        state.cold.players[player].name,
        session.identity.role,
        [seat_answer(arena.instruments, seat) for seat in seats],
        [order_answer(arena.instruments, view) for view in orders],
        [position_answer(arena.instruments, view) for view in positions],
        fixed_trades_of(state, arena.instruments, player, seats),
        queues_of(state, player),
        career_answer(views.career(state.book, player)),
    )
