"""What the client gets: replies and events as Structs, their decimals as Decimal, ids and times (ms) as integers.

Fields that the server leaves out are None. Fields that it adds later are ignored, so an old client stays at work.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Reply(NamedTuple, Generic[T]):
    """What came of a request: the result, the log's sequence and stamp (ms) at which it holds."""

    result: T
    seq: int
    at: int
    replayed: bool
    """The outcome of an earlier request with the same key."""


class Guest(Struct, frozen=True):
    """A player who needs no name, and the token that makes somebody that player."""

    token: str
    player: int
    name: str
    matches: list[int]


class Authenticated(Struct, frozen=True):
    player: int
    session: str
    role: str


class Time(Struct, frozen=True):
    at: int


class Channels(Struct, frozen=True):
    """The subscriptions that the connection has now."""

    channels: list[str]


class Nothing(Struct, frozen=True):
    pass


# The market


class Bracket(Struct, frozen=True):
    """One step of an instrument's margin table; the last one has no cap."""

    maintenance_rate: Decimal
    max_leverage: int
    maintenance_amount: Decimal
    notional_cap: Decimal | None = None


class FixedTerms(Struct, frozen=True):
    """On what terms fixed-time trades are offered, to seats and to the `wallets` named; the payout in percent of the
    stake, durations in seconds."""

    payout: int
    min_stake: Decimal
    max_stake: Decimal
    min_duration: int
    max_duration: int
    wallets: list[str] = []


class Instrument(Struct, frozen=True):
    symbol: str
    name: str
    type: str
    base: str
    quote: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    max_leverage: int
    taker_fee: Decimal
    maker_fee: Decimal
    markup: Decimal
    enabled: bool
    locked: bool
    halted: bool
    close_only: bool
    brackets: list[Bracket]
    hours: list[str] = []  # such as "mon 00:00 - fri 22:00", UTC; none: always open
    fixed: FixedTerms | None = None


class Quote(Struct, frozen=True):
    """Prices are None before the first one; `stale` says whether it is too old to open on."""

    symbol: str
    at: int
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    stale: bool | None = None


class Candle(Struct, frozen=True, array_like=True):
    """Of the bid. `ticks` is how many quotes are in it."""

    open_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    ticks: int


# Games


class Rules(Struct, frozen=True):
    """The challenge rules of a match; None: no such rule. Percents are of the starting balance."""

    allowed_symbols: list[str] | None = None
    allowed_directions: Literal["both", "long_only", "short_only"] | None = None
    max_trades_per_minute: int | None = None
    min_trades: int | None = None
    min_hold_s: int | None = None
    max_daily_drawdown_pct: Decimal | None = None
    daily_anchor: Literal["balance", "equity", "higher"] | None = None
    max_total_drawdown_pct: Decimal | None = None
    total_drawdown: Literal["static", "trailing", "trailing_lock"] | None = None
    max_loss_per_trade_pct: Decimal | None = None
    loss_per_trade: Literal["close", "disqualify"] | None = None
    profit_target_pct: Decimal | None = None
    profit_target: Literal["locks", "ends"] | None = None


class MatchMoney(Struct, frozen=True):
    """What a match costs and pays, in `currency`; None: the prizes are only named."""

    currency: str | None = None
    entry_fee: Decimal | None = None
    house_fee_pct: Decimal | None = None
    prize_split: list[int] | None = None
    reward_price: Decimal | None = None


class Match(Struct, frozen=True):
    """A match, and the seat in it of the player who asks for it by its id."""

    match: int
    game: int
    title: str
    description: str
    status: str
    practice: bool
    fees: bool
    execution: Literal["last", "next"]
    speed_bump_ms: int
    starting_balance: Decimal
    max_positions: int
    max_leverage: int
    players: int
    rules: Rules
    min_players: int | None = None
    max_players: int | None = None
    private: bool = False
    starts_at: int | None = None
    ends_at: int | None = None
    money: MatchMoney | None = None
    seat: Seat | None = None


class BoardRow(Struct, frozen=True):
    rank: int
    player: int
    name: str
    equity: Decimal
    profit: Decimal
    trades: int
    positions: int
    status: Literal["playing", "locked", "disqualified"]


class Board(Struct, frozen=True):
    """A leaderboard; `rank` is that of the player who asks."""

    match: int
    players: int
    rows: list[BoardRow]
    rank: int | None = None


class Reset(Struct, frozen=True):
    match: int


# Orders and positions


class Placed(Struct, frozen=True):
    """An order that was accepted; with a position and its figures when it filled at once."""

    order: int
    status: str
    position: int | None = None
    fill_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    fee: Decimal | None = None


class AmendedOrder(Struct, frozen=True):
    """An order that rests with other figures."""

    order: int
    status: str
    liquidation_price: Decimal | None = None


class Canceled(Struct, frozen=True):
    order: int
    status: str


class CanceledAll(Struct, frozen=True):
    """`canceled` is how many orders were."""

    match: int
    canceled: int


class Tested(Struct, frozen=True):
    """What an order would do at this moment. `distance` is what would be left to each floor of equity, by its rule."""

    status: str
    quantity: Decimal
    price: Decimal
    notional: Decimal
    margin: Decimal
    fee: Decimal
    bankruptcy_price: Decimal
    liquidation_price: Decimal | None = None
    stop_loss: Decimal | None = None
    distance: dict[str, Decimal] = {}


class Order(Struct, frozen=True):
    """An order that waits."""

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
    accepted_at: int
    expires_at: int | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    client_order_id: str | None = None
    trailing_stop: int | None = None


