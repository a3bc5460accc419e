"""The log, being written: one write and one sync per batch, and the files that it needs ready in time.

Append runs in a thread of the log's own, so the event loop gathers the next batch while this one is synced. A second
thread keeps house: it preallocates the spare segment and the ballast, and compresses sealed segments. When an operation
of append fails, the log is finished: the page cache may claim what the disk never got, so there is no second try. The
process ends with EXIT_LOG_FAILED, and the next start reads what the disk has.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np

from engine.model.commands import Batch
from persistence.disk import BLOCK, Disk, create_file, drop_unfinished
from persistence.frames import NO_HASH, SegmentHeader, encode_batch, encode_footer, encode_segment_header
from persistence.segments import (
    Place,
    Segment,
    SegmentFile,
    compress,
    decompress,
    entries,
    segment_files,
    segment_name,
)

SEGMENT_BYTES: Final = 64 << 20
EXIT_LOG_FAILED: Final = 74
"""What the process ends with after LogFailed (EX_IOERR of sysexits.h): nothing of the last batch was acknowledged."""

LOW_SEGMENTS: Final = 2
"""The disk counts as nearly full when fewer segments than this would fit."""

SPARE: Final = "00000000.spare"
BALLAST: Final = "ballast"


class LogFailed(Exception):
    """A write or a sync of the log failed. The batch is not acknowledged; end the process with EXIT_LOG_FAILED."""


class LogBehind(Exception):
    """A snapshot or the projection has seen entries that the log does not hold: part of the log is lost."""


class Witness(NamedTuple):
    """Something outside the log that was made from its entries up to `sequence`."""

    name: str
    sequence: int
    log_id: bytes | None = None  # None: it does not say


class Appended(NamedTuple):
    """Where the log stands after a batch; what a snapshot of the state after that batch must name."""

    last_sequence: int
    chain: bytes


class Room(NamedTuple):
    free_bytes: int
    is_low: bool  # refuse what opens risk


class Log:
    """The end of the log. One batch in flight: the next append starts after the last one returned."""

    def __init__(
        self,
        disk: Disk,
        *,
        rules_version: int,
        segment_bytes: int = SEGMENT_BYTES,
        compress_sealed: bool = False,
        background: Executor | None = None,
        witnesses: Iterable[Witness] = (),
    ) -> None:
        """Open the log in `disk`, or start one. A torn tail is kept aside and cut off. `background` keeps house.

        Raises LogCorrupt, LogBehind, and LogFailed when the disk fails.
        """
        assert segment_bytes % BLOCK == 0
        assert segment_bytes >= 4 * BLOCK
        self.disk = disk
        self._rules_version = rules_version
        self._segment_bytes = segment_bytes
        self._compress_sealed = compress_sealed
        self._writer = ThreadPoolExecutor(1, "log")
        self._background = background or ThreadPoolExecutor(1, "log-housekeeping")
        self._housekeeping: Future[None] | None = None
        self._failure: Exception | None = None
        self._in_flight = False
        self._has_spare = self._has_ballast = False
        self.torn: str | None = None
        """File to which a torn tail was copied at this start."""

        try:
            self._open(list(witnesses))
        except OSError as error:
            raise LogFailed(f"the log cannot be opened: {error}") from error
        self._keep_house_soon()

    # What the sequencer uses

    async def append_async(self, batch: Batch, state_hash: bytes | None = None) -> Appended:
        """`append` in the log's thread. Raises LogFailed."""
        assert not self._in_flight, "one batch in flight"
        self._in_flight = True
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._append, batch, state_hash)

    def append(self, batch: Batch, state_hash: bytes | None = None) -> Appended:
        """Returns when the batch is on disk. `state_hash` is of the state before the batch. Raises LogFailed."""
        assert not self._in_flight, "one batch in flight"
        self._in_flight = True
        return self._append(batch, state_hash)

    @property
    def last_sequence(self) -> int:
        return self._place.next_sequence - 1

    @property
    def chain(self) -> bytes:
        return self._place.chain

    @property
    def last_at_ns(self) -> int:
        """Stamp of the last batch; 0 when the newest segment holds none."""
        return self._place.at_ns

    def read(self, from_sequence: int = 1) -> Iterator[Batch]:
        """The batches that hold `from_sequence` and what follows. Not while a batch is in flight."""
        return (entry.batch for entry in entries(self.disk, from_sequence))

    def room(self) -> Room:
        """Space on the volume. Call it now and then: it also makes a missing spare or ballast when space is back."""
        free = self.disk.free_bytes()
        is_low = free < LOW_SEGMENTS * self._segment_bytes
        if not is_low and not (self._has_spare and self._has_ballast):
            self._keep_house_soon()
        return Room(free, is_low)

    def close(self) -> None:
        """Wait for the threads and let go of the files. What was appended is on disk already."""
        self._writer.shutdown()
        self._background.shutdown()
        self.disk.close(self._handle)

    # Opening

    def _open(self, witnesses: list[Witness]) -> None:
        drop_unfinished(self.disk)
        names = self.disk.names()
        self._has_ballast = BALLAST in names
        self._has_spare = SPARE in names and self.disk.size(SPARE) == self._segment_bytes
        files = segment_files(self.disk)
        if not files:
            _check_witnesses(witnesses, None, 0)
            self.log_id = os.urandom(16)
            self._place = Place(1, 1, self.log_id, 0)
            self._start_segment(1, self._segment_bytes)
            return

        segment = Segment(self.disk, files[-1], is_last=True)
        last_frame = [offset for offset, _ in segment][-1:]
        self.log_id = segment.header.log_id
        self._place = segment.place
        _check_witnesses(witnesses, self.log_id, self.last_sequence)
        if segment.torn_bytes():
            self._cut_torn_tail(segment)
        self._go_on(segment, last_frame[0] if last_frame else 0)

    def _cut_torn_tail(self, segment: Segment) -> None:
        """Keep the torn bytes aside and put a fresh file in the segment's place: its unused space is zero again."""
        end = segment.offset
        self.torn = f"{segment.file.name}.{end}.torn"
        create_file(self.disk, self.torn, [segment.data[end : end + segment.torn_bytes()].data])
        create_file(self.disk, segment.file.name, [segment.data[:end].data], length=segment.header.size)

    def _go_on(self, segment: Segment, rewrite_from: int) -> None:
        """Make the segment the one that append writes to, or seal it when it is not fit for that.

        The end of the segment is written again, from the last batch on: if the last process died before a sync, or by a
        failed one, the page cache may show what the disk does not have.
        """
        assert not segment.file.compressed, "only sealed segments that have a successor are compressed"
        self._file = segment.file
        self._size = segment.header.size
        self._offset = segment.offset
        self._batches = segment.batches
        self._handle = self.disk.open(segment.file.name)
        self.disk.allocate(self._handle, self._size)
        self.disk.write(self._handle, segment.data[rewrite_from : segment.offset].data, rewrite_from)
        self.disk.sync(self._handle)
        if segment.sealed:
            self.disk.close(self._handle)
            self._start_segment(self._file.number + 1, self._segment_bytes)
        elif segment.header.rules_version != self._rules_version:
            self._change_segment(0)

    # Appending

    def _append(self, batch: Batch, state_hash: bytes | None) -> Appended:
        try:
            if self._failure is not None:
                raise LogFailed("the log failed before") from self._failure
            place = self._place
            assert batch.first_sequence == place.next_sequence, "sequences have no gaps"
            assert batch.at_ns >= place.at_ns, "stamps never go back"
            frame, chain = encode_batch(batch, self.log_id, place.next_batch, place.chain, state_hash or NO_HASH)
            if self._offset + len(frame) + BLOCK > self._size:
                self._change_segment(len(frame))
            self.disk.write(self._handle, frame, self._offset)
            self.disk.sync(self._handle)

            self._offset += len(frame)
            self._batches += 1
            next_sequence = place.next_sequence + len(batch.records)
            self._place = Place(place.next_batch + 1, next_sequence, chain, batch.at_ns)
            return Appended(next_sequence - 1, chain)
        except OSError as error:
            self._failure = error
            raise LogFailed(f"{self._file.name}: {error}") from error
        finally:
            self._in_flight = False

    def _change_segment(self, frame_bytes: int) -> None:
        """Seal the segment and start the next one, as large as usual or as a frame of `frame_bytes` needs."""
        place = self._place
        footer = encode_footer(self.log_id, self._batches, place.next_batch, place.next_sequence, place.chain)
        self.disk.write(self._handle, footer, self._offset)
        self.disk.sync(self._handle)
        self.disk.close(self._handle)
        self._start_segment(self._file.number + 1, max(self._segment_bytes, BLOCK + frame_bytes + BLOCK))
        self._keep_house_soon()

    def _start_segment(self, number: int, size: int) -> None:
        """A segment exists once its header is on disk and its name is; frames come after that."""
        place = self._place
        name = segment_name(number, place.next_sequence)
        header = SegmentHeader(
            self._rules_version, self.log_id, number, place.next_sequence, place.next_batch, place.chain, size
        )
        if self._has_spare and size == self._segment_bytes:
            self._has_spare = False
            unnamed = SPARE
        else:
            unnamed = f"{name}.tmp"
        self._handle = self.disk.open(unnamed)
        if unnamed != SPARE:
            self._allocate(size)
        self.disk.write(self._handle, encode_segment_header(header), 0)
        self.disk.sync(self._handle)
        self.disk.rename(unnamed, name)
        self.disk.sync_names()
        self._file = SegmentFile(number, place.next_sequence, name)
        self._size, self._offset, self._batches = size, BLOCK, 0

    def _allocate(self, size: int) -> None:
        """Space for a segment; the ballast is thrown off for it when the disk is full."""
        try:
            self.disk.allocate(self._handle, size)
        except OSError as error:
            if error.errno != errno.ENOSPC or not self._has_ballast:
                raise
            self._has_ballast = False
            self.disk.unlink(BALLAST)
            self.disk.sync_names()
            self.disk.allocate(self._handle, size)

    # Housekeeping, in the background thread

    def _keep_house_soon(self) -> None:
        if self._housekeeping is None or self._housekeeping.done():
            self._housekeeping = self._background.submit(self._keep_house)

    def _keep_house(self) -> None:
        """Spare first: the next segment may be near. A full disk is no failure here, `room` tells; any other is."""
        try:
            if not self._has_spare:
                create_file(self.disk, SPARE, [], self._segment_bytes)
                self._has_spare = True
            if not self._has_ballast and self.disk.free_bytes() > (LOW_SEGMENTS + 1) * self._segment_bytes:
                create_file(self.disk, BALLAST, [], self._segment_bytes)
                self._has_ballast = True
            if self._compress_sealed:
                self._compress()
        except Exception as error:  # the next append raises it
            if not (isinstance(error, OSError) and error.errno == errno.ENOSPC):
                self._failure = error

    def _compress(self) -> None:
        """Every sealed segment that is not compressed; the original goes only when the copy was read back the same."""
        for file in segment_files(self.disk):
            if file.compressed or file.number >= self._file.number:
                continue
            segment = Segment(self.disk, file, is_last=False)
            for _ in segment:
                pass
            sealed = segment.data[: segment.offset]
            name = f"{file.name}.zst"
            create_file(self.disk, name, [compress(sealed)])
            if not np.array_equal(decompress(self.disk.read(name)), sealed):
                raise OSError(errno.EIO, f"{name} does not read back as it was written")
            self.disk.unlink(file.name)
            self.disk.sync_names()


def _check_witnesses(witnesses: list[Witness], log_id: bytes | None, last_sequence: int) -> None:
    for witness in witnesses:
        if witness.sequence > last_sequence:
            raise LogBehind(
                f"{witness.name} has seen sequence {witness.sequence}, but the log ends at {last_sequence}:"
                " entries that were acknowledged are lost. Restore the log, or move that file away to go on without."
            )
        if witness.sequence and witness.log_id not in (None, log_id):
            raise LogBehind(f"{witness.name} was made from another log than the one here")
