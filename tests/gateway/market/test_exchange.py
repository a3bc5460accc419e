"""What the exchange says of the symbols, and that nothing depends on whether it says anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.market.exchange import Exchange, ExchangeSilent, ask_symbols
from gateway.market.faults import NO_ANSWER
from gateway.market.listings import LISTINGS
from gateway.market.server import MarketServer
from gateway.market.simulated import SimulatedMarket


@asynccontextmanager
async def exchange() -> AsyncIterator[tuple[MarketServer, str]]:
    server = MarketServer(SimulatedMarket(list(LISTINGS.values())))
    port = await server.start()
    try:
        yield server, f"http://127.0.0.1:{port}"
    finally:
        await server.stop()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(4):
        while not true():  # noqa: ASYNC110  (what is waited for happens in code that knows no events)
            await asyncio.sleep(0.005)


async def test_the_listed_symbols_come_with_their_status() -> None:
    async with exchange() as (_, url):
        assert await ask_symbols(url, ["BTCUSDT", "XRPUSDT"]) == {"BTCUSDT": "TRADING", "XRPUSDT": "TRADING"}


async def test_one_unknown_symbol_does_not_hide_the_others() -> None:
    async with exchange() as (server, url):
        server.delist("SOLUSDT")
        listed = await ask_symbols(url, ["BTCUSDT", "SOLUSDT", "NOSUCH", "XRPUSDT"])
        assert list(listed) == ["BTCUSDT", "XRPUSDT"]
        assert await ask_symbols(url, ["NOSUCH"]) == {}


@pytest.mark.parametrize(("status", "problem"), [(451, "HTTP 451"), (418, "HTTP 418"), (503, "HTTP 503")])
async def test_a_refusal_is_told(status: int, problem: str) -> None:
    async with exchange() as (server, url):
        server.rest.fails_with = status
        with pytest.raises(ExchangeSilent, match=problem):
            await ask_symbols(url, ["BTCUSDT"])


async def test_no_answer_is_waited_for_no_longer_than_is_said() -> None:
    async with exchange() as (server, url):
        server.rest.fails_with = NO_ANSWER
        with pytest.raises(ExchangeSilent, match=r"within 0\.1 s"):
            await ask_symbols(url, ["BTCUSDT"], timeout_s=0.1)
    with pytest.raises(ExchangeSilent, match="Connect"):
        await ask_symbols(url, ["BTCUSDT"])


@pytest.mark.parametrize("status", [200, 451])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"blocked"', b"\xff\xfe", b"[" * 100_000,
                                  b'{"symbols":[{"symbol":1}]}'], ids=str)  # fmt: skip
async def test_any_answer_is_one_or_none(status: int, body: bytes) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    with pytest.raises(ExchangeSilent):
        await ask_symbols(f"http://127.0.0.1:{port}", ["BTCUSDT"])
    await runner.cleanup()


async def test_it_is_asked_again_until_it_answers_and_again_for_a_new_symbol() -> None:
    symbols = ["BTCUSDT", "ETHUSDT"]
    answers: list[list[str]] = []
    async with exchange() as (server, url):
        server.rest.fails_with = 451
        asked = Exchange(url, lambda: symbols, lambda: answers.append(asked.unlisted), first_wait_s=0.02)
        with capture_logs() as logs:
            task = asyncio.create_task(asked.run())
            await until(lambda: len(logs) >= 3)
            assert [line["again_s"] for line in logs[:3]] == [0.02, 0.04, 0.08]
            assert "451" in asked.problem
            assert asked.unlisted == []

            server.rest.fails_with = None
            await until(lambda: answers == [[]])
            assert asked.problem == ""

            symbols.append("NOSUCH")
            asked.ask_soon()
            await until(lambda: answers == [[], ["NOSUCH"]])
        assert logs[-1]["unlisted"] == ["NOSUCH"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
