"""The channel match.ID, called a room here and in the types of its messages: who comes and goes, and when the match
begins, pauses and ends.

All who may watch get all of it, also what happens to a single player: who is in a match stands on its board. The types
begin with `room`, to be told from those of the private channel. A private match may be watched by the players in it,
for as long as they are, and by operators.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import views
from engine.batch.machine import Applied
from engine.model.events import EventKind
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from gateway.channels.fanout import Fanout
from gateway.channels.message import Message
from gateway.channels.recent import Recent
from gateway.presenters.events import Event, event_at, places_in
from gateway.presenters.matches import match_answer
from gateway.presenters.names import MATCH_STATUSES
from gateway.protocol.matches import Match, MatchCreated, RoomEvent
from gateway.protocol.scalars import Empty

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
_OF_ROOMS: Final = np.isin(np.arange(max(EventKind) + 1), (*TYPES, _CREATED))
"""By kind of event: whether it may concern a match's channel, or the list of matches."""
_OF_PLAYERS: Final = np.isin(np.arange(max(EventKind) + 1), (EventKind.SEAT_OPENED, EventKind.SEAT_CLOSED))
"""By kind of event: whether a room carries it although it is a player's; other kinds only when they are no player's."""


class Told(NamedTuple):
    """An event of a match, and what all who watch it are told of it: message number `n` of its channel, which a
    MATCH_CREATED is not."""

    event: Event
    place: int
    n: int
    message: Message


def room_messages(state: State, events: NDArray[np.void]) -> list[Told]:
    """What a batch has done to matches. Says of each what it is as of the whole batch; the numbers are the engine's,
    which counts them."""
    found = np.flatnonzero(_OF_ROOMS[events["kind"]])
    if not len(found):
        return []
    found = found.take(np.flatnonzero((events["player"][found] == 0) | _OF_PLAYERS[events["kind"][found]]))
    raw = events.take(found).tobytes()
    told: list[Told] = []
    later: Counter[int] = Counter()
    for index, place in reversed(list(enumerate(places_in(events).take(found).tolist()))):
        event = event_at(Event, raw, index)
        at_ms = event.at_ns // NS_PER_MS
        if event.kind == _CREATED:
            created = MatchCreated(event.match, state.cold.matches[event.match].game)
            told.append(Told(event, place, 0, Message(event.sequence, at_ms, "match.created", created, place)))
            continue
        n = views.last_match_message(state.book, event.match) - later[event.match]
        later[event.match] += 1
        data = _room_event(state, event)
        told.append(Told(event, place, n, Message(event.sequence, at_ms, TYPES[event.kind], data, place)))
    told.reverse()
    return told


def send_rooms(state: State, fanout: Fanout, applied: Applied) -> None:
    """Send rooms what a batch did to their matches, and `sys` the matches that it created."""
    for event, place, n, message in room_messages(state, applied.events):
        if event.kind == _CREATED:
            fanout.sys.send(message)
            continue
        fanout.recent.keep_of_match(event.match, n, message)
        channel = fanout.rooms.get(event.match)
        if channel is not None:
            channel.n = n - 1
            channel.send(message)
        if event.kind == _LEFT:
            _end_subscriptions(state, fanout, event, place)


def keep_replayed(state: State, recent: Recent, events: NDArray[np.void]) -> None:
    """Keep what a batch has told that is replayed from the log: who was connected before may come back."""
    if events["player"].any():
        recent.keep_private(events, places_in(events))
    for event, _, n, message in room_messages(state, events):
        if event.kind != _CREATED:
            recent.keep_of_match(event.match, n, message)


def _room_event(state: State, event: Event) -> RoomEvent:
    match = views.match(state, event.match)
    assert match is not None
    return RoomEvent(
        event.match,
        MATCH_STATUSES[match.status],
        match.seats,
        match.starts_at_ns // NS_PER_MS or None,
        match.ends_at_ns // NS_PER_MS or None,
        event.player or None,
        state.cold.players[event.player].name if event.player else None,
    )


def _end_subscriptions(state: State, fanout: Fanout, event: Event, place: int) -> None:
    """Unsubscribe a player who has left a private match, unless he has joined it again since."""
    match, player = event.match, event.player
    if not state.cold.matches[match].code or views.has_seat(state.book, player, match):
        return
    for type, channel in (("match", fanout.rooms.get(match)), ("board", fanout.boards.get(match))):
        if channel is not None:
            for subscriber in [each for each in channel.behind if each.player == player]:
                channel.end(subscriber, Message(event.sequence, event.at_ns // NS_PER_MS, type, Empty(), place))


def room_of(state: State, match_id: int) -> Match[str]:
    """The match as match.list shows it: the channel's snapshot."""
    match = views.match(state, match_id)
    assert match is not None
    return match_answer(state.cold, match)
