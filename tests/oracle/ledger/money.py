"""Real money as naively as it can be said: for each flow who pays whom, in the accounts of the naive ledger.

Read it beside the flows of the rules. Nothing here knows how the engine finds an account or what a match still owes:
it pays, and looks that nobody is overdrawn and that an escrow is empty when its match is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.model.commands import Account, Asset, CreateGame, TransferCode
from engine.model.events import EventKind, TransferStatus
from tests.harness.records import Transfer
from tests.oracle.ledger.ledger import MAY_OVERDRAW, MOST, Ledger, Sums

MILLION = 10**6
PURSES = {
    "USDT": Account.PLAYER_CASH, "USDC": Account.PLAYER_CASH, "SOL": Account.PLAYER_CASH, "BT": Account.PLAYER_CASH,
    "DEMO": Account.PLAYER_DEMO, "GOLD_COIN": Account.PLAYER_ITEMS, "TREASURE_BOX": Account.PLAYER_ITEMS,
}  # fmt: skip
"""Where a player has what."""
MOST_ENTERED = MOST // 2


def number_of(owner: int, of: Account, asset: str) -> int:
    """How the ledger calls the account."""
    return (owner * 256 + of) * 256 + Asset[asset]


def owner_of(account: int) -> int:
    """The player whose account it is; 0: nobody's."""
    return account >> 16 if (account >> 8) % 256 in PURSES.values() else 0


def pool(game: CreateGame, seats: int) -> int:
    """The entry fees, less what the house takes of them."""
    return game.entry_fee * seats * (MILLION - game.house_fee_ppm) // MILLION


