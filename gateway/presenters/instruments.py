"""Instruments as clients see them: what their decimals mean in ticks and lots, and how ticks and lots read.

A refreshed copy of the cold instruments, so that no lookup or division is done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from engine.model.commands import DefineInstrument
from engine.model.scale import MONEY_DECIMALS
from engine.model.state import Cold
from gateway.presenters.decimals import CACHED, decimal_text, units_of, whole_steps
from gateway.protocol.errors import Code, Refused


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
        return 0 if amount is None else whole_steps(field, units_of(field, amount), self.data.tick_units)

    def lots(self, field: str, amount: int | str | None) -> int:
        """A client's quantity in lots; 0 when there is none. Raises Refused naming the field."""
        return 0 if amount is None else whole_steps(field, units_of(field, amount), self.data.lot_units)

    def price_or_none(self, ticks: int) -> str | None:
        """Text of a price that may not be set."""
        return self.price_text(ticks) if ticks else None


def _texts_of(step: int, decimals: int = MONEY_DECIMALS) -> Callable[[int], str]:
    """What makes text of a count of steps of `step` x 10^-decimals, with as many decimals as one step has."""
    while decimals and step % 10 == 0:
        step //= 10
        decimals -= 1
    return lru_cache(CACHED)(lambda count: decimal_text(count * step, decimals))


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
