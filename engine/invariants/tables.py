"""Free lists, cold objects, and the index of ids."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import FREE_LISTS, compact_index_problems, fixed_trades_of, free_rows, live_rows
from engine.model.state import State
from engine.model.tables import ORDERS, POSITIONS


def free_lists_are_consistent(state: State) -> list[str]:
    """A free list has exactly the used rows that are not live, each once; a free row has no id."""
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


def cold_ids_match_counters(state: State) -> list[str]:
    """Cold objects have the ids 1 to the world's counter."""
    world, cold = state.book.world[0], state.cold
    return [
        f"{name}: {sorted(objects)} are not 1 to {world[name]}"
        for name in ("instruments", "games", "matches", "players", "seasons")
        if sorted(objects := getattr(cold, name)) != list(range(1, int(world[name]) + 1))
    ]


def id_index_matches_rows(state: State) -> list[str]:
    """id_index has exactly the open positions and resting orders; ids are unique and below next_id."""
    book = state.book
    positions, orders = live_rows(book, POSITIONS), live_rows(book, ORDERS)
    ids = np.concatenate([book.positions["id"][positions], book.orders["id"][orders]])
    rows = np.concatenate([positions, -orders])
    found = compact_index_problems(book.id_index, ids, rows)
    ids = np.concatenate([ids, fixed_trades_of(book)["id"]])
    if len(np.unique(ids)) != len(ids):
        found.append("an id is used twice")
    if ids.size and (ids.min() < 1 or ids.max() >= book.world["next_id"][0]):
        found.append("an id was never assigned")
    return found
