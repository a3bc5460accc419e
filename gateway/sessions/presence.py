"""Which sessions each player has open, and what follows when the last one is gone: no queue keeps a seat for him, and
if he wants it so, the engine is told, which cancels his orders when he stays away.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from engine.model.commands import LeaveQueue, SetConnected, encode_cold
from engine.model.state import State
from gateway.core.config import Limits
from gateway.core.records import Outcome, cold_record
from gateway.core.sequencer import Sequencer, Urgency
from gateway.protocol.errors import Close


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
        self._asked: set[int] = set()
        """Players who are here and have asked for it that the engine knows when they leave: it may not say so yet."""

    def begin(self) -> None:
        """After a start nobody is there yet: who waits in a queue has as long to come back as who has just gone."""
        for queue in self._state.cold.queues.values():
            for player in queue.waiting:
                self._is_gone(player)
        for player, found in self._state.cold.disconnects.items():
            if not found.timer:
                self._tell(player, connected=False)

    def tell_of(self, player: int) -> None:
        """The player asks that the engine is told when he leaves."""
        self._asked.add(player)

    def enter(self, owner: int | str, session: Present) -> None:
        """One session more. When the owner has as many as may be, the one that is silent for longest makes room."""
        here = self._sessions.get(owner, [])
        if len(here) >= self._most:
            silent = min(here, key=lambda each: each.seen_ns)
            silent.close(Close.REPLACED, "a newer connection of this player took its place")
        self._sessions.setdefault(owner, []).append(session)
        if isinstance(owner, int):
            if owner in self._leaving:
                self._leaving.pop(owner).cancel()
            if owner in self._state.cold.disconnects and len(self._sessions[owner]) == 1:
                self._tell(owner, connected=True)

    def is_here(self, owner: int | str) -> bool:
        """Has the owner a session open?"""
        return owner in self._sessions

    def connections(self, owner: int | str) -> int:
        """How many it has open."""
        return len(self._sessions.get(owner, ()))

    def leave(self, owner: int | str, session: Present) -> None:
        """One session less."""
        here = self._sessions[owner]
        here.remove(session)
        if not here:
            del self._sessions[owner]
            if isinstance(owner, int):
                self._is_gone(owner)
                if owner in self._asked or owner in self._state.cold.disconnects:
                    self._asked.discard(owner)
                    self._tell(owner, connected=False)

    def _is_gone(self, player: int) -> None:
        if player not in self._leaving:
            loop = asyncio.get_running_loop()
            self._leaving[player] = loop.call_later(self._leave_after_s, self._leave_queues, player)

    def _tell(self, player: int, connected: bool) -> None:
        blob = encode_cold(SetConnected(player, connected))
        self._sequencer.submit(cold_record(player), _told, Urgency.OPERATOR, blob)

    def _leave_queues(self, player: int) -> None:
        """Looked up only now: a command to join may have been on its way when the player went."""
        del self._leaving[player]
        for game, queue in self._state.cold.queues.items():
            if player in queue.waiting:
                blob = encode_cold(LeaveQueue(game, player))
                self._sequencer.submit(cold_record(player), _left, Urgency.OPERATOR, blob)


def _left(outcome: Outcome, at_ns: int) -> None:
    """Out, or out already: either will do."""


def _told(outcome: Outcome, at_ns: int) -> None:
    """The engine knows, or it does not matter any more."""
