"""Equity bands: how far prices may move before a rule on a seat's equity could break.

Such a rule reaches across instruments, and yet costs nothing per quote. Between the seat's equity and the nearest
level at which it must be looked at lies its slack, once downwards and once upwards. The slack is divided among the
lanes in which the seat has positions (an instrument's longs and its shorts are apart, for one side of the spread may
widen alone), and each lane's share gives the price a band within which that share cannot be used up. The band is a row
of the trigger table. When it fires the seat is judged and the slack divided anew; so a level is found crossed at the
very quote that crosses it, as if every seat were valued at every quote.

What opens, closes or costs a fee changes equity by a known amount: it is taken from the part of the slack that no band
has, and only when that runs out is the seat judged at once.

Two equities are kept apart. No position is counted below nothing, so true equity is the linear one (all margins and
profits added up) or more. Bands and changes are linear. The two differ only while a position is beyond its margin: as a
rule until it is liquidated within the same quote, else (a part closed, and roundings left the rest there) until the
next quote of its instrument. Then the seat is judged at once, and slack is counted downwards from the linear equity,
upwards from the true one.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.tables import BANDS, LANE_ASK, LANE_BID, TRIGGER_BAND
from engine.storage.free_rows import release, take
from engine.storage.hash_index import seat_key
from engine.trading.triggers import add, drop, rearm


@kernel
def touch(book, seat_row):
    """Let the seat be judged before this entry ends."""
    seat = book.seats[seat_row]
    if seat.touched == 0:
        turn = book.turn[0]
        seat.touched = 1
        book.touched[turn.touched] = seat_key(seat.player, seat.match)
        turn.touched += 1


@kernel
def shift(book, seat_row, change):
    """The seat's linear equity has changed by so much, at prices as they are."""
    seat = book.seats[seat_row]
    seat.slack_down += change
    seat.slack_up -= change
    if seat.slack_down < 0 or seat.slack_up < 0:
        touch(book, seat_row)


@kernel
def widen_lane(book, seat_row, holding_row, instrument, side, lots):
    """The seat has so many lots more of that side; the first ones make a band, with a part of the free slack."""
    seat = book.seats[seat_row]
    holding = book.holdings[holding_row]
    row = holding.long_band if side > 0 else holding.short_band
    if row == 0:
        row = _open_band(book, seat_row, holding_row, instrument * 2 + (LANE_BID if side > 0 else LANE_ASK), side)
        band = book.bands[row]
        band.down = max(0, seat.slack_down) >> 4
        band.up = max(0, seat.slack_up) >> 4
        seat.slack_down -= band.down
        seat.slack_up -= band.up
        band.lots = lots
        _arm_band(book, row, lots)
        return
    _recount(book, row)
    band = book.bands[row]
    band.lots += lots
    if not _fires_in_time(book, band):
        _arm_band(book, row, band.lots + (band.lots >> 2))  # for the lots to come as well


@kernel
def narrow_lane(book, holding_row, side, lots):
    """The seat has so many lots less of that side; the last ones take the band with them.

    The others leave its trigger as it is: for fewer lots it fires earlier than it need, never too late.
    """
    holding = book.holdings[holding_row]
    row = holding.long_band if side > 0 else holding.short_band
    band = book.bands[row]
    _recount(book, row)
    band.lots -= lots
    if band.lots != 0:
        return
    seat = book.seats[band.seat]
    seat.slack_down += band.down
    seat.slack_up += band.up
    _close_band(book, row)
    if seat.slack_down < 0 or seat.slack_up < 0:
        touch(book, band.seat)


@kernel
def divide_slack(book, seat_row, slack_down, slack_up):
    """Give the seat's bands three quarters of this slack, by their notional; the rest stays free.

    Costs a few cache misses for each lane that the seat is in.
    """
    seat = book.seats[seat_row]
    total = 0
    row = seat.first_band
    while row != 0:
        _recount(book, row)
        total += _notional(book, book.bands[row])
        row = book.bands[row].next
    unit = (total >> 20) + 1
    seat.slack_down = slack_down
    seat.slack_up = slack_up
    row = seat.first_band
    while row != 0:
        band = book.bands[row]
        weight = _notional(book, band) // unit
        band.down = _share(slack_down, weight)
        band.up = _share(slack_up, weight)
        seat.slack_down -= band.down
        seat.slack_up -= band.up
        _arm_band(book, row, band.lots)
        row = band.next


