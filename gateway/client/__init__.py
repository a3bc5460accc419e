"""The Python client: a player of the arena. It needs nothing of the project but the protocol.

Results and the data of events are defined in gateway/protocol, a file per noun.

    client.py       the player: a method for each op
    connection.py   a connection that stays up: requests, replies, events
"""

from __future__ import annotations

try:
    from gateway.client.client import Client
    from gateway.client.connection import (
        ArenaError,
        Disconnected,
        Garbled,
        Refused,
        Unanswered,
        Unreachable,
    )
except ModuleNotFoundError as error:
    error.msg += ": this Python is not that of the project; type `. .venv/bin/activate` first"
    raise

__all__ = ["ArenaError", "Client", "Disconnected", "Garbled", "Refused", "Unanswered", "Unreachable"]
