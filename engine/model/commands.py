"""Every command: what may change the state, as it stands in the log.

Hot commands are fixed-size records of RECORD_BYTES. They share a header (COMMAND) and differ in their bodies; a batch
is one buffer, looked at through as many layouts as there are kinds (layouts.py). Cold commands are msgspec
Structs in the batch's blob area; their record has kind COLD and says where the blob lies.

A command carries everything it needs from the world. Ids are the engine's, prices ticks, quantities lots, virtual money
1e-8 units, times nanoseconds since the epoch. New fields go last, with defaults, so that old logs open.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum, StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

RECORD_BYTES = 192


class Kind(IntEnum):
    """What a record of the log is. Numbers are in the log: never renumber."""

    COLD = 1
    PULSE = 2
    """Nothing happened, but a timer is due."""
    QUOTE = 3
    PLACE_ORDER = 4
    CANCEL_ORDER = 5
    CLOSE_POSITION = 6
    AMEND_POSITION = 7
    AMEND_ORDER = 9
    CANCEL_ALL = 10
    """Of the player's resting orders in the header's match; it has no body."""
    BUY_FIXED = 8
    TRANSFER = 11
    """Of real money or items, in the ledger."""


class Side(IntEnum):
    """The direction of a position, and the factor of its profit."""

    LONG = 1
    SHORT = -1


class OrderType(IntEnum):
    MARKET = 1
    LIMIT = 2
    STOP = 3


class TimeInForce(IntEnum):
    GTC = 1
    """Good till cancelled."""
    GTD = 2
    """Good till the date in expires_at_ns."""
    IOC = 3
    """Immediate or cancel: fill on arrival or not at all."""


class Execution(StrEnum):
    """At which quote a fill that a client causes happens."""

    LAST = "last"
    """At the last usable quote, at once."""
    NEXT = "next"
    """At the first usable quote after its acceptance and the match's speed bump."""


class BonusAt(StrEnum):
    """When the bonus for a referred player is due."""

    SIGN_UP = "sign_up"
    FIRST_PAID_MATCH = "first_paid_match"
    """When a match is over that cost the player live money, and that was played out."""


class Directions(IntEnum):
    """Which sides a game allows: both, or the Side that this is the number of."""

    BOTH = 0
    LONG_ONLY = 1
    SHORT_ONLY = -1


class Anchor(IntEnum):
    """From what, at the start of a day, its drawdown is counted."""

    BALANCE = 0
    EQUITY = 1
    HIGHER = 2
    """Of the two."""


class TotalDrawdown(IntEnum):
    """From what the total drawdown is counted."""

    STATIC = 0
    """The starting balance."""
    TRAILING = 1
    """The high-water mark of equity, in whole steps of 0.1 % of the starting balance."""
    TRAILING_LOCK = 2
    """The same, but the floor never rises above the starting balance."""


class Amend(IntEnum):
    """Bits of AMEND_POSITION.fields and AMEND_ORDER.fields: which of them the player changes."""

    STOP_LOSS = 1
    TAKE_PROFIT = 2
    MARGIN = 4  # of positions
    TRAILING_STOP = 8
    PRICE = 16  # of orders, as the next
    EXPIRY = 32


class Scope(IntEnum):
    """How far a kill switch reaches; in commands by its name in small letters."""

    ARENA = 1
    INSTRUMENT = 2
    MATCH = 3
    PLAYER = 4


class Switch(IntEnum):
    """A kill switch; in commands by its name in small letters."""

    LOCKED = 1
    """No opens."""
    HALTED = 2
    """No quotes, so no fills and no triggers."""
    CLOSE_ONLY = 3
    """No opens: the market is being wound down."""


class Asset(IntEnum):
    """What the ledger counts, each in its own unit; never mixed. Numbers are in the ids of accounts."""

    USDT = 1
    USDC = 2
    SOL = 3
    BT = 4
    """The game's own token."""
    DEMO = 5
    GOLD_COIN = 6
    TREASURE_BOX = 7


ASSET_DECIMALS: dict[Asset, int] = {
    Asset.USDT: 6,
    Asset.USDC: 6,
    Asset.SOL: 9,
    Asset.BT: 6,
    Asset.DEMO: 8,
    Asset.GOLD_COIN: 0,
    Asset.TREASURE_BOX: 0,
}
"""The native unit of an asset is 10^-decimals of it."""


