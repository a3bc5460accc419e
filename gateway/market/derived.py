"""aggTrade, kline_1m and miniTicker frames, made from trade frames where a source has none of its own.

As on Binance, an aggTrade joins consecutive fills of one price, side and time; a kline is sent at most every 2 s and
once more when its minute is over; a miniTicker at most every second. Unlike there, the exchange's clock is that of
the trades, so a symbol without trades is silent, and a miniTicker covers what was played so far, up to 24 h in name.
Amounts are integers of 1e-8; quote volumes are rounded down to that, trade by trade.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from engine.model.scale import MONEY, MONEY_DECIMALS, format_decimal, parse_decimal
from gateway.market import MarketFrame, decode_envelope
from gateway.protocol.codecs import DecodeFailure

MINUTE_MS: Final = 60_000
KLINE_EVERY_MS: Final = 2_000
MINI_TICKER_EVERY_MS: Final = 1_000


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A trade frame, whole."""

    event_time_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    trade_id: int = msgspec.field(name="t")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    time_ms: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


_decode_trade = msgspec.json.Decoder(Trade).decode


def derive(frames: Iterable[MarketFrame], native: Iterable[str] = ()) -> Iterator[MarketFrame]:
    """The frames, and behind them what can be derived from them, but for streams that are `native` to the source.

    A stream that turns out to be native on the way is not derived from there on.
    """
    found = set(native)
    derivations: dict[str, _Derivation] = {}
    for frame in frames:
        yield frame
        symbol, _, kind = frame.stream.partition("@")
        derivation = derivations.get(symbol)
        if kind == "trade":
            try:
                trade = _decode_trade(decode_envelope(frame.frame).data)
                price = parse_decimal(trade.price, MONEY_DECIMALS)
                quantity = parse_decimal(trade.quantity, MONEY_DECIMALS)
            except (*DecodeFailure, ValueError):  # not a trade, so nothing follows from it
                continue
            if derivation is None:
                derivation = derivations[symbol] = _Derivation(symbol)
            derived = derivation.take(trade, price, quantity)
        elif kind == "bookTicker" and derivation is not None:
            derived = derivation.close_aggregate()
        else:
            found.add(frame.stream)
            continue
        for stream, text in derived:
            if stream not in found:
                yield MarketFrame(frame.time_ns, stream, f'{{"stream":"{stream}","data":{text}}}'.encode())


class _Span:
    """Open, high, low, close and volumes of the trades in a span of time."""

    __slots__ = ("close", "first_id", "high", "last_id", "low", "open", "quote_volume", "trades", "volume")

    def __init__(self, trade: Trade, price: int) -> None:
        self.open = self.high = self.low = self.close = price
        self.first_id = self.last_id = trade.trade_id
        self.volume = self.quote_volume = self.trades = 0

    def add(self, trade: Trade, price: int, quantity: int) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.last_id = trade.trade_id
        self.volume += quantity
        self.quote_volume += price * quantity // MONEY
        self.trades += 1


class _Minute(_Span):
    """A span of one minute, which also knows how much of it was bought by takers."""

    __slots__ = ("start_ms", "taker_quote_volume", "taker_volume")

    def __init__(self, trade: Trade, price: int) -> None:
        super().__init__(trade, price)
        self.start_ms = trade.time_ms - trade.time_ms % MINUTE_MS
        self.taker_volume = self.taker_quote_volume = 0

    def add(self, trade: Trade, price: int, quantity: int) -> None:
        super().add(trade, price, quantity)
        if not trade.buyer_is_maker:
            self.taker_volume += quantity
            self.taker_quote_volume += price * quantity // MONEY


