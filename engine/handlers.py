"""What a cold handler is given to announce what it did."""

from __future__ import annotations

from typing import Any, Protocol

from engine.events import EventKind


class Emit(Protocol):
    """A fresh event; returned in the layout of its kind, to be filled in at once."""

    def __call__(self, kind: EventKind, player: int = 0, match: int = 0, instrument: int = 0) -> Any: ...
