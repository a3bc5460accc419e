"""How late the event loop is, and how long the garbage collector stops it: what every client waits for besides."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any, Final

from engine.model.scale import NS_PER_S
from gateway.core.histograms import Histogram

BEAT_S: Final = 0.1
MINUTE_NS: Final = 60 * NS_PER_S


class Worst:
    """The longest of the last minute or two."""

    def __init__(self) -> None:
        self._now = self._before = 0
        self._turns_at_ns = 0

    def observe(self, ns: int, now_ns: int) -> None:
        self._turn(now_ns)
        self._now = max(self._now, ns)

    def ns(self, now_ns: int) -> int:
        self._turn(now_ns)
        return max(self._now, self._before)

    def _turn(self, now_ns: int) -> None:
        if now_ns >= self._turns_at_ns:
            self._before = self._now if now_ns < self._turns_at_ns + MINUTE_NS else 0
            self._now = 0
            self._turns_at_ns = now_ns + MINUTE_NS


class Pulse:
    """`run` is a task of the arena's event loop. Pauses of the collector are measured between `begin` and `end`."""

    def __init__(self) -> None:
        self.loop_lags, self.gc_pauses = Histogram(), Histogram()
        """In ns."""
        self.worst_lag, self.worst_pause = Worst(), Worst()
        self._collecting_since_ns = 0

    def begin(self) -> None:
        gc.callbacks.append(self._collects)

    def end(self) -> None:
        if self._collects in gc.callbacks:
            gc.callbacks.remove(self._collects)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            due_ns = time.monotonic_ns() + int(BEAT_S * NS_PER_S)
            await asyncio.sleep(BEAT_S)
            now_ns = time.monotonic_ns()
            late_ns = max(0, now_ns - due_ns)
            self.loop_lags.observe(late_ns)
            self.worst_lag.observe(late_ns, now_ns)

    def _collects(self, phase: str, info: dict[str, Any]) -> None:
        now_ns = time.monotonic_ns()
        if phase == "start":
            self._collecting_since_ns = now_ns
        else:
            self.gc_pauses.observe(now_ns - self._collecting_since_ns)
            self.worst_pause.observe(now_ns - self._collecting_since_ns, now_ns)
