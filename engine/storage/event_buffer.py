"""Writing events: the header is filled here, the body by whoever knows it."""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel
from engine.model.events import EVENT_BYTES, OF_MATCH, OF_MATCH_AND_PLAYER
from engine.model.layouts import Events
from engine.model.tables import Book, Row

EVENTS_PER_PLAYER: Final = 4
"""A step of a loop over players emits no more events than this."""

_WORDS: Final = EVENT_BYTES // 8


@kernel
def clear_outcome(outcome: Row) -> None:
    """Set every field to 0."""
    outcome.reason = 0
    outcome.status = 0
    outcome.replayed = 0
    outcome.instrument = 0
    outcome.id = 0
    outcome.price = 0
    outcome.fee = 0
    outcome.profit = 0
    outcome.liquidation = 0
    outcome.left = 0
    outcome.sequence = 0


@kernel
def has_space(book: Book, events: Events) -> bool:
    """Has the buffer space for the events of one more player?"""
    return book.progress[0].events + EVENTS_PER_PLAYER <= len(events.header)


@entry
def new_event(book: Book, events: Events, kind: int, player: int, match: int, instrument: int) -> int:
    """A new event, all zero but its header: its number in the buffer. A private one takes its player's next message
    number, and one that is a message of its match is counted there."""
    progress = book.progress[0]
    k = progress.events
    progress.events += 1
    for word in range(k * _WORDS, (k + 1) * _WORDS):
        events.words[word] = 0
    event = events.header[k]
    event.kind = kind
    event.sequence = progress.sequence
    event.at_ns = book.world[0].now_ns
    event.match = match
    event.instrument = instrument
    if player != 0:
        book.players[player].messages += 1
        event.player = player
        event.message = book.players[player].messages
        if kind in OF_MATCH_AND_PLAYER:
            book.matches[match].messages += 1
    elif kind in OF_MATCH:
        book.matches[match].messages += 1
    return k
