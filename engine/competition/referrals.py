"""Referrals: who has brought whom, and the bonus that the house pays to both for it, once.

A player can only be referred by one who was there before, and only when signing up: so nobody refers himself, and there
are no circles to earn in. An empty account of the house refuses the bonus, never the sign-up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.prizes import keeps_live_money
from engine.jit.plain import readable
from engine.ledger.accounts import find_account_row
from engine.ledger.funding import ASSETS_BY_NAME, credit_from_world
from engine.ledger.payment_kernels import pay_bonuses
from engine.model.commands import Account, BonusAt, FundReferrals, SetReferrals, TransferCode, of_players
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.state import Bonus, State
from engine.storage.capacity import make_room_for_accounts
from engine.storage.emit import Emit
from engine.storage.event_buffer import EVENTS_PER_PLAYER


def set_referrals(state: State, command: SetReferrals, emit: Emit) -> tuple[Reason, int]:
    """Take over the terms; 0."""
    if command.asset not in ASSETS_BY_NAME:
        return Reason.ASSET_UNKNOWN, 0
    if not (0 <= command.referrer_bonus <= BOUND and 0 <= command.referred_bonus <= BOUND):
        return Reason.REFERRALS_INVALID, 0

    state.cold.referrals = command
    return Reason.ACCEPTED, 0


def fund_referrals(state: State, command: FundReferrals, emit: Emit) -> tuple[Reason, int]:
    """Credit the house's account for referrals; 0."""
    if command.asset not in ASSETS_BY_NAME:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS_BY_NAME[command.asset]
    return credit_from_world(state, 0, Account.HOUSE_REFERRALS, asset, command.amount, TransferCode.FUNDING, emit), 0


def may_be_referred(state: State, referrer: int) -> Reason:
    """Is there such a player, if one is named?"""
    if not 0 <= referrer <= int(state.book.world[0]["players"]):
        return Reason.REFERRAL_CODE_UNKNOWN
    return Reason.ACCEPTED


def refer(state: State, player: int, emit: Emit) -> None:
    """Remember who has referred the new player."""
    referrer = state.cold.players[player].referrer
    if referrer:
        state.cold.referred.setdefault(referrer, []).append(player)
        _reward(state, [player], BonusAt.SIGN_UP, 0, emit)


def reward_players(state: State, match_id: int, players: NDArray[np.int64], fit: int, emit: Emit) -> None:
    """Those of the players of a match that is over for whom a bonus is due now."""
    if keeps_live_money(state, match_id, fit):
        _reward(state, players.tolist(), BonusAt.FIRST_PAID_MATCH, match_id, emit)


def _reward(state: State, players: list[int], at: BonusAt, match_id: int, emit: Emit) -> None:
    """Pay both or none: nothing if it was paid before, or if the house has not enough. Then a later match may find
    that it has."""
    terms, cold = state.cold.referrals, state.cold
    if terms is None or terms.at is not at or not (terms.referrer_bonus or terms.referred_bonus):
        return
    due = [player for player in players if cold.players[player].referrer and player not in cold.bonuses]
    if not due:
        return

    asset = ASSETS_BY_NAME[terms.asset]
    of = of_players(asset)
    bonus, referrer_bonus = terms.referred_bonus, terms.referrer_bonus
    referrers = [cold.players[player].referrer for player in due]
    paid = readable(np.zeros(len(due), np.int64))
    pairs = (readable(np.array(due, np.int64)), readable(np.array(referrers, np.int64)), paid)
    how = (of.value, asset.value, bonus, referrer_bonus, TransferCode.REFERRAL.value, match_id)
    i = 0
    while i < len(due):
        house = find_account_row(state.book, 0, Account.HOUSE_REFERRALS, asset)
        began, i = i, int(pay_bonuses(state.book, emit.room(EVENTS_PER_PLAYER), i, *pairs, house, *how))
        if i == began:  # there was no room for their accounts
            make_room_for_accounts(state, 2)
    for player, is_paid in zip(due, paid.tolist(), strict=True):
        if is_paid:
            cold.bonuses[player] = Bonus(asset, referrer_bonus, bonus)
