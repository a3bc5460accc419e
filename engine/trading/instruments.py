"""Instruments: may a position be opened now, is the market open, is the quote stale?"""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel
from engine.model.bounds import HOURS_PER_INSTRUMENT
from engine.model.reasons import Reason
from engine.model.scale import MINUTES_PER_WEEK, NS_PER_S
from engine.model.tables import Book, Row
from engine.storage.hash_index import allowed_key, find
from engine.storage.zones import ahead_ns

NS_PER_MINUTE: Final = 60 * NS_PER_S
EPOCH_MINUTE: Final = 3 * 24 * 60
"""Minute of the week at which the epoch began: 1970-01-01 was a Thursday."""


@kernel
def check_opening(book: Book, seat: Row, instrument: int) -> int:
    """May the seat open a position in the instrument now? A reason why not, or ACCEPTED.

    Checks the kill switches of arena, instrument, match and player, and trading hours.
    """
    world = book.world[0]
    data = book.instruments[instrument]
    if world.locked:
        return Reason.TRADING_LOCKED.value
    if world.close_only:
        return Reason.ARENA_CLOSE_ONLY.value
    if not data.enabled:
        return Reason.INSTRUMENT_DISABLED.value
    if data.halted:
        return Reason.INSTRUMENT_HALTED.value
    if data.locked:
        return Reason.INSTRUMENT_LOCKED.value
    if data.close_only:
        return Reason.INSTRUMENT_CLOSE_ONLY.value
    if not is_market_open(book, instrument, world.now_ns):
        return Reason.MARKET_CLOSED.value
    if book.matches[seat.match].locked:
        return Reason.MATCH_LOCKED.value
    if book.players[seat.player].locked:
        return Reason.PLAYER_LOCKED.value
    return Reason.ACCEPTED.value


@kernel
def resumes_matches(book: Book, instrument: int) -> bool:
    """Are there paused matches that go on with the instrument's next quote?"""
    return book.world[0].paused + book.quotes[instrument].paused != 0


@entry
def count_paused(book: Book, match_id: int, change: int) -> None:
    """Count the match among the paused ones, or (-1) no more: of each instrument that it allows, or of all. A look at
    each."""
    if not book.matches[match_id].restricted:
        book.world[0].paused += change
        return
    for instrument in range(1, book.world[0].instruments + 1):
        if find(book.allowed_index, allowed_key(match_id, instrument)) != 0:
            book.quotes[instrument].paused += change


@entry
def is_market_open(book: Book, instrument: int, at_ns: int) -> bool:
    """Is the instrument within its weekly hours, by the clock of its zone? It always is if it has none.

    The first window that ends later decides: a look at up to HOURS_PER_INSTRUMENT rows.
    """
    count = book.instruments[instrument].hours
    if count == 0:
        return True
    local_ns = at_ns + ahead_ns(book, book.instruments[instrument].zone, at_ns)
    minute = (local_ns // NS_PER_MINUTE + EPOCH_MINUTE) % MINUTES_PER_WEEK
    row = instrument * HOURS_PER_INSTRUMENT
    last = row + count - 1
    while row < last and book.hours[row].end <= minute:
        row += 1
    return book.hours[row].start <= minute < book.hours[row].end


@kernel
def is_stale(book: Book, match: Row, instrument: int) -> bool:
    """Has the match no quote to trade on: none yet, older than the quote lifetime, the market closed, or a pause?

    In a pause nothing fills, however long a quote lives.
    """
    is_pause_possible = book.world[0].paused != 0 or book.quotes[instrument].paused != 0  # both are in the caches
    if is_pause_possible and match.paused_since_ns != 0:
        return True
    now_ns = book.world[0].now_ns
    return is_stale_at(book, instrument, now_ns) or not is_market_open(book, instrument, now_ns)


@kernel
def is_stale_at(book: Book, instrument: int, at_ns: int) -> bool:
    """Was there no quote at `at_ns`, or one older than the quote lifetime? `at_ns` is not before the last quote."""
    quote = book.quotes[instrument]
    return quote.bid == 0 or at_ns - quote.at_ns > book.instruments[instrument].quote_lifetime_ns
