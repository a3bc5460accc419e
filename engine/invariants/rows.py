"""Helpers of the checks: rows in use, linked lists, sums by owner, comparison of indexes, reporting."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.model.commands import CreateGame
from engine.model.state import State
from engine.model.tables import (
    AMENDMENTS,
    BANDS,
    EXPOSURES,
    FIXED_TRADES,
    HOLDINGS,
    HOLDS,
    ORDER_RATES,
    ORDERS,
    PAGES,
    POSITION_LISTS,
    POSITIONS,
    REQUESTS,
    SEATS,
    TIMERS,
    WAITING,
    Book,
)

Rows = NDArray[np.int64]

PENDING = 2
"""HOLD.status: TransferStatus.PENDING."""

FREE_LISTS = {
    SEATS: "seats",
    HOLDINGS: "holdings",
    ORDERS: "orders",
    POSITIONS: "positions",
    PAGES: "pages",
    TIMERS: "timers",
    REQUESTS: "requests",
    WAITING: "waiting",
    BANDS: "bands",
    ORDER_RATES: "order_rates",
    POSITION_LISTS: "position_lists",
    FIXED_TRADES: "fixed_trades",
    EXPOSURES: "exposures",
    HOLDS: "holds",
    AMENDMENTS: "amendments",
}
"""Each table with a free list, by its head."""


def live_rows(book: Book, head: int) -> Rows:
    """The rows in use, ascending."""
    live = np.zeros(len(getattr(book, FREE_LISTS[head])), bool)
    live[1 : int(book.heads["used"][head])] = True
    live[free_rows(book, head)] = False
    return np.flatnonzero(live)


def free_rows(book: Book, head: int) -> list[int]:
    """The rows on the free list, last released first."""
    table: NDArray[Any] = getattr(book, FREE_LISTS[head])
    return walk(int(book.heads["free"][head]), table["next_free"].tolist())


def walk(row: int, following: list[int]) -> list[int]:
    """The rows of a linked list; a cyclic one is cut off when it is longer than its table."""
    rows: list[int] = []
    while row and len(rows) <= len(following):
        rows.append(row)
        row = following[row]
    return rows


def rows_up_to(table: NDArray[Any], last_id: int) -> NDArray[Any]:
    """Row 0 and the rows of ids 1 to `last_id`, of a table whose rows are ids."""
    return table[: int(last_id) + 1]


def orders_of(book: Book) -> NDArray[Any]:
    return book.orders[live_rows(book, ORDERS)]


def positions_of(book: Book) -> NDArray[Any]:
    return book.positions[live_rows(book, POSITIONS)]


def fixed_trades_of(book: Book) -> NDArray[Any]:
    return book.fixed_trades[live_rows(book, FIXED_TRADES)]


def seat_trades_of(book: Book) -> NDArray[Any]:
    """Fixed-time trades of seats, not of wallets."""
    trades = fixed_trades_of(book)
    of_seats: NDArray[Any] = trades[trades["asset"] == 0]
    return of_seats


def accounts_of(book: Book) -> NDArray[Any]:
    accounts = np.asarray(book.accounts)
    opened: NDArray[Any] = accounts[accounts["id"] > 0]
    return opened


def holds_of(book: Book) -> NDArray[Any]:
    return book.holds[live_rows(book, HOLDS)]


def rules_of_match(state: State, match: int) -> CreateGame:
    """The version of its game that the match was created with."""
    row = state.book.matches[match]
    return state.cold.games[int(row["game"])].version(int(row["game_version"]))


def sum_by(size: int, groups: NDArray[Any], amounts: NDArray[Any]) -> Rows:
    """The sum of amounts per group."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, groups, amounts)
    return sums


def count_by(size: int, groups: NDArray[Any]) -> Rows:
    return np.bincount(groups, minlength=size)


def report(wrong: NDArray[Any], sentence: str, names: Iterable[Any] | None = None) -> list[str]:
    """One sentence per true element of `wrong`, formatted with its index, or with its name if `names` is given."""
    places = np.flatnonzero(wrong)
    if not places.size:
        return []
    return [sentence.format(place) for place in (places if names is None else np.asarray(names)[places])]


def compact_index_problems(index: Rows, keys: NDArray[Any], rows: Rows, dropped: Rows | tuple[()] = ()) -> list[str]:
    """How the compact index differs from keys -> rows plus `dropped` (words not yet swept), or is over half full."""
    blocks = keys >> 2
    mixed = (blocks ^ (blocks >> 29)) * (0x9E3779B97F4A7C15 - (1 << 64)) >> 36 & 0xFFFFFFF
    marks = 1 << 30 | (mixed << 2) | (keys & 3)
    slots = np.flatnonzero(index)
    found = []
    if sorted(index[slots].tolist()) != sorted([*((marks << 32) | (rows & 0xFFFFFFFF)).tolist(), *dropped]):
        found.append(f"the index has {len(slots)} entries, not those of {len(rows)} rows")
    # A search ends at the first line with an empty slot: there must be none between a mark's home line and its line.
    has_empty = (index.reshape(-1, 8) == 0).any(axis=1)
    empty = np.cumsum(np.append(has_empty, has_empty)) - np.append(has_empty, has_empty)
    lines, homes = slots // 8, (index[slots] >> 34) & (len(index) // 8 - 1)
    if (empty[np.where(homes <= lines, lines, lines + len(has_empty))] != empty[homes]).any():
        found.append("an entry of the index cannot be found")
    if 2 * len(rows) > len(index):
        found.append("the index is more than half full")
    return found


def index_problems(index: NDArray[Any], keys: NDArray[Any], rows: Rows) -> list[str]:
    """How the index differs from keys -> rows, or is over half full."""
    entries = index[index["row"] != 0]
    held = dict(zip(entries["key"].tolist(), entries["row"].tolist(), strict=True))
    found = []
    if len(held) != len(entries) or held != dict(zip(keys.tolist(), rows.tolist(), strict=True)):
        found.append(f"the index has {len(entries)} entries, not those of {len(rows)} rows")
    if len(set(keys.tolist())) != len(keys):
        found.append("a key is used twice")
    if 2 * len(entries) > len(index):
        found.append("the index is more than half full")
    return found


def list_problems(
    what: str,
    owners: Rows,
    firsts: NDArray[Any],
    next_column: NDArray[Any],
    previous_column: NDArray[Any] | None,
    owner_column: NDArray[Any],
    live: Rows,
) -> list[str]:
    """Whether each owner's linked list has exactly its own rows, in both directions, and all live rows are in one."""
    first, following, owner = firsts.tolist(), next_column.tolist(), owner_column.tolist()
    previous = None if previous_column is None else previous_column.tolist()
    found, seen = [], []
    for owner_id in owners.tolist():
        chain = walk(first[owner_id], following)
        seen += chain
        if any(owner[row] != owner_id for row in chain):
            found.append(f"{what} {owner_id}: a row has another owner")
        if previous is not None and any(
            previous[row] != before for row, before in zip(chain, [0, *chain], strict=False)
        ):
            found.append(f"{what} {owner_id}: previous links do not match next links")
    return found + ([f"{what}: {len(seen)} listed, {len(live)} live"] if sorted(seen) != live.tolist() else [])
