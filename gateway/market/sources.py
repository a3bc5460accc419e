"""Where prices come from, as the configuration says: Binance, a simulation or a recording.

The last two are played by our own market server in this process, and come in through the same client as live ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from gateway.core.config import ConfigError, Market
from gateway.market import MarketSink, MarketSource
from gateway.market.binance import BinanceFeed
from gateway.market.exchange import Exchange
from gateway.market.listings import LISTINGS
from gateway.market.recording import Recording
from gateway.market.server import MarketServer
from gateway.market.simulated import SimulatedMarket

RECORDING: Final = "recording:"


class MarketData:
    """A feed; the server that it is connected to if that is ours, else the exchange that is asked beside it.

    `works` are to be done until `stop`, by name.
    """

    def __init__(
        self, config: Market, url: str, symbols: Sequence[str], sink: MarketSink, server: MarketServer | None
    ) -> None:
        # A recording is silent where it is, and a symbol that it does not have stays so: no connection helps.
        recorded = config.source.startswith(RECORDING)
        self.feed = BinanceFeed(
            url,
            symbols,
            sink,
            silence_s=config.silence_s,
            symbol_silence_s=0.0 if recorded else config.symbol_silence_s,
        )
        self.server = server
        self.exchange: Exchange | None = None
        self.works: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {"market": self._run_feed}
        self._source = config.source
        if server is None:
            self.exchange = Exchange(config.rest_url, lambda: list(self.feed.symbol_last_frame_ns), self._told)
            self.works["market exchange"] = self.exchange.run
        else:
            self.feed.watch.unlisted = frozenset(symbol for symbol in symbols if symbol not in server.symbols)
            self.works["market playback"] = self._play

    def follow(self, symbol: str) -> None:
        """Take prices of this symbol too."""
        if self.server is not None and symbol not in self.server.symbols:
            self.feed.watch.unlisted |= {symbol}
        self.feed.follow(symbol)
        if self.exchange is not None:
            self.exchange.ask_soon()

    def unlisted(self) -> list[str]:
        """Symbols of which no prices are to be expected."""
        return sorted(self.feed.watch.unlisted)

    def why_no_prices(self, symbol: str) -> str:
        """Why no prices of this symbol can come; empty: they can."""
        if self.server is not None:
            return "" if symbol in self.server.symbols else f"the market source {self._source!r} has no {symbol}"
        return f"the exchange does not trade {symbol}" if symbol in self.feed.watch.unlisted else ""

    async def _run_feed(self) -> None:
        await self.feed.start()

    async def _play(self) -> None:
        assert self.server is not None
        await self.server.play()
        await asyncio.get_running_loop().create_future()  # a recording that does not loop is over, and nothing failed

    async def stop(self) -> None:
        await self.feed.stop()
        if self.server is not None:
            await self.server.stop()

    def _told(self) -> None:
        assert self.exchange is not None
        self.feed.watch.unlisted = frozenset(self.exchange.unlisted)


async def start_market(config: Market, symbols: Sequence[str], sink: MarketSink) -> MarketData:
    """Connect, and take prices of these symbols. Raises ConfigError for a source that cannot be.

    Nothing is waited for: an arena without prices still closes, settles and counts time.
    """
    if config.source == "binance":
        return MarketData(config, config.stream_url, symbols, sink, None)
    server = MarketServer(_source(config), speed=config.speed, loop=config.loop)
    port = await server.open()
    return MarketData(config, f"ws://127.0.0.1:{port}", symbols, sink, server)


def check_market(config: Market) -> None:
    """Find out now, and not after the log is replayed, what needs no network. Raises ConfigError."""
    if config.source == "binance":
        return
    source = _source(config)
    if isinstance(source, Recording):
        for path in source.paths:
            _check_recording(path)


def _check_recording(path: Path) -> None:
    try:
        first = next(iter(Recording([path])), None)
    except OSError as error:
        raise ConfigError(f"market.source: {error}") from error
    if first is None:
        raise ConfigError(f"market.source: {path} is no recording, or an empty one: there is no frame in it")


def _source(config: Market) -> MarketSource:
    if config.source == "simulated":
        unknown = [symbol for symbol in config.symbols if symbol not in LISTINGS]
        if unknown:
            raise ConfigError(f"market.symbols: cannot simulate {', '.join(unknown)}; only {', '.join(LISTINGS)}")
        listings = [LISTINGS[symbol] for symbol in config.symbols]
        return SimulatedMarket(listings, seed=config.seed, start_ns=time.time_ns())
    if config.source.startswith(RECORDING):
        try:
            return Recording([Path(name) for name in config.source.removeprefix(RECORDING).split(",")])
        except FileNotFoundError as error:
            raise ConfigError(f"market.source: {error}") from error
    raise ConfigError(f'market.source: must be "simulated", "binance" or "recording:FILES", not {config.source!r}')
