"""What the arena says of itself: /ready for whoever sends clients here, /metrics for whoever watches it.

The parts keep their figures as plain attributes; here they are read, when somebody asks. Files alone are looked at
beforehand, in a thread, because a disk may be slow.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from engine.model.scale import NS_PER_S
from engine.views import quote, takes_quotes
from gateway.core.log_lines import STDERR
from gateway.core.metrics import Metrics
from gateway.market.filter import FrameCounts
from gateway.market.prices import Prices
from gateway.market.sources import MarketData
from gateway.process.data_folder import DISK_ANSWERS_WITHIN_S, DataFolder
from gateway.process.memory import resident_bytes, resident_bytes_of
from gateway.process.pulse import Pulse
from gateway.process.supervision import Supervisor
from gateway.rest.operators import Check, Figures, Readiness
from gateway.sessions.arena import Arena
from gateway.transport.connections import Connections

LOOK_AT_FILES_EVERY_S: Final = 5.0


class Files(msgspec.Struct):
    """Of the data folder, as it was a few seconds ago."""

    log_bytes: int = 0
    snapshots_bytes: int = 0
    projection_bytes: int = 0
    snapshot_at_s: float | None = None
    """When the newest snapshot was written, in seconds since the epoch; None: there is none."""


class Health:
    """See the module. `market` is asked for each time: there is none before it is connected."""

    def __init__(
        self,
        arena: Arena,
        folder: DataFolder,
        connections: Connections,
        prices: Prices,
        supervisor: Supervisor,
        market: Callable[[], MarketData | None],
    ) -> None:
        self.pulse = Pulse()
        self.files = Files()
        self._arena = arena
        self._folder = folder
        self._connections = connections
        self._prices = prices
        self._supervisor = supervisor
        self._market = market

    # /ready

    def readiness(self) -> Readiness:
        checks = self.checks()
        return Readiness(all(check.ok for check in checks.values()), checks, self.figures())

    def checks(self) -> dict[str, Check]:
        """What must be right before clients should come, and whether it is."""
        projection, disk_problem = self._folder.projection, self._folder.disk_problem
        return {
            "log": self._check_log(),
            "feed": self._check_feed(),
            "disk": Check(not disk_problem, disk_problem or "fine"),
            # History answers are late while it has a problem, and all else goes on.
            "projection": Check(not projection.full, projection.problem or f"{projection.lag} log entries behind"),
            "clock": self._check_clock(),
            "tasks": self._check_tasks(),
        }

    def figures(self) -> Figures:
        now_ns, wall_s = time.monotonic_ns(), time.time()
        at_s = self.files.snapshot_at_s
        return Figures(
            feed_age_s={symbol: round(age_s, 3) for symbol, age_s in self.feed_ages().items()},
            clock_offset_s=round(self._arena.clock.offset_ns() / NS_PER_S, 3),
            disk_free_bytes=self._folder.disk_free_bytes,
            projection_lag=self._folder.projection.lag,
            log_bytes=self.files.log_bytes,
            snapshot_age_s=None if at_s is None else round(max(0.0, wall_s - at_s), 1),
            loop_lag_s=round(self.pulse.worst_lag.ns(now_ns) / NS_PER_S, 4),
            gc_pause_s=round(self.pulse.worst_pause.ns(now_ns) / NS_PER_S, 4),
            connections=self.connections_by_role(),
            log_lines_lost=STDERR.lost,
        )

    def _check_log(self) -> Check:
        sequencer = self._arena.sequencer
        since_s = sequencer.appending_s()
        if since_s > DISK_ANSWERS_WITHIN_S:
            return Check(False, f"a batch has been on its way to the disk for {since_s:.1f} s")
        return Check(True, f"at sequence {sequencer.sequence}")

    def _check_feed(self) -> Check:
        config, market = self._arena.config.market, self._market()
        now_ns = self._arena.clock.stamp_ns()
        book = self._arena.state.book
        known = self._arena.instruments.by_symbol
        unlisted = market.unlisted() if market is not None else []
        wanted = [known[symbol] for symbol in config.symbols if symbol in known]
        if any(instrument.symbol not in unlisted for instrument in wanted):
            # What the exchange does not trade any more is not waited for, as long as it trades anything of ours.
            wanted = [instrument for instrument in wanted if instrument.symbol not in unlisted]
        # What is halted or closed has no fresh price, and that is as it should be.
        wanted = [instrument for instrument in wanted if takes_quotes(book, instrument.id, now_ns)]
        quotes = {instrument.symbol: quote(book, instrument.id, now_ns) for instrument in wanted}
        stale = [symbol for symbol, last in quotes.items() if last.stale]
        if config.source.startswith("recording:") and len(stale) < len(quotes):
            # A recording need not have them all: those it has not brought yet are not waited for.
            stale = [symbol for symbol in stale if quotes[symbol].bid]
        found = [f"stale: {', '.join(stale)}" if stale else "fresh"]
        if unlisted:
            found.append(f"not traded by the market: {', '.join(unlisted)}")
        if market is not None and market.exchange is not None and market.exchange.problem:
            found.append(f"the exchange's REST calls: {market.exchange.problem}")
        return Check(not stale, "; ".join(found))

    def _check_clock(self) -> Check:
        clock = self._arena.clock
        offset_s = clock.offset_ns() / NS_PER_S
        if clock.is_kept():
            return Check(False, f"the wall clock is {offset_s:.0f} s ahead: it is not believed, and time is kept")
        if offset_s < -1:
            return Check(True, f"the wall clock is {-offset_s:.0f} s behind: time goes more slowly until they meet")
        return Check(True, f"{abs(offset_s):.3f} s from the wall clock")

    def _check_tasks(self) -> Check:
        failing = self._supervisor.failing
        return Check(not failing, "; ".join(f"{name}: {error}" for name, error in failing.items()) or "all run")

    # Figures

    def feed_ages(self) -> dict[str, float]:
        """Seconds since the last frame of each symbol that has had one."""
        market = self._market()
        if market is None:
            return {}
        wall_ns = time.time_ns()
        last_ns = {symbol: at_ns for symbol, at_ns in market.feed.symbol_last_frame_ns.items() if at_ns}
        return {symbol: max(0, wall_ns - at_ns) / NS_PER_S for symbol, at_ns in last_ns.items()}

    def connections_by_role(self) -> dict[str, int]:
        roles = Counter(one.session.role for one in self._connections.open if one.session is not None)
        return {role: roles[role] for role in ("player", "admin", "stranger")}

    async def watch_files(self) -> None:
        """Look at the data folder now and then, until cancelled."""
        folder = Path(self._arena.config.data.directory)
        while True:
            self.files = await asyncio.to_thread(_look_at, folder)
            await asyncio.sleep(LOOK_AT_FILES_EVERY_S)

    # /metrics

    def measure(self, metrics: Metrics) -> None:
        """Tell `metrics` where the figures are."""
        self._measure_commands(metrics)
        self._measure_market(metrics)
        self._measure_clients(metrics)
        self._measure_files(metrics)
        self._measure_process(metrics)

    def _measure_commands(self, metrics: Metrics) -> None:
        arena, sequencer = self._arena, self._arena.sequencer
        metrics.counter("commands", "Commands applied", lambda: sequencer.commands)
        metrics.counter("commands_refused", "Commands not admitted", lambda: sequencer.refused)
        metrics.counters("refusals", "Requests refused, by code", "code", lambda: arena.refusals)
        metrics.gauge("inbox", "Commands waiting", sequencer.waiting)
        metrics.gauge("inbox_age_seconds", "Age of the oldest waiting command", sequencer.waiting_s)
        metrics.gauge("sequence", "Log sequence", lambda: sequencer.sequence)
        metrics.counts("batch_records", "Commands of a batch", sequencer.sizes)
        metrics.durations("decode", "A client's message, until it waits or is answered", arena.decodes)
        metrics.durations("wait", "A client's command, until its batch is closed", sequencer.waits)
        metrics.durations("sync", "Write and sync of a batch", sequencer.syncs)
        metrics.durations("apply", "A batch in the engine", sequencer.applies)
        metrics.durations("fanout", "Answers, events and flush of a batch", sequencer.fanouts)

    def _measure_market(self, metrics: Metrics) -> None:
        sequencer, world = self._arena.sequencer, self._arena.state.book.world
        metrics.counter("quotes_dropped", "Quotes for which there was no room", lambda: sequencer.quotes_dropped)
        metrics.counter("quotes_unusable", "Quotes that the engine refused", lambda: int(world[0]["quotes_unusable"]))
        metrics.counters("market_frames", "Best price frames, all and by what became of them", "kind", self._frames)
        metrics.counter("market_reconnects", "Connections to the market lost", self._reconnects)
        metrics.counter("market_renewals", "Of them, given up for a silent symbol", self._renewals)
        metrics.gauges("feed_age_seconds", "Since the last frame of a symbol", "symbol", self.feed_ages)

    def _measure_clients(self, metrics: Metrics) -> None:
        connections, state = self._connections, self._arena.state
        metrics.gauges("connections", "Open WebSockets, by role", "role", self.connections_by_role)
        metrics.counter("connections_cut", "Connections closed for being slow", lambda: connections.cut)
        metrics.counter("channel_messages", "Messages sent on channels", lambda: self._arena.fanout.messages)
        metrics.gauge("players", "Players", lambda: len(state.cold.players))

    def _measure_files(self, metrics: Metrics) -> None:
        folder = self._folder
        metrics.gauge("disk_free_bytes", "Free on the log's volume", lambda: folder.disk_free_bytes)
        metrics.gauge("log_bytes", "Size of the log", lambda: self.files.log_bytes)
        metrics.gauge("snapshots_bytes", "Size of all snapshots", lambda: self.files.snapshots_bytes)
        metrics.gauge("projection_bytes", "Size of the projection", lambda: self.files.projection_bytes)
        metrics.gauge("snapshot_age_seconds", "Of the newest snapshot; NaN: there is none", self._snapshot_age_s)
        metrics.counter("snapshots", "Snapshots written", lambda: folder.snapshots)
        metrics.gauge("projection_lag", "Log entries not yet in the projection", lambda: folder.projection.lag)

    def _measure_process(self, metrics: Metrics) -> None:
        clock, supervisor = self._arena.clock, self._supervisor
        metrics.gauge("clock_offset_seconds", "Wall time ahead of the arena's", lambda: clock.offset_ns() / NS_PER_S)
        metrics.counter("clock_steps", "Steps of the clock forward", lambda: clock.steps)
        metrics.durations("loop_lag", "How late the event loop is, every tenth of a second", self.pulse.loop_lags)
        metrics.durations("gc_pause", "Pauses of the garbage collector", self.pulse.gc_pauses)
        metrics.counters("failures", "Failures of parts that went on", "part", lambda: supervisor.failures)
        metrics.counter("log_lines_lost", "Log lines that standard error did not take", lambda: STDERR.lost)
        metrics.gauge("memory_bytes", "Resident memory", resident_bytes)
        metrics.gauge("table_bytes", "Of it, the engine's tables and their copy for snapshots", self._table_bytes)

    def _frames(self) -> dict[str, int]:
        counts = self._prices.filter.total()
        return {"read" if name == "frames" else name: int(getattr(counts, name)) for name in FrameCounts.__slots__}

    def _reconnects(self) -> int:
        market = self._market()
        return 0 if market is None else market.feed.reconnects

    def _renewals(self) -> int:
        market = self._market()
        return 0 if market is None else market.feed.renewals

    def _snapshot_age_s(self) -> float:
        at_s = self.files.snapshot_at_s
        return float("nan") if at_s is None else max(0.0, time.time() - at_s)

    def _table_bytes(self) -> int:
        return resident_bytes_of([*self._arena.state.book.arrays.values(), *self._folder.copies])


def _look_at(folder: Path) -> Files:
    log, snapshots = (list(_stats(folder / name)) for name in ("log", "snapshots"))
    projection = [found for found in _stats(folder) if found.name.startswith("projection.sqlite")]
    return Files(
        _bytes_of(log),
        _bytes_of(snapshots),
        _bytes_of(projection),
        max((found.stat().st_mtime for found in snapshots), default=None),
    )


def _stats(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _bytes_of(entries: list[os.DirEntry[str]]) -> int:
    """On the disk: what is preallocated counts."""
    return sum(entry.stat().st_blocks * 512 for entry in entries)
