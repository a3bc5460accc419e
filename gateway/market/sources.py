"""Where prices come from, as the configuration says: Binance, a simulation or a recording.

The last two are played by our own market server in this process, and come in through the same client as live ones.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Final

from gateway.core.config import ConfigError, Market
from gateway.market import MarketSink, MarketSource
from gateway.market.binance import BinanceFeed, check_symbols
from gateway.market.listings import LISTINGS
from gateway.market.recording import Recording
from gateway.market.server import MarketServer
from gateway.market.simulated import SimulatedMarket

RECORDING: Final = "recording:"


class MarketData:
    """A running feed, and the server that it is connected to if that is ours."""

    def __init__(self, feed: BinanceFeed, server: MarketServer | None) -> None:
        self.feed = feed
        self.server = server
        self.task: asyncio.Task[None] = feed.start()

    async def stop(self) -> None:
        await self.feed.stop()
        if self.server is not None:
            await self.server.stop()


async def start_market(config: Market, sink: MarketSink) -> MarketData:
    """Connect. Raises ConfigError for a source that cannot be, SymbolsUnavailable for what Binance does not list."""
    if config.source == "binance":
        await check_symbols(config.rest_url, config.symbols)
        return MarketData(BinanceFeed(config.stream_url, config.symbols, sink, silence_s=config.silence_s), None)
    server = MarketServer(_source(config), speed=config.speed, loop=config.loop)
    port = await server.start()
    url = f"ws://127.0.0.1:{port}"
    return MarketData(BinanceFeed(url, config.symbols, sink, silence_s=config.silence_s), server)


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
