"""Snapshots: the whole state in one file, read back after writing, so that a start need not replay the whole log.

Three steps: `capture` copies the tables, on the engine's thread, into preallocated buffers (20 MB in 3 ms); `write`
writes the file, in another thread; `publish` renames it to its final name once the projection has durably reached its
sequence, so that a start from the newest snapshot also produces all events that the projection lacks.

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

from engine.digest import sections_hash
from engine.model.state import State, encode_cold_state, sections, state_from
from persistence.disk import BLOCK, Buffer, Disk, publish_temporary, write_temporary
from persistence.log import Appended, DerivedFile

FORMAT: Final = 1
KEEP_SNAPSHOTS: Final = 3

_NAME: Final = re.compile(r"snapshot-(\d{12,})")
_START: Final = struct.Struct("<8sIII")
_MAGIC: Final = b"TICKSNAP"
_COLD: Final = "cold"
_MOST_HEADER_BYTES: Final = 1 << 20


class SnapshotBad(Exception):
    """A snapshot is damaged, or this program cannot read it."""


class NotProjected(Exception):
    """The projection has not reached the snapshot's sequence."""


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


class CapturedState(NamedTuple):
    """A copy of the state between two batches; the tables are in CopyBuffers."""

    log_id: bytes
    chain: bytes
    tables: dict[str, NDArray[Any]]
    cold: bytes

    @property
    def sequence(self) -> int:
        return int(self.tables["world"]["sequence"][0])


class UnpublishedSnapshot(NamedTuple):
    """A snapshot that is on disk under its temporary name."""

    name: str
    sequence: int


class Stored(NamedTuple):
    """A snapshot as it is in its file, also of a program with other tables."""

    name: str
    header: Header
    tables: dict[str, NDArray[Any]]
    cold: bytes


class Snapshot(NamedTuple):
    name: str
    header: Header
    state: State


@dataclass
class CopyBuffers:
    """Memory for captured states, reused for each snapshot so that its pages are already mapped.

    The next capture overwrites the last one, which must be written before.
    """

    by_table: dict[str, NDArray[np.uint8]] = field(default_factory=dict)

    def reserve(self, state: State) -> None:
        """Make every buffer large enough for the state, and touch its pages."""
        for name, array in sections(state).items():
            if name not in self.by_table or len(self.by_table[name]) < array.nbytes:
                self.by_table[name] = np.full(array.nbytes, 0xFF, np.uint8)


def capture(state: State, buffers: CopyBuffers, appended: Appended, log_id: bytes) -> CapturedState:
    """Copy the state. `appended` is the log's result for the last batch applied to it."""
    assert int(state.book.world["sequence"][0]) == appended.last_sequence, "the chain must be that of the last batch"
    buffers.reserve(state)
    tables = {}
    for name, array in sections(state).items():
        copy = buffers.by_table[name][: array.nbytes]
        copy[:] = array.view(np.ndarray).view(np.uint8)
        tables[name] = copy.view(_plain_dtype(array.dtype))
    return CapturedState(log_id, appended.chain, tables, encode_cold_state(state.cold))


