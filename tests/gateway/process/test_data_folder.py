"""What is kept of a running arena: its end is bounded, and what it could not keep is there after the next start."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from engine.digest import sections_hash, state_hash
from engine.model.scale import NS_PER_S
from gateway.core.config import Data
from gateway.process import data_folder
from gateway.process.data_folder import DataFolder, open_data_folder
from persistence import base, projection, projector, snapshot
from persistence.disk import Disk, Folder
from persistence.projector import Projector
from persistence.recovery import verify
from tests.harness.arena import START_NS
from tests.harness.records import batch_of
from tests.persistence.test_recovery import round_of


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in a test."""
    for module in (data_folder, projector):
        monkeypatch.setattr(module, "CLOSE_WITHIN_S", 0.2)
    monkeypatch.setattr(projector, "RETRY_S", 0.02)
    monkeypatch.setattr(projection, "BUSY_S", 0.01)


async def plays(folder: DataFolder, first: int, last: int) -> None:
    for number in range(first, last + 1):
        batch = batch_of(round_of(number), folder.log.last_sequence + 1, START_NS + number * NS_PER_S)
        await folder.log.append_async(batch)
        folder.put(batch, folder.machine.apply(batch))


def snapshots(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "snapshots").iterdir())


async def test_a_stop_ends_while_the_projection_cannot_be_written(tmp_path: Path) -> None:
    config = Data(directory=str(tmp_path), snapshot_every_commands=5)
    folder = await open_data_folder(config)
    with closing(sqlite3.connect(tmp_path / projection.FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await plays(folder, 1, 6)
        assert folder._writing is not None, "a snapshot waits for the projection"
        hash_ = state_hash(folder.machine.state)
        async with asyncio.timeout(5):
            await folder.close()
    assert not [name for name in snapshots(tmp_path) if not name.endswith(".tmp")]

    again = await open_data_folder(config)
    assert state_hash(again.machine.state) == hash_
    assert again.projection.sequence == again.log.last_sequence
    await again.close()


async def test_a_stop_leaves_alone_what_is_still_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    letting_go = threading.Event()

    def slow(disk: Disk, captured: snapshot.CapturedState, rules_version: int) -> snapshot.UnpublishedSnapshot:
        written.append(sections_hash(captured.tables, captured.cold))
        letting_go.wait(1)
        written.append(sections_hash(captured.tables, captured.cold))
        raise OSError("it is too late")

    async def lets_go() -> None:
        letting_go.set()
        await Projector.close(folder.projection)

    monkeypatch.setattr(snapshot, "write", slow)
    folder = await open_data_folder(Data(directory=str(tmp_path), snapshot_every_commands=1))
    monkeypatch.setattr(folder.projection, "close", lets_go)
    await plays(folder, 1, 6)
    async with asyncio.timeout(5):
        await folder.close()
    assert written[0] == written[1]


async def test_a_clean_stop_leaves_a_snapshot_at_the_end_of_the_log_also_after_a_crash(tmp_path: Path) -> None:
    config = Data(directory=str(tmp_path))
    folder = await open_data_folder(config)
    await plays(folder, 1, 4)
    await folder.abandon()
    assert snapshots(tmp_path) == []
    folder = await open_data_folder(config)
    end = folder.log.last_sequence
    await folder.close()
    assert snapshots(tmp_path) == [f"snapshot-{end:012}"]


async def test_a_running_arena_prunes_its_log_behind_the_base_before_the_last(tmp_path: Path) -> None:
    config = Data(directory=str(tmp_path), snapshot_every_commands=1, prune_log_every_days=30 / 86_400)
    folder = await open_data_folder(config)
    bases = tmp_path / "base"
    made: list[int] = []
    for number in range(1, 90):
        await plays(folder, number, number)
        if folder._writing is not None:
            await asyncio.wait([folder._writing])
        newest = base.newest(Folder(bases))
        if newest is not None and newest.sequence not in made:
            made.append(newest.sequence)
    assert len(made) == 3, "one every 30 seconds"
    await folder.close()
    assert sorted(path.name for path in bases.iterdir()) == [
        f"projection-{made[2]:012}.sqlite", f"snapshot-{made[1]:012}", f"snapshot-{made[2]:012}",
    ]  # fmt: skip
    found = verify(tmp_path)
    assert (found.replayed_after, found.problems, found.warnings) == (made[1] if found.replayed_after else 0, [], [])


async def test_a_log_that_cannot_be_pruned_is_a_failure_and_the_snapshot_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> base.Base:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(base, "make", full)
    folder = await open_data_folder(Data(directory=str(tmp_path), snapshot_every_commands=1, prune_log_every_days=1))
    failures: list[tuple[str, str]] = []
    folder.on_failure = lambda part, error: failures.append((part, str(error)))
    await plays(folder, 1, 1)
    assert folder._writing is not None
    await asyncio.wait([folder._writing])
    assert (folder.snapshots, failures) == (1, [("snapshot", "database or disk is full")])
    await folder.close()


async def test_without_the_setting_there_is_no_base(tmp_path: Path) -> None:
    folder = await open_data_folder(Data(directory=str(tmp_path), snapshot_every_commands=1))
    await plays(folder, 1, 5)
    await folder.close()
    assert list((tmp_path / "base").iterdir()) == []
