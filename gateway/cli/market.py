"""`arena market` and `arena record`."""

from __future__ import annotations

import asyncio
import errno
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from gateway.cli.main import Failure
from gateway.market.listings import LISTINGS
from gateway.market.recording import RecordProgress, record
from gateway.market.server import MarketProgress, run_market_server


def run_market(
    recordings: Sequence[Path], symbols: str, seed: int, host: str, port: int, speed: float, loop: bool
) -> int:
    """Serve a market until Ctrl-C, or to the end of recordings that do not loop."""
    chosen = _symbols(symbols) or list(LISTINGS)
    unknown = [symbol for symbol in chosen if symbol not in LISTINGS]
    if unknown:
        raise Failure(f"cannot simulate {', '.join(unknown)}: choose from {', '.join(LISTINGS)}")
    if speed < 0:
        raise Failure("--speed cannot be negative; 0 is as fast as clients take it")
    with Console(stderr=True).status("starting the market") as status:
        told = False

        def show(progress: MarketProgress) -> None:
            nonlocal told
            if not told:
                told = True
                print(f"market open on ws://{host}:{progress.port}", flush=True)
            status.update(f"{progress.clients} clients, {progress.frames:,} frames, pass {progress.passes}")

        serving = run_market_server(
            recordings=recordings,
            symbols=chosen,
            seed=seed,
            host=host,
            port=port,
            speed=speed,
            loop=loop,
            on_progress=show,
        )
        try:
            uvloop.run(serving)
        except FileNotFoundError as error:
            raise Failure(str(error)) from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Failure(f"port {port} is in use: choose another with --port, or 0 for any free one") from error
            raise
    return 0


def run_record(file: Path, symbols: str, seconds: float, url: str) -> int:
    """Record for so long, or until Ctrl-C: then what there is becomes the recording."""
    if not file.parent.is_dir():
        raise Failure(f"there is no folder {file.parent}: make it, or choose another place")
    chosen = _symbols(symbols)
    if not chosen:
        raise Failure("no symbols: name some with --symbols BTCUSDT,ETHUSDT")
    with Console(stderr=True).status("connecting") as status:

        def show(progress: RecordProgress) -> None:
            state = "" if progress.connected else ", not connected"
            status.update(f"{progress.elapsed_s:.0f} of {seconds:.0f} s, {progress.frames:,} frames{state}")

        try:
            frames = asyncio.run(record(url, chosen, file, seconds, show))
        except KeyboardInterrupt:
            print(f"stopped early; {file} holds what came", file=sys.stderr)
            return 0
    print(f"{frames} frames in {file}")
    if not frames:
        raise Failure(f"nothing came from {url}: is it reachable, and does it list {', '.join(chosen)}?")
    return 0


def _symbols(text: str) -> list[str]:
    return [symbol.strip().upper() for symbol in text.split(",") if symbol.strip()]
