"""What a person may do about himself: limits, shutting himself out, his data."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.protocol.identity.accounts import Password
from gateway.protocol.scalars import Arguments

LimitKind = Literal["deposit", "loss", "time"]


class SetLimit(Arguments, frozen=True):
    """Of a day, by UTC: dollars for deposit and loss, minutes for time; null: none. Lower at once, higher after a
    day."""

    kind: LimitKind
    value: Annotated[int, Meta(ge=0, le=10**9)] | None


class PlayLimit(Struct, frozen=True, omit_defaults=True):
    """`used` is of today; `next` holds from `next_at` on, and is no limit when it is left out."""

    kind: str
    value: int | None
    used: int
    next: int | None = None
    next_at: int | None = None  # ms


class PlayLimits(Struct, frozen=True):
    items: list[PlayLimit]
    excluded_until: int | None  # ms
    next: None = None


class Exclude(Arguments, frozen=True):
    """Shut oneself out, for so many days; it cannot be taken back."""

    days: Annotated[int, Meta(ge=1, le=3650)]


class Excluded(Struct, frozen=True):
    until: int  # ms


class DeleteMe(Arguments, frozen=True):
    """Delete the account. Money that is left is given up, which must be said."""

    password: Password | None = None  # if there is one
    give_up_money: bool = False
