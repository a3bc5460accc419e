"""Which bookTicker frames become quotes. No I/O, no clock: frames in, quotes out.

Nine frames in ten change neither bid nor ask. A frame passes if it

- changes a price, or is the first of its symbol since the feed opened;
- confirms prices that were last passed on `confirm_every_ns` ago or earlier;
- confirms prices while an order waits for a quote of the instrument, or a speed bump holds a price or stop back.

A frame that is not newer than the last one, cannot be parsed, or is dust (a bid or ask worth less than
`min_top_notional`) is counted, and later frames are not compared with it. Prices between two ticks are rounded against
who trades: the bid down, the ask up.

A frame that jumps, on either side, further than the instrument's `jump_ppm` from the last one that passed is withheld,
until a frame says something new of that side. If that one is near it the price is real, and both pass, however late it
comes; else it was wild and is dropped. What is withheld is never logged: meanwhile the last quote grows stale.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from engine.model.scale import BOUND, MONEY, MONEY_DECIMALS, NS_PER_MS, PPM, OutOfRange, parse_decimal

CONFIRM_EVERY_NS: Final = 500 * NS_PER_MS
MIN_TOP_NOTIONAL: Final = 100 * MONEY
NOTHING_SEEN: Final = -1


class FilteredQuote(NamedTuple):
    """A frame that passed: prices in ticks of the instrument."""

    instrument: int
    bid: int
    ask: int
    source_sequence: int
    received_ns: int


class What(Enum):
    """What an operator is told of a symbol."""

    FINER_TICK = "the exchange quotes finer than our tick: bids are rounded down, asks up"
    WITHHELD = "market frame withheld: the price jumps"
    TAKEN = "market frame taken: the next one is near it"
    WILD = "market frame dropped: the next one is not near it"


class Notice(NamedTuple):
    """Something that an operator is told, and the frame that it is about."""

    what: What
    symbol: str
    quote: FilteredQuote
    last: tuple[int, int]  # bid and ask in ticks of the last quote that passed; 0: none has
    tick_units: int


class FrameCounts:
    """What became of the frames of one symbol; `frames` is the sum of all the others. Those withheld count as that,
    whether they were taken later or dropped."""

    __slots__ = ("changed", "confirmed", "dust", "frames", "malformed", "not_newer", "unchanged", "withheld")

    def __init__(self) -> None:
        self.frames = 0
        self.changed = 0
        self.confirmed = 0
        self.unchanged = 0
        self.dust = 0
        self.malformed = 0
        self.not_newer = 0
        self.withheld = 0

    def __add__(self, other: FrameCounts) -> FrameCounts:
        total = FrameCounts()
        for name in self.__slots__:
            setattr(total, name, getattr(self, name) + getattr(other, name))
        return total


class _Watched:
    """One symbol: what it is in the engine, the last frame that passed, and the one that is withheld."""

    __slots__ = (
        "ask",
        "ask_quantity_text",
        "ask_text",
        "bid",
        "bid_quantity_text",
        "bid_text",
        "counts",
        "finer",
        "instrument",
        "is_first",
        "jump_ppm",
        "passed_ns",
        "source_sequence",
        "tick_units",
        "withheld",
    )

    def __init__(self, instrument: int, tick_units: int) -> None:
        self.instrument = instrument
        self.tick_units = tick_units
        self.jump_ppm = 0
        self.counts = FrameCounts()
        self.finer = False
        """Has a price between two ticks been seen?"""
        self.bid = self.ask = 0
        self.forget()

    def forget(self) -> None:
        """Let the next frame count as a change. The prices stay, to tell a jump by."""
        self.is_first = True
        self.source_sequence = NOTHING_SEEN
        self.passed_ns = 0
        self.bid_text: str | None = None
        self.ask_text: str | None = None
        # Worth enough at the prices above, so they need not be parsed again.
        self.bid_quantity_text = self.ask_quantity_text = ""
        self.withheld: _Withheld | None = None

    def jumps(self, price: int, last: int) -> bool:
        return last > 0 and self.jump_ppm > 0 and abs(price - last) * PPM > last * self.jump_ppm


class _Withheld(NamedTuple):
    """A frame that jumps: what it says of the sides on which it does, None of the other."""

    quote: FilteredQuote
    bid_side: tuple[str, str] | None  # price and quantity
    ask_side: tuple[str, str] | None


class QuoteFilter:
    """The filter of one feed. `waits(instrument)` says whether an order waits for a quote of that instrument; `tell`
    takes what an operator should know, also many times over."""

    def __init__(
        self,
        waits: Callable[[int], bool],
        *,
        min_top_notional: int = MIN_TOP_NOTIONAL,
        confirm_every_ns: int = CONFIRM_EVERY_NS,
        tell: Callable[[Notice], None] = lambda notice: None,
    ) -> None:
        self._waits = waits
        self._tell = tell
        self._confirm_every_ns = confirm_every_ns
        self._min_top_value = min_top_notional * MONEY
        self._watched: dict[str, _Watched] = {}

    def watch(
        self, symbol: str, instrument: int, tick_units: int, jump_ppm: int = 0, last: tuple[int, int] = (0, 0)
    ) -> None:
        """Pass quotes of `symbol` on as `instrument`, whose tick is `tick_units` of 1e-8. Starts it afresh.

        `jump_ppm` is how far a price may jump (0: any), and `last` bid and ask in ticks, before any frame, from where.
        """
        if tick_units < 1:
            raise ValueError(f"a tick of {symbol} must be at least 1e-8")
        watched = self._watched.get(symbol)
        if watched is None or (watched.instrument, watched.tick_units) != (instrument, tick_units):
            watched = self._watched[symbol] = _Watched(instrument, tick_units)
            watched.bid, watched.ask = last
        watched.jump_ppm = jump_ppm
        watched.forget()

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
    ) -> tuple[FilteredQuote, ...]:
        """The quotes that this frame makes: mostly none, else its own, before it one that was withheld till now. Costs
        a microsecond when no price changes."""
        watched = self._watched.get(symbol)
        if watched is None:
            return ()

        counts = watched.counts
        counts.frames += 1
        if source_sequence <= watched.source_sequence:
            counts.not_newer += 1
            return ()

        tick_units = watched.tick_units
        repeats = bid == watched.bid_text and ask == watched.ask_text
        try:
            if repeats:
                bid_ticks, ask_ticks = watched.bid, watched.ask
                dust = (
                    bid_quantity != watched.bid_quantity_text and self._is_dust(bid_ticks * tick_units, bid_quantity)
                ) or (ask_quantity != watched.ask_quantity_text and self._is_dust(ask_ticks * tick_units, ask_quantity))
            else:
                bid_ticks, below = divmod(_units(bid), tick_units)
                ask_ticks, above = divmod(_units(ask), tick_units)
                ask_ticks += above > 0
                if bid_ticks < 1 or ask_ticks < 1:
                    raise ValueError(f"{bid} or {ask} is below a tick")
                dust = self._is_dust(bid_ticks * tick_units, bid_quantity) or self._is_dust(
                    ask_ticks * tick_units, ask_quantity
                )
        except ValueError:
            counts.malformed += 1
            return ()

        watched.source_sequence = source_sequence
        if dust:
            counts.dust += 1
            return ()

        taken: tuple[FilteredQuote, ...] = ()
        if not repeats or watched.withheld is not None:
            quote = FilteredQuote(watched.instrument, bid_ticks, ask_ticks, source_sequence, received_ns)
            if not repeats and (below or above) and not watched.finer:
                watched.finer = True
                self._tell(Notice(What.FINER_TICK, symbol, quote, (watched.bid, watched.ask), watched.tick_units))
            taken = self._released(symbol, watched, quote, (bid, bid_quantity), (ask, ask_quantity))
            if watched.withheld is not None:
                counts.withheld += 1
                return taken

        same = not watched.is_first and bid_ticks == watched.bid and ask_ticks == watched.ask
        watched.is_first = False
        watched.bid, watched.bid_text, watched.bid_quantity_text = bid_ticks, bid, bid_quantity
        watched.ask, watched.ask_text, watched.ask_quantity_text = ask_ticks, ask, ask_quantity
        if not same:
            counts.changed += 1
        elif received_ns - watched.passed_ns >= self._confirm_every_ns or self._waits(watched.instrument):
            counts.confirmed += 1
        else:
            counts.unchanged += 1
            return taken
        watched.passed_ns = received_ns
        return (*taken, FilteredQuote(watched.instrument, bid_ticks, ask_ticks, source_sequence, received_ns))

    def _released(
        self, symbol: str, watched: _Watched, quote: FilteredQuote, bid_side: tuple[str, str], ask_side: tuple[str, str]
    ) -> tuple[FilteredQuote, ...]:
        """The frame that was withheld, if this one confirms it. Withholds this one if it jumps."""
        held = watched.withheld
        taken: tuple[FilteredQuote, ...] = ()
        if held is not None:
            if held.bid_side in (None, bid_side) and held.ask_side in (None, ask_side):
                return ()
            watched.withheld = None
            first = held.quote
            is_wild = (held.bid_side is not None and watched.jumps(quote.bid, first.bid)) or (
                held.ask_side is not None and watched.jumps(quote.ask, first.ask)
            )
            what = What.WILD if is_wild else What.TAKEN
            self._tell(Notice(what, symbol, first, (watched.bid, watched.ask), watched.tick_units))
            if not is_wild:
                watched.bid, watched.ask, watched.is_first = first.bid, first.ask, True
                taken = (first,)
        bid_jumps, ask_jumps = watched.jumps(quote.bid, watched.bid), watched.jumps(quote.ask, watched.ask)
        if bid_jumps or ask_jumps:
            watched.withheld = _Withheld(quote, bid_side if bid_jumps else None, ask_side if ask_jumps else None)
            self._tell(Notice(What.WITHHELD, symbol, quote, (watched.bid, watched.ask), watched.tick_units))
        return taken

    def _is_dust(self, price_units: int, quantity: str) -> bool:
        return price_units * _size(quantity) < self._min_top_value


def _units(text: str) -> int:
    """A price or quantity in units of 1e-8: parse_decimal, at half its cost for text as Binance sends it."""
    if 9 < len(text) < 20 and text[-9] == ".":
        digits = text[:-9] + text[-8:]
        if digits.isdigit() and digits.isascii():
            return int(digits)
    return parse_decimal(text, MONEY_DECIMALS)


def _size(text: str) -> int:
    """A quantity in units of 1e-8; one that no unit of ours can hold is as good as the largest."""
    try:
        return _units(text)
    except OutOfRange:
        return BOUND
