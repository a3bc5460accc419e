"""The shop: the house sells items, which are assets of the ledger, for live money.

Stock is the balance of the house's store account in the item; a player's inventory is a balance too. Demo money and
items cannot pay: they would become live money.
"""

from __future__ import annotations

from engine.ledger.accounts import ensure_account, find_account_row
from engine.ledger.balances import available
from engine.ledger.funding import ASSETS_BY_NAME, credit_from_world
from engine.ledger.payments import check_payment, pay
from engine.model.commands import Account, PurchaseItem, SetOffer, StockStore, TransferCode, of_players
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.state import State
from engine.storage.emit import Emit


def set_offer(state: State, command: SetOffer, emit: Emit) -> tuple[Reason, int]:
    """Set the price of an item; returns its Asset."""
    if not _is_item(command.item):
        return Reason.ITEM_UNKNOWN, 0
    if command.asset not in ASSETS_BY_NAME:
        return Reason.ASSET_UNKNOWN, 0
    if of_players(ASSETS_BY_NAME[command.asset]) is not Account.PLAYER_CASH or not 0 < command.price <= BOUND:
        return Reason.OFFER_INVALID, 0

    item = int(ASSETS_BY_NAME[command.item])
    state.cold.offers[item] = command
    return Reason.ACCEPTED, item


def stock_store(state: State, command: StockStore, emit: Emit) -> tuple[Reason, int]:
    """Add to the stock of an item; returns its Asset."""
    if not _is_item(command.item):
        return Reason.ITEM_UNKNOWN, 0
    item = ASSETS_BY_NAME[command.item]
    reason = credit_from_world(state, 0, Account.HOUSE_STORE, item, command.count, TransferCode.FUNDING, emit)
    return reason, int(item) if reason is Reason.ACCEPTED else 0


def purchase_item(state: State, command: PurchaseItem, emit: Emit) -> tuple[Reason, int]:
    """Transfer the price to the shop and the items to the player; returns the item's Asset."""
    book, player = state.book, command.player
    if not 1 <= player <= int(book.world[0]["players"]):
        return Reason.PLAYER_NOT_FOUND, 0
    item = ASSETS_BY_NAME.get(command.item)
    offer = state.cold.offers.get(int(item or 0))
    if item is None or offer is None:
        return Reason.OFFER_NOT_FOUND, 0
    if not offer.active:
        return Reason.OFFER_NOT_ACTIVE, 0
    if not 0 < command.count <= BOUND // offer.price:
        return Reason.COUNT_INVALID, 0
    stock = find_account_row(book, 0, Account.HOUSE_STORE, item)
    if command.count > available(book, stock):
        return Reason.OUT_OF_STOCK, 0
    asset, price = ASSETS_BY_NAME[offer.asset], offer.price * command.count
    cash = find_account_row(book, player, Account.PLAYER_CASH, asset)
    if command.version and command.version != int(book.accounts[cash]["version"]):
        return Reason.VERSION_CONFLICT, 0
    takings = find_account_row(book, 0, Account.HOUSE_STORE, asset)
    inventory = find_account_row(book, player, Account.PLAYER_ITEMS, item)
    for debit, credit, amount in ((cash, takings, price), (stock, inventory, command.count)):
        reason = check_payment(state, debit, credit, amount)
        if reason is not Reason.ACCEPTED:
            return reason, 0

    takings = ensure_account(book, 0, Account.HOUSE_STORE, asset)
    inventory = ensure_account(book, player, of_players(item), item)
    pay(state, cash, takings, price, TransferCode.PURCHASE, 0, emit)
    pay(state, stock, inventory, command.count, TransferCode.PURCHASE, 0, emit)
    return Reason.ACCEPTED, int(item)


def _is_item(name: str) -> bool:
    return name in ASSETS_BY_NAME and of_players(ASSETS_BY_NAME[name]) is Account.PLAYER_ITEMS
