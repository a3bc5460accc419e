"""Whatever the bytes of a log are, reading it gives what was written, or says where it is not: it never just fails."""

from __future__ import annotations

import struct

import numpy as np
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from persistence.disk import BLOCK
from persistence.frames import (
    HEADER_BYTES,
    BrokenHeader,
    SegmentHeader,
    decode_batch,
    decode_frame,
    decode_frame_header,
    decode_segment_header,
    encode_batch,
    encode_footer,
    encode_segment_header,
    find_frame_offsets,
    is_chain_valid,
)
from persistence.segments import LogCorrupt, LogEnd, scan
from persistence.snapshot import SnapshotBad, load
from tests.harness.fuzzing import any_bytes, examples
from tests.persistence.test_simulated_disk import File, SimulatedDisk, make_batch, open_log, write_batches

ID = b"i" * 16
BATCH = bytes(encode_batch(make_batch(1, records=3, blobs=b"blobs"), ID, 1, b"c" * 16)[0])
FOOTER = bytes(encode_footer(ID, 3, 4, 10, b"c" * 16))
HEADER = bytes(encode_segment_header(SegmentHeader(1, ID, 1, 1, 1, ID, 8 * BLOCK)))


@given(any_bytes([BATCH, FOOTER, BATCH + FOOTER]), st.integers(0, 3 * BLOCK))
@examples(300)
def test_bytes_are_a_frame_or_none(data: bytes, offset: int) -> None:
    segment = np.frombuffer(bytearray(data), np.uint8)
    for place in (0, offset, *find_frame_offsets(segment, 0)):
        frame = decode_frame(segment, place)
        if frame is not None:
            assert segment[place : place + frame.length].tobytes() in (BATCH, FOOTER)


@given(
    st.sampled_from([b"TABF", b"TAEF"]), st.integers(0, 2**32 - 1) | st.integers(0, 60),
    st.integers(0, 2**64 - 1) | st.integers(0, 5_000), st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1),
    st.binary(max_size=3 * BLOCK),
)  # fmt: skip
@examples(300)
def test_a_frame_whose_checksums_are_right_need_not_be_the_logs(
    magic: bytes, entries: int, blob_bytes: int, sequence: int, at_ns: int, body: bytes
) -> None:
    """Its numbers may promise more than there is."""
    body = body.ljust(-len(body) // BLOCK * -BLOCK + BLOCK - HEADER_BYTES, b"\0")
    rest = struct.pack("<IIQ16sQQq16s16s16s16x", crc32c(body), entries, blob_bytes, ID, sequence, sequence, at_ns, ID,
                       bytes(16), ID)  # fmt: skip
    segment = np.frombuffer(bytearray(magic + struct.pack("<I", crc32c(rest)) + rest + body), np.uint8)
    assert decode_frame_header(segment, 0) is not None
    frame = decode_frame(segment, 0)
    if frame is not None:
        assert frame.length <= len(segment)
        is_chain_valid(segment, 0, frame)
        if not frame.is_footer:
            assert len(decode_batch(segment, 0, frame).records) == entries


@given(any_bytes([HEADER]))
@examples(200)
def test_bytes_are_a_segments_header_or_a_broken_one(data: bytes) -> None:
    try:
        header = decode_segment_header(np.frombuffer(data[:BLOCK], np.uint8))
    except BrokenHeader:
        return
    assert (header.log_id, data[:BLOCK]) == (ID, HEADER)


def log_of_two_segments() -> dict[str, bytes]:
    disk = SimulatedDisk()
    log = open_log(disk)
    write_batches(log, 9)
    return {name: bytes(file.seen) for name, file in disk.files.items() if ".log" in name}


FILES = log_of_two_segments()


@given(st.sampled_from(sorted(FILES)), st.data())
@examples(60)
def test_a_damaged_segment_is_refused_or_ends_early(name: str, data: st.DataObject) -> None:
    disk = SimulatedDisk()
    disk.files = {other: File(content) for other, content in FILES.items()}
    disk.files[name] = File(data.draw(any_bytes([FILES[name]])))
    if data.draw(st.booleans()):
        disk.files[f"{name}.zst"] = disk.files.pop(name)
    try:
        end = scan(disk)
    except LogCorrupt:
        return
    assert isinstance(end, LogEnd)
    assert end.batches <= 9


@given(any_bytes([b"TICKSNAP" + bytes(12) + b"\x87" * 8]).map(lambda data: data.ljust(BLOCK, b"\0")))
@examples(100)
def test_bytes_are_no_snapshot(data: bytes) -> None:
    disk = SimulatedDisk()
    disk.files["snapshot-000000000001"] = File(data)
    try:
        load(disk, "snapshot-000000000001")
    except SnapshotBad:
        return
    raise AssertionError
