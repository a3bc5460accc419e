"""Referrals: who has brought whom, and the bonus that the house pays to both for it, once.

A player can only be referred by one who was there before, and only when signing up: so nobody refers himself, and there
are no circles to earn in. An empty account of the house refuses the bonus, never the sign-up.
"""

from __future__ import annotations

from engine.accounts import row_of
from engine.commands import Account, BonusAt, FundReferrals, SetReferrals, TransferCode, of_players
from engine.handlers import Emit
from engine.kernels.ledger import available
from engine.money import ASSETS, account, enters, keeps_live_money, may_pay, pay
from engine.reasons import Reason
from engine.scale import BOUND
from engine.state import Bonus, State


def set_referrals(state: State, command: SetReferrals, emit: Emit) -> tuple[Reason, int]:
    """Take over the terms; 0."""
    if command.asset not in ASSETS:
        return Reason.ASSET_UNKNOWN, 0
    if not (0 <= command.referrer_bonus <= BOUND and 0 <= command.referred_bonus <= BOUND):
        return Reason.REFERRALS_INVALID, 0

    state.cold.referrals = command
    return Reason.ACCEPTED, 0


def fund_referrals(state: State, command: FundReferrals, emit: Emit) -> tuple[Reason, int]:
    """Credit the house's account for referrals; 0."""
    if command.asset not in ASSETS:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS[command.asset]
    return enters(state, 0, Account.HOUSE_REFERRALS, asset, command.amount, TransferCode.FUNDING, emit), 0


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
        _reward(state, player, BonusAt.SIGN_UP, 0, emit)


def reward_players(state: State, match_id: int, players: list[int], fit: int, emit: Emit) -> None:
    """Those of the players of a match that is over for whom a bonus is due now."""
    if keeps_live_money(state, match_id, fit):
        for player in players:
            _reward(state, player, BonusAt.FIRST_PAID_MATCH, match_id, emit)


def _reward(state: State, player: int, at: BonusAt, match_id: int, emit: Emit) -> None:
    """Pay both or none: nothing if it was paid before, or if the house has not enough. Then a later match may find
    that it has."""
    terms, referrer = state.cold.referrals, state.cold.players[player].referrer
    if terms is None or terms.at is not at or not referrer or player in state.cold.bonuses:
        return
    asset = ASSETS[terms.asset]
    due = [(to, bonus) for to, bonus in ((referrer, terms.referrer_bonus), (player, terms.referred_bonus)) if bonus]
    house = row_of(state.book, 0, Account.HOUSE_REFERRALS, asset)
    if not due or sum(bonus for _, bonus in due) > available(state.book, house):
        return
    for to, bonus in due:
        credit = row_of(state.book, to, of_players(asset), asset)
        if may_pay(state, house, credit, bonus) is not Reason.ACCEPTED:
            return

    state.cold.bonuses[player] = Bonus(asset, terms.referrer_bonus, terms.referred_bonus)
    for to, bonus in due:
        pay(state, house, account(state, to, of_players(asset), asset), bonus, TransferCode.REFERRAL, match_id, emit)
