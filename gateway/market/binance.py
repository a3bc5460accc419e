"""The feed: live quotes and trades of some symbols, from Binance or from anything that speaks like it.

A frame is decoded where it arrives and given to the sink at once. One that cannot be decoded is counted and
forgotten. The set of symbols is fixed for a feed's life: for another set, make another feed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated

import aiohttp
import msgspec
from binance.async_client import AsyncClient
from binance.exceptions import BinanceAPIException, BinanceRequestException

from gateway.market import PASS_STREAM, MarketSink, SymbolRules, decode_envelope
from gateway.market.connection import Connection
from gateway.protocol.codecs import DecodeFailure

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


REST_ERRORS = (BinanceAPIException, BinanceRequestException, aiohttp.ClientError, OSError)
"""What python-binance's REST client raises when the exchange refuses, answers nonsense, or is not there."""

decode_book_ticker = msgspec.json.Decoder(BookTicker).decode
decode_trade = msgspec.json.Decoder(TradeReport).decode
decode_pass = msgspec.json.Decoder(PassReport).decode


class BinanceFeed:
    """Frames from `stream_url` to a sink, for as long as it runs, through every outage.

    `silence_s` without any frame counts as a lost connection. The wait before reconnecting doubles from `backoff_s`
    to `backoff_cap_s`. All counters are plain attributes, to be read at any time.
    """

    def __init__(
        self,
        stream_url: str,
        symbols: Sequence[str],
        sink: MarketSink,
        *,
        silence_s: float = 10.0,
        backoff_s: float = 0.25,
        backoff_cap_s: float = 5.0,
    ) -> None:
        if not symbols:
            raise ValueError("a feed needs at least one symbol")
        self.frames = 0
        self.malformed = 0
        self.last_frame_ns = 0
        self.symbol_last_frame_ns = {symbol.upper(): 0 for symbol in symbols}
        self._stream_url = stream_url
        self._sink = sink
        self._handlers: dict[str, Callable[[msgspec.Raw], None]] = {}
        for symbol in self.symbol_last_frame_ns:
            self._handlers[f"{symbol.lower()}@bookTicker"] = self._handle_quote
            self._handlers[f"{symbol.lower()}@trade"] = self._handle_trade
        self._connection = Connection(
            stream_url,
            list(self._handlers),
            self._opened,
            self._handle_frame,
            silence_s=silence_s,
            backoff_s=backoff_s,
            backoff_cap_s=backoff_cap_s,
        )
        self._handlers[PASS_STREAM] = self._handle_pass

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

    def silent_symbols(self, now_ns: int, longer_than_ns: int) -> list[str]:
        """Symbols with no frame for longer than that, or none at all yet."""
        return [symbol for symbol, last_ns in self.symbol_last_frame_ns.items() if now_ns - last_ns > longer_than_ns]

    def _opened(self) -> None:
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

    def _handle_quote(self, data: msgspec.Raw) -> None:
        try:
            quote = decode_book_ticker(data)
        except DecodeFailure:
            self.malformed += 1
            return
        if quote.symbol not in self.symbol_last_frame_ns:
            self.malformed += 1
            return

        received_ns = self.symbol_last_frame_ns[quote.symbol] = self.last_frame_ns
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

        self.symbol_last_frame_ns[trade.symbol] = self.last_frame_ns
        self._sink.trade(trade.symbol, trade.price, trade.quantity, trade.trade_time_ms)

    def _handle_pass(self, data: msgspec.Raw) -> None:
        try:
            number = decode_pass(data).number
        except DecodeFailure:
            self.malformed += 1
            return

        self._sink.feed_opened(f"{self._stream_url} pass {number}")


class SymbolsUnavailable(Exception):
    """The exchange did not answer, or does not list what was asked for; the message says which."""


class _Filter(msgspec.Struct, frozen=True):
    kind: str = msgspec.field(name="filterType")
    tick_size: str = msgspec.field(name="tickSize", default="")
    step_size: str = msgspec.field(name="stepSize", default="")


class _Symbol(msgspec.Struct, frozen=True):
    symbol: str
    status: str
    filters: list[_Filter]


class _ExchangeInfo(msgspec.Struct, frozen=True):
    symbols: list[_Symbol]


async def check_symbols(rest_url: str, symbols: Sequence[str], timeout_s: float = 10.0) -> dict[str, SymbolRules]:
    """Tick size, step size and status of each symbol, as the exchange lists them. Raises SymbolsUnavailable."""
    client = AsyncClient()
    client.API_URL = rest_url.rstrip("/") + "/api"
    wanted = msgspec.json.encode([symbol.upper() for symbol in symbols]).decode()
    try:
        async with asyncio.timeout(timeout_s):
            answer = await client._get("exchangeInfo", data={"symbols": wanted})
        listed = {entry.symbol: entry for entry in msgspec.convert(answer, _ExchangeInfo).symbols}
    except TimeoutError as error:
        raise SymbolsUnavailable(f"{rest_url} did not answer within {timeout_s} s") from error
    except (*REST_ERRORS, msgspec.ValidationError) as error:
        raise SymbolsUnavailable(f"{rest_url} does not list {', '.join(symbols)}: {error}") from error
    finally:
        await client.close_connection()

    missing = [symbol for symbol in symbols if symbol.upper() not in listed]
    if missing:
        raise SymbolsUnavailable(f"{rest_url} does not list {', '.join(missing)}")
    return {symbol: _rules(listed[symbol.upper()]) for symbol in symbols}


def _rules(entry: _Symbol) -> SymbolRules:
    sizes = {part.kind: part for part in entry.filters}
    if "PRICE_FILTER" not in sizes or "LOT_SIZE" not in sizes:
        raise SymbolsUnavailable(f"{entry.symbol} is listed without a tick size or step size")
    return SymbolRules(sizes["PRICE_FILTER"].tick_size, sizes["LOT_SIZE"].step_size, entry.status)
