"""Ops of the player: all that is open, and notifications."""

from __future__ import annotations

from functools import partial

from engine import views
from engine.model import commands
from gateway.core.records import Outcome
from gateway.presenters.careers import career_answer
from gateway.presenters.fixed_trades import fixed_trades_of
from gateway.presenters.matches import queue_answers
from gateway.presenters.messages import notification_answer
from gateway.presenters.orders import order_answer
from gateway.presenters.positions import position_answer
from gateway.presenters.seats import seat_answer
from gateway.protocol.errors import Code, Refused
from gateway.protocol.history import Notifications, NotificationsOf, ReadNotifications
from gateway.protocol.scalars import Empty, Nothing
from gateway.protocol.session import Me
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.pages import own_page
from gateway.sessions.submission import Submission, cold_submission
from persistence import rows


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


async def me_notifications(caller: Caller, of: NotificationsOf) -> Notifications:
    """A page of them, the latest first, and how many are not read."""
    arena = caller.arena
    listed = await own_page(caller, rows.NOTIFICATIONS, partial(notification_answer, arena.instruments), of)
    return Notifications(listed.items, listed.next, await arena.history.unread(caller.player))


def me_read(arena: Arena, player: int, of: ReadNotifications) -> Submission:
    """They are read from now on, on all devices."""
    if (of.notifications is None) == (of.up_to is None):
        raise Refused(Code.BAD_ARGUMENTS, problem="give notifications or up_to, and only one of them")
    ranges = ((1, of.up_to),) if of.up_to is not None else tuple((n, n) for n in of.notifications or ())
    return cold_submission(commands.ReadNotifications(player, ranges), _read, player)


def _read(outcome: Outcome) -> Empty:
    return Empty()
