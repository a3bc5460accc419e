"""Cancel on disconnect: when a player has been away for as long as he set, his resting orders are cancelled.

Who is connected is known outside: a command says that a player has left, which sets a timer, and another that he is
back, which takes it away. So the timer goes on while the arena is down. Positions stay, and what waits for its quote is
on its way and stays as well.
"""

from __future__ import annotations

import numpy as np

from engine.jit import rare_entry
from engine.model.bounds import LONGEST_DISCONNECT_MS, SHORTEST_DISCONNECT_MS
from engine.model.commands import CancelOnDisconnect, SetConnected
from engine.model.events import EventKind
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from engine.model.state import Disconnect, State
from engine.model.tables import TIMER_DISCONNECT, Book
from engine.storage.capacity import ensure_capacity_for_timers
from engine.storage.emit import Emit
from engine.storage.event_buffer import EVENTS_PER_PLAYER, has_space
from engine.storage.timers import clear_timer, set_timer
from engine.trading.orders import end_order


def cancel_on_disconnect(state: State, command: CancelOnDisconnect, emit: Emit) -> tuple[Reason, int]:
    """Set how long the player may be away, or (0) take that back; returns the player's id."""
    if not 1 <= command.player <= int(state.book.world[0]["players"]):
        return Reason.PLAYER_NOT_FOUND, 0
    if command.after_ms and not SHORTEST_DISCONNECT_MS <= command.after_ms <= LONGEST_DISCONNECT_MS:
        return Reason.DISCONNECT_DELAY_INVALID, 0

    _disarm(state, command.player)
    if command.after_ms:
        state.cold.disconnects[command.player] = Disconnect(command.after_ms)
    else:
        state.cold.disconnects.pop(command.player, None)
    return Reason.ACCEPTED, command.player


def set_connected(state: State, command: SetConnected, emit: Emit) -> tuple[Reason, int]:
    """The player is back, or has left; who had left already is not given more time. Returns the player's id."""
    found = state.cold.disconnects.get(command.player)
    if found is None:
        return Reason.DISCONNECT_NOT_SET, 0

    if command.connected:
        _disarm(state, command.player)
    elif not found.timer:
        ensure_capacity_for_timers(state, 1)
        due_ns = int(state.book.world[0]["now_ns"]) + found.after_ms * NS_PER_MS
        found.timer = int(set_timer(state.book, due_ns, TIMER_DISCONNECT, command.player, command.player))
    return Reason.ACCEPTED, command.player


def cancel_orders_of_disconnected(state: State, timer: int, emit: Emit) -> None:
    """Serve the timer: cancel what rests in each of the player's matches, in their order, and there the latest first.
    Walks all seats."""
    player = int(state.book.timers[timer]["owner"])
    _disarm(state, player)
    seats = np.asarray(state.book.seats)
    rows = np.flatnonzero((seats["player"] == player) & (seats["orders"] > 0))
    for row in rows[np.argsort(seats["match"][rows])].tolist():
        while not cancel_resting(state.book, emit.buffer(EVENTS_PER_PLAYER), row):
            pass


def _disarm(state: State, player: int) -> None:
    found = state.cold.disconnects.get(player)
    if found is not None and found.timer:
        clear_timer(state.book, found.timer)
        found.timer = 0


@rare_entry
def cancel_resting(book: Book, events: Events, seat_row: int) -> bool:
    """Cancel the seat's resting orders, the latest first, while the buffer has space; True when none is left."""
    row = book.seats[seat_row].first_order
    while row != 0:
        if not has_space(book, events):
            return False
        after = book.orders[row].next_in_seat
        if book.orders[row].waiting == 0:
            end_order(book, events, row, EventKind.ORDER_CANCELED.value, Reason.DISCONNECTED.value)
        row = after
    return True
