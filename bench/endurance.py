"""The soak test with everything broken: see soak.py for how to run it, and breakages.py for what is broken.

Bots trade on a market that is faster than the real one. What restarts the arena comes first, and once more at the end;
all else in between, again and again. Nothing that was acknowledged may be missing, the invariants and the books must
hold, and memory, the engine's tables aside, may not grow.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from bench.breakages import BREAKAGES, Breakage
from bench.checks import missing_commands, told
from bench.rig import Rig, Sight
from gateway.process.bot import Tally
from gateway.process.bots import Summary, play

ACTIONS_PER_S: Final = 75.0
"""Of all bots together."""
LISTENERS: Final = 5
"""Bots that are sent every price: all of them would be most of the load."""
HEALED_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.4
WARM_S: Final = 300.0
"""When memory is looked at for the first time."""
MB: Final = 1 << 20


class Row(msgspec.Struct):
    """What became of one breakage."""

    part: str
    what: str
    times: int = 0
    shown: int | None = None
    """How often it was seen in /ready or /metrics; None: it is not to be seen there."""
    healed_s: float = 0.0
    """Until the arena was ready and took commands again, at worst."""


class Memory(msgspec.Struct, frozen=True):
    """In MB: resident without the engine's tables and their copy, and those."""

    at_s: float
    apart: float
    tables: float


class Report(msgspec.Struct, frozen=True):
    """What came of a run."""

    minutes: float
    speed: float
    players: int
    acknowledged: int
    missing: int
    commands: int
    rows: list[Row]
    invariants: list[str]
    books: list[str]
    memory_first: Memory | None
    memory_last: Memory | None
    memory_growth_pct: float | None
    bots: Summary
    problems: list[str]


