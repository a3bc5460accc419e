"""Accounts: their ids, and finding and opening them, in kernels and in Python.

An account's id is owner << 16 | code << 8 | asset: the owner is a player or a match, 0 for accounts of the house; the
code is an Account, the asset an Asset.

Kernels take plain integers, not enum members: numba inspects an enum member at each call, which takes longer than the
look-up, and compiles a version for each combination of enum and integer.
"""

from __future__ import annotations

from engine.jit import entry, kernel
from engine.model.commands import Account
from engine.model.tables import MUST_NOT_OVERDRAW, Book
from engine.storage.account_rows import ROWS_PER_ACCOUNT, account_row, row_for


@entry
def account_id(owner: int, code: int, asset: int) -> int:
    """The id of an account. The owner is below 2^31."""
    return (owner << 16) | (code << 8) | asset


@kernel
def asset_of(account: int) -> int:
    """The asset in an account's id."""
    return account & 0xFF


@kernel
def code_of(account: int) -> int:
    """The Account in an account's id."""
    return (account >> 8) & 0xFF


@kernel
def owner_of(account: int) -> int:
    """The player or match in an account's id; 0 for the house."""
    return account >> 16


@entry
def find_account(book: Book, owner: int, code: int, asset: int) -> int:
    """The row of the account; 0 when it was never opened."""
    return account_row(book, account_id(owner, code, asset))


@entry
def open_account(book: Book, owner: int, code: int, asset: int) -> int:
    """The row of the account, which is opened if it does not exist. The table must have room."""
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


def find_account_row(book: Book, owner: int, code: Account, asset: int) -> int:
    """`find_account` for cold handlers."""
    return int(find_account(book, owner, code.value, int(asset)))


def ensure_account(book: Book, owner: int, code: Account, asset: int) -> int:
    """`open_account` for cold handlers."""
    row = int(open_account(book, owner, code.value, int(asset)))
    assert ROWS_PER_ACCOUNT * int(book.world[0]["accounts"]) <= len(book.accounts), "accounts are over half full"
    return row
