"""Starting again: from nothing, from the log, from a snapshot and its tail; the same arena, or a clear refusal."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from engine.batch.machine import RULES_VERSION
from engine.digest import state_hash
from engine.model.commands import CreateGame, CreateMatch, RegisterPlayer, Side
from engine.model.scale import MONEY, NS_PER_S
from persistence import projection
from persistence.data_lock import DataFolderInUse
from persistence.log import Appended, LogBehind
from persistence.recovery import HistoriesDiffer, Recovered, recover, state_at, verify
from persistence.segments import LogCorrupt, RulesDiffer
from persistence.snapshot import CopyBuffers, capture, publish, write
from tests.harness.arena import BTC, START_NS
from tests.harness.records import ClosePosition, Command, PlaceOrder, Quote, batch_of

SEGMENT_BYTES = 32 * 4096
PLAYERS = 4


def start(directory: Path) -> Recovered:
    return recover(directory, segment_bytes=SEGMENT_BYTES, compress_sealed=False)


def round_of(number: int) -> list[Command]:
    """What comes in batch `number`, from 1: the world first, then quotes, market orders and closes."""
    if number == 1:
        game = CreateGame("Game", "", 10_000 * MONEY, 100, 125, False)
        return [BTC, game, CreateMatch(1, practice=True), *(RegisterPlayer(f"player {i}") for i in range(PLAYERS))]
    coin = random.Random(number)
    price = 6_000_000 + coin.randrange(-20_000, 20_000)
    commands: list[Command] = [Quote(1, price, price + 1, number)]
    for _ in range(coin.randrange(12)):
        player = coin.randrange(1, PLAYERS + 1)
        side = coin.choice((Side.LONG, Side.SHORT))
        if coin.random() < 0.6:
            commands.append(
                PlaceOrder(player, 1, 1, side, leverage=10, margin=20 * MONEY, client_order_id=f"c{number}")
            )
        else:
            commands.append(ClosePosition(player, coin.randrange(1, 6 * number), percent=coin.choice((40, 100))))
    return commands


def play(arena: Recovered, batches: int, hash_every: int = 7) -> Appended:
    """Append and apply the next batches; the projection is left behind, as by a crash."""
    appended = Appended(arena.log.last_sequence, arena.log.chain)
    for _ in range(batches):
        state = arena.machine.state
        number = arena.log._position.next_batch
        batch = batch_of(round_of(number), arena.log.last_sequence + 1, START_NS + number * NS_PER_S)
        appended = arena.log.append(batch, state_hash(state) if number % hash_every == 0 else None)
        arena.machine.apply(batch)
    return appended


def take_snapshot(arena: Recovered, appended: Appended) -> None:
    captured = capture(arena.machine.state, CopyBuffers(), appended, arena.log.log_id)
    publish(arena.snapshots, write(arena.snapshots, captured, RULES_VERSION), projected=appended.last_sequence)


def test_an_empty_folder_is_an_arena_that_starts(tmp_path: Path) -> None:
    arena = start(tmp_path / "data")
    assert (arena.snapshot, arena.batches_replayed, arena.log.last_sequence, arena.warnings) == (None, 0, 0, [])
    arena.close()
    assert start(tmp_path / "data").log.log_id == arena.log.log_id


def test_snapshot_and_tail_are_the_whole_log(tmp_path: Path) -> None:
    arena = start(tmp_path)
    play(arena, 20)
    arena.close()
    arena = start(tmp_path)  # brings the projection up to here, so that a snapshot may be published
    take_snapshot(arena, play(arena, 0))
    play(arena, 15)
    expected = state_hash(arena.machine.state)
    arena.close()

    progress: list[tuple[int, int]] = []
    again = recover(
        tmp_path, segment_bytes=SEGMENT_BYTES, on_progress=lambda done, total: progress.append((done, total))
    )
    assert again.snapshot is not None
    assert again.batches_replayed == 15
    assert state_hash(again.machine.state) == expected
    assert progress[-1] == (again.commands_replayed, again.commands_replayed)
    again.close()

    found = verify(tmp_path)
    assert found.state_hash == expected
    assert (found.batches, found.hashes_checked, found.snapshots_checked, found.torn_bytes) == (35, 5, 1, 0)


def test_any_sequence_can_be_restored(tmp_path: Path) -> None:
    arena = start(tmp_path)
    hashes = {}
    for _ in range(12):
        last_sequence = play(arena, 1).last_sequence
        hashes[last_sequence] = state_hash(arena.machine.state)
    arena.close()
    for sequence, expected in hashes.items():
        assert state_hash(state_at(tmp_path, sequence).state) == expected
    middle = max(hashes) - 1
    assert int(state_at(tmp_path, middle).state.book.world["sequence"][0]) == middle


def test_a_bad_snapshot_is_passed_over_and_said(tmp_path: Path) -> None:
    arena = start(tmp_path)
    play(arena, 5)
    arena.close()
    arena = start(tmp_path)
    take_snapshot(arena, play(arena, 0))
    expected = state_hash(arena.machine.state)
    arena.close()
    path = next((tmp_path / "snapshots").iterdir())
    content = bytearray(path.read_bytes())
    content[-4096] ^= 1
    path.write_bytes(content)
    arena = start(tmp_path)
    assert (arena.snapshot, arena.batches_replayed) == (None, 5)
    assert path.name in arena.warnings[0]
    assert state_hash(arena.machine.state) == expected
    arena.close()


def test_a_torn_batch_is_said(tmp_path: Path) -> None:
    arena = start(tmp_path)
    play(arena, 3)
    arena.close()
    projection.delete(tmp_path / projection.FILE)
    path = tmp_path / "log" / "00000001-000000000001.log"
    content = bytearray(path.read_bytes())
    content[3 * 4096 + 300] ^= 1
    path.write_bytes(content)
    arena = start(tmp_path)
    assert arena.batches_replayed == 2
    assert "torn" in arena.warnings[0]
    arena.close()


def test_a_log_that_lost_what_others_saw_is_refused(tmp_path: Path) -> None:
    arena = start(tmp_path)
    play(arena, 5)
    arena.close()
    arena = start(tmp_path)
    take_snapshot(arena, play(arena, 0))
    arena.close()
    for path in (tmp_path / "log").iterdir():
        path.unlink()
    with pytest.raises(LogBehind, match="snapshot-"):
        start(tmp_path)
    for path in (tmp_path / "snapshots").iterdir():
        path.unlink()
    with pytest.raises(LogBehind, match=projection.FILE):
        start(tmp_path)
    projection.delete(tmp_path / projection.FILE)
    start(tmp_path).close()


def test_a_replay_that_comes_to_another_state_is_found(tmp_path: Path) -> None:
    arena = start(tmp_path)
    play(arena, 5)
    batch = batch_of(round_of(6), arena.log.last_sequence + 1, START_NS + 6 * NS_PER_S)
    arena.log.append(batch, b"wrong" + bytes(11))
    arena.close()
    with pytest.raises(HistoriesDiffer, match=f"at sequence {batch.first_sequence - 1} the replay has state"):
        verify(tmp_path)


def test_corruption_refuses_the_start_and_lets_go_of_the_folder(tmp_path: Path) -> None:
    arena = start(tmp_path)
    play(arena, 5)
    arena.close()
    path = tmp_path / "log" / "00000001-000000000001.log"
    good = path.read_bytes()
    path.write_bytes(good[:5000] + b"?" + good[5001:])
    with pytest.raises(LogCorrupt, match=r"00000001-000000000001.log, byte 4096, from sequence 1 on"):
        start(tmp_path)
    path.write_bytes(good)
    start(tmp_path).close()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    arena = start(tmp_path)
    code = f"from pathlib import Path; from persistence.data_lock import DataLock; DataLock(Path({str(tmp_path)!r}))"
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert f"DataFolderInUse: {tmp_path} is in use by process {os.getpid()}" in second.stderr
    with pytest.raises(DataFolderInUse):
        verify(tmp_path)
    arena.close()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_command_of_another_program_is_told_and_not_applied(tmp_path: Path) -> None:
    """What is logged was decoded once: a tag or a field that is unknown now is one of another program."""
    arena = start(tmp_path)
    play(arena, 2)
    batch = batch_of([RegisterPlayer("zoe")], arena.log.last_sequence + 1, START_NS + 60 * NS_PER_S)
    blob = batch.blobs.replace(b"register_player", b"register_spirit")
    arena.log.append(batch._replace(blobs=blob))
    arena.close()
    for read in (start, verify, lambda folder: state_at(folder, 1_000)):
        with pytest.raises(RulesDiffer, match=f"sequence {batch.first_sequence} .*'register_spirit'"):
            read(tmp_path)
