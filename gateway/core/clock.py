"""The arena's clock: nanoseconds since the epoch that never go back, also across restarts.

It runs on the monotonic clock and follows wall time. What is less than a second off is leaned away, too slowly for
anybody to notice. When wall time is further ahead, as after the machine has slept, the clock steps there at once, at
most by `ahead_s`: beyond that, somebody has set the wall clock wrong, and time is kept. When wall time is further
behind, there is no way back: the clock goes more slowly until wall time has caught up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from engine.model.scale import NS_PER_S, PPM

SLEW_PPM: Final = 500
"""As adjtime does: a wall clock that is a second off is met after 33 minutes."""

LEAN_PPM: Final = 83_333
"""Behind by more than a second, as chrony does (maxslewrate): two hours are met after a day."""

STEP_NS: Final = NS_PER_S

AHEAD_S: Final = 86_400.0


class ClockRefused(Exception):
    """The wall clock is too far from the last stamp of the log; the message says by how much."""


class Clock:
    """Stamps for batches. Both sources are given, so tests can move them."""

    def __init__(
        self,
        last_stamp_ns: int,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        ahead_s: float = AHEAD_S,
    ) -> None:
        self.steps = 0
        """How often it has stepped forward."""
        self._ahead_ns = int(ahead_s * NS_PER_S)
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
        offset_ns = self._wall_ns() - even_ns
        if -STEP_NS <= offset_ns <= STEP_NS:
            most_ns = passed_ns * SLEW_PPM // PPM
            self._last_ns = even_ns + max(-most_ns, min(most_ns, offset_ns))
        elif offset_ns < 0:
            self._last_ns = even_ns - passed_ns * LEAN_PPM // PPM
        elif offset_ns <= self._ahead_ns:
            self._last_ns = even_ns + offset_ns
            self.steps += 1
        else:
            self._last_ns = even_ns
        return self._last_ns

    def offset_ns(self) -> int:
        """How far wall time is ahead of the arena's; negative: behind."""
        return self._wall_ns() - self._last_ns - (self._monotonic_ns() - self._seen_ns)

    def is_kept(self) -> bool:
        """Is wall time so far ahead that it is not believed?"""
        return self.offset_ns() > self._ahead_ns


def check_wall_clock(last_stamp_ns: int, wall_ns: int, behind_s: float, ahead_s: float) -> None:
    """Raise ClockRefused when wall time is further than that behind or ahead of the log's last stamp."""
    off_ns = wall_ns - last_stamp_ns
    if last_stamp_ns and off_ns < -behind_s * NS_PER_S:
        raise ClockRefused(f"the wall clock is {-off_ns / NS_PER_S:.1f} s behind the last stamp of the log")
    if last_stamp_ns and off_ns > ahead_s * NS_PER_S:
        raise ClockRefused(f"the wall clock is {off_ns / NS_PER_S:.1f} s ahead of the last stamp of the log")
