"""Ops of the shop (on the wire: store): what it sells, buying it, and what a player has of it."""

from __future__ import annotations

from msgspec import Struct

from engine import views
from engine.model.commands import Asset, PurchaseItem, StockStore
from gateway.core.records import Outcome
from gateway.ops.admin import made, spec_errors_refused
from gateway.presenters.decimals import asset_text
from gateway.presenters.specs import set_offer_of
from gateway.protocol import arguments as args
from gateway.protocol.specs import OfferSpec
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission, cold_submission


class OfferAnswer(Struct, frozen=True):
    """One of the item costs `price` of the asset; `stock` are left. What is not active is not sold at the moment."""

    item: str
    title: str
    asset: str
    price: str
    stock: int
    active: bool


class ItemAnswer(Struct, frozen=True):
    """So many of the item; `version` counts the changes of that."""

    item: str
    name: str
    count: int
    version: int


class Purchased(Struct, frozen=True):
    """What they cost, and the balance that is left, comes as wallet.changed."""

    item: str
    count: int


def shop_list(session: Session, nothing: args.Nothing) -> list[OfferAnswer]:
    state = session.arena.state
    return [
        OfferAnswer(
            of.item,
            of.title,
            of.asset,
            asset_text(of.price, Asset[of.asset]),
            views.stock(state.book, item),
            of.active,
        )
        for item, of in state.cold.offers.items()
    ]


def inventory_list(session: Session, nothing: args.Nothing) -> list[ItemAnswer]:
    state = session.arena.state
    return [
        ItemAnswer(name := Asset(of.asset).name, name.replace("_", " ").capitalize(), of.balance, of.version)
        for of in views.inventory(state.book, session.player)
    ]


def purchase(arena: Arena, player: int, of: args.Purchase) -> Submission:
    def purchased(outcome: Outcome) -> Purchased:
        return Purchased(of.item, of.count)

    return cold_submission(PurchaseItem(player, of.item, of.count, of.version or 0), purchased, player)


def set_offer(arena: Arena, player: int, data: OfferSpec) -> Submission:
    """The id of the answer is the number of the item."""
    with spec_errors_refused():
        return cold_submission(set_offer_of(data), made)


def stock(arena: Arena, player: int, of: args.Stock) -> Submission:
    """The id of the answer is the number of the item."""
    return cold_submission(StockStore(of.item, of.count), made)
