"""Margin: what a position must keep, and the price at which it no longer does.

The formulas are Binance's for isolated USD-M futures: maintenance margin by brackets of the notional at the price in
question, less the bracket's cumulative amount, which keeps it continuous.
"""

from __future__ import annotations

from typing import Final

from engine.kernels import kernel
from engine.kernels.processor import quotient
from engine.scale import BOUND, PPM, ppm_ceil, ppm_floor
from engine.tables import BRACKETS_PER_INSTRUMENT

_EXACT: Final = 1 << 43
"""Below this, a remainder x PPM does not wrap."""


@kernel
def bracket_row(book, instrument, notional):
    """Row of the margin bracket into which `notional` falls; the last one has no end."""
    first = instrument * BRACKETS_PER_INSTRUMENT
    last = first + book.instruments[instrument].brackets - 1
    row = first
    while row < last and notional > book.brackets[row].notional_cap:
        row += 1
    return row


@kernel
def maintenance(book, instrument, notional):
    """Maintenance margin of a position of this notional, rounded down."""
    bracket = book.brackets[bracket_row(book, instrument, notional)]
    return ppm_floor(notional, bracket.maintenance_ppm) - bracket.maintenance_cum


@kernel
def breaches(book, instrument, side, lots, cost, margin, fee_ppm, price):
    """Is the position to be liquidated at `price`? margin + profit - closing fee <= maintenance margin."""
    value = book.instruments[instrument].value
    notional = price * lots * value
    profit = side * (price * lots - cost) * value
    return margin + profit - ppm_ceil(notional, fee_ppm) <= maintenance(book, instrument, notional)


@kernel
def liquidation_price(book, instrument, side, lots, cost, margin, fees):
    """The first price, coming from the profitable side, at which the position is to be liquidated; 0 when there is none
    from one tick to the instrument's highest price. `fees`: does the match take any?

    An estimate by division, in the bracket that it lands in, is nearly always the tick itself; steps that double and
    then a bisection on `breaches` itself make it exact. Typically two evaluations.
    """
    highest = book.instruments[instrument].highest_price
    value = book.instruments[instrument].value
    fee_ppm = book.instruments[instrument].taker_fee_ppm if fees else 0
    guess = _estimate(book, instrument, side, lots, cost, margin, fee_ppm)

    # `bad` is breached (or beyond the edge), `good` is not; towards bad means down for a long, up for a short.
    step = 1
    if breaches(book, instrument, side, lots, cost, margin, fee_ppm, guess):
        bad, good = guess, guess + side
        while 1 <= good <= highest and breaches(book, instrument, side, lots, cost, margin, fee_ppm, good):
            bad = good
            step *= 2
            good = min(max(good + side * step, 0), highest + 1)
    else:
        good, bad = guess, guess - side
        while 1 <= bad <= highest and not breaches(book, instrument, side, lots, cost, margin, fee_ppm, bad):
            good = bad
            step *= 2
            bad = min(max(bad - side * step, 0), highest + 1)
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if breaches(book, instrument, side, lots, cost, margin, fee_ppm, middle):
            bad = middle
        else:
            good = middle

    # A tick of such a small position is worth less than the roundings of fee and maintenance: look a little further.
    if lots * value < 4:
        found = bad
        for further in range(1, 9):
            price = found + side * further
            if 1 <= price <= highest and breaches(book, instrument, side, lots, cost, margin, fee_ppm, price):
                bad = price
    return bad if 1 <= bad <= highest else 0


@kernel
def _estimate(book, instrument, side, lots, cost, margin, fee_ppm):
    """The liquidation price but for the roundings of fee and maintenance, clamped to the instrument's prices.

    worth / lot_value / (1 - side x rate), rounded towards the profitable side's far end: down for a long, up for a
    short. Solved for the bracket of the entry, and once more for the bracket of the answer when that is another.
    """
    highest = book.instruments[instrument].highest_price
    value = book.instruments[instrument].value
    lot_value = lots * value
    row = bracket_row(book, instrument, cost * value)
    guess = 0
    for _ in range(2):
        scale = PPM - side * (fee_ppm + book.brackets[row].maintenance_ppm)
        worth = max(0, cost * value - side * (margin + book.brackets[row].maintenance_cum))
        ticks = quotient(worth, lot_value)
        rest = worth - ticks * lot_value
        if ticks >= highest:
            ticks, rest = highest, 0
        # The part of a tick that is left, in ppm; of a large lot_value it is enough to look at the leading digits.
        part = quotient(rest * PPM, lot_value) if lot_value < _EXACT else quotient(rest, quotient(lot_value, PPM))
        guess = quotient(ticks * PPM, scale)
        left = ticks * PPM - guess * scale + part
        if side > 0:
            guess += left >= scale
        else:
            guess += int(left > 0) + int(left > scale)
        guess = min(max(guess, 1), highest)
        landed = bracket_row(book, instrument, min(guess * lot_value, BOUND))
        if landed == row:
            break
        row = landed
    return guess
