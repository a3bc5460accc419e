"""The command `arena`: its groups of commands, a file each.

A command imports what it works with when it is called, so that help comes at once. `bench` stands below the gateway and
is known here by name alone.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version

from cyclopts import App, Group

from gateway.cli.bots import bots
from gateway.cli.data_folder import audit, config_apply, prune, rebuild, rotate_key, token, upgrade, verify
from gateway.cli.documents import docs
from gateway.cli.failure import Failure, complain
from gateway.cli.market import market, record
from gateway.cli.serve import serve, warmup
from gateway.cli.users import user


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
for command in (serve, market, record, warmup, token, rotate_key, upgrade, prune, docs):
    app.command(command, group=_OPERATING)

config = App(
    name="config",
    help="Hold the configuration against an arena that there is already.",
    help_format="plaintext",
    group=_OPERATING,
)
config.command(config_apply, name="apply")
app.command(config)
user.group = (_OPERATING,)
app.command(user)

_CHECKING = Group("Checking", sort_key=2)
for command in (bots, verify, audit, rebuild):
    app.command(command, group=_CHECKING)
app.command(
    "bench.commands:app",
    name="bench",
    help="Measure the engine, the ledger, or the gateway and all behind it.",
    group=_CHECKING,
)


def main() -> None:
    """Entry point: parse, run, and end with an exit code; what is wrong is said in one line."""
    _keep_standard_files_taken()
    try:
        code = app(result_action="return_value")
    except Failure as failure:
        complain(str(failure))
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _keep_standard_files_taken() -> None:
    """Open what the caller has closed of standard input, output and error. Else the next file that is opened, which may
    be one of the log, gets that number, and whatever is printed goes into it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
