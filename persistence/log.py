"""The write-ahead log: one write and one sync per batch.

Append runs in a thread of its own, so that the event loop collects the next batch while this one is synced. A second
thread does housekeeping: it preallocates the spare segment and the ballast (a file that is deleted to make space when
the disk is full), and compresses sealed segments. A failed append is not retried, because after a failed sync the page
cache may show data that is not on disk: the process ends with EXIT_LOG_FAILED, and the next start reads the disk.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Final, NamedTuple

from engine.model.commands import Batch
from persistence.disk import BLOCK, Disk, create_file, delete_temporaries, publish_temporary, write_temporary
from persistence.frames import NO_HASH, SegmentHeader, encode_batch, encode_footer, encode_segment_header
from persistence.segments import (
    LogCorrupt,
    LogPosition,
    RulesDiffer,
    Segment,
    SegmentFile,
    compress,
    decompresses_to,
    entries,
    sealed_originals,
    segment_files,
    segment_name,
)

SEGMENT_BYTES: Final = 64 << 20
EXIT_LOG_FAILED: Final = 74
"""Exit code of the process after LogFailed (EX_IOERR of sysexits.h). The last batch was not acknowledged."""

LOW_SEGMENTS: Final = 2
"""The disk counts as nearly full when it has space for fewer segments than this."""

_NO_FILE: Final = -1

_FRAMES_AT_ONCE: Final = 64
_PAUSE_S: Final = 0.0005
"""After so many frames, the check of a segment that is to be compressed pauses for so long."""

SPARE: Final = "00000000.spare"
BALLAST: Final = "ballast"


class LogFailed(Exception):
    """A write or a sync of the log failed. The batch is not acknowledged; end the process with EXIT_LOG_FAILED."""


class LogBehind(Exception):
    """A snapshot or the projection contains entries that the log does not: part of the log is lost."""


class DerivedFile(NamedTuple):
    """A file made from the log's entries up to `sequence`: a snapshot, or the projection."""

    name: str
    sequence: int
    log_id: bytes | None = None  # None: not recorded in it


class Appended(NamedTuple):
    """The log's end after a batch; recorded in a snapshot of the state after that batch."""

    last_sequence: int
    chain: bytes


class DiskSpace(NamedTuple):
    free_bytes: int
    is_low: bool  # commands that open risk should be refused


