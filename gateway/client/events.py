"""What the client is told: the events of its channels as Structs; see types.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from gateway.client.types import Board, Candle, Judged, Match, Me, Quote


class Event(Struct, frozen=True):
    """A message of a channel.

    `n` counts the channel's messages without gaps; a subscription starts with `kind` "snapshot", and "conflated"
    stands for several messages that a slow reader missed; "ended" is the last one, when the player has left a private
    match. `data` is a Struct by `type`: see EVENT_DATA.
    """

    channel: str
    n: int
    seq: int
    at: int
    type: str
    data: Any
    kind: str = ""


class OrderEvent(Struct, frozen=True):
    """What happened to an order; `cash` is what is free afterwards, `reason` why its fill was refused.

    An order that fills on arrival brings a PositionEvent only.
    """

    order: int
    match: int
    symbol: str
    side: str
    type: str
    leverage: int
    quantity: Decimal
    price: Decimal
    margin: Decimal
    fee: Decimal
    cash: Decimal
    liquidation_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    client_order_id: str | None = None
    reason: str | None = None
    trailing_stop: int | None = None


class PositionEvent(Struct, frozen=True):
    """What happened to a position. `quantity`, `margin`, `fee` and `profit` are of what opened or closed just now.

    `type` and `client_order_id` are of the order that opened it, told when it opens.
    """

    position: int
    match: int
    symbol: str
    side: str
    leverage: int
    cash: Decimal
    left: Decimal
    margin: Decimal
    quantity: Decimal | None = None
    price: Decimal | None = None
    fee: Decimal | None = None
    profit: Decimal | None = None
    cause: str | None = None
    liquidation_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    type: str | None = None
    client_order_id: str | None = None
    trailing_distance: Decimal | None = None


class FixedEvent(Struct, frozen=True):
    """What happened to a fixed-time trade. Prices are the middle of the quotes that the sequences name.

    From `result` (won, lost, draw, refunded) on, of what is settled: `paid_back` is what came back to the cash,
    `reason` why it was refunded. It is staked in a `match` or from a `wallet`, of whose money its amounts are.
    """

    trade: int
    symbol: str
    direction: str
    stake: Decimal
    payout: int
    expires_at: int
    cash: Decimal
    entry_price: Decimal | None = None
    entry_sequence: int | None = None
    result: str | None = None
    exit_price: Decimal | None = None
    exit_sequence: int | None = None
    profit: Decimal | None = None
    paid_back: Decimal | None = None
    reason: str | None = None
    match: int | None = None
    wallet: str | None = None


class SeatEvent(Struct, frozen=True):
    match: int
    cash: Decimal


class Finished(Struct, frozen=True):
    """How a match ended for the player; `out` is the rule that put the seat out of the game."""

    match: int
    rank: int
    players: int
    balance: Decimal
    prize: Decimal
    starting_balance: Decimal
    profit: Decimal
    fees: Decimal
    max_drawdown: Decimal
    trades: int
    wins: int
    out: str | None = None


class MatchEvent(Struct, frozen=True):
    match: int


class CreatedEvent(Struct, frozen=True):
    match: int
    game: int | None = None  # told to all


class CanceledEvent(Struct, frozen=True):
    """A match was called off: OUTAGE or CALLED_OFF. Every entry fee came back."""

    match: int
    reason: str


class ResumedEvent(Struct, frozen=True):
    """The prices are back: the match goes on, and ends later."""

    match: int
    ends_at: int


class RoomEvent(Struct, frozen=True):
    """A match that is watched, as it stands now; `player` has joined or left it."""

    match: int
    status: str
    players: int
    starts_at: int | None = None
    ends_at: int | None = None
    player: int | None = None
    name: str | None = None


class QueueEvent(Struct, frozen=True):
    """In the queue of a game, `until` then at most; or out of it, for a `reason` if that was not wanted."""

    game: int
    until: int | None = None
    reason: str | None = None


class WalletEvent(Struct, frozen=True):
    """An account has changed: by `change`, for the `reason` (of the match, if it was one), to `balance`."""

    asset: str
    reason: str
    change: Decimal
    balance: Decimal
    held: Decimal
    version: int
    match: int | None = None


class Progress(Struct, frozen=True):
    """What a match has made of the player: cups, by `change`, and experience, by `gained`, with the level it makes."""

    match: int
    cups: int
    change: int
    season: int
    season_cups: int
    experience: int
    gained: int
    level: int
    level_before: int


class SeasonEvent(Struct, frozen=True):
    """A season has begun."""

    season: int


class CandleEvent(Struct, frozen=True):
    symbol: str
    interval: str
    candle: Candle
    closed: bool


class SwitchEvent(Struct, frozen=True):
    """A kill switch: `scope` is arena, instrument, match or player, `switch` locked, halted or close_only."""

    scope: str
    switch: str
    on: bool
    symbol: str | None = None
    match: int | None = None
    player: int | None = None


EVENT_DATA: Final[dict[str, type]] = {
    "order": OrderEvent,
    "position": PositionEvent,
    "fixed": FixedEvent,
    "seat": SeatEvent,
    "seat.warned": Judged,
    "seat.disqualified": Judged,
    "seat.locked": Judged,
    "wallet": WalletEvent,
    "player.progressed": Progress,
    "season": SeasonEvent,
    "match.left": MatchEvent,
    "match.started": MatchEvent,
    "match.paused": MatchEvent,
    "match.resumed": ResumedEvent,
    "match.canceled": CanceledEvent,
    "queue": QueueEvent,
    "match.finished": Finished,
    "match.joined": SeatEvent,
    "match.created": CreatedEvent,
    "match": Match,
    "room": RoomEvent,
    "tick": Quote,
    "candle": CandleEvent,
    "board": Board,
    "switch": SwitchEvent,
    "me": Me,
}
"""What is in an event, by its type, or else by its type up to the dot; any other type brings a dict. A snapshot may be
an empty dict."""
