"""Every event: what the engine did, for those who will see it, and the outcome that answers each command.

Events are fixed-size records with a common header and a body by kind, as commands are. They come out of `apply` in
the order in which things happened. An event with a `player` is a message of that player's private channel, and
`message` is its number there, counted by the engine without gaps; an event without one is public.

Each layout is a class here: what Python reads a record as. The records' dtypes follow from the classes, and from
LAYOUTS whatever has to know which kind is told in which layout.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Final, NamedTuple, get_type_hints

import numpy as np
from msgspec import Struct

from engine.model.commands import CLIENT_ORDER_ID_WORDS

EVENT_BYTES = 192


class EventKind(IntEnum):
    """What happened; LAYOUTS says in which layout it is told."""

    ORDER_ACCEPTED = 1
    ORDER_FILLED = 2
    """An order that waited fills; POSITION_OPENED follows. Of one that fills on arrival, only POSITION_OPENED tells."""
    ORDER_CANCELED = 3
    ORDER_EXPIRED = 4
    """Its date has come; or, with reason FEED_STALE, the quote it waited for has not."""
    ORDER_REFUSED = 5
    """Refused at its fill; `reason` says why."""
    ORDER_CHANGED = 6
    """It rests with other figures: amended; or a limit order whose quote came and did not reach it."""
    POSITION_OPENED = 10
    """By the fill of an order, and told with the order's type and client_order_id: it is the record of the fill."""
    POSITION_CHANGED = 11
    """It has other stops: amended, or its trailing stop has followed the price."""
    POSITION_CLOSED = 12
    POSITION_REDUCED = 13
    """A part was closed: `lots`, `price`, `margin`, `fee`, `profit` are of that part."""
    POSITION_MARGIN_CHANGED = 14
    """Margin was added or taken back, and its stops may be others too."""
    SEAT_OPENED = 20
    SEAT_CLOSED = 22
    """The player has left before the match began."""
    SEAT_RESET = 21
    SEAT_WARNED = 23
    SEAT_DISQUALIFIED = 24
    SEAT_LOCKED = 25
    """It has reached the profit target."""
    QUOTE_CHANGED = 30
    """A quote was applied: a new price or a confirmation of the old one."""
    CANDLE_CLOSED = 31
    FEED_OPENED = 32
    INSTRUMENT_CHANGED = 40
    MATCH_CREATED = 41
    PLAYER_REGISTERED = 42
    MATCH_STARTED = 45
    """To each of its players, and once to all; so is the next."""
    MATCH_CANCELED = 46
    """It was called off: `reason` says why."""
    MATCH_FINISHED = 44
    """To each of its players, with rank and prize; and once to all, without."""
    SWITCH_CHANGED = 43
    """A kill switch was set. That of a player is told to nobody else."""
    FIXED_OPENED = 50
    FIXED_ENTERED = 51
    """Its quote has come: the price that it is held against is known."""
    FIXED_SETTLED = 52
    """Its time is up; `reason` says why a stake was refunded."""
    TRANSFERRED = 60
    """The ledger moved, holds, or gave back an amount. It is nobody's message: both sides may be players."""
    WALLET_CHANGED = 61
    """The same, for the player whose account it changed."""
    PLAYER_PROGRESSED = 70
    """What a match that is over has made of the player's career."""
    SEASON_STARTED = 71
    """Of its body, only the season is set."""
    QUEUE_JOINED = 75
    QUEUE_LEFT = 76
    """Without a seat: the player wanted to, or `reason` says why."""
    MATCH_PAUSED = 77
    """The feed is out, and its time stands still; to each of its players and once to all, and so is the next."""
    MATCH_RESUMED = 78
    EQUITY_SAMPLED = 85
    """What a seat is worth, now and then while its match is played, and once when all is settled. Nobody's message."""
    MATCH_ARCHIVED = 86
    MATCH_TIMED = 87
    """The countdown of a match was set or stopped."""
    NOTIFICATIONS_READ = 90
    """The player has read his notifications with the numbers `first` to `last`, as far as there are any."""


