"""Equity bands: how far prices may move before a rule on a seat's equity could break.

A rule depends on prices of many instruments, and yet costs nothing per quote. A seat's headroom is the distance from
its equity to the nearest level at which its rules must be evaluated: a loss headroom and a profit headroom. They are
divided among the buckets in which the seat has positions (an instrument's longs and shorts are apart, because bid and
ask can move alone). A bucket's share is a band of prices within which it cannot be used up: a row of the trigger table.
When it fires, the rules are evaluated and the headroom is divided again; so a level is detected at the very quote that
crosses it, as if every seat were valued at every quote.

An open, a close or a fee changes equity by a known amount. It is taken from the free headroom, which no band has; when
that is used up, the rules are evaluated at once.

There are two equities. A position counts as no less than 0, so true equity is at least linear equity (the sum of all
margins and profits). Bands and deltas are linear. The two differ only while a position's loss exceeds its margin:
usually until it is liquidated at the same quote, else (when a partial close left it there by rounding) until the next
quote of its instrument. Then the rules are evaluated at once, loss headroom is measured from linear equity, and profit
headroom from true equity.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.tables import BANDS, BUCKET_ASK, BUCKET_BID, TRIGGER_BAND, Book, Row
from engine.storage.free_rows import release, take
from engine.storage.hash_index import seat_key
from engine.storage.linked_rows import link, unlink
from engine.trading.triggers import add_trigger, rearm, remove_trigger


@kernel
def queue_evaluation(book: Book, seat_row: int) -> None:
    """Have the seat's rules evaluated at the end of the current command."""
    seat = book.seats[seat_row]
    if seat.evaluation_due == 0:
        progress = book.progress[0]
        seat.evaluation_due = 1
        book.due_seats[progress.seats_due] = seat_key(seat.player, seat.match)
        progress.seats_due += 1


@kernel
def apply_equity_delta(book: Book, seat_row: int, change: int) -> None:
    """The seat's linear equity has changed by `change` at unchanged prices: take it from the free headroom."""
    seat = book.seats[seat_row]
    seat.loss_headroom += change
    seat.profit_headroom -= change
    if seat.loss_headroom < 0 or seat.profit_headroom < 0:
        queue_evaluation(book, seat_row)


@kernel
def add_band_lots(book: Book, seat_row: int, holding_row: int, instrument: int, side: int, lots: int) -> None:
    """Add lots to the band of that side; the first ones open it with a sixteenth of the free headroom."""
    seat = book.seats[seat_row]
    holding = book.holdings[holding_row]
    row = holding.long_band if side > 0 else holding.short_band
    if row == 0:
        row = _open_band(book, seat_row, holding_row, instrument * 2 + (BUCKET_BID if side > 0 else BUCKET_ASK), side)
        band = book.bands[row]
        band.loss_share = max(0, seat.loss_headroom) >> 4
        band.profit_share = max(0, seat.profit_headroom) >> 4
        seat.loss_headroom -= band.loss_share
        seat.profit_headroom -= band.profit_share
        band.lots = lots
        _arm_band(book, row, lots)
        return
    _mark_to_market(book, row)
    band = book.bands[row]
    band.lots += lots
    if not _fires_in_time(book, band):
        _arm_band(book, row, band.lots + (band.lots >> 2))  # a reserve for lots to come


@kernel
def release_band_lots(book: Book, holding_row: int, side: int, lots: int) -> None:
    """Take lots from the band of that side; the last ones close it.

    Otherwise its trigger stays: with fewer lots it fires too early, never too late.
    """
    holding = book.holdings[holding_row]
    row = holding.long_band if side > 0 else holding.short_band
    band = book.bands[row]
    _mark_to_market(book, row)
    band.lots -= lots
    if band.lots != 0:
        return
    seat = book.seats[band.seat]
    seat.loss_headroom += band.loss_share
    seat.profit_headroom += band.profit_share
    _close_band(book, row)
    if seat.loss_headroom < 0 or seat.profit_headroom < 0:
        queue_evaluation(book, band.seat)


