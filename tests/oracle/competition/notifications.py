"""What a player has read."""

from __future__ import annotations

from engine.model.commands import ReadNotifications
from engine.model.events import EventKind
from engine.model.reasons import Reason
from tests.oracle.state import Oracle, Outcome, refuse_if


def read_notifications(oracle: Oracle, command: ReadNotifications) -> Outcome:
    refuse_if(not 1 <= command.player <= len(oracle.players), Reason.PLAYER_NOT_FOUND)
    refuse_if(len(command.ranges) not in range(1, 101), Reason.NOTIFICATION_NOT_FOUND)
    told = oracle.players[command.player - 1]
    for first, last in command.ranges:
        refuse_if(first < 1 or last < first or last > told, Reason.NOTIFICATION_NOT_FOUND)
    for first, last in command.ranges:
        oracle.emit(EventKind.NOTIFICATIONS_READ, command.player, first=first, last=last)
    return {"id": command.player}
