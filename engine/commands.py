"""Every command: what may change the state, as it stands in the log.

Hot commands are fixed-size records of RECORD_BYTES. They share a header (COMMAND) and differ in their bodies; a batch
is one buffer, looked at through as many layouts as there are kinds (see `Commands`). Cold commands are msgspec
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
    BUY_FIXED = 8


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


class Amend(IntEnum):
    """Bits of AMEND_POSITION.fields: which of them the player changes."""

    STOP_LOSS = 1
    TAKE_PROFIT = 2
    MARGIN = 4


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
    ]
)

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
    ]
)


BUY_FIXED = _layout(
    [
        ("instrument", "<i8"),
        ("stake", "<i8"),  # 1e-8 units
        ("direction", "<i4"),  # Side: LONG is up, SHORT down
        ("duration_s", "<i4"),
    ]
)


class Commands(NamedTuple):
    """One batch of records, looked at through each layout. All fields view the same memory; shape (n,)."""

    header: NDArray[np.void]
    quote: NDArray[np.void]
    place: NDArray[np.void]
    cancel: NDArray[np.void]
    close: NDArray[np.void]
    amend: NDArray[np.void]
    buy_fixed: NDArray[np.void]


def commands_of(records: NDArray[np.void]) -> Commands:
    """The layouts over a contiguous array of COMMAND records; nothing is copied."""
    layouts = (COMMAND, QUOTE, PLACE_ORDER, CANCEL_ORDER, CLOSE_POSITION, AMEND_POSITION, BUY_FIXED)
    return Commands(*(records.view(layout) for layout in layouts))


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
    fixed_payout_percent: int = 0  # of the stake, what a fixed-time trade that wins brings; 0: none are offered
    fixed_min_stake: int = 0
    fixed_max_stake: int = 0
    fixed_min_s: int = 5  # bounds of their duration
    fixed_max_s: int = 24 * 3600
    fixed_exposure_cap: int = 0  # most open stakes of a direction and expiry minute, over all seats; 0: any


HIGHEST_PAYOUT_PERCENT = 1_000
LONGEST_BUMP_MS = 10_000


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


class CreateMatch(_Cold, frozen=True, tag="create_match"):
    """Open a match of `game`, pinning the game's rules as they are now. Practice matches are open at once and for
    ever."""

    game: int
    practice: bool


class RegisterPlayer(_Cold, frozen=True, tag="register_player"):
    """A new player, who gets the next player id and a seat in every open practice match."""

    name: str


class ResetSeat(_Cold, frozen=True, tag="reset_seat"):
    """The player of a practice seat starts over with the starting balance. Refused while positions or orders are
    open."""

    match: int
    player: int


class OpenFeed(_Cold, frozen=True, tag="open_feed"):
    """A new connection of the market feed, or a new pass of a recording: source sequences start anew."""

    source: str


AdminCommand = DefineInstrument | CreateGame | CreateMatch
PlayerCommand = RegisterPlayer | ResetSeat
MarketCommand = OpenFeed
ColdCommand = AdminCommand | PlayerCommand | MarketCommand

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(ColdCommand)


def encode_cold(command: ColdCommand) -> bytes:
    return _ENCODER.encode(command)


def decode_cold(blob: bytes) -> ColdCommand:
    """The command in a blob of the log. Raises msgspec.MsgspecError when the blob is not one."""
    command: ColdCommand = _DECODER.decode(blob)
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
