"""`arena serve` and `arena warmup`."""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
import uvloop
from rich.console import Console

from gateway.cli.main import Failure
from gateway.core.clock import ClockRefused
from gateway.core.config import Config, ConfigError, load_config
from gateway.core.seed import SeedError
from gateway.core.tokens import SecretUnusable
from gateway.market.binance import SymbolsUnavailable
from gateway.market.sources import check_market
from gateway.process.app import serve
from gateway.process.warmup import warm_up_showing
from persistence.log import EXIT_LOG_FAILED, LogBehind, LogFailed
from persistence.recovery import DataFolderInUse, HistoriesDiffer
from persistence.segments import LogCorrupt, RulesDiffer

DEFAULT_CONFIG: Final = Path("config.toml")

REFUSALS: Final = (
    ConfigError, SeedError, ClockRefused, SecretUnusable, SymbolsUnavailable,
    DataFolderInUse, LogCorrupt, LogBehind, RulesDiffer, HistoriesDiffer,
)  # fmt: skip
"""Why an arena does not start. Each says in its message what is wrong."""


def run(
    config_path: Path | None,
    *,
    data: Path | None,
    port: int | None,
    host: str | None,
    market: str | None,
    speed: float | None,
    loop: bool | None,
) -> int:
    """Serve until stopped; the exit code."""
    config = _configured(config_path)
    config = msgspec.structs.replace(
        config,
        server=_with(config.server, port=port, host=host),
        data=_with(config.data, directory=None if data is None else str(data)),
        market=_with(config.market, source=market, speed=speed, loop=loop),
    )
    _check_port(config.server.host, config.server.port)
    try:
        check_market(config.market)
    except ConfigError as error:
        raise Failure(str(error)) from error
    log_to_stderr()
    warm_up_showing(Console(stderr=True))
    host = config.server.host
    try:
        return uvloop.run(serve(config, lambda port: print(f"arena open on http://{host}:{port}", flush=True)))
    except LogFailed as error:
        print(f"arena: {error}", file=sys.stderr)
        return EXIT_LOG_FAILED
    except REFUSALS as error:
        raise Failure(_advice(error)) from error


def run_warmup() -> int:
    """Fill the kernel cache."""
    log_to_stderr()
    compiled = warm_up_showing(Console(stderr=True))
    print(f"compiled {compiled} kernels" if compiled else "all kernels were in the cache")
    return 0


def log_to_stderr() -> None:
    """Standard output is for what a command answers."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _configured(path: Path | None) -> Config:
    if path is None and not DEFAULT_CONFIG.exists():
        return Config()
    try:
        return load_config(path or DEFAULT_CONFIG)
    except ConfigError as error:
        raise Failure(str(error)) from error


def _with(section: Any, **given: Any) -> Any:
    """The section with those keys that were given."""
    changes = {key: value for key, value in given.items() if value is not None}
    try:
        return msgspec.convert(msgspec.to_builtins(section) | changes, type(section))
    except msgspec.ValidationError as error:
        raise Failure(f"--{next(iter(changes))}: {error}") from error


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
    if isinstance(error, DataFolderInUse):
        return f"{error}: stop it, or choose another folder with --data"
    if isinstance(error, ClockRefused):
        return f"{error}: set the clock right, or accept it with data.accept_clock in the configuration"
    return str(error)
