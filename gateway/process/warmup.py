"""What a user sees while machine code is compiled at a first start, before the first client is let in."""

from __future__ import annotations

import time
from typing import Final

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.precompile import compile_entries

log = structlog.get_logger()

LOG_EVERY_S: Final = 5.0


def warm_up_showing(console: Console) -> int:
    """`compile_entries` with a progress bar on a terminal, else with log lines; nothing when all is in the cache."""
    if not console.is_terminal:
        return compile_entries(_Lines())
    columns = (TextColumn("Compiling the engine, once"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", visible=False)
        return compile_entries(lambda done, kernels: progress.update(task, completed=done, total=kernels, visible=True))


class _Lines:
    """Progress as log lines, a few seconds apart."""

    def __init__(self) -> None:
        self._begun_s = self._told_s = time.monotonic()

    def __call__(self, compiled: int, kernels: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= LOG_EVERY_S:
            self._told_s = now_s
            log.info("compiling kernels", compiled=compiled, of=kernels, seconds=round(now_s - self._begun_s))
