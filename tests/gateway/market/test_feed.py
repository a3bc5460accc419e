"""The feed on bad days: python-binance's client against our market server, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.model.scale import NS_PER_MS
from gateway.market import MarketFrame, MarketSource
from gateway.market.binance import BinanceFeed
from gateway.market.faults import Faults
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


async def test_a_connection_whose_silence_is_just_over_may_be_given_up_as_well() -> None:
    """As when an instrument is defined in the turn of the loop in which the time is up."""
    loop, renewed = asyncio.get_running_loop(), asyncio.Event()
    async with market() as (server, feed, _):
        connection = feed._connection
        server.stall(1.0)
        await asyncio.sleep(0.1)
        reading = connection._reading
        assert reading is not None

        def renew() -> None:
            assert reading.expired()
            connection.renew("another symbol")
            renewed.set()

        ends_s = loop.time() + 0.02
        reading.reschedule(ends_s)
        loop.call_at(ends_s + 1e-6, renew)
        await until(lambda: renewed.is_set() and feed.reconnects >= 1)


BTC, ETH = "BTCUSDT", "ETHUSDT"


@asynccontextmanager
async def two_symbols(symbol_silence_s: float = 0.2) -> AsyncIterator[tuple[MarketServer, BinanceFeed, Heard]]:
    """As `market`, with two symbols, of which both have been heard."""
    both = [frame for number in range(1, 10_000) for frame in (book_ticker(number), book_ticker(number, ETH))]
    server = MarketServer(both)
    port = await server.start()
    heard = Heard()
    feed = BinanceFeed(f"ws://127.0.0.1:{port}", [BTC, ETH], heard, symbol_silence_s=symbol_silence_s, backoff_s=0.01)
    feed.start()
    try:
        await until(lambda: all(feed.symbol_last_frame_ns.values()))
        yield server, feed, heard
    finally:
        await feed.stop()
        await server.stop()


def logged(logs: list[Any], event: str) -> list[Any]:
    return [line for line in logs if line["event"] == event]


async def test_a_symbol_that_is_silent_while_others_go_on_is_worth_a_new_connection() -> None:
    with capture_logs() as logs:
        async with two_symbols() as (server, feed, heard):
            server.gap(0.3, ETH)
            last_ns = feed.symbol_last_frame_ns[ETH]
            await until(lambda: feed.reconnects == 1)
            assert len(heard.opened) == 2
            assert feed.renewals == 1
            assert feed.symbol_last_frame_ns[BTC] > feed.symbol_last_frame_ns[ETH]
            await until(lambda: feed.symbol_last_frame_ns[ETH] > last_ns + 2 * 10**8)
    assert [line["symbol"] for line in logged(logs, "market symbol silent")] == [ETH]
    assert ETH in logged(logs, "market connection lost")[0]["error"]


async def test_a_symbol_whose_numbers_start_over_is_worth_a_new_connection() -> None:
    async with two_symbols() as (server, feed, heard):
        await until(lambda: len(heard.quotes) > 100)
        server.start_over(ETH)
        await until(lambda: len(heard.opened) == 2)
        assert feed.old_frames > 10
        opened_ns = feed.symbol_last_frame_ns[ETH]
        await until(lambda: feed.symbol_last_frame_ns[ETH] > opened_ns)
        assert feed.renewals == 1


async def test_a_symbol_that_stays_silent_costs_the_others_a_connection_now_and_then() -> None:
    async with two_symbols(symbol_silence_s=0.1) as (server, feed, _):
        server.delist(ETH)
        await until(lambda: feed.renewals == 2)
        before = feed.frames
        await until(lambda: feed.frames > before + 5)
        feed.watch.unlisted = frozenset([ETH])
        await asyncio.sleep(0.6)
        assert feed.renewals == 2


async def test_a_symbol_is_followed_from_the_next_connection_on() -> None:
    frames = [frame for number in range(1, 10_000) for frame in (book_ticker(number), book_ticker(number, ETH))]
    async with market(frames) as (_, feed, heard):
        feed.follow(ETH)
        feed.follow(BTC)
        await until(lambda: feed.symbol_last_frame_ns[ETH] > 0)
        assert len(heard.opened) == 2
        assert feed.malformed == 0


async def test_a_frame_that_is_nested_too_deeply_is_malformed() -> None:
    async with market() as (server, feed, heard):
        server.nest(BTC)
        await until(lambda: feed.malformed == 1)
        seen = len(heard.quotes)
        await until(lambda: len(heard.quotes) > seen)
        assert feed.reconnects == 0


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
