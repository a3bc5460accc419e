"""The market's sink: what the feed receives becomes commands, and the last trade prices are kept to be shown."""

from __future__ import annotations

from engine.model.commands import OpenFeed, encode_cold
from engine.model.scale import MONEY_DECIMALS, NotDecimal, OutOfRange, TooPrecise, parse_decimal
from gateway.core.records import Outcome, cold_record, quote_record
from gateway.core.sequencer import Sequencer, Urgency
from gateway.market.filter import QuoteFilter
from gateway.presenters.instruments import Instruments


class Prices:
    """A MarketSink. Quotes go into the sequencer; trades are not logged."""

    def __init__(self, instruments: Instruments, filter: QuoteFilter) -> None:
        self.sequencer: Sequencer | None = None
        self.filter = filter
        self.trades = 0
        self._instruments = instruments
        self._last: dict[str, str] = {}

    def watch(self, instrument: int) -> None:
        """The instrument was defined anew: let its quotes through."""
        data = self._instruments.by_id[instrument].data
        self.filter.watch(data.symbol, instrument, data.tick_units)

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
        quote = self.filter.take(symbol, bid, ask, bid_quantity, ask_quantity, source_sequence, received_ns)
        if quote is not None and self.sequencer is not None:
            record = quote_record(quote.instrument, quote.bid, quote.ask, quote.source_sequence, received_ns)
            self.sequencer.submit_market(record)

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


def _nobody(outcome: Outcome, at_ns: int) -> None:
    """Nobody waits to hear that the feed was opened."""
