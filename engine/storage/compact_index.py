"""Compact indexes: id -> row in a word a slot, for the tables that outgrow the caches. Never more than half full,
but for words of transfers that are yet to be swept.

A word keeps the row and the key's mark, which several keys may share: whoever looks goes from one row to the next
until there is the one that has the id itself. The mark says in which line of eight slots, a cache line, the key
belongs; there it may stand anywhere, for the processor compares all eight at once. It stands in a later line only if
all before that one were full, so a search ends at the first line that is not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.jit import entry, kernel, rare_kernel
from engine.jit.intrinsics import (
    SLOTS_PER_LINE,
    clear_out_of_range,
    popcount,
    slots_equal,
    slots_out_of_range,
    slots_with_mark,
    trailing_zeros,
)
from engine.model.tables import Book
from engine.storage.hash_index import mixed

IN_EVERY_MARK: Final = 1 << 30
"""So that no mark is that of an empty slot."""


@kernel
def mark_of(key: int) -> int:
    """31 bits for the key. Ids are handed out in sequence: four neighbours belong in one line, so what was opened
    together is found together. Of eight, another eight would too often leave no place."""
    return IN_EVERY_MARK | (mixed(key >> 2) << 2) | (key & 3)


@kernel
def first_match(index: NDArray[np.int64], mark: int) -> int:
    """The slot of the first row whose key has that mark, or an empty one."""
    return _match(index, mark, _home_of(index, mark), 0)


@kernel
def next_match(index: NDArray[np.int64], mark: int, slot: int) -> int:
    """The slot of the next one after `slot`, or an empty one."""
    return _match(index, mark, slot // SLOTS_PER_LINE, slot % SLOTS_PER_LINE + 1)


@kernel
def row_in(index: NDArray[np.int64], slot: int) -> int:
    """The row in the slot, which may be negative; 0 when it is empty."""
    return ((index[slot] & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


@kernel
def likely_row(index: NDArray[np.int64], key: int) -> int:
    """The row that the key leads to, unless two keys have one mark; 0 when there is none."""
    return row_in(index, first_match(index, mark_of(key)))


@kernel
def store(index: NDArray[np.int64], key: int, row: int) -> None:
    """Store `row` under `key`; other rows may be stored under it, too."""
    mark = mark_of(key)
    _put(index, mark, _word(mark, row))


@kernel
def remove(index: NDArray[np.int64], key: int, row: int) -> None:
    """Forget `row`, which must be stored under `key`."""
    mark = mark_of(key)
    line = _home_of(index, mark)
    found = slots_equal(index, line, _word(mark, row))
    while found == 0:
        line = _next_line(index, line)
        found = slots_equal(index, line, _word(mark, row))
    was_full = slots_equal(index, line, 0) == 0
    index[line * SLOTS_PER_LINE + trailing_zeros(found)] = 0
    if was_full:
        _fill_up(index, line)


@kernel
def store_sweeping(index: NDArray[np.int64], key: int, row: int, first: int, count: int) -> int:
    """The same, and drop from the line what `sweep` would; how many words more there are. A line that was full stays
    so: what stands behind it for want of a place goes on being found."""
    mark = mark_of(key)
    line = _home_of(index, mark)
    while True:
        empty = slots_equal(index, line, 0)
        if empty != 0:
            old = clear_out_of_range(index, line, first, count)
            index[line * SLOTS_PER_LINE + trailing_zeros(empty | old)] = _word(mark, row)
            return 1 - popcount(old)
        old = slots_out_of_range(index, line, first, count)
        if old != 0:
            index[line * SLOTS_PER_LINE + trailing_zeros(old)] = _word(mark, row)
            return 0
        line = _next_line(index, line)


@rare_kernel
def sweep(index: NDArray[np.int64], line: int, first: int, count: int) -> int:
    """Empty the slots of that line whose numbers are positive and not of the `count` from `first` on, of which 31 bits
    are looked at; how many there were."""
    was_full = slots_equal(index, line, 0) == 0
    old = clear_out_of_range(index, line, first, count)
    dropped = popcount(old)
    while was_full and old != 0:
        while slots_equal(index, line, 0) != 0 and _fill_up(index, line):
            pass
        old = clear_out_of_range(index, line, first, count)
        dropped += popcount(old)
    return dropped


@kernel
def home_line(index: NDArray[np.int64], key: int) -> int:
    """The line in which the search for `key` starts."""
    return _home_of(index, mark_of(key))


@kernel
def overflow_line(index: NDArray[np.int64], key: int) -> int:
    """The line behind the one that the key is found in, where that one is full: something may stand there for want of
    a place, and who removes the key will look. -1 where it is not."""
    line = first_match(index, mark_of(key)) // SLOTS_PER_LINE
    return _next_line(index, line) if slots_equal(index, line, 0) == 0 else -1


@entry
def rehash(old: NDArray[np.int64], new: NDArray[np.int64]) -> None:
    """Fill the empty index `new` with the entries of `old`."""
    for slot in range(len(old)):
        if old[slot] != 0:
            _put(new, old[slot] >> 32, old[slot])


# The one of open positions and resting orders


@entry
def find_open(book: Book, id: int) -> int:
    """The row of the open position with that id, or - the row of the order; 0 when there is neither."""
    mark = mark_of(id)
    slot = first_match(book.id_index, mark)
    while True:
        row = row_in(book.id_index, slot)
        if row == 0 or (row > 0 and book.positions[row].id == id) or (row < 0 and book.orders[-row].id == id):
            return row
        slot = next_match(book.id_index, mark, slot)


@kernel
def _match(index: NDArray[np.int64], mark: int, line: int, first: int) -> int:
    """The first slot with that mark, from number `first` of the line on; or an empty one."""
    found = slots_with_mark(index, line, mark) >> first << first
    while found == 0:
        found = slots_equal(index, line, 0)
        if found == 0:
            line = _next_line(index, line)
            found = slots_with_mark(index, line, mark)
    return line * SLOTS_PER_LINE + trailing_zeros(found)


@kernel
def _home_of(index: NDArray[np.int64], mark: int) -> int:
    """The line in which a key with that mark belongs."""
    return (mark >> 2) & (len(index) // SLOTS_PER_LINE - 1)


@kernel
def _next_line(index: NDArray[np.int64], line: int) -> int:
    return (line + 1) & (len(index) // SLOTS_PER_LINE - 1)


@kernel
def _word(mark: int, row: int) -> int:
    return (mark << 32) | (row & 0xFFFFFFFF)


@kernel
def _put(index: NDArray[np.int64], mark: int, word: int) -> None:
    line = _home_of(index, mark)
    free = slots_equal(index, line, 0)
    while free == 0:
        line = _next_line(index, line)
        free = slots_equal(index, line, 0)
    index[line * SLOTS_PER_LINE + trailing_zeros(free)] = word


@rare_kernel
def _fill_up(index: NDArray[np.int64], line: int) -> bool:
    """The line was full and has an empty slot now: move there what stands behind it for want of one, if anything does,
    and go on where that leaves one. Was there anything?"""
    first = line
    hole = line
    while True:
        line = _next_line(index, line)
        is_full = slots_equal(index, line, 0) == 0
        for slot in range(line * SLOTS_PER_LINE, (line + 1) * SLOTS_PER_LINE):
            away = _distance(index, _home_of(index, index[slot] >> 32), line)
            if index[slot] != 0 and away >= _distance(index, hole, line):
                index[hole * SLOTS_PER_LINE + trailing_zeros(slots_equal(index, hole, 0))] = index[slot]
                index[slot] = 0
                hole = line
                break
        if not is_full:
            return hole != first


@kernel
def _distance(index: NDArray[np.int64], line: int, end: int) -> int:
    return (end - line) & (len(index) // SLOTS_PER_LINE - 1)
