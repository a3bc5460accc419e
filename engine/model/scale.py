"""Scales, bounds, rounding, and decimals as text.

Every figure in the arena is an int64. This file says in which unit, how far it may go, and which way a division
rounds. Text from Binance and from clients becomes an integer here, and an integer becomes text here; no float ever
stands between.
"""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel
from engine.jit.intrinsics import quotient

MONEY_DECIMALS: Final = 8
MONEY: Final = 10**MONEY_DECIMALS
"""Units in one virtual dollar: virtual money is counted in 1e-8."""

PPM: Final = 1_000_000
"""Parts per million in one: rates, fees and percentages."""

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
DAY_NS: Final = 86_400 * NS_PER_S
MINUTES_PER_WEEK: Final = 7 * 24 * 60

BOUND: Final = 1 << 60
"""No notional, margin x leverage or summed exposure may exceed this, so no sum of a few of them wraps an int64."""

NO_PRICE: Final = 0
"""A price that is not set (no stop loss, no target, no quote yet). Real prices are at least one tick."""

NEVER_LOW: Final = 0
NEVER_HIGH: Final = 1 << 62
"""Bounds that no price reaches: a trigger with these never fires."""


@kernel
def ceil_div(numerator: int, denominator: int) -> int:
    """numerator / denominator, rounded up (towards plus infinity)."""
    return -(-numerator // denominator)


@kernel
def ceil_quotient(numerator: int, denominator: int) -> int:
    """The same of numbers that are not negative, for less; their sum is below 2^63."""
    return quotient(numerator + denominator - 1, denominator)


@entry
def next_midnight(now_ns: int) -> int:
    """The first moment of the next day, UTC."""
    return (now_ns // DAY_NS + 1) * DAY_NS


@kernel
def ppm_floor(amount: int, ppm: int) -> int:
    """amount x ppm / 1e6 rounded down, for 0 <= amount <= BOUND and 0 <= ppm <= 1e6, without a wider integer."""
    millions = quotient(amount, PPM)
    return millions * ppm + quotient((amount - millions * PPM) * ppm, PPM)


@entry
def ppm_ceil(amount: int, ppm: int) -> int:
    """amount x ppm / 1e6 rounded up, for 0 <= amount <= BOUND and 0 <= ppm <= 1e6, without a wider integer."""
    millions = quotient(amount, PPM)
    return millions * ppm + ceil_quotient((amount - millions * PPM) * ppm, PPM)


@kernel
def share_floor(amount: int, part: int, whole: int) -> int:
    """amount x part / whole rounded down, for 0 <= amount <= BOUND and 0 <= part <= whole <= BOUND, as if in 128 bits.

    Long multiplication, a bit of `part` at a time, keeping quotient and remainder: nothing grows beyond 2 x whole.
    """
    if part == 0 or amount <= (1 << 62) // part:
        return amount * part // whole
    quotient = amount // whole * part
    amount %= whole
    digits = 0
    remainder = 0
    for bit in range(60, -1, -1):
        digits *= 2
        remainder *= 2
        if remainder >= whole:
            remainder -= whole
            digits += 1
        if (part >> bit) & 1:
            remainder += amount
            if remainder >= whole:
                remainder -= whole
                digits += 1
    return quotient + digits


class NotDecimal(ValueError):
    """The text is not a plain decimal number (digits, at most one point, an optional leading minus)."""


class TooPrecise(ValueError):
    """The number has more decimals than its unit can hold."""


class OutOfRange(ValueError):
    """The number does not fit the bounds of its unit."""


def parse_decimal(text: str, decimals: int) -> int:
    """The integer count of 10^-decimals units that `text` says: parse_decimal("61837.63", 2) == 6183763.

    Trailing zeros beyond `decimals` are accepted, other digits there raise TooPrecise. No exponent, no sign but a
    leading minus, no spaces, no underscores, ASCII only: else NotDecimal. Beyond +-2^62: OutOfRange.
    """
    digits = text[1:] if text.startswith("-") else text
    whole, point, fraction = digits.partition(".")
    if not text.isascii() or not whole.isdigit() or (point and not fraction.isdigit()) or len(text) > 40:
        raise NotDecimal(f"{text[:40]!r} is not a decimal number")
    if len(fraction) > decimals:
        if fraction[decimals:].strip("0"):
            raise TooPrecise(f"{text} has more than {decimals} decimals")
        fraction = fraction[:decimals]
    amount = int(whole + fraction.ljust(decimals, "0"))
    if amount >= 1 << 62:
        raise OutOfRange(f"{text} is out of range")
    return -amount if text.startswith("-") else amount


def format_decimal(amount: int, decimals: int) -> str:
    """The decimal text of `amount` units of 10^-decimals, with all its decimals: format_decimal(5, 2) == "0.05"."""
    if decimals == 0:
        return str(amount)
    text = str(abs(amount)).rjust(decimals + 1, "0")
    return ("-" if amount < 0 else "") + text[:-decimals] + "." + text[-decimals:]
