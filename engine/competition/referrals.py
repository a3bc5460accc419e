"""Referrals: who referred whom, and the bonus that the house pays to both, once.

A referrer is named at registration and must be registered already, so there are no self-referrals and no cycles. When
the house's account cannot pay, the bonus is skipped; the registration succeeds.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from engine.competition.prizes import live_fees
from engine.competition.ranking import players_of_seats
from engine.jit.plain import for_kernels
from engine.ledger.accounts import find_account_row
from engine.ledger.funding import ASSETS_BY_NAME, credit_from_world
from engine.ledger.payment_kernels import pay_bonuses
from engine.model.commands import Account, BonusAt, FundReferrals, SetReferrals, TransferCode, of_players
from engine.model.reasons import Reason
from engine.model.scale import BOUND, DAY_NS, PPM
from engine.model.state import Bonus, State
from engine.storage.capacity import ensure_capacity_for_accounts
from engine.storage.emit import Emit
from engine.storage.event_buffer import EVENTS_PER_PLAYER

MOST_BONUSES_PER_DAY = 1_000_000
"""Highest limit of the bonuses for one referrer in a day."""


def set_referrals(state: State, command: SetReferrals, emit: Emit) -> tuple[Reason, int]:
    """Set the terms; returns 0."""
    if command.asset not in ASSETS_BY_NAME:
        return Reason.ASSET_UNKNOWN, 0
    if not (
        0 <= command.referrer_bonus <= BOUND
        and 0 <= command.referred_bonus <= BOUND
        and 0 <= command.min_house_fee_ppm <= PPM
        and 0 <= command.most_per_day <= MOST_BONUSES_PER_DAY
    ):
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


def pay_match_bonuses(state: State, match_id: int, rows: NDArray[np.int64], eligible: int, emit: Emit) -> None:
    """Pay bonuses that are due after a first paid match, for the seats of a finished match.

    Two accounts that are made for the bonus must cost more than they bring, so it must have been a match that was
    played: not ended early, live fees that were not refunded and of which the house has kept something, and enough
    trades of the player and of somebody else, to whom the player is not related by a referral.
    """
    terms = state.cold.referrals
    fees, kept = live_fees(state, match_id, eligible)
    match = state.book.matches[match_id]
    if terms is None or fees == 0 or match["ended_early"] or kept * PPM < terms.min_house_fee_ppm * fees:
        return
    has_played = np.asarray(state.book.seats)["held_trades"][rows] >= max(1, int(match["min_trades"]))
    players = players_of_seats(state, rows[has_played]).tolist()
    referrer_of = {player: state.cold.players[player].referrer for player in players}
    referred_by = Counter(referrer_of.values())
    related = {
        player: 1 + referred_by[player] + (referred_by[referrer] - 1 + (referrer in referrer_of) if referrer else 0)
        for player, referrer in referrer_of.items()
    }
    playing = [player for player in players if len(players) > related[player]]
    _pay_bonuses(state, playing, BonusAt.FIRST_PAID_MATCH, match_id, emit)


def _pay_bonuses(state: State, players: list[int], at: BonusAt, match_id: int, emit: Emit) -> None:
    """Pay each player and its referrer, both or none: none if paid before, or if the house cannot pay or the referrer
    has had enough for the day; it is then tried again after the next paid match."""
    terms, cold = state.cold.referrals, state.cold
    if terms is None or terms.at is not at or not (terms.referrer_bonus or terms.referred_bonus):
        return
    due = _within_day(state, terms, [player for player in players if player not in cold.bonuses])
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
    for player, referrer, is_paid in zip(due, referrers, paid.tolist(), strict=True):
        if is_paid:
            cold.bonuses[player] = Bonus(asset, referrer_bonus, bonus)
            cold.bonuses_of_day[referrer] = cold.bonuses_of_day.get(referrer, 0) + 1


def _within_day(state: State, terms: SetReferrals, players: list[int]) -> list[int]:
    """Those of the players who were referred, and whose referrers may have one more bonus today."""
    cold = state.cold
    today = int(state.book.world[0]["now_ns"]) // DAY_NS
    if cold.bonus_day != today:
        cold.bonus_day, cold.bonuses_of_day = today, {}
    within, had = [], dict(cold.bonuses_of_day)
    for player in players:
        referrer = cold.players[player].referrer
        if referrer and (terms.most_per_day == 0 or had.get(referrer, 0) < terms.most_per_day):
            had[referrer] = had.get(referrer, 0) + 1
            within.append(player)
    return within
