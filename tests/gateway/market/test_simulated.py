"""The simulated market: the same for the same seed, and near enough to the real one."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import msgspec
import pytest

from engine.model.scale import MONEY_DECIMALS, NS_PER_S, parse_decimal
from gateway.market import STREAM_KINDS, MarketFrame, decode_envelope
from gateway.market.binance import BookTicker, decode_book_ticker, decode_trade
from gateway.market.listings import LISTINGS, listing_of
from gateway.market.simulated import SimulatedMarket


def quotes_of(symbol: str, frames: list[MarketFrame]) -> list[BookTicker]:
    stream = f"{symbol.lower()}@bookTicker"
    return [decode_book_ticker(decode_envelope(frame.frame).data) for frame in frames if frame.stream == stream]


@pytest.fixture(scope="module")
def five_minutes() -> list[MarketFrame]:
    return list(SimulatedMarket(duration_s=300))


def test_the_same_seed_gives_the_same_market() -> None:
    assert list(islice(SimulatedMarket(seed=7), 3_000)) == list(islice(SimulatedMarket(seed=7), 3_000))
    assert list(islice(SimulatedMarket(seed=7), 3_000)) != list(islice(SimulatedMarket(seed=8), 3_000))


def test_it_can_be_read_again() -> None:
    market = SimulatedMarket(duration_s=5)
    assert list(market) == list(market) != []


def test_another_symbol_does_not_change_a_walk() -> None:
    alone = list(SimulatedMarket([LISTINGS["ETHUSDT"]], duration_s=30))
    among = [frame for frame in SimulatedMarket(duration_s=30) if frame.stream.startswith("ethusdt")]
    assert alone == among


def test_it_sends_every_stream_of_every_symbol(five_minutes: list[MarketFrame]) -> None:
    streams = {frame.stream for frame in five_minutes}
    assert streams == {f"{symbol.lower()}@{kind}" for symbol in LISTINGS for kind in STREAM_KINDS}
    assert all(msgspec.json.decode(frame.frame)["stream"] == frame.stream for frame in five_minutes)


def test_time_goes_on_and_ends_where_it_should(five_minutes: list[MarketFrame]) -> None:
    assert all(sooner.time_ns <= later.time_ns for sooner, later in pairwise(five_minutes))
    assert 299 * NS_PER_S < five_minutes[-1].time_ns - five_minutes[0].time_ns < 300 * NS_PER_S


@pytest.mark.parametrize("symbol", list(LISTINGS))
def test_quotes_are_whole_ticks_and_sequences_grow(symbol: str, five_minutes: list[MarketFrame]) -> None:
    tick_size, step_size = LISTINGS[symbol].tick_size, LISTINGS[symbol].step_size
    quotes = quotes_of(symbol, five_minutes)
    assert all(sooner.source_sequence < later.source_sequence for sooner, later in pairwise(quotes))
    for quote in quotes:
        bid, ask = parse_decimal(quote.bid, MONEY_DECIMALS), parse_decimal(quote.ask, MONEY_DECIMALS)
        assert bid % tick_size == ask % tick_size == 0
        assert 0 < bid < ask
        assert parse_decimal(quote.bid_quantity, MONEY_DECIMALS) % step_size == 0


def test_it_is_about_as_busy_as_the_real_market(five_minutes: list[MarketFrame]) -> None:
    quotes = quotes_of("BTCUSDT", five_minutes)
    changed = sum((sooner.bid, sooner.ask) != (later.bid, later.ask) for sooner, later in pairwise(quotes))
    assert 0.07 < changed / len(quotes) < 0.13
    assert 15 < len(quotes) / 300 < 100

    spreads = Counter(
        (parse_decimal(quote.ask, MONEY_DECIMALS) - parse_decimal(quote.bid, MONEY_DECIMALS)) // 1_000_000
        for quote in quotes
    )
    assert spreads[1] > 0.85 * len(quotes)

    seconds = Counter(frame.time_ns // NS_PER_S for frame in five_minutes if frame.stream == "btcusdt@bookTicker")
    assert max(seconds.values()) > 3 * len(quotes) / 300


def test_trades_happen_at_the_touch(five_minutes: list[MarketFrame]) -> None:
    bid = ask = ""
    for frame in five_minutes:
        if frame.stream == "xrpusdt@bookTicker":
            quote = decode_book_ticker(decode_envelope(frame.frame).data)
            bid, ask = quote.bid, quote.ask
        elif frame.stream == "xrpusdt@trade" and bid:
            assert decode_trade(decode_envelope(frame.frame).data).price in (bid, ask)


def test_a_symbol_without_a_price_cannot_be_simulated() -> None:
    with pytest.raises(ValueError, match="DOGEUSDT"):
        SimulatedMarket([listing_of("DOGEUSDT")])


def test_a_symbol_that_is_not_in_the_table_is_listed_all_the_same() -> None:
    listing = listing_of("DOGEUSDT")
    assert (listing.base, listing.quote, listing.tick_size) == ("DOGE", "USDT", 1)
    assert listing_of("BTCUSDT") is LISTINGS["BTCUSDT"]
