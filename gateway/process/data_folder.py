"""What is kept: log, projection and snapshots of a data folder, and the machine that was recovered from them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import structlog
from numpy.typing import NDArray

from engine.batch.machine import RULES_VERSION, Applied, Machine
from engine.model.commands import Batch
from engine.model.scale import NS_PER_S
from gateway.core.config import Data
from gateway.process.history import History
from gateway.process.supervision import Supervisor
from persistence import base, snapshot
from persistence.catch_up import catch_up_in_process
from persistence.log import Appended
from persistence.projector import CLOSE_WITHIN_S, Lagging, Projector
from persistence.prune import delete_before
from persistence.queries import Queries
from persistence.recovery import Recovered, Replayed, nobody, recover

log = structlog.get_logger()

DISK_ANSWERS_WITHIN_S: Final = 1.0


class DataFolder:
    """Made by `open_data_folder`, ended by `close`. `put` is a consumer of the sequencer."""

    def __init__(self, recovered: Recovered, projection: Projector, queries: Queries, config: Data) -> None:
        self.machine: Machine = recovered.machine
        self.log = recovered.log
        self.projection = projection
        self.history = History(projection, queries, recovered.projection_path)
        self.snapshots = 0
        self.disk_free_bytes = 0
        self.disk_problem = ""
        """Why the disk keeps what opens out, as of the last `look_at_disk`; empty: it does not."""
        self.on_failure: Callable[[str, Exception], None] = Supervisor().failed
        """Called with the part that failed and goes on, and the error."""
        self._recovered = recovered
        self._queries = queries
        self._every_s = config.snapshot_every_s
        self._every_commands = config.snapshot_every_commands
        self._prune_every_ns = int(config.prune_log_every_days * 86_400 * NS_PER_S)
        self._is_closing = threading.Event()
        self._compression_problem = ""
        self._buffers = snapshot.CopyBuffers()
        self._thread = ThreadPoolExecutor(1, "snapshots")
        self._looking = ThreadPoolExecutor(1, "folder")
        self._writing: asyncio.Task[None] | None = None
        self._last_s = time.monotonic()
        self._last_sequence = recovered.snapshot_sequence

    def put(self, batch: Batch, applied: Applied) -> None:
        """Pass the events of a batch on to the projection, and begin a snapshot when it is time for one."""
        last_sequence = batch.first_sequence + len(batch.records) - 1
        self.projection.put(batch.first_sequence, last_sequence, applied.events)
        if self.log.compression_problem != self._compression_problem:
            self._compression_problem = self.log.compression_problem
            log.warning("a segment of the log is not compressed", because=self._compression_problem or "it is now")
        due = last_sequence - self._last_sequence >= self._every_commands
        if (due or time.monotonic() - self._last_s >= self._every_s) and self._writing is None:
            self._writing = asyncio.create_task(self._snapshot(self._capture()), name="snapshot")
            self._writing.add_done_callback(self._written)

    async def look_at_disk(self) -> None:
        """Ask for its free space. A disk may hang, as a network's does: what does not answer in time counts as full,
        and nobody waits for it but a thread."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DISK_ANSWERS_WITHIN_S):
                space = await loop.run_in_executor(self._looking, self.log.disk_space)
        except OSError as error:  # a TimeoutError is one
            self.disk_problem = f"the disk does not answer: {str(error) or 'it hangs'}"
            return
        self.disk_free_bytes = space.free_bytes
        self.disk_problem = "the disk is nearly full" if space.is_low else ""

    @property
    def copies(self) -> Iterable[NDArray[np.uint8]]:
        """Copies of the tables, of which snapshots are made."""
        return self._buffers.by_table.values()

    async def close(self) -> None:
        """A last snapshot, everything in the projection, and let go of the files. After the last batch.

        What the projection does not reach within CLOSE_WITHIN_S is left to the next start, and so is the snapshot that
        waits for it, or that would have to wait for one that is still being written.
        """
        self._is_closing.set()
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=CLOSE_WITHIN_S)
        if self._writing is None and self.log.last_sequence > self._last_sequence:  # else its buffers are in use
            await self._snapshot(self._capture(), within_s=CLOSE_WITHIN_S)
        await self.abandon()

    async def abandon(self) -> None:
        """Let go of the files without a last snapshot, as after a failure."""
        self._is_closing.set()
        if self._writing is not None:
            self._writing.cancel()
        await self.projection.close()
        await self._queries.close()
        self._thread.shutdown()
        self._looking.shutdown(wait=False)
        self._recovered.close()

    def _capture(self) -> snapshot.CapturedState:
        """Copy the state as the last batch left it. No batch is in flight: the next one waits for the consumers."""
        self._last_s = time.monotonic()
        self._last_sequence = self.log.last_sequence
        appended = Appended(self.log.last_sequence, self.log.chain)
        return snapshot.capture(self.machine.state, self._buffers, appended, self.log.log_id)

    async def _snapshot(self, captured: snapshot.CapturedState, within_s: float | None = None) -> None:
        """Make a snapshot, and prune the log. What fails is told and counted, and tried again when it is due."""
        loop = asyncio.get_running_loop()
        try:
            await self._write(captured, within_s)
            if self._prune_every_ns and not self._is_closing.is_set():
                await loop.run_in_executor(self._thread, self._prune, captured)
        except Exception as error:
            self.on_failure("snapshot", error)

    async def _write(self, captured: snapshot.CapturedState, within_s: float | None) -> None:
        """Write, wait until the projection has passed it, publish."""
        loop = asyncio.get_running_loop()
        folder = self._recovered.snapshots
        unpublished = await loop.run_in_executor(self._thread, snapshot.write, folder, captured, RULES_VERSION)
        try:
            async with asyncio.timeout(within_s):
                projected = await self.projection.sync_to(unpublished.sequence)
        except TimeoutError:
            raise Lagging("the projection lags: the next start replays more") from None
        await loop.run_in_executor(self._thread, snapshot.publish, folder, unpublished, projected)
        self.snapshots += 1
        log.info("snapshot", sequence=captured.sequence)

    def _prune(self, captured: snapshot.CapturedState) -> None:
        """Make a base of a state that the projection has passed, if it is time for one, and delete the log before the
        base before it. In the thread of the snapshots."""
        bases = self._recovered.bases
        before = base.newest(bases)
        if before is not None:
            made_at_ns = snapshot.read_header(bases, snapshot.snapshot_name(before.sequence)).at_ns
            if int(captured.tables["world"]["now_ns"][0]) - made_at_ns < self._prune_every_ns:
                return
        made = base.make(bases, captured, RULES_VERSION, self._recovered.projection_path, self._is_closing.is_set)
        segments = delete_before(self.log.disk, bases, before.sequence)[0] if before is not None else 0
        log.info("base", sequence=made.sequence, segments_deleted=segments)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing = None


