"""Which frames become quotes, rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.scale import MONEY_DECIMALS, NS_PER_MS, format_decimal, parse_decimal
from gateway.market.filter import FilteredQuote, Notice, QuoteFilter, What, _units

BTC = 3
JUMP_PPM = 200_000


Passed = tuple[int, int, int, int]
"""Instrument, bid, ask, source sequence."""


def passed(quotes: tuple[FilteredQuote, ...]) -> list[Passed]:
    return [quote[:4] for quote in quotes]


class Desk:
    """A filter that watches BTCUSDT, its clock, and whether an order waits."""

    def __init__(self) -> None:
        self.order_waits = False
        self.told: list[tuple[What, int]] = []
        self.filter = QuoteFilter(lambda instrument: self.order_waits and instrument == BTC, tell=self.tell)
        self.filter.watch("BTCUSDT", BTC, 1_000_000, JUMP_PPM)
        self.sequence = 0
        self.now_ms = 1_000_000

    def frame(
        self,
        bid: str = "60000.00000000",
        ask: str = "60000.01000000",
        quantity: str = "1.00000000",
        *,
        after_ms: int = 1,
    ) -> Passed | None:
        """The only quote that comes of a frame."""
        passed = self.frames(bid, ask, quantity, after_ms=after_ms)
        assert len(passed) < 2
        return passed[0] if passed else None

    def frames(
        self, bid: str, ask: str, quantity: str = "1.00000000", ask_quantity: str = "", *, after_ms: int = 1
    ) -> list[Passed]:
        """All the quotes that come of a frame."""
        self.sequence += 1
        self.now_ms += after_ms
        return passed(
            self.filter.take(
                "BTCUSDT", bid, ask, quantity, ask_quantity or quantity, self.sequence, self.now_ms * NS_PER_MS
            )
        )

    def tell(self, notice: Notice) -> None:
        self.told.append((notice.what, notice.quote.bid))

    def counted(self, name: str) -> int:
        counts = self.filter.counts("BTCUSDT")
        others = ("changed", "confirmed", "unchanged", "dust", "malformed", "not_newer", "withheld")
        assert counts.frames == sum(getattr(counts, other) for other in others)
        return int(getattr(counts, name))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_first_frame_passes_in_ticks(desk: Desk) -> None:
    assert desk.frame() == (BTC, 6_000_000, 6_000_001, 1)


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
    assert passed(desk.filter.take(*eth, 1, 0)) == [(4, 200_000, 200_001, 1)]
    assert not desk.filter.take(*eth, 2, 1)


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
        assert not desk.filter.take("BTCUSDT", "60000", "60001", bid_quantity, ask_quantity, desk.sequence, 0)
    assert desk.counted("dust") == 2


def test_a_side_that_turns_to_dust_at_unchanged_prices_is_no_quote(desk: Desk) -> None:
    desk.frame()
    desk.order_waits = True
    for bid_quantity, ask_quantity in (("0.001", "1.00000000"), ("1.00000000", "0.001")):
        desk.sequence += 1
        frame = ("BTCUSDT", "60000.00000000", "60000.01000000", bid_quantity, ask_quantity)
        assert not desk.filter.take(*frame, desk.sequence, 0)
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
    ["", "abc", "NaN", "-60000.00000000", "0.00000000", "0.00000000001", "6e4", " 60000", "60000.000000001", "9" * 60],
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


def test_a_symbol_that_is_not_watched_makes_no_quote(desk: Desk) -> None:
    assert not desk.filter.take("DOGEUSDT", "1", "2", "1000", "1000", 1, 0)
    assert desk.filter.total().frames == 0


# Prices between ticks


def test_prices_between_ticks_are_rounded_against_who_trades(desk: Desk) -> None:
    assert desk.frame("61837.63500000", "61837.64600000") == (BTC, 6_183_763, 6_183_765, 1)
    assert desk.frame("61837.63900000", "61837.64100000") is None
    assert desk.counted("unchanged") == 1
    assert desk.frame("61837.64000000", "61837.64100000") == (BTC, 6_183_764, 6_183_765, 3)
    assert desk.told == [(What.FINER_TICK, 6_183_763)]


def test_a_bid_below_one_tick_is_no_price(desk: Desk) -> None:
    assert desk.frame("0.00900000", "0.01100000", "1000000.0") is None
    assert desk.counted("malformed") == 1


# Sizes that no unit of ours can hold


def test_a_size_beyond_all_bounds_is_large_and_nothing_worse() -> None:
    """A cheap coin: tick 1e-8, and as many of it as an exchange's 64 bits can count."""
    filter = QuoteFilter(lambda instrument: False)
    filter.watch("CHEAPUSDT", 7, 1)
    sizes = "46116860185.00000000", "99999999999999999999.00000000"
    assert passed(filter.take("CHEAPUSDT", "0.00000402", "0.00000403", *sizes, 1, 0)) == [(7, 402, 403, 1)]
    assert filter.counts("CHEAPUSDT").malformed == 0


