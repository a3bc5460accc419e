"""Wallets: balances and items of a player, stock of the shop."""

from __future__ import annotations

from typing import NamedTuple

from engine.ledger.accounts import find_account_row
from engine.ledger.balances import available
from engine.model.commands import Account, Asset, of_players
from engine.model.tables import Book


class BalanceView(NamedTuple):
    """A balance of a player, in native units of the asset."""

    asset: int
    balance: int
    held: int  # part of the balance that cannot be spent
    version: int


def wallet(book: Book, player: int) -> list[BalanceView]:
    """All accounts of the player that were ever opened."""
    found = []
    for asset in Asset:
        row = find_account_row(book, player, of_players(asset), asset)
        if row:
            account = book.accounts[row]
            balance = int(account["credits_posted"]) - int(account["debits_posted"])
            found.append(BalanceView(asset, balance, int(account["debits_pending"]), int(account["version"])))
    return found


def inventory(book: Book, player: int) -> list[BalanceView]:
    """The player's accounts of items."""
    return [found for found in wallet(book, player) if of_players(Asset(found.asset)) is Account.PLAYER_ITEMS]


def stock(book: Book, item: int) -> int:
    """How many of the item the shop can sell."""
    return int(available(book, find_account_row(book, 0, Account.HOUSE_STORE, item)))
