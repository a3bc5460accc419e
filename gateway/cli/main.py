"""The command `arena`. Imports are inside the commands, so that help comes at once; the cli_*.py files do the work.

Exit codes: 0 fine; 1 the check or the run found errors; 2 used wrongly, or something is missing; 74 the log failed.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Group, Parameter

EXIT_ERRORS = 1
EXIT_USAGE = 2

DEFAULT_URL = "http://127.0.0.1:8080"


class Failure(Exception):
    """A command cannot do what it was asked; the message is one line that says what to do about it."""

    def __init__(self, message: str, code: int = EXIT_USAGE) -> None:
        super().__init__(message)
        self.code = code


def _version() -> str:
    try:
        return version("tick-arena")
    except PackageNotFoundError:
        return "unknown"


app = App(
    name="arena",
    help="A trading game engine: leveraged trades against live prices, exact rules, a durable log.\n\n"
    "Start with: arena serve\nand then, in another terminal: arena bots --players 20",
    help_format="plaintext",
    version=_version,
)
app.register_install_completion_command()
_OPERATING = Group("Operating", sort_key=1)
_CHECKING = Group("Checking", sort_key=2)

Json = Annotated[bool, Parameter(negative="", help="Print the result as one line of JSON.")]
DataFolder = Annotated[Path, Parameter(help="The data folder: log, snapshots, projection, and the token secret.")]
Port = Annotated[int, Parameter(help="Port to listen on; 0 takes any free one and prints it.")]


@app.command(group=_OPERATING)
def serve(
    *,
    data: Annotated[Path | None, Parameter(help="The data folder; made if it is not there.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 takes any free one and prints it.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on.")] = None,
    market: Annotated[
        str | None, Parameter(help="Where prices come from: simulated, binance, or recording:FILE,FILE.")
    ] = None,
    config: Annotated[Path | None, Parameter(help="A TOML file; ./config.toml is taken when it is there.")] = None,
    speed: Annotated[float | None, Parameter(help="Of a recording: how many times as fast as it was.")] = None,
    loop: Annotated[bool | None, Parameter(help="Start a recording over at its end.")] = None,
) -> int:
    """Run an arena until Ctrl-C. What is given here goes before the configuration file.

    Try:
      arena serve
      arena serve --data data --port 8080 --market binance
      arena serve --market recording:btc.gz,eth.gz --speed 10
    """
    from gateway.cli.serve import run

    return run(config, data=data, port=port, host=host, market=market, speed=speed, loop=loop)


@app.command(group=_OPERATING)
def market(
    *,
    port: Port = 9443,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    recording: Annotated[tuple[Path, ...], Parameter(help="Recordings to play, merged by time.")] = (),
    symbols: Annotated[str, Parameter(help="Symbols to simulate, with commas between them.")] = "",
    seed: Annotated[int, Parameter(help="Of the simulation: the same seed is the same market.")] = 1,
    speed: Annotated[float, Parameter(help="Times real time; 0 is as fast as clients take it.")] = 1.0,
    loop: Annotated[bool, Parameter(help="Start over at the end of the recordings.")] = True,
) -> int:
    """Run an exchange of our own that speaks Binance's streams: a random walk, or recordings.

    Try:
      arena market --seed 7
      arena market --recording btc.gz --recording eth.gz --speed 5 --no-loop
    """
    from gateway.cli.market import run_market

    return run_market(recording, symbols, seed, host, port, speed, loop)


@app.command(group=_OPERATING)
def record(
    file: Annotated[Path, Parameter(help="The recording to write, such as btc.gz.")],
    *,
    symbols: Annotated[str, Parameter(help="Symbols, with commas between them.")] = "BTCUSDT,ETHUSDT",
    seconds: Annotated[float, Parameter(help="How long.")] = 60.0,
    url: Annotated[str, Parameter(help="The exchange's stream address.")] = "wss://stream.binance.com:9443",
) -> int:
    """Record live market data, to be played with arena serve --market recording:FILE.

    Try:
      arena record btc.gz --symbols BTCUSDT --seconds 600
    """
    from gateway.cli.market import run_record

    return run_record(file, symbols, seconds, url)


@app.command(group=_OPERATING)
def warmup() -> int:
    """Compile the engine now, so that the next start is quick."""
    from gateway.cli.serve import run_warmup

    return run_warmup()


@app.command(group=_OPERATING)
def token(
    *,
    admin: Annotated[bool, Parameter(negative="", help="For an operator: the admin.* ops.")] = False,
    player: Annotated[int | None, Parameter(help="For the player with this id.")] = None,
    days: Annotated[int, Parameter(help="How long it is valid.")] = 30,
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """Print an access token for the arena of a data folder. Whoever has it may do what its owner may: keep it secret.

    Try:
      arena token --admin --data data
    """
    from gateway.cli.data import run_token

    return run_token(data, admin, player, days, json)


@app.command(group=_CHECKING)
def bots(
    *,
    players: Annotated[int, Parameter(help="How many.")] = 20,
    seconds: Annotated[float, Parameter(help="How long they play.")] = 30.0,
    url: Annotated[str, Parameter(help="The arena's address.")] = DEFAULT_URL,
    seed: Annotated[int, Parameter(help="What they do, as far as the market allows.")] = 1,
    rate: Annotated[float, Parameter(help="Actions a second of each player, on average.")] = 2.0,
    encoding: Annotated[Literal["json", "msgpack"], Parameter(help="How messages are encoded.")] = "json",
    match: Annotated[int | None, Parameter(help="In which match; in each one's first if not given.")] = None,
    journal: Annotated[
        Path | None, Parameter(help="Append every acknowledged command to this file, as JSON lines.")
    ] = None,
    json: Json = False,
) -> int:
    """Let players that are programs trade, check what they are told, and sum up. Exit code 1 if anything was wrong.

    They survive restarts of the server: they come back and ask again with the same keys.

    Try:
      arena bots --players 50 --seconds 60 --journal acknowledged.jsonl
    """
    from gateway.cli.bots import run

    return run(players, seconds, url, seed, rate, encoding, match, journal, json)


@app.command(group=_CHECKING)
def verify(*, data: DataFolder = Path("data"), json: Json = False) -> int:
    """Replay the log from its first entry and compare it with every snapshot. The arena must not be running.

    Try:
      arena verify --data data --json
    """
    from gateway.cli.data import run_verify

    return run_verify(data, json)


@app.command(group=_CHECKING)
def audit(*, data: DataFolder = Path("data"), json: Json = False) -> int:
    """Recompute every balance from the journal of transfers, and compare. The arena must not be running.

    Try:
      arena audit --data data --json
    """
    from gateway.cli.data import run_audit

    return run_audit(data, json)


@app.command(group=_CHECKING)
def rebuild(*, data: DataFolder = Path("data"), json: Json = False) -> int:
    """Make the projection (the SQLite history) again from the log. The arena must not be running."""
    from gateway.cli.data import run_rebuild

    return run_rebuild(data, json)


bench = App(name="bench", help="Measure the engine, the ledger, or the gateway and all behind it.", group=_CHECKING)
app.command(bench)


@bench.command(name="engine")
def bench_engine(
    *,
    positions: Annotated[int, Parameter(help="Open positions in the book.")] = 1_000_000,
    spread_positions: Annotated[int, Parameter(help="Open positions spread over all instruments.")] = 10_000_000,
    json: Json = False,
) -> int:
    """The engine alone: opens, closes, ticks and revaluation, in one thread, without disk or network.

    At the default sizes it takes some minutes and 8 GB.
    """
    from gateway.cli.bench import run_engine

    return run_engine(positions, spread_positions, json)


@bench.command(name="ledger")
def bench_ledger(
    *,
    accounts: Annotated[int, Parameter(help="Accounts in the ledger.")] = 1_000_000,
    json: Json = False,
) -> int:
    """The ledger alone: transfers between random accounts, holds and posts, against the bare additions.

    At the default size it takes half a minute and 1 GB.
    """
    from gateway.cli.bench import run_ledger

    return run_ledger(accounts, json)


@bench.command(name="gateway")
def bench_gateway(
    *,
    seconds: Annotated[float, Parameter(help="Length of each measurement.")] = 5.0,
    rounds: Annotated[int, Parameter(help="Measurements of each kind; medians are reported.")] = 3,
    connections: Annotated[int, Parameter(help="Clients, each with one request in flight.")] = 200,
    data: Annotated[Path | None, Parameter(help="A folder on a real disk; a fresh one here by default.")] = None,
    json: Json = False,
) -> int:
    """Orders over WebSocket against a bare echo server, in turn, on the same core with the same client."""
    from gateway.cli.bench import run_gateway

    return run_gateway(seconds, rounds, connections, data, json)


def main() -> None:
    """Entry point: parse, run, and end with an exit code; what is wrong is told in one line."""
    try:
        code = app(result_action="return_value")
    except Failure as failure:
        print(f"arena: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
