"""A seat's open positions, in linked blocks of one cache line each.

The latest block is first in the chain; new positions are appended to it, and a place that becomes free stays empty
until its whole block is. So closing a position touches one line; a doubly linked list of positions would touch three.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.model.tables import POSITION_LISTS, POSITIONS_PER_LIST, Book, Row
from engine.storage.free_rows import release, take
from engine.storage.linked_rows import link, unlink


@kernel
def add_open_position(book: Book, seat: Row, row: int) -> None:
    """Append the position row to the seat's first block."""
    list_row = seat.first_position_list
    if list_row == 0 or book.position_lists[list_row].used == POSITIONS_PER_LIST:
        list_row = _open_list(book, seat)
    position_list = book.position_lists[list_row]
    position_list.positions[position_list.used] = row
    position = book.positions[row]
    position.position_list = list_row
    position.place = position_list.used
    position_list.used += 1
    position_list.live += 1


@kernel
def remove_open_position(book: Book, seat: Row, position: Row) -> None:
    """Remove the position from its block, and the block when it is empty."""
    list_row = position.position_list
    position_list = book.position_lists[list_row]
    position_list.positions[position.place] = 0
    position_list.live -= 1
    if position_list.live == 0:
        lists = book.position_lists
        seat.first_position_list = unlink(lists.next, lists.previous, seat.first_position_list, list_row)
        release(book.position_lists, book.heads[POSITION_LISTS], list_row)


@kernel
def _open_list(book: Book, seat: Row) -> int:
    list_row = take(book.position_lists, book.heads[POSITION_LISTS])
    position_list = book.position_lists[list_row]
    position_list.used = 0
    position_list.live = 0
    lists = book.position_lists
    seat.first_position_list = link(lists.next, lists.previous, seat.first_position_list, list_row)
    return list_row
