"""Compact indexes: id -> row in a word a slot, for the tables that outgrow the caches. They are searched as those of
index.py are: open addressing with linear probing, never more than half full.

A slot keeps the row and the key's mark, which several keys may share: whoever looks goes from one row to the
next until there is the one that has the id itself. Eight neighbours are one cache line.
"""

from __future__ import annotations

from engine.kernels import entry, kernel
from engine.kernels.index import mark_of
from engine.kernels.processor import prefetch


@kernel
def first_match(index, mark):
    """The slot of the first row whose key has that mark, or an empty one."""
    return _match(index, mark, mark & (len(index) - 1))


@kernel
def next_match(index, mark, slot):
    """The slot of the next one after `slot`, or an empty one."""
    return _match(index, mark, (slot + 1) & (len(index) - 1))


@kernel
def row_in(index, slot):
    """The row in the slot, which may be negative; 0 when it is empty."""
    return ((index[slot] & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


@kernel
def likely_row(index, key):
    """The row that the key leads to, unless two keys have one mark; 0 when there is none."""
    return row_in(index, first_match(index, mark_of(key)))


@entry
def insert(index, key, row):
    """Store `row` under `key`; other rows may be stored under it, too."""
    mark = mark_of(key)
    _put(index, mark, _word(mark, row))


@kernel
def remove(index, key, row):
    """Forget `row`, which must be stored under `key`. Entries behind it move up, so searches need no tombstones."""
    mask = len(index) - 1
    mark = mark_of(key)
    word = _word(mark, row)
    hole = mark & mask
    while index[hole] != word:
        hole = (hole + 1) & mask
    slot = hole
    while True:
        slot = (slot + 1) & mask
        word = index[slot]
        if word == 0:
            break
        home = (word >> 32) & mask
        if ((slot - home) & mask) >= ((slot - hole) & mask):
            index[hole] = word
            hole = slot
    index[hole] = 0


@kernel
def prefetch_slots(index, key):
    """Ask for the line in which the search for `key` starts, and for the next one if that is two slots away: to ask
    twice for one line costs less than to find out."""
    slot = mark_of(key) & (len(index) - 1)
    prefetch(index, slot)
    prefetch(index, (slot + 2) & (len(index) - 1))


@entry
def rehash(old, new):
    """Fill the empty index `new` with the entries of `old`."""
    for slot in range(len(old)):
        if old[slot] != 0:
            _put(new, old[slot] >> 32, old[slot])


# The one of open positions and resting orders


@entry
def find_open(book, id):
    """The row of the open position with that id, or - the row of the order; 0 when there is neither."""
    mark = mark_of(id)
    slot = first_match(book.id_index, mark)
    while True:
        row = row_in(book.id_index, slot)
        if row == 0 or (row > 0 and book.positions[row].id == id) or (row < 0 and book.orders[-row].id == id):
            return row
        slot = next_match(book.id_index, mark, slot)


@kernel
def _match(index, mark, slot):
    mask = len(index) - 1
    while index[slot] != 0 and index[slot] >> 32 != mark:
        slot = (slot + 1) & mask
    return slot


@kernel
def _word(mark, row):
    return (mark << 32) | (row & 0xFFFFFFFF)


@kernel
def _put(index, mark, word):
    mask = len(index) - 1
    slot = mark & mask
    while index[slot] != 0:
        slot = (slot + 1) & mask
    index[slot] = word
