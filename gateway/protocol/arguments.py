"""What each op takes. The same Structs decode JSON and msgpack, WebSocket and REST; unknown fields are refused.

Prices, quantities and money are `Amount`: a decimal string or an integer, never a float. Bounds here only keep numbers
inside the engine's columns; whether they make sense is the engine's to say, with a reason of its own.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Raw, Struct

Amount = int | str
MessageId = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[str, Meta(max_length=64)]
Id = Annotated[int, Meta(ge=0, le=2**53)]
OpenId = Annotated[int, Meta(ge=1, le=2**53)]
"""Of a position or an order."""
Small = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Milliseconds = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
Symbol = Annotated[str, Meta(min_length=1, max_length=32)]
Interval = Annotated[str, Meta(max_length=8)]
Key = Annotated[str, Meta(min_length=1, max_length=36)]
ClientOrderId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:/-]{1,36}\Z")]
AssetName = Literal["USDT", "USDC", "SOL", "BT", "DEMO", "GOLD_COIN", "TREASURE_BOX"]
ItemName = Literal["GOLD_COIN", "TREASURE_BOX"]
WalletName = Literal["demo", "usdt", "usdc", "sol", "bt"]
Code = Annotated[str, Meta(max_length=64)]
Reason = Annotated[str, Meta(min_length=1, max_length=200)]
Channels = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=256)]


NO_ARGUMENTS: Final = Raw()
"""Stands for args that were left out: the same as an empty object."""


class Envelope(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The outside of every message from a client."""

    id: MessageId
    op: str
    args: Raw = NO_ARGUMENTS
    key: Key | None = None
    deadline: Milliseconds | None = None


class Identified(Struct, frozen=True, gc=False):
    """As much of a bad envelope as an answer needs."""

    id: MessageId | None = None


class _Arguments(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    pass


class Nothing(_Arguments, frozen=True):
    pass


class Auth(_Arguments, frozen=True):
    token: Annotated[str, Meta(max_length=4096)]


class Subscribe(_Arguments, frozen=True):
    channels: Channels


class Unsubscribe(_Arguments, frozen=True):
    channels: Channels


class QuoteOf(_Arguments, frozen=True):
    symbol: Symbol


class CandlesOf(_Arguments, frozen=True):
    symbol: Symbol
    interval: Interval
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    until: Milliseconds | None = None


class MatchList(_Arguments, frozen=True):
    """Of one status, or all but the archived ones: the latest `limit`, or those before match `before`."""

    status: Literal["waiting", "open", "closed", "canceled", "archived"] | None = None
    game: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=1, le=2**53)] = 2**53


class OfMatch(_Arguments, frozen=True):
    match: Id


class OfGame(_Arguments, frozen=True):
    game: Id


class CupsOf(_Arguments, frozen=True):
    """Of all time, or of one season."""

    season: Id | None = None


class JoinMatch(_Arguments, frozen=True):
    match: Id
    code: Code = ""


class PlaceOrder(_Arguments, frozen=True):
    """A trailing stop is a stop loss that follows the best price since the fill. It stays so many ppm of the price at
    the fill behind: 10000 is one percent. `max_slippage` is in ppm too, of the price at acceptance."""

    match: Id
    symbol: Symbol
    side: Literal["long", "short"]
    leverage: Small
    type: Literal["market", "limit", "stop"] = "market"
    margin: Amount | None = None
    quantity: Amount | None = None
    price: Amount | None = None
    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    time_in_force: Literal["gtc", "gtd", "ioc"] | None = None
    expires_at: Milliseconds | None = None
    max_slippage: Small | None = None
    client_order_id: ClientOrderId | None = None
    trailing_stop: Small | None = None


class CancelOrder(_Arguments, frozen=True):
    order: OpenId


class AmendOrder(_Arguments, frozen=True):
    """ "0" takes a stop loss or take profit away, an `expires_at` of 0 the end; what is left out stays."""

    order: OpenId
    price: Amount | None = None
    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    expires_at: Milliseconds | None = None


class ClosePosition(_Arguments, frozen=True):
    position: OpenId
    percent: Small | None = None
    quantity: Amount | None = None


class AmendPosition(_Arguments, frozen=True):
    """ "0" takes a stop loss or take profit away; one that is left out stays. Margin is added, or taken back.

    A trailing stop, in ppm of the price now, takes the place of a stop loss, and the other way round; 0 takes it away.
    """

    position: OpenId
    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    add_margin: Amount | None = None
    remove_margin: Amount | None = None
    trailing_stop: Small | None = None


class FixedAccount(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What is staked: either money of the player's seat in a match, or of a wallet."""

    match: Id | None = None
    wallet: WalletName | None = None


class BuyFixed(_Arguments, frozen=True):
    """`duration` is in seconds."""

    symbol: Symbol
    direction: Literal["up", "down"]
    stake: Amount
    duration: Small
    account: FixedAccount


class Guest(_Arguments, frozen=True):
    """Body of POST auth/guest: a new player, or with `token` a fresh token for the same one."""

    name: Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,32}\Z")] | None = None
    token: Annotated[str, Meta(max_length=4096)] | None = None
    referral_code: Annotated[str, Meta(max_length=64)] | None = None  # of whoever has brought the new player


class Money(_Arguments, frozen=True):
    asset: AssetName
    amount: Amount


class Page(_Arguments, frozen=True):
    """The latest `limit`, or those before message `before`."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=1, le=2**53)] = 2**53


class Purchase(_Arguments, frozen=True):
    """`version` is that of the account that pays, as me.wallet showed it: the purchase is refused if it has changed."""

    item: ItemName
    count: Small = 1
    version: Annotated[int, Meta(ge=1, le=2**53)] | None = None


# Operators


class Stock(_Arguments, frozen=True):
    """So many more."""

    item: ItemName
    count: Small


class CreateMatch(_Arguments, frozen=True):
    """A practice match is open for all players and has no end; another one lasts as long as its game says."""

    game: Id
    practice: bool = False
    code: Code = ""  # who joins must know it


class ActivateGame(_Arguments, frozen=True):
    """Whether new matches of it may be made, and players see it."""

    game: Id
    active: bool


class StartSeason(_Arguments, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=64)]


class CancelMatch(_Arguments, frozen=True):
    match: Id
    reason: Reason


class EndMatch(_Arguments, frozen=True):
    """As if its time had come; or (`void`) rank nobody, and give every fee back."""

    match: Id
    reason: Reason
    void: bool = False


class SetSwitch(_Arguments, frozen=True):
    """Of the instrument, match or player that is named; of the whole arena when none is."""

    switch: Literal["locked", "halted", "close_only"]
    on: bool
    reason: Reason
    symbol: Symbol | None = None
    match: Id | None = None
    player: Id | None = None
