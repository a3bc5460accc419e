"""The commands `arena bench engine | ledger | gateway | disk`. Imports are inside the commands: help is fast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from gateway.cli.failure import Failure
from gateway.cli.parameters import Json

app = App(name="bench")


@app.command
def engine(
    *,
    positions: Annotated[int, Parameter(help="Open positions in the book.")] = 1_000_000,
    spread_positions: Annotated[int, Parameter(help="Open positions spread over all instruments.")] = 10_000_000,
    json: Json = False,
) -> int:
    """The engine alone: opens, closes, ticks and revaluation, in one thread, without disk or network.

    At the default sizes it takes some minutes and 8 GB.
    """
    import bench.engine
    from bench.report import print_report
    from gateway.cli.console import warm_console

    console = warm_console()
    with console.status("starting") as status:

        def progress(what: str, done: int, total: int) -> None:
            status.update(f"{what}: {done:,} of {total:,}")

        results = bench.engine.run(positions, spread_positions, progress)
    print_report(results, json)
    return 0


@app.command
def ledger(
    *,
    accounts: Annotated[int, Parameter(help="Accounts in the ledger.")] = 1_000_000,
    json: Json = False,
) -> int:
    """The ledger alone: transfers between random accounts, holds and posts, against the bare additions.

    At the default size it takes half a minute and 1 GB.
    """
    import bench.ledger
    from bench.report import print_report
    from gateway.cli.console import warm_console

    console = warm_console()
    with console.status("starting") as status:

        def progress(what: str, done: int, total: int) -> None:
            status.update(f"{what}: {done:,} of {total:,}")

        results = bench.ledger.run(accounts, progress)
    print_report(results, json)
    return 0


@app.command
def gateway(
    *,
    seconds: Annotated[float, Parameter(help="Length of each measurement.")] = 5.0,
    rounds: Annotated[int, Parameter(help="Measurements of each kind; medians are reported.")] = 3,
    connections: Annotated[int, Parameter(help="Clients, each with one request in flight.")] = 200,
    data: Annotated[Path | None, Parameter(help="A folder on a real disk; a fresh one here by default.")] = None,
    json: Json = False,
) -> int:
    """Orders over WebSocket against a bare echo server, in turn, on the same core with the same client."""
    from bench.report import print_report
    from bench.sockets.gateway import BenchFailed, run
    from gateway.cli.console import warm_console

    console = warm_console()
    if data is not None and not data.is_dir():
        raise Failure(f"there is no folder {data}: make it, or leave --data out")
    try:
        results = run(seconds, rounds, connections, data, lambda text: console.log(text, highlight=False))
    except BenchFailed as error:
        raise Failure(str(error)) from error
    print_report(results, json)
    if results["client_was_bottleneck"]:
        console.print(f"the load client was the bottleneck: the server used {results['server_cpu']:.0%} of its core")
    if results["cores_were_shared"]:
        console.print("neither server nor client had its core to itself: stop what else is running and measure again")
    return 0


@app.command
def disk(
    *,
    seconds: Annotated[int, Parameter(help="How much of the simulated market is taken.")] = 600,
    json: Json = False,
) -> int:
    """What an arena writes for each quote, each order and each idle day: bytes of the log and of the history."""
    import bench.disk
    from bench.report import print_report
    from gateway.cli.console import warm_console

    with warm_console().status("writing"):
        results = bench.disk.run(seconds)
    print_report(results, json)
    return 0
