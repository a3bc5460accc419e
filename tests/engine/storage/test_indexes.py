"""Both kinds of index against a dict, with keys that collide on purpose."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from engine.model.tables import HIGHEST_NUMBER, Book, make_array, make_book
from engine.storage import compact_index as compact
from engine.storage import hash_index as index
from engine.storage.compact_index import find_open
from engine.storage.hash_index import find, insert, rehash, seat_key
from tests.harness.kernels import for_python

holding_key, remove, slot_of = map(for_python, (index.holding_key, index.remove, index.slot_of))
mark_of, forget, likely_row = map(for_python, (compact.mark_of, compact.remove, compact.likely_row))
first_match, next_match, row_in = map(for_python, (compact.first_match, compact.next_match, compact.row_in))
sweep, store_row, store_sweeping = map(for_python, (compact.sweep, compact.store, compact.store_sweeping))

SLOTS = 64
LINES = SLOTS // 8


def make_index(slots: int = SLOTS) -> Any:
    return make_array("request_index", slots)


def colliding(count: int, slots: int = SLOTS) -> list[int]:
    """Keys whose search starts at one of the last two slots, so that runs wrap around the end of the table."""
    return [key for key in range(200_000) if slot_of(key, slots - 1) >= slots - 2][:count]


PATTERNS = {
    "in sequence": list(range(1, 400)),
    "far apart": [n << 20 for n in range(1, 400)],
    "multiples of the table": [n * SLOTS for n in range(1, 400)],
    "colliding": colliding(400),
    "seats": [seat_key(player, match) for player in range(1, 40) for match in range(1, 11)],
    "holdings": [holding_key(seat, instrument) for seat in range(1, 40) for instrument in range(1, 11)],
    "negative hashes": [-(n * 0x9E3779B97F4A7C15 % (1 << 62)) for n in range(1, 400)],
    "zero and the largest": [0, (1 << 63) - 1, -(1 << 63), *range(5, 100)],
}


@pytest.mark.parametrize("keys", PATTERNS.values(), ids=PATTERNS.keys())
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.compiled
def test_the_index_is_a_dict(keys: list[int], seed: int) -> None:
    """Insert, remove and find at random, at most half full; after each step all keys are found or not."""
    expected: dict[int, int] = {}
    index, draw = make_index(), random.Random(seed)
    for _ in range(400):
        key, row = draw.choice(keys), draw.choice((draw.randint(1, 1 << 31), -draw.randint(1, 1 << 31)))
        if key in expected:
            remove(index, key)
            del expected[key]
        elif len(expected) < SLOTS // 2:
            insert(index, key, row)
            expected[key] = row
        for known in draw.sample(keys, 20):
            assert find(index, known) == expected.get(known, 0)
        assert np.count_nonzero(np.asarray(index)["row"]) == len(expected)
    for key, row in expected.items():
        assert find(index, key) == row


def test_removing_from_a_run_that_wraps_leaves_the_others_found() -> None:
    keys = colliding(30)
    for removed in keys:
        index = make_index()
        for row, key in enumerate(keys, 1):
            insert(index, key, row)
        remove(index, removed)
        assert [find(index, key) for key in keys] == [0 if key == removed else row for row, key in enumerate(keys, 1)]


def test_a_larger_table_knows_the_same() -> None:
    small, large = make_index(64), make_index(256)
    for key in range(1, 33):
        insert(small, key * 7, -key)
    rehash(small, large)
    assert [find(large, key * 7) for key in range(1, 34)] == [*(-key for key in range(1, 33)), 0]


def test_ids_in_sequence_stay_close_to_where_their_search_starts() -> None:
    """What is opened together is found together: no pile of old survivors lengthens the search for new ids."""
    index, slots = make_index(4096), 4096
    for id in range(1, 20_000):
        insert(index, id, 1)
        if id > 1_500 and id % 10:
            remove(index, id - 1_500 if (id - 1_500) % 10 else id)
        if np.count_nonzero(np.asarray(index)["row"]) >= slots // 2:
            break
    taken = np.asarray(index)
    distance = [(slot - slot_of(int(taken["key"][slot]), slots - 1)) % slots for slot in np.flatnonzero(taken["row"])]
    assert sum(distance) / len(distance) < 8


def test_keys_of_seats_and_holdings_are_unique() -> None:
    most = (1 << 31) - 1
    assert len({seat_key(p, m) for p in (1, 2, most) for m in (1, 2, most)}) == 9
    assert len({holding_key(s, i) for s in (1, 2, most) for i in (1, 2, 1 << 19)}) == 9


# Compact ones


class Opened:
    """Positions and orders that are nothing but their ids."""

    def __init__(self, slots: int) -> None:
        sizes = {"id_index": slots, "positions": 512, "orders": 512}
        self.book: Book = make_book().with_arrays(**{name: make_array(name, rows) for name, rows in sizes.items()})
        self.free = [*range(1, 512), *range(-511, 0)]

    def open(self, id: int, row: int) -> None:
        table = self.book.positions if row > 0 else self.book.orders
        table[abs(row)]["id"] = id
        store_row(self.book.id_index, id, row)


def of_one_mark(count: int) -> list[int]:
    """Keys that differ in nothing that a slot keeps: the hash is computed backwards from numbers that do not."""
    keys: list[int] = []
    inverse, low = pow(0x9E3779B97F4A7C15, -1, 1 << 64), 0
    while len(keys) < count:
        low += 1
        mixed = (12_345 << 36 | low) * inverse % (1 << 64)
        if mixed < 1 << 61:
            number = mixed ^ mixed >> 29 ^ mixed >> 58
            keys.append(number << 2 | 3)
    return keys


ONE_MARK = of_one_mark(400)

MARKED = {name: keys for name, keys in PATTERNS.items() if name not in ("seats", "holdings", "colliding")} | {
    "colliding": [key for key in range(20_000) if mark_of(key) // 4 % LINES == LINES - 1][:400],
    "of one mark": ONE_MARK,
}


@pytest.mark.parametrize("keys", MARKED.values(), ids=MARKED.keys())
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.compiled
def test_the_compact_index_is_a_dict(keys: list[int], seed: int) -> None:
    expected: dict[int, int] = {}
    opened, draw = Opened(SLOTS), random.Random(seed)
    draw.shuffle(opened.free)
    for _ in range(400):
        key = draw.choice(keys)
        if key in expected:
            forget(opened.book.id_index, key, expected[key])
            opened.free.append(expected.pop(key))
        elif len(expected) < SLOTS // 2:
            expected[key] = opened.free.pop(0)
            opened.open(key, expected[key])
        for known in draw.sample(keys, 20):
            assert find_open(opened.book, known) == expected.get(known, 0)
        assert np.count_nonzero(opened.book.id_index) == len(expected)


def test_the_keys_that_are_meant_to_have_one_mark_have() -> None:
    assert len({mark_of(key) for key in ONE_MARK}) == 1


def test_a_likely_row_may_be_another_of_the_same_mark() -> None:
    opened = Opened(SLOTS)
    opened.open(ONE_MARK[0], 1)
    assert likely_row(opened.book.id_index, ONE_MARK[1]) == 1
    assert find_open(opened.book, ONE_MARK[1]) == 0


def test_a_larger_compact_index_knows_the_same() -> None:
    opened = Opened(SLOTS)
    for row, key in enumerate(ONE_MARK[:16] + PATTERNS["far apart"][:16], 1):
        opened.open(key, -row)
    larger = opened.book.with_arrays(id_index=make_array("id_index", 4 * SLOTS))
    compact.rehash(opened.book.id_index, larger.id_index)
    assert [find_open(larger, key) for key in ONE_MARK[:16]] == [-row for row in range(1, 17)]
    assert [find_open(larger, key) for key in PATTERNS["far apart"][:17]] == [*range(-17, -33, -1), 0]


@pytest.mark.parametrize("colliding", [False, True])
@pytest.mark.parametrize("often", [0, 0.3, 1])
def test_sweeping_a_compact_index_drops_the_numbers_outside(colliding: bool, often: float) -> None:
    """Of a few hundred transfers in sequence, each with a key, and rows of holds, which stay."""
    draw, most = random.Random(1), HIGHEST_NUMBER
    keys = draw.sample(MARKED["colliding"] if colliding else range(1 << 40), 200)
    slots = make_array("id_index", SLOTS)
    numbers = [most - 9 + n if n < 10 else n - 9 for n in range(190)]  # in sequence, but for 0, which is none
    held = {keys.pop(): -row for row in range(1, 9)}
    for key, row in held.items():
        store_row(slots, key, row)
    line, known, words = 0, {}, len(held)
    for number, key in zip(numbers, keys, strict=False):
        known[key] = number
        first = list(known.values())[-min(len(known), 20)]
        words += store_sweeping(slots, key, number, first, 21)
        if draw.random() < often:
            line = (line + 1) % LINES
            words -= sweep(slots, line, first, 21)
        assert words == np.count_nonzero(slots)
        found = {word & 0xFFFFFFFF for word in slots.tolist()}
        still = dict(list(known.items())[-20:])
        assert found >= {*still.values(), *(row & 0xFFFFFFFF for row in held.values())}
        assert words <= len(held) + 20 + 3 * LINES
        for each, row in (still | held).items():
            assert row in rows_under(slots, each)
    assert len(known) > 150


def rows_under(slots: Any, key: int) -> set[int]:
    """All rows that a search for the key comes by."""
    mark, rows = mark_of(key), set()
    slot = first_match(slots, mark)
    while row := row_in(slots, slot):
        rows.add(row)
        slot = next_match(slots, mark, slot)
    return rows
