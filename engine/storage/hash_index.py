"""Id -> row: hash tables with open addressing and linear probing, never more than half full.

Ids are handed out in sequence, so eight neighbours share a block (two cache lines) and only the block's number is
hashed: what was opened together is found together, and old survivors still cannot pile up in front of new ids.
"""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel
from engine.model.tables import Table

_MULTIPLIER: Final = 0x9E3779B97F4A7C15 - (1 << 64)
"""Odd, of 64 bits: 2^64 over the golden ratio, as a signed number."""


@kernel
def mixed(number: int) -> int:
    """28 bits that depend on all of a number: of a product's lowest 64, which are the same whether it wraps or not."""
    return ((number ^ (number >> 29)) * _MULTIPLIER >> 36) & 0xFFFFFFF


@kernel
def slot_of(key: int, mask: int) -> int:
    """Where the search for `key` starts."""
    return ((mixed(key >> 3) << 3) | (key & 7)) & mask


@entry
def find(index: Table, key: int) -> int:
    """The row stored under `key`; 0 when there is none."""
    mask = len(index) - 1
    slot = slot_of(key, mask)
    while index[slot].row != 0:
        if index[slot].key == key:
            return index[slot].row
        slot = (slot + 1) & mask
    return 0


@entry
def insert(index: Table, key: int, row: int) -> None:
    """Store `row` under `key`, which must be absent."""
    mask = len(index) - 1
    slot = slot_of(key, mask)
    while index[slot].row != 0:
        slot = (slot + 1) & mask
    index[slot].key = key
    index[slot].row = row


@kernel
def remove(index: Table, key: int) -> None:
    """Forget `key`, which must be present. Entries behind it move up, so searches need no tombstones."""
    mask = len(index) - 1
    hole = slot_of(key, mask)
    while index[hole].key != key or index[hole].row == 0:
        hole = (hole + 1) & mask
    slot = hole
    while True:
        slot = (slot + 1) & mask
        if index[slot].row == 0:
            break
        home = slot_of(index[slot].key, mask)
        if ((slot - home) & mask) >= ((slot - hole) & mask):
            index[hole].key = index[slot].key
            index[hole].row = index[slot].row
            hole = slot
    index[hole].key = 0
    index[hole].row = 0


@entry
def rehash(old: Table, new: Table) -> None:
    """Fill the empty index `new` with the entries of `old`."""
    for slot in range(len(old)):
        if old[slot].row != 0:
            insert(new, old[slot].key, old[slot].row)


@entry
def seat_key(player: int, match: int) -> int:
    """The key of a seat in seat_index; players and matches both stay below 2^31."""
    return (player << 32) | match


@entry
def allowed_key(match: int, instrument: int) -> int:
    """The key of an instrument that a match allows in allowed_index."""
    return (match << 20) | instrument


@kernel
def holding_key(seat: int, instrument: int) -> int:
    """The key of a holding in holding_index, from the seat's row."""
    return (seat << 20) | instrument


@kernel
def exposure_key(instrument: int, direction: int, minute: int, asset: int) -> int:
    """The key of an exposure in exposure_index; instruments fit 15 bits, minutes since the epoch 28."""
    return (asset << 44) | (minute << 16) | (instrument << 1) | int(direction > 0)


@kernel
def transfer_key(id_low: int, id_high: int) -> int:
    """The key of a transfer in transfer_index: ids in sequence have keys in sequence. Others may have the same."""
    return id_low ^ id_high
