"""Hash of the whole state: two arenas that applied the same log have the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from engine.model.state import State, encode_cold_state, sections


def state_hash(state: State) -> bytes:
    """BLAKE2b-128 of every table's name, length and bytes and of the cold things. Costs about 1 ms a megabyte."""
    return sections_hash(sections(state), encode_cold_state(state.cold))


def sections_hash(tables: Mapping[str, NDArray[Any]], cold: bytes) -> bytes:
    """`state_hash` of the state that has these tables, whatever their columns are, and these encoded cold things."""
    digest = hashlib.blake2b(digest_size=16)
    for name, array in tables.items():
        digest.update(f"{name} {len(array)} ".encode())
        digest.update(array.view("u1").data)
    digest.update(cold)
    return digest.digest()
