"""Rounding and shares against Python's own integers, at every bound; decimals there and back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine.model import arithmetic
from engine.model.arithmetic import ppm_ceil
from engine.model.scale import BOUND, PPM, NotDecimal, OutOfRange, TooPrecise, format_decimal, parse_decimal
from tests.harness.kernels import for_python

ceil_div, ppm_floor, share_floor = map(for_python, (arithmetic.ceil_div, arithmetic.ppm_floor, arithmetic.share_floor))

amounts = st.integers(0, BOUND) | st.sampled_from([0, 1, PPM - 1, PPM, PPM + 1, BOUND - 1, BOUND])
rates = st.integers(0, PPM) | st.sampled_from([0, 1, PPM - 1, PPM])
signed = st.integers(-(1 << 62), 1 << 62)


@given(amounts, rates)
@example(BOUND, PPM)
@example(BOUND - 1, PPM - 1)
def test_parts_per_million_round_as_they_are_named(amount: int, ppm: int) -> None:
    assert ppm_floor(amount, ppm) == amount * ppm // PPM
    assert ppm_ceil(amount, ppm) == -(-amount * ppm // PPM)


@given(signed, st.integers(1, BOUND))
@example(-1, 2)
@example(-7, 7)
@example(-(1 << 62), 3)
def test_division_rounds_as_it_is_named(numerator: int, denominator: int) -> None:
    assert ceil_div(numerator, denominator) == -(-numerator // denominator)


@given(amounts, amounts, amounts)
@example(BOUND, BOUND, BOUND)
@example(BOUND, BOUND - 1, BOUND)
@example(BOUND - 1, BOUND - 1, BOUND)
@example(BOUND, 1, BOUND)
@example(1 << 31, 1 << 31, 1 << 31)
@example(BOUND, 5, 5)
@example(BOUND, 4, 7)
@settings(max_examples=500)
def test_a_share_is_exact_as_if_in_128_bits(amount: int, part: int, whole: int) -> None:
    assume(whole > 0)
    part = min(part, whole)
    assert share_floor(amount, part, whole) == amount * part // whole


@given(amounts, st.integers(1, BOUND), st.data())
def test_shares_never_sum_to_more_than_the_whole(amount: int, whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    assert share_floor(amount, part, whole) + share_floor(amount, whole - part, whole) in (amount, amount - 1)


# Decimals

decimals = st.integers(0, 12)
numbers = st.integers(-(1 << 62) + 1, (1 << 62) - 1)


@given(numbers, decimals)
def test_what_is_formatted_is_parsed(amount: int, places: int) -> None:
    assert parse_decimal(format_decimal(amount, places), places) == amount


@given(numbers, decimals)
def test_the_text_says_the_number(amount: int, places: int) -> None:
    assert Decimal(format_decimal(amount, places)) == Decimal(amount).scaleb(-places)


@given(numbers, decimals, st.integers(0, 5))
def test_zeros_at_the_end_change_nothing(amount: int, places: int, zeros: int) -> None:
    text = format_decimal(amount, places) + ("." if not places and zeros else "") + "0" * zeros
    assert parse_decimal(text, places) == amount


@given(st.text(max_size=50), decimals)
@example("", 2)
@example("-", 2)
@example(".5", 2)
@example("5.", 2)
@example("1e5", 2)
@example("+1", 2)
@example("1_000", 2)
@example(" 1", 2)
@example("\u0661", 2)
@example("\u00b2", 2)
@example("--1", 2)
@example("1.-5", 2)
@example("NaN", 2)
@example("9" * 50, 2)
def test_any_other_text_is_an_error_and_never_another_number(text: str, places: int) -> None:
    try:
        amount = parse_decimal(text, places)
    except (NotDecimal, TooPrecise, OutOfRange):
        return
    assert Decimal(text) == Decimal(amount).scaleb(-places)
    assert set(text) <= set("-.0123456789")


@pytest.mark.parametrize(("text", "error"), [
    ("", NotDecimal), ("-", NotDecimal), (".5", NotDecimal), ("5.", NotDecimal), ("1e5", NotDecimal),
    ("+1", NotDecimal), ("1_0", NotDecimal), (" 1", NotDecimal), ("\u0661", NotDecimal), ("1.2.3", NotDecimal),
    ("0." + "0" * 40, NotDecimal),
    ("0.123", TooPrecise), ("-0.001", TooPrecise), (str(1 << 62), OutOfRange), ("46116860184273879.04", OutOfRange),
])  # fmt: skip
def test_each_kind_of_wrong_text_has_its_error(text: str, error: type[ValueError]) -> None:
    with pytest.raises(error):
        parse_decimal(text, 2)
    assert issubclass(error, ValueError)


def test_examples() -> None:
    assert parse_decimal("61837.63", 2) == 6_183_763
    assert parse_decimal("46116860184273879.03", 2) == (1 << 62) - 1
    assert format_decimal(5, 2) == "0.05"
    assert format_decimal(-5, 2) == "-0.05"
    assert format_decimal(7, 0) == "7"
