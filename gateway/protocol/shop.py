"""The shop (on the wire: store), what players have of it, and referrals."""

from __future__ import annotations

from typing import Annotated, Generic, Literal

from msgspec import Meta, Struct

from gateway.protocol.scalars import Arguments, AssetName, D, ItemName, Small


class OfferSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """An item, and what one costs: [[offers]] in config.toml, and arguments of admin.set_offer."""

    item: ItemName
    price: str
    asset: AssetName = "BT"
    title: Annotated[str, Meta(max_length=100)] = ""
    active: bool = True


class Stock(Arguments, frozen=True):
    """So many more."""

    item: ItemName
    count: Small


class Purchase(Arguments, frozen=True):
    """`version` is that of the account that pays, as me.wallet showed it: the purchase is refused if it has changed."""

    item: ItemName
    count: Small = 1
    version: Annotated[int, Meta(ge=1, le=2**53)] | None = None


class Offer(Struct, Generic[D], frozen=True):
    """One of the item costs `price` of the asset; `stock` are left. What is not active is not sold at the moment."""

    item: str
    title: str
    asset: str
    price: D
    stock: int
    active: bool


class Item(Struct, frozen=True):
    """So many of the item; `version` counts the changes of that."""

    item: str
    name: str
    count: int
    version: int


class Purchased(Struct, frozen=True):
    """What they cost, and the balance that is left, comes as wallet.changed."""

    item: str
    count: int


# Referrals


class ReferralTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """The terms of referrals; a bonus of "0" is none: [referrals] in config.toml, and arguments of
    admin.set_referrals."""

    asset: AssetName = "BT"
    referrer_bonus: str = "10"
    referred_bonus: str = "10"
    at: Literal["sign_up", "first_paid_match"] = "first_paid_match"
    min_house_fee_pct: str = "0.0001"
    most_per_day: int = 10


class Bonus(Struct, Generic[D], frozen=True):
    """What both have when somebody signs up with the code: `at` once (sign_up), or with the end of a first paid match.
    None when the house has not enough for both."""

    asset: str
    referrer: D
    referred: D
    at: str
    most_per_day: int | None = None  # for one code, UTC; none: any number


class Referral(Struct, Generic[D], frozen=True):
    """The code to sign up with, how many have, and what that has earned, by asset. Without a bonus there are no terms
    at the moment."""

    code: str
    referred: int
    earned: dict[str, D]
    bonus: Bonus[D] | None
