"""The op me.get: the player and all that is open."""

from __future__ import annotations

from engine import views
from gateway.presenters.careers import career_answer
from gateway.presenters.fixed_trades import fixed_trades_of
from gateway.presenters.matches import queue_answers
from gateway.presenters.orders import order_answer
from gateway.presenters.positions import position_answer
from gateway.presenters.seats import seat_answer
from gateway.protocol.scalars import Nothing
from gateway.protocol.session import Me
from gateway.sessions.caller import Caller


def me_get(caller: Caller, nothing: Nothing) -> Me[str]:
    arena, state = caller.arena, caller.arena.state
    assert caller.identity is not None
    player = caller.player
    seats = views.seats_of(state, player)
    orders = [view for seat in seats for view in views.orders(state.book, player, seat.match) or ()]
    positions = [view for seat in seats for view in views.positions(state.book, player, seat.match) or ()]
    return Me(
        player,
        state.cold.players[player].name,
        caller.identity.role,
        [seat_answer(arena.instruments, seat) for seat in seats],
        [order_answer(arena.instruments, view) for view in orders],
        [position_answer(arena.instruments, view) for view in positions],
        fixed_trades_of(state, arena.instruments, player, seats),
        queue_answers(state, player),
        career_answer(views.career(state.book, player)),
        views.is_player_locked(state.book, player),
    )
