"""Ops of referrals: a player's code, what it has brought, and the terms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from engine import views
from engine.commands import Asset, FundReferrals, encode_cold
from gateway import arguments as args
from gateway.arena import Arena
from gateway.errors import Code, Refused
from gateway.house import ReferralData, set_referrals_of
from gateway.instruments import asset_text, asset_units
from gateway.ops_admin import Made
from gateway.ops_wallet import Credited
from gateway.records import Outcome, cold_record
from gateway.referral_codes import code_of
from gateway.requests import Request
from gateway.seed import SeedError

if TYPE_CHECKING:
    from gateway.sessions import Session


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


def set_referrals(arena: Arena, player: int, data: ReferralData) -> Request:
    try:
        blob = encode_cold(set_referrals_of(data))
    except SeedError as error:
        raise Refused(Code.BAD_ARGUMENTS, problem=str(error)) from error
    return Request(cold_record(), _made, blob=blob)


def fund_referrals(arena: Arena, player: int, of: args.Money) -> Request:
    units = asset_units("amount", of.amount, Asset[of.asset])

    def credited(outcome: Outcome) -> Credited:
        return Credited(of.asset, asset_text(units, Asset[of.asset]))

    return Request(cold_record(), credited, blob=encode_cold(FundReferrals(of.asset, units)))


def _made(outcome: Outcome) -> Made:
    return Made(outcome.id)
