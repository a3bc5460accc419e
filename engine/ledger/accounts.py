"""Accounts: their ids, and how one is found and opened, by kernels and by Python.

Kernels are given plain numbers: numba looks at each member of an enum anew, which takes longer than all of the look-up,
and each mixture of enums and numbers would be compiled apart, while clients wait.
"""

from __future__ import annotations

from engine.jit import entry, kernel
from engine.model.commands import Account
from engine.model.tables import MUST_NOT_OVERDRAW, Book
from engine.storage.account_rows import account_row, row_for


@entry
def account_id(owner, code, asset):
    """The id of an account. The owner is a player or a match, below 2^31, or 0 of the house's own."""
    return (owner << 16) | (code << 8) | asset


@kernel
def asset_of(account):
    """The asset in the id of an account."""
    return account & 0xFF


@kernel
def code_of(account):
    """The Account in the id of an account."""
    return (account >> 8) & 0xFF


@kernel
def owner_of(account):
    """The player or match in the id of an account; 0 of the house's own."""
    return account >> 16


@entry
def find_account(book, owner, code, asset):
    """The row of the account; 0 when it was never opened."""
    return account_row(book, account_id(owner, code, asset))


@entry
def open_account(book, owner, code, asset):
    """The row of the account, opened if it is not there yet; there must be room."""
    id = account_id(owner, code, asset)
    row = row_for(book.accounts, id)
    account = book.accounts[row]
    if account.id == id:
        return row
    account.id = id
    account.version = 1
    account.flags = 0 if Account.CHAIN_HOT.value <= code <= Account.WORLD.value else MUST_NOT_OVERDRAW
    account.opened_at_ns = book.world[0].now_ns
    book.world[0].accounts += 1
    return row


def row_of(book: Book, owner: int, of: Account, asset: int) -> int:
    """The row of the account; 0 when it was never opened."""
    return int(find_account(book, owner, of.value, int(asset)))


def opened(book: Book, owner: int, of: Account, asset: int) -> int:
    """The row of the account, opened if it is not there yet."""
    row = int(open_account(book, owner, of.value, int(asset)))
    assert 2 * int(book.world[0]["accounts"]) <= len(book.accounts), "nobody has made room for so many accounts"
    return row
