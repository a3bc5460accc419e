"""What the exchange says of our symbols: which it lists, and which of them it trades.

The arena does not depend on it: it is asked beside the stream, again with growing waits until it answers, and every
hour from then on (every five minutes while a symbol is missing), because symbols come and go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import structlog
from binance.async_client import AsyncClient
from binance.exceptions import BinanceAPIException

log = structlog.get_logger()

ANSWERS_WITHIN_S: Final = 10.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 300.0
ASK_EVERY_S: Final = 3_600.0

INVALID_SYMBOL: Final = -1121
TRADING: Final = "TRADING"


class ExchangeSilent(Exception):
    """The exchange did not answer, or not in a way that can be read; the message says how."""


class _Symbol(msgspec.Struct, frozen=True):
    symbol: str
    status: str


class _ExchangeInfo(msgspec.Struct, frozen=True):
    symbols: list[_Symbol]


async def ask_symbols(rest_url: str, symbols: Sequence[str], timeout_s: float = ANSWERS_WITHIN_S) -> dict[str, str]:
    """The status, such as "TRADING", of those symbols that the exchange lists. Raises ExchangeSilent."""
    client = AsyncClient()
    client.API_URL = rest_url.rstrip("/") + "/api"
    try:
        async with asyncio.timeout(timeout_s):
            return await _listed(client, list(symbols))
    except TimeoutError as error:
        raise ExchangeSilent(f"no answer within {timeout_s} s") from error
    except BinanceAPIException as error:
        raise ExchangeSilent(f"HTTP {error.status_code}, code {error.code}") from error
    except Exception as error:  # only library code runs in there, so whatever it is, it is the exchange's
        raise ExchangeSilent(f"{type(error).__name__}: {error}"[:200]) from error
    finally:
        await client.close_connection()


async def _listed(client: Any, symbols: list[str]) -> dict[str, str]:
    """One unknown symbol makes the exchange refuse all that are asked for together: then each is asked for alone."""
    try:
        answer = await client._get("exchangeInfo", data={"symbols": msgspec.json.encode(symbols).decode()})
    except BinanceAPIException as error:
        if error.code != INVALID_SYMBOL:
            raise
        if len(symbols) == 1:
            return {}
        found: dict[str, str] = {}
        for symbol in symbols:
            found |= await _listed(client, [symbol])
        return found
    listed = {entry.symbol: entry.status for entry in msgspec.convert(answer, _ExchangeInfo).symbols}
    return {symbol: listed[symbol] for symbol in symbols if symbol in listed}


class Exchange:
    """The exchange's REST calls, as far as we need them. `changed` is called after each answer.

    Plain attributes: `problem` says why it has not answered yet, or not this time; empty: it has. `unlisted` are the
    symbols that it did not list, or not trade, when it last answered.
    """

    def __init__(
        self,
        rest_url: str,
        symbols: Callable[[], Sequence[str]],
        changed: Callable[[], None],
        *,
        first_wait_s: float = FIRST_WAIT_S,
        timeout_s: float = ANSWERS_WITHIN_S,
    ) -> None:
        self.problem = "it has not answered yet"
        self.unlisted: list[str] = []
        self._rest_url = rest_url
        self._symbols = symbols
        self._changed = changed
        self._first_wait_s = first_wait_s
        self._timeout_s = timeout_s
        self._ask_now = asyncio.Event()

    def ask_soon(self) -> None:
        """There is another symbol to ask for."""
        self._ask_now.set()

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        wait_s = self._first_wait_s
        while True:
            self._ask_now.clear()
            try:
                symbols = self._symbols()
                self._take(symbols, await ask_symbols(self._rest_url, symbols, self._timeout_s))
            except ExchangeSilent as error:
                self.problem = str(error)
                log.warning("the exchange does not answer", url=self._rest_url, problem=self.problem, again_s=wait_s)
                await self._sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            else:
                wait_s = self._first_wait_s
                await self._sleep(LONGEST_WAIT_S if self.unlisted else ASK_EVERY_S)

    def _take(self, symbols: Sequence[str], listed: dict[str, str]) -> None:
        self.problem = ""
        unlisted = [symbol for symbol in symbols if listed.get(symbol) != TRADING]
        if unlisted != self.unlisted:
            log.warning("the exchange does not trade all symbols", unlisted=unlisted)
        self.unlisted = unlisted
        self._changed()

    async def _sleep(self, seconds: float) -> None:
        """So long, or until another symbol is to be asked for."""
        try:
            async with asyncio.timeout(seconds):
                await self._ask_now.wait()
        except TimeoutError:
            pass
