"""Triggers against brute force: what a price fires is what a scan of all rows finds, whatever came and went before."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.invariants.triggers import (
    bucket_extents_match_pages,
    page_bounds_enclose_their_rows,
    page_counts_match_rows,
)
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.state import State
from engine.model.tables import BOUNDS_STEP, ORDERS, PAGE_ROWS, TRIGGER_ORDER, Book, make_book
from engine.storage import sorting
from engine.storage.capacity import ensure_capacity
from engine.trading import quotes as market
from engine.trading import triggers
from tests.harness.kernels import for_python

add_trigger, remove_trigger = for_python(triggers.add_trigger), for_python(triggers.remove_trigger)
next_crossed_block, rearm = for_python(triggers.next_crossed_block), for_python(triggers.rearm)
collect_triggers, sort = for_python(market.collect_triggers), for_python(sorting.sort)

LANES = (2, 3, 4)


class Waiting:
    """A book whose triggers belong to orders that exist only as ids, and the same in a dict."""

    def __init__(self, seed: int, rows: int) -> None:
        self.state, self.draw = State(make_book()), random.Random(seed)
        self.state.book.world[0]["instruments"] = 3
        self.state.book.heads[ORDERS]["used"] = rows + 1
        ensure_capacity(self.state, 4 * rows)
        self.book = self.state.book
        self.free_owners = list(range(1, rows + 1))
        self.rows: dict[int, tuple[int, int, int, int]] = {}  # owner -> row, lane, low, high
        for owner in self.free_owners:
            self.book.orders[owner]["id"] = 1_000 + owner
            self.book.orders[owner]["side"] = 1

    def bounds(self) -> tuple[int, int]:
        low = self.draw.choice((NEVER_LOW, self.draw.randint(1, 500)))
        high = self.draw.choice((NEVER_HIGH, self.draw.randint(501, 1_000)))
        return low, high

    def add(self) -> None:
        owner = self.free_owners.pop(self.draw.randrange(len(self.free_owners)))
        lane, (low, high) = self.draw.choice(LANES), self.bounds()
        self.rows[owner] = int(add_trigger(self.book, lane, low, high, owner, TRIGGER_ORDER)), lane, low, high

    def move(self) -> None:
        owner = self.draw.choice(list(self.rows))
        row, lane, *_ = self.rows[owner]
        low, high = self.bounds()
        rearm(self.book, row, low, high)
        self.rows[owner] = row, lane, low, high

    def remove(self, owner: int = 0) -> None:
        owner = owner or self.draw.choice(list(self.rows))
        remove_trigger(self.book, self.rows.pop(owner)[0])
        self.free_owners.append(owner)

    def fires(self, lane: int, price: int) -> list[int]:
        """Ids of what the engine collects, sorted; as in a turn, what fires is gone afterwards."""

        progress = self.book.progress[0]
        collect_triggers(self.book, lane, price)
        sort(self.book.fired, self.book.fired_scratch, int(progress["fired"]))
        keys = np.asarray(self.book.fired)[: int(progress["fired"])].tolist()
        progress["fired"] = 0
        assert keys == sorted(keys)
        ids = [key & ((1 << 56) - 1) for key in keys]
        for id in ids:
            self.remove(id - 1_000)
        return ids

    def brute_force(self, lane: int, price: int) -> list[int]:
        return sorted(1_000 + owner for owner, (_, where, low, high) in self.rows.items()
                      if where == lane and (price <= low or price >= high))  # fmt: skip

    def sound(self) -> None:
        plain = State(Book(**{name: np.asarray(array) for name, array in self.book.arrays.items()}))
        checks = (page_bounds_enclose_their_rows, bucket_extents_match_pages, page_counts_match_rows)
        assert [problem for check in checks for problem in check(plain)] == []


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.compiled
def test_a_price_fires_what_a_scan_of_all_rows_finds(seed: int) -> None:
    waiting = Waiting(seed, rows=1_500)
    for phase in range(6):
        grows = phase % 2 == 0
        for _ in range(900):
            roll = waiting.draw.random()
            if waiting.free_owners and roll < (0.75 if grows else 0.2):
                waiting.add()
            elif waiting.rows and roll < 0.85:
                waiting.remove()
            elif waiting.rows:
                waiting.move()
        waiting.sound()
        for _ in range(20):
            lane, price = (
                waiting.draw.choice(LANES),
                waiting.draw.choice((1, 50, 450, 490, 499, 500, 501, 502, 520, 600, 990, 1_000, 1_001)),
            )
            expected = waiting.brute_force(lane, price)
            assert waiting.fires(lane, price) == expected
            waiting.sound()
            for _ in range(20):
                waiting.add()


@pytest.mark.compiled
def test_a_lane_of_more_pages_than_its_extent_moves_and_loses_nothing() -> None:
    waiting = Waiting(7, rows=(BOUNDS_STEP + 2) * PAGE_ROWS)
    for owner in list(waiting.free_owners):
        row = add_trigger(waiting.book, 2, owner, NEVER_HIGH, owner, TRIGGER_ORDER)
        waiting.rows[owner] = (
            int(row),
            2,
            owner,
            NEVER_HIGH,
        )
    waiting.free_owners = []
    waiting.sound()
    assert waiting.book.buckets[2]["bounds_capacity"] == 2 * BOUNDS_STEP
    last = (BOUNDS_STEP + 2) * PAGE_ROWS
    assert waiting.fires(2, last + 1) == []
    assert waiting.fires(2, last) == [1_000 + last]
    for _ in range(last - 300):
        waiting.remove()
    waiting.sound()
    expected = waiting.brute_force(2, 2_000)
    assert waiting.fires(2, 2_000) == expected
    waiting.sound()
    assert len(waiting.fires(2, 1)) == 299 - len(expected)


def test_bounds_that_a_removal_left_loose_are_tightened_by_the_next_look() -> None:
    waiting = Waiting(8, rows=3)
    far, near = (
        int(add_trigger(waiting.book, 2, low, NEVER_HIGH, owner, TRIGGER_ORDER)) for owner, low in ((1, 100), (2, 200))
    )
    assert far // PAGE_ROWS == near // PAGE_ROWS
    remove_trigger(waiting.book, near)
    assert next_crossed_block(waiting.book, 2, 0, 150) == 0
    collect_triggers(waiting.book, 2, 150)
    assert waiting.book.progress[0]["fired"] == 0
    assert next_crossed_block(waiting.book, 2, 0, 150) == -1
    assert next_crossed_block(waiting.book, 2, 0, 100) == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 64, 100, 1_000, 1_023])
def test_what_fired_is_sorted(count: int) -> None:
    book, draw = make_book(), random.Random(count)
    for keys in ([draw.randrange(1 << 60) for _ in range(count)], [draw.randrange(5) for _ in range(count)],
                 list(range(count)), list(range(count, 0, -1))):  # fmt: skip
        for place, key in enumerate(keys):
            book.fired[place] = key
        book.progress[0]["fired"] = count
        sort(book.fired, book.fired_scratch, count)
        assert np.asarray(book.fired)[:count].tolist() == sorted(keys)
