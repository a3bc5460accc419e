"""Printing results of a benchmark, together with a description of the machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table


def machine() -> dict[str, Any]:
    """The properties of this machine that results depend on."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "numba": version("numba"),
        "aiohttp": version("aiohttp"),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def print_report(results: dict[str, Any], json: bool) -> None:
    """Print results to standard output: one line of JSON, or a table."""
    whole = results | {"machine": machine()}
    if json:
        print(msgspec.json.encode(whole).decode())
        return
    table = Table(show_header=False, box=None)
    _add_rows(table, "", whole)
    Console().print(table)


def _add_rows(table: Table, prefix: str, results: dict[str, Any]) -> None:
    for name, value in results.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            _add_rows(table, f"{label}: ", value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            table.add_row(label, f"{value:,}")
        else:
            table.add_row(label, str(value))
