"""Which sessions each player has open, and what follows when the last one is gone: no queue keeps a seat for him."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from engine.model.commands import LeaveQueue, encode_cold
from engine.model.state import State
from gateway.core.config import Limits
from gateway.core.records import Outcome, cold_record
from gateway.core.sequencer import Sequencer, Urgency

REPLACED: Final = 4009
"""Close code of a session that has made room for a newer one."""


class Present(Protocol):
    """A session as this sees it."""

    @property
    def seen_ns(self) -> int:
        """When anything last came from its client."""

    def close(self, code: int, reason: str) -> None:
        """End it; it leaves then."""


class Presence:
    """Sessions by owner: a player's number, or what names an operator's session."""

    def __init__(self, state: State, sequencer: Sequencer, limits: Limits) -> None:
        self._state = state
        self._sequencer = sequencer
        self._most = limits.connections_per_player
        self._leave_after_s = limits.leave_queues_after_s
        self._sessions: dict[int | str, list[Present]] = {}
        self._leaving: dict[int, asyncio.TimerHandle] = {}

    def begin(self) -> None:
        """After a start nobody is there yet: who waits in a queue has as long to come back as who has just gone."""
        for queue in self._state.cold.queues.values():
            for player in queue.waiting:
                self._is_gone(player)

    def enter(self, owner: int | str, session: Present) -> None:
        """One session more. When the owner has as many as may be, the one that is silent for longest makes room."""
        here = self._sessions.get(owner, [])
        if len(here) >= self._most:
            min(here, key=lambda each: each.seen_ns).close(REPLACED, "a newer connection of this player took its place")
        self._sessions.setdefault(owner, []).append(session)
        if isinstance(owner, int) and owner in self._leaving:
            self._leaving.pop(owner).cancel()

    def leave(self, owner: int | str, session: Present) -> None:
        """One session less."""
        here = self._sessions[owner]
        here.remove(session)
        if not here:
            del self._sessions[owner]
            if isinstance(owner, int):
                self._is_gone(owner)

    def _is_gone(self, player: int) -> None:
        if player not in self._leaving:
            loop = asyncio.get_running_loop()
            self._leaving[player] = loop.call_later(self._leave_after_s, self._leave_queues, player)

    def _leave_queues(self, player: int) -> None:
        """Looked up only now: a command to join may have been on its way when the player went."""
        del self._leaving[player]
        for game, queue in self._state.cold.queues.items():
            if player in queue.waiting:
                blob = encode_cold(LeaveQueue(game, player))
                self._sequencer.submit(cold_record(player), _left, Urgency.OPERATOR, blob)


def _left(outcome: Outcome, at_ns: int) -> None:
    """Out, or out already: either will do."""
