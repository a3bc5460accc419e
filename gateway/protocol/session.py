"""Who is asking, what it is subscribed to, and the player with all that is open."""

from __future__ import annotations

from typing import Annotated, Generic

from msgspec import Meta, Struct

from gateway.protocol.careers import Career
from gateway.protocol.fixed_trades import FixedTrade
from gateway.protocol.matches import QueuePlace
from gateway.protocol.orders import Order
from gateway.protocol.positions import Position
from gateway.protocol.scalars import Arguments, D
from gateway.protocol.seats import Seat

Channels = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=256)]


class Auth(Arguments, frozen=True):
    token: Annotated[str, Meta(max_length=4096)]


class Authenticated(Struct, frozen=True):
    player: int
    session: str
    role: str
    expires_in: int = 0  # s, of the token


class Renewed(Struct, frozen=True):
    """A token that lasts longer than the one before, of the same player and session."""

    token: str
    expires_in: int  # s


class ExpiringToken(Arguments, frozen=True):
    """Body of POST auth/renew: a player's token, which may have expired lately."""

    token: Annotated[str, Meta(max_length=4096)]


class SignInGuest(Arguments, frozen=True):
    """Body of POST auth/guest: a new player, or with `token` a fresh token for the same one."""

    name: Annotated[str, Meta(max_length=200)] | None = None
    token: Annotated[str, Meta(max_length=4096)] | None = None
    referral_code: Annotated[str, Meta(max_length=64)] | None = None  # of the player who referred the new one


class Guest(Struct, frozen=True):
    """A player who signed in without an account, and the token. `matches` are those in which there is a seat."""

    token: str
    player: int
    name: str
    matches: list[int]


class Time(Struct, frozen=True):
    at: int  # ms


class Subscribe(Arguments, frozen=True):
    channels: Channels


class Unsubscribe(Arguments, frozen=True):
    channels: Channels


class Subscribed(Struct, frozen=True):
    """The channels that the session has afterwards."""

    channels: list[str]


class Me(Struct, Generic[D], frozen=True):
    """The player and all that is open: result of me.get, and the snapshot of the private channel."""

    player: int
    name: str
    role: str
    seats: list[Seat[D]]
    orders: list[Order[D]]
    positions: list[Position[D]]
    fixed: list[FixedTrade[D]]
    queues: list[QueuePlace]
    career: Career
    locked: bool  # by a kill switch: the player opens nothing