class Log:
    """The log, open for appending. At most one append runs at a time."""

    def __init__(
        self,
        disk: Disk,
        *,
        rules_version: int,
        segment_bytes: int = SEGMENT_BYTES,
        compress_sealed: bool = False,
        background: Executor | None = None,
        derived_files: Iterable[DerivedFile] = (),
        upgraded_at: int = 0,
    ) -> None:
        """Open the log in `disk`, or start one. A torn tail is moved to a file. `background` runs housekeeping.

        `upgraded_at` is the sequence of the base with which these rules began: a log that ends there under older rules
        goes on in a segment of its own. Raises LogCorrupt, LogBehind, RulesDiffer, and LogFailed when the disk fails.
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
        self._handle = _NO_FILE
        self._has_spare = self._has_ballast = False
        self.compression_problem = ""
        """Why a sealed segment could not be compressed, such as damage that was found in it; empty: all could."""
        self.torn: str | None = None
        """Name of the file to which a torn tail was copied at this start; None: there was none."""

        try:
            self._open(list(derived_files), upgraded_at)
        except OSError as error:
            raise LogFailed(f"the log cannot be opened: {error}") from error
        self._schedule_housekeeping()

    # Used by the sequencer

    async def append_async(self, batch: Batch, state_hash: bytes | None = None) -> Appended:
        """`append` in the log's thread. Raises LogFailed."""
        assert not self._in_flight, "one batch in flight"
        self._in_flight = True
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._append, batch, state_hash)

    def append(self, batch: Batch, state_hash: bytes | None = None) -> Appended:
        """Append a batch; returns when it is on disk. `state_hash`: of the state before it. Raises LogFailed."""
        assert not self._in_flight, "one batch in flight"
        self._in_flight = True
        return self._append(batch, state_hash)

    @property
    def last_sequence(self) -> int:
        return self._position.next_sequence - 1

    @property
    def chain(self) -> bytes:
        return self._position.chain

    @property
    def last_at_ns(self) -> int:
        """Stamp of the last batch; 0 when the newest segment holds none."""
        return self._position.at_ns

    def read(self, from_sequence: int = 1) -> Iterator[Batch]:
        """The batches from the one with `from_sequence` on. Not while an append runs."""
        return (entry.batch for entry in entries(self.disk, from_sequence))

    def disk_space(self) -> DiskSpace:
        """Free space. To be called regularly: it also recreates a missing spare or ballast when there is space."""
        free = self.disk.free_bytes()
        is_low = free < LOW_SEGMENTS * self._segment_bytes
        if not is_low and not (self._has_spare and self._has_ballast):
            self._schedule_housekeeping()
        return DiskSpace(free, is_low)

    def close(self) -> None:
        """Wait for the threads and close the files, unless that has been done. All appended batches are on disk
        already."""
        self._writer.shutdown()
        self._background.shutdown()
        self._close_file()

    # Opening

    def _open(self, derived_files: list[DerivedFile], upgraded_at: int) -> None:
        delete_temporaries(self.disk)
        names = self.disk.names()
        self._has_ballast = BALLAST in names
        self._has_spare = SPARE in names and self.disk.size(SPARE) == self._segment_bytes
        files = segment_files(self.disk)
        if not files:
            _check_derived_files(derived_files, None, 0)
            self.log_id = os.urandom(16)
            self._position = LogPosition(1, 1, self.log_id, 0)
            self._start_segment(1, self._segment_bytes)
            return

        segment = Segment(self.disk, files[-1], is_last=True)
        last_frame = [offset for offset, _ in segment][-1:]
        self.log_id = segment.header.log_id
        self._position = segment.position
        _check_derived_files(derived_files, self.log_id, self.last_sequence)
        self._check_rules(segment, upgraded_at)
        if segment.torn_bytes():
            self._cut_torn_tail(segment)
        self._resume_segment(segment, last_frame[0] if last_frame else 0)

    def _check_rules(self, segment: Segment, upgraded_at: int) -> None:
        """Raise RulesDiffer unless the log was written under these rules, or ends where they began."""
        logged, name = segment.header.rules_version, segment.file.name
        if logged > self._rules_version:
            raise RulesDiffer(
                f"{name} was logged by a newer program, under rules version {logged}; this one has"
                f" {self._rules_version}: start the newer one"
            )
        if logged < self._rules_version and self.last_sequence != upgraded_at:
            raise RulesDiffer(
                f"{name} was logged under rules version {logged}, this program has {self._rules_version}:"
                " run `arena upgrade` on the folder"
            )

    def _cut_torn_tail(self, segment: Segment) -> None:
        """Copy the torn bytes to a file, and replace the segment by a fresh file whose unused space is zero."""
        end = segment.offset
        self.torn = f"{segment.file.name}.{end}.torn"
        create_file(self.disk, self.torn, [segment.data[end : end + segment.torn_bytes()].data])
        create_file(self.disk, segment.file.name, [segment.data[:end].data], length=segment.header.size)

    def _resume_segment(self, segment: Segment, rewrite_from: int) -> None:
        """Continue the segment, or seal it and start the next one if an upgrade has changed the rules.

        The segment is rewritten from its last batch on: if the last process died before a sync or in a failed one, the
        page cache may show data that is not on disk.
        """
        self._file = segment.file
        if segment.file.compressed:  # as a backup has it that ends before the next segment
            if not segment.sealed:
                raise LogCorrupt(segment.file.name, segment.offset, self._position.next_sequence, "it has no end")
            self._start_segment(segment.file.number + 1, self._segment_bytes)
            return
        self._size = segment.header.size
        self._offset = segment.offset
        self._batches = segment.batches
        self._handle = self.disk.open(segment.file.name)
        self.disk.allocate(self._handle, self._size)
        self.disk.write(self._handle, segment.data[rewrite_from : segment.offset].data, rewrite_from)
        self.disk.sync(self._handle)
        if segment.sealed:
            self._close_file()
            self._start_segment(self._file.number + 1, self._segment_bytes)
        elif segment.header.rules_version != self._rules_version:
            self._rotate(0)

    # Appending

    def _append(self, batch: Batch, state_hash: bytes | None) -> Appended:
        try:
            if self._failure is not None:
                raise LogFailed("the log failed before") from self._failure
            position = self._position
            assert batch.first_sequence == position.next_sequence, "sequences have no gaps"
            assert batch.at_ns >= position.at_ns, "stamps never go back"
            frame, chain = encode_batch(batch, self.log_id, position.next_batch, position.chain, state_hash or NO_HASH)
            if self._offset + len(frame) + BLOCK > self._size:
                self._rotate(len(frame))
            self.disk.write(self._handle, frame, self._offset)
            self.disk.sync(self._handle)

            self._offset += len(frame)
            self._batches += 1
            next_sequence = position.next_sequence + len(batch.records)
            self._position = LogPosition(position.next_batch + 1, next_sequence, chain, batch.at_ns)
            return Appended(next_sequence - 1, chain)
        except OSError as error:
            self._failure = error
            raise LogFailed(f"{self._file.name}: {error}") from error
        finally:
            self._in_flight = False

    def _rotate(self, frame_bytes: int) -> None:
        """Seal the segment and start the next one, of the usual size or as large as a frame of `frame_bytes` needs."""
        position = self._position
        footer = encode_footer(self.log_id, self._batches, position.next_batch, position.next_sequence, position.chain)
        self.disk.write(self._handle, footer, self._offset)
        self.disk.sync(self._handle)
        self._close_file()
        self._start_segment(self._file.number + 1, max(self._segment_bytes, BLOCK + frame_bytes + BLOCK))
        self._schedule_housekeeping()

    def _start_segment(self, number: int, size: int) -> None:
        """Create a segment: header and name are durable before the first frame is written."""
        position = self._position
        name = segment_name(number, position.next_sequence)
        header = SegmentHeader(
            self._rules_version, self.log_id, number, position.next_sequence, position.next_batch, position.chain, size
        )
        if self._has_spare and size == self._segment_bytes:
            self._has_spare = False
            temporary = SPARE
        else:
            temporary = f"{name}.tmp"
        self._handle = self.disk.open(temporary)
        if temporary != SPARE:
            self._allocate(size)
        self.disk.write(self._handle, encode_segment_header(header), 0)
        self.disk.sync(self._handle)
        self.disk.rename(temporary, name)
        self.disk.sync_directory()
        self._file = SegmentFile(number, position.next_sequence, name)
        self._size, self._offset, self._batches = size, BLOCK, 0

    def _close_file(self) -> None:
        """Once; the handle's number may be another file's afterwards."""
        handle, self._handle = self._handle, _NO_FILE
        if handle != _NO_FILE:
            self.disk.close(handle)

    def _allocate(self, size: int) -> None:
        """Preallocate a segment; on a full disk the ballast is deleted to make space."""
        try:
            self.disk.allocate(self._handle, size)
        except OSError as error:
            if error.errno != errno.ENOSPC or not self._has_ballast:
                raise
            self._has_ballast = False
            self.disk.unlink(BALLAST)
            self.disk.sync_directory()
            self.disk.allocate(self._handle, size)

    # Housekeeping, in the background thread

    def _schedule_housekeeping(self) -> None:
        if self._housekeeping is None or self._housekeeping.done():
            self._housekeeping = self._background.submit(self._run_housekeeping)

    def _run_housekeeping(self) -> None:
        """Create the spare (first: it may be needed soon) and the ballast, compress sealed segments.

        A full disk is not an error here, `disk_space` reports it; any other failure makes the next append fail.
        """
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
        """Compress sealed segments. One that cannot be stays as it is: that is told, and tried again."""
        problem = ""
        for file in sealed_originals(self.disk, before=self._file.number):
            try:
                self._compress_segment(file)
            except (OSError, LogCorrupt) as error:
                problem = str(error)
        self.compression_problem = problem

    def _compress_segment(self, file: SegmentFile) -> None:
        """Replace a segment by its compressed copy, unless a crash or a backup has left a good one beside it already:
        then the original may be what it was before it was full."""
        copy = file._replace(name=f"{file.name}.zst")
        try:
            self._checked(copy)
        except (FileNotFoundError, LogCorrupt):
            self._write_copy(file, copy.name)
        try:
            self.disk.unlink(file.name)
        except FileNotFoundError:  # pruned meanwhile: a copy that stayed would be a segment with a gap behind it
            self.disk.unlink(copy.name)
        self.disk.sync_directory()

    def _write_copy(self, file: SegmentFile, name: str) -> None:
        """The copy gets its name, by which it is read instead of the original, when it was read back and compared."""
        segment = self._checked(file)
        sealed = segment.data[: segment.offset]
        temporary = write_temporary(self.disk, name, [compress(sealed)])
        if not decompresses_to(self.disk.read(temporary), sealed):
            self.disk.unlink(temporary)
            raise OSError(errno.EIO, f"{name} does not read back as it was written")
        publish_temporary(self.disk, name)

    def _checked(self, file: SegmentFile) -> Segment:
        """A sealed segment, iterated to its end. Raises LogCorrupt, OSError."""
        segment = Segment(self.disk, file, is_last=False)
        for number, _ in enumerate(segment, 1):
            if number % _FRAMES_AT_ONCE == 0:
                time.sleep(_PAUSE_S)  # checking holds the interpreter, and the event loop is waiting for it
        return segment


def _check_derived_files(derived_files: list[DerivedFile], log_id: bytes | None, last_sequence: int) -> None:
    for derived in derived_files:
        if derived.sequence > last_sequence:
            raise LogBehind(
                f"{derived.name} has seen sequence {derived.sequence}, but the log ends at {last_sequence}:"
                " entries that were acknowledged are lost. Restore the log, or move that file away to go on without."
            )
        if derived.sequence and derived.log_id not in (None, log_id):
            raise LogBehind(f"{derived.name} was made from another log than the one here")
