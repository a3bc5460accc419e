"""What is kept: log, projection and snapshots of a data folder, and the machine that was recovered from them."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from engine.batch.machine import RULES_VERSION, Applied, Machine
from engine.model.commands import Batch
from engine.model.scale import NS_PER_S
from gateway.core.config import Data
from persistence import snapshot
from persistence.audit import Audit, AuditInput, audit_file
from persistence.log import Appended
from persistence.projection import Projection
from persistence.queries import (
    Candle,
    ClosedPosition,
    FinishedMatch,
    FixedTrade,
    Queries,
    Standings,
    Summary,
    WalletChange,
)
from persistence.recovery import Recovered, recover

log = structlog.get_logger()


class DataFolder:
    """Made by `open_data_folder`, ended by `close`. `put` is a consumer of the sequencer."""

    def __init__(self, recovered: Recovered, projection: Projection, queries: Queries, config: Data) -> None:
        self.machine: Machine = recovered.machine
        self.log = recovered.log
        self.projection = projection
        self.snapshots = 0
        self._recovered = recovered
        self._queries = queries
        self._every_s = config.snapshot_every_s
        self._every_commands = config.snapshot_every_commands
        self._buffers = snapshot.CopyBuffers()
        self._thread = ThreadPoolExecutor(1, "snapshots")
        self._writing: asyncio.Task[None] | None = None
        self._last_s = time.monotonic()
        self._last_sequence = self.log.last_sequence

    def put(self, batch: Batch, applied: Applied) -> None:
        """Pass the events of a batch on to the projection, and begin a snapshot when it is time for one."""
        last_sequence = batch.first_sequence + len(batch.records) - 1
        self.projection.put(batch.first_sequence, last_sequence, applied.events)
        due = last_sequence - self._last_sequence >= self._every_commands
        if (due or time.monotonic() - self._last_s >= self._every_s) and self._writing is None:
            self._writing = asyncio.create_task(self._write(self._capture()), name="snapshot")
            self._writing.add_done_callback(self._written)

    @property
    def copy_bytes(self) -> int:
        """Memory for copies of the tables, of which snapshots are made."""
        return sum(buffer.nbytes for buffer in self._buffers.by_table.values())

    async def candles(self, instrument: int, interval_s: int, until_ns: int, limit: int) -> list[Candle]:
        """Closed candles that opened before `until_ns`, earliest first."""
        return await self._queries.candles(instrument, interval_s, limit, until_ns)

    async def wallet_changes(self, player: int, limit: int, before: int) -> list[WalletChange]:
        """Changes of the player's accounts before message `before`, newest first."""
        return await self._queries.wallet_changes(player, limit, before)

    async def finished_matches(self, player: int, limit: int, before: int) -> list[FinishedMatch]:
        return await self._queries.finished_matches(player, limit, before)

    async def closed_positions(self, player: int, limit: int, before: int) -> list[ClosedPosition]:
        return await self._queries.closed_positions(player, limit, before)

    async def fixed_trades(self, player: int, limit: int, before: int) -> list[FixedTrade]:
        return await self._queries.fixed_trades(player, limit, before)

    async def summary(self, player: int, match: int) -> Summary:
        """Of a match that has been finished. All that happened in it is in the projection once its end is."""
        summary = await self._queries.summary(player, match)
        if summary is None:
            await self.projection.catch_up()
            summary = await self._queries.summary(player, match)
        assert summary is not None, f"match {match} has not been finished for player {player}"
        return summary

    async def standings(self, season: int, limit: int, player: int) -> Standings:
        """The best of a season, and the player's rank in it."""
        return await self._queries.standings(season, limit, player)

    async def audit(self, taken: AuditInput) -> Audit:
        """Hold the accounts that were taken from the state against the journal, in a thread of its own."""
        await self.projection.catch_up()
        return await asyncio.to_thread(audit_file, taken, self._recovered.projection_path)

    async def close(self) -> None:
        """A last snapshot, everything in the projection, and let go of the files. After the last batch."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        if self.log.last_sequence > self._last_sequence:
            await self._write(self._capture())
        await self.abandon()

    async def abandon(self) -> None:
        """Let go of the files without a last snapshot, as after a failure."""
        if self._writing is not None:
            self._writing.cancel()
        await self.projection.close()
        await self._queries.close()
        self._thread.shutdown()
        self._recovered.close()

    def _capture(self) -> snapshot.CapturedState:
        """Copy the state as the last batch left it. No batch is in flight: the next one waits for the consumers."""
        self._last_s = time.monotonic()
        self._last_sequence = self.log.last_sequence
        appended = Appended(self.log.last_sequence, self.log.chain)
        return snapshot.capture(self.machine.state, self._buffers, appended, self.log.log_id)

    async def _write(self, captured: snapshot.CapturedState) -> None:
        """Write, wait until the projection has passed it, publish."""
        loop = asyncio.get_running_loop()
        folder = self._recovered.snapshots
        try:
            unpublished = await loop.run_in_executor(self._thread, snapshot.write, folder, captured, RULES_VERSION)
            projected = await self.projection.sync_to(unpublished.sequence)
            await loop.run_in_executor(self._thread, snapshot.publish, folder, unpublished, projected)
        except (OSError, snapshot.SnapshotBad) as error:
            log.error("no snapshot: the next start replays more", sequence=captured.sequence, error=str(error))
        else:
            self.snapshots += 1
            log.info("snapshot", sequence=captured.sequence)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing = None
        if not task.cancelled():
            task.result()


async def open_data_folder(config: Data) -> DataFolder:
    """Recover the data folder; blocks for as long as the replay takes. Raises what `recover` raises."""
    begun_s = time.perf_counter()
    recovered = recover(Path(config.directory))
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
    keep_ns = config.keep_second_candles_s * NS_PER_S
    projection = await Projection.open(path, recovered.log.log_id, recovered.log.last_sequence, keep_ns=keep_ns)
    return DataFolder(recovered, projection, await Queries.open(path), config)
