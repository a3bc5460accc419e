"""What the soak test breaks is there to be broken."""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path
from typing import Any

import pytest

from bench.breakages import BREAKAGES, Breakage
from bench.faulty_arena import Faults, _FaultyProcess
from gateway.market.server import MarketServer
from tests.documentation.pages import ROOT, rows, section


class Recorder:
    """A rig that only remembers what it is told."""

    def __init__(self) -> None:
        self.faulty: list[Faults] = []
        self.commands: list[tuple[Any, ...]] = []

    def faults(self, **changes: Any) -> None:
        self.faulty.append(Faults(**changes))

    def market(self, *command: Any) -> None:
        self.commands.append(command)


async def told(breakage: Breakage) -> Recorder:
    """What the breakage tells the rig, if that is all that it does."""
    recorder = Recorder()
    try:
        await breakage.does(recorder, 0.0)  # type: ignore[arg-type]
    except AttributeError:
        return Recorder()
    return recorder


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: f"{breakage.part}: {breakage.what}")
async def test_what_is_broken_is_there_and_healed(breakage: Breakage) -> None:
    recorder = await told(breakage)
    for faults in recorder.faulty:
        for target in (*faults.fail, *faults.slow):
            module, _, path = target.partition(":")
            assert callable(functools.reduce(getattr, path.split("."), importlib.import_module(module)))
    assert recorder.faulty[-1:] in ([], [Faults()])
    for name, *_ in recorder.commands:
        assert name == "rest" or callable(getattr(MarketServer, name))


def test_every_part_of_the_table_is_broken() -> None:
    table = rows(section(ROOT / "docs" / "durability.md", "Supervision"))
    said = [set(part.replace("`", "").split(", ")) for part, *_ in table]
    broken = {breakage.part for breakage in BREAKAGES}
    assert broken <= set().union(*said)
    unbroken = {", ".join(sorted(names)) for names in said if not names & broken}
    assert unbroken == {
        "log-housekeeping",  # a full disk is its concern
        "the engine",  # it ends the process, as a kill does
        "market playback",  # the soak has a market of its own
        "standard output",
        "mail",  # nobody signs up: bots are guests
        "passwords",
        "asyncio",  # broken with `files`
        "compiled code's folder",  # only at the start
    }


def test_what_is_to_fail_fails_and_only_as_long_as_it_is_to(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_bytes(b'{"fail": {"os:getcwd": "ENOSPC"}}')
    process = _FaultyProcess(path)
    kept = os.getcwd
    try:
        process.look()
        with pytest.raises(OSError, match="ENOSPC, for a test") as raised:
            os.getcwd()
        assert raised.value.errno == 28
        path.write_bytes(b"{}")
        process.look()
        assert os.getcwd() == kept()
    finally:
        os.getcwd = kept
