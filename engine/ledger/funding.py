"""Funding: money that enters from the world account."""

from __future__ import annotations

from engine.ledger.accounts import ensure_account, find_account_row
from engine.ledger.payments import pay, total_credits
from engine.model.commands import Account, Asset, FundRewards, TopUp, TransferCode, of_players
from engine.model.reasons import Reason
from engine.model.state import State
from engine.model.tables import MOST_SUMMED
from engine.storage.emit import Emit

ASSETS_BY_NAME = {asset.name: asset for asset in Asset}

MAX_FUNDED = MOST_SUMMED // 2
"""Of each asset: the total that may ever enter. Also the most that a player who joins a paid match may have received
before: no later payment, which cannot exceed the total, can then overflow the account's sums."""


def top_up(state: State, command: TopUp, emit: Emit) -> tuple[Reason, int]:
    """Credit the player's account; returns the player's id."""
    if not 1 <= command.player <= int(state.book.world[0]["players"]):
        return Reason.PLAYER_NOT_FOUND, 0
    if command.asset not in ASSETS_BY_NAME:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS_BY_NAME[command.asset]
    received = total_credits(state, find_account_row(state.book, command.player, of_players(asset), asset))
    if command.most and command.amount > command.most - received:
        return Reason.TOP_UP_LIMIT, 0
    reason = credit_from_world(
        state, command.player, of_players(asset), asset, command.amount, TransferCode.TOP_UP, emit
    )
    return reason, command.player if reason is Reason.ACCEPTED else 0


def fund_rewards(state: State, command: FundRewards, emit: Emit) -> tuple[Reason, int]:
    """Credit the house's rewards account; returns 0."""
    if command.asset not in ASSETS_BY_NAME:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS_BY_NAME[command.asset]
    return credit_from_world(state, 0, Account.HOUSE_REWARDS, asset, command.amount, TransferCode.FUNDING, emit), 0


def grant_demo(state: State, player: int, amount: int, emit: Emit) -> None:
    """Credit demo money to a new player. A refusal (MAX_FUNDED is reached) is ignored: registration must not fail."""
    credit_from_world(state, player, Account.PLAYER_DEMO, Asset.DEMO, amount, TransferCode.GRANT, emit)


def credit_from_world(
    state: State, owner: int, account: Account, asset: Asset, amount: int, code: TransferCode, emit: Emit
) -> Reason:
    """Transfer from the world account to the owner's, which is opened if needed; AMOUNT_INVALID if a sum would
    exceed its bound."""
    world = state.book.accounts[find_account_row(state.book, 0, Account.WORLD, asset)]
    funded = int(world["debits_posted"]) + int(world["debits_pending"])
    received = total_credits(state, find_account_row(state.book, owner, account, asset))
    if not 0 < amount <= min(MAX_FUNDED - funded, MOST_SUMMED - received):
        return Reason.AMOUNT_INVALID
    debit = ensure_account(state.book, 0, Account.WORLD, asset)
    credit = ensure_account(state.book, owner, account, asset)
    pay(state, debit, credit, amount, code, 0, emit)
    return Reason.ACCEPTED
