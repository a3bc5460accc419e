"""The market server as its clients see it: Binance's streams, requests and REST calls."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from binance.async_client import AsyncClient
from binance.exceptions import BinanceAPIException

from engine.model.scale import NS_PER_MS
from gateway.market import MarketFrame, MarketSource
from gateway.market.faults import Faults, FaultsInForce
from gateway.market.server import MarketProgress, MarketServer, run_market_server
from gateway.market.simulated import SimulatedMarket
from gateway.market.subscriber import text_packet
from gateway.market.subscriptions import Subscriptions

BTC, ETH = "btcusdt@bookTicker", "ethusdt@bookTicker"


def book_ticker(sequence: int, stream: str = BTC, *, every_ms: int = 1, padding: int = 0) -> MarketFrame:
    symbol = stream.partition("@")[0].upper()
    data = f'{{"u":{sequence},"s":"{symbol}","b":"100.00000000","B":"5.00000000","a":"100.01000000","A":"5.00000000"}}'
    text = f'{{"stream":"{stream}","data":{data}{" " * padding}}}'
    return MarketFrame(sequence * every_ms * NS_PER_MS, stream, text.encode())


@asynccontextmanager
async def serving(source: MarketSource, **settings: Any) -> AsyncIterator[tuple[MarketServer, aiohttp.ClientSession]]:
    server = MarketServer(source, **settings)
    port = await server.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=aiohttp.ClientTimeout(total=5)) as session:
        try:
            yield server, session
        finally:
            await server.stop()


async def heard(socket: aiohttp.ClientWebSocketResponse) -> Any:
    return json.loads(await socket.receive_str(timeout=3))


async def answer_to(socket: aiohttp.ClientWebSocketResponse, request: dict[str, Any]) -> Any:
    """The answer to a request, among the frames that come meanwhile."""
    await socket.send_json(request)
    while True:
        frame = await heard(socket)
        if "id" in frame:
            return frame


async def test_combined_and_raw_streams_differ_in_their_wrapping() -> None:
    source = [book_ticker(1)]
    async with serving(source) as (_, session), session.ws_connect(f"/stream?streams={BTC}") as socket:
        combined = await heard(socket)
    async with serving(source) as (_, session), session.ws_connect(f"/ws/{BTC}") as socket:
        raw = await heard(socket)
    assert combined == {"stream": BTC, "data": raw}
    assert raw["u"] == 1


async def test_a_recording_waits_for_its_first_subscription() -> None:
    async with serving([book_ticker(number) for number in range(1, 50)]) as (server, session):
        async with session.ws_connect("/stream") as socket:
            await asyncio.sleep(0.05)
            assert server.frames == 0
            await socket.send_json({"method": "SUBSCRIBE", "params": [BTC], "id": 1})
            assert await heard(socket) == {"result": None, "id": 1}
            assert (await heard(socket))["data"]["u"] == 1
        assert await server.played(timeout_s=2)


async def test_a_market_that_does_not_wait_plays_to_nobody() -> None:
    source = [book_ticker(number) for number in range(1, 50)]
    async with serving(source, wait_for_client=False) as (server, _):
        assert await server.played(timeout_s=2)
        assert server.frames == 49
        assert server.packets == 0


async def test_subscribing_and_unsubscribing() -> None:
    source = [frame for number in range(1, 5_000) for frame in (book_ticker(number), book_ticker(number, ETH))]
    async with serving(source) as (_, session), session.ws_connect(f"/stream?streams={BTC}") as socket:
        assert {(await heard(socket))["stream"] for _ in range(20)} == {BTC}

        assert await answer_to(socket, {"method": "SUBSCRIBE", "params": [ETH], "id": 7}) == {"result": None, "id": 7}
        listed = await answer_to(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 8})
        assert listed == {"result": [BTC, ETH], "id": 8}
        assert {(await heard(socket))["stream"] for _ in range(20)} == {BTC, ETH}

        assert await answer_to(socket, {"method": "UNSUBSCRIBE", "params": [BTC], "id": 9}) == {"result": None, "id": 9}
        assert {(await heard(socket))["stream"] for _ in range(20)} == {ETH}


@pytest.mark.parametrize(
    ("request_text", "code", "message"),
    [
        ("{", 3, "Invalid JSON"),
        ("[]", 2, "expected a JSON object"),
        ('{"method":"BUY","id":1}', 2, "unknown variant BUY"),
        ('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":-1}', 2, "request ID must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":true}', 2, "request ID must be an unsigned integer"),
        ('{"method":"SUBSCRIBE","params":[],"id":1}', 2, "invalid stream"),
        ('{"method":"SUBSCRIBE","params":["btcusdt"],"id":1}', 2, "invalid stream"),
        ('{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}', 2, "params must be an array"),
        ('{"method":"GET_PROPERTY","params":["colour"],"id":1}', 0, "Unknown property"),
        ('{"method":"GET_PROPERTY","params":[1],"id":1}', 2, "property name must be a string"),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "expected Boolean"),
    ],
)
def test_a_bad_request_is_answered_with_the_error_of_binance(request_text: str, code: int, message: str) -> None:
    subscriptions = Subscriptions([BTC], combined=True)
    answer = json.loads(subscriptions.answer(request_text))
    assert answer["error"]["code"] == code
    assert message in answer["error"]["msg"]
    assert list(subscriptions.streams) == [BTC]


def test_too_many_streams_are_refused() -> None:
    subscriptions = Subscriptions([], combined=True)
    many = json.dumps({"method": "SUBSCRIBE", "params": [f"s{number}@trade" for number in range(1025)], "id": 1})
    assert json.loads(subscriptions.answer(many))["error"]["msg"] == "Invalid request: too many parameters"
    assert not subscriptions.streams


def test_the_combined_property_is_set_and_read() -> None:
    subscriptions = Subscriptions([BTC], combined=False)
    assert json.loads(subscriptions.answer('{"method":"SET_PROPERTY","params":["combined",true],"id":5}')) == {
        "result": None,
        "id": 5,
    }
    assert json.loads(subscriptions.answer('{"method":"GET_PROPERTY","params":["combined"],"id":6}'))["result"] is True


async def test_trades_are_enough_for_every_other_stream() -> None:
    """A source of trades alone, 300 of them, three fills to an order and an order a second."""
    source = []
    for number in range(300):
        order_ms = 1_723_161_600_000 + number // 3 * 1_000
        data = (
            f'{{"e":"trade","E":{order_ms},"s":"BTCUSDT","t":{number},"p":"{100 + number // 3}.00000000",'
            f'"q":"0.50000000","T":{order_ms},"m":false,"M":true}}'
        )
        text = f'{{"stream":"btcusdt@trade","data":{data}}}'
        source.append(MarketFrame(order_ms * NS_PER_MS, "btcusdt@trade", text.encode()))
    streams = "btcusdt@aggTrade/btcusdt@kline_1m/btcusdt@miniTicker"
    told: dict[str, list[dict[str, Any]]] = {}
    async with (
        serving(source, speed=0) as (server, session),
        session.ws_connect(f"/stream?streams={streams}") as socket,
    ):
        await server.played(timeout_s=3)
        for _ in range(server.packets):
            frame = await heard(socket)
            told.setdefault(frame["stream"], []).append(frame["data"])

    aggregate = told["btcusdt@aggTrade"][0]
    assert (aggregate["q"], aggregate["f"], aggregate["l"], aggregate["p"]) == ("1.50000000", 0, 2, "100.00000000")
    assert len(told["btcusdt@aggTrade"]) == 99
    assert len(told["btcusdt@miniTicker"]) == 100
    closed = [kline["k"] for kline in told["btcusdt@kline_1m"] if kline["k"]["x"]]
    assert len(closed) == 1
    minute = closed[0]
    assert (minute["o"], minute["c"], minute["h"], minute["l"]) == (
        "100.00000000",
        "159.00000000",
        "159.00000000",
        "100.00000000",
    )
    assert (minute["v"], minute["n"], minute["T"] - minute["t"]) == ("90.00000000", 180, 59_999)
    assert minute["q"] == minute["Q"] == "11655.00000000"


async def test_a_stream_that_the_source_has_is_not_derived() -> None:
    source = list(SimulatedMarket(duration_s=20))
    recorded = sum(frame.stream == "btcusdt@aggTrade" for frame in source)
    stream = "/stream?streams=btcusdt@aggTrade"
    async with serving(source, speed=0) as (server, session), session.ws_connect(stream):
        await server.played(timeout_s=3)
        assert server.packets == recorded


async def test_time_passes_at_the_speed_asked_for() -> None:
    source = [book_ticker(number, every_ms=10) for number in range(1, 301)]
    async with serving(source, speed=10) as (server, session), session.ws_connect(f"/ws/{BTC}"):
        began = time.monotonic()
        await server.played(timeout_s=3)
        assert time.monotonic() - began > 0.29


async def test_a_long_hole_between_recordings_is_shortened() -> None:
    day_ms = 86_400_000
    source = [book_ticker(1), book_ticker(2), book_ticker(3, every_ms=day_ms), book_ticker(4, every_ms=day_ms)]
    async with serving(source, speed=600) as (server, session), session.ws_connect(f"/ws/{BTC}"):
        assert await server.played(timeout_s=2)
        assert server.frames == 4


async def connect_without_reading(server: MarketServer) -> asyncio.StreamWriter:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 10)
    writer.write(
        f"GET /stream?streams={BTC} HTTP/1.1\r\nHost: market\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readline()
    return writer


async def test_a_client_that_does_not_read_is_cut_and_stalls_nobody() -> None:
    source = [book_ticker(number, padding=20_000) for number in range(1, 700)]
    async with serving(source, max_backlog_bytes=1 << 20) as (server, session):
        writer = await connect_without_reading(server)
        async with session.ws_connect(f"/stream?streams={BTC}") as socket:
            last = 0
            while last < 699:
                last = (await heard(socket))["data"]["u"]
            assert server.clients == 1
            assert server.clients_cut == 1
        writer.close()


async def test_at_speed_zero_a_client_that_does_not_read_is_cut_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.market.server.STUCK_S", 0.2)
    source = [book_ticker(number, padding=2_000) for number in range(1, 7_000)]
    async with serving(source, speed=0) as (server, session):
        writer = await connect_without_reading(server)
        async with session.ws_connect(f"/stream?streams={BTC}") as socket:
            last = 0
            while last < 6_999:
                last = (await heard(socket))["data"]["u"]
            assert server.clients_cut == 1
        writer.close()


async def test_at_speed_zero_nothing_is_lost_and_nobody_is_outrun() -> None:
    source = [book_ticker(number) for number in range(1, 20_001)]
    async with serving(source, speed=0) as (server, session), session.ws_connect(f"/ws/{BTC}") as socket:
        await asyncio.sleep(0.1)
        for number in range(1, 20_001):
            assert (await heard(socket))["u"] == number
        assert server.clients_cut == 0


async def test_a_source_without_frames_is_an_error_not_an_endless_loop() -> None:
    server = MarketServer([], loop=True, wait_for_client=False)
    await server.start()
    assert await server.played(timeout_s=2)
    with pytest.raises(ValueError, match="no frames"):
        await server.stop()


async def test_python_binance_finds_the_rest_calls_it_knows() -> None:
    async with serving(SimulatedMarket(), speed=50, wait_for_client=False) as (server, _):
        client = AsyncClient()
        client.API_URL = f"http://127.0.0.1:{server.port}/api"
        try:
            await asyncio.sleep(0.1)
            assert await client.ping() == {}
            assert abs((await client.get_server_time())["serverTime"] / 1000 - time.time()) < 2

            listed = await client.get_exchange_info()
            assert [entry["symbol"] for entry in listed["symbols"]] == [
                "BNBUSDT",
                "BTCUSDT",
                "ETHUSDT",
                "SOLUSDT",
                "XRPUSDT",
            ]
            bitcoin = await client.get_symbol_info("BTCUSDT")
            assert bitcoin is not None
            assert bitcoin["status"] == "TRADING"
            sizes = {part["filterType"]: part for part in bitcoin["filters"]}
            assert sizes["PRICE_FILTER"]["tickSize"] == "0.01000000"
            assert sizes["LOT_SIZE"]["stepSize"] == "0.00001000"

            quote = await client.get_orderbook_ticker(symbol="BTCUSDT")
            assert 50_000 < float(quote["bidPrice"]) < float(quote["askPrice"]) < 70_000
            assert len(await client.get_orderbook_ticker()) == 5
            assert 50_000 < float((await client.get_symbol_ticker(symbol="BTCUSDT"))["price"]) < 70_000
            day = await client.get_ticker(symbol="BTCUSDT")
            assert float(day["lowPrice"]) <= float(day["weightedAvgPrice"]) <= float(day["highPrice"])
            with pytest.raises(BinanceAPIException, match="Invalid symbol"):
                await client.get_symbol_ticker(symbol="NOSUCH")
        finally:
            await client.close_connection()


async def test_prices_are_known_before_anybody_listens() -> None:
    async with (
        serving(SimulatedMarket()) as (server, session),
        session.get("/api/v3/ticker/price?symbol=ETHUSDT") as answer,
    ):
        assert server.frames == 0
        assert (await answer.json())["price"].startswith("26")


def test_the_same_seed_gives_the_same_faults() -> None:
    def sent(seed: int) -> list[bytes]:
        faults = FaultsInForce(Faults(seed=seed, duplicate_ppm=100_000, garbage_ppm=100_000))
        return [packet for number in range(200) for packet in faults.sent_for(book_ticker(number).frame)]

    assert sent(1) == sent(1) != sent(2)
    assert 220 < len(sent(1)) < 260


@pytest.mark.parametrize(("size", "header"), [(125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_packets_of_every_length_class(size: int, header: int) -> None:
    packet = text_packet(b"x" * size)
    assert len(packet) == size + header
    assert packet[0] == 0x81


async def test_the_market_command_serves_until_it_is_cancelled() -> None:
    told: list[MarketProgress] = []
    serving_on = asyncio.create_task(
        run_market_server(
            symbols=["BTCUSDT"], port=0, speed=20, wait_for_client=False, on_progress=told.append, progress_every_s=0.05
        )
    )
    await asyncio.sleep(0.3)
    serving_on.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving_on
    assert told[-1].frames > told[0].frames >= 0
    assert told[-1].port > 0
