"""What the client is answered: results as Structs, their decimals as Decimal, ids and times (ms) as integers.

What it is told is in events.py. Fields that the server leaves out are None. Fields that it adds later are
ignored, so an old client stays at work.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Generic, Literal, NamedTuple, TypeVar

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


class Made(Struct, frozen=True):
    id: int


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


# Games, matches and queues


class Game(Struct, frozen=True):
    """A game as its latest version says; `active`: new matches of it may be made. The fields are those that an operator
    gives: see [[games]] in config.toml."""

    game: int
    version: int
    active: bool
    title: str
    description: str = ""
    starting_balance: Decimal = Decimal(10_000)
    max_positions: int = 100
    max_leverage: int = 125
    fees: bool = True
    execution: Literal["last", "next"] = "last"
    speed_bump_ms: int = 250
    allowed_symbols: list[str] = []
    allowed_directions: Literal["both", "long_only", "short_only"] = "both"
    max_trades_per_minute: int = 0
    min_trades: int = 0
    min_hold_s: int = 0
    max_daily_drawdown_pct: Decimal = Decimal(0)
    daily_anchor: Literal["balance", "equity", "higher"] = "balance"
    max_total_drawdown_pct: Decimal = Decimal(0)
    total_drawdown: Literal["static", "trailing", "trailing_lock"] = "static"
    max_loss_per_trade_pct: Decimal = Decimal(0)
    loss_per_trade: Literal["close", "disqualify"] = "close"
    profit_target_pct: Decimal = Decimal(0)
    profit_target: Literal["locks", "ends"] = "locks"
    min_players: int = 0
    max_players: int = 0
    countdown_s: int = 0
    duration_s: int = 0
    currency: str = ""
    entry_fee: Decimal = Decimal(0)
    reward_price: Decimal = Decimal(0)
    house_fee_pct: Decimal = Decimal(0)
    prize_split: list[int] = []
    nobody_wins: Literal["refund", "keep"] = "refund"
    ranks_by_trades: bool = True
    queue_timeout_s: int = 300
    outage_s: int = 60
    outage: Literal["void", "extend"] = "void"
    cover: str = ""
    cup: int = 0
    win_exp: int = 0
    lose_exp: int = 0
    item_rewards: dict[str, int] = {}


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
    item_rewards: dict[str, int] = {}


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
    game_version: int
    min_players: int | None = None
    max_players: int | None = None
    private: bool = False
    starts_at: int | None = None
    ends_at: int | None = None
    money: MatchMoney | None = None
    seat: Seat | None = None
    outage_s: int | None = None
    outage: Literal["void", "extend"] | None = None
    paused: bool = False
    cover: str | None = None
    cup: int = 0
    win_exp: int = 0
    lose_exp: int = 0


class Joined(Struct, frozen=True):
    match: int


class Left(Struct, frozen=True):
    match: int


class Reset(Struct, frozen=True):
    match: int


class Queued(Struct, frozen=True):
    """Whose queue the player has joined or left."""

    game: int


class InQueue(Struct, frozen=True):
    """Where the player stands in the queue of a game, and until when (ms) at most; None: however long it takes."""

    game: int
    place: int
    until: int | None = None


class BoardRow(Struct, frozen=True):
    rank: int
    player: int
    name: str
    equity: Decimal
    profit: Decimal
    trades: int
    positions: int
    status: Literal["playing", "locked", "disqualified"]
    prize: Decimal | None = None


class Board(Struct, frozen=True):
    """A leaderboard, by equity, or the final ranking; `rank` is that of the player who asks."""

    match: int
    players: int
    rows: list[BoardRow]
    rank: int | None = None


# The player and his seats


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


class Career(Struct, frozen=True):
    """What matches have made of the player; `season` is the current one, 0 before the first."""

    cups: int
    season: int
    season_cups: int
    experience: int
    level: int
    to_next_level: int
    wins: int
    matches: int


class Me(Struct, frozen=True):
    """The player and all that is open."""

    player: int
    name: str
    role: str
    seats: list[Seat]
    orders: list[Order]
    positions: list[Position]
    fixed: list[FixedTrade]
    career: Career
    queues: list[InQueue] = []


class CupsRow(Struct, frozen=True):
    rank: int
    player: int
    name: str
    cups: int
    matches: int


class CupsBoard(Struct, frozen=True):
    """The board of cups, of so many `players`: of all time, or of the season; `rank` is that of the player who asks."""

    players: int
    rows: list[CupsRow]
    season: int | None = None
    name: str | None = None
    rank: int | None = None


# Orders


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


# Positions


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


# Fixed-time trades


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


# Looking back


class FinishedMatch(Struct, frozen=True):
    """The same, as message `n` of `me` told it; without a `currency` the prize is only named."""

    n: int
    seq: int
    at: int
    match: int
    title: str
    rank: int
    players: int
    starting_balance: Decimal
    balance: Decimal
    profit: Decimal
    fees: Decimal
    max_drawdown: Decimal
    trades: int
    wins: int
    prize: Decimal
    currency: str | None = None
    out: str | None = None


class TradeResult(Struct, frozen=True):
    """What a `position`, or a fixed-time `trade`, has brought in all, its fees counted."""

    symbol: str
    side: Literal["long", "short", "up", "down"]
    result: Decimal
    position: int | None = None
    trade: int | None = None


class EquityPoint(Struct, frozen=True, array_like=True):
    at: int
    equity: Decimal


class Summary(Struct, frozen=True):
    """A finished match as the player looks back at it. `equity` is the curve; `out` says why the seat was put out of
    the game."""

    match: FinishedMatch
    equity: list[EquityPoint]
    best: TradeResult | None = None
    worst: TradeResult | None = None
    out: Judged | None = None


class ClosedTrade(Struct, frozen=True):
    """A position that closed, or the part of it that did, as message `n` of `me` told it; `left` stayed open."""

    n: int
    seq: int
    at: int
    match: int
    position: int
    symbol: str
    side: str
    cause: str
    leverage: int
    quantity: Decimal
    entry_price: Decimal
    price: Decimal
    margin: Decimal
    profit: Decimal
    fee: Decimal
    left: Decimal


class SettledTrade(Struct, frozen=True):
    """A fixed-time trade that was settled, as message `n` of `me` told it; see FixedEvent."""

    n: int
    seq: int
    at: int
    trade: int
    symbol: str
    direction: str
    stake: Decimal
    payout: int
    expires_at: int
    result: Literal["won", "lost", "draw", "refunded"]
    profit: Decimal
    paid_back: Decimal
    exit_price: Decimal
    exit_sequence: int
    entry_price: Decimal | None = None
    entry_sequence: int | None = None
    reason: str | None = None
    match: int | None = None
    wallet: str | None = None


# Wallet, store and referrals


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


class Audited(Struct, frozen=True):
    """So many accounts were recomputed from so many transfers, all up to `sequence`, and `problems` found."""

    sequence: int
    accounts: int
    transfers: int
    problems: list[str]


class Solvency(Struct, frozen=True):
    """What a match has in its escrow, what the house has set aside for it, and what it owes: `refunds` when it is
    called off, `prizes` when it ends as it is."""

    match: int
    asset: str
    escrow: Decimal
    set_aside: Decimal
    refunds: Decimal
    prizes: Decimal
    solvent: bool


class Credited(Struct, frozen=True):
    asset: str
    amount: Decimal


class Offer(Struct, frozen=True):
    """One of the item costs `price` of the asset; `stock` are left. What is not active is not sold at the moment."""

    item: str
    title: str
    asset: str
    price: Decimal
    stock: int
    active: bool


class Item(Struct, frozen=True):
    """So many of the item; `version` counts the changes of that."""

    item: str
    name: str
    count: int
    version: int


class Purchased(Struct, frozen=True):
    """What they cost comes as a WalletEvent."""

    item: str
    count: int


class Bonus(Struct, frozen=True):
    """What both have when somebody signs up with the code: `at` once (sign_up), or with the end of a first paid match.

    None when the house has not enough for both.
    """

    asset: str
    referrer: Decimal
    referred: Decimal
    at: str


class Referral(Struct, frozen=True):
    """The code to sign up with, how many have, and what that has earned, by asset."""

    code: str
    referred: int
    earned: dict[str, Decimal]
    bonus: Bonus | None = None
