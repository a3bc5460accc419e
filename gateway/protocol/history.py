"""What was: finished matches, closed positions, settled trades, changes of accounts. Newest first."""

from __future__ import annotations

from typing import Annotated, Generic, Literal

from msgspec import Meta, Struct

from gateway.protocol.fixed_trades import FixedResult
from gateway.protocol.scalars import Arguments, D, Direction, Side
from gateway.protocol.seats import Judgement


class Page(Arguments, frozen=True):
    """The latest `limit`, or those before message `before`."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=1, le=2**53)] = 2**53


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
