"""`arena market` and `arena record`."""

from __future__ import annotations

import asyncio
import errno
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gateway.cli.failure import Failure


def market(
    *,
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes any free one and prints it.")] = 9443,
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
    import uvloop
    from rich.console import Console

    from gateway.market.listings import LISTINGS
    from gateway.market.server import MarketProgress, run_market_server

    chosen = _symbols(symbols) or list(LISTINGS)
    unknown = [symbol for symbol in chosen if symbol not in LISTINGS]
    if unknown:
        raise Failure(f"cannot simulate {', '.join(unknown)}: choose from {', '.join(LISTINGS)}")
    if speed < 0:
        raise Failure("--speed cannot be negative; 0 is as fast as clients take it")
    with Console(stderr=True).status("starting the market") as status:
        announced = False

        def show(progress: MarketProgress) -> None:
            nonlocal announced
            if not announced:
                announced = True
                print(f"market open on ws://{host}:{progress.port}", flush=True)
            status.update(f"{progress.clients} clients, {progress.frames:,} frames, pass {progress.passes}")

        serving = run_market_server(
            recordings=recording,
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
    from rich.console import Console

    from gateway.market import recording

    if not file.parent.is_dir():
        raise Failure(f"there is no folder {file.parent}: make it, or choose another place")
    chosen = _symbols(symbols)
    if not chosen:
        raise Failure("no symbols: name some with --symbols BTCUSDT,ETHUSDT")
    with Console(stderr=True).status("connecting") as status:

        def show(progress: recording.RecordProgress) -> None:
            state = "" if progress.connected else ", not connected"
            status.update(f"{progress.elapsed_s:.0f} of {seconds:.0f} s, {progress.frames:,} frames{state}")

        try:
            frames = asyncio.run(recording.record(url, chosen, file, seconds, show))
        except KeyboardInterrupt:
            print(f"stopped early; {file} holds what came, if anything did", file=sys.stderr)
            return 0
    if not frames:
        raise Failure(f"nothing came from {url}: is it reachable, and does it list {', '.join(chosen)}?")
    print(f"{frames} frames in {file}")
    return 0


def _symbols(text: str) -> list[str]:
    return [symbol.strip().upper() for symbol in text.split(",") if symbol.strip()]
