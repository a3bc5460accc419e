"""What a program is told of its connection."""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple

from gateway.client.errors import ArenaError

Restored = Literal["replayed", "reset"]


class State(Enum):
    """Of a connection that stays up."""

    CONNECTED = "connected"
    """There is a socket."""
    LOST = "lost"
    """The socket is gone, and another is tried until there is one."""
    RESUMED = "resumed"
    """There was none, and all subscriptions are back: what was missed has come, or snapshots have."""
    ENDED = "ended"
    """No other will be tried, and whoever waits is told why."""


class Change(NamedTuple):
    """The connection has another state."""

    state: State
    error: ArenaError | None = None  # why it is LOST or ENDED; ENDED without one: the program has closed it
    channels: dict[str, Restored] | None = None
    """Of RESUMED: channels that were missed nothing of, and those that began with a snapshot again."""