@dataclass
class Money:
    """`emit` tells a player of a change."""

    ledger: Ledger
    emit: Callable[..., None]
    set_aside: dict[int, Transfer] = field(default_factory=dict)  # by match, what the house holds for its prize

    # The accounts

    def sums(self, owner: int, of: Account, asset: str) -> Sums:
        return self.ledger.accounts.get(number_of(owner, of, asset), Sums())

    def has(self, owner: int, of: Account, asset: str) -> int:
        """What may be spent of it: the balance, less what is held."""
        sums = self.sums(owner, of, asset)
        return sums.credits_posted - sums.debits_posted - sums.debits_pending

    def got(self, owner: int, of: Account, asset: str) -> int:
        """All that ever came in, or is held to come in."""
        sums = self.sums(owner, of, asset)
        return sums.credits_posted + sums.credits_pending

    def opened(self, owner: int, of: Account, asset: str) -> int:
        account = number_of(owner, of, asset)
        self.ledger.accounts.setdefault(account, Sums())
        return account

    def pay(self, debit: int, credit: int, amount: int, code: TransferCode, match: int = 0) -> None:
        """Nothing is nobody's business; anything else is told to the players that it is of."""
        if amount == 0:
            return
        assert amount > 0
        moved = Transfer(0, debit, credit, amount, code, match)
        self.ledger.count(moved, amount, 0)
        self.ledger.tell(moved, amount, TransferStatus.POSTED, 0)
        for account, change in ((debit, -amount), (credit, amount)):
            sums = self.ledger.accounts[account]
            balance = sums.credits_posted - sums.debits_posted
            assert balance >= sums.debits_pending or (account >> 8) % 256 in MAY_OVERDRAW
            self.tell_player(account, change, code, match)

    def tell_player(self, account: int, change: int, code: TransferCode, match: int = 0) -> None:
        """If the account is a player's."""
        sums = self.ledger.accounts[account]
        if owner_of(account):
            self.emit(
                EventKind.WALLET_CHANGED, owner_of(account), match, asset=account % 256, change=change,
                balance=sums.credits_posted - sums.debits_posted, held=sums.debits_pending, version=sums.version,
                code=int(code),
            )  # fmt: skip

    def hold(self, debit: int, credit: int, amount: int, code: TransferCode, reference: int) -> Transfer:
        held = Transfer(0, debit, credit, amount, code, reference)
        self.ledger.holds += 1
        self.ledger.count(held, 0, amount)
        self.ledger.tell(held, amount, TransferStatus.PENDING, 0)
        return held

    def end(self, held: Transfer, needed: int) -> None:
        """So much of what is held is moved, and the rest is given back."""
        status = TransferStatus.HOLD_POSTED if needed else TransferStatus.VOIDED
        self.ledger.count(held, needed, -held.amount)
        self.ledger.tell(held, needed or held.amount, status, 0, 0, held.amount)

    # Money comes in

    def may_enter(self, owner: int, of: Account, asset: str, amount: int) -> bool:
        """Half of what can be counted ever enters, so that what goes round can be counted too."""
        world = self.sums(0, Account.WORLD, asset)
        entered = world.debits_posted + world.debits_pending
        return 0 < amount <= MOST_ENTERED - entered and self.got(owner, of, asset) + amount <= MOST

    def enter(self, owner: int, of: Account, asset: str, amount: int, code: TransferCode) -> None:
        self.pay(self.opened(0, Account.WORLD, asset), self.opened(owner, of, asset), amount, code)

    # A match about money: its game has a currency

    def lacks(self, game: CreateGame) -> int:
        """Of a fixed prize, what one player's fee does not pay for."""
        return 0 if game.prize_split else max(0, game.reward_price - pool(game, 1))

    def may_make(self, game: CreateGame) -> bool:
        return self.has(0, Account.HOUSE_REWARDS, game.currency) >= self.lacks(game)

    def make(self, match: int, game: CreateGame) -> None:
        """An escrow, and what of the prize may be lacking is set aside for it."""
        escrow = self.opened(match, Account.MATCH_ESCROW, game.currency)
        if lacking := self.lacks(game):
            rewards = self.opened(0, Account.HOUSE_REWARDS, game.currency)
            self.set_aside[match] = self.hold(rewards, escrow, lacking, TransferCode.REWARD, match)

    def can_count(self, match: int, game: CreateGame, player: int) -> bool:
        """May he get, on top of what he and the escrow have had, all that there can be?"""
        had = self.got(player, PURSES[game.currency], game.currency)
        return max(had, self.got(match, Account.MATCH_ESCROW, game.currency)) <= MOST_ENTERED

    def can_pay(self, game: CreateGame, player: int) -> bool:
        return self.has(player, PURSES[game.currency], game.currency) >= game.entry_fee

    def take_fee(self, match: int, game: CreateGame, player: int) -> None:
        if game.entry_fee:
            purse = self.opened(player, PURSES[game.currency], game.currency)
            escrow = number_of(match, Account.MATCH_ESCROW, game.currency)
            self.pay(purse, escrow, game.entry_fee, TransferCode.ENTRY_FEE, match)

    def refund(self, match: int, game: CreateGame, player: int) -> None:
        """The very fee: also of him who wins nothing, as nobody does."""
        if game.entry_fee:
            purse = number_of(player, PURSES[game.currency], game.currency)
            escrow = number_of(match, Account.MATCH_ESCROW, game.currency)
            self.pay(escrow, purse, game.entry_fee, TransferCode.REFUND, match)

    def release(self, match: int, needed: int = 0) -> None:
        """So much of what the house has set aside goes to the escrow, and the rest is the house's again."""
        if match in self.set_aside:
            self.end(self.set_aside.pop(match), needed)

    def call_off(self, match: int, game: CreateGame, players: list[int]) -> None:
        self.release(match)
        for player in players:
            self.refund(match, game, player)
        self.is_settled(match, game)

    def finish(self, match: int, game: CreateGame, players: list[int], prizes: list[int]) -> None:
        """`players` by rank, and the prizes of the first of them: none when nobody is fit to win."""
        if not prizes and not game.keeps_fees:
            self.call_off(match, game, players)
            return
        self.release(match, max(0, sum(prizes) - pool(game, len(players))))
        escrow = number_of(match, Account.MATCH_ESCROW, game.currency)
        for player, prize in zip(players, prizes, strict=False):
            if prize:
                purse = self.opened(player, PURSES[game.currency], game.currency)
                self.pay(escrow, purse, prize, TransferCode.PRIZE, match)
        if left := self.has(match, Account.MATCH_ESCROW, game.currency):
            self.pay(escrow, self.opened(0, Account.HOUSE_FEES, game.currency), left, TransferCode.HOUSE_FEE, match)
        self.is_settled(match, game)

    def is_settled(self, match: int, game: CreateGame) -> None:
        """Whoever makes the match of it: what came into the escrow has left it, to the unit."""
        sums = self.sums(match, Account.MATCH_ESCROW, game.currency)
        assert sums.credits_posted == sums.debits_posted
        assert sums.credits_pending == sums.debits_pending == 0
        assert match not in self.set_aside

    # A fixed-time trade from a wallet

    def stake(self, player: int, asset: str, stake: int, payout: int, trade: int) -> tuple[Transfer, Transfer]:
        """The stake for the house, and what it may win for the player, are held."""
        mine, house = number_of(player, PURSES[asset], asset), number_of(0, Account.HOUSE_REWARDS, asset)
        holds = (
            self.hold(mine, house, stake, TransferCode.STAKE, trade),
            self.hold(house, mine, payout, TransferCode.PAYOUT, trade),
        )
        self.tell_player(mine, 0, TransferCode.STAKE)
        return holds

    def settle_stake(self, holds: tuple[Transfer, Transfer], profit: int) -> None:
        stake, payout = holds
        self.end(stake, stake.amount if profit < 0 else 0)
        self.end(payout, payout.amount if profit > 0 else 0)
        self.tell_player(stake.debit, profit, TransferCode.PAYOUT if profit > 0 else TransferCode.STAKE)
