"""The same log gives the same bytes: compiled or plain, whatever the hash seed, however it was cut into batches.

Run as a module with a file of batches, it replays them and prints the hashes of the state and of all events; with
--without-prefetching, nothing takes the place of that pass.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.batch import loop as turn
from engine.batch.machine import Machine
from engine.batch.prefetch import DISTANCE
from engine.digest import state_hash
from engine.jit import JIT_DISABLED
from engine.model.commands import Transferring
from engine.model.state import encode_cold_state, sections, state_from
from tests.harness.records import Command, Transfer, batch_of, content, events_of, outcomes_of

Log = Sequence[tuple[Sequence[Command], int]]
"""Batches: their commands and their stamp."""


@cache
def driven(steps: int = 700) -> tuple[tuple[tuple[Command, ...], int], ...]:
    """What the driver of the oracle's test does, as a log."""
    from tests.differential.driver import Driver
    from tests.differential.twins import Twins

    log: list[tuple[tuple[Command, ...], int]] = []

    class Recorded(Twins):
        def step(self, commands: list[Command], passes_ns: int = 0, compare: bool = True) -> None:
            super().step(commands, passes_ns, compare)
            log.append((tuple(commands), self.now_ns))

    Driver(Recorded(), seed=7).steps(steps, check_every=steps)
    return tuple(log)


def replayed(log: Log, machine: Machine | None = None) -> tuple[Machine, list[Any], list[Any]]:
    """The machine after the log, all outcomes and all events."""
    machine = machine or Machine()
    outcomes: list[Any] = []
    events: list[Any] = []
    for commands, at_ns in log:
        sequence = int(machine.state.book.world["sequence"][0])
        applied = machine.apply(batch_of(list(commands), sequence + 1, at_ns))
        outcomes += outcomes_of(applied.outcomes)
        events += events_of(applied.events)
    return machine, outcomes, events


def without_prefetching() -> None:
    """From now on, the batch loop prefetches nothing. Compiled code has the pass within it, so this is for plain."""
    assert JIT_DISABLED
    vars(turn).update(prefetch_commands=lambda book, commands, i: None, prefetch_due=lambda book, row: None)


def hashes(log: Log) -> str:
    machine, outcomes, events = replayed(log)
    seen = hashlib.blake2b(repr((outcomes, events)).encode(), digest_size=16).hexdigest()
    return f"{state_hash(machine.state).hex()} {seen}"


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
@pytest.mark.parametrize("disable_jit", ["1", "0"])
def test_another_process_replays_the_log_to_the_same_bytes(tmp_path: Path, disable_jit: str, hash_seed: str) -> None:
    if JIT_DISABLED and disable_jit == "0":
        pytest.skip("compares with the compiled engine where that is compiled anyway")
    log = list(driven())
    assert elsewhere(log, tmp_path, NUMBA_DISABLE_JIT=disable_jit, PYTHONHASHSEED=hash_seed) == hashes(log)


def test_prefetching_makes_no_difference(tmp_path: Path) -> None:
    """In batches that are long enough for every step of the pass to come before the command that it is for."""
    log = together([(list(commands), at_ns // 10**10 * 10**10) for commands, at_ns in driven()], 10_000)
    assert max(len(commands) for commands, _ in log) > 2 * DISTANCE
    assert elsewhere(log, tmp_path, "--without-prefetching", NUMBA_DISABLE_JIT="1") == hashes(log)


def elsewhere(log: Log, tmp_path: Path, *options: str, **environment: str) -> str:
    """The hashes of the log as replayed by another process with that environment."""
    (tmp_path / "log").write_bytes(pickle.dumps(log))
    path = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-m", "tests.differential.test_determinism", str(tmp_path / "log"), *options]
    return subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path, **environment}, capture_output=True, text=True, timeout=110,
        check=True,
    ).stdout.strip()  # fmt: skip


def together(log: Log, most: int) -> Log:
    """Batches of up to `most` commands that share a stamp, made of all commands of that stamp."""
    merged: list[tuple[list[Command], int]] = []
    for commands, at_ns in log:
        for number, command in enumerate(commands):
            joins = merged != [] and merged[-1][1] == at_ns
            if joins and is_linked(merged[-1][0][-1]):
                joins = number > 0  # what its batch cuts a chain from is not linked to it by another batch either
            elif joins:
                joins = len(merged[-1][0]) < most
            if joins:
                merged[-1][0].append(command)
            else:
                merged.append(([command], at_ns))
    return merged


def is_linked(command: Command) -> bool:
    """To the next one: a chain must stand in one batch."""
    return isinstance(command, Transfer) and bool(command.flags & Transferring.LINKED)


@pytest.mark.parametrize("most", [1, 2, 7, 10_000])
def test_how_commands_of_one_stamp_are_cut_into_batches_makes_no_difference(most: int) -> None:
    """Only the room that tables have may differ, which is grown for batches."""
    log = [(list(commands), at_ns // 10**10 * 10**10) for commands, at_ns in driven()]
    machine, outcomes, events = replayed(log)
    other, other_outcomes, other_events = replayed(together(log, most))
    assert other_outcomes == outcomes
    assert other_events == events
    expected = content(machine.state)
    assert [name for name, table in content(other.state).items() if table != expected[name]] == []


@pytest.mark.parametrize("cut", [1, 50, 150, 299])
def test_a_state_that_was_saved_goes_on_as_if_it_had_not(cut: int) -> None:
    log = list(driven())
    first, *_ = replayed(log[:cut])
    saved = {name: np.array(table) for name, table in sections(first.state).items()}
    machine, _, _ = replayed(log[cut:], Machine(state_from(saved, encode_cold_state(first.state.cold))))
    assert state_hash(machine.state) == state_hash(replayed(log)[0].state)


def test_the_hash_sees_every_table_and_the_cold_things() -> None:
    machine, *_ = replayed(list(driven())[:20])
    seen = {state_hash(machine.state)}
    for array in sections(machine.state).values():
        array.view(np.ndarray).view("u1")[-1] ^= 1
        seen.add(state_hash(machine.state))
    machine.state.cold.players.popitem()
    seen.add(state_hash(machine.state))
    assert len(seen) == len(sections(machine.state)) + 2


if __name__ == "__main__":
    if "--without-prefetching" in sys.argv:
        without_prefetching()
    print(hashes(pickle.loads(Path(sys.argv[1]).read_bytes())))
