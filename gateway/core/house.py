"""What the house offers to all: demo money at sign-up, bonuses for referrals, and a store; as people write it.

The store and the bonuses are used once, when the log is empty, as gateway/seed.py says of instruments and games.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal

import msgspec

from engine.model.commands import (
    ASSET_DECIMALS,
    Asset,
    BonusAt,
    ColdCommand,
    FundReferrals,
    SetOffer,
    SetReferrals,
    StockStore,
)
from engine.model.scale import parse_decimal
from gateway.core.seed import SeedError
from gateway.protocol.arguments import AssetName, ItemName

Title = Annotated[str, msgspec.Meta(max_length=100)]
DemoGrant = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,8})?\Z")]


class Players(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    demo_grant: DemoGrant = "10000"
    top_up_most: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}\Z")] = "100000"

    def demo_units(self) -> int:
        """The grant in native units; the pattern leaves nothing that could not be."""
        return parse_decimal(self.demo_grant, ASSET_DECIMALS[Asset.DEMO])

    def most_units(self, asset: Asset) -> int:
        """The most that may have come in with a top-up, in native units of the asset; 0: any."""
        return int(self.top_up_most) * int(10 ** ASSET_DECIMALS[asset])


class ReferralData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of referrals; a bonus of "0" is none."""

    asset: AssetName = "BT"
    referrer_bonus: str = "10"
    referred_bonus: str = "10"
    at: Literal["sign_up", "first_paid_match"] = "first_paid_match"


class ReferralSeed(ReferralData, frozen=True, forbid_unknown_fields=True):
    """And how much there is to be paid."""

    funds: str = "10000"


class OfferData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item, and what one costs."""

    item: ItemName
    price: str
    asset: AssetName = "BT"
    title: Title = ""
    active: bool = True


class OfferSeed(OfferData, frozen=True, forbid_unknown_fields=True):
    """And how many the store has."""

    stock: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


OFFERS: Final = (
    OfferSeed("GOLD_COIN", "1", title="Gold coin", stock=100_000),
    OfferSeed("TREASURE_BOX", "5", title="Treasure box", stock=10_000),
)


def house_commands(referrals: ReferralSeed, offers: Iterable[OfferSeed]) -> Iterator[ColdCommand]:
    """What sets them up. Raises SeedError."""
    yield set_referrals_of(referrals)
    funds = _native("referrals", "funds", referrals.funds, referrals.asset)
    if funds:
        yield FundReferrals(referrals.asset, funds)
    for offer in offers:
        yield set_offer_of(offer)
        if offer.stock:
            yield StockStore(offer.item, offer.stock)


def set_referrals_of(data: ReferralData) -> SetReferrals:
    """The command. Raises SeedError."""
    return SetReferrals(
        data.asset,
        _native("referrals", "referrer_bonus", data.referrer_bonus, data.asset),
        _native("referrals", "referred_bonus", data.referred_bonus, data.asset),
        BonusAt(data.at),
    )


def set_offer_of(data: OfferData) -> SetOffer:
    """The command. Raises SeedError."""
    return SetOffer(data.item, data.asset, _native(data.item, "price", data.price, data.asset), data.active, data.title)


def _native(owner: str, key: str, text: str, asset: str) -> int:
    """Native units of the asset, none below 0."""
    try:
        units = parse_decimal(text, ASSET_DECIMALS[Asset[asset]])
    except ValueError as error:
        raise SeedError(f"{owner}: {key}: {error}") from error
    if units < 0:
        raise SeedError(f"{owner}: {key}: must not be negative, not {text}")
    return units
