"""Reading the log: its segment files in order, with everything verified.

Frames are written one at a time, each synced before the next, so a crash can damage only the last one: that is a torn
tail, and the log ends before it. Anything else is corruption: a valid frame after an invalid one, an invalid frame in a
segment that has a successor, a gap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray

from engine.model.commands import Batch
from persistence.disk import BLOCK, Disk
from persistence.frames import (
    BrokenHeader,
    Frame,
    SegmentHeader,
    decode_batch,
    decode_frame,
    decode_frame_header,
    decode_segment_header,
    find_frame_offsets,
    is_chain_valid,
)

_NAME: Final = re.compile(r"(\d{8})-(\d{12,})\.log(\.zst)?")
_START_BYTES: Final = 1 << 18
"""Of a compressed segment, more than its first block, and that holds its header."""

_CHUNK_BYTES: Final = 1 << 20

_LARGEST_WINDOW: Final = 1 << 27
"""Bytes. zstd allocates the window size that a file declares, so a damaged file could exhaust memory."""


class LogCorrupt(Exception):
    """The log is damaged. The arena must not start from it."""

    def __init__(self, name: str, offset: int, sequence: int, what: str) -> None:
        super().__init__(f"{name}, byte {offset}, from sequence {sequence} on: {what}")
        self.name, self.offset, self.sequence = name, offset, sequence


class RulesDiffer(Exception):
    """Entries were logged under another rules version, and could have another meaning under this one."""


class SegmentFile(NamedTuple):
    number: int
    first_sequence: int
    name: str

    @property
    def compressed(self) -> bool:
        return self.name.endswith(".zst")


class LogPosition(NamedTuple):
    """A position between two batches of the log."""

    next_batch: int
    next_sequence: int
    chain: bytes
    at_ns: int  # stamp of the batch before it; 0: unknown

    @property
    def key(self) -> tuple[int, int, bytes]:
        """What the next frame or segment header must contain."""
        return self.next_batch, self.next_sequence, self.chain


class Entry(NamedTuple):
    """A batch of the log, with the hashes in its frame."""

    batch: Batch
    chain_before: bytes
    chain_after: bytes
    state_hash: bytes  # of the state before the batch; NO_HASH: none

    @property
    def last_sequence(self) -> int:
        return self.batch.first_sequence + len(self.batch.records) - 1


class LogEnd(NamedTuple):
    """The end of the log, found by a scan of all of it."""

    log_id: bytes
    batches: int
    last_sequence: int
    chain: bytes
    torn_bytes: int  # of a torn last frame; 0: none


def segment_name(number: int, first_sequence: int) -> str:
    return f"{number:08}-{first_sequence:012}.log"


def segment_files(disk: Disk) -> list[SegmentFile]:
    """The segments in order, each once: its compressed copy if both that and the original exist.

    A copy has its name when it is complete. An original beside it may be what a backup has of the time before the
    segment was full.
    """
    found: dict[int, SegmentFile] = {}
    for name in sorted(disk.names(), reverse=True):
        match = _NAME.fullmatch(name)
        if match:
            file = SegmentFile(int(match[1]), int(match[2]), name)
            twin = found.setdefault(file.number, file)  # in descending order of names ".log" follows ".log.zst"
            if twin.first_sequence != file.first_sequence:
                raise LogCorrupt(name, 0, file.first_sequence, f"{twin.name} has the same number")
    files = [found[number] for number in sorted(found)]
    for before, after in pairwise(files):
        if after.number != before.number + 1:
            raise LogCorrupt(after.name, 0, after.first_sequence, f"segment {before.number + 1} is missing before it")
    return files


class Segment:
    """One segment in memory. Iterating yields (offset, frame) of its batches, each verified. Afterwards `offset`,
    `position`, `batches` and `sealed` describe its end."""

    def __init__(self, disk: Disk, file: SegmentFile, is_last: bool, before: Segment | None = None) -> None:
        self.file, self.data = _read(disk, file)
        self.is_last = is_last
        try:
            self.header = decode_segment_header(self.data[:BLOCK])
        except BrokenHeader as error:
            raise LogCorrupt(file.name, 0, file.first_sequence, str(error)) from error
        self.position = LogPosition(self.header.first_batch, self.header.first_sequence, self.header.chain, 0)
        self.offset = BLOCK
        self.batches = 0
        self.sealed = False
        self._check_header(before)

    def _check_header(self, before: Segment | None) -> None:
        header, file = self.header, self.file
        if (header.number, header.first_sequence) != (file.number, file.first_sequence):
            raise self._corrupt(0, f"its header is of segment {header.number} from sequence {header.first_sequence}")
        if header.number == 1 and (header.first_sequence, header.first_batch, header.chain) != (1, 1, header.log_id):
            raise self._corrupt(0, "it is the first segment, but not the start of a log")
        if before is None:
            return
        if header.log_id != before.header.log_id:
            raise self._corrupt(0, f"it belongs to another log than {before.file.name}")
        if (header.first_batch, header.first_sequence, header.chain) != before.position.key:
            raise self._corrupt(0, f"it does not continue {before.file.name} ends")

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        while (frame := self._next()) is not None:
            offset = self.offset
            self.offset += frame.length
            if frame.is_footer:
                self.sealed = True
                return
            self.batches += 1
            self.position = LogPosition(
                frame.batch_number + 1, frame.first_sequence + frame.entries, frame.chain_after, frame.at_ns
            )
            yield offset, frame
        self._check_end()

    def _next(self) -> Frame | None:
        """The frame at `offset`; None where the valid frames end. A valid frame that does not continue the log is
        corruption, unless it is older than the log's end: then it is left over from a reused disk block."""
        frame = decode_frame(self.data, self.offset)
        if frame is None or self._is_older(frame):
            return None
        if (frame.batch_number, frame.first_sequence, frame.chain_before) != self.position.key:
            raise self._corrupt(self.offset, f"batch {frame.batch_number} does not follow on the one before")
        if frame.at_ns < self.position.at_ns and not frame.is_footer:
            raise self._corrupt(self.offset, "its stamp is earlier than the one before")
        if frame.is_footer and frame.entries != self.batches:
            raise self._corrupt(self.offset, f"the footer counts {frame.entries} batches, there are {self.batches}")
        if not is_chain_valid(self.data, self.offset, frame):
            raise self._corrupt(self.offset, "the hash chain is broken")
        return frame

    def _is_older(self, frame: Frame) -> bool:
        return frame.log_id != self.header.log_id or frame.batch_number < self.position.next_batch

    def _check_end(self) -> None:
        """Raise LogCorrupt unless the rest can be a torn tail: in the last segment, without valid frames."""
        if not self.is_last:
            raise self._corrupt(self.offset, "a frame is damaged, and the log continues in the next segment")
        torn = decode_frame_header(self.data, self.offset)
        start = self.offset + (BLOCK if torn is None or self._is_older(torn) else torn.length)
        for offset in find_frame_offsets(self.data, start):
            frame = decode_frame(self.data, offset)
            if frame is not None and not self._is_older(frame):
                raise self._corrupt(self.offset, f"a frame is damaged, and a valid one follows at byte {offset}")

    def _corrupt(self, offset: int, what: str) -> LogCorrupt:
        return LogCorrupt(self.file.name, offset, self.position.next_sequence, what)

    def torn_bytes(self) -> int:
        """After iterating: length of a torn frame after the last valid one; 0: none."""
        if self.sealed:
            return 0
        written = np.flatnonzero(self.data[self.offset :])
        return int(written[-1]) + 1 if len(written) else 0


