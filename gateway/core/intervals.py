"""Intervals of candles: those that the engine keeps, and longer ones that are made of them when they are asked for.

They begin as Binance's do, by UTC: weeks on Monday, months on the first, all others at multiples of their length since
the epoch.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

from engine.model.scale import NS_PER_S
from engine.model.tables import INTERVALS_S

_DAY_S: Final = 86_400
_MONDAY_S: Final = 4 * _DAY_S
"""The first one after the epoch, a Thursday."""
_MONTH_S: Final = 31 * _DAY_S
"""The longest one."""


class Interval(NamedTuple):
    """How candles of an interval are made of those that are kept."""

    kept_s: int  # interval of those
    length_s: int  # of a month, of the longest
    first_s: int = 0  # when one of them begins

    @property
    def parts(self) -> int:
        """How many of those at most make one."""
        return self.length_s // self.kept_s

    def open_ns(self, at_ns: int) -> int:
        """When the candle opens that has this time in it."""
        at_s = at_ns // NS_PER_S
        if self.length_s == _MONTH_S:
            first = datetime.fromtimestamp(at_s, UTC).replace(day=1, hour=0, minute=0, second=0)
            return int(first.timestamp()) * NS_PER_S
        return ((at_s - self.first_s) // self.length_s * self.length_s + self.first_s) * NS_PER_S

    def end_ns(self, open_ns: int) -> int:
        """When the candle is over that opens then."""
        end_ns = open_ns + self.length_s * NS_PER_S
        return self.open_ns(end_ns) if self.length_s == _MONTH_S else end_ns


INTERVALS: Final = {
    "1s": Interval(1, 1),
    "1m": Interval(60, 60),
    "3m": Interval(60, 180),
    "5m": Interval(300, 300),
    "15m": Interval(900, 900),
    "30m": Interval(900, 1_800),
    "1h": Interval(3_600, 3_600),
    "2h": Interval(3_600, 7_200),
    "4h": Interval(14_400, 14_400),
    "6h": Interval(3_600, 21_600),
    "8h": Interval(14_400, 28_800),
    "12h": Interval(14_400, 43_200),
    "1d": Interval(_DAY_S, _DAY_S),
    "3d": Interval(_DAY_S, 3 * _DAY_S),
    "1w": Interval(_DAY_S, 7 * _DAY_S, _MONDAY_S),
    "1M": Interval(_DAY_S, _MONTH_S),
}
"""By the names that Binance has for them."""

assert {each.kept_s for each in INTERVALS.values()} <= set(INTERVALS_S)
