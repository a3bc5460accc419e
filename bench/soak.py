"""Bots play while the server is killed again and again; afterwards the log must hold all that was acknowledged.

    python -m bench.soak [CYCLES]          100 cycles of about 5 s by default
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from random import Random

from bench.process import ArenaProcess, arena
from gateway.bots import play

PLAYERS = 15
CYCLE_S = (2.0, 6.0)


async def soak(cycles: int, folder: Path) -> list[str]:
    """Everything that was wrong."""
    random = Random(cycles)
    journal = folder / "acknowledged.jsonl"
    server = ArenaProcess(folder / "data")
    server.start()
    stop = asyncio.Event()
    playing = asyncio.create_task(
        play(server.url, PLAYERS, 1e9, seed=1, actions_per_s=5, journal=journal, stop=stop)
    )
    wrong = []
    last_sequence = 0
    for cycle in range(1, cycles + 1):
        await asyncio.sleep(random.uniform(*CYCLE_S))
        server.kill()
        lines = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
        acknowledged = max((line["seq"] for line in lines), default=0)
        verdict = await asyncio.to_thread(_verify, server.data)
        if isinstance(verdict, str):
            wrong.append(f"cycle {cycle}: {verdict}")
            break
        if verdict < max(acknowledged, last_sequence):
            wrong.append(f"cycle {cycle}: the log ends at {verdict}, but {max(acknowledged, last_sequence)} was told")
        last_sequence = verdict
        print(f"cycle {cycle} of {cycles}: sequence {verdict}, {len(lines)} acknowledged", file=sys.stderr)
        await asyncio.to_thread(server.start)
    stop.set()
    summary = await playing
    server.stop()
    return wrong + summary.error_examples


def _verify(data: Path) -> int | str:
    done = arena("verify", "--data", str(data), "--json")
    return int(json.loads(done.stdout)["sequence"]) if done.returncode == 0 else done.stderr.strip()


def main() -> None:
    """Entry point; exit code 1 when something was wrong."""
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        wrong = asyncio.run(soak(cycles, Path(folder)))
    for line in wrong:
        print(f"error: {line}")
    print(f"{cycles} kills, {len(wrong)} errors")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
