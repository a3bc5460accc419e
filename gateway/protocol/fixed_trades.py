"""Fixed-time trades (binary options): what ops take, results, open trades and their events."""

from __future__ import annotations

from typing import Generic, Literal

from msgspec import Struct

from gateway.protocol.scalars import Amount, Arguments, D, Direction, Id, Small, Symbol, WalletName

FixedResult = Literal["won", "lost", "draw", "refunded"]


class FixedAccount(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What is staked: either money of the player's seat in a match, or of a wallet."""

    match: Id | None = None
    wallet: WalletName | None = None


class BuyFixed(Arguments, frozen=True):
    """`duration` is in seconds."""

    symbol: Symbol
    direction: Direction
    stake: Amount
    duration: Small
    account: FixedAccount


class FixedBought(Struct, frozen=True, gc=False):
    """A trade that was accepted. `payout` is what a win brings, in percent of the stake; the entry comes on `me`."""

    trade: int
    payout: int
    expires_at: int  # ms


class FixedTrade(Struct, Generic[D], frozen=True, omit_defaults=True):
    """An open trade, staked from the seat in a `match` or from a `wallet`; without an entry until its quote has
    come."""

    trade: int
    symbol: str
    direction: Direction
    stake: D
    payout: int  # percent of the stake
    accepted_at: int  # ms
    expires_at: int  # ms
    entry_price: D | None = None
    entry_sequence: int | None = None
    match: int | None = None
    wallet: str | None = None


class FixedEvent(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """What happened to a trade. Prices are the middle of the quotes that the sequences name; from `result` on, of what
    is settled: `paid_back` is what came back to the cash, `reason` why it was refunded. It is staked from the seat in a
    `match` or from a `wallet`, whose cash is what is not held."""

    trade: int
    symbol: str
    direction: Direction
    stake: D
    payout: int  # percent of the stake
    expires_at: int  # ms
    cash: D
    entry_price: D | None = None
    entry_sequence: int | None = None
    result: FixedResult | None = None
    exit_price: D | None = None
    exit_sequence: int | None = None
    profit: D | None = None
    paid_back: D | None = None
    reason: str | None = None
    match: int | None = None
    wallet: str | None = None
