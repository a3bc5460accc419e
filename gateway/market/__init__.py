"""Market data: where prices come from, and what happens to them before the engine sees one.

    sources.py      where prices come from, as the configuration says
    prices.py       the sink of all that: quotes become commands, and last trade prices are kept
    connection.py   one socket to a combined stream, through python-binance, kept open for ever
    binance.py      the feed: frames from Binance, or from our own market server, to a MarketSink
    watch.py        which symbols of the feed are silent
    exchange.py     what the exchange's REST calls say of our symbols
    filter.py       which of those frames become quotes
    recording.py    recorded frames: reading, merging, writing
    simulated.py    frames of a seeded random walk
    derived.py      aggTrade, kline and miniTicker frames, made from trades
    listings.py     symbols, tick sizes and step sizes, as an exchange lists them
    rest.py         the REST calls of the market server
    subscriptions.py   what a client of the market server may ask over its socket
    subscriber.py   one client of the market server
    faults.py       what goes wrong on request
    server.py       an exchange to connect to: plays recorded or simulated frames as Binance would send them

Text stays text up to the filter, which makes integers of it. Nothing here knows a player, an order or a match.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

import msgspec

STREAM_KINDS: Final = ("bookTicker", "trade", "aggTrade", "kline_1m", "miniTicker")
"""The Binance streams that are recorded, simulated and served, as they stand after the `@` of a stream name."""

PASS_STREAM: Final = "arena@pass"
"""The one stream that Binance does not have: our server says on it that a recording starts over."""


class MarketSink(Protocol):
    """Who takes what the feed receives. Called on the event loop; never awaits, so nothing has to be queued."""

    def feed_opened(self, source: str) -> None:
        """A new connection, or a new pass of a looping recording: source sequences start anew."""

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
        """A bookTicker frame, its figures as the text they came as. `received_ns` is wall time since the epoch."""

    def trade(self, symbol: str, price: str, quantity: str, trade_time_ms: int) -> None:
        """A trade frame. `trade_time_ms` is the exchange's, or that of the recording."""


class MarketFrame(NamedTuple):
    """A combined-stream frame and when it came, in ns since the epoch."""

    time_ns: int
    stream: str
    frame: bytes


MarketSource = Iterable[MarketFrame]
"""A recording or a simulation: frames in order of time, and the same ones each time it is iterated."""


class StreamEnvelope(msgspec.Struct, frozen=True, gc=False):
    """The outside of every combined-stream frame."""

    stream: str
    data: msgspec.Raw


decode_envelope = msgspec.json.Decoder(StreamEnvelope).decode
