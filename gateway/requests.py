"""What an op asks of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gateway.records import Outcome


class Request(NamedTuple):
    """A command for the engine, and what its outcome means to the client."""

    record: bytes
    result: Callable[[Outcome], Any]
    key: str | None = None  # when the arguments bring the idempotency key
    blob: bytes = b""
