"""What entries are called with: a parameter of one name is of one type in all of them, and an int64 unless it is here.

So entries can be compiled before anybody calls them, in any order and in several processes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from engine.model.commands import COMMAND, PLACE_ORDER
from engine.model.events import OUTCOME
from engine.model.layouts import Commands, Events
from engine.model.tables import ACCOUNT, INDEX, Book


def _row(dtype: np.dtype[Any]) -> np.void:
    row: np.void = np.zeros(1, dtype)[0]
    return row


_WORDS: Final = np.zeros(0, np.int64)
_INDEX: Final = np.zeros(0, INDEX)

PARAMETERS: Final[dict[str, Any]] = {
    "book": Book,
    "commands": Commands,
    "events": Events,
    "command": _row(COMMAND),
    "order_checks.check_order.command": _row(PLACE_ORDER),
    "outcome": _row(OUTCOME),
    "accounts": np.zeros(0, ACCOUNT),
    "index": _INDEX,
    "hash_index.rehash.new": _INDEX,
    "hash_index.rehash.old": _INDEX,
    **dict.fromkeys(
        ("equities", "ids", "matches", "new", "old", "paid", "players", "prizes", "referrers", "rows"), _WORDS
    ),
}
"""A bundle of arrays, or an example of a row or of an array, by the parameter's name, or by module, entry and name."""