# Jumps

CALM, ABOVE = "61837.00000000", "61837.01000000"
WILD, WILD_ABOVE = "6183.76000000", "6183.77000000"


def test_one_wild_print_is_dropped(desk: Desk) -> None:
    desk.frame(CALM, ABOVE)
    assert desk.frame(WILD, WILD_ABOVE) is None
    assert desk.frame(CALM, ABOVE) is None
    assert desk.frame("61836.00000000", ABOVE) == (BTC, 6_183_600, 6_183_701, 4)
    assert desk.counted("withheld") == 1
    assert desk.told == [(What.WITHHELD, 618_376), (What.WILD, 618_376)]


def test_a_price_that_the_next_frame_confirms_passes_with_it_however_late(desk: Desk) -> None:
    desk.frame(CALM, ABOVE)
    desk.frame(WILD, WILD_ABOVE)
    assert desk.frames("6183.00000000", WILD_ABOVE, after_ms=3_600_000) == [
        (BTC, 618_376, 618_377, 2),
        (BTC, 618_300, 618_377, 3),
    ]
    assert desk.told[-1] == (What.TAKEN, 618_376)
    assert desk.frame(CALM, ABOVE) is None


def test_the_same_order_in_the_book_confirms_nothing(desk: Desk) -> None:
    """The bid jumps; that the ask, or nothing, changes in the next frames says nothing new of the bid."""
    desk.frame(CALM, ABOVE)
    assert desk.frames(WILD, ABOVE, "5.00000000", "1.00000000") == []
    assert desk.frames(WILD, ABOVE, "5.00000000", "1.00000000") == []
    assert desk.frames(WILD, "61837.05000000", "5.00000000", "9.00000000", after_ms=60_000) == []
    assert desk.counted("withheld") == 3
    assert desk.frame(CALM, "61837.05000000") == (BTC, 6_183_700, 6_183_705, 5)
    assert desk.told == [(What.WITHHELD, 618_376), (What.WILD, 618_376)]


def test_each_wild_price_is_withheld_anew(desk: Desk) -> None:
    desk.frame(CALM, ABOVE)
    for bid in ("100000.00000000", "6000.00000000", "90000.00000000"):
        assert desk.frame(bid, bid[:-8] + "01000000") is None
    assert desk.counted("withheld") == 3
    assert desk.frame(CALM, ABOVE) is None
    assert desk.counted("unchanged") == 1


def test_a_jump_of_just_the_bound_is_none(desk: Desk) -> None:
    desk.frame("10000.00000000", "10000.01000000")
    assert desk.frame("12000.00000000", "12000.01000000") is not None
    assert desk.frame("9600.00000000", "9600.01000000") is not None
    assert desk.frame("7679.99000000", "7680.01000000") is None
    assert desk.counted("withheld") == 1


def test_a_waiting_order_does_not_get_what_is_withheld(desk: Desk) -> None:
    desk.frame(CALM, ABOVE)
    desk.order_waits = True
    assert desk.frame(WILD, WILD_ABOVE) is None
    assert desk.frame(CALM, ABOVE) is not None


def test_a_new_connection_may_not_begin_with_a_wild_price(desk: Desk) -> None:
    desk.frame(CALM, ABOVE)
    desk.frame(WILD, WILD_ABOVE)
    desk.filter.reset()
    desk.sequence = 0
    assert desk.frame(WILD, WILD_ABOVE) is None
    assert desk.frame(CALM, ABOVE) == (BTC, 6_183_700, 6_183_701, 2)


def test_nor_may_a_new_process(desk: Desk) -> None:
    desk.filter = QuoteFilter(lambda instrument: False)
    desk.filter.watch("BTCUSDT", BTC, 1_000_000, JUMP_PPM, last=(6_183_700, 6_183_701))
    assert desk.frame(WILD, WILD_ABOVE) is None
    assert desk.frame(CALM, ABOVE) == (BTC, 6_183_700, 6_183_701, 2)


def test_an_instrument_that_is_defined_anew_keeps_its_last_price(desk: Desk) -> None:
    desk.frame(CALM, ABOVE)
    desk.filter.watch("BTCUSDT", BTC, 1_000_000, JUMP_PPM)
    assert desk.frame(WILD, WILD_ABOVE) is None
    desk.filter.watch("BTCUSDT", BTC, 1_000_000, 0)
    assert desk.frame(WILD, WILD_ABOVE) is not None


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
