"""What operators did."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.protocol.scalars import Arguments


class ActionsOf(Arguments, frozen=True):
    """The latest `limit`, or those before the cursor `before`; of one op, or of one operator."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=1, le=2**53)] = 2**53
    op: Annotated[str, Meta(max_length=64)] | None = None
    who: Annotated[str, Meta(max_length=254)] | None = None


class OperatorAction(Struct, frozen=True, omit_defaults=True):
    """One that an operator took, or was refused."""

    action: int
    at: int  # ms
    who: str
    role: str
    op: str
    args: dict[str, Any]  # without secrets
    why: str
    outcome: str  # "ok", or the code of the refusal
    seq: int | None = None  # of the command in the log
