"""Many connections on one process: what an idle one takes, and how fast the active ones are answered beside them.

    python -m bench.connections [--idle 5000] [--active 500] [--seconds 10] [--json]

A real arena with the simulated market. The idle connections, each of a player of its own who is subscribed to `me`, are
held by one load process; the active ones, which place orders and close what they have opened, by others. First each of
these has one request in flight all the time: that is the maximum rate. Then they send at half of it, at even times, and
a latency counts from the time at which the request was due: who has to wait to be sent has waited. A reply means that
the command is on disk. Memory is the resident set of the server, before and after the idle connections.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from bench.process import ArenaProcess
from bench.report import print_report
from bench.sockets.paced import Paced

CONFIG: Final = """
messages_per_s = 1000000
messages_burst = 1000000
player_messages_per_s = 1000000
player_messages_burst = 1000000
requests_per_address_per_s = 1000000
bare_connections_per_address = 100000
"""
"""More of the section [limits], which is the last of what every such process is given."""

LOADS: Final = 2
"""Processes of active connections."""
SPARE_FILES: Final = 256

Progress = Callable[[str], None]


class Load:
    """A process of bench/sockets/paced.py: told by a line, it answers by a line."""

    def __init__(self, port: int, connections: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.sockets.paced", str(port), str(connections)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def tell(self, *words: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self) -> Paced:
        """What it says next. Raises RuntimeError when it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a load process failed: its messages are above")
        return msgspec.json.decode(line, type=Paced)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


def memory_bytes(pid: int) -> int:
    """Resident memory of the process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(folder: Path, idle: int, active: int, seconds: float, progress: Progress = lambda text: None) -> dict[str, Any]:
    """The bench, with the arena's data in the folder. Raises RuntimeError when it cannot run."""
    _allow_files(idle + active + SPARE_FILES)
    server = ArenaProcess(folder / "data", config=CONFIG)
    with ExitStack() as stack:
        progress("starting the arena")
        stack.callback(server.stop)
        server.start()
        loads = [_load(stack, server, count) for count in _shares(active)]
        _measured(loads, seconds, 0.0)  # what is made once, such as buffers and caches, is no idle connection's
        before = memory_bytes(server.pid)
        progress(f"connecting {idle:,} idle clients")
        _load(stack, server, idle)
        after = memory_bytes(server.pid)
        progress("measuring the maximum rate")
        most = _measured(loads, seconds, 0.0)
        progress("measuring at half of it")
        half = _measured(loads, seconds, _rate(most, seconds) / 2)
    return _report(idle, active, seconds, after - before, after, most, half)


def _report(
    idle: int, active: int, seconds: float, grown: int, memory: int, most: list[Paced], half: list[Paced]
) -> dict[str, Any]:
    p50, p99, p999 = np.percentile([ms for each in half for ms in each.latencies_ms], [50, 99, 99.9])
    return {
        "idle": idle,
        "active": active,
        "seconds": seconds,
        "idle_connection_bytes": round(grown / idle) if idle else 0,
        "server_memory_mb": round(memory / 1e6, 1),
        "maximum_per_s": round(_rate(most, seconds)),
        "sent_per_s": round(_rate(most, seconds) / 2),
        "replies_per_s": round(_rate(half, seconds)),
        "durable_reply_p50_ms": round(float(p50), 3),
        "durable_reply_p99_ms": round(float(p99), 3),
        "durable_reply_p999_ms": round(float(p999), 3),
        "refused": sum(each.refused for each in most + half),
        "lost_connections": max(each.lost for each in half),
    }


def _shares(active: int) -> list[int]:
    """How many connections each load process has."""
    return [share for share in (active // LOADS, active - active // LOADS) if share]


def _load(stack: ExitStack, server: ArenaProcess, connections: int) -> Load:
    """A load whose connections are all there."""
    load = Load(server.port, connections)
    stack.callback(load.end)
    load.answer()
    return load


def _measured(loads: list[Load], seconds: float, per_s: float) -> list[Paced]:
    """All at once: `per_s` requests a second between them; 0: as fast as they are answered."""
    for load in loads:
        load.tell(seconds, per_s / len(loads))
    return [load.answer() for load in loads]


def _rate(measured: list[Paced], seconds: float) -> float:
    return sum(len(each.latencies_ms) for each in measured) / seconds


def _allow_files(count: int) -> None:
    """For this process and those that it starts. Raises RuntimeError when the system does not allow so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise RuntimeError(f"so many connections need {count:,} open files, and the system allows {hard:,}: ulimit -n")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Memory of idle connections, and latency of active ones beside them.")
    parser.add_argument("--idle", type=int, default=5_000)
    parser.add_argument("--active", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each measurement")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.idle < 1 or options.active < 1 or options.seconds <= 0:
        parser.error("--idle, --active and --seconds are more than 0")
    with tempfile.TemporaryDirectory(prefix="connections-", dir=Path.cwd()) as folder:
        try:
            results = run(
                Path(folder), options.idle, options.active, options.seconds, lambda text: print(text, file=sys.stderr)
            )
        except RuntimeError as error:
            sys.exit(f"error: {error}")
    print_report(results, options.json)


if __name__ == "__main__":
    main()
