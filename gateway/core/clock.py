"""The arena's clock: nanoseconds since the epoch that never go back, also across restarts.

It runs on the monotonic clock and leans towards wall time by at most SLEW_PPM of what passes, so a wall clock that is
set forth or back moves the stamps slowly and never backwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from engine.model.scale import NS_PER_S, PPM

SLEW_PPM: Final = 500
"""As adjtime does: a wall clock that is a second off is met after 33 minutes."""


class ClockRefused(Exception):
    """The wall clock is too far from the last stamp of the log; the message says by how much."""


class Clock:
    """Stamps for batches. Both sources are given, so tests can move them."""

    def __init__(
        self,
        last_stamp_ns: int,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._seen_ns = monotonic_ns()
        self._last_ns = max(last_stamp_ns + 1, wall_ns())

    def stamp_ns(self) -> int:
        """Now, never before an earlier stamp."""
        seen_ns = self._monotonic_ns()
        passed_ns = seen_ns - self._seen_ns
        self._seen_ns = seen_ns
        even_ns = self._last_ns + passed_ns
        most_ns = passed_ns * SLEW_PPM // PPM
        self._last_ns = even_ns + max(-most_ns, min(most_ns, self._wall_ns() - even_ns))
        return self._last_ns


def check_wall_clock(last_stamp_ns: int, wall_ns: int, behind_s: float, ahead_s: float) -> None:
    """Raise ClockRefused when wall time is further than that behind or ahead of the log's last stamp."""
    off_ns = wall_ns - last_stamp_ns
    if last_stamp_ns and off_ns < -behind_s * NS_PER_S:
        raise ClockRefused(f"the wall clock is {-off_ns / NS_PER_S:.1f} s behind the last stamp of the log")
    if last_stamp_ns and off_ns > ahead_s * NS_PER_S:
        raise ClockRefused(f"the wall clock is {off_ns / NS_PER_S:.1f} s ahead of the last stamp of the log")
