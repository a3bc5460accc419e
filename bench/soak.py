"""Soak tests: bots trade while the arena is broken; the log must have all that was acknowledged.

    python -m bench.soak [CYCLES] [--players N] [--market M]      100 cycles of about 5 s, 15 bots, by default
    python -m bench.soak --minutes 30 [--players N] [--speed S] [--json]      200 bots, 20 times as fast, by default

The first one kills it again and again. After each kill the data folder is verified: replay from the first entry,
snapshots and invariants must agree. The second one breaks everything that the arena consists of, one after another, and
heals it: see endurance.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import msgspec
import uvloop

from bench.checks import missing_commands, verify
from bench.endurance import Endurance, Report
from bench.process import ArenaProcess, arena
from bench.rig import Rig
from gateway.process.bots import play

CYCLE_S = (2.0, 6.0)
WARM_UP_WITHIN_S = 600.0


async def soak(cycles: int, players: int, market: list[str], folder: Path) -> list[str]:
    """Run the test; returns all problems found."""
    random = Random(cycles)
    journal = folder / "acknowledged.jsonl"
    server = ArenaProcess(folder / "data", *market)
    server.start()
    stop = asyncio.Event()
    playing = asyncio.create_task(
        play(server.url, players, 1e9, seed=1, actions_per_s=5 * 15 / max(15, players), journal=journal, stop=stop)
    )
    problems: list[str] = []
    for cycle in range(1, cycles + 1):
        await asyncio.sleep(random.uniform(*CYCLE_S) + players / 50)
        server.kill()
        lines = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
        verdict = await asyncio.to_thread(verify, server.data)
        if isinstance(verdict, str):
            problems.append(f"cycle {cycle}: {verdict}")
            break
        lost, _ = await asyncio.to_thread(missing_commands, server.data, lines)
        problems += [f"cycle {cycle}: acknowledged, but not in the log: {line}" for line in lost]
        begun_s = time.monotonic()
        await asyncio.to_thread(server.start)
        print(
            f"cycle {cycle} of {cycles}: sequence {verdict['sequence']}, digest {verdict['digest']} as replayed,"
            f" {len(lines)} acknowledged, {len(lost)} missing, ready again in {time.monotonic() - begun_s:.1f} s",
            file=sys.stderr,
        )
    stop.set()
    summary = await playing
    server.stop()
    return problems + summary.error_examples


async def endure(minutes: float, players: int, speed: float, folder: Path) -> Report:
    """Break everything, one after another, for so long."""
    await asyncio.to_thread(arena, "warmup", timeout_s=WARM_UP_WITHIN_S)
    rig = Rig(folder, speed)
    try:
        return await Endurance(rig, minutes, players, speed).run()
    finally:
        rig.end()


def show(report: Report) -> None:
    """The report, for people."""
    for row in report.rows:
        shown = "" if row.shown is None else f", seen {row.shown} times"
        print(f"{row.part}: {row.what}: {row.times} times{shown}, healed within {row.healed_s} s")
    bots = report.bots
    print(f"{report.players} players, {report.commands:,} commands in the log, of them acknowledged to players:")
    print(f"{report.acknowledged:,} acknowledged, {report.missing} missing")
    print(f"p50 {bots.p50_ms} ms, p99 {bots.p99_ms} ms, {bots.reconnects} reconnects, refused {bots.refused}")
    print(f"invariants: {report.invariants or 'all hold'}; books: {report.books or 'right'}")
    for memory in (report.memory_first, report.memory_last):
        if memory is not None:
            print(f"memory after {memory.at_s:.0f} s: {memory.apart} MB, and {memory.tables} MB of tables")
    print(f"memory without tables: {report.memory_growth_pct} % more")
    for problem in report.problems:
        print(f"error: {problem}")


def main() -> None:
    """Entry point; exit code 1 when there were problems."""
    parser = argparse.ArgumentParser(description="Break the arena again and again while bots play.")
    parser.add_argument("cycles", type=int, nargs="?", default=100)
    parser.add_argument("--minutes", type=float, help="break everything for so long, instead of killing it only")
    parser.add_argument("--players", type=int, help="15; with --minutes 200")
    parser.add_argument("--market", help="as of `arena serve`; recordings are played in a loop")
    parser.add_argument("--speed", type=float, help="of recordings: 1; with --minutes of the simulated market: 20")
    parser.add_argument("--json", action="store_true", help="with --minutes: the report as JSON")
    parser.add_argument("--keep", type=Path, help="with --minutes: do everything in this folder, and leave it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = Path(temporary)
        if options.minutes:
            if options.keep:
                options.keep.mkdir(parents=True)
                folder = options.keep
            report = uvloop.run(endure(options.minutes, options.players or 200, options.speed or 20.0, folder))
            if options.json:
                print(msgspec.json.format(msgspec.json.encode(report)).decode())
            else:
                show(report)
            problems = report.problems
        else:
            speed = str(options.speed or 1.0)
            market = ["--market", options.market, "--speed", speed, "--loop"] if options.market else []
            problems = asyncio.run(soak(options.cycles, options.players or 15, market, folder))
            for line in problems:
                print(f"error: {line}")
            print(f"{options.cycles} kills, {len(problems)} errors")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
