"""The Python client: a player of the arena. It needs nothing of the project but the protocol."""

from __future__ import annotations

from gateway.client.client import Client
from gateway.client.connection import (
    ArenaError,
    Disconnected,
    Garbled,
    Refused,
    Unanswered,
    Unreachable,
)

__all__ = ["ArenaError", "Client", "Disconnected", "Garbled", "Refused", "Unanswered", "Unreachable"]
