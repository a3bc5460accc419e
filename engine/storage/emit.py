"""Events of cold handlers: what they emit them with, and how they call kernels that emit many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.model.events import EVENT, EventKind
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.state import State
from engine.model.tables import aligned_zeros
from engine.storage.event_buffer import EVENTS_PER_PLAYER, new_event


class Emit(Protocol):
    """Emits what a handler does."""

    def __call__(self, kind: EventKind, player: int = 0, match: int = 0, instrument: int = 0) -> Any:
        """A fresh event; returned in the layout of its kind, to be filled in at once."""

    def buffer(self, count: int) -> Events:
        """The buffer, with room for so many more events: for kernels that emit."""


def call_until_done(state: State, emit: Emit, step: Callable[..., int], count: int, *arguments: Any) -> None:
    """Call the kernel, which does a step for each of so many players from number i on while the buffer has space, until
    it has done all; at least once. A match may have many players, and a call for each would be slow."""
    i = 0
    while True:
        i = int(step(state.book, emit.buffer(EVENTS_PER_PLAYER), i, *arguments))
        assert i >= 0, Reason(-i).name
        if i == count:
            return


EVENT_BUFFER = 16_384
"""Events between two looks of the machine at its buffer; more than that only makes one command take several calls."""


class EventLog:
    """The events of a batch: a buffer that kernels and handlers write to, and what has been drained from it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._buffer = aligned_zeros(EVENT_BUFFER, EVENT)
        self._drained: list[NDArray[np.int64]] = []
        self.events = Events(self._buffer)
        self._count = np.asarray(state.book.progress)["events"]  # tables of one row never move

    def __call__(self, kind: EventKind, player: int = 0, match: int = 0, instrument: int = 0) -> Any:
        events = self.buffer(1)
        return events.rows(kind)[new_event(self._state.book, events, kind.value, player, match, instrument)]

    def buffer(self, count: int) -> Events:
        if int(self._state.book.progress[0]["events"]) + count > len(self._buffer):
            self.drain()
        return self.events

    def drain(self) -> None:
        """Move what is in the buffer aside, so that it is empty."""
        count = int(self._state.book.progress[0]["events"])
        if count:
            # As plain words, because a copy of records goes field by field.
            self._drained.append(self._buffer[:count].view(np.int64).copy())
            self._state.book.progress[0]["events"] = 0

    def take(self) -> NDArray[np.void]:
        """All of them, which are forgotten here; valid until the next batch."""
        events = self._buffer[: self._count.item(0)]
        if self._drained:
            events = np.concatenate([*self._drained, events.view(np.int64)]).view(EVENT)
            self._drained = []
        return events