async def open_data_folder(config: Data, on_replayed: Replayed = nobody) -> DataFolder:
    """Recover the data folder; blocks for as long as the replay takes. `on_replayed` is told of each batch. Raises what
    `recover` raises."""
    begun_s = time.perf_counter()
    directory = Path(config.directory)
    recovered = recover(directory, compress_sealed=config.compress_log, on_replayed=on_replayed)
    for warning in recovered.warnings:
        log.warning("recovery", found=warning)
    log.info(
        "state recovered",
        sequence=recovered.log.last_sequence,
        snapshot=recovered.snapshot,
        commands_replayed=recovered.commands_replayed,
        seconds=round(time.perf_counter() - begun_s, 1),
    )
    path = recovered.projection_path
    queries = Queries(path)
    projection = await Projector.open(
        path,
        recovered.log.log_id,
        recovered.log.last_sequence,
        keep_ns=config.keep_second_candles_s * NS_PER_S,
        repair=partial(_repair, directory, queries),
    )
    projection.on_problem = _tell
    if projection.problem:
        _tell(projection.problem)
    return DataFolder(recovered, projection, queries, config)


async def _repair(directory: Path, queries: Queries, fresh: bool, up_to: int) -> None:
    """Bring the closed projection up to a sequence of the log, or a new one in its place."""
    await queries.close()
    await catch_up_in_process(directory, fresh, up_to)
    await queries.close()  # it may have been asked meanwhile, and have the old file open


def _tell(problem: str) -> None:
    if problem:
        log.warning("the history lags", because=problem)
    else:
        log.info("the history is written again")
