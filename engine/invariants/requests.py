"""Idempotency keys."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import index_problems, live_rows, report, walk
from engine.model.state import State
from engine.model.tables import REQUESTS

KEPT, KEPT_AS_ORDER, KEPT_AS_RELEASE = range(3)
"""REQUEST.kept_as."""


def request_lists_are_ordered(state: State) -> list[str]:
    """All requests form a linked list from the oldest, the releases of each player another; the index finds each by
    key, and of the others a player has as many as are counted."""
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

    kept_as = requests["kept_as"][rows]
    if not np.isin(kept_as, (KEPT, KEPT_AS_ORDER, KEPT_AS_RELEASE)).all():
        found.append("a request is kept as nothing that there is")
    releasing = kept_as == KEPT_AS_RELEASE
    players = len(book.players)
    counted = np.bincount(requests["player"][rows[~releasing]], minlength=players)
    found += report(counted != book.players["requests"], "requests of player {} are miscounted", np.arange(players))

    order = {row: place for place, row in enumerate(chain)}
    following, seen = requests["next_release"].tolist(), 0
    for player in np.flatnonzero(book.players["releases"]):
        own = walk(int(book.players["oldest_release"][player]), following)
        seen += len(own)
        places = [order.get(row, -1) for row in own]
        if len(own) != book.players["releases"][player] or own[-1] != book.players["newest_release"][player]:
            found.append(f"releases of player {player} are miscounted")
        if places != sorted(places) or (requests["player"][own] != player).any():
            found.append(f"releases of player {player} are out of order")
    releases = int(np.count_nonzero(releasing))
    return found + ([f"players have {seen} of {releases} releases"] if seen != releases else [])