def write(disk: Disk, captured: CapturedState, rules_version: int) -> UnpublishedSnapshot:
    """Write the snapshot under a temporary name, sync it, read it back. Slow: not for the engine's thread.

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
        state_hash=sections_hash(tables, captured.cold),
        rules_version=rules_version,
        sections=described,
    )
    encoded = msgspec.msgpack.encode(header)
    start = _START.pack(_MAGIC, FORMAT, len(encoded), crc32c(encoded)) + encoded
    unpublished = UnpublishedSnapshot(snapshot_name(captured.sequence), captured.sequence)
    temporary = write_temporary(disk, unpublished.name, [start, bytes(-len(start) % BLOCK), *parts])
    if read(disk, temporary).header != header:
        raise SnapshotBad(f"{unpublished.name} does not read back as it was written")
    return unpublished


def publish(disk: Disk, unpublished: UnpublishedSnapshot, projected: int) -> None:
    """Rename the snapshot to its final name, for starts to use. All but the newest KEEP_SNAPSHOTS are deleted.

    `projected` is the last durable sequence of the projection. Raises NotProjected while the snapshot's is higher.
    """
    name, sequence = unpublished
    if projected < sequence:
        raise NotProjected(f"{name} waits: the projection is at sequence {projected}")
    publish_temporary(disk, name)
    for old in snapshot_names(disk)[KEEP_SNAPSHOTS:]:
        disk.unlink(old)


def snapshot_names(disk: Disk) -> list[str]:
    """Published snapshots, newest first."""
    return sorted(filter(_NAME.fullmatch, disk.names()), key=sequence_of, reverse=True)


def snapshot_name(sequence: int) -> str:
    return f"snapshot-{sequence:012}"


def sequence_of(name: str) -> int:
    """Of the last entry in the snapshot of that name."""
    match = _NAME.fullmatch(name)
    assert match
    return int(match[1])


def derived_files(disk: Disk) -> list[DerivedFile]:
    """Published snapshots, readable or not, as files derived from the log."""
    return [DerivedFile(name, sequence_of(name)) for name in snapshot_names(disk)]


def load_newest(
    *disks: Disk, up_to: int | None = None, rules_version: int | None = None
) -> tuple[Snapshot | None, list[str]]:
    """The newest good snapshot in any of the folders at or before sequence `up_to`, and warnings about skipped ones.

    Those that are of other rules than `rules_version` are passed over: an upgrade has made a new start behind them.
    """
    found = [(sequence_of(name), name, disk) for disk in disks for name in snapshot_names(disk)]
    warnings: list[str] = []
    for sequence, name, disk in sorted(found, key=lambda of: of[0], reverse=True):
        if up_to is not None and sequence > up_to:
            continue
        try:
            if rules_version in (None, read_header(disk, name).rules_version):
                return load(disk, name), warnings
        except SnapshotBad as error:
            warnings.append(f"skipped a snapshot: {error}")
    return None, warnings


def load(disk: Disk, name: str) -> Snapshot:
    """Load a snapshot of this program's tables. Raises SnapshotBad as `read`, and when its tables are others."""
    _, header, tables, cold = read(disk, name)
    layouts = {table: _plain_dtype(array.dtype) for table, array in sections(State()).items()}
    if layouts != {table: array.dtype for table, array in tables.items()}:
        changed = sorted(table for table in layouts if table not in tables or tables[table].dtype != layouts[table])
        raise SnapshotBad(
            f"{name} has another layout than this program's tables: {', '.join(changed) or 'more tables'}"
        )
    try:
        return Snapshot(name, header, state_from(tables, cold))
    except msgspec.MsgspecError as error:
        raise SnapshotBad(f"{name}: its section {_COLD!r} cannot be decoded by this program: {error}") from error


def read(disk: Disk, name: str) -> Stored:
    """Read a snapshot, whatever its tables are. Raises SnapshotBad unless all checksums and the hash of the whole state
    are right."""
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
    if sections_hash(tables, cold) != header.state_hash:
        raise SnapshotBad(f"{name}: its state does not have the hash in its header")
    return Stored(name, header, tables, cold)


def read_header(disk: Disk, name: str) -> Header:
    """The header alone. Raises SnapshotBad."""
    return _decode_header(disk.read(name, 0, _MOST_HEADER_BYTES), name)[0]


def _decode_header(data: NDArray[np.uint8], name: str) -> tuple[Header, int]:
    """The header, and the offset of the sections."""
    if len(data) < BLOCK:
        raise SnapshotBad(f"{name} is truncated")
    magic, format_, length, crc = _START.unpack_from(data.data)
    if magic != _MAGIC or format_ != FORMAT:
        raise SnapshotBad(f"{name}, byte 0: not a snapshot of format {FORMAT}")
    end = _START.size + length
    encoded = data[_START.size : end].data
    if len(encoded) != length or crc32c(encoded) != crc:
        raise SnapshotBad(f"{name}, byte {_START.size}: its header has a wrong checksum")
    return msgspec.msgpack.decode(encoded, type=Header), -(-end // BLOCK) * BLOCK


def _plain_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype without the record type that kernels need as plain Python."""
    return np.dtype(dtype.descr) if dtype.names else dtype
