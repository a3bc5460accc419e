"""Other rules: a base takes over a folder of an older version, and nothing is replayed under rules not its own."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from engine import migration
from engine.digest import state_hash
from engine.model.commands import TopUp
from engine.model.state import Cold, State, encode_cold_state, sections
from engine.model.tables import TABLES_WITH_FREE_LIST
from persistence import base, projection, recovery, upgrade
from persistence.disk import Folder
from persistence.recovery import Recovered, rebuild, state_at, verify
from persistence.segments import RulesDiffer, scan
from persistence.snapshot import CopyBuffers, capture, publish, write
from persistence.upgrade import NotUpgradable
from tests.harness.records import batch_of
from tests.persistence.test_projection import dump
from tests.persistence.test_recovery import play, start

OLD, NEW = 1, 2


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    use_rules(monkeypatch, OLD)
    monkeypatch.setattr(migration, "STEPS", {})
    return monkeypatch


def use_rules(patch: pytest.MonkeyPatch, version: int) -> None:
    """From here on it is the program of that rules version."""
    for module in (recovery, upgrade):
        patch.setattr(module, "RULES_VERSION", version)


def stop_cleanly(arena: Recovered, without: str = "ended_early") -> None:
    """A last snapshot at the end of the log, by a program whose matches did not have the column `without`."""
    appended = play(arena, 0)
    captured = capture(arena.machine.state, CopyBuffers(), appended, arena.log.log_id)
    matches = captured.tables["matches"]
    older = np.zeros(len(matches), np.dtype([field for field in matches.dtype.descr if field[0] != without]))
    for column in older.dtype.names or ():
        older[column] = matches[column]
    captured.tables["matches"] = older
    publish(arena.snapshots, write(arena.snapshots, captured, OLD), projected=appended.last_sequence)
    arena.close()


def an_old_folder(folder: Path, batches: int = 12) -> bytes:
    """A folder of the old program, stopped cleanly; the hash of its last state."""
    arena = start(folder)
    appended = play(arena, batches)
    batch = batch_of([TopUp(1, "USDT", 500, 1_000)], appended.last_sequence + 1, arena.log.last_at_ns)
    arena.log.append(batch)
    arena.close()
    arena = start(folder)  # brings the projection to the end
    hash_ = state_hash(arena.machine.state)
    stop_cleanly(arena)
    return hash_


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_a_folder_of_older_rules_opens_after_an_upgrade_and_only_then(
    tmp_path: Path, rules: pytest.MonkeyPatch
) -> None:
    expected = an_old_folder(tmp_path)
    use_rules(rules, NEW)
    with pytest.raises(RulesDiffer, match="rules version 1, this program has 2: run `arena upgrade`"):
        start(tmp_path)

    before = files(tmp_path)
    dry = upgrade.upgrade(tmp_path, apply=False)
    assert (dry.is_needed, dry.applied, dry.problems, dry.players) == (True, False, [], 4)
    assert files(tmp_path) == before

    done = upgrade.upgrade(tmp_path, apply=True)
    assert (done.from_rules, done.to_rules, done.applied) == (OLD, NEW, True)
    assert not upgrade.upgrade(tmp_path, apply=True).is_needed
    arena = start(tmp_path)
    assert (arena.snapshot, arena.snapshot_sequence, arena.batches_replayed) == (
        f"snapshot-{done.sequence:012}", done.sequence, 0,
    )  # fmt: skip
    assert state_hash(arena.machine.state) == expected
    play(arena, 5)
    end = state_hash(arena.machine.state)
    arena.close()
    assert not upgrade.upgrade(tmp_path, apply=True).is_needed

    arena = start(tmp_path)
    assert (arena.batches_replayed, state_hash(arena.machine.state)) == (5, end)
    arena.close()
    found = verify(tmp_path)
    assert (found.replayed_after, found.state_hash, found.batches) == (done.sequence, end, 18)
    with pytest.raises(RulesDiffer, match="rules version 1"):
        state_at(tmp_path, done.sequence - 1)
    assert state_hash(state_at(tmp_path, done.sequence).state) == expected


def test_the_history_is_rebuilt_from_the_base_and_the_log_after_it(tmp_path: Path, rules: pytest.MonkeyPatch) -> None:
    an_old_folder(tmp_path)
    old_history = dump(tmp_path)
    use_rules(rules, NEW)
    upgrade.upgrade(tmp_path, apply=True)
    arena = start(tmp_path)
    play(arena, 20)
    arena.close()
    start(tmp_path).close()
    history = dump(tmp_path)
    assert set(old_history) - set(history) <= {line for line in old_history if "meta" in line}
    assert len(history) > len(old_history)

    assert rebuild(tmp_path) == scan_end(tmp_path)
    assert dump(tmp_path) == history
    projection.delete(tmp_path / projection.FILE)
    start(tmp_path).close()
    assert dump(tmp_path) == history


def scan_end(folder: Path) -> int:
    end = scan(Folder(folder / "log"))
    assert end is not None
    return end.last_sequence


def test_what_the_next_version_has_more_begins_empty_and_steps_fill_it(
    tmp_path: Path, rules: pytest.MonkeyPatch
) -> None:
    an_old_folder(tmp_path)
    use_rules(rules, NEW)

    def count_matches(state: State) -> None:
        assert not state.book.matches["ended_early"].any()
        state.book.matches["ended_early"][1] = 7

    rules.setattr(migration, "STEPS", {OLD: count_matches})
    upgrade.upgrade(tmp_path, apply=True)
    arena = start(tmp_path)
    assert arena.machine.state.book.matches["ended_early"].tolist()[:3] == [0, 7, 0]
    arena.close()


def test_a_column_may_be_of_another_width_and_a_table_longer() -> None:
    tables = {name: np.asarray(array).copy() for name, array in sections(State()).items()}
    wide = np.zeros(len(tables["holdings"]), [("instrument", "<i4"), ("notional", "<i8"), ("seat", "<i8")])
    wide[3] = 32_767, 77, 5
    tables |= {"holdings": wide, "heads": tables["heads"][:3]}
    tables["heads"]["used"] = 9
    book = migration.migrated(tables, encode_cold_state(Cold()), OLD, NEW).book
    holdings, heads = np.asarray(book.holdings), np.asarray(book.heads)
    assert [holdings[column][3] for column in ("instrument", "notional", "seat", "count")] == [32_767, 77, 5, 0]
    assert heads["used"].tolist() == [9] * 3 + [1] * (TABLES_WITH_FREE_LIST - 3)

    wide["instrument"][3] = 32_768
    with pytest.raises(TypeError, match="int16 cannot hold what one of int32 held"):
        migration.migrated(tables, encode_cold_state(Cold()), OLD, NEW)


def test_the_older_program_does_not_open_what_a_newer_one_has_upgraded(
    tmp_path: Path, rules: pytest.MonkeyPatch
) -> None:
    an_old_folder(tmp_path)
    use_rules(rules, NEW)
    upgrade.upgrade(tmp_path, apply=True)
    for batches in (0, 3):
        use_rules(rules, NEW)
        if batches:
            arena = start(tmp_path)
            play(arena, batches)
            arena.close()
        use_rules(rules, OLD)
        for read in (start, verify, lambda folder: upgrade.upgrade(folder, apply=True)):
            with pytest.raises(RulesDiffer, match="newer program, under rules version 2"):
                read(tmp_path)
    for path in (tmp_path / "base").iterdir():
        path.unlink()
    with pytest.raises(RulesDiffer, match="made by a newer program, under rules version 2"):
        start(tmp_path)


def test_a_folder_that_was_not_stopped_cleanly_is_refused(tmp_path: Path, rules: pytest.MonkeyPatch) -> None:
    an_old_folder(tmp_path)
    arena = start(tmp_path)
    play(arena, 2)
    arena.close()
    use_rules(rules, NEW)
    before = files(tmp_path)
    with pytest.raises(NotUpgradable, match=r"the last snapshot stands at .* stop it with Ctrl-C, then upgrade"):
        upgrade.upgrade(tmp_path, apply=True)
    for path in (tmp_path / "snapshots").iterdir():
        path.unlink()
    with pytest.raises(NotUpgradable, match="the last snapshot is missing"):
        upgrade.upgrade(tmp_path, apply=True)
    segment = sorted((tmp_path / "log").glob("*.log"))[-1]
    content = bytearray(segment.read_bytes())
    content[content.rindex(b"TABF") + 300] ^= 1
    segment.write_bytes(content)
    with pytest.raises(NotUpgradable, match="ends in a torn batch"):
        upgrade.upgrade(tmp_path, apply=True)
    assert files(tmp_path).keys() == {name for name in before if not name.startswith("snapshots")}


def test_a_history_that_is_lost_or_behind_is_refused(tmp_path: Path, rules: pytest.MonkeyPatch) -> None:
    an_old_folder(tmp_path)
    use_rules(rules, NEW)
    path = tmp_path / projection.FILE
    with projection.connect(path) as connection:
        connection.execute("UPDATE meta SET sequence = sequence - 1")
    connection.close()
    with pytest.raises(NotUpgradable, match="the projection is at sequence"):
        upgrade.upgrade(tmp_path, apply=True)
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(NotUpgradable, match="not a database"):
        upgrade.upgrade(tmp_path, apply=True)
    projection.delete(path)
    with pytest.raises(NotUpgradable, match=r"there is no projection.sqlite"):
        upgrade.upgrade(tmp_path, apply=True)


def test_a_history_of_an_older_schema_goes_along_by_its_steps(tmp_path: Path, rules: pytest.MonkeyPatch) -> None:
    an_old_folder(tmp_path)
    use_rules(rules, NEW)
    rules.setattr(projection, "VERSION", projection.VERSION + 1)
    with pytest.raises(NotUpgradable, match=r"projection.sqlite is of version"):
        upgrade.upgrade(tmp_path, apply=False)
    steps = {projection.VERSION - 1: "ALTER TABLE fills ADD COLUMN net INTEGER NOT NULL DEFAULT -1"}
    rules.setattr(projection, "STEPS", MappingProxyType(steps))
    upgrade.upgrade(tmp_path, apply=True)
    arena = start(tmp_path)
    assert "projection.sqlite is of version" in arena.warnings[0]
    arena.close()
    with projection.connect(tmp_path / projection.FILE) as connection:
        assert connection.execute("SELECT DISTINCT net FROM fills").fetchall() == [(-1,)]
    connection.close()


def test_a_migration_that_changes_money_is_not_done(tmp_path: Path, rules: pytest.MonkeyPatch) -> None:
    an_old_folder(tmp_path)
    use_rules(rules, NEW)

    def lose(state: State) -> None:
        accounts = state.book.accounts
        accounts["credits_posted"][accounts["id"] > 0] += 1

    rules.setattr(migration, "STEPS", {OLD: lose})
    before = files(tmp_path)
    found = upgrade.upgrade(tmp_path, apply=True)
    assert not found.applied
    assert any("has other sums than before" in problem for problem in found.problems)
    assert files(tmp_path) == before


def test_half_a_base_is_none_and_is_cleared_away(tmp_path: Path, rules: pytest.MonkeyPatch) -> None:
    an_old_folder(tmp_path)
    use_rules(rules, NEW)
    upgrade.upgrade(tmp_path, apply=True)
    (whole,) = (tmp_path / "base").glob("snapshot-*")
    whole.rename(whole.with_name(f"{whole.name}.tmp"))  # as a crash before the last rename leaves it
    with pytest.raises(RulesDiffer, match="arena upgrade"):
        start(tmp_path)
    assert upgrade.upgrade(tmp_path, apply=True).applied
    assert sorted(path.suffix for path in (tmp_path / "base").iterdir()) == ["", ".sqlite"]
    start(tmp_path).close()


def test_two_bases_are_kept_and_the_newest_history(tmp_path: Path) -> None:
    arena = start(tmp_path)
    made = []
    for _ in range(3):
        appended = play(arena, 2)
        arena.close()
        arena = start(tmp_path)
        captured = capture(arena.machine.state, CopyBuffers(), appended, arena.log.log_id)
        made.append(base.make(arena.bases, captured, OLD, arena.projection_path).sequence)
    assert sorted(path.name for path in (tmp_path / "base").iterdir()) == [
        f"projection-{made[2]:012}.sqlite", f"snapshot-{made[1]:012}", f"snapshot-{made[2]:012}",
    ]  # fmt: skip
    arena.close()
