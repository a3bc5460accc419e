"""Idempotency keys."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import index_problems, live_rows, walk
from engine.model.state import State
from engine.model.tables import REQUESTS


def request_lists_are_ordered(state: State) -> list[str]:
    """All requests form a linked list from the oldest, those of each player another; the index finds each by key."""
    book = state.book
    world, requests = book.world[0], book.requests
    rows = live_rows(book, REQUESTS)
    found = index_problems(book.request_index, requests["key_low"][rows], rows)

    chain = walk(int(world["requests_oldest"]), requests["newer"].tolist())
    if sorted(chain) != rows.tolist() or (requests["older"][chain] != [0, *chain[:-1]][: len(chain)]).any():
        found.append("the chain of requests is broken")
    if world["requests_newest"] != (chain[-1] if chain else 0):
        found.append("the newest request is not the last of the chain")
    if (np.diff(requests["accepted_at_ns"][chain]) < 0).any():
        found.append("requests are not in order of acceptance")

    order = {row: place for place, row in enumerate(chain)}
    following, seen = requests["next_of_player"].tolist(), 0
    for player in np.flatnonzero(book.players["requests"]):
        own = walk(int(book.players["request_oldest"][player]), following)
        seen += len(own)
        places = [order.get(row, -1) for row in own]
        if len(own) != book.players["requests"][player] or own[-1] != book.players["request_newest"][player]:
            found.append(f"requests of player {player} are miscounted")
        if places != sorted(places) or (requests["player"][own] != player).any():
            found.append(f"requests of player {player} are out of order")
    return found + ([f"players have {seen} of {len(rows)} requests"] if seen != len(rows) else [])
