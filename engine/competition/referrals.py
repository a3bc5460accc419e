"""Referrals: who referred whom, and the bonus that the house pays to both, once.

A referrer is named at registration and must be registered already, so there are no self-referrals and no cycles. When
the house's account cannot pay, the bonus is skipped; the registration succeeds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.prizes import kept_live_fees
from engine.jit.plain import for_kernels
from engine.ledger.accounts import find_account_row
from engine.ledger.funding import ASSETS_BY_NAME, credit_from_world
from engine.ledger.payment_kernels import pay_bonuses
from engine.model.commands import Account, BonusAt, FundReferrals, SetReferrals, TransferCode, of_players
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.state import Bonus, State
from engine.storage.capacity import ensure_capacity_for_accounts
from engine.storage.emit import Emit
from engine.storage.event_buffer import EVENTS_PER_PLAYER


def set_referrals(state: State, command: SetReferrals, emit: Emit) -> tuple[Reason, int]:
    """Set the terms; returns 0."""
    if command.asset not in ASSETS_BY_NAME:
        return Reason.ASSET_UNKNOWN, 0
    if not (0 <= command.referrer_bonus <= BOUND and 0 <= command.referred_bonus <= BOUND):
        return Reason.REFERRALS_INVALID, 0

    state.cold.referrals = command
    return Reason.ACCEPTED, 0


def fund_referrals(state: State, command: FundReferrals, emit: Emit) -> tuple[Reason, int]:
    """Credit the house's referrals account; returns 0."""
    if command.asset not in ASSETS_BY_NAME:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS_BY_NAME[command.asset]
    return credit_from_world(state, 0, Account.HOUSE_REFERRALS, asset, command.amount, TransferCode.FUNDING, emit), 0


def check_referrer(state: State, referrer: int) -> Reason:
    """Whether the referrer exists; 0 is none."""
    if not 0 <= referrer <= int(state.book.world[0]["players"]):
        return Reason.REFERRAL_CODE_UNKNOWN
    return Reason.ACCEPTED


def record_referral(state: State, player: int, emit: Emit) -> None:
    """Record who referred the new player, and pay the bonus if it is due at sign-up."""
    referrer = state.cold.players[player].referrer
    if referrer:
        state.cold.referred.setdefault(referrer, []).append(player)
        _pay_bonuses(state, [player], BonusAt.SIGN_UP, 0, emit)


def pay_match_bonuses(state: State, match_id: int, players: NDArray[np.int64], eligible: int, emit: Emit) -> None:
    """Pay bonuses that are due after a first paid match, for the players of a finished match."""
    if kept_live_fees(state, match_id, eligible):
        _pay_bonuses(state, players.tolist(), BonusAt.FIRST_PAID_MATCH, match_id, emit)


def _pay_bonuses(state: State, players: list[int], at: BonusAt, match_id: int, emit: Emit) -> None:
    """Pay each player and its referrer, both or none: none if paid before, or if the house cannot pay; it is then tried
    again after the next paid match."""
    terms, cold = state.cold.referrals, state.cold
    if terms is None or terms.at is not at or not (terms.referrer_bonus or terms.referred_bonus):
        return
    due = [player for player in players if cold.players[player].referrer and player not in cold.bonuses]
    if not due:
        return

    asset = ASSETS_BY_NAME[terms.asset]
    account = of_players(asset)
    bonus, referrer_bonus = terms.referred_bonus, terms.referrer_bonus
    referrers = [cold.players[player].referrer for player in due]
    paid = for_kernels(np.zeros(len(due), np.int64))
    pairs = (for_kernels(np.array(due, np.int64)), for_kernels(np.array(referrers, np.int64)), paid)
    terms_of_payment = (account.value, asset.value, bonus, referrer_bonus, TransferCode.REFERRAL.value, match_id)
    i = 0
    while i < len(due):
        house = find_account_row(state.book, 0, Account.HOUSE_REFERRALS, asset)
        began, i = i, int(pay_bonuses(state.book, emit.buffer(EVENTS_PER_PLAYER), i, *pairs, house, *terms_of_payment))
        if i == began:  # the accounts table had no room
            ensure_capacity_for_accounts(state, 2)
    for player, is_paid in zip(due, paid.tolist(), strict=True):
        if is_paid:
            cold.bonuses[player] = Bonus(asset, referrer_bonus, bonus)
