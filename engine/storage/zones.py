"""Time zones: what their local time is, and when a day of theirs begins.

The engine has no calendar of its own. A zone comes with its moments: from each on, local time is so much ahead of UTC,
until the next one. Before the first, it is as far ahead as from there on. Zone 0 is UTC.
"""

from __future__ import annotations

from itertools import pairwise

from engine.jit import entry, kernel
from engine.model.bounds import LONGEST_ZONE, MOMENTS_PER_ZONE
from engine.model.commands import DefineZone
from engine.model.reasons import Reason
from engine.model.scale import DAY_NS, NS_PER_S
from engine.model.state import State
from engine.model.tables import Book
from engine.storage.capacity import ensure_capacity_for_zone
from engine.storage.emit import Emit

MOST_ZONES = 1_000
"""There are some six hundred."""

FARTHEST_S = 1 << 33
"""No moment is later: in nanoseconds it fits an int64."""


def define_zone(state: State, command: DefineZone, emit: Emit) -> tuple[Reason, int]:
    """Create a zone, or give the one with this name other moments, wherever it is used; returns its row."""
    known = zone_named(state, command.name)
    moments = command.moments
    if not (
        1 <= len(command.name) <= LONGEST_ZONE
        and (known or len(state.cold.zones) < MOST_ZONES)
        and 1 <= len(moments) <= MOMENTS_PER_ZONE
        and all(0 <= since_s <= FARTHEST_S and abs(ahead_s) < 86_400 for since_s, ahead_s in moments)
        and all(before < after for (before, _), (after, _) in pairwise(moments))
    ):
        return Reason.ZONE_INVALID, 0

    row = known or len(state.cold.zones) + 1
    state.cold.zones[row] = command
    ensure_capacity_for_zone(state)
    state.book.zones[row]["moments"] = len(moments)
    for number, (since_s, ahead_s) in enumerate(moments):
        state.book.zone_moments[row * MOMENTS_PER_ZONE + number] = (since_s * NS_PER_S, ahead_s * NS_PER_S)
    return Reason.ACCEPTED, row


def zone_named(state: State, name: str) -> int | None:
    """The row of the zone; 0 of "", which is UTC; None when there is none of that name. Walks the zones."""
    if not name:
        return 0
    return next((row for row, zone in state.cold.zones.items() if zone.name == name), None)


@kernel
def ahead_ns(book: Book, zone: int, at_ns: int) -> int:
    """How far the zone is ahead of UTC at that time: a binary search of its moments."""
    if book.zones[zone].moments == 0:
        return 0
    return book.zone_moments[_moment_row(book, zone, at_ns)].ahead_ns


@entry
def next_day_ns(book: Book, zone: int, start_ns: int, at_ns: int) -> int:
    """When the next day begins: when the clock of the zone first shows so much after midnight, or more if it is set
    forward over that. A time that it shows twice counts the first time."""
    row = _moment_row(book, zone, at_ns)
    last = zone * MOMENTS_PER_ZONE + book.zones[zone].moments - 1
    ahead = ahead_ns(book, zone, at_ns)
    shown_ns = ((at_ns + ahead - start_ns) // DAY_NS + 1) * DAY_NS + start_ns
    begins_ns = shown_ns - ahead
    while row < last and begins_ns >= book.zone_moments[row + 1].since_ns:
        row += 1
        moment = book.zone_moments[row]
        begins_ns = max(shown_ns - moment.ahead_ns, moment.since_ns)
    return begins_ns


@kernel
def _moment_row(book: Book, zone: int, at_ns: int) -> int:
    """The row of the zone's last moment that is not after that time; of its first one, when all are."""
    low = zone * MOMENTS_PER_ZONE
    high = low + book.zones[zone].moments - 1
    while low < high:
        middle = (low + high + 1) // 2
        if book.zone_moments[middle].since_ns <= at_ns:
            low = middle
        else:
            high = middle - 1
    return low
