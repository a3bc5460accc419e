"""The log as it lies on disk: which files, in which order, and reading them with everything verified.

What counts as damage is decided here. Frames are written one at a time, each synced before the next, so a crash can
spoil only the last one: that is a torn tail, and the log ends before it. Whatever else does not check out is
corruption: a valid frame behind an invalid one, an invalid frame in a segment that has a successor, a gap.
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
    batch_of,
    chain_is_right,
    decode_frame,
    decode_frame_header,
    decode_segment_header,
    places_of_frames,
)

_NAME: Final = re.compile(r"(\d{8})-(\d{12,})\.log(\.zst)?")
_LARGEST_WINDOW: Final = 1 << 27
"""zstd may ask for as much memory as the window that a file names; a damaged one must not ask for all of it."""


class LogCorrupt(Exception):
    """The log is not what was written. The arena must not start from it."""

    def __init__(self, name: str, offset: int, sequence: int, what: str) -> None:
        super().__init__(f"{name}, byte {offset}, from sequence {sequence} on: {what}")
        self.name, self.offset, self.sequence = name, offset, sequence


class RulesDiffer(Exception):
    """Entries were logged under other rules: applied under these they could mean something else."""


class SegmentFile(NamedTuple):
    number: int
    first_sequence: int
    name: str

    @property
    def compressed(self) -> bool:
        return self.name.endswith(".zst")


class Place(NamedTuple):
    """A point between two batches, where the log stops or goes on."""

    next_batch: int
    next_sequence: int
    chain: bytes
    at_ns: int  # stamp of the batch before; 0: not known

    @property
    def key(self) -> tuple[int, int, bytes]:
        """What the next frame or segment must name to go on here."""
        return self.next_batch, self.next_sequence, self.chain


class Entry(NamedTuple):
    """A batch of the log, and what its frame says about it."""

    batch: Batch
    chain_before: bytes
    chain_after: bytes
    state_hash: bytes  # of the state before the batch; NO_HASH: none

    @property
    def last_sequence(self) -> int:
        return self.batch.first_sequence + len(self.batch.records) - 1


class LogEnd(NamedTuple):
    """What a scan of the whole log found."""

    log_id: bytes
    batches: int
    last_sequence: int
    chain: bytes
    torn_bytes: int  # of a last frame that a crash cut; 0: none


def segment_name(number: int, first_sequence: int) -> str:
    return f"{number:08}-{first_sequence:012}.log"


def segment_files(disk: Disk) -> list[SegmentFile]:
    """The segments in order, each once: of a compressed one that still has its original, the original."""
    found: dict[int, SegmentFile] = {}
    for name in sorted(disk.names(), reverse=True):
        match = _NAME.fullmatch(name)
        if match:
            file = SegmentFile(int(match[1]), int(match[2]), name)
            twin = found.setdefault(file.number, file)
            if twin.first_sequence != file.first_sequence:
                raise LogCorrupt(name, 0, file.first_sequence, f"{twin.name} has the same number")
            found[file.number] = file  # names go down: ".log" comes after its ".log.zst"
    files = [found[number] for number in sorted(found)]
    for before, after in pairwise(files):
        if after.number != before.number + 1:
            raise LogCorrupt(after.name, 0, after.first_sequence, f"segment {before.number + 1} is missing before it")
    return files


class Segment:
    """One segment in memory. Iterating yields (offset, frame) of its batches, each verified; then `offset`, `place`,
    `batches` and `sealed` say where and how it ended."""

    def __init__(self, disk: Disk, file: SegmentFile, is_last: bool, before: Segment | None = None) -> None:
        self.file, self.data = _read(disk, file)
        self.is_last = is_last
        try:
            self.header = decode_segment_header(self.data[:BLOCK])
        except BrokenHeader as error:
            raise LogCorrupt(file.name, 0, file.first_sequence, str(error)) from error
        self.place = Place(self.header.first_batch, self.header.first_sequence, self.header.chain, 0)
        self.offset = BLOCK
        self.batches = 0
        self.sealed = False
        self._check_header(before)

    def _check_header(self, before: Segment | None) -> None:
        header, file = self.header, self.file
        if (header.number, header.first_sequence) != (file.number, file.first_sequence):
            raise self._corrupt(0, f"its header says segment {header.number} from sequence {header.first_sequence}")
        if header.number == 1 and (header.first_sequence, header.first_batch, header.chain) != (1, 1, header.log_id):
            raise self._corrupt(0, "it is the first segment, but not the start of a log")
        if before is None:
            return
        if header.log_id != before.header.log_id:
            raise self._corrupt(0, f"it belongs to another log than {before.file.name}")
        if (header.first_batch, header.first_sequence, header.chain) != before.place.key:
            raise self._corrupt(0, f"it does not go on where {before.file.name} ends")

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        while (frame := self._next()) is not None:
            offset = self.offset
            self.offset += frame.length
            if frame.is_footer:
                self.sealed = True
                return
            self.batches += 1
            self.place = Place(
                frame.batch_number + 1, frame.first_sequence + frame.entries, frame.chain_after, frame.at_ns
            )
            yield offset, frame
        self._check_end()

    def _next(self) -> Frame | None:
        """The frame at `offset`; None where the valid ones end. One that is whole but does not belong here is
        corruption, unless it is older than the log's end: then it is what a reused disk block held before."""
        frame = decode_frame(self.data, self.offset)
        if frame is None or self._is_older(frame):
            return None
        if (frame.batch_number, frame.first_sequence, frame.chain_before) != self.place.key:
            raise self._corrupt(self.offset, f"batch {frame.batch_number} does not follow on the one before")
        if frame.at_ns < self.place.at_ns and not frame.is_footer:
            raise self._corrupt(self.offset, "its stamp is earlier than the one before")
        if frame.is_footer and frame.entries != self.batches:
            raise self._corrupt(self.offset, f"the footer counts {frame.entries} batches, there are {self.batches}")
        if not chain_is_right(self.data, self.offset, frame):
            raise self._corrupt(self.offset, "the hash chain is broken")
        return frame

    def _is_older(self, frame: Frame) -> bool:
        return frame.log_id != self.header.log_id or frame.batch_number < self.place.next_batch

    def _check_end(self) -> None:
        """Raise LogCorrupt unless the invalid rest is what a crash can leave: nothing valid, in the last segment."""
        if not self.is_last:
            raise self._corrupt(self.offset, "a frame is damaged, and the log goes on in the next segment")
        torn = decode_frame_header(self.data, self.offset)
        start = self.offset + (BLOCK if torn is None or self._is_older(torn) else torn.length)
        for offset in places_of_frames(self.data, start):
            frame = decode_frame(self.data, offset)
            if frame is not None and not self._is_older(frame):
                raise self._corrupt(self.offset, f"a frame is damaged, and a valid one follows at byte {offset}")

    def _corrupt(self, offset: int, what: str) -> LogCorrupt:
        return LogCorrupt(self.file.name, offset, self.place.next_sequence, what)

    def torn_bytes(self) -> int:
        """After iterating: how many bytes of a torn frame follow the last valid one; 0 when the end is clean."""
        if self.sealed:
            return 0
        written = np.flatnonzero(self.data[self.offset :])
        return int(written[-1]) + 1 if len(written) else 0


