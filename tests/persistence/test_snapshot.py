"""Snapshots: what is captured is loaded, a bad one is skipped and named, a crash leaves one that loads."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from engine.digest import state_hash
from engine.model.commands import RegisterPlayer
from engine.model.state import State
from persistence import snapshot
from persistence.log import Appended
from persistence.snapshot import (
    CopyBuffers,
    NotProjected,
    SnapshotBad,
    UnpublishedSnapshot,
    capture,
    derived_files,
    load,
    load_newest,
    publish,
    snapshot_names,
    write,
)
from tests.persistence.test_simulated_disk import PowerCut, SimulatedDisk

LOG_ID = b"i" * 16


def make_state(sequence: int) -> State:
    state = State()
    state.book.world["sequence"] = sequence
    state.book.world["now_ns"] = 5_000 + sequence
    noise = random.Random(sequence)
    for array in (state.book.seats, state.book.bound_low, state.book.timer_heap):
        array.view(np.ndarray).view(np.uint8)[:] = np.frombuffer(noise.randbytes(array.nbytes), np.uint8)
    state.cold.players[1] = RegisterPlayer(f"alice {sequence}")
    return state


def write_snapshot(disk: SimulatedDisk, sequence: int, buffers: CopyBuffers | None = None) -> UnpublishedSnapshot:
    appended = Appended(sequence, sequence.to_bytes(16, "little"))
    return write(disk, capture(make_state(sequence), buffers or CopyBuffers(), appended, LOG_ID), rules_version=1)


def publish_snapshot(disk: SimulatedDisk, sequence: int) -> None:
    publish(disk, write_snapshot(disk, sequence), projected=sequence)


def test_what_is_captured_is_loaded() -> None:
    disk = SimulatedDisk()
    publish_snapshot(disk, 7)
    newest, warnings = load_newest(disk)
    assert newest is not None
    assert not warnings
    header = newest.header
    assert (header.sequence, header.at_ns, header.rules_version, header.log_id) == (7, 5_007, 1, LOG_ID)
    assert header.chain == (7).to_bytes(16, "little")
    assert header.state_hash == state_hash(newest.state) == state_hash(make_state(7))
    assert newest.state.cold.players[1].name == "alice 7"
    assert all(array.flags.writeable for array in newest.state.book.arrays.values())


def test_copy_buffers_are_reused() -> None:
    disk, buffers, state = SimulatedDisk(), CopyBuffers(), make_state(1)
    captured = capture(state, buffers, Appended(1, bytes(16)), LOG_ID)
    expected = state_hash(state)
    kept = {name: id(buffer) for name, buffer in buffers.by_table.items()}
    state.book.seats["cash"] += 1
    assert load(disk, f"{write(disk, captured, 1).name}.tmp").header.state_hash == expected
    write_snapshot(disk, 2, buffers)
    assert {name: id(buffer) for name, buffer in buffers.by_table.items()} == kept


def test_it_is_published_only_when_the_projection_has_passed_it() -> None:
    disk = SimulatedDisk()
    unpublished = write_snapshot(disk, 7)
    with pytest.raises(NotProjected):
        publish(disk, unpublished, projected=6)
    assert load_newest(disk) == (None, [])
    publish(disk, unpublished, projected=7)
    assert [(derived.name, derived.sequence) for derived in derived_files(disk)] == [("snapshot-000000000007", 7)]


def test_a_full_disk_is_not_made_fuller() -> None:
    disk = SimulatedDisk()
    disk.fail_at = 8
    with pytest.raises(OSError, match="fails"):
        write_snapshot(disk, 7)
    assert disk.names() == []


def test_three_are_kept() -> None:
    disk = SimulatedDisk()
    for sequence in (1, 2, 3, 4, 5):
        publish_snapshot(disk, sequence)
    assert snapshot_names(disk) == ["snapshot-000000000005", "snapshot-000000000004", "snapshot-000000000003"]


def test_the_newest_is_bad_so_the_one_before_is_used_and_it_says_so() -> None:
    disk = SimulatedDisk()
    for sequence in (1, 2, 3):
        publish_snapshot(disk, sequence)
    disk.files["snapshot-000000000003"].seen[-4096] ^= 4
    snapshot, warnings = load_newest(disk)
    assert snapshot is not None
    assert snapshot.header.sequence == 2
    assert len(warnings) == 1
    assert "snapshot-000000000003" in warnings[0]
    older, _ = load_newest(disk, up_to=1)
    assert older is not None
    assert older.header.sequence == 1


def test_one_whose_cold_things_are_of_another_program_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = SimulatedDisk()
    publish_snapshot(disk, 1)
    with monkeypatch.context() as once:
        once.setattr(snapshot, "encode_cold_state", lambda cold: msgspec.msgpack.encode({"players": {1: "ann"}}))
        once.setattr(snapshot, "state_from", lambda tables, cold: make_state(2))
        publish_snapshot(disk, 2)
    newest, warnings = load_newest(disk)
    assert newest is not None
    assert newest.header.sequence == 1
    (warning,) = warnings
    assert "snapshot-000000000002: its section 'cold' cannot be decoded by this program" in warning


def test_every_flip_that_matters_is_found() -> None:
    disk = SimulatedDisk()
    publish_snapshot(disk, 1)
    name = "snapshot-000000000001"
    content, header = disk.files[name].seen, load(disk, name).header
    places = [*range(20), *random.Random(1).sample(range(20, 3_000), 60)]  # the start, then the header
    start = len(content) - sum(-(-section.size // 4096) * 4096 for section in header.sections)
    for section in header.sections:
        places += [start + section.offset, start + section.offset + section.size - 1]
    for place in places:
        content[place] ^= 1 << place % 8
        with pytest.raises(SnapshotBad, match=name):
            load(disk, name)
        content[place] ^= 1 << place % 8
    load(disk, name)


@pytest.mark.compiled
def test_a_crash_at_any_operation_leaves_a_snapshot_that_loads() -> None:
    def life(disk: SimulatedDisk) -> None:
        for sequence in (3, 4, 5):
            publish_snapshot(disk, sequence)

    prepared = SimulatedDisk()
    for sequence in (1, 2):
        publish_snapshot(prepared, sequence)
    healthy = prepared.after_power_cut(random.Random(0))
    life(healthy)
    for k in range(1, healthy.operations + 1, 3):
        disk = prepared.after_power_cut(random.Random(0))
        disk.cut_at = k
        with pytest.raises(PowerCut):
            life(disk)
        published = [int(what[-12:]) for what in disk.trace[:-1] if what.startswith("rename")]
        durable = published[:-1] if disk.trace[-1] == "sync_directory" else published
        snapshot, warnings = load_newest(disk.after_power_cut(random.Random(k)))
        assert snapshot is not None
        assert not warnings
        assert snapshot.header.sequence >= max(durable, default=2)
        assert state_hash(snapshot.state) == state_hash(make_state(snapshot.header.sequence))
