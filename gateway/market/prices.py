"""The market's sink: what the feed receives becomes commands, and the last trade prices are kept to be shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from engine.model.commands import OpenFeed, encode_cold
from engine.model.scale import (
    MONEY_DECIMALS,
    NS_PER_S,
    NotDecimal,
    OutOfRange,
    TooPrecise,
    format_decimal,
    parse_decimal,
)
from gateway.core.records import Outcome, cold_record, quote_record
from gateway.core.sequencer import Sequencer, Urgency
from gateway.market.filter import CONFIRM_EVERY_NS, MIN_TOP_NOTIONAL, Notice, QuoteFilter, What
from gateway.presenters.instruments import Instruments

log = structlog.get_logger()

TELL_EVERY_NS: Final = 10 * NS_PER_S
"""How long the same is not told again of a symbol: a market may be wild for many frames."""


class Prices:
    """A MarketSink. Quotes go into the sequencer; trades are not logged.

    `waits(instrument)` says whether an order waits for a quote of it, `last_quote(instrument)` bid and ask that the
    engine has, in ticks with the markup, 0 before the first; `jump_ppm(symbol)` how far a price may jump, 0: any.
    """

    def __init__(
        self,
        instruments: Instruments,
        waits: Callable[[int], bool],
        last_quote: Callable[[int], tuple[int, int]] = lambda instrument: (0, 0),
        *,
        min_top_notional: int = MIN_TOP_NOTIONAL,
        confirm_every_ns: int = CONFIRM_EVERY_NS,
        jump_ppm: Callable[[str], int] = lambda symbol: 0,
    ) -> None:
        self.sequencer: Sequencer | None = None
        self.filter = QuoteFilter(
            waits, min_top_notional=min_top_notional, confirm_every_ns=confirm_every_ns, tell=self._tell
        )
        self.trades = 0
        self._instruments = instruments
        self._last_quote = last_quote
        self._jump_ppm = jump_ppm
        self._told_ns: dict[tuple[str, What], int] = {}
        self._last: dict[str, str] = {}

    def watch(self, instrument: int) -> None:
        """The instrument was defined anew: let its quotes through."""
        data = self._instruments.by_id[instrument].data
        bid, ask = self._last_quote(instrument)
        if bid:
            bid, ask = bid + data.markup_ticks, ask - data.markup_ticks
        self.filter.watch(data.symbol, instrument, data.tick_units, self._jump_ppm(data.symbol), (bid, ask))

    def feed_opened(self, source: str) -> None:
        self.filter.reset()
        if self.sequencer is not None:
            self.sequencer.submit(cold_record(), _nobody, Urgency.OPERATOR, encode_cold(OpenFeed(source)))

    def quote(
        self,
        symbol: str,
        bid: str,
        ask: str,
        bid_quantity: str,
        ask_quantity: str,
        source_sequence: int,
        received_ns: int,
    ) -> None:
        for quote in self.filter.take(symbol, bid, ask, bid_quantity, ask_quantity, source_sequence, received_ns):
            if self.sequencer is not None:
                self.sequencer.submit_market(
                    quote_record(quote.instrument, quote.bid, quote.ask, quote.source_sequence, quote.received_ns)
                )

    def trade(self, symbol: str, price: str, quantity: str, trade_time_ms: int) -> None:
        self.trades += 1
        self._last[symbol] = price

    def last_price(self, symbol: str) -> str | None:
        """The price of the last trade, with the instrument's decimals; None when there was none that makes sense."""
        text = self._last.get(symbol)
        instrument = self._instruments.by_symbol.get(symbol)
        if text is None or instrument is None:
            return None
        try:
            units = parse_decimal(text, MONEY_DECIMALS)
        except (NotDecimal, TooPrecise, OutOfRange):
            return None
        return instrument.price_text(units // instrument.data.tick_units)

    def _tell(self, notice: Notice) -> None:
        quote, at_ns, kind = notice.quote, notice.quote.received_ns, (notice.symbol, notice.what)
        if at_ns - self._told_ns.get(kind, -TELL_EVERY_NS) < TELL_EVERY_NS:
            return
        self._told_ns[kind] = at_ns
        bid, ask, last_bid, last_ask = (
            format_decimal(ticks * notice.tick_units, MONEY_DECIMALS) for ticks in (quote.bid, quote.ask, *notice.last)
        )
        log.warning(
            notice.what.value,
            symbol=notice.symbol,
            bid=bid,
            ask=ask,
            last_bid=last_bid,
            last_ask=last_ask,
            source_sequence=quote.source_sequence,
        )


def _nobody(outcome: Outcome, at_ns: int) -> None:
    """Nobody waits to hear that the feed was opened."""