OF_MATCH: Final = (
    EventKind.MATCH_STARTED.value,
    EventKind.MATCH_CANCELED.value,
    EventKind.MATCH_FINISHED.value,
    EventKind.MATCH_PAUSED.value,
    EventKind.MATCH_RESUMED.value,
    EventKind.MATCH_ARCHIVED.value,
    EventKind.MATCH_TIMED.value,
)
"""Public kinds that are messages of their match: counted in MATCH.messages, without gaps."""
OF_MATCH_AND_PLAYER: Final = (EventKind.SEAT_OPENED.value, EventKind.SEAT_CLOSED.value)
"""Kinds that are messages of a player, and of the match as well."""


class Cause(IntEnum):
    """Why a position was closed, wholly or partly."""

    NONE = 0
    CLIENT = 1
    STOP_LOSS = 2
    LIQUIDATION = 3
    TAKE_PROFIT = 4
    TRAILING_STOP = 5
    RULE = 6
    """A challenge rule."""
    MATCH_END = 7
    SETTLEMENT = 8
    """An operator has settled the instrument at a price that the exchange did not make."""


class Rule(IntEnum):
    """A challenge rule that looks at what a seat is worth."""

    NONE = 0
    DAILY_DRAWDOWN = 1
    TOTAL_DRAWDOWN = 2
    LOSS_PER_TRADE = 3
    PROFIT_TARGET = 4


class FixedResult(IntEnum):
    """What became of a fixed-time trade."""

    NONE = 0
    """It is open."""
    WON = 1
    LOST = 2
    DRAW = 3
    """The price is what it was: the stake comes back."""
    REFUNDED = 4
    """There were not the quotes to settle it by: the stake comes back."""


class OrderStatus(IntEnum):
    """Where an order or a closing request stands after its command."""

    NONE = 0
    ACCEPTED = 1
    """Waits: for its price, or for the next usable quote."""
    FILLED = 2
    CANCELED = 3


class TransferStatus(IntEnum):
    """What became of a transfer, or of what a hold holds; POST and VOID have what became of their hold."""

    NONE = 0
    POSTED = 1
    """Moved at once."""
    PENDING = 2
    """Held."""
    HOLD_POSTED = 3
    """Held, and then moved: all of it or a part."""
    VOIDED = 4
    """Held, and then given back."""
    EXPIRED = 5
    """Held, and given back when its time was up."""


# Layouts: a type says how wide the field is in a record

I2 = Annotated[int, "<i2"]
I4 = Annotated[int, "<i4"]
I8 = Annotated[int, "<i8"]
ClientOrderId = Annotated[bytes, "<i8", (CLIENT_ORDER_ID_WORDS,)]


class Event(Struct, frozen=True, gc=False):
    """The header, which all events have: all that many kinds have."""

    kind: I2  # EventKind
    reason: I2  # Reason, of what has one; else 0
    player: I4  # whose private message it is; 0: public
    sequence: I8  # log sequence of the command (or of the batch's first, for timers) that caused it
    at_ns: I8  # stamp of its batch
    message: I8  # its number on that player's channel, from 1
    match: I4  # 0 for none
    instrument: I4  # 0 for none


class Trade(Event, frozen=True, gc=False):
    """What happened to an order, a position or a seat."""

    id: I8  # the order, and the position that it opens: they share one id
    side: I2  # Side
    order_type: I2  # OrderType, of order events and POSITION_OPENED
    cause: I2  # Cause
    leverage: I2
    price: I8  # ticks: the fill; or the price of an order, of a market order the touch at its acceptance
    lots: I8  # of the order, the fill, or the part that closed
    cost: I8  # ticks x lots at entry, of those lots
    margin: I8  # reserved, paid in, or released, 1e-8 units
    fee: I8  # paid
    profit: I8  # realised, never below -margin
    cash: I8  # the seat's free cash afterwards
    left: I8  # lots still open afterwards
    liquidation: I8  # ticks; 0 none
    stop_loss: I8  # ticks; 0 none
    take_profit: I8  # ticks; 0 none
    trailing: I8  # how far a trailing stop stays behind: of positions ticks, of orders ppm; 0 none
    client_order_id: ClientOrderId  # of order events and POSITION_OPENED


class Judged(Event, frozen=True, gc=False):
    """What a challenge rule did to a seat."""

    rule: I4  # Rule
    percent: I4  # of the way to the floor, of a warning
    equity: I8  # of the seat; under LOSS_PER_TRADE, the trade's result
    level: I8  # the floor or target; under LOSS_PER_TRADE, the greatest loss, negative
    bid: I8  # the quote at which it was found, of the header's instrument; 0: a timer found it
    ask: I8
    quote_sequence: I8


