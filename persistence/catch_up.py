"""The projection of a running arena is brought up to what the log has, by a process of its own.

    python -m persistence.catch_up DIRECTORY SEQUENCE [--fresh]

The process replays from a snapshot or a base as every start does, and only reads the log, up to a sequence that the
arena has applied: what follows may not be synced, and the history must not have what the log can lose. It ends with the
one that started it. It does not take the folder's lock: the arena has that, and has closed the projection meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from engine.batch.machine import RULES_VERSION, Machine
from persistence import projection
from persistence.recovery import ProjectionFeed, apply, open_folders, projection_to_feed
from persistence.segments import entries, first_header
from persistence.snapshot import load_newest

_ROOT: Final = str(Path(__file__).resolve().parent.parent)
_NICE: Final = 10


class CatchUpFailed(Exception):
    """The process has failed; the message says why. The projection that was there is unchanged, or further on."""


class Result(msgspec.Struct, frozen=True):
    """What the process prints: what was wrong, or nothing."""

    error: str = ""


def catch_up(directory: Path, fresh: bool, up_to: int) -> None:
    """Bring the projection up to that sequence, the last of a batch, in a log that may grow meanwhile; a `fresh` one is
    built beside and replaces it. Raises what reading a data folder raises, and CatchUpFailed."""
    folders = open_folders(directory, reading=True)
    header = first_header(folders.log)
    assert header is not None, "an arena has a log"
    path = directory / projection.FILE
    building, _ = projection_to_feed(path, folders, fresh)
    with closing(projection.connect(building)) as connection:
        feed = ProjectionFeed(connection)
        feed.begin(header.log_id)
        snapshot, _ = load_newest(folders.snapshots, folders.bases, up_to=feed.up_to, rules_version=RULES_VERSION)
        machine = Machine(snapshot.state if snapshot else None)
        for entry in entries(folders.log, snapshot.header.sequence + 1 if snapshot else 1, RULES_VERSION):
            if entry.last_sequence > up_to:
                break
            feed.put(entry.batch, apply(machine, entry.batch).events)
        feed.flush()
    if feed.error is not None:
        if building != path:
            projection.delete(building)
        elif projection.is_damage(feed.error):
            catch_up(directory, fresh=True, up_to=up_to)
            return
        raise feed.error
    if feed.sequence < up_to:
        raise CatchUpFailed(f"the log ends at sequence {feed.sequence}, before {up_to}")
    if building != path:
        projection.replace(path, by=building)


async def catch_up_in_process(directory: Path, fresh: bool, up_to: int) -> None:
    """`catch_up` in a process of its own, which ends when this is cancelled. Raises CatchUpFailed."""
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "persistence.catch_up", str(directory), str(up_to), *(["--fresh"] if fresh else []),
        env=os.environ | {"PYTHONPATH": path},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        printed = await process.stdout.read()
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        result = msgspec.json.decode(printed, type=Result)
    except msgspec.MsgspecError:
        raise CatchUpFailed(f"the process that rebuilds it ended with code {code}") from None
    if result.error:
        raise CatchUpFailed(result.error)


def main() -> None:
    os.nice(_NICE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    directory, up_to, *options = sys.argv[1:]
    result = Result()
    try:
        catch_up(Path(directory), "--fresh" in options, int(up_to))
    except Exception as error:  # whatever it is, the arena is told and tries again
        result = Result(error=str(error) or repr(error))
    print(msgspec.json.encode(result).decode())


def _end_with_parent() -> None:
    """The pipe from the parent never has anything in it, and ends with the parent."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
