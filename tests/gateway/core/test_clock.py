"""Stamps: with both clocks of the machine moved by the test."""

from __future__ import annotations

from itertools import pairwise

import pytest

from engine.model.scale import NS_PER_S
from gateway.core.clock import AHEAD_S, Clock, ClockRefused, check_wall_clock
from gateway.core.config import Data

S = NS_PER_S
HOUR_S = 3_600


class Times:
    def __init__(self, wall_s: int = 1_000) -> None:
        self.wall_ns = wall_s * S
        self.monotonic_ns = 0

    def pass_s(self, seconds: float, wall_s: float | None = None) -> None:
        self.monotonic_ns += int(seconds * S)
        self.wall_ns += int((seconds if wall_s is None else wall_s) * S)

    def clock(self, last_stamp_ns: int = 0, ahead_s: float = AHEAD_S) -> Clock:
        return Clock(last_stamp_ns, lambda: self.wall_ns, lambda: self.monotonic_ns, ahead_s)


def run(times: Times, clock: Clock, seconds: int, every_s: int = 1) -> list[int]:
    """A stamp every so often, for so long."""
    stamps = []
    for _ in range(0, seconds, every_s):
        times.pass_s(every_s)
        stamps.append(clock.stamp_ns())
    return stamps


def test_stamps_follow_wall_time() -> None:
    times = Times()
    clock = times.clock()
    times.pass_s(5)
    assert clock.stamp_ns() == 1_005 * S
    assert clock.offset_ns() == 0


@pytest.mark.parametrize("off_s", [0.5, -0.5])
def test_half_a_second_is_leaned_away_where_nobody_notices(off_s: float) -> None:
    times = Times()
    clock = times.clock()
    times.pass_s(1, wall_s=1 + off_s)
    stamps = [clock.stamp_ns(), *run(times, clock, 1_100)]
    assert {round((after - before) / S, 3) for before, after in pairwise(stamps)} <= {1.0, 1.001}
    assert clock.offset_ns() == 0
    assert clock.steps == 0


def test_after_a_sleep_time_is_at_once_what_the_wall_says() -> None:
    """The monotonic clock does not run while the machine sleeps."""
    times = Times()
    clock = times.clock()
    clock.stamp_ns()
    times.pass_s(0.001, wall_s=8 * HOUR_S)
    assert clock.offset_ns() == pytest.approx(8 * HOUR_S * S, abs=S)
    assert clock.stamp_ns() == times.wall_ns
    assert (clock.steps, clock.offset_ns()) == (1, 0)


def test_a_clock_that_is_ahead_of_the_wall_meets_it_within_a_day_and_never_goes_back() -> None:
    times = Times()
    clock = times.clock(last_stamp_ns=times.wall_ns + 2 * HOUR_S * S)
    stamps = run(times, clock, 25 * HOUR_S, every_s=10)
    assert stamps == sorted(stamps)
    assert min(after - before for before, after in pairwise(stamps)) > 9 * S
    assert abs(clock.offset_ns()) <= S


def test_a_wall_clock_that_is_set_back_moves_no_stamp_back() -> None:
    times = Times()
    clock = times.clock()
    before_ns = clock.stamp_ns()
    times.pass_s(1, wall_s=-HOUR_S)
    after_ns = clock.stamp_ns()
    assert before_ns + S * 9 // 10 < after_ns < before_ns + S
    assert clock.offset_ns() < -HOUR_S * S


def test_a_wall_clock_that_is_days_ahead_is_not_believed() -> None:
    times = Times()
    clock = times.clock(ahead_s=100)
    times.pass_s(1, wall_s=102)
    assert clock.is_kept()
    kept = run(times, clock, 60)
    assert kept[0] == 1_002 * S
    assert kept[-1] == 1_061 * S
    assert clock.steps == 0

    times.wall_ns -= 50 * S
    assert not clock.is_kept()
    assert clock.stamp_ns() == times.wall_ns


def test_what_is_believed_is_what_the_configuration_says() -> None:
    assert Data().clock_ahead_s == AHEAD_S == 24 * HOUR_S


def test_a_wall_clock_far_from_the_log_is_refused() -> None:
    check_wall_clock(0, 5 * S, 1, 1)
    check_wall_clock(10 * S, 9 * S, behind_s=1, ahead_s=1)
    with pytest.raises(ClockRefused, match=r"2\.0 s behind"):
        check_wall_clock(10 * S, 8 * S, behind_s=1, ahead_s=1)
    with pytest.raises(ClockRefused, match=r"2\.0 s ahead"):
        check_wall_clock(10 * S, 12 * S, behind_s=1, ahead_s=1)
