"""`arena serve` and `arena warmup`."""

from __future__ import annotations

import contextlib
import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from cyclopts import Parameter

from gateway.cli.failure import Failure, complain
from gateway.cli.parameters import ConfigFile

if TYPE_CHECKING:
    from gateway.core.config import Config

DEFAULT_CONFIG: Final = Path("config.toml")


def serve(
    *,
    data: Annotated[Path | None, Parameter(help="The data folder; made if it is not there.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; 0 takes any free one and prints it.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on.")] = None,
    market: Annotated[
        str | None, Parameter(help="Where prices come from: simulated, binance, or recording:FILE,FILE.")
    ] = None,
    config: ConfigFile = None,
    speed: Annotated[float | None, Parameter(help="Of a recording: how many times as fast as it was.")] = None,
    loop: Annotated[bool | None, Parameter(help="Start a recording over at its end.")] = None,
    accept_clock: Annotated[
        bool | None, Parameter(negative="", help="Start though the clock is far from the log: it has been off so long.")
    ] = None,
) -> int:
    """Run an arena until Ctrl-C. What is given here goes before the configuration file.

    Try:
      arena serve
      arena serve --data data --port 8080 --market binance
      arena serve --market recording:btc.gz,eth.gz --speed 10
    """
    import uvloop

    from gateway.cli.console import warm_console
    from gateway.core.config import ConfigError, check_development
    from gateway.market.sources import check_market
    from gateway.process import app
    from gateway.transport.addresses import url_of
    from persistence.log import EXIT_LOG_FAILED, LogFailed

    configured = configured_by(config)
    configured = msgspec.structs.replace(
        configured,
        server=_with(configured.server, port=port, host=host),
        data=_with(configured.data, directory=None if data is None else str(data), accept_clock=accept_clock),
        market=_with(configured.market, source=market, speed=speed, loop=loop),
    )
    address = configured.server.host
    try:
        check_development(configured.server)
        _check_port(address, configured.server.port)
        if configured.server.operators_listen:
            _check_port(*configured.server.operators_address())
        check_market(configured.market)
    except ConfigError as error:
        raise Failure(str(error)) from error
    warm_console()
    try:
        return uvloop.run(app.serve(configured, lambda port: _say(f"arena open on {url_of(address, port)}")))
    except LogFailed as error:
        complain(str(error))
        return EXIT_LOG_FAILED
    except app.REFUSALS as error:
        raise Failure(_advice(error)) from error


def _say(text: str) -> None:
    """On standard output. If that is full or gone, the arena goes on."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def warmup() -> int:
    """Compile the engine now, so that the next start is quick."""
    from rich.console import Console

    from gateway.cli.console import compile_first, log_to_stderr

    log_to_stderr()
    compiled = compile_first(Console(stderr=True))
    print(f"compiled {compiled} kernels" if compiled else "all kernels were in the cache")
    return 0


def configured_by(path: Path | None) -> Config:
    from gateway.core.config import Config, ConfigError, load_config

    if path is None and not DEFAULT_CONFIG.exists():
        return Config()
    try:
        return load_config(path or DEFAULT_CONFIG)
    except ConfigError as error:
        raise Failure(str(error)) from error


def _with(section: Any, **given: Any) -> Any:
    """The section with those keys that were given."""
    changes = {key: value for key, value in given.items() if value is not None}
    given_all = msgspec.to_builtins(section) | changes
    try:
        return msgspec.convert(given_all, type(section))
    except msgspec.ValidationError as error:
        from gateway.protocol.problems import sentence_of

        raise Failure(f"--{sentence_of(error, type(section), given_all)}") from error


def _check_port(host: str, port: int) -> None:
    """Find out now, and not after the log is replayed, whether the port is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Failure(f"port {port} is in use: choose another with --port, or 0 for any free one") from error
            raise Failure(f"cannot listen on {host}:{port}: {error.strerror}") from error


def _advice(error: Exception) -> str:
    from gateway.core.clock import ClockRefused
    from persistence.data_lock import DataFolderInUse

    if isinstance(error, DataFolderInUse):
        return f"{error}: stop it, or choose another folder with --data"
    if isinstance(error, ClockRefused):
        return f"{error}: set the clock right, or start with --accept-clock if that is how long the arena was off"
    return str(error)