class Ranked(Event, frozen=True, gc=False):
    """How a match went for a player."""

    rank: I8  # from 1
    seats: I8
    balance: I8  # final
    prize: I8
    asset: I8  # of the prize; 0: it is only named, in 1e-8 units
    trades: I8  # positions closed wholly
    wins: I8  # of those
    max_drawdown: I8  # of the balance, from its peak
    profit: I8  # realised, fees not counted
    fees: I8  # paid
    starting_balance: I8
    rule: I8  # Rule that has put the seat out of the game; 0 none


class Fixed(Event, frozen=True, gc=False):
    """What happened to a fixed-time trade."""

    id: I8
    direction: I4  # Side: LONG is up, SHORT down
    result: I4  # FixedResult
    stake: I8
    payout_percent: I8  # of the stake, what a win brings
    expires_at_ns: I8
    entry: I8  # bid + ask, so in half ticks; 0 none
    exit: I8  # of FIXED_SETTLED, as the last usable quote stood
    entry_sequence: I8  # log sequences of those quotes
    exit_sequence: I8
    profit: I8  # -stake when it lost
    cash: I8  # the seat's free cash afterwards; of a wallet, what is not held
    asset: I8  # of the wallet that it is staked from, in whose native units amounts are; 0: a seat's


class Quoted(Event, frozen=True, gc=False):
    """A quote, in ticks."""

    bid: I8
    ask: I8


class Candle(Event, frozen=True, gc=False):
    """A candle that closed."""

    interval_s: I8
    open_at_ns: I8
    open: I8  # ticks of the bid, as the next three
    high: I8
    low: I8
    close: I8
    ticks: I8  # quotes applied in it


class Switched(Event, frozen=True, gc=False):
    """A kill switch was set."""

    id: I8  # of the instrument, match or player; 0 for the arena
    scope: I4  # Scope
    switch: I4  # Switch
    on: I8  # 1 on, 0 off


class Transferred(Event, frozen=True, gc=False):
    """What the ledger did."""

    id_low: I8  # of the transfer, or of the one that resolved the hold; both 0: the engine's own
    id_high: I8
    hold_low: I8  # of the hold, when one was resolved; both 0: the engine's own, or none was
    hold_high: I8
    debit: I8  # account taken from
    credit: I8  # account given to
    amount: I8  # moved, held, or given back
    held: I8  # by the hold until now; what was not moved of it is given back. 0 of PENDING and POSTED
    reference: I8
    debit_balance: I8  # afterwards: credits - debits posted
    debit_pending: I8  # of that, held
    debit_version: I8
    credit_balance: I8
    credit_pending: I8  # not in the balance, and held for it
    credit_version: I8
    code: I4
    status: I4  # TransferStatus


class Wallet(Event, frozen=True, gc=False):
    """What has become of a player's account."""

    asset: I8  # Asset
    change: I8  # > 0: it came in
    balance: I8  # afterwards: credits - debits posted
    held: I8  # of that
    version: I8
    code: I8  # TransferCode: why


class Queued(Event, frozen=True, gc=False):
    """Who waits for a match of a game, or does no more."""

    game: I8  # whose queue it is
    until_ns: I8  # when the waiting ends; 0: never


class Sampled(Event, frozen=True, gc=False):
    """What a seat is worth."""

    owner: I8  # the player whose seat it is
    equity: I8
    balance: I8


class Timed(Event, frozen=True, gc=False):
    """When a match begins and ends."""

    starts_at_ns: I8  # while it waits; 0: not known
    ends_at_ns: I8  # 0: never, or it has not begun


class Read(Event, frozen=True, gc=False):
    """Numbers of messages whose notifications were read."""

    first: I8
    last: I8


class Progressed(Event, frozen=True, gc=False):
    """What has become of a player's career."""

    season: I8
    cups: I8  # afterwards, as all that follows
    change: I8  # of the cups
    cups_at_ns: I8  # since when there are so many
    season_cups: I8
    season_cups_at_ns: I8
    season_matches: I8
    experience: I8
    gained: I8  # of the experience
    level: I8
    level_before: I8
    matches: I8
    wins: I8


