"""`arena bench engine`, `arena bench ledger` and `arena bench gateway`."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from bench.report import print_report
from gateway.cli.main import Failure
from gateway.cli.serve import log_to_stderr
from gateway.process.warmup import warm_up_showing


def run_engine(positions: int, spread_positions: int, json: bool) -> int:
    """Measure the engine alone."""
    from bench import engine

    console = _ready()
    with console.status("starting") as status:

        def progress(what: str, done: int, total: int) -> None:
            status.update(f"{what}: {done:,} of {total:,}")

        results = engine.run(positions, spread_positions, progress)
    print_report(results, json)
    return 0


def run_ledger(accounts: int, json: bool) -> int:
    """Measure the ledger alone."""
    from bench import ledger

    console = _ready()
    with console.status("starting") as status:

        def progress(what: str, done: int, total: int) -> None:
            status.update(f"{what}: {done:,} of {total:,}")

        results = ledger.run(accounts, progress)
    print_report(results, json)
    return 0


def run_gateway(seconds: float, rounds: int, connections: int, data: Path | None, json: bool) -> int:
    """Measure the whole arena against an echo server."""
    from bench import gateway

    console = _ready()
    if data is not None and not data.is_dir():
        raise Failure(f"there is no folder {data}: make it, or leave --data out")
    try:
        results = gateway.run(seconds, rounds, connections, data, lambda text: console.log(text, highlight=False))
    except gateway.BenchFailed as error:
        raise Failure(str(error)) from error
    print_report(results, json)
    if results["client_was_bottleneck"]:
        console.print(f"the load client was the bottleneck: the server used {results['server_cpu']:.0%} of its core")
    if results["cores_were_shared"]:
        console.print("neither server nor client had its core to itself: stop what else is running and measure again")
    return 0


def _ready() -> Console:
    log_to_stderr()
    console = Console(stderr=True)
    warm_up_showing(console)
    return console
