"""Amounts, rates and percents as decimal text, and clients' decimals as the engine's integers."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from engine.model.commands import ASSET_DECIMALS, Asset
from engine.model.scale import MONEY, MONEY_DECIMALS, PPM, OutOfRange, TooPrecise, format_decimal, parse_decimal
from gateway.protocol.errors import Code, Refused
from gateway.protocol.problems import LONGEST_VALUE

CACHED: Final = 2_048
"""Texts kept of each kind, of which an instrument has three: prices of the moment are shown many times, and amounts are
mostly round. An entry takes some 250 bytes."""


assert MONEY_DECIMALS == 8, "money_text is written for it"

_SMALL: Final = tuple("0." + "0" * (MONEY_DECIMALS - digits) for digits in range(MONEY_DECIMALS + 1))
"""The prefix of an amount below 1, by its number of digits."""


_DECIMALS: Final = {asset.value: decimals for asset, decimals in ASSET_DECIMALS.items()}


def money_text(units: int) -> str:
    """Virtual money, 1e-8 units, as text: decimal_text at half its cost, called some five times an order."""
    if not units:
        return "0"
    if units < 0:
        return "-" + money_text(-units)
    text = str(units)
    return f"{text[:-8]}.{text[-8:]}" if units >= MONEY else _SMALL[len(text)] + text


def asset_text(units: int, asset: int) -> str:
    """Real money, native units of the Asset, as text; of asset 0 virtual money."""
    return decimal_text(units, _DECIMALS[asset]) if asset else money_text(units)


def decimal_text(amount: int, decimals: int) -> str:
    """`amount` units of 10^-decimals as text, with all its decimals; but of nothing "0", which decimal types of several
    languages would else show as 0E-8."""
    return format_decimal(amount, decimals) if amount else "0"


def asset_units(field: str, amount: int | str, asset: Asset) -> int:
    """A client's amount in native units of the asset. Raises Refused naming the field."""
    units = units_of(field, amount)
    decimals = ASSET_DECIMALS[asset]
    if decimals > MONEY_DECIMALS:
        units *= int(10 ** (decimals - MONEY_DECIMALS))
        if not -_INT64_END < units < _INT64_END:
            raise Refused(Code.OUT_OF_RANGE, field=field)
        return units
    return whole_steps(field, units, 10 ** (MONEY_DECIMALS - decimals))


_parse = lru_cache(CACHED)(parse_decimal)

_INT64_END: Final = 1 << 63


def units_of(field: str, amount: int | str) -> int:
    """A client's amount in 1e-8 units. Raises Refused naming the field."""
    if isinstance(amount, int) and not -_INT64_END < amount < _INT64_END:
        raise Refused(Code.OUT_OF_RANGE, field=field)
    text = str(amount)
    try:
        return _parse(text, MONEY_DECIMALS)
    except ValueError as error:
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), Code.NOT_DECIMAL)
        raise Refused(code, field=field, value=text[:LONGEST_VALUE]) from error


_CODES: Final = {TooPrecise: Code.TOO_PRECISE, OutOfRange: Code.OUT_OF_RANGE}


def whole_steps(field: str, units: int, step: int) -> int:
    """How many steps the amount is. Raises Refused TOO_PRECISE naming the field."""
    count, rest = divmod(units, step)
    if rest:
        value, steps_of = (decimal_text(each, MONEY_DECIMALS).rstrip("0").rstrip(".") for each in (units, step))
        raise Refused(Code.TOO_PRECISE, field=field, value=value, steps_of=steps_of)
    return count


_PERCENT_DECIMALS: Final = 4
assert 100 * 10**_PERCENT_DECIMALS == PPM


def parse_percent(text: str) -> int:
    """The ppm that a percent as decimal text is: "2.5" is 25,000. Raises ValueError."""
    return parse_decimal(text, _PERCENT_DECIMALS)


def percent_text(ppm: int) -> str:
    """The percent as decimal text, as short as it can be: 50,000 ppm is "5"."""
    return decimal_text(ppm, _PERCENT_DECIMALS).rstrip("0").rstrip(".") or "0"


def rate_text(ppm: int) -> str:
    """A rate as a fraction: 500 ppm is "0.000500"."""
    assert PPM == 10**6
    return decimal_text(ppm, 6)
