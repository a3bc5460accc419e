"""A channel's message before it is numbered and encoded."""

from __future__ import annotations

from typing import Any, NamedTuple


class Message(NamedTuple):
    """See the module."""

    seq: int
    at_ms: int
    type: str
    data: Any
    place: int = 0  # among the events of `seq`
