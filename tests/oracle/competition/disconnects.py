"""Orders of a player who was away for too long."""

from __future__ import annotations

from engine.model.commands import CancelOnDisconnect, SetConnected
from engine.model.events import EventKind
from engine.model.reasons import Reason
from tests.oracle.state import MILLION, Disconnect, Oracle, Outcome, refuse_if
from tests.oracle.trading.orders import end_order
from tests.oracle.trading.waiting import is_waiting


def cancel_on_disconnect(oracle: Oracle, command: CancelOnDisconnect) -> Outcome:
    refuse_if(not 1 <= command.player <= len(oracle.players), Reason.PLAYER_NOT_FOUND)
    refuse_if(command.after_ms != 0 and not 1_000 <= command.after_ms <= 86_400_000, Reason.DISCONNECT_DELAY_INVALID)
    oracle.disconnects.pop(command.player, None)
    if command.after_ms:
        oracle.disconnects[command.player] = Disconnect(command.after_ms)
    return {"id": command.player}


def set_connected(oracle: Oracle, command: SetConnected) -> Outcome:
    refuse_if(command.player not in oracle.disconnects, Reason.DISCONNECT_NOT_SET)
    found = oracle.disconnects[command.player]
    if command.connected:
        found.due_ns = 0
    elif not found.due_ns:
        found.due_ns = oracle.now_ns + found.after_ms * MILLION
    return {"id": command.player}


def cancel_all_of(oracle: Oracle, player: int) -> None:
    oracle.disconnects[player].due_ns = 0
    for id in sorted(oracle.matches):
        for seat in oracle.matches[id].seats:
            for order in reversed(list(seat.orders)):
                if seat.player == player and not is_waiting(oracle, order.id):
                    end_order(oracle, order, EventKind.ORDER_CANCELED, Reason.DISCONNECTED)
