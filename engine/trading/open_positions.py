"""Rosters: which positions a seat has open, listed in rows of a cache line each.

A seat's rosters are chained, the latest first; new positions are listed in the first one, in order, and a place that
is left stays empty until its whole roster is. So closing a position touches one line, where a chain from position to
position would touch three.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.model.tables import ROSTER_PLACES, ROSTERS
from engine.storage.free_rows import release, take


@kernel
def enlist(book, seat, row):
    """List the position row with its seat."""
    roster_row = seat.first_roster
    if roster_row == 0 or book.rosters[roster_row].used == ROSTER_PLACES:
        roster_row = _open_roster(book, seat)
    roster = book.rosters[roster_row]
    roster.positions[roster.used] = row
    position = book.positions[row]
    position.roster = roster_row
    position.place = roster.used
    roster.used += 1
    roster.live += 1


@kernel
def strike(book, seat, position):
    """Take the position off its roster; an empty roster goes."""
    roster_row = position.roster
    roster = book.rosters[roster_row]
    roster.positions[position.place] = 0
    roster.live -= 1
    if roster.live == 0:
        if roster.previous != 0:
            book.rosters[roster.previous].next = roster.next
        else:
            seat.first_roster = roster.next
        if roster.next != 0:
            book.rosters[roster.next].previous = roster.previous
        release(book.rosters, book.heads[ROSTERS], roster_row)


@kernel
def _open_roster(book, seat):
    roster_row = take(book.rosters, book.heads[ROSTERS])
    roster = book.rosters[roster_row]
    roster.used = 0
    roster.live = 0
    roster.previous = 0
    roster.next = seat.first_roster
    if seat.first_roster != 0:
        book.rosters[seat.first_roster].previous = roster_row
    seat.first_roster = roster_row
    return roster_row
