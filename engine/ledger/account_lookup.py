"""Rows of accounts for Python. Kernels are given plain numbers: numba looks at each member of an enum anew, which takes
longer than all of the look-up, and each mixture of enums and numbers would be compiled apart, while clients wait."""

from __future__ import annotations

from engine.ledger.accounts import find_account, open_account
from engine.model.commands import Account
from engine.model.tables import Book


def row_of(book: Book, owner: int, of: Account, asset: int) -> int:
    """The row of the account; 0 when it was never opened."""
    return int(find_account(book, owner, of.value, int(asset)))


def opened(book: Book, owner: int, of: Account, asset: int) -> int:
    """The row of the account, opened if it is not there yet."""
    row = int(open_account(book, owner, of.value, int(asset)))
    assert 2 * int(book.world[0]["accounts"]) <= len(book.accounts), "nobody has made room for so many accounts"
    return row
