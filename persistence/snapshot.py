"""A snapshot: the whole state in one file, checked by reading it back, so that a start need not replay the whole log.

Three steps, in three places. `capture` copies the tables on the engine's thread into buffers that are there already
(20 MB in 3 ms); `write` makes the file in another thread; `publish` gives it its name, and only
when the projection has passed its sequence: a start from it never has to replay what only the projection still needs.

File: magic "TICKSNAP", then as little-endian 32-bit integers format, length and crc32c of the header, then the header
(Header as msgpack), zeros up to a multiple of BLOCK, then the sections at the offsets that the header names, counted
from there.
"""

from __future__ import annotations

import ast
import re
import struct
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import xxhash
from crc32c import crc32c
from numpy.lib.format import descr_to_dtype, dtype_to_descr
from numpy.typing import NDArray

from engine.digest import state_hash
from engine.model.state import State, encode_cold_state, sections, state_from
from persistence.disk import BLOCK, Buffer, Disk, name_file, write_unnamed
from persistence.log import Appended, Witness

FORMAT: Final = 1
KEEP: Final = 3

_NAME: Final = re.compile(r"snapshot-(\d{12,})")
_START: Final = struct.Struct("<8sIII")
_MAGIC: Final = b"TICKSNAP"
_COLD: Final = "cold"


class SnapshotBad(Exception):
    """A snapshot is not what was written, or not what this program can read."""


class NotProjected(Exception):
    """The projection has not passed the snapshot's sequence yet."""


class Section(msgspec.Struct, frozen=True, array_like=True):
    name: str
    dtype: str  # as in a .npy file
    shape: tuple[int, ...]
    offset: int
    size: int
    xxh3: bytes  # xxh3-128 of its bytes


class Header(msgspec.Struct, frozen=True):
    log_id: bytes
    sequence: int  # of the last entry in the state
    at_ns: int  # stamp of its batch
    chain: bytes  # of the log after that batch
    state_hash: bytes
    rules_version: int
    sections: list[Section]


class Captured(NamedTuple):
    """The state at one moment, in a shadow's memory."""

    log_id: bytes
    chain: bytes
    tables: dict[str, NDArray[Any]]
    cold: bytes

    @property
    def sequence(self) -> int:
        return int(self.tables["world"]["sequence"][0])


class Unpublished(NamedTuple):
    """A snapshot that is on disk, but has no name to be found by."""

    name: str
    sequence: int


class Snapshot(NamedTuple):
    name: str
    header: Header
    state: State


@dataclass
class Shadow:
    """Memory that states are copied into, kept from one snapshot to the next so that its pages are there already.

    A captured state lives in it until the next capture: write it before.
    """

    buffers: dict[str, NDArray[np.uint8]] = field(default_factory=dict)

    def fit(self, state: State) -> None:
        """Make every buffer large enough and touch its pages, away from the moment when time counts."""
        for name, array in sections(state).items():
            if name not in self.buffers or len(self.buffers[name]) < array.nbytes:
                self.buffers[name] = np.full(array.nbytes, 0xFF, np.uint8)


def capture(state: State, shadow: Shadow, appended: Appended, log_id: bytes) -> Captured:
    """A copy of the state. `appended` is what the log answered for the last batch that was applied to it."""
    assert int(state.book.world["sequence"][0]) == appended.last_sequence, "the chain must be that of the last batch"
    shadow.fit(state)
    tables = {}
    for name, array in sections(state).items():
        copy = shadow.buffers[name][: array.nbytes]
        copy[:] = array.view(np.ndarray).view(np.uint8)
        tables[name] = copy.view(_plain(array.dtype))
    return Captured(log_id, appended.chain, tables, encode_cold_state(state.cold))


def write(disk: Disk, captured: Captured, rules_version: int) -> Unpublished:
    """Make the snapshot's file, sync it and read it back. Takes its time: not for the engine's thread.

    Raises OSError, and SnapshotBad when it does not read back.
    """
    tables = captured.tables
    described: list[Section] = []
    parts: list[Buffer] = []
    offset = 0
    for name, array in {**tables, _COLD: np.frombuffer(captured.cold, np.uint8)}.items():
        data = array.view(np.uint8).data
        digest = xxhash.xxh3_128_digest(data)
        described.append(Section(name, repr(dtype_to_descr(array.dtype)), array.shape, offset, len(data), digest))
        parts += [data, bytes(-len(data) % BLOCK)]
        offset += len(data) + len(parts[-1])
    header = Header(
        log_id=captured.log_id,
        sequence=captured.sequence,
        at_ns=int(tables["world"]["now_ns"][0]),
        chain=captured.chain,
        state_hash=state_hash(state_from(dict(tables), captured.cold)),
        rules_version=rules_version,
        sections=described,
    )
    encoded = msgspec.msgpack.encode(header)
    start = _START.pack(_MAGIC, FORMAT, len(encoded), crc32c(encoded)) + encoded
    unpublished = Unpublished(f"snapshot-{captured.sequence:012}", captured.sequence)
    temporary = write_unnamed(disk, unpublished.name, [start, bytes(-len(start) % BLOCK), *parts])
    if load(disk, temporary).header != header:
        raise SnapshotBad(f"{unpublished.name} does not read back as it was written")
    return unpublished


