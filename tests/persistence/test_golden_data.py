"""The data folder that version 0.1.0 wrote: today's program opens it and comes to what was found then.

golden/README.txt says what is in it and how it was made. When a test here fails, the program no longer reads what users
have: mend the program, not the folder. A change of what a logged command means raises RULES_VERSION.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tarfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from engine.batch.machine import RULES_VERSION, Machine
from engine.digest import state_hash
from engine.model.commands import Kind, RegisterPlayer, Side, decode_cold
from engine.model.reasons import Reason
from engine.model.scale import MONEY, NS_PER_S
from persistence import projection
from persistence.disk import Folder
from persistence.recovery import recover, state_at, verify
from persistence.segments import entries
from persistence.snapshot import load, snapshot_names
from tests.harness.records import PlaceOrder, Quote, batch_of, outcomes_of

pytestmark = pytest.mark.compiled

GOLDEN = Path(__file__).parent / "golden"
NAME = "data-folder-0.1.0"


class AtSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sequence: int
    digest: str


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What version 0.1.0 found in the folder."""

    segment_bytes: int
    rules_version: int
    sequence: int
    batches: int
    chain: str
    digest: str
    digests_in_the_log: int
    snapshots: list[AtSnapshot]
    batches_behind_the_last_snapshot: int
    outcomes: str
    commands: dict[str, int]
    cold_commands: dict[str, int]
    rows: dict[str, int]


EXPECTED = msgspec.json.decode((GOLDEN / f"{NAME}.json").read_bytes(), type=Expected)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the folder."""
    unpacked = tmp_path / "data"
    packed = (GOLDEN / f"{NAME}.tar.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(packed) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        tar.extractall(unpacked, filter="data")
    return unpacked


def rows_of(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that is in the projection, by table."""
    with closing(sqlite3.connect(folder / projection.FILE)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall()) for (table,) in tables}


def test_it_opens_from_its_last_snapshot_and_goes_on(folder: Path) -> None:
    last = EXPECTED.snapshots[-1]
    arena = recover(folder, segment_bytes=EXPECTED.segment_bytes)
    assert arena.warnings == []
    assert (arena.snapshot, arena.batches_replayed) == (
        f"snapshot-{last.sequence:012}", EXPECTED.batches_behind_the_last_snapshot,
    )  # fmt: skip
    assert (arena.log.last_sequence, arena.log.chain.hex()) == (EXPECTED.sequence, EXPECTED.chain)
    assert state_hash(arena.machine.state).hex() == EXPECTED.digest

    cold = arena.machine.state.cold
    bitcoin = next(id for id, instrument in cold.instruments.items() if instrument.symbol == "BTCUSDT")
    rules = {id: cold.games[match.game].rules for id, match in cold.matches.items() if match.practice}
    practice = next(id for id, game in rules.items() if game.starting_balance >= 1_000 * MONEY)
    newcomer = len(cold.players) + 1
    batch = batch_of(
        [
            RegisterPlayer("newcomer"),
            Quote(bitcoin, 6_000_000, 6_000_001, 1 << 40),
            PlaceOrder(newcomer, practice, bitcoin, Side.LONG, leverage=10, margin=100 * MONEY),
        ],
        EXPECTED.sequence + 1,
        arena.log.last_at_ns + NS_PER_S,
    )
    arena.log.append(batch)
    outcomes = outcomes_of(arena.machine.apply(batch).outcomes)
    assert [Reason(outcome["reason"]) for outcome in outcomes] == [Reason.ACCEPTED] * 3
    assert outcomes[-1]["price"] == 6_000_001
    after = state_hash(arena.machine.state)
    arena.close()
    verified = verify(folder)
    assert (verified.last_sequence, verified.state_hash) == (EXPECTED.sequence + 3, after)
    assert verified.problems == []


def test_verify_agrees_with_every_snapshot_and_every_hash_in_the_log(folder: Path) -> None:
    verified = verify(folder)
    assert (verified.last_sequence, verified.batches) == (EXPECTED.sequence, EXPECTED.batches)
    assert (verified.chain.hex(), verified.state_hash.hex()) == (EXPECTED.chain, EXPECTED.digest)
    assert (verified.snapshots_checked, verified.hashes_checked) == (
        len(EXPECTED.snapshots), EXPECTED.digests_in_the_log,
    )  # fmt: skip
    assert (verified.warnings, verified.problems, verified.torn_bytes) == ([], [], 0)


def test_replayed_from_the_first_entry_every_command_has_the_outcome_that_it_had(folder: Path) -> None:
    assert EXPECTED.rules_version == RULES_VERSION
    machine = Machine()
    outcomes = hashlib.blake2b(digest_size=16)
    commands: Counter[str] = Counter()
    cold_commands: Counter[str] = Counter()
    digests = []
    at_snapshots = {snapshot.sequence for snapshot in EXPECTED.snapshots}
    for entry in entries(Folder(folder / "log"), rules_version=EXPECTED.rules_version):
        outcomes.update(machine.apply(entry.batch).outcomes.tobytes())
        commands.update(Kind(kind).name for kind in entry.batch.records["kind"].tolist())
        for record in entry.batch.records[entry.batch.records["kind"] == Kind.COLD]:
            start = int(record["blob_offset"])
            command = decode_cold(entry.batch.blobs[start : start + int(record["blob_length"])])
            cold_commands[str(command.__struct_config__.tag)] += 1
        if entry.last_sequence in at_snapshots:
            digests.append(AtSnapshot(entry.last_sequence, state_hash(machine.state).hex()))
    assert digests == EXPECTED.snapshots
    assert state_hash(machine.state).hex() == EXPECTED.digest
    assert outcomes.hexdigest() == EXPECTED.outcomes
    assert commands == EXPECTED.commands
    assert cold_commands == EXPECTED.cold_commands


@pytest.mark.parametrize("expected", EXPECTED.snapshots, ids=lambda snapshot: str(snapshot.sequence))
def test_each_snapshot_opens_and_comes_to_the_same_end(folder: Path, expected: AtSnapshot) -> None:
    name = f"snapshot-{expected.sequence:012}"
    snapshots = Folder(folder / "snapshots")
    found = load(snapshots, name)
    assert (found.header.sequence, found.header.state_hash.hex()) == (expected.sequence, expected.digest)
    for newer in snapshot_names(snapshots):
        if newer > name:
            (folder / "snapshots" / newer).unlink()
    assert state_hash(state_at(folder, EXPECTED.sequence).state).hex() == EXPECTED.digest


def test_the_projection_made_again_has_the_same_rows(folder: Path) -> None:
    shipped = rows_of(folder)
    assert {table: len(rows) for table, rows in shipped.items()} == EXPECTED.rows
    arena = recover(folder, segment_bytes=EXPECTED.segment_bytes, fresh_projection=True)
    assert (arena.snapshot, arena.batches_replayed) == (None, EXPECTED.batches)
    arena.close()
    rebuilt = rows_of(folder)
    assert rebuilt.keys() == shipped.keys()
    for table, rows in shipped.items():
        assert rebuilt[table] == rows, table
