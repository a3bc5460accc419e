"""Rows of accounts, each where its id says: found without an index, for a line of memory less in each transfer's two.

An account stands in the first row that was free when it came, from the one on where it belongs. The table is never more
than half full, so that is seldom far: owners are numbered in sequence, and multiples of the golden ratio spread such
numbers evenly (Knuth, The Art of Computer Programming, vol. 3, 6.4). Accounts are never closed; they move only when the
table grows (capacity.py): between commands, before a match is made, while bonuses are paid. What lasts keeps the id.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.jit import entry, kernel
from engine.model.tables import Book, Table

_GOLDEN_RATIO: Final = 0x9E3779B97F4A7C15 - (1 << 64)
"""2^64 over it, odd, as a signed number."""

ROWS_PER_ACCOUNT: Final = 2
"""The table is never more than half full."""


@kernel
def account_row(book: Book, id: int) -> int:
    """The row of the account with that id; 0 when there is none."""
    row = row_for(book.accounts, id)
    return row if id != 0 and book.accounts[row].id == id else 0


@kernel
def has_capacity_for_accounts(book: Book, accounts: int) -> bool:
    """Can so many be opened? If not, capacity.py lets the table grow."""
    return length_for_accounts(book, accounts) <= len(book.accounts)


@kernel
def length_for_accounts(book: Book, accounts: int) -> int:
    """How long the table must be for so many more accounts."""
    return ROWS_PER_ACCOUNT * (book.world[0].accounts + accounts)


@entry
def give_rows(accounts: Table, ids: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
    """Let rows[i] be the one that the account ids[i] has from now on in that table, which has room for all of them."""
    for i in range(len(ids)):
        rows[i] = row_for(accounts, ids[i])
        accounts[rows[i]].id = ids[i]


@kernel
def row_for(accounts: Table, id: int) -> int:
    """The row of the account with that id, or the free one that it would have. Row 0 is neither: it is NOBODY's."""
    row = home_row(accounts, id)
    while accounts[row].id != id and accounts[row].id != 0:
        row = (row + 1) & (len(accounts) - 1)
    return row


@kernel
def home_row(accounts: Table, id: int) -> int:
    """The row in which the account belongs: the highest bits of a product's lowest 64, which are the same whether it
    wraps or not, with the owner in the lower bits of what is multiplied."""
    spread = ((id >> 16) | (id << 48)) * _GOLDEN_RATIO >> 32 & 0xFFFFFFFF
    return spread * len(accounts) >> 32
