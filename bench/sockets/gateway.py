"""The gateway benchmark: orders and closes over WebSocket, each acknowledged when it is on disk.

The arena (sync on every batch, projection on, quotes of all simulated symbols) runs on core 0; the load client and the
simulated exchange on core 1. In alternation, an echo server is measured with messages of the same size: the cost of
WebSocket itself. The ratio of the two is comparable between machines; `cpu_ratio`, per second of the server's CPU time,
is so even when other programs use the cores.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.sockets.load import Result

SERVER_CORE: Final = 0
CLIENT_CORE: Final = 1
BUSY: Final = 0.95
"""CPU share above which a process is the bottleneck; if none is, other programs used the cores."""

CONFIG: Final = """
[market]
source = "binance"
stream_url = "ws://127.0.0.1:{port}"
rest_url = "http://127.0.0.1:{port}"

[limits]
messages_per_s = 1000000
messages_burst = 1000000
player_messages_per_s = 1000000
player_messages_burst = 1000000
connections_per_address = 100000
guests_per_address_per_minute = 1000000
requests_per_address_per_s = 1000000
refuse_opens_after_ms = 5000
refuse_most_after_ms = 5000
"""

Progress = Callable[[str], None]


class BenchFailed(Exception):
    """The benchmark cannot run; the message says why."""


def run(
    seconds: float, rounds: int, connections: int, data: Path | None, progress: Progress = lambda text: None
) -> dict[str, Any]:
    """Measure both in alternation; medians over the rounds. `orders_per_s` counts acknowledged orders and closes."""
    if len(os.sched_getaffinity(0)) < 2:
        raise BenchFailed("the server and the load need a core each: this needs two")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=data or Path.cwd()) as folder:
        config = Path(folder) / "bench.toml"
        arena = ["-m", "bench.arena", "serve", "--data", f"{folder}/data", "--port", "0", "--config", str(config)]
        progress("starting the arena")
        with ExitStack() as servers:
            exchange = _server(["-m", "bench.arena", "market", "--port", "0"], CLIENT_CORE)
            config.write_text(CONFIG.format(port=servers.enter_context(exchange)[1]))
            arena_pid, arena_port = servers.enter_context(_server(arena, SERVER_CORE))
            echo_pid, echo_port = servers.enter_context(_server(["-m", "bench.sockets.echo"], SERVER_CORE))
            before = _histograms(arena_port)
            orders: list[Result] = []
            echoes: list[Result] = []
            for number in range(1, rounds + 1):
                progress(f"round {number} of {rounds}: echo")
                echoes.append(_measure("echo", echo_port, connections, seconds, echo_pid))
                progress(f"round {number} of {rounds}: orders")
                orders.append(_measure("orders", arena_port, connections, seconds, arena_pid))
                progress(
                    f"round {number} of {rounds}: {orders[-1].replies_per_s:,.0f} orders/s"
                    f" against {echoes[-1].replies_per_s:,.0f} echoes/s"
                )
            after = _histograms(arena_port)
    return _report(orders, echoes, seconds, connections, _batches(before, after))


def _report(
    orders: list[Result], echoes: list[Result], seconds: float, connections: int, batches: dict[str, float]
) -> dict[str, Any]:
    def median(results: list[Result], field: str) -> float:
        return float(statistics.median(getattr(result, field) for result in results))

    orders_per_s, echo_per_s = median(orders, "replies_per_s"), median(echoes, "replies_per_s")
    server_cpu, echo_cpu = median(orders, "server_cpu"), median(echoes, "server_cpu")
    client_cpu = median(orders, "client_cpu")
    orders_per_cpu_s, echo_per_cpu_s = orders_per_s / server_cpu, echo_per_s / echo_cpu
    return {
        "orders_per_s": round(orders_per_s),
        "echo_per_s": round(echo_per_s),
        "ratio": round(orders_per_s / echo_per_s, 3),
        "orders_per_cpu_s": round(orders_per_cpu_s),
        "echo_per_cpu_s": round(echo_per_cpu_s),
        "cpu_ratio": round(orders_per_cpu_s / echo_per_cpu_s, 3),
        "p50_ms": round(median(orders, "p50_ms"), 3),
        "p99_ms": round(median(orders, "p99_ms"), 3),
        "echo_p50_ms": round(median(echoes, "p50_ms"), 3),
        "echo_p99_ms": round(median(echoes, "p99_ms"), 3),
        "connections": connections,
        "seconds": seconds,
        "rounds": len(orders),
        "refused": sum(result.refused for result in orders),
        "server_cpu": round(server_cpu, 3),
        "client_cpu": round(client_cpu, 3),
        "echo_server_cpu": round(echo_cpu, 3),
        "client_was_bottleneck": server_cpu < BUSY <= client_cpu,
        "cores_were_shared": max(server_cpu, client_cpu) < BUSY,
        **batches,
    }


@contextmanager
def _server(arguments: list[str], core: int) -> Iterator[tuple[int, int]]:
    """Start a Python process on that core; yields its pid and the port that it prints."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(process.pid, {core})
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"(\d+)\s*$", line)
        if found is None:
            raise BenchFailed(f"{' '.join(arguments)} did not start: its messages are above")
        yield process.pid, int(found[1])
    finally:
        process.terminate()
        process.wait(timeout=30)


def _measure(what: str, port: int, connections: int, seconds: float, pid: int) -> Result:
    arguments = [what, str(port), str(connections), str(seconds), str(pid)]
    process = subprocess.Popen([sys.executable, "-m", "bench.sockets.load", *arguments], stdout=subprocess.PIPE)
    os.sched_setaffinity(process.pid, {CLIENT_CORE})
    answer, _ = process.communicate(timeout=seconds + 120)
    if process.returncode:
        raise BenchFailed("the load client failed: its messages are above")
    return msgspec.json.decode(answer, type=Result)


# Metrics of the arena's batches

_BUCKET: Final = re.compile(r'^arena_(batch_records|sync_seconds)_bucket\{le="([^"]+)"\} (\S+)', re.MULTILINE)


def _histograms(port: int) -> dict[str, list[tuple[float, float]]]:
    """Histograms of batch sizes and append times: cumulative counts by upper bound."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    found: dict[str, list[tuple[float, float]]] = {}
    for name, bound, count in _BUCKET.findall(text):
        found.setdefault(name, []).append((float(bound), float(count)))
    return found


def _batches(
    before: dict[str, list[tuple[float, float]]], after: dict[str, list[tuple[float, float]]]
) -> dict[str, float]:
    grown = {
        name: [(bound, count - before[name][at][1]) for at, (bound, count) in enumerate(buckets)]
        for name, buckets in after.items()
    }
    sizes, appends = grown["batch_records"], grown["sync_seconds"]
    return {
        "batches": int(sizes[-1][1]),
        "batch_p50": round(_quantile(sizes, 0.5)),
        "batch_p99": round(_quantile(sizes, 0.99)),
        "fsync_p50_ms": round(_quantile(appends, 0.5) * 1000, 3),
        "fsync_p99_ms": round(_quantile(appends, 0.99) * 1000, 3),
    }


def _quantile(buckets: list[tuple[float, float]], share: float) -> float:
    """A quantile, interpolated within its bucket, as Prometheus does."""
    wanted = share * buckets[-1][1]
    low = below = 0.0
    for bound, count in buckets:
        if count >= wanted and count > below:
            return low if bound == float("inf") else low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return low
