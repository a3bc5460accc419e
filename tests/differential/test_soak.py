"""The soak of the oracle names the seed and the step, so that what it finds can be found again."""

from __future__ import annotations

import pytest

from tests.differential.soak import play
from tests.oracle.state import Market


def test_a_seed_whose_twins_agree_plays_all_its_steps() -> None:
    played = play(seed=3, steps=200, compare_every=16)
    assert played.difference == ""
    assert 200 <= played.steps < 204


def test_a_difference_is_told_with_the_step_before_it_and_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rightly = Market.is_stale
    monkeypatch.setattr(
        Market, "is_stale", lambda market, now_ns, match=None: market.quotes < 50 and rightly(market, now_ns, match)
    )
    played = play(seed=3, steps=2_000, compare_every=16)
    assert "AssertionError" in played.difference
    assert 100 < played.steps < 2_000
    again = play(seed=3, steps=played.steps + 4, compare_every=1)
    assert again.difference
    assert again.steps <= played.steps
