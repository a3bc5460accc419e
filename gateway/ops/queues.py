"""Ops of queues: waiting for a seat in the next match of a game. What comes of it is on `me`."""

from __future__ import annotations

from msgspec import Struct

from engine import views
from engine.model.commands import JoinQueue, LeaveQueue
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from gateway.core.records import Outcome
from gateway.protocol import arguments as args
from gateway.sessions.arena import Arena
from gateway.sessions.submission import Submission, cold_submission


class Queued(Struct, frozen=True):
    """Whose queue the player has joined or left."""

    game: int


class QueueAnswer(Struct, frozen=True, omit_defaults=True):
    """Where the player stands in the queue of a game, and until when at most."""

    game: int
    place: int
    until: int | None = None


def queue_join(arena: Arena, player: int, of: args.OfGame) -> Submission:
    return cold_submission(JoinQueue(of.game, player), _queued, player)


def queue_leave(arena: Arena, player: int, of: args.OfGame) -> Submission:
    return cold_submission(LeaveQueue(of.game, player), _queued, player)


def _queued(outcome: Outcome) -> Queued:
    return Queued(outcome.id)


def queues_of(state: State, player: int) -> list[QueueAnswer]:
    """Those in which the player waits."""
    return [
        QueueAnswer(queue.game, queue.place, queue.until_ns // NS_PER_MS or None)
        for queue in views.queues_of(state, player)
    ]
