"""Tools that only read: on a read-only mount, in the folder of another user, and without leaving anything behind."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.digest import state_hash
from persistence import projection
from persistence.audit import audit_folder
from persistence.data_lock import DataFolderInUse, DataLock
from persistence.projection import ProjectionUnreadable
from persistence.recovery import HistoriesDiffer, state_at, verify
from tests.persistence.test_recovery import play, start, take_snapshot

NOBODY = 65_534


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of an arena after a crash: the history has a write-ahead log, and lacks the last batches. Where another
    user can go."""
    with tempfile.TemporaryDirectory() as parent:
        os.chmod(parent, 0o755)
        directory = Path(parent) / "data"
        arena = start(directory)
        appended = play(arena, 10)
        arena.close()
        arena = start(directory)
        take_snapshot(arena, appended)
        play(arena, 4)
        arena.close()
        with closing(sqlite3.connect(directory / projection.FILE, isolation_level=None)) as connection:
            connection.execute("CREATE TABLE unfinished (one)")
            for name in (projection.FILE, f"{projection.FILE}-wal"):
                shutil.copyfile(directory / name, directory / f"{name}.crashed")
        for name in (projection.FILE, f"{projection.FILE}-wal"):
            (directory / f"{name}.crashed").rename(directory / name)
        yield directory


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def without_rights(directory: Path, function: Callable[[], None]) -> None:
    """Call the function where it may read the folder and write nothing there."""
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setuid(NOBODY)
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize("has_lock_file", [True, False])
def test_a_folder_that_cannot_be_written_is_checked_all_the_same(folder: Path, has_lock_file: bool) -> None:
    expected = state_hash(state_at(folder, 10**9).state)
    if not has_lock_file:
        (folder / "lock").unlink()
    before = contents(folder)

    def checks() -> None:
        assert not os.access(folder, os.W_OK)
        assert verify(folder).state_hash == expected
        assert state_hash(state_at(folder, 10**9).state) == expected
        audited = audit_folder(folder)
        assert (audited.problems, audited.sequence) == ([], projection.read_position(folder / projection.FILE).sequence)

    without_rights(folder, checks)
    assert contents(folder) == before


def test_an_arena_that_is_at_work_is_noticed_where_its_lock_cannot_be_written(folder: Path) -> None:
    lock = DataLock(folder)

    def is_noticed() -> None:
        with pytest.raises(DataFolderInUse, match=f"in use by process {os.getppid()}"):
            DataLock(folder, reading=True)

    without_rights(folder, is_noticed)
    lock.release()


def test_who_may_not_read_is_told_so(folder: Path) -> None:
    (folder / "log").chmod(0o700)

    def is_told() -> None:
        with pytest.raises(PermissionError):
            verify(folder)

    for path in (folder / "log").iterdir():
        path.chmod(0o600)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setuid(NOBODY)
            else:
                (folder / "log").chmod(0)
            is_told()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    (folder / "log").chmod(0o700)


def test_an_audit_cuts_nothing_and_makes_nothing(folder: Path) -> None:
    segment = next((folder / "log").glob("*.log"))
    content = bytearray(segment.read_bytes())
    content[content.rindex(b"TABF") + 300] ^= 1  # as a crash tears the last batch
    segment.write_bytes(content)
    before = {name: data for name, data in contents(folder).items() if "-shm" not in name}
    assert audit_folder(folder).problems == []
    assert {name: data for name, data in contents(folder).items() if "-shm" not in name} == before
    projection.delete(folder / projection.FILE)
    with pytest.raises(ProjectionUnreadable, match=r"there is no projection.sqlite: `arena rebuild` makes it again"):
        audit_folder(folder)


def test_an_audit_of_a_history_that_has_seen_more_than_the_log_is_refused(folder: Path) -> None:
    with projection.connect(folder / projection.FILE) as connection:
        connection.execute("UPDATE meta SET sequence = 100000")
    connection.close()
    with pytest.raises(HistoriesDiffer, match="the projection has seen sequence 100000"):
        audit_folder(folder)


def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    before = os.umask(0)
    try:
        arena = start(directory)
        take_snapshot(arena, play(arena, 40))
        connection = projection.connect(directory / projection.FILE)
        connection.execute("CREATE TABLE something (one)")
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (directory, *directory.rglob("*"))}
        connection.close()
        arena.close()
    finally:
        os.umask(before)
    assert {path.name for path in modes} >= {"log", "snapshots", "lock", "projection.sqlite", "projection.sqlite-wal"}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