@kernel
def divide_headroom(book: Book, seat_row: int, loss_headroom: int, profit_headroom: int) -> None:
    """Divide three quarters of this headroom among the seat's bands by notional; the rest stays free. A profit headroom
    below 0 stays as it is, and no band has a share of it.

    Costs a few cache misses for each bucket that the seat is in.
    """
    seat = book.seats[seat_row]
    total = 0
    row = seat.first_band
    while row != 0:
        _mark_to_market(book, row)
        total += _notional(book, book.bands[row])
        row = book.bands[row].next
    unit = (total >> 20) + 1
    seat.loss_headroom = loss_headroom
    seat.profit_headroom = profit_headroom
    row = seat.first_band
    while row != 0:
        band = book.bands[row]
        weight = _notional(book, band) // unit
        band.loss_share = _share(loss_headroom, weight)
        band.profit_share = _share(max(0, profit_headroom), weight)
        seat.loss_headroom -= band.loss_share
        seat.profit_headroom -= band.profit_share
        _arm_band(book, row, band.lots)
        row = band.next


@kernel
def close_bands(book: Book, seat_row: int) -> None:
    """Close the seat's bands; its equity is no longer monitored."""
    seat = book.seats[seat_row]
    seat.watched = 0
    while seat.first_band != 0:
        _close_band(book, seat.first_band)


@kernel
def _share(headroom: int, weight: int) -> int:
    """Three quarters of headroom x weight / 2^20, or a little less; the sum of weights is below 2^20."""
    if headroom < 1 << 40:
        return headroom * weight * 3 >> 22
    return (headroom >> 22) * 3 * weight


@kernel
def _notional(book: Book, band: Row) -> int:
    """At the last marked price."""
    return band.mark * band.lots * book.instruments[band.bucket // 2].value


@kernel
def _mark_to_market(book: Book, row: int) -> None:
    """Mark the band to the current quote; its gain or loss since the last mark changes its shares."""
    band = book.bands[row]
    quote = book.quotes[band.bucket // 2]
    mark = quote.bid if band.bucket % 2 == BUCKET_BID else quote.ask
    gained = band.side * (mark - band.mark) * band.lots * book.instruments[band.bucket // 2].value
    band.mark = mark
    band.loss_share += gained
    band.profit_share -= gained
    if band.loss_share < 0 or band.profit_share < 0:
        queue_evaluation(book, band.seat)


@kernel
def _fires_in_time(book: Book, band: Row) -> bool:
    """Does the trigger fire before either share is used up? Two products, where arming takes two divisions."""
    instrument = book.instruments[band.bucket // 2]
    trigger = book.triggers[band.trigger]
    value_per_tick = band.lots * instrument.value
    below = (band.mark - 1 - trigger.low) * value_per_tick
    above = (min(trigger.high, instrument.highest_price + 1) - 1 - band.mark) * value_per_tick
    if band.side > 0:
        return below <= band.loss_share and above <= band.profit_share
    return above <= band.loss_share and below <= band.profit_share


@kernel
def _arm_band(book: Book, row: int, lots: int) -> None:
    """Set the trigger to the first prices at which `lots` (no fewer than the band has) would use up a share."""
    band = book.bands[row]
    value_per_tick = lots * book.instruments[band.bucket // 2].value
    falls = max(0, band.loss_share) // value_per_tick + 1
    rises = max(0, band.profit_share) // value_per_tick + 1
    if band.side < 0:
        falls, rises = rises, falls
    rearm(book, band.trigger, max(NEVER_LOW, band.mark - falls), min(NEVER_HIGH, band.mark + rises))


@kernel
def _open_band(book: Book, seat_row: int, holding_row: int, bucket: int, side: int) -> int:
    seat = book.seats[seat_row]
    holding = book.holdings[holding_row]
    quote = book.quotes[bucket // 2]
    row = take(book.bands, book.heads[BANDS])
    band = book.bands[row]
    band.seat = seat_row
    band.holding = holding_row
    band.bucket = bucket
    band.side = side
    band.lots = 0
    band.mark = quote.bid if bucket % 2 == BUCKET_BID else quote.ask
    band.trigger = add_trigger(book, bucket, NEVER_LOW, NEVER_HIGH, row, TRIGGER_BAND)
    if side > 0:
        holding.long_band = row
    else:
        holding.short_band = row
    seat.first_band = link(book.bands.next, book.bands.previous, seat.first_band, row)
    return row


@kernel
def _close_band(book: Book, row: int) -> None:
    band = book.bands[row]
    seat = book.seats[band.seat]
    holding = book.holdings[band.holding]
    remove_trigger(book, band.trigger)
    if band.side > 0:
        holding.long_band = 0
    else:
        holding.short_band = 0
    seat.first_band = unlink(book.bands.next, book.bands.previous, seat.first_band, row)
    release(book.bands, book.heads[BANDS], row)
