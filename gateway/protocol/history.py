"""What was: orders, fills, closed positions, settled trades, finished matches, changes of accounts. Newest first."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct, field

from gateway.protocol.fixed_trades import FixedResult
from gateway.protocol.scalars import (
    Arguments,
    D,
    Direction,
    Id,
    Milliseconds,
    OrderRef,
    OrderStatus,
    OrderType,
    SeatMode,
    Side,
    Symbol,
    TradeMode,
)
from gateway.protocol.seats import Judgement

T = TypeVar("T")


class Page(Arguments, frozen=True):
    """The latest `limit`, or those before the cursor `before`: the `next` of the page before. From the time `from` on,
    and before `to`."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=1, le=2**53)] = 2**53
    from_: Milliseconds | None = field(default=None, name="from")
    to: Milliseconds | None = None


class OfMatches(Page, frozen=True):
    """Those of a match."""

    match: Id | None = None


class SeatTrades(OfMatches, frozen=True):
    """Those of a match, of an instrument, or of a mode."""

    symbol: Symbol | None = None
    mode: SeatMode | None = None


class OrdersOf(SeatTrades, frozen=True):
    """And those that stand so."""

    status: OrderStatus | None = None


class FixedTradesOf(OfMatches, frozen=True):
    """Those of a match, of an instrument, or of a mode."""

    symbol: Symbol | None = None
    mode: TradeMode | None = None


class OfOrder(Arguments, frozen=True):
    order: OrderRef


class Paged(Struct, Generic[T], frozen=True):
    """A page of a list. `next` is the cursor of the next one; None: there is no more."""

    items: list[T]
    next: int | None


class OrderRecord(Struct, Generic[D], frozen=True, omit_defaults=True):
    """An order from its acceptance to its end: message `n` of the private channel was the last about it. A filled one
    has a `fill_price`, and has opened the `position`. One that filled on arrival has no `price`."""

    n: int
    seq: int
    at: int  # ms
    order: int
    match: int
    symbol: str
    side: Side
    type: OrderType
    status: OrderStatus
    leverage: int
    quantity: D
    margin: D
    fee: D
    accepted_at: int  # ms
    price: D | None = None
    fill_price: D | None = None
    position: int | None = None
    stop_loss: D | None = None
    take_profit: D | None = None
    trailing_stop: int | None = None  # ppm of the closing side's price at the fill
    client_order_id: str | None = None
    reason: str | None = None


class Fill(Struct, Generic[D], frozen=True, omit_defaults=True):
    """An order that filled, and so opened the position of the same id: message `n` of the private channel."""

    n: int
    seq: int
    at: int  # ms
    match: int
    order: int
    symbol: str
    side: Side
    type: OrderType
    leverage: int
    quantity: D
    price: D
    margin: D
    fee: D
    liquidation_price: D | None = None
    stop_loss: D | None = None
    take_profit: D | None = None
    client_order_id: str | None = None


class FinishedMatch(Struct, Generic[D], frozen=True, omit_defaults=True):
    """How a match ended for the player: message `n` of the private channel. `out` is the rule that has disqualified the
    seat; `locked`: it has reached the profit target. Without a `currency` the prize is only named."""

    n: int
    seq: int
    at: int
    match: int
    title: str
    rank: int
    players: int
    starting_balance: D
    balance: D
    profit: D
    fees: D
    net: D
    max_drawdown: D
    trades: int
    wins: int
    prize: D
    currency: str | None = None
    out: str | None = None
    locked: bool = False


class TradeResult(Struct, Generic[D], frozen=True, omit_defaults=True):
    """What a `position`, or a fixed-time `trade`, has brought in all, less all its fees."""

    symbol: str
    side: Literal["long", "short", "up", "down"]
    net: D
    position: int | None = None
    trade: int | None = None


class EquityPoint(Struct, Generic[D], frozen=True, array_like=True):
    """What a seat was worth at a time (ms)."""

    at: int
    equity: D


class Summary(Struct, Generic[D], frozen=True, omit_defaults=True):
    """A finished match as the player looks back at it. `equity` is the curve."""

    match: FinishedMatch[D]
    equity: list[EquityPoint[D]]
    best: TradeResult[D] | None = None
    worst: TradeResult[D] | None = None
    out: Judgement[D] | None = None  # which rule has disqualified the seat, and its evidence
    locked: Judgement[D] | None = None


class ClosedTrade(Struct, Generic[D], frozen=True, omit_defaults=True):
    """A position that closed, or the part of it that did: message `n` of the private channel; `left` stayed open."""

    n: int
    seq: int
    at: int
    match: int
    position: int
    symbol: str
    side: Side
    cause: str
    leverage: int
    quantity: D
    entry_price: D
    price: D
    margin: D
    profit: D
    fee: D
    left: D


class OrderLife(Struct, Generic[D], frozen=True, omit_defaults=True):
    """An order, and what has become of the position that it opened: its closes, earliest first, what is `left` open,
    and what it has brought so far, less all fees."""

    order: OrderRecord[D]
    closes: list[ClosedTrade[D]]
    left: D | None = None  # left out while it is not filled, as the next one
    net: D | None = None


class SettledTrade(Struct, Generic[D], frozen=True, omit_defaults=True):
    """A fixed-time trade that was settled, as fixed.settled was: message `n` of the private channel; see FixedEvent."""

    n: int
    seq: int
    at: int
    trade: int
    symbol: str
    direction: Direction
    stake: D
    payout: int
    expires_at: int
    result: FixedResult
    profit: D
    paid_back: D
    exit_price: D
    exit_sequence: int
    entry_price: D | None = None
    entry_sequence: int | None = None
    reason: str | None = None
    match: int | None = None
    wallet: str | None = None


class WalletChange(Struct, Generic[D], frozen=True, omit_defaults=True):
    """A change of an account: message `n` of the private channel."""

    n: int
    seq: int
    at: int
    asset: str
    reason: str
    change: D
    balance: D
    held: D
    version: int
    match: int | None = None


class NotificationsOf(OfMatches, frozen=True):
    """Those of a match; or those that are not read."""

    unread: bool = False


class ReadNotifications(Arguments, frozen=True):
    """Those with these numbers; or all up to one."""

    notifications: Annotated[list[Annotated[int, Meta(ge=1, le=2**53)]], Meta(min_length=1, max_length=100)] | None = (
        None
    )
    up_to: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class Notification(Struct, frozen=True):
    """What a message of the private channel of that `type`, and with that `n`, comes to in words. `values` are those in
    the text, for who has words of his own."""

    n: int
    at: int  # ms
    type: str
    title: str
    text: str
    values: dict[str, str]
    read: bool


class Notifications(Struct, frozen=True):
    """A page of notifications, and how many there are that are not read, on other pages too."""

    items: list[Notification]
    next: int | None
    unread: int


class ReadEvent(Struct, frozen=True):
    """The player has read the notifications with these numbers, on this device or another."""

    first: int
    last: int
