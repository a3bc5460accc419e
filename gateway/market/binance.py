"""The feed: live quotes and trades of some symbols, from Binance or from anything that speaks like it.

A frame is decoded where it arrives and given to the sink at once. One that cannot be decoded is counted and
forgotten. A symbol that has nothing new to say for too long is worth a new connection: watch.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Final

import msgspec
import structlog

from engine.model.scale import NS_PER_S
from gateway.market import PASS_STREAM, MarketSink, decode_envelope
from gateway.market.connection import Connection
from gateway.market.watch import SymbolWatch
from gateway.protocol.codecs import DecodeFailure

log = structlog.get_logger()

Int63 = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class BookTicker(msgspec.Struct, frozen=True, gc=False):
    """The best bid and ask of a symbol, as Binance sends them: with no time of their own."""

    source_sequence: Int63 = msgspec.field(name="u")
    symbol: str = msgspec.field(name="s")
    bid: str = msgspec.field(name="b")
    bid_quantity: str = msgspec.field(name="B")
    ask: str = msgspec.field(name="a")
    ask_quantity: str = msgspec.field(name="A")


class TradeReport(msgspec.Struct, frozen=True, gc=False):
    """What the feed uses of a trade frame."""

    symbol: str = msgspec.field(name="s")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    trade_time_ms: Int63 = msgspec.field(name="T")


class PassReport(msgspec.Struct, frozen=True, gc=False):
    """Our market server starts a recording over."""

    number: int = msgspec.field(name="pass")


LOOK_EVERY_NS: Final = NS_PER_S // 4
"""How often to look for symbols that are silent."""

decode_book_ticker = msgspec.json.Decoder(BookTicker).decode
decode_trade = msgspec.json.Decoder(TradeReport).decode
decode_pass = msgspec.json.Decoder(PassReport).decode


class BinanceFeed:
    """Frames from `stream_url` to a sink, for as long as it runs, through every outage.

    `silence_s` without any frame counts as a lost connection, and so does `symbol_silence_s` without a new best price
    frame of one symbol (0: it does not). The wait before reconnecting doubles from `backoff_s` to `backoff_cap_s`.
    All counters are plain attributes, to be read at any time; `symbol_last_frame_ns` is when the last best price frame
    of each symbol came that was newer than the one before, in ns since the epoch, 0 if none has.
    """

    def __init__(
        self,
        stream_url: str,
        symbols: Sequence[str],
        sink: MarketSink,
        *,
        silence_s: float = 10.0,
        symbol_silence_s: float = 0.0,
        backoff_s: float = 0.25,
        backoff_cap_s: float = 5.0,
    ) -> None:
        if not symbols:
            raise ValueError("a feed needs at least one symbol")
        self.frames = 0
        self.malformed = 0
        self.last_frame_ns = 0
        self.renewals = 0
        """Connections given up because a symbol was silent."""
        self.symbol_last_frame_ns = {symbol.upper(): 0 for symbol in symbols}
        self.watch = SymbolWatch(self.symbol_last_frame_ns, int(symbol_silence_s * NS_PER_S))
        self._look_again_ns = 0
        self._stream_url = stream_url
        self._sink = sink
        self._handlers: dict[str, Callable[[msgspec.Raw], None]] = {PASS_STREAM: self._handle_pass}
        for symbol in self.symbol_last_frame_ns:
            self._handle_streams_of(symbol)
        self._connection = Connection(
            stream_url,
            self._streams(),
            self._opened,
            self._handle_frame,
            silence_s=silence_s,
            backoff_s=backoff_s,
            backoff_cap_s=backoff_cap_s,
        )

    def start(self) -> asyncio.Task[None]:
        """Begin to connect. The task lasts until `stop`; it ends earlier only with what the sink raised."""
        return self._connection.start()

    async def stop(self) -> None:
        """Close the connection. Raises what the sink raised, if that had ended the feed before."""
        await self._connection.close()

    @property
    def connected(self) -> bool:
        """Whether there is a connection now (a silent one counts until its time is up)."""
        return self._connection.connected

    @property
    def reconnects(self) -> int:
        """Connections opened after the first one."""
        return max(0, self._connection.connections - 1)

    @property
    def last_error(self) -> str:
        """Why the last connection or attempt failed; empty if none has."""
        return self._connection.last_error

    @property
    def old_frames(self) -> int:
        """Best price frames whose number was not above the last one of their symbol."""
        return self.watch.old_frames

    def follow(self, symbol: str) -> None:
        """Take frames of this symbol too, from a new connection on."""
        if symbol in self.symbol_last_frame_ns:
            return
        self.symbol_last_frame_ns[symbol] = 0
        self.watch.add(symbol)
        self._handle_streams_of(symbol)
        self._connection.renew(f"{symbol} is followed as well", self._streams())

    def _handle_streams_of(self, symbol: str) -> None:
        self._handlers[f"{symbol.lower()}@bookTicker"] = self._handle_quote
        self._handlers[f"{symbol.lower()}@trade"] = self._handle_trade

    def _streams(self) -> list[str]:
        return [stream for stream in self._handlers if stream != PASS_STREAM]

    def _opened(self) -> None:
        self.watch.opened(time.monotonic_ns())
        self._sink.feed_opened(self._stream_url)

    def _handle_frame(self, frame: bytes) -> None:
        self.frames += 1
        self.last_frame_ns = time.time_ns()
        try:
            envelope = decode_envelope(frame)
        except DecodeFailure:
            self.malformed += 1
            return
        handler = self._handlers.get(envelope.stream)
        if handler is None:
            self.malformed += 1
            return
        handler(envelope.data)
        now_ns = time.monotonic_ns()
        if now_ns >= self._look_again_ns:
            self._look_again_ns = now_ns + LOOK_EVERY_NS
            self._renew_for_silent(now_ns)

    def _renew_for_silent(self, now_ns: int) -> None:
        silent = self.watch.lost(now_ns)
        if not silent:
            return
        self.renewals += 1
        for symbol, old_frames in silent.items():
            log.warning("market symbol silent", symbol=symbol, old_frames=old_frames)
        self._connection.renew(f"nothing new of {', '.join(silent)}")

    def _handle_quote(self, data: msgspec.Raw) -> None:
        try:
            quote = decode_book_ticker(data)
        except DecodeFailure:
            self.malformed += 1
            return
        if quote.symbol not in self.symbol_last_frame_ns:
            self.malformed += 1
            return

        received_ns = self.last_frame_ns
        if self.watch.heard(quote.symbol, quote.source_sequence, time.monotonic_ns()):
            self.symbol_last_frame_ns[quote.symbol] = received_ns
        self._sink.quote(
            quote.symbol,
            quote.bid,
            quote.ask,
            quote.bid_quantity,
            quote.ask_quantity,
            quote.source_sequence,
            received_ns,
        )

    def _handle_trade(self, data: msgspec.Raw) -> None:
        try:
            trade = decode_trade(data)
        except DecodeFailure:
            self.malformed += 1
            return
        if trade.symbol not in self.symbol_last_frame_ns:
            self.malformed += 1
            return

        self._sink.trade(trade.symbol, trade.price, trade.quantity, trade.trade_time_ms)

    def _handle_pass(self, data: msgspec.Raw) -> None:
        try:
            number = decode_pass(data).number
        except DecodeFailure:
            self.malformed += 1
            return

        self.watch.start_over()
        self._sink.feed_opened(f"{self._stream_url} pass {number}")
