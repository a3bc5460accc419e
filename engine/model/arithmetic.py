"""Rounding: one function for each direction, compiled. Integers in, integers out; the bounds that keep every
product within an int64 are those of scale.py.
"""

from __future__ import annotations

from engine.jit import entry, kernel
from engine.model.scale import PPM


@kernel
def ceil_div(numerator: int, denominator: int) -> int:
    """numerator / denominator, rounded up (towards plus infinity)."""
    return -(-numerator // denominator)


@kernel
def ppm_floor(amount: int, ppm: int) -> int:
    """amount x ppm / 1e6 rounded down, for 0 <= amount <= BOUND and 0 <= ppm <= 1e6, without a wider integer."""
    millions = amount // PPM
    return millions * ppm + (amount - millions * PPM) * ppm // PPM


@entry
def ppm_ceil(amount: int, ppm: int) -> int:
    """amount x ppm / 1e6 rounded up, for 0 <= amount <= BOUND and 0 <= ppm <= 1e6, without a wider integer."""
    millions = amount // PPM
    return millions * ppm + ceil_div((amount - millions * PPM) * ppm, PPM)


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
