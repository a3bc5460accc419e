"""Ops of queues: waiting for a seat in the next match of a game. What comes of it is on `me`."""

from __future__ import annotations

from engine.model.commands import JoinQueue, LeaveQueue
from gateway.core.records import Outcome
from gateway.protocol.games import OfGame
from gateway.protocol.matches import QueueRef
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.families import check_queue
from gateway.sessions.submission import Submission, cold_submission


def queue_join(arena: Arena, player: int, of: OfGame) -> Submission:
    return cold_submission(JoinQueue(of.game, player), _queued, player)


def may_queue(caller: Caller, of: OfGame) -> None:
    """Raises Refused SAME_PERSON."""
    check_queue(caller, of.game)


def queue_leave(arena: Arena, player: int, of: OfGame) -> Submission:
    return cold_submission(LeaveQueue(of.game, player), _queued, player)


def _queued(outcome: Outcome) -> QueueRef:
    return QueueRef(outcome.id)
