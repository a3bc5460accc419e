"""Which bookTicker frames become quotes. No I/O, no clock: frames in, quotes out.

Nine frames in ten change neither bid nor ask. A frame passes if it

- changes a price, or is the first of its symbol since the feed opened;
- confirms prices that were last passed on `confirm_every_ns` ago or earlier;
- confirms prices while an order waits for a quote of the instrument.

A frame that is not newer than the last one, cannot be parsed, or is dust (a bid or ask worth less than
`min_top_notional`) is counted, and later frames are not compared
with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from engine.model.scale import MONEY, MONEY_DECIMALS, NS_PER_MS, parse_decimal

CONFIRM_EVERY_NS: Final = 500 * NS_PER_MS
MIN_TOP_NOTIONAL: Final = 100 * MONEY
NOTHING_SEEN: Final = -1


class FilteredQuote(NamedTuple):
    """A frame that passed: prices in ticks of the instrument."""

    instrument: int
    bid: int
    ask: int
    source_sequence: int


class FrameCounts:
    """What became of the frames of one symbol; `frames` is the sum of all the others."""

    __slots__ = ("changed", "confirmed", "dust", "frames", "malformed", "not_newer", "unchanged")

    def __init__(self) -> None:
        self.frames = 0
        self.changed = 0
        self.confirmed = 0
        self.unchanged = 0
        self.dust = 0
        self.malformed = 0
        self.not_newer = 0

    def __add__(self, other: FrameCounts) -> FrameCounts:
        total = FrameCounts()
        for name in self.__slots__:
            setattr(total, name, getattr(self, name) + getattr(other, name))
        return total


class _Watched:
    """One symbol: what it is in the engine, and the last frame that said something of it."""

    __slots__ = (
        "ask",
        "ask_quantity_text",
        "ask_text",
        "bid",
        "bid_quantity_text",
        "bid_text",
        "counts",
        "instrument",
        "passed_ns",
        "source_sequence",
        "tick_units",
    )

    def __init__(self, instrument: int, tick_units: int) -> None:
        self.instrument = instrument
        self.tick_units = tick_units
        self.counts = FrameCounts()
        self.forget()

    def forget(self) -> None:
        self.source_sequence = NOTHING_SEEN
        self.passed_ns = 0
        self.bid = self.ask = 0
        self.bid_text = self.ask_text = ""
        # Worth enough at the prices above, so they need not be parsed again.
        self.bid_quantity_text = self.ask_quantity_text = ""


class QuoteFilter:
    """The filter of one feed. `waits(instrument)` says whether an order waits for a quote of that instrument."""

    def __init__(
        self,
        waits: Callable[[int], bool],
        *,
        min_top_notional: int = MIN_TOP_NOTIONAL,
        confirm_every_ns: int = CONFIRM_EVERY_NS,
    ) -> None:
        self.unwatched = 0
        self._waits = waits
        self._confirm_every_ns = confirm_every_ns
        self._min_top_value = min_top_notional * MONEY
        self._watched: dict[str, _Watched] = {}

    def watch(self, symbol: str, instrument: int, tick_units: int) -> None:
        """Pass quotes of `symbol` on as `instrument`, whose tick is `tick_units` of 1e-8. Starts it afresh."""
        if tick_units < 1:
            raise ValueError(f"a tick of {symbol} must be at least 1e-8")
        self._watched[symbol] = _Watched(instrument, tick_units)

    def unwatch(self, symbol: str) -> None:
        """Pass no more quotes of `symbol` on."""
        self._watched.pop(symbol, None)

    def reset(self) -> None:
        """The feed opened: source sequences start anew, and the first frame of each symbol counts as a change."""
        for watched in self._watched.values():
            watched.forget()

    def counts(self, symbol: str) -> FrameCounts:
        """The counters of one symbol, kept since it was first watched."""
        return self._watched[symbol].counts

    def total(self) -> FrameCounts:
        """The counters of all symbols together."""
        return sum((watched.counts for watched in self._watched.values()), FrameCounts())

    def take(
        self,
        symbol: str,
        bid: str,
        ask: str,
        bid_quantity: str,
        ask_quantity: str,
        source_sequence: int,
        received_ns: int,
    ) -> FilteredQuote | None:
        """The quote that this frame makes, if it makes one. Costs a microsecond when no price changes."""
        watched = self._watched.get(symbol)
        if watched is None:
            self.unwatched += 1
            return None

        counts = watched.counts
        counts.frames += 1
        if source_sequence <= watched.source_sequence:
            counts.not_newer += 1
            return None

        tick_units = watched.tick_units
        try:
            if bid == watched.bid_text and ask == watched.ask_text:
                bid_ticks, ask_ticks = watched.bid, watched.ask
                dust = (
                    bid_quantity != watched.bid_quantity_text and self._is_dust(bid_ticks * tick_units, bid_quantity)
                ) or (ask_quantity != watched.ask_quantity_text and self._is_dust(ask_ticks * tick_units, ask_quantity))
            else:
                bid_ticks, ask_ticks = _whole_ticks(bid, tick_units), _whole_ticks(ask, tick_units)
                dust = self._is_dust(bid_ticks * tick_units, bid_quantity) or self._is_dust(
                    ask_ticks * tick_units, ask_quantity
                )
        except ValueError:
            counts.malformed += 1
            return None

        watched.source_sequence = source_sequence
        if dust:
            counts.dust += 1
            return None

        same = bid_ticks == watched.bid and ask_ticks == watched.ask
        watched.bid, watched.bid_text, watched.bid_quantity_text = bid_ticks, bid, bid_quantity
        watched.ask, watched.ask_text, watched.ask_quantity_text = ask_ticks, ask, ask_quantity
        if not same:
            counts.changed += 1
        elif received_ns - watched.passed_ns >= self._confirm_every_ns or self._waits(watched.instrument):
            counts.confirmed += 1
        else:
            counts.unchanged += 1
            return None
        watched.passed_ns = received_ns
        return FilteredQuote(watched.instrument, bid_ticks, ask_ticks, source_sequence)

    def _is_dust(self, price_units: int, quantity: str) -> bool:
        return price_units * _units(quantity) < self._min_top_value


def _units(text: str) -> int:
    """A price or quantity in units of 1e-8: parse_decimal, at half its cost for text as Binance sends it."""
    if 9 < len(text) < 20 and text[-9] == ".":
        digits = text[:-9] + text[-8:]
        if digits.isdigit() and digits.isascii():
            return int(digits)
    return parse_decimal(text, MONEY_DECIMALS)


def _whole_ticks(price: str, tick_units: int) -> int:
    """The price in ticks. Raises ValueError if it is not a whole, positive number of them."""
    ticks, rest = divmod(_units(price), tick_units)
    if rest or ticks < 1:
        raise ValueError(f"{price} is not a positive number of ticks")
    return ticks
