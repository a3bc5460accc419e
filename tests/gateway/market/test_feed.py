"""The feed on bad days: python-binance's client against our market server, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from engine.model.scale import NS_PER_MS, NS_PER_S
from gateway.market import MarketFrame, MarketSource
from gateway.market.binance import BinanceFeed, SymbolsUnavailable, check_symbols
from gateway.market.faults import Faults
from gateway.market.listings import LISTINGS
from gateway.market.server import MarketServer
from gateway.market.simulated import SimulatedMarket


class Heard:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.quotes: list[tuple[str, int]] = []
        self.trades: list[str] = []

    def feed_opened(self, source: str) -> None:
        self.opened.append(source)

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
        self.quotes.append((symbol, source_sequence))

    def trade(self, symbol: str, price: str, quantity: str, trade_time_ms: int) -> None:
        self.trades.append(price)


def book_ticker(sequence: int, symbol: str = "BTCUSDT") -> MarketFrame:
    stream = f"{symbol.lower()}@bookTicker"
    data = f'{{"u":{sequence},"s":"{symbol}","b":"100.00000000","B":"5.00000000","a":"100.01000000","A":"5.00000000"}}'
    return MarketFrame(sequence * 10 * NS_PER_MS, stream, f'{{"stream":"{stream}","data":{data}}}'.encode())


def steady(frames: int = 100_000) -> list[MarketFrame]:
    """A quote every 10 ms, numbered from 1."""
    return [book_ticker(number) for number in range(1, frames + 1)]


@asynccontextmanager
async def market(
    source: MarketSource | None = None, *, speed: float = 1.0, loop: bool = False, faults: Faults | None = None
) -> AsyncIterator[tuple[MarketServer, BinanceFeed, Heard]]:
    """A server that plays, and a feed that is connected to it and has heard its first frame."""
    server = MarketServer(steady() if source is None else source, speed=speed, loop=loop, faults=faults)
    port = await server.start()
    heard = Heard()
    feed = BinanceFeed(f"ws://127.0.0.1:{port}", ["BTCUSDT"], heard, silence_s=0.4, backoff_s=0.01, backoff_cap_s=0.05)
    feed.start()
    try:
        await until(lambda: feed.frames > 0)
        yield server, feed, heard
    finally:
        await feed.stop()
        await server.stop()


async def until(true: Callable[[], bool], timeout_s: float = 4.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110  (what is waited for happens in code that knows no events)
            await asyncio.sleep(0.005)


async def test_quotes_and_trades_arrive() -> None:
    async with market(SimulatedMarket(), speed=20) as (server, feed, heard):
        await until(lambda: len(heard.quotes) > 50 and len(heard.trades) > 5)
        assert heard.opened == [f"ws://127.0.0.1:{server.port}"]
        assert feed.connected
        assert feed.malformed == 0
        assert {symbol for symbol, _ in heard.quotes} == {"BTCUSDT"}
        assert feed.symbol_last_frame_ns["BTCUSDT"] <= feed.last_frame_ns


async def test_malformed_frames_are_counted_and_survived() -> None:
    async with market() as (server, feed, heard):
        server.garbage(30)
        await until(lambda: feed.malformed == 30)
        seen = len(heard.quotes)
        await until(lambda: len(heard.quotes) > seen)
        assert feed.reconnects == 0


async def test_duplicates_are_passed_on() -> None:
    async with market() as (server, _, heard):
        server.duplicate(3)
        await until(lambda: len(heard.quotes) > len(set(heard.quotes)) + 2)


async def test_every_fault_at_once_is_survived() -> None:
    faults = Faults(
        duplicate_ppm=50_000,
        garbage_ppm=50_000,
        gap_every_s=0.2,
        gap_s=0.05,
        stall_every_s=0.3,
        stall_s=0.05,
        disconnect_every_s=0.3,
        outage_every_s=0.5,
        outage_s=0.1,
    )
    async with market(speed=5, faults=faults) as (_, feed, heard):
        await until(lambda: feed.reconnects >= 4 and feed.malformed > 5 and len(heard.quotes) > 300)
        assert len(heard.opened) == feed.reconnects + 1


async def test_a_dropped_connection_is_opened_again() -> None:
    async with market() as (server, feed, heard):
        server.disconnect()
        await until(lambda: len(heard.opened) == 2)
        seen = len(heard.quotes)
        await until(lambda: len(heard.quotes) > seen)
        assert feed.reconnects == 1


async def test_a_silent_server_is_noticed() -> None:
    async with market() as (server, feed, _):
        server.stall(1.0)
        await until(lambda: feed.reconnects >= 1)
        assert "no frame for" in feed.last_error


async def test_a_silent_symbol_is_exposed() -> None:
    both = [frame for number in range(1, 10_000) for frame in (book_ticker(number), book_ticker(number, "ETHUSDT"))]
    server = MarketServer(both)
    port = await server.start()
    feed = BinanceFeed(f"ws://127.0.0.1:{port}", ["BTCUSDT", "ETHUSDT"], Heard())
    feed.start()
    await until(lambda: all(feed.symbol_last_frame_ns.values()))

    server.gap(5, "ETHUSDT")
    await until(lambda: feed.silent_symbols(feed.last_frame_ns, NS_PER_S // 5) == ["ETHUSDT"])

    assert feed.reconnects == 0
    await feed.stop()
    await server.stop()


async def test_a_short_gap_keeps_the_connection() -> None:
    async with market() as (server, feed, heard):
        server.gap(0.15)
        last = heard.quotes[-1][1]
        await until(lambda: heard.quotes[-1][1] > last + 20)
        sequences = [sequence for _, sequence in heard.quotes]
        assert max(later - sooner for sooner, later in pairwise(sequences)) > 5
        assert feed.reconnects == 0


async def test_an_outage_of_many_attempts_is_survived() -> None:
    """With waits of at most 50 ms, a second stands for the outages of minutes after which python-binance gives up."""
    async with market() as (server, feed, heard):
        await server.outage(1.0)
        assert not feed.connected
        assert "Connect" in feed.last_error or "Closed" in feed.last_error
        assert feed._connection._failures > 5
        await until(lambda: feed.connected and len(heard.opened) == 2)
        seen = len(heard.quotes)
        await until(lambda: len(heard.quotes) > seen)
        assert feed._connection._failures == 0


async def test_a_server_that_was_restarted_is_found_again() -> None:
    first = MarketServer(steady())
    port = await first.start()
    heard = Heard()
    feed = BinanceFeed(f"ws://127.0.0.1:{port}", ["BTCUSDT"], heard, backoff_s=0.01, backoff_cap_s=0.05)
    feed.start()
    await until(lambda: feed.frames > 3)
    await first.stop()
    await until(lambda: not feed.connected)

    second = MarketServer(steady())
    await second.start(port=port)
    await until(lambda: len(heard.opened) == 2)
    await until(lambda: heard.quotes.count(("BTCUSDT", 1)) == 2)

    await feed.stop()
    await second.stop()


async def test_a_feed_that_starts_before_its_server_waits_for_it() -> None:
    placeholder = MarketServer(steady())
    port = await placeholder.start()
    await placeholder.stop()
    heard = Heard()
    feed = BinanceFeed(f"ws://127.0.0.1:{port}", ["BTCUSDT"], heard, backoff_s=0.01, backoff_cap_s=0.05)
    feed.start()
    await asyncio.sleep(0.1)
    server = MarketServer(steady())
    await server.start(port=port)
    await until(lambda: len(heard.quotes) > 0)
    await feed.stop()
    await server.stop()


async def test_every_pass_of_a_looping_recording_is_a_new_opening() -> None:
    async with market(steady(10), speed=4, loop=True) as (_, feed, heard):
        await until(lambda: len(heard.opened) == 3)
        assert heard.opened[1].endswith("pass 2")
        assert heard.opened[2].endswith("pass 3")
        assert [sequence for _, sequence in heard.quotes[:20]] == [*range(1, 11), *range(1, 11)]
        assert feed.malformed == 0
        assert feed.reconnects == 0


async def test_what_the_sink_raises_ends_the_feed_and_is_told() -> None:
    class Broken(Heard):
        def trade(self, symbol: str, price: str, quantity: str, trade_time_ms: int) -> None:
            raise AssertionError("a bug of ours")

    server = MarketServer(SimulatedMarket(), speed=50)
    port = await server.start()
    feed = BinanceFeed(f"ws://127.0.0.1:{port}", ["BTCUSDT"], Broken())
    task = feed.start()
    with pytest.raises(AssertionError, match="a bug of ours"):
        await task
    with pytest.raises(AssertionError, match="a bug of ours"):
        await feed.stop()
    await server.stop()


def test_the_wait_before_reconnecting_is_doubled_capped_and_spread() -> None:
    async def waits(attempts: int) -> list[float]:
        feed = BinanceFeed("ws://127.0.0.1:1", ["BTCUSDT"], Heard(), backoff_s=0.25, backoff_cap_s=5.0)
        return [feed._connection._get_reconnect_wait(attempts) for _ in range(200)]

    for attempts, longest in ((0, 0.25), (1, 0.5), (4, 4.0), (5, 5.0), (10_000, 5.0)):
        spread = asyncio.run(waits(attempts))
        assert longest / 2 <= min(spread) < max(spread) <= longest


async def test_a_feed_refuses_what_it_could_never_connect_to() -> None:
    with pytest.raises(ValueError, match="ws://"):
        BinanceFeed("http://127.0.0.1", ["BTCUSDT"], Heard())
    with pytest.raises(ValueError, match="symbol"):
        BinanceFeed("ws://127.0.0.1", [], Heard())


async def test_symbols_are_checked_with_the_exchange() -> None:
    server = MarketServer(SimulatedMarket(list(LISTINGS.values())))
    port = await server.start()
    url = f"http://127.0.0.1:{port}"
    try:
        rules = await check_symbols(url, ["BTCUSDT", "XRPUSDT"])
        assert rules["BTCUSDT"] == ("0.01000000", "0.00001000", "TRADING")
        assert rules["XRPUSDT"] == ("0.00010000", "0.10000000", "TRADING")
        with pytest.raises(SymbolsUnavailable, match="NOSUCH"):
            await check_symbols(url, ["BTCUSDT", "NOSUCH"])
    finally:
        await server.stop()
    with pytest.raises(SymbolsUnavailable, match=url):
        await check_symbols(url, ["BTCUSDT"])


async def test_an_exchange_that_does_not_answer_is_given_up() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    mute = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    with pytest.raises(SymbolsUnavailable, match=r"within 0\.1 s"):
        await check_symbols(f"http://127.0.0.1:{port}", ["BTCUSDT"], timeout_s=0.1)
    mute.close()
