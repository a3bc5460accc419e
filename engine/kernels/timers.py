"""Timers: one binary heap of rows, ordered by (due, kind, id). Setting and clearing cost log2 of their number."""

from __future__ import annotations

from engine.kernels import kernel
from engine.kernels.rows import release, take
from engine.tables import TIMERS


@kernel
def set_timer(book, due_ns, kind, id, owner):
    """A new timer; returns its row."""
    world = book.world[0]
    row = take(book.timers, book.heads[TIMERS])
    timer = book.timers[row]
    timer.due_ns = due_ns
    timer.kind = kind
    timer.id = id
    timer.owner = owner
    _place(book, world.timers, row)
    world.timers += 1
    _rise(book, world.timers - 1)
    return row


@kernel
def clear_timer(book, row):
    """Take the timer away, due or not."""
    world = book.world[0]
    world.timers -= 1
    hole = book.timers[row].heap
    last = book.timer_heap[world.timers]
    book.timer_heap[world.timers] = 0
    release(book.timers, book.heads[TIMERS], row)
    if last != row:
        _place(book, hole, last)
        _rise(book, hole)
        _sink(book, book.timers[last].heap)


@kernel
def next_due(book, now_ns):
    """Row of the first timer due at or before `now_ns`; 0 when none is."""
    if book.world[0].timers == 0:
        return 0
    row = book.timer_heap[0]
    return row if book.timers[row].due_ns <= now_ns else 0


@kernel
def _before(book, row, other):
    a, b = book.timers[row], book.timers[other]
    if a.due_ns != b.due_ns:
        return a.due_ns < b.due_ns
    if a.kind != b.kind:
        return a.kind < b.kind
    return a.id < b.id


@kernel
def _place(book, position, row):
    book.timer_heap[position] = row
    book.timers[row].heap = position


@kernel
def _rise(book, position):
    row = book.timer_heap[position]
    while position > 0:
        parent = (position - 1) // 2
        if not _before(book, row, book.timer_heap[parent]):
            break
        _place(book, position, book.timer_heap[parent])
        position = parent
    _place(book, position, row)


@kernel
def _sink(book, position):
    count = book.world[0].timers
    row = book.timer_heap[position]
    while 2 * position + 1 < count:
        child = 2 * position + 1
        if child + 1 < count and _before(book, book.timer_heap[child + 1], book.timer_heap[child]):
            child += 1
        if not _before(book, book.timer_heap[child], row):
            break
        _place(book, position, book.timer_heap[child])
        position = child
    _place(book, position, row)
