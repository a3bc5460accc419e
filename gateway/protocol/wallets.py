"""Money outside of matches: balances, top-ups, funds of the house; and whether the books are right."""

from __future__ import annotations

from typing import Generic

from msgspec import Struct

from gateway.protocol.scalars import Amount, Arguments, AssetName, D


class Money(Arguments, frozen=True):
    asset: AssetName
    amount: Amount


class Balance(Struct, Generic[D], frozen=True):
    """`held` is a part of `balance` that cannot be spent; `version` counts the account's changes."""

    asset: str
    balance: D
    held: D
    version: int


class Credited(Struct, Generic[D], frozen=True):
    asset: str
    amount: D


class WalletEvent(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """An account of the player's has changed: by `change`, for the `reason`, to `balance`, of which `held` is held."""

    asset: str
    reason: str
    change: D
    balance: D
    held: D
    version: int
    match: int | None = None


class Audited(Struct, frozen=True):
    """So many accounts were recomputed from so many transfers, all up to `sequence`, and `problems` found."""

    sequence: int
    accounts: int
    transfers: int
    problems: list[str]


class Solvency(Struct, Generic[D], frozen=True):
    """What a match has in its escrow, what the house has set aside for it, and what it owes: `refunds` when it is
    called off, `prizes` (the house's fee not counted) when it ends as it is."""

    match: int
    asset: str
    escrow: D
    set_aside: D
    refunds: D
    prizes: D
    solvent: bool
