"""The liquidation price against a scan of every price there is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.model import arithmetic
from engine.model.commands import DefineInstrument, MarginBracket
from engine.model.reasons import Reason
from engine.model.scale import MONEY
from engine.model.state import State
from engine.model.tables import BRACKETS_PER_INSTRUMENT
from engine.storage.emit import EventLog
from engine.trading import margin
from engine.trading.define_instrument import define_instrument
from tests.harness.arena import BTC, Arena
from tests.harness.kernels import for_python
from tests.oracle import is_liquidated
from tests.oracle import liquidation_price as scanned

bracket_row, breaches = for_python(margin.bracket_row), for_python(margin.breaches_maintenance)
liquidation_price, maintenance = for_python(margin.liquidation_price), for_python(margin.maintenance_margin)
ceil_div = for_python(arithmetic.ceil_div)


def continuous(caps: tuple[int, ...], ppms: tuple[int, ...]) -> tuple[MarginBracket, ...]:
    """Brackets whose maintenance margin is continuous: cum_n = floor_n x (mmr_n - mmr_(n-1)) + cum_(n-1)."""
    cum, brackets = 0, []
    for number, (cap, ppm) in enumerate(zip((*caps, 0), ppms, strict=True)):
        if number:
            cum += caps[number - 1] * (ppm - ppms[number - 1]) // 1_000_000
        brackets.append(MarginBracket(cap, ppm, 125, cum))
    return tuple(brackets)


def small(lot_units: int, brackets: tuple[MarginBracket, ...], taker_fee_ppm: int = 500) -> DefineInstrument:
    return replace(BTC, tick_units=10_000, lot_units=lot_units, highest_price=300, max_lots=10**6, brackets=brackets,
                   taker_fee_ppm=taker_fee_ppm)  # fmt: skip


SMALL = [
    small(10_000, continuous((), (4_000,))),
    small(10_000, continuous((2_000, 9_000), (4_000, 10_000, 100_000))),
    small(10_000, continuous((200, 700), (0, 100_000, 400_000)), 50_000),
    small(70_000, continuous((3_000, 40_000), (4_000, 50_000, 200_000)), 100_000),
    small(10**9, continuous((10**7, 10**9), (4_000, 5_000, 6_500))),
    small(20_000, continuous((), (0,)), 0),
]


def state_of(data: DefineInstrument) -> State:
    state = State()
    assert define_instrument(state, data, EventLog(state))[0] is Reason.ACCEPTED
    return state


STATES = [state_of(data) for data in SMALL]


@given(st.sampled_from(range(len(SMALL))), st.sampled_from((1, -1)), st.integers(1, 300), st.integers(1, 125),
       st.integers(1, 20) | st.integers(1, 2_000), st.booleans(), st.integers(-2, 2))  # fmt: skip
@settings(max_examples=600)
def test_it_is_the_first_price_from_the_profitable_side_that_breaches(
    number: int, side: int, price: int, leverage: int, lots: int, fees: bool, more: int
) -> None:
    """Also for positions so small that roundings weigh more than a tick, and for margins a unit more or less."""
    data, book = SMALL[number], STATES[number].book
    value = data.tick_units * data.lot_units // MONEY
    margin = max(0, int(ceil_div(price * lots * value, leverage)) + more)
    found = liquidation_price(book, 1, side, lots, price * lots, margin, fees)
    assert found == scanned(data, side, lots, price * lots, margin, fees)


def test_the_inequality_is_that_of_the_rules() -> None:
    draw = random.Random(1)
    for _ in range(300):
        number = draw.randrange(len(SMALL))
        data, book = SMALL[number], STATES[number].book
        side, lots, price, entry = (
            draw.choice((1, -1)),
            draw.randint(1, 500),
            draw.randint(1, 300),
            draw.randint(1, 300),
        )
        margin = draw.randint(0, 10_000)
        expected = is_liquidated(data, side, lots, entry * lots, margin, True, price)
        assert bool(breaches(book, 1, side, lots, entry * lots, margin, data.taker_fee_ppm, price)) == expected


def test_a_bracket_ends_with_its_cap_and_the_last_one_never() -> None:
    book = STATES[1].book
    rows = [
        bracket_row(book, 1, notional) - BRACKETS_PER_INSTRUMENT
        for notional in (0, 2_000, 2_001, 9_000, 9_001, 1 << 60)
    ]
    assert rows == [0, 0, 1, 1, 2, 2]


def test_maintenance_of_the_vectors_is_continuous_at_each_cap(arena: Arena) -> None:
    book = arena.machine.state.book
    for bracket in BTC.brackets[:-1]:
        below, above = (maintenance(book, 1, bracket.notional_cap + more) for more in (0, 1))
        assert 0 <= above - below <= 1
    assert maintenance(book, 1, 50_000 * MONEY) == 200 * MONEY
    assert maintenance(book, 1, 600_000 * MONEY) == 2_950 * MONEY


@pytest.mark.parametrize("side", [1, -1])
def test_real_sizes_satisfy_the_inequality_and_the_tick_before_does_not(arena: Arena, side: int) -> None:
    book, draw = arena.machine.state.book, random.Random(side)
    for _ in range(200):
        entry, lots, leverage = draw.randint(100_000, 9_000_000), draw.randint(10, 10_000_000), draw.randint(1, 125)
        margin = -(-entry * lots * 10 // leverage)
        found = liquidation_price(book, 1, side, lots, entry * lots, margin, True)
        if found:
            assert is_liquidated(BTC, side, lots, entry * lots, margin, True, found)
            assert not is_liquidated(BTC, side, lots, entry * lots, margin, True, found + side)
        else:
            edge = 1 if side > 0 else BTC.highest_price
            assert not is_liquidated(BTC, side, lots, entry * lots, margin, True, edge)
