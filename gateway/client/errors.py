"""What may go wrong between a program and the arena. Each says in its message what it is."""

from __future__ import annotations

from typing import Any

from gateway.protocol.errors import Error


class ArenaError(Exception):
    """Something between us and the arena; the message says what."""


class Refused(ArenaError):
    """The arena said no. `retry` is "never", "after" (in `retry_after` ms), or "query": the outcome is unknown, ask."""

    def __init__(
        self, code: str, message: str, retry: str, details: dict[str, Any] | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(f"{code}: {message}" + (f" {details}" if details else ""))
        self.code = code
        self.message = message
        self.retry = retry
        self.details = details or {}
        self.retry_after = retry_after

    @classmethod
    def by(cls, error: Error) -> Refused:
        """The refusal that the arena's error says."""
        return cls(error.code, error.message, error.retry, error.details, error.retry_after)


class Unreachable(ArenaError):
    """Nobody answers at that address."""


class Disconnected(ArenaError):
    """The connection is gone for good; `code` is the close code. The outcome of what was asked is unknown."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the connection was closed with code {code}")
        self.code = code


class Garbled(ArenaError):
    """The arena sent what is no message of its protocol."""


class Failed(ArenaError):
    """This client has failed, which is a fault of ours; what it was is its cause. The outcome of what was asked is
    unknown."""


class Unanswered(ArenaError):
    """No reply in time. The outcome is unknown; the same request with the same `key` gets it."""

    def __init__(self, op: str, key: str | None) -> None:
        super().__init__(f"{op} was not answered in time; ask again" + (f" with key {key}" if key else ""))
        self.op = op
        self.key = key
