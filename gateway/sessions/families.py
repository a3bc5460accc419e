"""Accounts of one person: a player and his sub-accounts are never in one match. Practice has no opponents, so
there they may be."""

from __future__ import annotations

from engine import views
from gateway.protocol.errors import Code, Refused
from gateway.sessions.caller import Caller


def check_match(caller: Caller, match: int) -> None:
    """Raises Refused SAME_PERSON when another account of his is in the match, or is about to be."""
    keys, state = caller.arena.keys, caller.arena.state
    found = views.match(state, match)
    if keys is None or found is None or found.practice:
        return
    if any(views.has_seat(state.book, other, match) for other in keys.dependents.others(caller.player)):
        raise Refused(Code.SAME_PERSON)
    keys.dependents.begin_joining(caller.player, "match", match)


def check_queue(caller: Caller, game: int) -> None:
    """Raises Refused SAME_PERSON when another account of his waits for the game, or is in the match that is filled."""
    keys, state = caller.arena.keys, caller.arena.state
    queue = state.cold.queues.get(game)
    if keys is None:
        return
    for other in keys.dependents.others(caller.player):
        if queue is not None and (other in queue.waiting or views.has_seat(state.book, other, queue.match)):
            raise Refused(Code.SAME_PERSON)
    keys.dependents.begin_joining(caller.player, "queue", game)
