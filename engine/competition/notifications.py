"""Which notifications a player has read. What they are, and that there are any, is the history's to know: here they are
only numbers of his messages."""

from __future__ import annotations

from engine.model.bounds import MOST_READ_RANGES
from engine.model.commands import ReadNotifications
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.emit import Emit


def read_notifications(state: State, command: ReadNotifications, emit: Emit) -> tuple[Reason, int]:
    """Tell that they are read; returns the player's id."""
    if not 1 <= command.player <= int(state.book.world[0]["players"]):
        return Reason.PLAYER_NOT_FOUND, 0
    told = int(state.book.players[command.player]["messages"])
    if not 1 <= len(command.ranges) <= MOST_READ_RANGES:
        return Reason.NOTIFICATION_NOT_FOUND, 0
    if not all(1 <= first <= last <= told for first, last in command.ranges):
        return Reason.NOTIFICATION_NOT_FOUND, 0

    for first, last in command.ranges:
        event = emit(EventKind.NOTIFICATIONS_READ, command.player)
        event["first"] = first
        event["last"] = last
    return Reason.ACCEPTED, command.player
