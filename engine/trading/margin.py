"""Maintenance margin and liquidation price.

The formulas are Binance's for isolated USD-M futures: maintenance margin by brackets of the notional at the price in
question, less the bracket's cumulative amount, which keeps it continuous.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, rare_kernel
from engine.model.arithmetic import ppm_ceil, ppm_floor
from engine.model.scale import BOUND, PPM
from engine.model.tables import BRACKETS_PER_INSTRUMENT, Book

_EXACT: Final = 1 << 42
"""Below this, a remainder x PPM does not wrap, nor does x 2 PPM."""


@kernel
def bracket_row(book: Book, instrument: int, notional: int) -> int:
    """Row of the margin bracket into which `notional` falls; the last one has no end."""
    first = instrument * BRACKETS_PER_INSTRUMENT
    last = first + book.instruments[instrument].brackets - 1
    row = first
    while row < last and notional > book.brackets[row].notional_cap:
        row += 1
    return row


@kernel
def maintenance_margin(book: Book, instrument: int, notional: int) -> int:
    """Maintenance margin of a position of this notional, rounded down."""
    bracket = book.brackets[bracket_row(book, instrument, notional)]
    return ppm_floor(notional, bracket.maintenance_ppm) - bracket.maintenance_cum


@kernel
def breaches_maintenance(
    book: Book, instrument: int, side: int, lots: int, cost: int, margin: int, fee_ppm: int, price: int
) -> bool:
    """Is the position to be liquidated at `price`? margin + profit - closing fee <= maintenance margin."""
    value = book.instruments[instrument].value
    notional = price * lots * value
    profit = side * (price * lots - cost) * value
    return margin + profit - ppm_ceil(notional, fee_ppm) <= maintenance_margin(book, instrument, notional)


@kernel
def liquidation_price(book: Book, instrument: int, side: int, lots: int, cost: int, margin: int, fees: int) -> int:
    """The first price, coming from the profitable side, at which the position is liquidated; 0 when there is none from
    one tick to the instrument's highest price. `fees`: does the match take any?

    Usually a division is exact. Where the rounding of fee and maintenance margin may matter, a search starts from its
    result.
    """
    fee_ppm = book.instruments[instrument].taker_fee_ppm if fees else 0
    guess, is_exact = _estimate(book, instrument, side, lots, cost, margin, fee_ppm)
    return guess if is_exact else _search(book, instrument, side, lots, cost, margin, fee_ppm, guess)


@kernel
def _estimate(
    book: Book, instrument: int, side: int, lots: int, cost: int, margin: int, fee_ppm: int
) -> tuple[int, bool]:
    """The liquidation price without the rounding of fee and maintenance margin, clamped to the instrument's prices; and
    whether it is exact whatever they round to.

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
        ticks = worth // lot_value
        rest = worth - ticks * lot_value
        is_within = ticks < highest
        if not is_within:
            ticks, rest = highest, 0
        # The part of a tick that is left, in ppm; of a large lot_value it is enough to look at the leading digits.
        part = rest * PPM // lot_value if lot_value < _EXACT else rest // (lot_value // PPM)
        below = ticks * PPM // scale
        left = ticks * PPM - below * scale + part
        if left >= scale:
            below += 1
            left -= scale
        guess = below if side > 0 else below + int(left > 0)
        # The two roundings are of less than a unit each, one up and one down; a unit is PPM / lot_value of `left`.
        # At least that far from both neighbouring ticks, with both in the same bracket, the result is exact.
        nearer = min(left, scale - left - 1)
        is_exact = is_within and lot_value < _EXACT and nearer * lot_value >= PPM and 1 <= guess <= highest
        if is_exact and _both_in_bracket(book, instrument, row, below * lot_value, (below + 1) * lot_value):
            return guess, True
        guess = min(max(guess, 1), highest)
        landed = bracket_row(book, instrument, min(guess * lot_value, BOUND))
        if landed == row:
            break
        row = landed
    return guess, False


@kernel
def _both_in_bracket(book: Book, instrument: int, row: int, lower: int, higher: int) -> bool:
    """Are both notionals in that bracket?"""
    is_first = row == instrument * BRACKETS_PER_INSTRUMENT
    return higher <= book.brackets[row].notional_cap and (is_first or lower > book.brackets[row - 1].notional_cap)


@rare_kernel
def _search(book: Book, instrument: int, side: int, lots: int, cost: int, margin: int, fee_ppm: int, guess: int) -> int:
    """The exact liquidation price, by doubling steps from the guess and then a bisection."""
    highest = book.instruments[instrument].highest_price
    value = book.instruments[instrument].value

    # `bad` is breached (or beyond the edge), `good` is not; towards bad means down for a long, up for a short.
    step = 1
    if breaches_maintenance(book, instrument, side, lots, cost, margin, fee_ppm, guess):
        bad, good = guess, guess + side
        while 1 <= good <= highest and breaches_maintenance(book, instrument, side, lots, cost, margin, fee_ppm, good):
            bad = good
            step *= 2
            good = min(max(good + side * step, 0), highest + 1)
    else:
        good, bad = guess, guess - side
        while 1 <= bad <= highest:
            if breaches_maintenance(book, instrument, side, lots, cost, margin, fee_ppm, bad):
                break
            good = bad
            step *= 2
            bad = min(max(bad - side * step, 0), highest + 1)
    while abs(good - bad) > 1:
        middle = (good + bad) // 2
        if breaches_maintenance(book, instrument, side, lots, cost, margin, fee_ppm, middle):
            bad = middle
        else:
            good = middle

    # A tick of such a small position is worth less than the roundings of fee and maintenance: look a little further.
    if lots * value < 4:
        found = bad
        for further in range(1, 9):
            price = found + side * further
            is_price = 1 <= price <= highest
            if is_price and breaches_maintenance(book, instrument, side, lots, cost, margin, fee_ppm, price):
                bad = price
    return bad if 1 <= bad <= highest else 0
