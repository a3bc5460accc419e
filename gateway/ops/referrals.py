"""Ops of referrals: a player's code, what it has earned, and the terms."""

from __future__ import annotations

from engine import views
from engine.model.commands import Asset, FundReferrals
from gateway.operator_ops.admin import made, spec_errors_refused
from gateway.ops.wallet import crediting
from gateway.presenters.decimals import asset_text, asset_units
from gateway.presenters.referral_codes import code_of
from gateway.presenters.specs import set_referrals_of
from gateway.protocol.scalars import Nothing
from gateway.protocol.shop import Bonus, Referral, ReferralTerms
from gateway.protocol.wallets import Money
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.submission import Submission, cold_submission


def referral_get(caller: Caller, nothing: Nothing) -> Referral[str]:
    state = caller.arena.state
    found, terms = views.referral(state, caller.player), state.cold.referrals
    bonus = None
    if terms is not None:
        asset = Asset[terms.asset]
        bonus = Bonus(
            terms.asset,
            asset_text(terms.referrer_bonus, asset),
            asset_text(terms.referred_bonus, asset),
            terms.at,
            terms.most_per_day or None,
        )
    earned = {Asset(asset).name: asset_text(units, asset) for asset, units in found.earned.items()}
    return Referral(code_of(caller.player), found.referred, earned, bonus)


def set_referrals(arena: Arena, player: int, data: ReferralTerms) -> Submission:
    with spec_errors_refused():
        return cold_submission(set_referrals_of(data), made)


def fund_referrals(arena: Arena, player: int, of: Money) -> Submission:
    units = asset_units("amount", of.amount, Asset[of.asset])
    return crediting(FundReferrals(of.asset, units), of.asset, units)