class Account(IntEnum):
    """The chart of accounts: what an account is for. Numbers are in the ids of accounts."""

    PLAYER_CASH = 1
    PLAYER_DEMO = 2
    PLAYER_ITEMS = 3
    MATCH_ESCROW = 4
    HOUSE_FEES = 5
    HOUSE_REWARDS = 6
    HOUSE_REFERRALS = 7
    HOUSE_STORE = 8
    TREASURY = 9
    INSURANCE = 10
    PARTNER_CASH = 11
    CHAIN_HOT = 12
    """What is ours on the chain: it is debited when money comes in. This and the following may be overdrawn."""
    CHAIN_INCOMING = 13
    CHAIN_OUTGOING = 14
    WORLD = 15
    """The other side of everything that enters or leaves."""


STAKE_ASSETS = (Asset.USDT, Asset.USDC, Asset.DEMO)
"""Assets from which fixed-time trades may be staked: a unit of each is a dollar, and their terms are in dollars."""


def of_players(asset: Asset) -> Account:
    """In which of a player's accounts the asset is. Demo money has one of its own, so it never becomes live."""
    if asset is Asset.DEMO:
        return Account.PLAYER_DEMO
    return Account.PLAYER_ITEMS if asset in (Asset.GOLD_COIN, Asset.TREASURE_BOX) else Account.PLAYER_CASH


class TransferCode(IntEnum):
    """Why the engine moves money; transfers that come as commands may have other codes."""

    TOP_UP = 1
    FUNDING = 2
    """Of the house's rewards, referrals and store."""
    ENTRY_FEE = 3
    REFUND = 4
    """Of an entry fee: the player left, the match was called off, or nobody was fit to win it."""
    REWARD = 5
    """What a fixed prize takes beyond the entry fees, set aside by the house."""
    PRIZE = 6
    HOUSE_FEE = 7
    ITEM_REWARD = 8
    """Items for the winner of a match, first set aside by the house."""
    STAKE = 10
    """Of a fixed-time trade from a wallet: held for the house while it runs, and the house's when it is lost."""
    PAYOUT = 11
    """What the house holds for it while it runs, and pays when it is won."""
    GRANT = 12
    """Demo money for a new player."""
    PURCHASE = 13
    """The price to the store, and what was bought to the player."""
    REFERRAL = 14
    """A bonus: to who was referred, and to who did."""


class Transferring(IntEnum):
    """Bits of TRANSFER.flags; at most one of the first three, and none moves the amount at once."""

    PENDING = 1
    """Hold the amount: it is neither here nor there until it is posted, voided, or its time is up."""
    POST = 2
    """Move all or part of what a hold holds; the rest comes back."""
    VOID = 4
    """Give back what a hold holds."""
    LINKED = 8
    """This transfer and the next one of the batch succeed or fail together: a chain, whose last one has no such bit.
    It must stand in one batch, without other commands in between."""


CLIENT_ORDER_ID_WORDS = 5
"""A client_order_id (at most 36 ASCII characters) as int64 words: text that the engine only carries."""

_HEADER: list[tuple[str, str]] = [
    ("kind", "<i4"),  # Kind
    ("blob_length", "<i4"),  # bytes of the command's blob; 0 for most hot commands
    ("blob_offset", "<i8"),  # from the start of the batch's blob area
    ("player", "<i8"),  # who commands; 0 for the market, the clock and the operator
    ("match", "<i8"),  # the match it is about; 0 for none
    ("key_low", "<i8"),  # hash of player and idempotency key; both halves 0: the request has no key
    ("key_high", "<i8"),
    ("arguments_hash", "<i8"),  # hash of the decoded arguments: a key used again must bring the same
]


