"""Every event: what the engine did, for those who will see it, and the outcome that answers each command.

Events are fixed-size records with a common header and a body by kind, as commands are. They come out of `apply` in
the order
in which things happened. An event with a `player` is a message of that player's private channel, and `message` is
its number there, counted by the engine without gaps; an event without one is public.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from engine.model.commands import CLIENT_ORDER_ID_WORDS

EVENT_BYTES = 192


class EventKind(IntEnum):
    """What happened. The layout of the body: TRADE for orders, positions and seats, JUDGED for what rules do to
    seats, RANKED, FIXED, QUOTED, CANDLE, SWITCHED, TRANSFERRED, WALLET, SAMPLED, TIMED, PROGRESSED, QUEUED; the rest
    header only."""

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
    """Amended, or its trailing stop has followed the price (cause NONE); or partly closed (then `lots`, `price`, `fee`,
    `profit` are of the part that closed)."""
    POSITION_CLOSED = 12
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
    WALLET_CHANGED = 61
    """The same, for the player whose account it changed."""
    """The ledger moved, holds, or gave back an amount. It is nobody's message: both sides may be players."""
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


_HEADER: list[tuple[str, str]] = [
    ("kind", "<i2"),  # EventKind
    ("reason", "<i2"),  # Reason, of what has one; else 0
    ("player", "<i4"),  # whose private message it is; 0: public
    ("sequence", "<i8"),  # log sequence of the command (or of the batch's first, for timers) that caused it
    ("at_ns", "<i8"),  # stamp of its batch
    ("message", "<i8"),  # its number on that player's channel, from 1
    ("match", "<i4"),  # 0 for none
    ("instrument", "<i4"),  # 0 for none
]