@kernel
def drop_bands(book, seat_row):
    """The seat is watched no more."""
    seat = book.seats[seat_row]
    seat.watched = 0
    while seat.first_band != 0:
        _close_band(book, seat.first_band)


@kernel
def _share(slack, weight):
    """Three quarters of slack x weight / 2^20, or a little less; the sum of weights is below 2^20."""
    if slack < 1 << 40:
        return slack * weight * 3 >> 22
    return (slack >> 22) * 3 * weight


@kernel
def _notional(book, band):
    """At the lane's price of now."""
    return band.mark * band.lots * book.instruments[band.lane // 2].value


@kernel
def _recount(book, row):
    """Count the band from the price of now: what it has lost or gained since is off its shares."""
    band = book.bands[row]
    quote = book.quotes[band.lane // 2]
    mark = quote.bid if band.lane % 2 == LANE_BID else quote.ask
    gained = band.side * (mark - band.mark) * band.lots * book.instruments[band.lane // 2].value
    band.mark = mark
    band.down += gained
    band.up -= gained
    if band.down < 0 or band.up < 0:
        touch(book, band.seat)


@kernel
def _fires_in_time(book, band):
    """Is a share left wherever the trigger does not fire? Looked at with two products, where arming divides twice."""
    instrument = book.instruments[band.lane // 2]
    trigger = book.triggers[band.trigger]
    worth = band.lots * instrument.value
    below = (band.mark - 1 - trigger.low) * worth
    above = (min(trigger.high, instrument.highest_price + 1) - 1 - band.mark) * worth
    if band.side > 0:
        return below <= band.down and above <= band.up
    return above <= band.down and below <= band.up


@kernel
def _arm_band(book, row, lots):
    """Set the trigger to the first prices at which so many lots, at least what there are, would use up a share."""
    band = book.bands[row]
    worth = lots * book.instruments[band.lane // 2].value
    falls = max(0, band.down) // worth + 1
    rises = max(0, band.up) // worth + 1
    if band.side < 0:
        falls, rises = rises, falls
    rearm(book, band.trigger, max(NEVER_LOW, band.mark - falls), min(NEVER_HIGH, band.mark + rises))


@kernel
def _open_band(book, seat_row, holding_row, lane, side):
    seat = book.seats[seat_row]
    holding = book.holdings[holding_row]
    quote = book.quotes[lane // 2]
    row = take(book.bands, book.heads[BANDS])
    band = book.bands[row]
    band.seat = seat_row
    band.holding = holding_row
    band.lane = lane
    band.side = side
    band.lots = 0
    band.mark = quote.bid if lane % 2 == LANE_BID else quote.ask
    band.trigger = add(book, lane, NEVER_LOW, NEVER_HIGH, row, TRIGGER_BAND)
    book.mark_lots[band.trigger] = 0
    book.mark_cost[band.trigger] = 0
    if side > 0:
        holding.long_band = row
    else:
        holding.short_band = row
    band.previous = 0
    band.next = seat.first_band
    if seat.first_band != 0:
        book.bands[seat.first_band].previous = row
    seat.first_band = row
    return row


@kernel
def _close_band(book, row):
    band = book.bands[row]
    seat = book.seats[band.seat]
    holding = book.holdings[band.holding]
    drop(book, band.trigger)
    if band.side > 0:
        holding.long_band = 0
    else:
        holding.short_band = 0
    if band.previous != 0:
        book.bands[band.previous].next = band.next
    else:
        seat.first_band = band.next
    if band.next != 0:
        book.bands[band.next].previous = band.previous
    release(book.bands, book.heads[BANDS], row)
