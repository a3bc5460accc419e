"""Ops of referrals: a player's code, what it has brought, and the terms."""

from __future__ import annotations

from msgspec import Struct

from engine import views
from engine.model.commands import Asset, FundReferrals
from gateway.ops.admin import made, spec_errors_refused
from gateway.ops.wallet import crediting
from gateway.presenters.decimals import asset_text, asset_units
from gateway.presenters.referral_codes import code_of
from gateway.presenters.specs import set_referrals_of
from gateway.protocol import arguments as args
from gateway.protocol.specs import ReferralTerms
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission, cold_submission


class BonusAnswer(Struct, frozen=True):
    """What both have when somebody signs up with the code: `at` once, or with the end of a first paid match. None when
    the house has not enough for both."""

    asset: str
    referrer: str
    referred: str
    at: str


class ReferralAnswer(Struct, frozen=True):
    """The code to sign up with, how many have, and what that has earned, by asset. Without a bonus there are no terms
    at the moment."""

    code: str
    referred: int
    earned: dict[str, str]
    bonus: BonusAnswer | None


def referral_get(session: Session, nothing: args.Nothing) -> ReferralAnswer:
    state = session.arena.state
    found, terms = views.referral(state, session.player), state.cold.referrals
    bonus = None
    if terms is not None:
        asset = Asset[terms.asset]
        bonus = BonusAnswer(
            terms.asset, asset_text(terms.referrer_bonus, asset), asset_text(terms.referred_bonus, asset), terms.at
        )
    earned = {Asset(asset).name: asset_text(units, asset) for asset, units in found.earned.items()}
    return ReferralAnswer(code_of(session.player), found.referred, earned, bonus)


def set_referrals(arena: Arena, player: int, data: ReferralTerms) -> Submission:
    with spec_errors_refused():
        return cold_submission(set_referrals_of(data), made)


def fund_referrals(arena: Arena, player: int, of: args.Money) -> Submission:
    units = asset_units("amount", of.amount, Asset[of.asset])
    return crediting(FundReferrals(of.asset, units), of.asset, units)