def _layout(body: list[tuple[str, str] | tuple[str, str, tuple[int, ...]]]) -> np.dtype[np.void]:
    used = np.dtype([*_HEADER, *body]).itemsize
    assert used <= EVENT_BYTES, used
    assert used % 8 == 0, used
    if used == EVENT_BYTES:
        return np.dtype([*_HEADER, *body])
    return np.dtype([*_HEADER, *body, ("spare", "<i8", ((EVENT_BYTES - used) // 8,))])


EVENT = _layout([])

TRADE = _layout(
    [
        ("id", "<i8"),  # the order, and the position that it opens: they share one id
        ("side", "<i2"),  # Side
        ("order_type", "<i2"),  # OrderType, of order events and POSITION_OPENED
        ("cause", "<i2"),  # Cause
        ("leverage", "<i2"),
        ("price", "<i8"),  # ticks: the fill; or the price of an order, of a market order the touch at its acceptance
        ("lots", "<i8"),  # of the order, the fill, or the part that closed
        ("cost", "<i8"),  # ticks x lots at entry, of those lots
        ("margin", "<i8"),  # reserved, paid in, or released, 1e-8 units
        ("fee", "<i8"),  # paid
        ("profit", "<i8"),  # realised, never below -margin
        ("cash", "<i8"),  # the seat's free cash afterwards
        ("left", "<i8"),  # lots still open afterwards
        ("liquidation", "<i8"),  # ticks; 0 none
        ("stop_loss", "<i8"),  # ticks; 0 none
        ("take_profit", "<i8"),  # ticks; 0 none
        ("trailing", "<i8"),  # how far a trailing stop stays behind: of positions ticks, of orders ppm; 0 none
        ("client_order_id", "<i8", (CLIENT_ORDER_ID_WORDS,)),  # of order events and POSITION_OPENED
    ]
)

JUDGED = _layout(
    [
        ("rule", "<i4"),  # Rule
        ("percent", "<i4"),  # of the way to the floor, of a warning
        ("equity", "<i8"),  # of the seat; under LOSS_PER_TRADE, the trade's result
        ("level", "<i8"),  # the floor or target; under LOSS_PER_TRADE, the greatest loss, negative
        ("bid", "<i8"),  # the quote at which it was found, of the header's instrument; 0: a timer found it
        ("ask", "<i8"),
        ("quote_sequence", "<i8"),
    ]
)

RANKED = _layout(
    [
        ("rank", "<i8"),  # from 1
        ("seats", "<i8"),
        ("balance", "<i8"),  # final
        ("prize", "<i8"),
        ("asset", "<i8"),  # of the prize; 0: it is only named, in 1e-8 units
        ("trades", "<i8"),  # positions closed wholly
        ("wins", "<i8"),  # of those
        ("max_drawdown", "<i8"),  # of the balance, from its peak
        ("profit", "<i8"),  # realised, fees not counted
        ("fees", "<i8"),  # paid
        ("starting_balance", "<i8"),
        ("rule", "<i8"),  # Rule that has put the seat out of the game; 0 none
    ]
)

FIXED = _layout(
    [
        ("id", "<i8"),
        ("direction", "<i4"),  # Side: LONG is up, SHORT down
        ("result", "<i4"),  # FixedResult
        ("stake", "<i8"),
        ("payout_percent", "<i8"),  # of the stake, what a win brings
        ("expires_at_ns", "<i8"),
        ("entry", "<i8"),  # bid + ask, so in half ticks; 0 none
        ("exit", "<i8"),  # of FIXED_SETTLED, as the last usable quote stood
        ("entry_sequence", "<i8"),  # log sequences of those quotes
        ("exit_sequence", "<i8"),
        ("profit", "<i8"),  # -stake when it lost
        ("cash", "<i8"),  # the seat's free cash afterwards; of a wallet, what is not held
        ("asset", "<i8"),  # of the wallet that it is staked from, in whose native units amounts are; 0: a seat's
    ]
)

QUOTED = _layout([("bid", "<i8"), ("ask", "<i8")])

CANDLE = _layout(
    [
        ("interval_s", "<i8"),
        ("open_at_ns", "<i8"),
        ("open", "<i8"),  # ticks of the bid, as the next three
        ("high", "<i8"),
        ("low", "<i8"),
        ("close", "<i8"),
        ("ticks", "<i8"),  # quotes applied in it
    ]
)

SWITCHED = _layout(
    [
        ("id", "<i8"),  # of the instrument, match or player; 0 for the arena
        ("scope", "<i4"),  # Scope
        ("switch", "<i4"),  # Switch
        ("on", "<i8"),  # 1 on, 0 off
    ]
)

TRANSFERRED = _layout(
    [
        ("id_low", "<i8"),  # of the transfer, or of the one that resolved the hold; both 0: the engine's own
        ("id_high", "<i8"),
        ("hold_low", "<i8"),  # of the hold, when one was resolved; both 0: the engine's own, or none was
        ("hold_high", "<i8"),
        ("debit", "<i8"),  # account taken from
        ("credit", "<i8"),  # account given to
        ("amount", "<i8"),  # moved, held, or given back
        ("held", "<i8"),  # by the hold until now; what was not moved of it is given back. 0 of PENDING and POSTED
        ("reference", "<i8"),
        ("debit_balance", "<i8"),  # afterwards: credits - debits posted
        ("debit_pending", "<i8"),  # of that, held
        ("debit_version", "<i8"),
        ("credit_balance", "<i8"),
        ("credit_pending", "<i8"),  # not in the balance, and held for it
        ("credit_version", "<i8"),
        ("code", "<i4"),
        ("status", "<i4"),  # TransferStatus
    ]
)


WALLET = _layout(
    [
        ("asset", "<i8"),  # Asset
        ("change", "<i8"),  # > 0: it came in
        ("balance", "<i8"),  # afterwards: credits - debits posted
        ("held", "<i8"),  # of that
        ("version", "<i8"),
        ("code", "<i8"),  # TransferCode: why
    ]
)

QUEUED = _layout(
    [
        ("game", "<i8"),  # whose queue it is
        ("until_ns", "<i8"),  # when the waiting ends; 0: never
    ]
)


SAMPLED = _layout(
    [
        ("owner", "<i8"),  # the player whose seat it is
        ("equity", "<i8"),
        ("balance", "<i8"),
    ]
)

TIMED = _layout(
    [
        ("starts_at_ns", "<i8"),  # while it waits; 0: not known
        ("ends_at_ns", "<i8"),  # 0: never, or it has not begun
    ]
)

PROGRESSED = _layout(
    [
        ("season", "<i8"),
        ("cups", "<i8"),  # afterwards, as all that follows
        ("change", "<i8"),  # of the cups
        ("cups_at_ns", "<i8"),  # since when there are so many
        ("season_cups", "<i8"),
        ("season_cups_at_ns", "<i8"),
        ("season_matches", "<i8"),
        ("experience", "<i8"),
        ("gained", "<i8"),  # of the experience
        ("level", "<i8"),
        ("level_before", "<i8"),
        ("matches", "<i8"),
        ("wins", "<i8"),
    ]
)


OUTCOME = np.dtype(
    [
        ("reason", "<i2"),  # Reason; ACCEPTED when the command took effect
        ("status", "<i2"),  # OrderStatus; TransferStatus of a transfer
        ("replayed", "<i2"),  # 1: the outcome of an earlier command with the same key, or transfer with the same id
        ("instrument", "<i2"),  # of the order or position; 0 for none
        ("id", "<i8"),  # order, position, fixed-time trade, player, match, instrument; of a transfer the low half
        ("price", "<i8"),  # ticks of the fill, 0 none; of a fixed-time trade its payout percent
        ("fee", "<i8"),
        ("profit", "<i8"),  # of a close
        ("liquidation", "<i8"),  # ticks, of an open
        # lots still open, of a close; of CANCEL_ALL, how many orders it cancels; of a fixed-time trade its expiry
        ("left", "<i8"),
        ("sequence", "<i8"),  # of the command that took effect (the first one's when replayed)
    ]
)
"""The answer to one command, kept with its key. 64 bytes."""
