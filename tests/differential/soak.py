"""The engine against its naive twin for millions of steps: more seeds, and longer rounds, than a test has time for.

    python -m tests.differential.soak [STEPS] [--first-seed N] [--processes N]    10,000,000 on all cores by default

A step is a command given to both. Each seed is a fresh pair that plays 50,000 of them. Where the two differ, the seed
and the step are printed with the command that repeats them, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from tests.differential.driver import TO_REACH, Driver
from tests.differential.twins import Twins

STEPS_PER_SEED = 50_000
CHECK_EVERY = 1_000
"""Batches between two looks at all invariants, which are also looked at when a seed ends."""
MOST_FAILURES = 3
"""After so many there is enough to look at."""

RARE = {
    "liquidations": ("POSITION_CLOSED", "LIQUIDATION"),
    "trailing stops": ("POSITION_CLOSED", "TRAILING_STOP"),
    "closed by a rule": ("POSITION_CLOSED", "RULE"),
    "closed by a match's end": ("POSITION_CLOSED", "MATCH_END"),
    "seats disqualified": ("SEAT_DISQUALIFIED", "NONE"),
    "seats at their target": ("SEAT_LOCKED", "NONE"),
    "fixed-time trades won or lost": ("FIXED_SETTLED", "ACCEPTED"),
    "fixed-time trades refunded": ("FIXED_SETTLED", "REFUNDED"),
    "orders refused at the fill": ("ORDER_REFUSED", "NONE"),
    "requests with a used key": ("PlaceOrder", "KEY_REUSED"),
    "entry fees": ("WALLET_CHANGED", "ENTRY_FEE"),
    "entry fees given back": ("WALLET_CHANGED", "REFUND"),
    "prizes": ("WALLET_CHANGED", "PRIZE"),
}
"""Counted in the summary."""


class Played(NamedTuple):
    """What came of a seed."""

    seed: int
    steps: int  # in which both did the same
    seconds: float
    seen: Counter[Any]
    finished: int  # matches
    difference: str = ""  # what it was that differed, after those steps


def play(seed: int, steps: int, compare_every: int) -> Played:
    """A fresh pair and so many steps, or as many as go well."""
    started_s = time.monotonic()
    twins = Twins()
    driver = Driver(twins, seed)
    difference = ""
    try:
        driver.steps(steps, CHECK_EVERY, compare_every)
    except Exception:
        difference = traceback.format_exc()
    finished = len(twins.oracle.matches) - len(twins.oracle.running)
    return Played(seed, driver.given, time.monotonic() - started_s, twins.seen, finished, difference)


def soak(options: argparse.Namespace, console: Console) -> list[Played]:
    """All seeds, a line for each when it is done; those whose twins differ end it early, when they are several."""
    plan = [
        (options.first_seed + number, min(STEPS_PER_SEED, options.steps - done))
        for number, done in enumerate(range(0, options.steps, STEPS_PER_SEED))
    ]
    played: list[Played] = []
    bar = Progress(
        TextColumn("steps"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console,
    )  # fmt: skip
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(options.processes, mp_context=context, initializer=end_with_parent)
    with bar:
        task = bar.add_task("", total=options.steps)
        futures: dict[Future[Played], int] = {
            pool.submit(play, seed, steps, options.compare_every): seed for seed, steps in plan
        }
        try:
            for future in as_completed(futures):
                result = future.result()
                played.append(result)
                bar.advance(task, result.steps)
                tell(result, sum(each.steps for each in played), options, console)
                if sum(bool(each.difference) for each in played) == MOST_FAILURES:
                    break
        except BrokenProcessPool:
            done = {each.seed for each in played}
            began = [seed for seed in futures.values() if seed not in done][: options.processes + 1]
            console.print(f"error: a process died; it was one of the seeds {began}, each to be repeated alone")
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return played


def end_with_parent() -> None:
    """A process of the pool ends when the one that started it does, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def tell(result: Played, steps: int, options: argparse.Namespace, console: Console) -> None:
    """The line of a seed; a way to repeat it, if its twins differ, and find the batch after which they do."""
    if result.difference:
        console.print(result.difference, markup=False, soft_wrap=True)
        console.print(
            f"error: seed {result.seed} differs after step {result.steps:,}; again, comparing all state each time:\n"
            f"    python -m tests.differential.soak {result.steps + 4} --first-seed {result.seed} --compare-every 1",
            soft_wrap=True,
        )
        return
    console.print(
        f"seed {result.seed}: {result.steps:,} steps the same, {result.steps / result.seconds:,.0f}/s;"
        f" {steps:,} of {options.steps:,}",
        soft_wrap=True, highlight=False,
    )  # fmt: skip


def summarise(played: list[Played], seconds: float, console: Console) -> None:
    seen: Counter[Any] = sum((each.seen for each in played), Counter())
    steps = sum(each.steps for each in played)
    table = Table(show_header=False, box=None)
    for label, count in (
        ("steps", steps), ("seeds", len(played)), ("steps a second", round(steps / seconds)),
        ("seeds that differ", sum(bool(each.difference) for each in played)),
        ("matches finished", sum(each.finished for each in played)),
        *((label, seen[happened]) for label, happened in RARE.items()),
    ):  # fmt: skip
        table.add_row(label, f"{count:,}")
    missed = [" ".join(happened) for happened in TO_REACH if not seen[happened]]
    table.add_row("not reached", ", ".join(missed) or "nothing")
    console.print(table)


def main() -> None:
    """Entry point; exit code 1 when the twins differ."""
    parser = argparse.ArgumentParser(description="Play the engine and its naive twin, and compare.")
    parser.add_argument("steps", type=int, nargs="?", default=10_000_000)
    parser.add_argument("--first-seed", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--compare-every", type=int, default=16, help="batches between two looks at all state")
    options = parser.parse_args()
    console = Console()
    started_s = time.monotonic()
    played = soak(options, console)
    summarise(played, time.monotonic() - started_s, console)
    sys.exit(any(each.difference for each in played))


if __name__ == "__main__":
    main()
