"""Soak test: bots trade while the server is killed repeatedly; the log must have all acknowledged commands.

    python -m bench.soak [CYCLES] [--players N] [--market M]      100 cycles of about 5 s, 15 bots, by default

After each kill the data folder is verified: replay from the first entry, snapshots and invariants must agree.
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
from typing import Any

from bench.process import ArenaProcess, arena
from engine.model.commands import Kind
from gateway.process.bots import play
from persistence.disk import Folder
from persistence.segments import entries

CYCLE_S = (2.0, 6.0)


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
        lost = await asyncio.to_thread(missing_commands, server.data, lines)
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


def verify(data: Path) -> dict[str, Any] | str:
    """The JSON result of `arena verify`; its error output, as text, if it fails."""
    done = arena("verify", "--data", str(data), "--json")
    if done.returncode:
        return f"{done.stdout} {done.stderr}".strip()
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def missing_commands(data: Path, lines: list[dict[str, int]]) -> list[dict[str, int]]:
    """Acknowledged requests that are not commands of that player in the log."""
    players = {
        entry.batch.first_sequence + i: int(record["player"])
        for entry in entries(Folder(data / "log"))
        for i, record in enumerate(entry.batch.records)
        if record["kind"] not in (Kind.QUOTE, Kind.PULSE)
    }
    return [line for line in lines if players.get(line["seq"]) != line["player"]]


def main() -> None:
    """Entry point; exit code 1 when there were problems."""
    parser = argparse.ArgumentParser(description="Kill the arena again and again while bots play.")
    parser.add_argument("cycles", type=int, nargs="?", default=100)
    parser.add_argument("--players", type=int, default=15)
    parser.add_argument("--market", help="as of `arena serve`; recordings are played in a loop")
    parser.add_argument("--speed", default="1", help="of recordings")
    options = parser.parse_args()
    market = ["--market", options.market, "--speed", options.speed, "--loop"] if options.market else []
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        problems = asyncio.run(soak(options.cycles, options.players, market, Path(folder)))
    for line in problems:
        print(f"error: {line}")
    print(f"{options.cycles} kills, {len(problems)} errors")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
