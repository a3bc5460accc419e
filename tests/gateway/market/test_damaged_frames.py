"""Frames of the market that are none: counted and forgotten, or answered as the exchange does. Nothing ends."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.market import MarketFrame
from gateway.market.binance import BinanceFeed
from gateway.market.derived import derive
from gateway.market.faults import deeply_nested
from gateway.market.prices import Prices
from gateway.market.recording import Recording
from gateway.market.subscriber import data_of
from gateway.market.subscriptions import Subscriptions
from gateway.presenters.instruments import Instruments
from tests.harness.fuzzing import any_bytes, examples, json_values, texts

TICKER = b'{"stream":"btcusdt@bookTicker","data":{"u":7,"s":"BTCUSDT","b":"60000.00","B":"1","a":"60000.01","A":"2"}}'
TRADE = (b'{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":1,"p":"60000.00","q":"0.1",'
         b'"T":1700000000000,"m":true}}')  # fmt: skip
PASS = b'{"stream":"arena@pass","data":{"pass":2}}'
FRAMES = [TICKER, TRADE, PASS]


def feed_of(prices: Prices) -> BinanceFeed:
    return BinanceFeed("ws://127.0.0.1:1", ["BTCUSDT"], prices)


def watching() -> Prices:
    prices = Prices(Instruments(), lambda instrument: True)
    prices.filter.watch("BTCUSDT", 1, 1_000_000, 200_000)
    return prices


FIGURES = texts | st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.just("60000.01")


@given(any_bytes(FRAMES))
@examples(300)
def test_bytes_are_a_frame_or_counted_as_malformed(frame: bytes) -> None:
    prices = watching()
    feed = feed_of(prices)
    feed._handle_frame(frame)
    assert feed.frames == 1
    assert feed.malformed in (0, 1)
    for right in FRAMES:
        feed._handle_frame(right)
    assert feed.frames == 4
    assert prices.last_price("BTCUSDT") is None  # it knows no instruments


@given(st.sampled_from(["btcusdt@bookTicker", "btcusdt@trade", "arena@pass"]),
       st.dictionaries(st.sampled_from("esupqTmbBaAt"), FIGURES | json_values) | json_values)  # fmt: skip
@examples(200)
def test_figures_of_any_value_are_taken_or_counted(stream: str, data: object) -> None:
    feed = feed_of(watching())
    feed._handle_frame(msgspec.json.encode({"stream": stream, "data": data}))
    if isinstance(data, dict):
        feed._handle_frame(msgspec.json.encode({"stream": stream, "data": {"u": 1, "T": 1, "pass": 1, **data,
                                                                           "s": "BTCUSDT"}}))  # fmt: skip
    assert feed.malformed <= feed.frames


@given(FIGURES, FIGURES, FIGURES, FIGURES, st.integers(-(2**63), 2**63 - 1))
@examples(200)
def test_texts_are_a_quote_or_dropped(bid: str, ask: str, bid_quantity: str, ask_quantity: str, number: int) -> None:
    filter = watching().filter
    for _ in range(2):
        for quote in filter.take("BTCUSDT", bid, ask, bid_quantity, ask_quantity, number, 1):
            assert 0 < quote.bid < 2**62
            assert 0 < quote.ask < 2**62


def test_a_frame_that_is_nested_too_deeply_is_malformed() -> None:
    feed = feed_of(watching())
    for stream in ("btcusdt@bookTicker", "btcusdt@trade", "arena@pass", "else"):
        feed._handle_frame(deeply_nested(stream))
        feed._handle_frame(b'{"a":' * 5_000)
    assert feed.malformed == feed.frames == 8


@given(st.lists(any_bytes([b"10 " + frame for frame in FRAMES]), max_size=5))
@examples(100)
def test_a_recording_leaves_out_what_it_cannot_read(lines: list[bytes]) -> None:
    recording = Recording.__new__(Recording)
    recording.damaged = recording.skipped = 0
    frames = [frame for line in lines if (frame := recording._frame_of(line, 0)) is not None]
    assert len(frames) + recording.damaged + recording.skipped == len(lines)
    assert len(list(derive(frames))) >= len(frames)


@given(any_bytes(FRAMES), st.sampled_from(["btcusdt@trade", "btcusdt@bookTicker", "x"]))
@examples(100)
def test_what_is_derived_or_served_of_garbage_is_garbage(frame: bytes, stream: str) -> None:
    assert next(iter(derive([MarketFrame(1, stream, frame)]))).frame == frame
    assert len(list(derive([MarketFrame(1, stream, frame), MarketFrame(2, "btcusdt@bookTicker", TICKER)]))) >= 2
    assert isinstance(data_of(frame), bytes)


ASKED = [b'{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}',
         b'{"method":"SET_PROPERTY","params":["combined",true],"id":"x"}']  # fmt: skip
ANY_OBJECT = st.dictionaries(st.sampled_from(["method", "params", "id"]), json_values)


@given(any_bytes(ASKED) | ANY_OBJECT.map(msgspec.json.encode))
@examples(200)
def test_every_request_is_answered(request: bytes) -> None:
    answer = msgspec.json.decode(Subscriptions(["btcusdt@trade"], combined=True).answer(request))
    assert {"id", "error"} == set(answer) or {"id", "result"} == set(answer)
