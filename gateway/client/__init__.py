"""The Python client: a player of the arena. It needs nothing of the project but the protocol.

Results and the data of events are defined in gateway/protocol, a file per noun.

    client.py         the player: a method for each op
    sync.py           the same for programs without asyncio
    connection.py     a connection that stays up: requests, replies, events
    credentials.py    tokens, and how they are renewed
    subscriptions.py  what is listened to, and how it is asked for again on a new socket
    web.py            REST requests, the socket, and patience
    states.py         what a program is told of its connection
    errors.py         what may go wrong
"""

from __future__ import annotations

try:
    from gateway.client.client import Client
    from gateway.client.errors import (
        ArenaError,
        Disconnected,
        Failed,
        Garbled,
        Refused,
        Unanswered,
        Unreachable,
    )
    from gateway.client.states import Change, State
    from gateway.client.sync import SyncClient
except ModuleNotFoundError as error:
    error.msg += ": this Python is not that of the project; type `. .venv/bin/activate` first"
    raise

__all__ = [
    "ArenaError", "Change", "Client", "Disconnected", "Failed", "Garbled", "Refused", "State", "SyncClient",
    "Unanswered", "Unreachable",
]  # fmt: skip
