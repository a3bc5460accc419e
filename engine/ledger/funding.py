"""Funding: real money that enters from the world, and what Python code pays from account to account."""

from __future__ import annotations

from engine.ledger import payments
from engine.ledger.accounts import opened, row_of
from engine.ledger.ledger import available
from engine.model.commands import Account, Asset, FundRewards, TopUp, TransferCode, of_players
from engine.model.reasons import Reason
from engine.model.state import State
from engine.model.tables import MOST_SUMMED
from engine.storage.emit import Emit
from engine.storage.event_buffer import EVENTS_PER_PLAYER

ASSETS = {asset.name: asset for asset in Asset}


MOST_ENTERED = MOST_SUMMED // 2
"""Of an asset, all that ever enters. Who joins a paid match has taken in no more than that either: so whatever comes
to a player afterwards, which is at most all there is, can still be counted."""


def top_up(state: State, command: TopUp, emit: Emit) -> tuple[Reason, int]:
    """Credit the player's account; the player's id."""
    if not 1 <= command.player <= int(state.book.world[0]["players"]):
        return Reason.PLAYER_NOT_FOUND, 0
    if command.asset not in ASSETS:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS[command.asset]
    had = taken_in(state, row_of(state.book, command.player, of_players(asset), asset))
    if command.most and command.amount > command.most - had:
        return Reason.TOP_UP_LIMIT, 0
    reason = enters(state, command.player, of_players(asset), asset, command.amount, TransferCode.TOP_UP, emit)
    return reason, command.player if reason is Reason.ACCEPTED else 0


def fund_rewards(state: State, command: FundRewards, emit: Emit) -> tuple[Reason, int]:
    """Credit the house's account for rewards; 0."""
    if command.asset not in ASSETS:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS[command.asset]
    return enters(state, 0, Account.HOUSE_REWARDS, asset, command.amount, TransferCode.FUNDING, emit), 0


def grant_demo(state: State, player: int, amount: int, emit: Emit) -> None:
    """Demo money for a new player; none if it could no longer be counted, since that is no reason to send him away."""
    enters(state, player, Account.PLAYER_DEMO, Asset.DEMO, amount, TransferCode.GRANT, emit)


def enters(state: State, owner: int, of: Account, asset: Asset, amount: int, code: TransferCode, emit: Emit) -> Reason:
    """From the world, unless it could no longer be counted. Whoever has no account yet gets one."""
    world = state.book.accounts[row_of(state.book, 0, Account.WORLD, asset)]
    entered = int(world["debits_posted"]) + int(world["debits_pending"])
    had = taken_in(state, row_of(state.book, owner, of, asset))
    if not 0 < amount <= min(MOST_ENTERED - entered, MOST_SUMMED - had):
        return Reason.AMOUNT_INVALID
    debit, credit = opened(state.book, 0, Account.WORLD, asset), opened(state.book, owner, of, asset)
    pay(state, debit, credit, amount, code, 0, emit)
    return Reason.ACCEPTED


def taken_in(state: State, row: int) -> int:
    """All that the account ever got, and what is held for it."""
    found = state.book.accounts[row]
    return int(found["credits_posted"]) + int(found["credits_pending"])


def may_pay(state: State, debit: int, credit: int, amount: int) -> Reason:
    """Would `pay` succeed? Of accounts that are not open yet the row is 0: they have nothing, and may get all."""
    if amount > available(state.book, debit):
        return Reason.INSUFFICIENT_FUNDS
    had = state.book.accounts[credit]
    if not 0 < amount <= MOST_SUMMED - int(had["credits_posted"]) - int(had["credits_pending"]):
        return Reason.AMOUNT_INVALID
    return Reason.ACCEPTED


def pay(state: State, debit: int, credit: int, amount: int, code: TransferCode, match_id: int, emit: Emit) -> None:
    """Move what has been looked at before, and tell the players whose accounts it changes."""
    must(payments.pay(state.book, emit.room(EVENTS_PER_PLAYER), debit, credit, amount, code.value, match_id))


def must(reason: int) -> None:
    """What a match owes it has: else the books are wrong, and nothing more may be done on them."""
    assert reason == Reason.ACCEPTED, Reason(reason).name
