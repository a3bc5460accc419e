"""What a cold handler is given to announce what it did, and how it lets a kernel go through many players."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from engine.model.events import EventKind
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.event_buffer import EVENTS_PER_PLAYER


class Emit(Protocol):
    """Announces what a handler does."""

    def __call__(self, kind: EventKind, player: int = 0, match: int = 0, instrument: int = 0) -> Any:
        """A fresh event; returned in the layout of its kind, to be filled in at once."""

    def room(self, count: int) -> Events:
        """The buffer with room for so many more events: for kernels that tell themselves what they do."""


def go_through(state: State, emit: Emit, step: Callable[..., int], count: int, *arguments: Any) -> None:
    """Let the kernel go through so many players, in as many calls as what they are told takes; at least one. A match
    may have many, and a call for each of them would keep everybody else waiting."""
    i = 0
    while True:
        i = int(step(state.book, emit.room(EVENTS_PER_PLAYER), i, *arguments))
        assert i >= 0, Reason(-i).name
        if i == count:
            return
