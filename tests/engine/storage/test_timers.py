"""The timers against heapq."""

from __future__ import annotations

import heapq
import random

import pytest

from engine.model.tables import TIMERS, make_book
from engine.storage import timers
from engine.storage.timers import set_timer
from tests.harness.kernels import for_python

clear_timer, next_due = for_python(timers.clear_timer), for_python(timers.next_due)


@pytest.mark.parametrize("seed", range(1, 6))
def test_timers_are_a_heap_by_due_time_kind_and_id(seed: int) -> None:
    """Set, clear and fire at random, with few distinct times, so that ties are the rule."""
    book, draw = make_book(), random.Random(seed)
    heap: list[tuple[int, int, int]] = []
    rows: dict[tuple[int, int, int], int] = {}
    for id in range(1, 400):
        if len(rows) < 60 and draw.random() < 0.7:
            entry = (draw.randint(1, 20), draw.choice((1, 2, 3)), id)
            rows[entry] = set_timer(book, *entry, owner=id)
            heapq.heappush(heap, entry)
        elif rows and draw.random() < 0.5:
            cleared = draw.choice(list(rows))
            clear_timer(book, rows.pop(cleared))
            heap.remove(cleared)
            heapq.heapify(heap)
        elif rows:
            first = heapq.heappop(heap)
            clear_timer(book, rows.pop(first))
        assert book.world[0]["timers"] == len(heap)
        assert next_due(book, 21) == (rows[heap[0]] if heap else 0)
        if heap:
            assert next_due(book, heap[0][0] - 1) == 0
            assert next_due(book, heap[0][0]) == rows[heap[0]]
    while heap:
        first = heapq.heappop(heap)
        row = next_due(book, 21)
        timer = book.timers[row]
        assert (timer["due_ns"], timer["kind"], timer["id"], timer["owner"]) == (*first, first[2])
        clear_timer(book, row)
    assert book.heads[TIMERS]["live"] == 0
    assert next_due(book, 1 << 62) == 0
