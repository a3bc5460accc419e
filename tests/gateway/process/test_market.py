"""An arena and its market on bad days: the whole process against our own exchange, as if that were Binance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from structlog.testing import capture_logs

from engine.views import candle
from gateway.core.config import Config, Data, Market, Server
from gateway.core.defaults import INSTRUMENTS
from gateway.core.sequencer import Urgency
from gateway.market.listings import LISTINGS
from gateway.market.server import MarketServer
from gateway.market.simulated import SimulatedMarket
from gateway.operator_ops.admin import define_instrument
from gateway.process.app import App
from gateway.protocol.market import Defined

BTC, SOL = "BTCUSDT", "SOLUSDT"


async def until(true: Callable[[], bool], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110  (what is waited for happens in code that knows no events)
            await asyncio.sleep(0.01)


class Day:
    """An exchange, and the arenas that are connected to it."""

    def __init__(self, exchange: MarketServer, directory: Path) -> None:
        self.exchange = exchange
        self.directory = directory

    @asynccontextmanager
    async def arena(self, *symbols: str, **market: Any) -> AsyncIterator[App]:
        config = Config(
            server=Server(port=0, shutdown_s=1.0),
            data=Data(directory=str(self.directory)),
            market=Market(
                source="binance",
                stream_url=f"ws://127.0.0.1:{self.exchange.port}",
                rest_url=f"http://127.0.0.1:{self.exchange.port}",
                symbols=symbols or (BTC, SOL),
                **market,
            ),
        )
        app = await App.start(config)
        ended = asyncio.create_task(app.run(asyncio.Event()))
        try:
            yield app
        finally:
            ended.cancel()
            await app.stop()


@asynccontextmanager
async def day(directory: Path) -> AsyncIterator[Day]:
    exchange = MarketServer(SimulatedMarket(list(LISTINGS.values())))
    await exchange.start()
    try:
        yield Day(exchange, directory)
    finally:
        await exchange.stop()


def feed(app: App) -> tuple[bool, str]:
    """Whether /ready likes the feed, and what it says."""
    check = app.checks()["feed"]
    return check.ok, check.detail


async def define(app: App, symbol: str) -> Any:
    """What an operator is answered who defines an instrument under that symbol: as it is, or like ether."""
    known = next((spec for spec in INSTRUMENTS if spec.symbol == symbol), INSTRUMENTS[1])
    spec = msgspec.structs.replace(known, symbol=symbol)
    submission = define_instrument(app.arena, 0, spec)
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    app.arena.sequencer.submit(
        submission.record, lambda outcome, at: done.set_result(outcome), Urgency.OPERATOR, submission.blob
    )
    return submission.result(await done)


async def test_an_exchange_that_refuses_every_call_stops_nothing(tmp_path: Path) -> None:
    async with day(tmp_path) as market:
        market.exchange.rest.fails_with = 451
        async with market.arena() as app:
            await until(lambda: feed(app) == (True, "fresh; the exchange's REST calls: HTTP 451, code 0"))
            market.exchange.rest.fails_with = None
            await until(lambda: feed(app) == (True, "fresh"))


async def test_nor_does_one_that_is_not_there_at_all(tmp_path: Path) -> None:
    """Time goes on, and what needs no price is served; /ready says why it is not ready."""
    async with day(tmp_path) as market:
        market.exchange.outage(60)
        await asyncio.sleep(0)
        async with market.arena() as app:
            ready, why = feed(app)
            assert not ready
            assert why.startswith(f"stale: {BTC}, {SOL}; the exchange's REST calls: ")


async def test_it_starts_with_those_symbols_that_are_listed(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with day(tmp_path) as market:
            market.exchange.delist(SOL)
            async with market.arena() as app:
                await until(lambda: feed(app) == (True, f"fresh; not traded by the market: {SOL}"))
    assert [line["unlisted"] for line in logs if "unlisted" in line] == [[SOL]]


async def test_a_market_that_lists_nothing_of_ours_is_not_ready(tmp_path: Path) -> None:
    async with day(tmp_path) as market:
        for symbol in LISTINGS:
            market.exchange.delist(symbol)
        async with market.arena() as app:
            await until(lambda: "not traded by the market: BTCUSDT, SOLUSDT" in feed(app)[1])
            assert not feed(app)[0]


async def test_an_instrument_that_is_defined_at_run_time_gets_prices_also_after_a_restart(tmp_path: Path) -> None:
    doge = LISTINGS["ETHUSDT"]
    exchange = MarketServer(SimulatedMarket([LISTINGS[BTC], msgspec.structs.replace(doge, symbol="DOGEUSDT")]))
    await exchange.start()
    market = Day(exchange, tmp_path)
    async with market.arena(BTC) as app:
        assert await define(app, "DOGEUSDT") == Defined(6)
        await until(lambda: app.prices.filter.counts("DOGEUSDT").changed > 0)
    async with market.arena(BTC) as app:
        await until(lambda: app.prices.filter.counts("DOGEUSDT").changed > 0)
    await exchange.stop()


async def test_who_defines_an_instrument_is_told_why_no_prices_will_come(tmp_path: Path) -> None:
    async with day(tmp_path) as market, market.arena(BTC) as app:
        left_out = await define(app, SOL)
        assert "market.symbols" in left_out.no_prices
        await until(lambda: feed(app)[0])
        assert (await define(app, "NOSUCH")).no_prices is None
        await until(lambda: "NOSUCH" in feed(app)[1])
        assert (await define(app, "NOSUCH")).no_prices == "the exchange does not trade NOSUCH"


async def test_a_wild_print_is_told_and_reaches_nobody(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with day(tmp_path) as market, market.arena(BTC, jump_ppm_of={BTC: 100_000}) as app:
            counts = app.prices.filter.counts(BTC)
            await until(lambda: counts.changed > 0)
            market.exchange.wild(BTC)
            await until(lambda: counts.withheld == 1)
            before = counts.frames
            await until(lambda: counts.frames > before + 2)
            low = candle(app.folder.machine.state.book, 1, 86_400)
            assert low is not None
            assert low.low > 3_000_000
            assert b'market_frames_total{kind="withheld"} 1' in app.metrics.text().replace(b"arena_", b"")
    told = [line for line in logs if line["event"].startswith("market frame")]
    assert [line["event"].split(":")[0] for line in told] == ["market frame withheld", "market frame dropped"]
    assert told[0]["symbol"] == BTC
    assert told[0]["source_sequence"] == told[1]["source_sequence"] > 0


async def test_a_finer_tick_is_told_once_and_quoted_in_ours(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with day(tmp_path) as market, market.arena(BTC) as app:
            counts = app.prices.filter.counts(BTC)
            await until(lambda: counts.changed > 0)
            market.exchange.finer_tick(BTC)
            before = counts.frames
            await until(lambda: counts.frames > before + 20)
            assert counts.malformed == 0
            assert feed(app) == (True, "fresh")
    assert len([line for line in logs if "finer" in line["event"]]) == 1
