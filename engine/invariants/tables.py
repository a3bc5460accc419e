"""Rows and ids: what is free is free, and what is named is there."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import FREE_LISTS, compact_index_problems, fixed_trades_of, free_rows, live_rows
from engine.model.state import State
from engine.model.tables import ORDERS, POSITIONS


def free_rows_are_free(state: State) -> list[str]:
    """A free list holds each row that was taken and released once, and no other; nothing free still has an id."""
    book = state.book
    found = []
    for head, name in FREE_LISTS.items():
        table, counts, free = getattr(book, name), book.heads[head], free_rows(book, head)
        if len(set(free)) != len(free) or any(not 0 < row < counts["used"] for row in free):
            found.append(f"the free list of {name} is broken")
        if len(free) + counts["live"] != counts["used"] - 1:
            found.append(f"{name}: {len(free)} free and {counts['live']} live are not {counts['used'] - 1} used rows")
        if "id" in table.dtype.names and name != "timers" and table["id"][free].any():
            found.append(f"a free row of {name} has an id")
    return found


def things_are_named(state: State) -> list[str]:
    """Cold things stand beside the rows that the world counts, under the same ids, from 1."""
    world, cold = state.book.world[0], state.cold
    return [
        f"{name}: {sorted(things)} are not 1 to {world[name]}"
        for name in ("instruments", "games", "matches", "players", "seasons")
        if sorted(things := getattr(cold, name)) != list(range(1, int(world[name]) + 1))
    ]


def ids_lead_to_rows_and_back(state: State) -> list[str]:
    """id_index knows every open position and resting order, and nothing else; ids are unique and were handed out."""
    book = state.book
    positions, orders = live_rows(book, POSITIONS), live_rows(book, ORDERS)
    ids = np.concatenate([book.positions["id"][positions], book.orders["id"][orders]])
    rows = np.concatenate([positions, -orders])
    found = compact_index_problems(book.id_index, ids, rows)
    ids = np.concatenate([ids, fixed_trades_of(book)["id"]])
    if len(np.unique(ids)) != len(ids):
        found.append("an id is used twice")
    if ids.size and (ids.min() < 1 or ids.max() >= book.world["next_id"][0]):
        found.append("an id was never handed out")
    return found
