"""An arena, its market and who reads its log lines, each of which can be broken: what the soak test works with."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from bench.faulty_arena import Faults
from bench.process import ArenaProcess

CONFIG: Final = """
[data]
snapshot_every_s = 20.0
clock_behind_s = 3600.0

[market]
source = "binance"
stream_url = "ws://127.0.0.1:{port}"
rest_url = "http://127.0.0.1:{port}"
silence_s = 4.0
symbol_silence_s = 4.0
"""
PIPE_BYTES: Final = 4_096


class Sight(NamedTuple):
    """What an operator sees."""

    checks: dict[str, Any]
    metrics: dict[str, float]

    def bad(self, check: str, part: str = "") -> bool:
        """Is that check of /ready not right, and does it name the part?"""
        return not self.checks[check]["ok"] and part in self.checks[check]["detail"]

    def value(self, name: str) -> float:
        """Of a metric, for the value of its label that is given, such as "refusals_total{OVERLOADED}", or for all."""
        return sum(value for key, value in self.metrics.items() if f"arena_{name}" in (key, key.partition("{")[0]))


class Reader:
    """Who reads standard error of the arena: from a pipe, into a file."""

    def __init__(self, fifo: Path, lines: Path) -> None:
        os.mkfifo(fifo)
        self.fifo = fifo
        self._lines = lines
        self._reads = threading.Event()
        self._reads.set()
        self._ended = threading.Event()
        self._descriptor = -1
        self.come()

    def come(self) -> None:
        """Begin to read."""
        self._ended = threading.Event()
        self._descriptor = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        threading.Thread(target=self._run, args=(self._descriptor, self._ended), daemon=True).start()

    def sleep(self) -> None:
        """Read no more, but stay."""
        self._reads.clear()

    def wake(self) -> None:
        self._reads.set()

    def go(self) -> None:
        """Close the pipe."""
        self._ended.set()

    def _run(self, descriptor: int, ended: threading.Event) -> None:
        with self._lines.open("ab") as lines:
            while not ended.wait(0.02):
                if self._reads.is_set():
                    try:
                        lines.write(os.read(descriptor, 65_536))
                        lines.flush()
                    except BlockingIOError:
                        continue
        os.close(descriptor)


class Rig:
    """Made by `begin`, ended by `end`. Everything in one folder."""

    def __init__(self, folder: Path, speed: float) -> None:
        self.folder = folder
        self._faults = folder / "faults.json"
        self.faults()
        self.reader = Reader(folder / "stderr", folder / "arena.log")
        self._market = subprocess.Popen(
            [sys.executable, "-m", "bench.faulty_market", str(speed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._market.stdout is not None
        port = int(self._market.stdout.readline())
        self.arena = ArenaProcess(
            folder / "data",
            config=CONFIG.format(port=port),
            errors=self.reader.fifo,
            program=[sys.executable, "-m", "bench.faulty_arena", str(self._faults)],
        )

    def faults(self, **changes: Any) -> None:
        """From now on these fail, and no others."""
        written = self._faults.with_suffix(".new")
        written.write_bytes(msgspec.json.encode(Faults(**changes)))
        written.replace(self._faults)

    def market(self, *command: Any) -> None:
        """Have the market do this."""
        assert self._market.stdin is not None
        self._market.stdin.write(json.dumps(command).encode() + b"\n")
        self._market.stdin.flush()

    async def sight(self) -> Sight | None:
        """What /ready and /metrics say; None when there is no answer."""
        try:
            ready, metrics = await asyncio.gather(self._get("/ready"), self._get("/metrics"))
        except OSError:
            return None
        return Sight(json.loads(ready)["checks"], _figures(metrics.decode()))

    async def _get(self, path: str) -> bytes:
        return await asyncio.to_thread(_fetch, self.arena.url + path)

    def end(self) -> None:
        """End whatever still runs."""
        self.arena.kill()
        self._market.terminate()
        self._market.wait(30)
        for pipe in (self._market.stdin, self._market.stdout):
            if pipe is not None:
                pipe.close()
        self.reader.go()


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        return error.read()


def _figures(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f"{{{value}}}" for name, value in sample.labels.items() if name != "le"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }
