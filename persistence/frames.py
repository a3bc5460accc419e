"""The binary format of the log: segment headers, frames of batches, footers. No I/O.

A segment is a header of one block, then frames, each a multiple of BLOCK, so that a torn write of one frame cannot
damage another. All integers are little-endian; a hash of zeros means none.

Segment header (BLOCK bytes)          Frame header (128 bytes)
   0   8  magic "TICKLOG\\n"              0   4  magic: "TABF" batch, "TAEF" end of a sealed segment
   8   4  crc32c of all but itself       4   4  crc32c of bytes 8 to 128
  12   4  format                         8   4  crc32c of all that follows the header, padding too
  16   4  rules version                 12   4  entries: records; of a footer, batches in the segment
  20   4  spare                         16   8  bytes of blobs
  24  16  log id                        24  16  log id
  40   8  segment number, from 1        40   8  batch number, from 1; of a footer: the next one's
  48   8  first sequence                48   8  first sequence; of a footer: the next one's
  56   8  first batch number            56   8  stamp of the batch, ns since the epoch
  64  16  chain so far                  64  16  chain before
  80   8  bytes of the segment          80  16  hash of the state before the first record
  88      zeros                         96  16  chain after
                                       112  16  zeros
                                       128      records of RECORD_BYTES, blobs, zeros up to a multiple of BLOCK

The chain after a batch is BLAKE2b-128 of bytes 8 to 96 of its header (which hold the chain before), its records and its
blobs. A new log's chain is its log id. A footer does not change the chain.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final, NamedTuple

import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

from engine.model.commands import COMMAND, RECORD_BYTES, Batch
from persistence.disk import BLOCK

FORMAT: Final = 1
NO_HASH: Final = bytes(16)

_SEGMENT_MAGIC: Final = b"TICKLOG\n"
_SEGMENT: Final = struct.Struct("<8sIIII16sQQQ16sQ")
_BATCH_MAGIC: Final = b"TABF"
_FOOTER_MAGIC: Final = b"TAEF"
_FRAME: Final = struct.Struct("<4sIIIQ16sQQq16s16s16s16x")
_HASHED: Final = struct.Struct("<IIQ16sQQq16s16s")  # bytes 8 to 96 of a frame
_CRC: Final = struct.Struct("<I")
HEADER_BYTES: Final = _FRAME.size
assert HEADER_BYTES == 128
_CHAINED_END: Final = 96


class BrokenHeader(Exception):
    """A segment's header is damaged or of another format."""


class SegmentHeader(NamedTuple):
    rules_version: int
    log_id: bytes
    number: int
    first_sequence: int
    first_batch: int
    chain: bytes
    size: int  # bytes preallocated


class Frame(NamedTuple):
    """A frame's header. `entries`, `batch_number` and `first_sequence` have other meanings in a footer, see above."""

    is_footer: bool
    entries: int
    blob_bytes: int
    log_id: bytes
    batch_number: int
    first_sequence: int
    at_ns: int
    chain_before: bytes
    state_hash: bytes
    chain_after: bytes

    @property
    def length(self) -> int:
        """Bytes in the file, padding included."""
        return BLOCK if self.is_footer else frame_length(self.entries, self.blob_bytes)