def publish(disk: Disk, unpublished: Unpublished, projected: int) -> None:
    """Give the snapshot its name; from now on a start may begin with it. All but the newest KEEP are deleted.

    `projected` is the last sequence that the projection holds durably. Raises NotProjected while that is less.
    """
    name, sequence = unpublished
    if projected < sequence:
        raise NotProjected(f"{name} waits: the projection is at sequence {projected}")
    name_file(disk, name)
    for old in snapshot_names(disk)[KEEP:]:
        disk.unlink(old)


def snapshot_names(disk: Disk) -> list[str]:
    """Published snapshots, newest first."""
    return sorted(filter(_NAME.fullmatch, disk.names()), key=_sequence_of, reverse=True)


def witnesses(disk: Disk) -> list[Witness]:
    """Published snapshots as witnesses of the log: that they were made counts, whether they still read well or not."""
    return [Witness(name, _sequence_of(name)) for name in snapshot_names(disk)]


def load_newest(disk: Disk, up_to: int | None = None) -> tuple[Snapshot | None, list[str]]:
    """The newest good snapshot at or before sequence `up_to`, and what is wrong with those that had to be skipped."""
    warnings: list[str] = []
    for name in snapshot_names(disk):
        if up_to is None or _sequence_of(name) <= up_to:
            try:
                return load(disk, name), warnings
            except SnapshotBad as error:
                warnings.append(f"skipped a snapshot: {error}")
    return None, warnings


def load(disk: Disk, name: str) -> Snapshot:
    """Raises SnapshotBad, which names the section, unless every section and the whole state hash as when written."""
    data = disk.read(name)
    header, sections_start = _decode_header(data, name)
    tables: dict[str, NDArray[Any]] = {}
    for section in header.sections:
        start = sections_start + section.offset
        raw = data[start : start + section.size]
        if len(raw) != section.size or xxhash.xxh3_128_digest(raw.data) != section.xxh3:
            raise SnapshotBad(f"{name}, byte {start}: section {section.name!r} has a wrong checksum")
        tables[section.name] = raw.view(descr_to_dtype(ast.literal_eval(section.dtype))).reshape(section.shape)
    cold = tables.pop(_COLD).tobytes()

    layouts = {table: _plain(array.dtype) for table, array in sections(State()).items()}
    if layouts != {table: array.dtype for table, array in tables.items()}:
        changed = sorted(table for table in layouts if table not in tables or tables[table].dtype != layouts[table])
        raise SnapshotBad(
            f"{name} has another layout than this program's tables: {', '.join(changed) or 'more tables'}"
        )
    try:
        state = state_from(tables, cold)
    except msgspec.MsgspecError as error:
        raise SnapshotBad(f"{name}: its section {_COLD!r} is not what this program keeps: {error}") from error
    if state_hash(state) != header.state_hash:
        raise SnapshotBad(f"{name}: its state has not the hash that its header says")
    return Snapshot(name, header, state)


def _decode_header(data: NDArray[np.uint8], name: str) -> tuple[Header, int]:
    """The header, and where the sections start."""
    if len(data) < BLOCK:
        raise SnapshotBad(f"{name} is cut short")
    magic, format_, length, crc = _START.unpack_from(data.data)
    if magic != _MAGIC or format_ != FORMAT:
        raise SnapshotBad(f"{name}, byte 0: not a snapshot of format {FORMAT}")
    end = _START.size + length
    encoded = data[_START.size : end].data
    if len(encoded) != length or crc32c(encoded) != crc:
        raise SnapshotBad(f"{name}, byte {_START.size}: its header has a wrong checksum")
    return msgspec.msgpack.decode(encoded, type=Header), -(-end // BLOCK) * BLOCK


def _sequence_of(name: str) -> int:
    match = _NAME.fullmatch(name)
    assert match
    return int(match[1])


def _plain(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Without the record type that attribute access needs when kernels run as plain Python."""
    return np.dtype(dtype.descr) if dtype.names else dtype
