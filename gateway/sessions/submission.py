"""What an op submits to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.model.commands import ColdCommand, encode_cold
from gateway.core.records import Outcome, cold_record
from gateway.protocol.errors import Code, Error, Refused, error_of_reason


class Submission(NamedTuple):
    """A command for the engine, and what its outcome means to the client."""

    record: bytes
    result: Callable[[Outcome], Any]
    key: str | None = None  # when the arguments bring the idempotency key
    blob: bytes = b""
    explain: Callable[[int], Error] = error_of_reason  # the error for the Reason of a refusal


def cold_submission(command: ColdCommand, result: Callable[[Outcome], Any], player: int = 0) -> Submission:
    """Asked for by a player, or (0) by an operator. Raises Refused OUT_OF_RANGE when a number in it has more than 64
    bits."""
    try:
        return Submission(cold_record(player), result, blob=encode_cold(command))
    except OverflowError as error:
        raise Refused(Code.OUT_OF_RANGE, problem="a number has more than 64 bits") from error
