"""Who is asking, what it is subscribed to, and the player with all that is open."""

from __future__ import annotations

from typing import Annotated, Generic, Literal

from msgspec import Meta, Struct

from engine.model.bounds import LONGEST_DISCONNECT_MS
from gateway.protocol.careers import Career
from gateway.protocol.fixed_trades import FixedTrade
from gateway.protocol.market import SwitchEvent
from gateway.protocol.matches import QueuePlace
from gateway.protocol.orders import Order
from gateway.protocol.positions import Position
from gateway.protocol.scalars import Arguments, D, Milliseconds
from gateway.protocol.seats import Seat

Channels = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=256)]


class Signature(Struct, frozen=True, forbid_unknown_fields=True):
    """In place of an API key that is never sent. What is signed: gateway/identity/keys/signatures.py."""

    key: Annotated[str, Meta(max_length=32)]  # ak_ and its number
    timestamp: Milliseconds
    nonce: Annotated[str, Meta(min_length=1, max_length=64)]
    signature: Annotated[str, Meta(max_length=128)]  # base64
    recv_window: Annotated[int, Meta(ge=1, le=60_000)] = 5_000  # ms


class Auth(Arguments, frozen=True):
    """An access token, a ticket, or a whole API key; or a signature. `external_user_id` is a partner's user."""

    token: Annotated[str, Meta(max_length=4096)] = ""
    signature: Signature | None = None
    external_user_id: Annotated[str, Meta(max_length=64)] | None = None


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


class Resume(Arguments, frozen=True):
    """`session` is what auth answered on the connection that was lost, `last` the number of each channel's last message
    there."""

    session: Annotated[str, Meta(max_length=64)]
    last: Annotated[
        dict[Annotated[str, Meta(max_length=64)], Annotated[int, Meta(ge=0, le=2**53)]], Meta(max_length=256)
    ]


class Resumed(Struct, frozen=True):
    """By channel, what follows this reply: all that was missed and nothing else, or a snapshot."""

    channels: dict[str, Literal["replayed", "reset"]]


class CancelOnDisconnect(Arguments, frozen=True):
    after_ms: Annotated[int, Meta(ge=0, le=LONGEST_DISCONNECT_MS)]  # 0: take it back


class CancelsOnDisconnect(Struct, frozen=True):
    after_ms: int  # 0: no longer


class Ticket(Struct, frozen=True):
    """For one `auth`, in the place of a token."""

    ticket: str
    expires_in: int  # s


class LimitsInForce(Struct, frozen=True):
    """What holds for the one who asks."""

    frame_bytes: int
    messages_per_s: int  # of this connection
    messages_burst: int
    player_messages_per_s: int  # over all connections of a player
    player_messages_burst: int
    connections_per_player: int
    channels_per_connection: int
    resume_messages: int
    ping_every_ms: int
    silence_ms: int


class Hello(Struct, frozen=True):
    """How things stand when somebody begins to listen: the instruments whose last quote is stale, and the kill switches
    that are on, but for those of players. And what the server is: its versions, limits and intervals of candles."""

    at: int  # ms
    stale: list[str]
    switches: list[SwitchEvent]
    server: str  # version of the program
    rules: int  # version
    protocol: int  # version
    intervals: list[str]
    limits: LimitsInForce


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
