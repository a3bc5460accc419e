"""What a cold handler is given to announce what it did."""

from __future__ import annotations

from typing import Any, Protocol

from engine.events import EventKind
from engine.layouts import Events


class Emit(Protocol):
    """Announces what a handler does."""

    def __call__(self, kind: EventKind, player: int = 0, match: int = 0, instrument: int = 0) -> Any:
        """A fresh event; returned in the layout of its kind, to be filled in at once."""

    def room(self, count: int) -> Events:
        """The buffer with room for so many more events: for kernels that tell themselves what they do."""