def frame_length(records: int, blob_bytes: int) -> int:
    """Length in bytes of a batch's frame."""
    return -(-(HEADER_BYTES + records * RECORD_BYTES + blob_bytes) // BLOCK) * BLOCK


def encode_segment_header(header: SegmentHeader) -> bytearray:
    block = bytearray(BLOCK)
    _SEGMENT.pack_into(
        block,
        0,
        _SEGMENT_MAGIC,
        0,
        FORMAT,
        header.rules_version,
        0,
        header.log_id,
        header.number,
        header.first_sequence,
        header.first_batch,
        header.chain,
        header.size,
    )
    _CRC.pack_into(block, 8, crc32c(memoryview(block)[12:], crc32c(_SEGMENT_MAGIC)))
    return block


def decode_segment_header(block: NDArray[np.uint8]) -> SegmentHeader:
    """Raises BrokenHeader unless magic, checksum and format are right."""
    if len(block) < BLOCK:
        raise BrokenHeader("its header is truncated")
    magic, crc, format_, rules_version, _, log_id, number, sequence, batch, chain, size = _SEGMENT.unpack_from(
        block.data
    )
    if magic != _SEGMENT_MAGIC:
        raise BrokenHeader("its header does not have the magic of a log")
    if crc != crc32c(block[12:BLOCK].data, crc32c(magic)):
        raise BrokenHeader("its header has a wrong checksum")
    if format_ != FORMAT:
        raise BrokenHeader(f"its format is {format_}, this program reads {FORMAT}")
    return SegmentHeader(rules_version, log_id, number, sequence, batch, chain, size)


def encode_batch(
    batch: Batch, log_id: bytes, batch_number: int, chain: bytes, state_hash: bytes = NO_HASH
) -> tuple[bytearray, bytes]:
    """The frame of `batch` and the chain after it. `chain` is the chain before.

    For 200 records: 7 us, and 45 us of BLAKE2b, during which hashlib lets other threads run.
    """
    records, blobs = batch.records, batch.blobs
    assert len(records)
    assert records.dtype.itemsize == RECORD_BYTES
    assert records.flags.c_contiguous
    blobs_start = HEADER_BYTES + len(records) * RECORD_BYTES
    content_end = blobs_start + len(blobs)
    frame = bytearray(frame_length(len(records), len(blobs)))
    view = memoryview(frame)
    view[HEADER_BYTES:blobs_start] = records.view(np.uint8).data
    view[blobs_start:content_end] = blobs

    body_crc = crc32c(view[HEADER_BYTES:])
    _HASHED.pack_into(
        frame,
        8,
        body_crc,
        len(records),
        len(blobs),
        log_id,
        batch_number,
        batch.first_sequence,
        batch.at_ns,
        chain,
        state_hash,
    )
    after = _chain_after(view[8:_CHAINED_END], view[HEADER_BYTES:content_end])
    _seal(frame, _BATCH_MAGIC, after)
    return frame, after


def encode_footer(log_id: bytes, batches: int, next_batch: int, next_sequence: int, chain: bytes) -> bytearray:
    """The frame that ends a sealed segment of `batches` batches."""
    frame = bytearray(BLOCK)
    body_crc = crc32c(memoryview(frame)[HEADER_BYTES:])
    _HASHED.pack_into(frame, 8, body_crc, batches, 0, log_id, next_batch, next_sequence, 0, chain, NO_HASH)
    _seal(frame, _FOOTER_MAGIC, chain)
    return frame


def _seal(frame: bytearray, magic: bytes, chain_after: bytes) -> None:
    frame[_CHAINED_END : _CHAINED_END + 16] = chain_after
    frame[:4] = magic
    _CRC.pack_into(frame, 4, crc32c(memoryview(frame)[8:HEADER_BYTES]))


def _chain_after(header: memoryview, content: memoryview) -> bytes:
    digest = hashlib.blake2b(header, digest_size=16)
    digest.update(content)
    return digest.digest()


def decode_frame(segment: NDArray[np.uint8], offset: int) -> Frame | None:
    """The frame at `offset` if header and body have the right checksums, else None. Whether it continues the log is
    for the caller to check."""
    frame = decode_frame_header(segment, offset)
    if frame is None or offset + frame.length > len(segment):
        return None
    body = segment[offset + HEADER_BYTES : offset + frame.length]
    return frame if crc32c(body.data) == _CRC.unpack_from(segment.data, offset + 8)[0] else None


def decode_frame_header(segment: NDArray[np.uint8], offset: int) -> Frame | None:
    """The header of the frame at `offset` if its checksum is right, else None. The body is not checked."""
    if offset + HEADER_BYTES > len(segment):
        return None
    magic, crc, _, count, blob_bytes, *rest = _FRAME.unpack_from(segment.data, offset)
    if magic not in (_BATCH_MAGIC, _FOOTER_MAGIC):
        return None
    if crc != crc32c(segment[offset + 8 : offset + HEADER_BYTES].data):
        return None
    return Frame(magic == _FOOTER_MAGIC, count, blob_bytes, *rest)


def is_chain_valid(segment: NDArray[np.uint8], offset: int, frame: Frame) -> bool:
    """Whether the frame's chain_after follows from its chain_before and its content."""
    if frame.is_footer:
        return frame.chain_after == frame.chain_before
    start = offset + HEADER_BYTES
    content = segment[start : start + frame.entries * RECORD_BYTES + frame.blob_bytes]
    return frame.chain_after == _chain_after(segment[offset + 8 : offset + _CHAINED_END].data, content.data)


def decode_batch(segment: NDArray[np.uint8], offset: int, frame: Frame) -> Batch:
    """The batch in a frame. Its records are a view of the segment, not a copy."""
    blobs_start = offset + HEADER_BYTES + frame.entries * RECORD_BYTES
    records = segment[offset + HEADER_BYTES : blobs_start].view(COMMAND)
    blobs = segment[blobs_start : blobs_start + frame.blob_bytes].tobytes()
    return Batch(frame.first_sequence, frame.at_ns, records, blobs)


def find_frame_offsets(segment: NDArray[np.uint8], offset: int) -> list[int]:
    """Block offsets, from `offset` (aligned) on, at which a frame's magic is. Reads four bytes per block."""
    blocks = (len(segment) - offset) // BLOCK
    if blocks <= 0:
        return []
    first = segment[offset : offset + blocks * BLOCK].view("<u4")[:: BLOCK // 4]
    magics = [int.from_bytes(magic, "little") for magic in (_BATCH_MAGIC, _FOOTER_MAGIC)]
    return [offset + BLOCK * int(i) for i in np.flatnonzero(np.isin(first, magics))]