class _Derivation:
    """All that is derived of one symbol. Its methods answer with (stream, data as text) of what is to be sent now."""

    def __init__(self, symbol: str) -> None:
        self._agg_trade_stream = f"{symbol}@aggTrade"
        self._kline_stream = f"{symbol}@kline_1m"
        self._mini_ticker_stream = f"{symbol}@miniTicker"
        self._aggregates = 0
        self._fills: list[Trade] = []
        self._fills_quantity = 0
        self._minute: _Minute | None = None
        self._day: _Span | None = None
        self._kline_sent_ms = 0
        self._mini_ticker_sent_ms = 0

    def take(self, trade: Trade, price: int, quantity: int) -> list[tuple[str, str]]:
        derived = []
        if self._fills and not _same_order(self._fills[-1], trade):
            derived += self.close_aggregate()
        self._fills.append(trade)
        self._fills_quantity += quantity

        now_ms = trade.event_time_ms
        minute = self._minute
        if minute is None or trade.time_ms >= minute.start_ms + MINUTE_MS:
            if minute is not None:
                derived.append((self._kline_stream, _kline(trade.symbol, minute, now_ms, closed=True)))
            minute = self._minute = _Minute(trade, price)
        minute.add(trade, price, quantity)
        if now_ms - self._kline_sent_ms >= KLINE_EVERY_MS:
            self._kline_sent_ms = now_ms
            derived.append((self._kline_stream, _kline(trade.symbol, minute, now_ms, closed=False)))

        day = self._day = self._day or _Span(trade, price)
        day.add(trade, price, quantity)
        if now_ms - self._mini_ticker_sent_ms >= MINI_TICKER_EVERY_MS:
            self._mini_ticker_sent_ms = now_ms
            derived.append((self._mini_ticker_stream, _mini_ticker(trade.symbol, day, now_ms)))
        return derived

    def close_aggregate(self) -> list[tuple[str, str]]:
        """The aggTrade of the fills so far, if there are any."""
        if not self._fills:
            return []
        self._aggregates += 1
        first, last = self._fills[0], self._fills[-1]
        text = (
            f'{{"e":"aggTrade","E":{last.event_time_ms},"s":"{last.symbol}","a":{self._aggregates},"p":"{last.price}",'
            f'"q":"{_text(self._fills_quantity)}","f":{first.trade_id},"l":{last.trade_id},"T":{last.time_ms},'
            f'"m":{_json(last.buyer_is_maker)},"M":true}}'
        )
        self._fills.clear()
        self._fills_quantity = 0
        return [(self._agg_trade_stream, text)]


def _same_order(one: Trade, other: Trade) -> bool:
    return (one.price, one.time_ms, one.buyer_is_maker) == (other.price, other.time_ms, other.buyer_is_maker)


def _kline(symbol: str, minute: _Minute, now_ms: int, *, closed: bool) -> str:
    return (
        f'{{"e":"kline","E":{now_ms},"s":"{symbol}","k":{{"t":{minute.start_ms},"T":{minute.start_ms + MINUTE_MS - 1},'
        f'"s":"{symbol}","i":"1m","f":{minute.first_id},"L":{minute.last_id},"o":"{_text(minute.open)}",'
        f'"c":"{_text(minute.close)}","h":"{_text(minute.high)}","l":"{_text(minute.low)}",'
        f'"v":"{_text(minute.volume)}","n":{minute.trades},"x":{_json(closed)},"q":"{_text(minute.quote_volume)}",'
        f'"V":"{_text(minute.taker_volume)}","Q":"{_text(minute.taker_quote_volume)}","B":"0"}}}}'
    )


def _mini_ticker(symbol: str, day: _Span, now_ms: int) -> str:
    return (
        f'{{"e":"24hrMiniTicker","E":{now_ms},"s":"{symbol}","c":"{_text(day.close)}","o":"{_text(day.open)}",'
        f'"h":"{_text(day.high)}","l":"{_text(day.low)}","v":"{_text(day.volume)}","q":"{_text(day.quote_volume)}"}}'
    )


def _text(amount: int) -> str:
    return format_decimal(amount, MONEY_DECIMALS)


def _json(flag: bool) -> str:
    return "true" if flag else "false"