def _layout(body: list[tuple[str, str] | tuple[str, str, tuple[int, ...]]]) -> np.dtype[np.void]:
    """The header and `body`, padded with named spare bytes to RECORD_BYTES."""
    used = np.dtype([*_HEADER, *body]).itemsize
    assert used <= RECORD_BYTES, used
    assert used % 8 == 0, used
    if used == RECORD_BYTES:
        return np.dtype([*_HEADER, *body])
    return np.dtype([*_HEADER, *body, ("spare", "<i8", ((RECORD_BYTES - used) // 8,))])


COMMAND = _layout([])

QUOTE = _layout(
    [
        ("instrument", "<i8"),
        ("bid", "<i8"),  # ticks
        ("ask", "<i8"),  # ticks
        ("source_sequence", "<i8"),  # the exchange's own number of this quote; compares within one connection
        ("source_time_ns", "<i8"),  # when the feed received it; evidence only, 0 when unknown
    ]
)

PLACE_ORDER = _layout(
    [
        ("instrument", "<i8"),
        ("side", "<i4"),  # Side
        ("order_type", "<i4"),  # OrderType
        ("time_in_force", "<i4"),  # TimeInForce
        ("leverage", "<i4"),  # whole number, 1 and up
        ("margin", "<i8"),  # size by margin, 1e-8 units; 0 when by lots
        ("lots", "<i8"),  # size by quantity; 0 when by margin
        ("price", "<i8"),  # ticks; 0 for market
        ("stop_loss", "<i8"),  # ticks; 0 none
        ("take_profit", "<i8"),  # ticks; 0 none
        ("expires_at_ns", "<i8"),  # with GTD only; else 0
        ("client_order_id", "<i8", (CLIENT_ORDER_ID_WORDS,)),
        ("max_slippage_ppm", "<i8"),  # of a market order, from the touch at its acceptance; 0: any
        ("trailing_ppm", "<i8"),  # how far a trailing stop stays behind, of the closing side at the fill; 0 none
    ]
)
"""A figure of 0 was not given: none can be 0, so a client's 0 is refused before it comes here."""

CANCEL_ORDER = _layout([("order", "<i8")])

CLOSE_POSITION = _layout(
    [
        ("position", "<i8"),
        ("lots", "<i8"),  # how much to close; 0 when by percent
        ("percent", "<i8"),  # 1 to 100 of the open lots, floored to lots; 0 when by lots
    ]
)

AMEND_POSITION = _layout(
    [
        ("position", "<i8"),
        ("fields", "<i8"),  # bits of Amend: which of the following are set
        ("stop_loss", "<i8"),  # ticks; 0 takes it away
        ("take_profit", "<i8"),
        ("margin", "<i8"),  # to add (> 0) or to take back (< 0)
        ("trailing_ppm", "<i8"),  # of the price now; 0 takes the trailing stop away
    ]
)

AMEND_ORDER = _layout(
    [
        ("order", "<i8"),
        ("fields", "<i8"),  # bits of Amend: which of the following are set
        ("price", "<i8"),  # ticks
        ("stop_loss", "<i8"),  # ticks; 0 takes it away
        ("take_profit", "<i8"),
        ("expires_at_ns", "<i8"),  # 0: good till cancelled
    ]
)


BUY_FIXED = _layout(
    [
        ("instrument", "<i8"),
        ("stake", "<i8"),  # 1e-8 units; from a wallet, native units of the asset
        ("direction", "<i4"),  # Side: LONG is up, SHORT down
        ("duration_s", "<i4"),
        ("asset", "<i8"),  # from the player's wallet of it; 0: from the seat in the header's match
    ]
)

TRANSFER = _layout(
    [
        ("id_low", "<i8"),  # 128 bits by whoever asks, not both halves 0: its key; one in the header is not looked at
        ("id_high", "<i8"),
        ("debit", "<i8"),  # account to take from; 0 of POST and VOID, as the hold says it
        ("credit", "<i8"),  # account to give to; 0 of POST and VOID
        ("amount", "<i8"),  # of POST how much of what is held; 0 of VOID
        ("reference", "<i8"),  # match, trade, deposit or order that it is for; 0 of POST and VOID
        ("hold_low", "<i8"),  # id of the hold that POST and VOID resolve; else 0
        ("hold_high", "<i8"),
        ("expires_at_ns", "<i8"),  # of PENDING, when it is given back; 0: never
        ("debit_version", "<i8"),  # of the account, as it was seen; 0: any
        ("credit_version", "<i8"),
        ("code", "<i4"),  # what kind of transfer it is: the engine only carries it; 0 of POST and VOID
        ("flags", "<i4"),  # bits of Transferring
    ]
)


# Cold commands


class _Cold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="command"):
    pass


class MarginBracket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of an instrument's margin table. The last bracket has no end."""

    notional_cap: int  # 1e-8 units; positions of a notional up to this fall into the bracket; 0: no end
    maintenance_ppm: int
    max_leverage: int
    maintenance_cum: int  # 1e-8 units, subtracted so that maintenance margin is continuous


class DefineInstrument(_Cold, frozen=True, tag="define_instrument"):
    """Create the instrument `symbol`, or set its data anew. Prices in ticks, sizes in lots, money in 1e-8 units."""

    symbol: str
    name: str
    base: str
    quote: str
    tick_units: int  # tick size in 1e-8 of the quote currency
    lot_units: int  # lot size in 1e-8 of the base; tick x lot must be a whole number of 1e-8 quote units
    min_lots: int
    max_lots: int
    min_notional: int
    highest_price: int  # ticks
    max_leverage: int
    taker_fee_ppm: int
    maker_fee_ppm: int
    max_spread_ppm: int
    markup_ticks: int
    quote_lifetime_ns: int
    brackets: tuple[MarginBracket, ...]
    type: str = "crypto"
    enabled: bool = True
    locked: bool = False
    halted: bool = False
    close_only: bool = False
    hours: tuple[tuple[int, int], ...] = ()  # open in [start, end), minutes of the week from Monday; none: always
    fixed_payout_percent: int = 0  # of the stake, what a fixed-time trade that wins brings; 0: none are offered
    fixed_min_stake: int = 0
    fixed_max_stake: int = 0
    fixed_min_s: int = 5  # bounds of their duration
    fixed_max_s: int = 24 * 3600
    fixed_exposure_cap: int = 0  # most open stakes of a direction and expiry minute, over all seats; 0: any
    fixed_wallets: tuple[str, ...] = ()  # of STAKE_ASSETS, those from which they may be staked; over each, the same cap
    zone: str = ""  # of the hours, a zone that there is; "": UTC


class CreateGame(_Cold, frozen=True, tag="create_game"):
    """A template for matches: its texts and its rules."""

    title: str
    description: str
    starting_balance: int  # virtual, 1e-8 units
    max_positions: int  # open orders and positions together
    max_leverage: int
    fees: bool = True
    execution: Execution = Execution.LAST
    speed_bump_ms: int = 250  # under `next` only
    # challenge rules; 0 or empty: no rule; ppm of the starting balance
    allowed_symbols: tuple[str, ...] = ()
    directions: Directions = Directions.BOTH
    max_trades_per_minute: int = 0
    min_trades: int = 0  # closed trades, held at least min_hold_s, that a rank for a prize asks for
    min_hold_s: int = 0
    max_daily_drawdown_ppm: int = 0
    daily_anchor: Anchor = Anchor.BALANCE
    max_total_drawdown_ppm: int = 0
    total_drawdown: TotalDrawdown = TotalDrawdown.STATIC
    max_loss_per_trade_ppm: int = 0
    loss_disqualifies: bool = False  # instead of closing the trade
    profit_target_ppm: int = 0
    target_ends: bool = False  # the match, for all, instead of locking the seat that reaches it
    # the beginning and the end
    min_players: int = 0  # a match waits for so many; 0: it is open at once, and joined while it is
    max_players: int = 0  # and begins with so many; 0: no limit
    countdown_s: int = 0  # or so long after it has enough
    duration_s: int = 0  # of a match that is not practice
    ranks_by_trades: bool = True  # more trades rank higher among equal balances
    currency: str = ""  # Asset of the following, in its native units; "": they are only named, and no money moves
    reward_price: int = 0  # the winner's; or, with a split:
    entry_fee: int = 0
    house_fee_ppm: int = 0  # of the entry fees
    prize_split: tuple[int, ...] = ()  # of the rest: percents by rank, 100 in sum
    keeps_fees: bool = False  # when nobody is fit to win: the house does, instead of paying them back
    # the career
    cover: str = ""  # address or name of an image
    cup: int = 0  # cups that the winner gains, and that the others lose as far as they have them
    win_exp: int = 0  # experience that the winner gains
    lose_exp: int = 0  # and everybody else
    item_rewards: tuple[tuple[str, int], ...] = ()  # Asset of an item, and how many of it the winner gets
    queue_timeout_s: int = 300  # of the queue for a match; 0: one may wait for ever
    outage_s: int = 60  # without a usable quote of its instruments, of a match that costs or pays real money; 0: any
    outage_extends: bool = False  # its end moves by as long as that lasts, instead of its being called off
    # May a seat be long and short in one instrument at a time? None: where there is no entry fee, and in practice.
    allow_hedging: bool | None = None
    day_zone: str = ""  # a zone that there is; "": UTC
    day_start_min: int = 0  # minutes after midnight there, when a day of its drawdown begins


class UpdateGame(_Cold, frozen=True, tag="update_game"):
    """Give the game other texts and rules, all of them anew: its next version. Matches keep the one they have."""

    game: int
    rules: CreateGame


class DeleteGame(_Cold, frozen=True, tag="delete_game"):
    """Take the game away. Its matches go on."""

    game: int


class SetGameActive(_Cold, frozen=True, tag="set_game_active"):
    """Whether new matches of the game may be made, and players see it."""

    game: int
    active: bool


class CreateMatch(_Cold, frozen=True, tag="create_match"):
    """Make a match of `game`, pinning the game's rules as they are now. A practice match has no end and seats every
    player; another one seats who joins, begins when the game says, and ends after its duration."""

    game: int
    practice: bool
    code: str = ""  # of a private match: who joins must know it


class JoinMatch(_Cold, frozen=True, tag="join_match"):
    """The player takes a seat."""

    match: int
    player: int
    code: str = ""


class LeaveMatch(_Cold, frozen=True, tag="leave_match"):
    """The player gives the seat back before the match begins."""

    match: int
    player: int


class StartMatch(_Cold, frozen=True, tag="start_match"):
    """Let a match that waits begin, whoever has joined."""

    match: int


class CancelMatch(_Cold, frozen=True, tag="cancel_match"):
    """Call off a match that waits."""

    match: int
    reason: str


class ArchiveMatch(_Cold, frozen=True, tag="archive_match"):
    """Take a match that is over, or was called off, out of the lists."""

    match: int


class EndMatch(_Cold, frozen=True, tag="end_match"):
    """End a match now, as if its time had come; or (`void`) settle it, but rank nobody and give every fee back."""

    match: int
    reason: str
    void: bool = False
    evidence: int = 0  # sequence of what was wrong, such as a quote; 0: none is named. For whoever reads the log


class JoinQueue(_Cold, frozen=True, tag="join_queue"):
    """The player wants a seat in the next match of the game, and waits until it has enough players."""

    game: int
    player: int


class LeaveQueue(_Cold, frozen=True, tag="leave_queue"):
    """The player waits no more."""

    game: int
    player: int


class RegisterPlayer(_Cold, frozen=True, tag="register_player"):
    """A new player, who gets the next player id and a seat in every open practice match."""

    name: str
    demo_grant: int = 0  # native units of DEMO; as configured then, so that replay needs no configuration
    referrer: int = 0  # the player whose referral code was given; 0: none was
    registration: int = 0  # drawn by the gateway: tokens name it, since the id may be another's after a restore


class ResetSeat(_Cold, frozen=True, tag="reset_seat"):
    """The player of a practice seat starts over with the starting balance. Refused while positions or orders are
    open."""

    match: int
    player: int


class StartSeason(_Cold, frozen=True, tag="start_season"):
    """A new season: the cups that count for it begin at 0 for everybody."""

    name: str


class OpenFeed(_Cold, frozen=True, tag="open_feed"):
    """A new connection of the market feed, or a new pass of a recording: source sequences start anew."""

    source: str


class SettleInstrument(_Cold, frozen=True, tag="settle_instrument"):
    """Close all positions of a halted instrument at this price, and cancel its orders: its own prices are over."""

    instrument: int
    price: int  # ticks, for both sides
    reason: str  # why, and where the price is from: for whoever reads the log


class DefineZone(_Cold, frozen=True, tag="define_zone"):
    """Create the time zone `name`, or give it other moments, wherever it is used. The engine has no calendar of its
    own."""

    name: str
    moments: tuple[tuple[int, int], ...]  # seconds since the epoch, and how many seconds ahead of UTC from then on


class SetSwitch(_Cold, frozen=True, tag="set_switch"):
    """Turn a kill switch on or off. What is open can still be closed, unless an instrument is halted."""

    scope: str  # Scope, in small letters
    id: int  # of the instrument, match or player; 0 for the arena
    switch: str  # Switch, in small letters
    on: bool
    reason: str  # why: for whoever reads the log


class TopUp(_Cold, frozen=True, tag="top_up"):
    """Money for a player out of nowhere: for development, and for demos."""

    player: int
    asset: str  # Asset
    amount: int  # native units
    most: int = 0  # that the player's account of the asset may ever have got, from wherever; 0: any


class FundRewards(_Cold, frozen=True, tag="fund_rewards"):
    """Money from outside for what the house pays out."""

    asset: str  # Asset
    amount: int  # native units


class FundReferrals(_Cold, frozen=True, tag="fund_referrals"):
    """Money or items from outside for what the house pays for referrals."""

    asset: str  # Asset
    amount: int  # native units


class SetReferrals(_Cold, frozen=True, tag="set_referrals"):
    """On what terms the house pays for referrals from now on, also for players who have been referred before and were
    not paid for."""

    asset: str  # Asset of both
    referrer_bonus: int  # native units
    referred_bonus: int  # of who signs up
    at: BonusAt = BonusAt.FIRST_PAID_MATCH
    min_house_fee_ppm: int = 1  # of the entry fees, what the house must have kept of that match
    most_per_day: int = 10  # bonuses for one referrer in a day, UTC; 0: any


class SetOffer(_Cold, frozen=True, tag="set_offer"):
    """Sell the item on these terms from now on."""

    item: str  # Asset
    asset: str  # Asset of the price
    price: int  # of one, native units
    active: bool = True  # is it sold at the moment?
    title: str = ""


class StockStore(_Cold, frozen=True, tag="stock_store"):
    """More of an item for the store to sell."""

    item: str  # Asset
    count: int


class PurchaseItem(_Cold, frozen=True, tag="purchase_item"):
    """The player buys so many of the item from the store."""

    player: int
    item: str  # Asset
    count: int = 1
    version: int = 0  # of the account that pays, as the player saw it; 0: any


class SetKeyLimits(_Cold, frozen=True, tag="set_key_limits"):
    """How many request keys are kept, as configured when the arena started."""

    per_player: int  # and as many again of closes, cancels and the like, of which the oldest make room
    in_all: int  # beyond which no player takes more than a few thousand


class CancelOnDisconnect(_Cold, frozen=True, tag="cancel_on_disconnect"):
    """The player's resting orders are cancelled when he has been away for so long."""

    player: int
    after_ms: int  # 0: they are not


class SetConnected(_Cold, frozen=True, tag="set_connected"):
    """The last connection of a player who wants that is gone, or the first one is there again."""

    player: int
    connected: bool


class ReadNotifications(_Cold, frozen=True, tag="read_notifications"):
    """The player has read notifications, which have the numbers of his messages: those in these ranges, first and last
    number of each. So that he has read them wherever he looks, and after the history was built again."""

    player: int
    ranges: tuple[tuple[int, int], ...]


AdminCommand = (
    DefineInstrument
    | DefineZone
    | CreateGame
    | CreateMatch
    | SetSwitch
    | SettleInstrument
    | StartMatch
    | CancelMatch
    | EndMatch
    | ArchiveMatch
    | FundRewards
    | FundReferrals
    | SetReferrals
    | SetOffer
    | StockStore
    | UpdateGame
    | DeleteGame
    | SetGameActive
    | StartSeason
    | SetKeyLimits
)
PlayerCommand = (
    RegisterPlayer
    | ResetSeat
    | JoinMatch
    | LeaveMatch
    | TopUp
    | PurchaseItem
    | JoinQueue
    | LeaveQueue
    | CancelOnDisconnect
    | SetConnected
    | ReadNotifications
)
MarketCommand = OpenFeed
ColdCommand = AdminCommand | PlayerCommand | MarketCommand

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(ColdCommand)


def encode_cold(command: ColdCommand) -> bytes:
    return _ENCODER.encode(command)


def decode_cold(blob: bytes) -> ColdCommand:
    """The command in a blob of the log. Raises msgspec.MsgspecError when the blob is not one."""
    try:
        command: ColdCommand = _DECODER.decode(blob)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
    return command


def request_key(player: int, key: str) -> tuple[int, int]:
    """The 128-bit hash of (player, key) as two signed halves, never both zero."""
    digest = hashlib.blake2b(key.encode(), digest_size=16, key=player.to_bytes(8, "little")).digest()
    low, high = int.from_bytes(digest[:8], "little", signed=True), int.from_bytes(digest[8:], "little", signed=True)
    return (low, high) if low or high else (1, 0)


def pack_client_order_id(text: str) -> tuple[int, ...]:
    """At most 36 ASCII characters as CLIENT_ORDER_ID_WORDS int64 words."""
    raw = text.encode("ascii").ljust(8 * CLIENT_ORDER_ID_WORDS, b"\0")
    return tuple(int.from_bytes(raw[i : i + 8], "little", signed=True) for i in range(0, len(raw), 8))


def unpack_client_order_id(words: NDArray[np.int64]) -> str:
    """The text that pack_client_order_id packed; "" when there was none."""
    return np.asarray(words, dtype="<i8").tobytes().rstrip(b"\0").decode("ascii")


class Batch(NamedTuple):
    """Commands that share one stamp and one sync: the unit of the log, of apply, and of replay."""

    first_sequence: int  # of records[0]; the others follow without gaps
    at_ns: int  # stamp; never before the last batch's
    records: NDArray[np.void]  # COMMAND, shape (n,)
    blobs: bytes  # blobs of the records that have one, one after the other