class Closed(Struct, frozen=True):
    """A close that was accepted; with its figures when it filled at once. `left` stays open."""

    position: int
    status: str
    fill_price: Decimal | None = None
    profit: Decimal | None = None
    fee: Decimal | None = None
    left: Decimal | None = None


class Amended(Struct, frozen=True):
    position: int
    liquidation_price: Decimal | None = None


class Position(Struct, frozen=True):
    """An open position, valued at the price at which it could be closed.

    A `stop_loss` with a `trailing_distance` follows the price, which is that far from it at best.
    """

    position: int
    match: int
    symbol: str
    side: str
    leverage: int
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    margin: Decimal
    profit: Decimal
    fee: Decimal
    opened_at: int
    closing: bool = False
    liquidation_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_distance: Decimal | None = None


class Finished(Struct, frozen=True):
    """How a match ended for the player."""

    match: int
    rank: int
    players: int
    balance: Decimal
    prize: Decimal


class Joined(Struct, frozen=True):
    match: int


class Left(Struct, frozen=True):
    match: int


class Made(Struct, frozen=True):
    id: int


class Judged(Struct, frozen=True):
    """What a challenge rule found, and at which quote (None: it is a warning, or the start of a day found it).

    A drawdown holds the seat's `equity` against a `floor`, the profit target against a `target`; the loss per trade
    holds a trade's `result` against a `limit`. `percent` is how much of the way to the floor a warning goes out at.
    `quote_seq` and `seq`, of what broke the rule, are the log's.
    """

    match: int
    rule: str
    equity: Decimal | None = None
    floor: Decimal | None = None
    target: Decimal | None = None
    result: Decimal | None = None
    limit: Decimal | None = None
    percent: int | None = None
    symbol: str | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    quote_seq: int | None = None
    seq: int | None = None


class FixedBought(Struct, frozen=True):
    """A fixed-time trade that was accepted; `payout` is what a win brings, in percent of the stake."""

    trade: int
    payout: int
    expires_at: int


class FixedTrade(Struct, frozen=True):
    """An open fixed-time trade, staked in a `match` or from a `wallet`; without an entry until its quote has come."""

    trade: int
    symbol: str
    direction: str
    stake: Decimal
    payout: int
    accepted_at: int
    expires_at: int
    entry_price: Decimal | None = None
    entry_sequence: int | None = None
    match: int | None = None
    wallet: str | None = None


class Seat(Struct, frozen=True):
    """The player in a match. The dicts are by the names of rules: see Judged.

    `distance` is how far equity is above each floor, and how much of the profit target is still to be made; `warnings`
    are today's, in percent of the way to the floor; `out` says what put the seat out of the game.
    """

    match: int
    equity: Decimal
    cash: Decimal
    reserved: Decimal
    margin: Decimal
    profit: Decimal
    fees: Decimal
    trades: int
    wins: int
    orders: int
    positions: int
    joined_at: int
    stakes: Decimal
    status: Literal["playing", "locked", "disqualified"]
    floors: dict[str, Decimal] = {}
    distance: dict[str, Decimal] = {}
    warnings: dict[str, int] = {}
    out: Judged | None = None
    rank: int | None = None
    prize: Decimal | None = None


class Me(Struct, frozen=True):
    """The player and all that is open."""

    player: int
    name: str
    role: str
    seats: list[Seat]
    orders: list[Order]
    positions: list[Position]
    fixed: list[FixedTrade]


# Events


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


class CandleEvent(Struct, frozen=True):
    symbol: str
    interval: str
    candle: Candle
    closed: bool


class Balance(Struct, frozen=True):
    """`held` is a part of `balance` that cannot be spent; `version` counts the account's changes."""

    asset: str
    balance: Decimal
    held: Decimal
    version: int


class WalletChange(Struct, frozen=True):
    """A change of an account, which message `n` of `me` told."""

    n: int
    seq: int
    at: int
    asset: str
    reason: str
    change: Decimal
    balance: Decimal
    held: Decimal
    version: int
    match: int | None = None


class Credited(Struct, frozen=True):
    asset: str
    amount: Decimal


class WalletEvent(Struct, frozen=True):
    """An account has changed: by `change`, for the `reason` (of the match, if it was one), to `balance`."""

    asset: str
    reason: str
    change: Decimal
    balance: Decimal
    held: Decimal
    version: int
    match: int | None = None


class MatchEvent(Struct, frozen=True):
    match: int


class SwitchEvent(Struct, frozen=True):
    """A kill switch: `scope` is arena, instrument, match or player, `switch` locked, halted or close_only."""

    scope: str
    switch: str
    on: bool
    symbol: str | None = None
    match: int | None = None
    player: int | None = None


class Event(Struct, frozen=True):
    """A message of a channel.

    `n` counts the channel's messages without gaps; a subscription starts with `kind` "snapshot", and "conflated"
    stands for several messages that a slow reader missed. `data` is a Struct of this file, by `type`: see EVENT_DATA.
    """

    channel: str
    n: int
    seq: int
    at: int
    type: str
    data: Any
    kind: str = ""


EVENT_DATA: Final[dict[str, type]] = {
    "order": OrderEvent,
    "position": PositionEvent,
    "fixed": FixedEvent,
    "seat": SeatEvent,
    "seat.warned": Judged,
    "seat.disqualified": Judged,
    "seat.locked": Judged,
    "wallet": WalletEvent,
    "match.left": MatchEvent,
    "match.started": MatchEvent,
    "match.canceled": MatchEvent,
    "match.finished": Finished,
    "match": SeatEvent,
    "tick": Quote,
    "candle": CandleEvent,
    "board": Board,
    "switch": SwitchEvent,
    "me": Me,
}
"""What is in an event, by its type, or else by its type up to the dot; any other type brings a dict. A snapshot may be
an empty dict."""
