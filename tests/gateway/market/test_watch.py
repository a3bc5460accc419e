"""Which symbols are silent, and how long each is waited for."""

from __future__ import annotations

import pytest

from engine.model.scale import NS_PER_S
from gateway.market.watch import LONGEST_PATIENCE_NS, RECOVERS_NS, SymbolWatch


class Watching:
    """A watch over BTC, which is heard every second, and ETH; its clock, and whom it reconnects for."""

    def __init__(self, silence_s: int = 10) -> None:
        self.watch = SymbolWatch(["BTC", "ETH"], silence_s * NS_PER_S)
        self.now_s = 0
        self.sequence = 0
        self.opened_at: list[int] = []
        self.opens()

    def opens(self) -> None:
        self.watch.opened(self.now_s * NS_PER_S)
        self.opened_at.append(self.now_s)

    def passes(self, seconds: int, eth_every_s: int = 0) -> None:
        for _ in range(seconds):
            self.now_s += 1
            self.sequence += 1
            self.watch.heard("BTC", self.sequence, self.now_s * NS_PER_S)
            if eth_every_s and self.now_s % eth_every_s == 0:
                self.watch.heard("ETH", self.sequence, self.now_s * NS_PER_S)
            if self.watch.lost(self.now_s * NS_PER_S):
                self.opens()


@pytest.fixture
def watching() -> Watching:
    return Watching()


def test_nothing_is_lost_while_each_symbol_is_heard(watching: Watching) -> None:
    watching.passes(10_000, eth_every_s=10)
    assert watching.opened_at == [0]


def test_a_silent_symbol_is_waited_for_twice_as_long_each_time(watching: Watching) -> None:
    watching.passes(3_000)
    waits = [after - before for before, after in zip(watching.opened_at, watching.opened_at[1:], strict=False)]
    assert waits == [11, 21, 41, 81, 161, 321, 601, 601, 601]
    assert LONGEST_PATIENCE_NS == 600 * NS_PER_S


def test_one_that_is_heard_again_for_long_is_waited_for_as_at_first(watching: Watching) -> None:
    watching.passes(40)
    assert watching.opened_at == [0, 11, 32]
    watching.passes(RECOVERS_NS // NS_PER_S + 20, eth_every_s=1)
    before = watching.now_s
    watching.passes(12)
    assert watching.opened_at[3:] == [before + 11]


def test_one_that_is_often_quiet_is_reconnected_for_seldom(watching: Watching) -> None:
    """A frame every fifteen seconds, for a day."""
    watching.passes(86_400, eth_every_s=15)
    assert len(watching.opened_at) == 2


def test_numbers_that_start_over_are_silence() -> None:
    watch = SymbolWatch(["ETH"], 10 * NS_PER_S)
    watch.opened(0)
    assert watch.heard("ETH", 1_000_000, NS_PER_S)
    for second in range(2, 12):
        assert not watch.heard("ETH", second, second * NS_PER_S)
        assert watch.lost(second * NS_PER_S) == {}
    assert watch.lost(12 * NS_PER_S) == {"ETH": 10}
    watch.opened(13 * NS_PER_S)
    assert watch.heard("ETH", 14, 14 * NS_PER_S)
    assert watch.old_frames == 10


def test_nothing_is_expected_of_what_is_not_listed(watching: Watching) -> None:
    watching.watch.unlisted = frozenset(["ETH"])
    watching.passes(1_000)
    assert watching.opened_at == [0]


def test_without_a_bound_all_may_be_silent() -> None:
    watching = Watching(silence_s=0)
    watching.passes(1_000)
    assert watching.opened_at == [0]