def _read(disk: Disk, file: SegmentFile) -> tuple[SegmentFile, NDArray[np.uint8]]:
    """A segment's bytes, and the file that they are in: the log may have compressed it since it was listed."""
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


def decompress(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Raises ZstdError when the bytes are not what compress made. The size is found, not believed."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj()
    data = decompressor.decompress(raw.data)
    if not decompressor.eof or decompressor.unused_data:
        raise zstandard.ZstdError("the file is cut, or something follows its end")
    return np.frombuffer(bytearray(data), np.uint8)


def segments(disk: Disk, from_sequence: int = 1) -> Iterator[Segment]:
    """The segments from the one that holds `from_sequence` on. Each must be iterated to its end before the next."""
    files = segment_files(disk)
    if files and files[0].first_sequence > from_sequence:
        name, first = files[0].name, files[0].first_sequence
        raise LogCorrupt(name, 0, from_sequence, f"the log starts at sequence {first}: what was before is missing")
    start = max((i for i, file in enumerate(files) if file.first_sequence <= from_sequence), default=0)
    before = None
    for file in files[start:]:
        before = Segment(disk, file, is_last=file is files[-1], before=before)
        yield before


def entries(disk: Disk, from_sequence: int = 1, rules_version: int | None = None) -> Iterator[Entry]:
    """The batches that hold `from_sequence` and what follows, verified. Writes nothing: a torn tail ends the log.

    Raises LogCorrupt, and RulesDiffer for an entry that was logged under another version than `rules_version`.
    """
    for segment in segments(disk, from_sequence):
        for offset, frame in segment:
            if frame.first_sequence + frame.entries <= from_sequence:
                continue
            if rules_version not in (None, segment.header.rules_version):
                raise RulesDiffer(
                    f"{segment.file.name} was logged under rules version {segment.header.rules_version}, this program"
                    f" has {rules_version}: start it from a snapshot that ends where the old version stopped"
                )
            batch = batch_of(segment.data, offset, frame)
            yield Entry(batch, frame.chain_before, frame.chain_after, frame.state_hash)


def scan(disk: Disk) -> LogEnd | None:
    """Verify every bit of the log that means something. None: there is no log. Raises LogCorrupt."""
    files = segment_files(disk)
    segment, batches = None, 0
    for segment in segments(disk, files[0].first_sequence if files else 1):
        for _ in segment:
            batches += 1
    if segment is None:
        return None
    place = segment.place
    return LogEnd(segment.header.log_id, batches, place.next_sequence - 1, place.chain, segment.torn_bytes())
