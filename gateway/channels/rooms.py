"""The channel match.ID: who comes and goes, whether it is played, and when it begins and ends.

What it tells is told to all who may watch, though some of it happens to one player: who is in a match stands on its
board. Its types begin with `room`, so that nobody takes them for those of the private channel, which tell a player of
his own matches. A private match may be watched by those who are in it, for as long as they are, and by operators.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from engine import views
from engine.batch.machine import Applied
from engine.model.events import EventKind
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from gateway.channels.fanout import Fanout, Message
from gateway.presenters.events import Event, event_at
from gateway.presenters.matches import MatchAnswer, match_answer
from gateway.presenters.names import MATCH_STATUSES

TYPES: Final = {
    EventKind.SEAT_OPENED.value: "room.joined",
    EventKind.SEAT_CLOSED.value: "room.left",
    EventKind.MATCH_STARTED.value: "room.started",
    EventKind.MATCH_CANCELED.value: "room.canceled",
    EventKind.MATCH_FINISHED.value: "room.finished",
    EventKind.MATCH_ARCHIVED.value: "room.archived",
    EventKind.MATCH_TIMED.value: "room.timed",
    EventKind.MATCH_PAUSED.value: "room.paused",
    EventKind.MATCH_RESUMED.value: "room.resumed",
}
_LEFT: Final = EventKind.SEAT_CLOSED.value
_CREATED: Final = EventKind.MATCH_CREATED.value
_TOLD: Final = np.isin(np.arange(max(EventKind) + 1), (*TYPES, _CREATED))
"""By kind of event: whether it may concern a match's channel, or the list of matches."""
_OF_A_PLAYER: Final = np.isin(np.arange(max(EventKind) + 1), (EventKind.SEAT_OPENED, EventKind.SEAT_CLOSED))
"""By kind of event: whether it is told of the player whose message it is; of the others only what is told to all is."""


class RoomData(Struct, frozen=True, omit_defaults=True):
    """A match after the commands that were applied together with the one at `seq`; `player` came or went."""

    match: int
    status: str
    players: int
    starts_at: int | None = None  # None: not known yet, or it has begun
    ends_at: int | None = None  # None: never, or it has not begun
    player: int | None = None
    name: str | None = None


class CreatedData(Struct, frozen=True):
    match: int
    game: int


def send_rooms(state: State, fanout: Fanout, applied: Applied) -> None:
    """Tell those who watch a match what a batch did to it, and all on `sys` which matches there are now."""
    events = applied.events
    places = np.flatnonzero(_TOLD[events["kind"]])
    if not len(places):
        return
    events = events.take(places)
    events = events.take(np.flatnonzero((events["player"] == 0) | _OF_A_PLAYER[events["kind"]]))
    raw = events.tobytes()
    for index in range(len(events)):
        event = event_at(Event, raw, index)
        if event.kind == _CREATED:
            game = state.cold.matches[event.match].game
            data = CreatedData(event.match, game)
            fanout.sys.send(Message(event.sequence, event.at_ns // NS_PER_MS, "match.created", data))
        elif event.match in fanout.rooms:
            _send_room(state, fanout, event)
        if event.kind == _LEFT:
            _end_for_who_left(state, fanout, event)


def _send_room(state: State, fanout: Fanout, event: Event) -> None:
    match = views.match(state, event.match)
    assert match is not None
    data = RoomData(
        event.match,
        MATCH_STATUSES[match.status],
        match.seats,
        match.starts_at_ns // NS_PER_MS or None,
        match.ends_at_ns // NS_PER_MS or None,
        event.player or None,
        state.cold.players[event.player].name if event.player else None,
    )
    channel = fanout.rooms[event.match]
    channel.send(Message(event.sequence, event.at_ns // NS_PER_MS, TYPES[event.kind], data))


def _end_for_who_left(state: State, fanout: Fanout, event: Event) -> None:
    """Whoever gives his seat in a private match back hears no more of it, unless he has taken another one since."""
    match, player = event.match, event.player
    if not state.cold.matches[match].code or views.has_seat(state.book, player, match):
        return
    for type, channel in (("match", fanout.rooms.get(match)), ("board", fanout.boards.get(match))):
        if channel is not None:
            for subscriber in [each for each in channel.behind if each.player == player]:
                channel.end(subscriber, Message(event.sequence, event.at_ns // NS_PER_MS, type, {}))


def room_of(state: State, match_id: int) -> MatchAnswer:
    """The match as match.list shows it: the channel's snapshot."""
    match = views.match(state, match_id)
    assert match is not None
    return match_answer(state.cold, match)
