"""A state of an older rules version as a state of this one: what `arena upgrade` makes of the last snapshot.

Columns that both versions have are copied by name, new columns and tables begin as in an empty arena, and what is no
longer there is left out. What is not done by that is done by STEPS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.model.state import State, sections, state_from

STEPS: Final[dict[int, Callable[[State], None]]] = {}
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