class Endurance:
    """One run."""

    def __init__(self, rig: Rig, minutes: float, players: int, speed: float) -> None:
        self.problems: list[str] = []
        self.rows = {breakage: Row(breakage.part, breakage.what) for breakage in BREAKAGES}
        self._rig = rig
        self._minutes = minutes
        self._players = players
        self._speed = speed
        self._tally: Tally | None = None
        self._all_play = asyncio.Event()
        self._memory: list[Memory] = []
        self._begun_s = time.monotonic()

    async def run(self) -> Report:
        rig, journal = self._rig, self._rig.folder / "acknowledged.jsonl"
        await asyncio.to_thread(rig.arena.start)
        self._begun_s = time.monotonic()
        stop = asyncio.Event()
        rate = ACTIONS_PER_S / max(15, self._players)
        playing = asyncio.create_task(
            play(
                rig.arena.url,
                self._players,
                1e9,
                seed=1,
                actions_per_s=rate,
                journal=journal,
                stop=stop,
                listeners=LISTENERS,
                on_progress=self._progress,
            )
        )
        watching = asyncio.create_task(self._watch_memory())
        try:
            await self._until_all_play()
            await self._break_all()
            await asyncio.sleep(2)
            watching.cancel()
            for breakage in BREAKAGES:
                if breakage.restarts:
                    await self._break(breakage, 2.0)
            stop.set()
            bots = await playing
            self._say("stopping, and checking the log")
            if await asyncio.to_thread(rig.arena.stop):
                self.problems.append("the last stop was not clean")
        finally:
            playing.cancel()
            watching.cancel()
        return await asyncio.to_thread(self._report, bots, journal)

    # Breaking

    async def _break_all(self) -> None:
        """Each at least once; those that restart the arena at the beginning only."""
        ends_s = self._begun_s + 60 * self._minutes
        longest_s = max(1.5, min(6.0, 60 * self._minutes / len(BREAKAGES) - 3))
        todo = [*(each for each in BREAKAGES if each.restarts), *(each for each in BREAKAGES if not each.restarts)]
        again: list[Breakage] = []
        while time.monotonic() < ends_s:
            breakage = todo.pop(0)
            await self._break(breakage, max(breakage.at_least_s, longest_s))
            again += [] if breakage.restarts else [breakage]
            if not todo:
                todo, again = again, []
        for breakage in todo:
            if not self.rows[breakage].times:
                self.problems.append(f"there was no time for {breakage.part}: {breakage.what}")

    async def _break(self, breakage: Breakage, seconds: float) -> None:
        row = self.rows[breakage]
        row.times += 1
        self._say(f"{breakage.part}: {breakage.what}")
        before = await self._rig.sight()
        doing = asyncio.create_task(breakage.does(self._rig, seconds))
        if breakage.shows is not None and before is not None:
            row.shown = (row.shown or 0) + await self._is_shown(breakage.shows, before, doing)
        try:
            await doing
        except (AssertionError, OSError) as error:
            self._problem(breakage, str(error))
        healing_s = time.monotonic()
        await self._heals(breakage)
        row.healed_s = max(row.healed_s, round(time.monotonic() - healing_s, 1))

    async def _is_shown(self, shows: Callable[[Sight, Sight], bool], before: Sight, doing: asyncio.Task[None]) -> bool:
        while not doing.done():
            await asyncio.sleep(LOOK_EVERY_S)
            now = await self._rig.sight()
            if now is not None and shows(before, now):
                return True
        now = await self._rig.sight()
        return now is not None and shows(before, now)

    async def _heals(self, breakage: Breakage) -> None:
        """Wait until it is ready and takes commands; begin it anew if it has died."""
        ends_s = time.monotonic() + HEALED_WITHIN_S
        accepted = self._accepted()
        wrong = ""
        while time.monotonic() < ends_s:
            if not self._rig.arena.runs:
                self._problem(breakage, "the arena has died")
                self._rig.faults()
                await asyncio.to_thread(self._rig.arena.start)
            sight = await self._rig.sight()
            wrong = "it does not answer" if sight is None else _wrong_with(sight)
            if not wrong and self._accepted() > accepted:
                return
            await asyncio.sleep(LOOK_EVERY_S)
        self._problem(breakage, f"not healed after {HEALED_WITHIN_S:.0f} s: {wrong or 'it accepts no commands'}")

    def _problem(self, breakage: Breakage, text: str) -> None:
        self.problems.append(f"{breakage.part}, {breakage.what}: {text}")
        self._say(f"PROBLEM: {text}")

    # Watching

    async def _until_all_play(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_play.wait(), 60)

    def _progress(self, tally: Tally, elapsed_s: float) -> None:
        self._tally = tally
        if tally.players >= self._players:
            self._all_play.set()

    def _accepted(self) -> int:
        return 0 if self._tally is None else self._tally.accepted

    async def _watch_memory(self) -> None:
        while True:
            await asyncio.sleep(2)
            sight = await self._rig.sight()
            if sight is not None:
                tables = sight.value("table_bytes")
                apart = (sight.value("memory_bytes") - tables) / MB
                self._memory.append(Memory(round(self._elapsed_s(), 1), round(apart, 1), round(tables / MB, 1)))

    def _memory_from(self, at_s: float) -> Memory | None:
        """Of half a minute from then on, or as much of it as there is."""
        found = [memory for memory in self._memory if at_s <= memory.at_s <= at_s + 30]
        if not found:
            return None
        return Memory(
            at_s,
            round(statistics.median(memory.apart for memory in found), 1),
            round(statistics.median(memory.tables for memory in found), 1),
        )

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._begun_s

    def _say(self, text: str) -> None:
        tally = self._tally or Tally()
        print(
            f"{self._elapsed_s():6.0f} s  {tally.players} players, {tally.accepted:,} accepted,"
            f" {tally.errors} errors, p99 {tally.latency_ms(99):.0f} ms  {text}",
            file=sys.stderr,
            flush=True,
        )

    # Reporting

    def _report(self, bots: Summary, journal: Path) -> Report:
        data = self._rig.arena.data
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
        lost, commands = missing_commands(data, lines)
        self.problems += [f"acknowledged, but not in the log: {line}" for line in lost[:10]]
        self.problems += bots.error_examples
        verdict, verified = told("verify", data)
        invariants = [*verdict.get("problems", []), *([] if verdict.get("equal") else [verified or "replays differ"])]
        audit, audited = told("audit", data)
        books = [*audit.get("problems", []), *([audited] if audited else [])]
        last_s = self._memory[-1].at_s if self._memory else 0.0
        first, last = self._memory_from(min(WARM_S, 0.4 * last_s)), self._memory_from(last_s - 30)
        growth = round(100 * (last.apart / first.apart - 1), 1) if first and last else None
        self.problems += [
            f"{row.part}, {row.what}: it was never to be seen" for row in self.rows.values() if row.shown == 0
        ]
        if growth is not None and growth > 10:
            self.problems.append(f"memory without tables grew by {growth} %")
        return Report(
            self._minutes, self._speed, bots.played, len(lines), len(lost), commands, list(self.rows.values()),
            invariants, books, first, last, growth, bots, [*self.problems, *invariants, *books],
        )  # fmt: skip


def _wrong_with(sight: Sight) -> str:
    """What is not right yet; empty: all is. A projection may have a problem though the arena is ready."""
    return "; ".join(
        f"{name}: {check['detail']}"
        for name, check in sight.checks.items()
        if not check["ok"] or (name == "projection" and not check["detail"].endswith("log entries behind"))
    )
