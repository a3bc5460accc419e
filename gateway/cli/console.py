"""Standard error: logs, progress and the warm-up. Standard output is for what a command answers."""

from __future__ import annotations

import logging
import sys

import structlog
from rich.console import Console

from engine.precompile import NoCacheFolder
from gateway.cli.failure import Failure
from gateway.core.log_lines import STDERR, StandardHandler
from gateway.process.warmup import warm_up_showing


def log_to_stderr() -> None:
    """A traceback has no values of variables in it: some are tokens, and all of them take long to write."""
    processors = structlog.get_config()["processors"]
    colors = sys.stderr is not None and sys.stderr.isatty()
    shown = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*processors[:-1], shown], logger_factory=lambda *names: STDERR)
    logging.basicConfig(handlers=[StandardHandler(STDERR)])


def warm_console(quiet: bool = False) -> Console:
    """The console, after the kernels are warm. A quiet one shows nothing unless it is a terminal."""
    log_to_stderr()
    console = Console(stderr=True, quiet=quiet and not Console(stderr=True).is_terminal)
    compile_first(console)
    return console


def compile_first(console: Console) -> int:
    """Compile what is not in the cache; how many kernels that were. Raises Failure when it can be kept nowhere."""
    try:
        return warm_up_showing(console)
    except NoCacheFolder as error:
        raise Failure(str(error)) from error
