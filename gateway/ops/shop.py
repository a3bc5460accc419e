"""Ops of the shop (on the wire: store): what it sells, buying it, and what a player has of it."""

from __future__ import annotations

from engine import views
from engine.model.commands import Asset, PurchaseItem, StockStore
from gateway.core.records import Outcome
from gateway.operator_ops.admin import made, spec_errors_refused
from gateway.presenters.decimals import asset_text
from gateway.presenters.specs import set_offer_of
from gateway.protocol.scalars import Nothing
from gateway.protocol.shop import Item, Offer, OfferSpec, Purchase, Purchased, Stock
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.submission import Submission, cold_submission


def shop_list(caller: Caller, nothing: Nothing) -> list[Offer[str]]:
    state = caller.arena.state
    return [
        Offer(
            of.item,
            of.title,
            of.asset,
            asset_text(of.price, Asset[of.asset]),
            views.stock(state.book, item),
            of.active,
        )
        for item, of in state.cold.offers.items()
    ]


def inventory_list(caller: Caller, nothing: Nothing) -> list[Item]:
    state = caller.arena.state
    return [
        Item(name := Asset(of.asset).name, name.replace("_", " ").capitalize(), of.balance, of.version)
        for of in views.inventory(state.book, caller.player)
    ]


def purchase(arena: Arena, player: int, of: Purchase) -> Submission:
    def purchased(outcome: Outcome) -> Purchased:
        return Purchased(of.item, of.count)

    return cold_submission(PurchaseItem(player, of.item, of.count, of.version or 0), purchased, player)


def set_offer(arena: Arena, player: int, data: OfferSpec) -> Submission:
    """The id of the answer is the number of the item."""
    with spec_errors_refused():
        return cold_submission(set_offer_of(data), made)


def stock(arena: Arena, player: int, of: Stock) -> Submission:
    """The id of the answer is the number of the item."""
    return cold_submission(StockStore(of.item, of.count), made)
