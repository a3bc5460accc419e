"""The data folder that version 0.1.0 wrote: today's program reads it, takes it over, and replays its commands.

golden/README.txt says what is in it and how it was made. When a test here fails, the program no longer reads what users
have: mend the program, not the folder. A change of what a logged command means raises RULES_VERSION; then `arena
upgrade` takes the folder over, and what the commands come to under the new rules gets its line in COMES_TO.
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
import numpy as np
import pytest
import zstandard
from numpy.typing import NDArray

from engine.batch.machine import RULES_VERSION, Machine
from engine.digest import sections_hash, state_hash
from engine.model.commands import Kind, RegisterPlayer, Side, decode_cold
from engine.model.reasons import Reason
from engine.model.scale import MONEY, NS_PER_S
from engine.model.state import sections
from persistence import projection
from persistence.disk import Folder
from persistence.log import Appended
from persistence.recovery import rebuild, recover, state_at, verify
from persistence.segments import entries, scan
from persistence.snapshot import CapturedState, CopyBuffers, capture, publish, read, snapshot_name, write
from persistence.upgrade import upgrade
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

COMES_TO = {
    EXPECTED.rules_version: (EXPECTED.outcomes, EXPECTED.digest),
    2: ("94822202918ff2ff9ce708dc4b9e828a", "f9657d40989a4e288c9c1f58fc8a87bc"),
    3: ("aa1bf9c5edc98facb6838a084613921d", "764dbf2ab86331d173f0dc9bcf269034"),
}
"""By rules version: the digest of all outcomes and that of the state to which the folder's commands come."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the folder, as a crash of version 0.1.0 would have left it: its last snapshot is not the log's end."""
    unpacked = tmp_path / "data"
    packed = (GOLDEN / f"{NAME}.tar.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(packed) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        tar.extractall(unpacked, filter="data")
    return unpacked


@pytest.fixture
def stopped(folder: Path) -> Path:
    """The folder after a clean stop of version 0.1.0."""
    packed = (GOLDEN / f"{NAME}.last-snapshot.zst").read_bytes()
    last = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    (folder / "snapshots" / snapshot_name(EXPECTED.sequence)).write_bytes(last)
    return folder


def rows_of(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that is in the projection, by table."""
    with closing(sqlite3.connect(folder / projection.FILE)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall()) for (table,) in tables}


def balances(accounts: NDArray[np.void]) -> dict[int, tuple[int, int]]:
    """By account, as on disk: what it has, and what of that is held."""
    return {
        int(row["id"]): (
            int(row["credits_posted"] - row["debits_posted"]), int(row["debits_pending"] - row["credits_pending"]),
        )
        for row in accounts[accounts["id"] > 0]
    }  # fmt: skip


def test_taken_over_it_opens_with_the_same_money_and_goes_on(stopped: Path) -> None:
    before = read(Folder(stopped / "snapshots"), snapshot_name(EXPECTED.sequence)).tables
    history = rows_of(stopped)
    taken_over = upgrade(stopped, apply=True)
    assert taken_over.problems == []
    assert taken_over.is_needed == (EXPECTED.rules_version != RULES_VERSION)

    arena = recover(stopped, segment_bytes=EXPECTED.segment_bytes)
    assert (arena.log.last_sequence, arena.log.chain.hex()) == (EXPECTED.sequence, EXPECTED.chain)
    after = {name: np.asarray(array) for name, array in sections(arena.machine.state).items()}
    assert balances(after["accounts"]) == balances(before["accounts"])
    for column in ("player", "match", "cash"):
        assert after["seats"][column].tolist() == before["seats"][column].tolist()
    assert {table: rows_of(stopped)[table] for table in ("transfers", "wallet_changes")} == {
        table: history[table] for table in ("transfers", "wallet_changes")
    }

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
    end = state_hash(arena.machine.state)
    arena.close()
    verified = verify(stopped)
    assert (verified.last_sequence, verified.state_hash) == (EXPECTED.sequence + 3, end)
    assert verified.problems == []
    assert rebuild(stopped) == EXPECTED.sequence + 3


def test_all_of_it_can_be_read(folder: Path) -> None:
    log, snapshots = Folder(folder / "log"), Folder(folder / "snapshots")
    end = scan(log)
    assert end is not None
    assert (end.last_sequence, end.batches, end.chain.hex(), end.torn_bytes) == (
        EXPECTED.sequence, EXPECTED.batches, EXPECTED.chain, 0,
    )  # fmt: skip
    commands: Counter[str] = Counter()
    cold_commands: Counter[str] = Counter()
    for entry in entries(log):
        commands.update(Kind(kind).name for kind in entry.batch.records["kind"].tolist())
        for record in entry.batch.records[entry.batch.records["kind"] == Kind.COLD]:
            start = int(record["blob_offset"])
            command = decode_cold(entry.batch.blobs[start : start + int(record["blob_length"])])
            cold_commands[str(command.__struct_config__.tag)] += 1
    assert commands == EXPECTED.commands
    assert cold_commands == EXPECTED.cold_commands
    for expected in EXPECTED.snapshots:
        found = read(snapshots, snapshot_name(expected.sequence))
        assert (found.header.sequence, found.header.rules_version) == (expected.sequence, EXPECTED.rules_version)
        assert sections_hash(found.tables, found.cold).hex() == expected.digest
    assert {table: len(rows) for table, rows in rows_of(folder).items()} == EXPECTED.rows


def test_its_commands_logged_again_are_replayed_to_what_they_came_to(folder: Path, tmp_path: Path) -> None:
    """Every kind of command, with all its fields and with none, under the rules of today."""
    again = tmp_path / "again"
    arena = recover(again, segment_bytes=EXPECTED.segment_bytes)
    at_snapshots = {snapshot.sequence for snapshot in EXPECTED.snapshots}
    live = hashlib.blake2b(digest_size=16)
    captured: list[CapturedState] = []
    for entry in entries(Folder(folder / "log")):
        appended = arena.log.append(entry.batch, state_hash(arena.machine.state) if len(captured) == 1 else None)
        live.update(arena.machine.apply(entry.batch).outcomes.tobytes())
        if appended.last_sequence in at_snapshots:
            captured.append(capture(arena.machine.state, CopyBuffers(), Appended(*appended), arena.log.log_id))
    came_to = state_hash(arena.machine.state)
    for of in captured:
        publish(arena.snapshots, write(arena.snapshots, of, RULES_VERSION), projected=of.sequence)
    arena.close()

    machine = Machine()
    replayed = hashlib.blake2b(digest_size=16)
    for entry in entries(Folder(again / "log"), rules_version=RULES_VERSION):
        replayed.update(machine.apply(entry.batch).outcomes.tobytes())
    assert replayed.digest() == live.digest()
    assert (live.hexdigest(), came_to.hex()) == COMES_TO[RULES_VERSION]
    verified = verify(again)
    assert (verified.state_hash, verified.snapshots_checked) == (came_to, len(captured))
    assert (verified.problems, verified.warnings, verified.hashes_checked > 0) == ([], [], True)
    for of in captured:
        assert int(state_at(again, of.sequence).state.book.world["sequence"][0]) == of.sequence

    opened = recover(again, segment_bytes=EXPECTED.segment_bytes)
    opened.close()
    history = rows_of(again)
    rebuild(again)
    assert rows_of(again) == history
