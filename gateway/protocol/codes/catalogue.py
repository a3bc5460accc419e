"""Every error code: what it means, what brings it about, what to do, and whether to send the request again."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from engine.model.reasons import Reason
from gateway.protocol.codes.of_engine import ENGINE
from gateway.protocol.codes.of_gateway import GATEWAY
from gateway.protocol.errors import Code, error_of_reason, status_of_reason


class ErrorCode(Struct, frozen=True):
    """A code, as GET errors lists it."""

    code: str
    group: str
    message: str
    cause: str
    cure: str
    retry: str  # never, after or query
    status: int  # of an answer over HTTP


def _all() -> list[ErrorCode]:
    found = []
    for group, codes in GATEWAY.items():
        for name, help in codes.items():
            entry = Code[name].value
            found.append(ErrorCode(name, group, entry.message, help.cause, help.cure, entry.retry, entry.status))
    for group, codes in ENGINE.items():
        for name, help in codes.items():
            reason = Reason[name]
            error = error_of_reason(reason)
            status = status_of_reason(reason)
            found.append(ErrorCode(name, group, error.message, help.cause, help.cure, error.retry, status))
    return found


CATALOGUE: Final = _all()
