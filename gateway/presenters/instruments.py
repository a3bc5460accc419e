"""Symbols, ticks and lots as text: what a client's decimals mean in an instrument, and how its integers read.

A refreshed copy of the cold instruments, so that no lookup or division is done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from engine.model.commands import ASSET_DECIMALS, Asset, DefineInstrument
from engine.model.scale import MONEY, MONEY_DECIMALS, OutOfRange, TooPrecise, format_decimal, parse_decimal
from engine.model.state import Cold
from gateway.protocol.errors import Code, Refused

CACHED: Final = 32_768
"""Texts kept of each kind: one price is shown many times, and amounts are mostly round."""


assert MONEY_DECIMALS == 8, "money_text is written for it"

_SMALL: Final = tuple("0." + "0" * (MONEY_DECIMALS - digits) for digits in range(MONEY_DECIMALS + 1))
"""What stands in front of an amount below 1, by its number of digits."""


_DECIMALS: Final = {asset.value: decimals for asset, decimals in ASSET_DECIMALS.items()}


def money_text(units: int) -> str:
    """Virtual money, 1e-8 units, as text: format_decimal at half its cost, called some five times an order."""
    if units < 0:
        return "-" + money_text(-units)
    text = str(units)
    return f"{text[:-8]}.{text[-8:]}" if units >= MONEY else _SMALL[len(text)] + text


def asset_text(units: int, asset: int) -> str:
    """Real money, native units of the Asset, as text; of asset 0 virtual money."""
    return format_decimal(units, _DECIMALS[asset]) if asset else money_text(units)


def asset_units(field: str, amount: int | str, asset: Asset) -> int:
    """A client's amount in native units of the asset. Raises Refused naming the field."""
    units = units_of(field, amount)
    decimals = ASSET_DECIMALS[asset]
    if decimals > MONEY_DECIMALS:
        units *= int(10 ** (decimals - MONEY_DECIMALS))
        if not -BIGGEST < units < BIGGEST:
            raise Refused(Code.OUT_OF_RANGE, field=field)
        return units
    return _whole(field, units, 10 ** (MONEY_DECIMALS - decimals))


_parse = lru_cache(CACHED)(parse_decimal)

BIGGEST: Final = 1 << 63


def units_of(field: str, amount: int | str) -> int:
    """A client's amount in 1e-8 units. Raises Refused naming the field."""
    if not isinstance(amount, str):
        if not -BIGGEST < amount < BIGGEST:
            raise Refused(Code.OUT_OF_RANGE, field=field)
        amount = str(amount)
    try:
        return _parse(amount, MONEY_DECIMALS)
    except TooPrecise as error:
        raise Refused(Code.TOO_PRECISE, field=field) from error
    except OutOfRange as error:
        raise Refused(Code.OUT_OF_RANGE, field=field) from error
    except ValueError as error:
        raise Refused(Code.NOT_DECIMAL, field=field) from error


class Instrument:
    """One instrument as clients see it. `price_text` and `quantity_text` make text of ticks and lots,
    `middle_text` of half ticks.
    """

    __slots__ = ("data", "id", "middle_text", "price_text", "quantity_text", "symbol")

    def __init__(self, id: int, data: DefineInstrument) -> None:
        self.id = id
        self.data = data
        self.symbol = data.symbol
        self.price_text = _texts_of(data.tick_units)
        self.quantity_text = _texts_of(data.lot_units)
        self.middle_text = _texts_of(5 * data.tick_units, MONEY_DECIMALS + 1)

    def ticks(self, field: str, amount: int | str | None) -> int:
        """A client's price in ticks; 0 when there is none. Raises Refused naming the field."""
        return 0 if amount is None else _whole(field, units_of(field, amount), self.data.tick_units)

    def lots(self, field: str, amount: int | str | None) -> int:
        """A client's quantity in lots; 0 when there is none. Raises Refused naming the field."""
        return 0 if amount is None else _whole(field, units_of(field, amount), self.data.lot_units)

    def price_or_none(self, ticks: int) -> str | None:
        """Text of a price that may not be set."""
        return self.price_text(ticks) if ticks else None


def _texts_of(step: int, decimals: int = MONEY_DECIMALS) -> Callable[[int], str]:
    """What makes text of a count of steps of `step` x 10^-decimals, with as many decimals as one step has."""
    while decimals and step % 10 == 0:
        step //= 10
        decimals -= 1
    return lru_cache(CACHED)(lambda count: format_decimal(count * step, decimals))


def _whole(field: str, units: int, step: int) -> int:
    count, rest = divmod(units, step)
    if rest:
        raise Refused(Code.TOO_PRECISE, field=field)
    return count


class Instruments:
    """All instruments, by symbol and by id."""

    def __init__(self) -> None:
        self.by_symbol: dict[str, Instrument] = {}
        self.by_id: dict[int, Instrument] = {}

    def refresh(self, cold: Cold) -> None:
        """Take over what the state says now."""
        self.by_id = {id: Instrument(id, data) for id, data in cold.instruments.items()}
        self.by_symbol = {instrument.symbol: instrument for instrument in self.by_id.values()}

    def named(self, symbol: str) -> Instrument:
        """The instrument of that symbol. Raises Refused SYMBOL_UNKNOWN."""
        instrument = self.by_symbol.get(symbol)
        if instrument is None:
            raise Refused(Code.SYMBOL_UNKNOWN, symbol=symbol)
        return instrument