def _read(disk: Disk, file: SegmentFile) -> tuple[SegmentFile, NDArray[np.uint8]]:
    """A segment's file and bytes; the file may have been compressed since it was listed."""
    if not file.compressed:
        try:
            return file, disk.read(file.name)
        except FileNotFoundError:
            file = file._replace(name=f"{file.name}.zst")
    return file, _decompressed(disk, file)


def _decompressed(disk: Disk, file: SegmentFile) -> NDArray[np.uint8]:
    raw = disk.read(file.name)
    try:
        return decompress(raw)
    except zstandard.ZstdError as error:
        raise LogCorrupt(file.name, 0, file.first_sequence, f"it does not decompress: {error}") from error


def compress(data: NDArray[np.uint8]) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data.data)


def _decompressor() -> zstandard.ZstdDecompressionObj:
    return zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj()


def decompress(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Raises ZstdError when the data is damaged or incomplete. The declared size is not trusted."""
    decompressor = _decompressor()
    data = decompressor.decompress(raw.data)
    if not decompressor.eof or decompressor.unused_data:
        raise zstandard.ZstdError("the file is truncated, or has data after its end")
    return np.frombuffer(bytearray(data), np.uint8)


def decompresses_to(raw: NDArray[np.uint8], data: NDArray[np.uint8]) -> bool:
    """Whether that is what the compressed bytes hold. Takes little memory."""
    done = 0
    try:
        with zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).stream_reader(raw.data) as reader:
            while chunk := reader.read(_CHUNK_BYTES):
                if not np.array_equal(np.frombuffer(chunk, np.uint8), data[done : done + len(chunk)]):
                    return False
                done += len(chunk)
    except zstandard.ZstdError:
        return False
    return done == len(data)


def segments(disk: Disk, from_sequence: int = 1) -> Iterator[Segment]:
    """The segments from the one with `from_sequence` on. Each must be iterated to its end before the next."""
    files = segment_files(disk)
    if files and files[0].first_sequence > from_sequence:
        name, first = files[0].name, files[0].first_sequence
        raise LogCorrupt(name, 0, from_sequence, f"the log starts at sequence {first}: earlier segments are missing")
    start = max((i for i, file in enumerate(files) if file.first_sequence <= from_sequence), default=0)
    before = None
    for file in files[start:]:
        before = Segment(disk, file, is_last=file is files[-1], before=before)
        yield before


def entries(disk: Disk, from_sequence: int = 1, rules_version: int | None = None) -> Iterator[Entry]:
    """The batches from the one with `from_sequence` on, verified. Writes nothing; a torn tail ends the log.

    Raises LogCorrupt, and RulesDiffer for an entry that was logged under another version than `rules_version`.
    """
    for segment in segments(disk, from_sequence):
        for offset, frame in segment:
            if frame.first_sequence + frame.entries <= from_sequence:
                continue
            if rules_version not in (None, segment.header.rules_version):
                raise RulesDiffer(
                    f"{segment.file.name} was logged under rules version {segment.header.rules_version}, this program"
                    f" has {rules_version}: it replays what comes after the base of an upgrade, and none is here"
                )
            batch = decode_batch(segment.data, offset, frame)
            yield Entry(batch, frame.chain_before, frame.chain_after, frame.state_hash)


def sealed_originals(disk: Disk, before: int) -> list[SegmentFile]:
    """The segments with numbers less than `before` that are there uncompressed, also beside a compressed copy."""
    matches = filter(None, map(_NAME.fullmatch, disk.names()))
    files = [SegmentFile(int(match[1]), int(match[2]), match[0]) for match in matches if not match[3]]
    return [file for file in files if file.number < before]


def first_header(disk: Disk) -> SegmentHeader | None:
    """The header of the first segment; None: there is no log. Raises LogCorrupt."""
    files = segment_files(disk)
    return read_header(disk, files[0]) if files else None


def read_header(disk: Disk, file: SegmentFile) -> SegmentHeader:
    """A segment's header alone. Raises LogCorrupt."""
    raw = disk.read(file.name, 0, _START_BYTES if file.compressed else BLOCK)
    try:
        if file.compressed:
            start = _decompressor().decompress(raw.data)
            raw = np.frombuffer(bytearray(start[:BLOCK]), np.uint8)
        return decode_segment_header(raw)
    except (BrokenHeader, zstandard.ZstdError) as error:
        raise LogCorrupt(file.name, 0, file.first_sequence, str(error)) from error


def log_end(disk: Disk) -> int:
    """The last sequence; reads the last segment only. Raises LogCorrupt."""
    files = segment_files(disk)
    last_sequence = 0
    for segment in segments(disk, files[-1].first_sequence if files else 1):
        for _ in segment:
            pass
        last_sequence = segment.position.next_sequence - 1
    return last_sequence


def scan(disk: Disk) -> LogEnd | None:
    """Verify the whole log. None: there is no log. Raises LogCorrupt."""
    files = segment_files(disk)
    segment, batches = None, 0
    for segment in segments(disk, files[0].first_sequence if files else 1):
        for _ in segment:
            batches += 1
    if segment is None:
        return None
    position = segment.position
    return LogEnd(segment.header.log_id, batches, position.next_sequence - 1, position.chain, segment.torn_bytes())
