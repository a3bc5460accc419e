"""The REST calls of the market server: what python-binance asks of an exchange before and beside its streams.

Prices are the last that were played; before the first, those with which the source begins.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler

from engine.model.scale import MONEY, MONEY_DECIMALS, NS_PER_MS, format_decimal, parse_decimal
from gateway.market import decode_envelope
from gateway.market.faults import NO_ANSWER
from gateway.market.listings import Listing, exchange_info
from gateway.protocol.codecs import DecodeFailure

INVALID_SYMBOL: Final = -1121
ILLEGAL_PARAMETER: Final = -1100
NO_PRICE: Final = "0.00000000"
LONGEST_SILENCE_S: Final = 60.0
"""How long a call waits that gets no answer."""


class RestCalls:
    """Answers for the symbols of `listings`, from `latest`, the last frame of each stream, which others keep."""

    def __init__(self, listings: Mapping[str, Listing], latest: Mapping[str, bytes]) -> None:
        self._listings = listings
        self._latest = latest
        self.fails_with: int | None = None
        """Status of all answers; NO_ANSWER: there are none; None: they are as they should be."""

    @web.middleware
    async def failing(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What stands before the calls."""
        if self.fails_with is None or not request.path.startswith("/api/"):
            return await handler(request)
        if self.fails_with == NO_ANSWER:
            await asyncio.sleep(LONGEST_SILENCE_S)
        return web.Response(status=self.fails_with or 503, text="<html>not from here</html>")

    def routes(self) -> list[web.RouteDef]:
        """The whole set of calls."""
        return [
            web.get("/api/v3/ping", self._ping),
            web.get("/api/v3/time", self._time),
            web.get("/api/v3/exchangeInfo", self._exchange_info),
            web.get("/api/v3/ticker/price", self._for_symbols(self._price)),
            web.get("/api/v3/ticker/bookTicker", self._for_symbols(self._book_ticker)),
            web.get("/api/v3/ticker/24hr", self._for_symbols(self._day)),
        ]

    async def _ping(self, request: web.Request) -> web.Response:
        return _json({})

    async def _time(self, request: web.Request) -> web.Response:
        return _json({"serverTime": _now_ms()})

    async def _exchange_info(self, request: web.Request) -> web.Response:
        return _json(exchange_info((self._listings[symbol] for symbol in self._asked(request)), _now_ms()))

    def _for_symbols(self, answer: Callable[[str], dict[str, Any]]) -> Callable[[web.Request], Any]:
        """A call that answers with one object for ?symbol=, and with a list for ?symbols= or neither."""

        async def handler(request: web.Request) -> web.Response:
            answers = [answer(symbol) for symbol in self._asked(request)]
            return _json(answers[0] if "symbol" in request.query else answers)

        return handler

    def _asked(self, request: web.Request) -> list[str]:
        if "symbol" in request.query:
            symbols = [request.query["symbol"]]
        elif "symbols" in request.query:
            try:
                symbols = msgspec.json.decode(request.query["symbols"], type=list[str])
            except DecodeFailure as error:
                raise _refusal(ILLEGAL_PARAMETER, "Illegal characters found in parameter 'symbols'.") from error
        else:
            symbols = list(self._listings)
        if not all(symbol in self._listings for symbol in symbols):
            raise _refusal(INVALID_SYMBOL, "Invalid symbol.")
        return symbols

    def _price(self, symbol: str) -> dict[str, Any]:
        return {"symbol": symbol, "price": self._data(symbol, "trade").get("p", NO_PRICE)}

    def _book_ticker(self, symbol: str) -> dict[str, Any]:
        quote = self._data(symbol, "bookTicker")
        return {
            "symbol": symbol,
            "bidPrice": quote.get("b", NO_PRICE),
            "bidQty": quote.get("B", NO_PRICE),
            "askPrice": quote.get("a", NO_PRICE),
            "askQty": quote.get("A", NO_PRICE),
        }

    def _day(self, symbol: str) -> dict[str, Any]:
        """Of the last miniTicker: 24 h if the source has recorded ones, else what was played so far."""
        day = self._data(symbol, "miniTicker")
        opened = parse_decimal(day.get("o", NO_PRICE), MONEY_DECIMALS)
        change = parse_decimal(day.get("c", NO_PRICE), MONEY_DECIMALS) - opened
        percent = format_decimal(change * 100 * 1_000 // opened if opened else 0, 3)
        return {
            "symbol": symbol,
            "priceChange": format_decimal(change, MONEY_DECIMALS),
            "priceChangePercent": percent,
            "weightedAvgPrice": _average(day.get("q", NO_PRICE), day.get("v", NO_PRICE)),
            "lastPrice": day.get("c", NO_PRICE),
            "openPrice": day.get("o", NO_PRICE),
            "highPrice": day.get("h", NO_PRICE),
            "lowPrice": day.get("l", NO_PRICE),
            "volume": day.get("v", NO_PRICE),
            "quoteVolume": day.get("q", NO_PRICE),
            "bidPrice": self._data(symbol, "bookTicker").get("b", NO_PRICE),
            "askPrice": self._data(symbol, "bookTicker").get("a", NO_PRICE),
            "closeTime": day.get("E", 0),
        }

    def _data(self, symbol: str, kind: str) -> dict[str, Any]:
        """The figures of the last frame of a stream; none if there was no frame, or not a sound one."""
        frame = self._latest.get(f"{symbol.lower()}@{kind}")
        if frame is None:
            return {}
        try:
            return msgspec.json.decode(decode_envelope(frame).data, type=dict[str, Any])
        except DecodeFailure:
            return {}


def _average(worth: str, quantity: str) -> str:
    lots = parse_decimal(quantity, MONEY_DECIMALS)
    return format_decimal(parse_decimal(worth, MONEY_DECIMALS) * MONEY // lots if lots else 0, MONEY_DECIMALS)


def _json(answer: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def _refusal(code: int, message: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(
        text=msgspec.json.encode({"code": code, "msg": message}).decode(), content_type="application/json"
    )


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS
