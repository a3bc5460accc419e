"""Timers: one heap, ordered by (due, kind, id). Setting and clearing cost the logarithm of their number.

Each place of the heap has four children and holds what it is ordered by, so a way through it touches few cache lines.
"""

from __future__ import annotations

from engine.jit import kernel, rare_entry
from engine.model.tables import TIMER_CHILDREN, TIMER_KIND_SHIFT, TIMERS, Book, Row
from engine.storage.free_rows import release, take


@rare_entry
def set_timer(book: Book, due_ns: int, kind: int, id: int, owner: int) -> int:
    """A new timer; returns its row."""
    world = book.world[0]
    row = take(book.timers, book.heads[TIMERS])
    timer = book.timers[row]
    timer.due_ns = due_ns
    timer.kind = kind
    timer.id = id
    timer.owner = owner
    world.timers += 1
    _sift_up(book, world.timers - 1, due_ns, (kind << TIMER_KIND_SHIFT) | id, row)
    return row


@rare_entry
def clear_timer(book: Book, row: int) -> None:
    """Take the timer away, due or not."""
    world = book.world[0]
    world.timers -= 1
    place = book.timers[row].heap
    last = book.timer_heap[world.timers]
    due_ns, order, last_row = last.due_ns, last.order, last.row
    last.due_ns = 0
    last.order = 0
    last.row = 0
    release(book.timers, book.heads[TIMERS], row)
    if last_row == row:
        return
    if place > 0 and _before(due_ns, order, book.timer_heap[(place - 1) // TIMER_CHILDREN]):
        _sift_up(book, place, due_ns, order, last_row)
    else:
        _sift_down(book, place, due_ns, order, last_row)


@kernel
def next_due(book: Book, now_ns: int) -> int:
    """Row of the first timer due at or before `now_ns`; 0 when none is."""
    if book.world[0].timers == 0:
        return 0
    first = book.timer_heap[0]
    return first.row if first.due_ns <= now_ns else 0


@kernel
def second_timer(book: Book) -> int:
    """Row of the timer that is due next after the first; 0 when there is none."""
    return book.timer_heap[_earliest_child(book, 0)].row


@kernel
def _earliest_child(book: Book, place: int) -> int:
    """Where in the heap the earliest timer below `place` is; behind the last one where there is none."""
    first = TIMER_CHILDREN * place + 1
    earliest = first
    for child in range(first + 1, min(first + TIMER_CHILDREN, book.world[0].timers)):
        found = book.timer_heap[child]
        if _before(found.due_ns, found.order, book.timer_heap[earliest]):
            earliest = child
    return earliest


@kernel
def _before(due_ns: int, order: int, other: Row) -> bool:
    return due_ns < other.due_ns or (due_ns == other.due_ns and order < other.order)


@kernel
def _set_node(book: Book, place: int, due_ns: int, order: int, row: int) -> None:
    node = book.timer_heap[place]
    node.due_ns = due_ns
    node.order = order
    node.row = row
    book.timers[row].heap = place


@kernel
def _sift_up(book: Book, place: int, due_ns: int, order: int, row: int) -> None:
    """Put the timer where it belongs on the way from `place`, which is free, to the top."""
    while place > 0:
        parent = book.timer_heap[(place - 1) // TIMER_CHILDREN]
        if not _before(due_ns, order, parent):
            break
        _set_node(book, place, parent.due_ns, parent.order, parent.row)
        place = (place - 1) // TIMER_CHILDREN
    _set_node(book, place, due_ns, order, row)


@kernel
def _sift_down(book: Book, place: int, due_ns: int, order: int, row: int) -> None:
    """Put the timer where it belongs on the way from `place`, which is free, down to where the earliest children
    are."""
    count = book.world[0].timers
    while TIMER_CHILDREN * place + 1 < count:
        earliest = _earliest_child(book, place)
        if _before(due_ns, order, book.timer_heap[earliest]):
            break
        found = book.timer_heap[earliest]
        _set_node(book, place, found.due_ns, found.order, found.row)
        place = earliest
    _set_node(book, place, due_ns, order, row)