class Outcome(NamedTuple):
    """The answer to one command, kept with its key."""

    reason: I2  # Reason; ACCEPTED when the command took effect
    status: I2  # OrderStatus; TransferStatus of a transfer
    replayed: I2  # 1: the outcome of an earlier command with the same key, or transfer with the same id
    instrument: I2  # of the order or position; 0 for none
    id: I8  # order, position, fixed-time trade, player, match, instrument; of a transfer the low half
    price: I8  # ticks of the fill, 0 none; of a fixed-time trade its payout percent
    fee: I8
    profit: I8  # of a close
    liquidation: I8  # ticks, of an open
    # lots still open, of a close; of CANCEL_ALL, how many orders it cancels; of a fixed-time trade its expiry
    left: I8
    sequence: I8  # of the command that took effect (the first one's when replayed)


LAYOUTS: Final[dict[EventKind, type[Event]]] = {
    EventKind.ORDER_ACCEPTED: Trade,
    EventKind.ORDER_FILLED: Trade,
    EventKind.ORDER_CANCELED: Trade,
    EventKind.ORDER_EXPIRED: Trade,
    EventKind.ORDER_REFUSED: Trade,
    EventKind.ORDER_CHANGED: Trade,
    EventKind.POSITION_OPENED: Trade,
    EventKind.POSITION_CHANGED: Trade,
    EventKind.POSITION_CLOSED: Trade,
    EventKind.POSITION_REDUCED: Trade,
    EventKind.POSITION_MARGIN_CHANGED: Trade,
    EventKind.SEAT_OPENED: Trade,
    EventKind.SEAT_CLOSED: Event,
    EventKind.SEAT_RESET: Trade,
    EventKind.SEAT_WARNED: Judged,
    EventKind.SEAT_DISQUALIFIED: Judged,
    EventKind.SEAT_LOCKED: Judged,
    EventKind.QUOTE_CHANGED: Quoted,
    EventKind.CANDLE_CLOSED: Candle,
    EventKind.FEED_OPENED: Event,
    EventKind.INSTRUMENT_CHANGED: Event,
    EventKind.MATCH_CREATED: Event,
    EventKind.PLAYER_REGISTERED: Event,
    EventKind.MATCH_STARTED: Event,
    EventKind.MATCH_CANCELED: Event,
    EventKind.MATCH_FINISHED: Ranked,
    EventKind.SWITCH_CHANGED: Switched,
    EventKind.FIXED_OPENED: Fixed,
    EventKind.FIXED_ENTERED: Fixed,
    EventKind.FIXED_SETTLED: Fixed,
    EventKind.TRANSFERRED: Transferred,
    EventKind.WALLET_CHANGED: Wallet,
    EventKind.PLAYER_PROGRESSED: Progressed,
    EventKind.SEASON_STARTED: Progressed,
    EventKind.QUEUE_JOINED: Queued,
    EventKind.QUEUE_LEFT: Queued,
    EventKind.MATCH_PAUSED: Event,
    EventKind.MATCH_RESUMED: Timed,
    EventKind.EQUITY_SAMPLED: Sampled,
    EventKind.MATCH_ARCHIVED: Event,
    EventKind.MATCH_TIMED: Timed,
    EventKind.NOTIFICATIONS_READ: Read,
}
"""By kind, in which layout it is told. What has the header alone may be written in any."""


def _columns(layout: type[Any]) -> list[tuple[Any, ...]]:
    """The columns of a record that has these fields."""
    return [(name, *hint.__metadata__) for name, hint in get_type_hints(layout, include_extras=True).items()]


def _dtype_of(layout: type[Event]) -> np.dtype[np.void]:
    used = np.dtype(_columns(layout)).itemsize
    assert used <= EVENT_BYTES, layout
    assert used % 8 == 0, layout
    spare = [("spare", "<i8", ((EVENT_BYTES - used) // 8,))] if used < EVENT_BYTES else []
    return np.dtype([*_columns(layout), *spare])


DTYPES: Final = {layout: _dtype_of(layout) for layout in dict.fromkeys(LAYOUTS.values())}

EVENT: Final = DTYPES[Event]
TRADE: Final = DTYPES[Trade]
JUDGED: Final = DTYPES[Judged]
FIXED: Final = DTYPES[Fixed]
CANDLE: Final = DTYPES[Candle]
READ: Final = DTYPES[Read]
TRANSFERRED: Final = DTYPES[Transferred]
OUTCOME: Final[np.dtype[np.void]] = np.dtype(_columns(Outcome))
