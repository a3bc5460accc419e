"""Scales, bounds, rounding, and decimals as text.

Every figure in the arena is an int64. This file says in which unit, how far it may go, and which way a division
rounds. Text from Binance and from clients becomes an integer here, and an integer becomes text here; no float ever
stands between.
"""

from __future__ import annotations

from typing import Final

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
