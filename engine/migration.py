"""A state of an older rules version as a state of this one: what `arena upgrade` makes of the last snapshot.

Columns that both versions have are copied by name, new columns and tables begin as in an empty arena, and what is no
longer there is left out. What is not done by that is done by STEPS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.invariants.rows import live_rows
from engine.model.bounds import KEYS_IN_ALL, KEYS_PER_PLAYER
from engine.model.state import State, sections, state_from
from engine.model.tables import WAITING
from engine.storage.compact_index import find_open
from engine.storage.idempotency import KEPT_AS_ORDER
from engine.trading.instruments import count_paused


def _from_version_1(state: State) -> None:
    """Version 1 kept a player's last 4,096 keys of whatever kind: so are they still, for a day, and those about what is
    open for as long as that is. It resumed a paused match with a quote of any instrument, and did not count what waits
    for the quotes of one."""
    book = state.book
    book.world[0]["keys_per_player"] = KEYS_PER_PLAYER
    book.world[0]["keys_in_all"] = KEYS_IN_ALL
    for match_id in np.flatnonzero(np.asarray(book.matches)["paused_since_ns"]).tolist():
        if book.matches[match_id]["restricted"]:
            book.world[0]["paused"] -= 1
            count_paused(book, match_id, 1)
    for row in np.flatnonzero(np.asarray(book.requests)["accepted_at_ns"]).tolist():
        if find_open(book, int(book.requests[row]["outcome"]["id"])):
            book.requests[row]["kept_as"] = KEPT_AS_ORDER
    waiting = np.asarray(book.waiting)[live_rows(book, WAITING)]
    book.quotes["waiting"] = np.bincount(waiting["instrument"], minlength=len(book.quotes))


STEPS: Final[dict[int, Callable[[State], None]]] = {1: _from_version_1}
"""By rules version: what turns a state of it into one of the next version, after the columns were copied. A version
whose columns are all there is to copy has none."""


def migrated(tables: Mapping[str, NDArray[Any]], cold: bytes, from_version: int, to_version: int) -> State:
    """The state whose tables and cold things, as on disk, were those of rules version `from_version`.

    Raises TypeError for a column that cannot hold what it held, and msgspec.MsgspecError for cold things that cannot be
    decoded.
    """
    fresh = {name: np.asarray(array) for name, array in sections(State()).items()}
    state = state_from(
        {name: _converted(tables[name], array) if name in tables else array for name, array in fresh.items()},
        cold,
    )
    for version in range(from_version, to_version):
        STEPS.get(version, _nothing)(state)
    return state


def _nothing(state: State) -> None:
    """The step of a version whose columns are all that there is to copy."""


def _converted(old: NDArray[Any], fresh: NDArray[Any]) -> NDArray[Any]:
    """The rows with the columns of `fresh`, by name; as many as `fresh` has, at least."""
    new = np.zeros(max(len(old), len(fresh)), fresh.dtype)
    new[len(old) :] = fresh[len(old) :]
    _copy(old, new[: len(old)])
    return new


def _copy(old: NDArray[Any], new: NDArray[Any]) -> None:
    if new.dtype.names is None or old.dtype.names is None:
        np.copyto(new, old, casting="same_kind")
        if (new != old).any():
            raise TypeError(f"a column of {new.dtype} cannot hold what one of {old.dtype} held")
        return
    for column in new.dtype.names:
        if column in old.dtype.names:
            _copy(old[column], new[column])
