"""`arena bots`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from cyclopts import Parameter

from gateway.cli.failure import EXIT_ERRORS, Failure
from gateway.cli.parameters import Json

if TYPE_CHECKING:
    from gateway.client.connection import Encoding
    from gateway.process.bot import Tally
    from gateway.process.bots import Summary

DEFAULT_URL: Final = "http://127.0.0.1:8080"


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
    """Let players that are programs trade, check what they are sent, and sum up. Exit code 1 if anything was wrong, or
    if fewer could play than were asked for.

    They survive restarts of the server: they come back and ask again with the same keys.

    Try:
      arena bots --players 50 --seconds 60 --journal acknowledged.jsonl
    """
    import uvloop

    from gateway.client.client import Unreachable
    from gateway.process.bots import NoSeat

    if players < 1 or rate <= 0 or seconds <= 0:
        raise Failure("--players, --rate and --seconds must be positive")
    try:
        summary = uvloop.run(_play(players, seconds, url, seed, rate, encoding, match, journal))
    except Unreachable as error:
        raise Failure(f"{error}; start one with `arena serve`") from error
    except NoSeat as error:
        raise Failure(str(error)) from error
    if json:
        print(msgspec.json.encode(summary).decode())
    else:
        _show(summary)
    if summary.played < summary.asked:
        print(f"arena: only {summary.played} of {summary.asked} players could play; see [limits]", file=sys.stderr)
    return EXIT_ERRORS if summary.errors or summary.played < summary.asked else 0


async def _play(
    players: int,
    seconds: float,
    url: str,
    seed: int,
    rate: float,
    encoding: Encoding,
    match: int | None,
    journal: Path | None,
) -> Summary:
    from rich.console import Console

    from gateway.process.bots import play

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with Console(stderr=True).status("connecting") as status:

        def show(tally: Tally, elapsed_s: float) -> None:
            status.update(
                f"{elapsed_s:.0f} of {seconds:.0f} s, {tally.players} players, {tally.accepted:,} accepted"
                f" ({tally.accepted / max(elapsed_s, 0.1):.0f}/s), {tally.refused.total():,} refused,"
                f" {tally.errors} errors, p50 {tally.latency_ms(50):.1f} ms, p99 {tally.latency_ms(99):.1f} ms"
            )

        return await play(
            url,
            players,
            seconds,
            seed,
            actions_per_s=rate,
            encoding=encoding,
            match=match,
            journal=journal,
            stop=stop,
            on_progress=show,
        )


def _show(summary: Summary) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None)
    for name, value in msgspec.structs.asdict(summary).items():
        if name not in ("refused", "error_examples"):
            table.add_row(name.replace("_", " "), f"{value:,}")
    for code, count in summary.refused.items():
        table.add_row(f"refused {code}", f"{count:,}")
    console = Console()
    console.print(table)
    for example in summary.error_examples:
        console.print(f"error: {example}", markup=False, highlight=False)
