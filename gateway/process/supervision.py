"""Tasks that go on whatever happens to them: one that fails is told of, counted, and started again.

The table in docs/durability.md has all of them, and what else can fail. What must not go on, because nobody knows any
more what the disk or the state holds, is not here: that is the sequencer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from gateway.core.log_lines import told

log = structlog.get_logger()

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 30.0

Work = Callable[[], Coroutine[Any, Any, None]]


class Supervisor:
    """Owns tasks, by name. `failures` counts; `failing` says why those failed that wait to be started again."""

    def __init__(self, first_wait_s: float = FIRST_WAIT_S) -> None:
        self.failures: Counter[str] = Counter()
        self.failing: dict[str, str] = {}
        self._first_wait_s = first_wait_s
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Work) -> None:
        """Do this work until `stop`: again when it ends, after a wait that doubles while it ends at once."""
        self._tasks[name] = asyncio.create_task(self._keep(name, work), name=name)

    def failed(self, name: str, error: Exception) -> None:
        """Count a failure, and say it in one line."""
        self.failures[name] += 1
        log.error("a part failed and goes on", part=name, error=told(error), failures=self.failures[name])

    async def end(self, name: str) -> None:
        """End this task, unless it has been ended."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def stop(self) -> None:
        """End all tasks."""
        for name in list(self._tasks):
            await self.end(name)

    async def _keep(self, name: str, work: Work) -> None:
        loop = asyncio.get_running_loop()
        wait_s = self._first_wait_s
        while True:
            begun_s = loop.time()
            try:
                await work()
                raise AssertionError("it ended by itself")
            except Exception as error:
                self.failed(name, error)
                self.failing[name] = told(error)
            if loop.time() - begun_s > LONGEST_WAIT_S:
                wait_s = self._first_wait_s
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            del self.failing[name]
