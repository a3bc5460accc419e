"""The money of wallets as naively as it can be said: what came in, what is held, and by whom. For the oracle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.commands import Account, Asset, TransferCode
from engine.events import EventKind, TransferStatus


class Key(NamedTuple):
    """Whose account, what it is for, and of what."""

    owner: int
    code: int
    asset: int

    @property
    def id(self) -> int:
        return (self.owner * 256 + self.code) * 256 + self.asset


@dataclass
class Sums:
    balance: int = 0
    held: int = 0
    held_for: int = 0  # by others, and not had yet
    version: int = 1


class Held(NamedTuple):
    debit: Key
    credit: Key
    amount: int
    code: int
    reference: int


def wallet_of(player: int, asset: int) -> Key:
    """Where a player has it."""
    item = asset in (Asset.GOLD_COIN, Asset.TREASURE_BOX)
    demo = asset == Asset.DEMO
    return Key(player, Account.PLAYER_DEMO if demo else Account.PLAYER_ITEMS if item else Account.PLAYER_CASH, asset)


def rewards_of(asset: int) -> Key:
    return Key(0, Account.HOUSE_REWARDS, asset)


class Wallets:
    """`emit` is the oracle's."""

    def __init__(self, emit: Callable[..., None]) -> None:
        self.emit = emit
        self.accounts: dict[Key, Sums] = defaultdict(Sums)

    def free(self, key: Key) -> int:
        """What may be spent; nothing of an account that is not there."""
        return self.accounts[key].balance - self.accounts[key].held if key in self.accounts else 0

    def enters(self, to: Key, amount: int, code: int) -> None:
        """Money out of nowhere."""
        world = Key(0, Account.WORLD, to.asset)
        self.accounts[world].balance -= amount
        self.accounts[to].balance += amount
        self.tell(Held(world, to, amount, code, 0), TransferStatus.POSTED, held=0)
        if to.owner:
            self.tell_player(to, amount, code)

    def hold(self, debit: Key, credit: Key, amount: int, code: int, reference: int) -> Held:
        self.accounts[debit].held += amount
        self.accounts[credit].held_for += amount
        held = Held(debit, credit, amount, code, reference)
        self.tell(held, TransferStatus.PENDING, held=0)
        return held

    def end(self, held: Held, moves: bool) -> None:
        """All of it is moved, or given back."""
        self.accounts[held.debit].held -= held.amount
        self.accounts[held.credit].held_for -= held.amount
        if moves:
            self.accounts[held.debit].balance -= held.amount
            self.accounts[held.credit].balance += held.amount
        self.tell(held, TransferStatus.HOLD_POSTED if moves else TransferStatus.VOIDED, held=held.amount)

    def tell(self, moved: Held, status: TransferStatus, held: int) -> None:
        debit, credit = self.accounts[moved.debit], self.accounts[moved.credit]
        debit.version += 1
        credit.version += 1
        self.emit(
            EventKind.TRANSFERRED, id_low=0, id_high=0, hold_low=0, hold_high=0, debit=moved.debit.id,
            credit=moved.credit.id, amount=moved.amount, held=held, reference=moved.reference,
            debit_balance=debit.balance, debit_pending=debit.held, debit_version=debit.version,
            credit_balance=credit.balance, credit_pending=credit.held_for, credit_version=credit.version,
            code=int(moved.code), status=int(status),
        )  # fmt: skip

    def tell_player(self, key: Key, change: int, code: int) -> None:
        sums = self.accounts[key]
        body: dict[str, Any] = {"asset": int(key.asset), "change": change, "code": int(code)}
        body |= {"balance": sums.balance, "held": sums.held, "version": sums.version}
        self.emit(EventKind.WALLET_CHANGED, key.owner, **body)

    # What a fixed-time trade stakes

    def stake(self, player: int, asset: int, stake: int, payout: int, trade: int) -> tuple[Held, Held]:
        """The stake for the house, and what it may win for the player, are held."""
        mine, house = wallet_of(player, asset), rewards_of(asset)
        holds = (
            self.hold(mine, house, stake, TransferCode.STAKE, trade),
            self.hold(house, mine, payout, TransferCode.PAYOUT, trade),
        )
        self.tell_player(mine, 0, TransferCode.STAKE)
        return holds

    def settle(self, holds: tuple[Held, Held], profit: int) -> None:
        stake, payout = holds
        self.end(stake, profit < 0)
        self.end(payout, profit > 0)
        self.tell_player(stake.debit, profit, TransferCode.PAYOUT if profit > 0 else TransferCode.STAKE)
