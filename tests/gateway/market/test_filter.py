"""Which frames become quotes, rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.scale import MONEY_DECIMALS, NS_PER_MS, format_decimal, parse_decimal
from gateway.market.filter import FilteredQuote, QuoteFilter, _units

BTC = 3


class Desk:
    """A filter that watches BTCUSDT, its clock, and whether an order waits."""

    def __init__(self) -> None:
        self.order_waits = False
        self.filter = QuoteFilter(lambda instrument: self.order_waits and instrument == BTC)
        self.filter.watch("BTCUSDT", BTC, 1_000_000)
        self.sequence = 0
        self.now_ms = 1_000_000

    def frame(
        self,
        bid: str = "60000.00000000",
        ask: str = "60000.01000000",
        quantity: str = "1.00000000",
        *,
        after_ms: int = 1,
    ) -> FilteredQuote | None:
        self.sequence += 1
        self.now_ms += after_ms
        return self.filter.take("BTCUSDT", bid, ask, quantity, quantity, self.sequence, self.now_ms * NS_PER_MS)

    def counted(self, name: str) -> int:
        counts = self.filter.counts("BTCUSDT")
        others = ("changed", "confirmed", "unchanged", "dust", "malformed", "not_newer")
        assert counts.frames == sum(getattr(counts, other) for other in others)
        return int(getattr(counts, name))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_first_frame_passes_in_ticks(desk: Desk) -> None:
    assert desk.frame() == FilteredQuote(instrument=BTC, bid=6_000_000, ask=6_000_001, source_sequence=1)


def test_every_change_of_a_price_passes(desk: Desk) -> None:
    desk.frame()
    assert desk.frame(bid="59999.99000000") == (BTC, 5_999_999, 6_000_001, 2)
    assert desk.frame(bid="59999.99000000", ask="60000.02000000") == (BTC, 5_999_999, 6_000_002, 3)
    assert desk.frame() == (BTC, 6_000_000, 6_000_001, 4)
    assert desk.counted("changed") == 4


def test_a_change_of_quantity_does_not_pass(desk: Desk) -> None:
    desk.frame()
    assert desk.frame(quantity="2.00000000") is None
    assert desk.counted("unchanged") == 1


def test_the_same_price_written_otherwise_is_no_change(desk: Desk) -> None:
    desk.frame()
    assert desk.frame(bid="60000.0", ask="60000.01") is None
    assert desk.counted("unchanged") == 1


def test_unchanged_prices_are_confirmed_every_half_second(desk: Desk) -> None:
    desk.frame()
    passed = [desk.frame(after_ms=100) is not None for _ in range(12)]
    assert passed == [False, False, False, False, True, False, False, False, False, True, False, False]
    assert desk.counted("confirmed") == 2


def test_a_change_puts_the_confirmation_off(desk: Desk) -> None:
    desk.frame()
    desk.frame(after_ms=400, bid="59999.00000000")
    assert desk.frame(after_ms=400, bid="59999.00000000") is None
    assert desk.frame(after_ms=100, bid="59999.00000000") is not None


def test_nothing_is_confirmed_without_a_frame(desk: Desk) -> None:
    desk.frame()
    assert desk.frame(after_ms=60_000) is not None
    assert desk.counted("confirmed") == 1


def test_while_an_order_waits_the_very_next_frame_passes(desk: Desk) -> None:
    desk.frame()
    assert desk.frame() is None
    desk.order_waits = True
    assert desk.frame() == (BTC, 6_000_000, 6_000_001, 3)
    desk.order_waits = False
    assert desk.frame() is None


def test_an_order_for_another_instrument_changes_nothing(desk: Desk) -> None:
    desk.order_waits = True
    desk.filter.watch("ETHUSDT", 4, 1_000_000)
    eth = ("ETHUSDT", "2000.00", "2000.01", "1.0", "1.0")
    assert desk.filter.take(*eth, 1, 0) == (4, 200_000, 200_001, 1)
    assert desk.filter.take(*eth, 2, 1) is None


def test_dust_is_no_quote(desk: Desk) -> None:
    """100 USDT at 60,000 are 0.00166667 BTC, rounded up."""
    assert desk.frame(quantity="0.00166666") is None
    assert desk.frame(quantity="0.00166667") is not None
    assert desk.frame(quantity="0.00166666", bid="59000.00000000") is None
    assert desk.frame(quantity="0.00166666", after_ms=600) is None
    assert desk.counted("dust") == 3


def test_dust_waits_for_nobody(desk: Desk) -> None:
    desk.frame()
    desk.order_waits = True
    assert desk.frame(quantity="0.00000000") is None


def test_one_dusty_side_is_enough(desk: Desk) -> None:
    for bid_quantity, ask_quantity in (("0.001", "1"), ("1", "0.001")):
        desk.sequence += 1
        assert desk.filter.take("BTCUSDT", "60000", "60001", bid_quantity, ask_quantity, desk.sequence, 0) is None
    assert desk.counted("dust") == 2


def test_a_side_that_turns_to_dust_at_unchanged_prices_is_no_quote(desk: Desk) -> None:
    desk.frame()
    desk.order_waits = True
    for bid_quantity, ask_quantity in (("0.001", "1.00000000"), ("1.00000000", "0.001")):
        desk.sequence += 1
        frame = ("BTCUSDT", "60000.00000000", "60000.01000000", bid_quantity, ask_quantity)
        assert desk.filter.take(*frame, desk.sequence, 0) is None
    assert desk.counted("dust") == 2


def test_dust_leaves_no_trace_in_what_is_compared(desk: Desk) -> None:
    desk.frame()
    desk.frame(quantity="0.00000001", bid="59000.00000000")
    assert desk.frame() is None
    assert desk.frame(bid="59000.00000000") is not None


def test_a_quantity_that_was_enough_is_looked_at_again_at_another_price(desk: Desk) -> None:
    desk.frame(quantity="0.00200000")
    assert desk.frame(quantity="0.00200000", bid="40000.00000000") is None
    assert desk.counted("dust") == 1


@pytest.mark.parametrize(
    "bid",
    ["", "abc", "NaN", "-60000.00000000", "0.00000000", "60000.00500000", "6e4", " 60000", "60000.000000001", "9" * 60],
)
def test_a_price_that_is_none_is_malformed(desk: Desk, bid: str) -> None:
    desk.frame()
    assert desk.frame(bid=bid) is None
    assert desk.frame(ask=bid) is None
    assert desk.counted("malformed") == 2
    assert desk.frame() is None
    assert desk.counted("unchanged") == 1


def test_a_quantity_that_is_none_is_malformed(desk: Desk) -> None:
    desk.frame()
    assert desk.frame(quantity="much") is None
    assert desk.counted("malformed") == 1


def test_a_malformed_frame_does_not_hold_up_the_sequence(desk: Desk) -> None:
    desk.filter.take("BTCUSDT", "bad", "60000", "1", "1", 10**15, 0)
    assert desk.frame() is not None


def test_a_frame_that_is_not_newer_is_for_nobody(desk: Desk) -> None:
    desk.frame()
    desk.frame(bid="59000.00000000")
    desk.order_waits = True
    for _ in range(2):
        desk.sequence = 0
        assert desk.frame() is None
    assert desk.counted("not_newer") == 2
    desk.order_waits = False
    desk.sequence = 2
    assert desk.frame(bid="59000.00000000") is None
    assert desk.counted("unchanged") == 1


def test_after_a_reset_all_begins_anew(desk: Desk) -> None:
    desk.frame()
    desk.filter.reset()
    desk.sequence = 0
    assert desk.frame() == (BTC, 6_000_000, 6_000_001, 1)
    assert desk.counted("changed") == 2


def test_a_symbol_that_is_not_watched_is_counted_apart(desk: Desk) -> None:
    assert desk.filter.take("DOGEUSDT", "1", "2", "1000", "1000", 1, 0) is None
    desk.filter.unwatch("BTCUSDT")
    assert desk.frame() is None
    assert desk.filter.unwatched == 2


def test_the_total_is_the_sum_over_symbols(desk: Desk) -> None:
    desk.frame()
    desk.filter.watch("XRPUSDT", 5, 10_000)
    desk.filter.take("XRPUSDT", "0.6128", "0.6129", "1000", "1000", 1, 0)
    assert desk.filter.total().frames == 2
    assert desk.filter.total().changed == 2


def test_a_tick_must_be_something(desk: Desk) -> None:
    with pytest.raises(ValueError, match="tick"):
        desk.filter.watch("BTCUSDT", BTC, 0)


@settings(max_examples=60)
@given(st.one_of(st.text(alphabet="0123456789.-_ ٣²e", max_size=24), st.from_regex(r"\d{1,12}\.\d{8}", fullmatch=True)))
def test_the_quick_parser_says_what_the_exact_one_says(text: str) -> None:
    def outcome(quick: bool) -> int | str:
        try:
            return _units(text) if quick else parse_decimal(text, MONEY_DECIMALS)
        except ValueError as error:
            return type(error).__name__

    assert outcome(quick=True) == outcome(quick=False)


@given(st.integers(min_value=0, max_value=10**17))
def test_binance_text_is_parsed_exactly(units: int) -> None:
    assert _units(format_decimal(units, MONEY_DECIMALS)) == units
