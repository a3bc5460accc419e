"""A configuration that was edited after its arena was made: what differs is told, and applied by a command."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.model.commands import DefineInstrument
from engine.model.state import State
from gateway.cli.main import main
from gateway.core.config import Config, Data, Market, Server
from gateway.core.defaults import GAMES, INSTRUMENTS, GameSeed
from gateway.presenters.specs import SpecError
from gateway.process.app import App
from gateway.process.differences import apply_config, differences
from persistence.recovery import recover

BITCOIN, *OTHERS = INSTRUMENTS
PRACTICE, CHALLENGE = GAMES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An arena as the default configuration makes it."""
    apply_config(tmp_path / "data", Config(), dry_run=False)
    return tmp_path / "data"


def with_bitcoin(**changes: Any) -> Config:
    return Config(instruments=(replace(BITCOIN, **changes), *OTHERS))


def told(config: Config, folder: Path, *, dry_run: bool = True) -> dict[str, list[str]]:
    return {found.of: found.changes for found in apply_config(folder, config, dry_run=dry_run)}


def state_of(folder: Path) -> State:
    recovered = recover(folder)
    recovered.close()
    return recovered.machine.state


def sequence_of(folder: Path) -> int:
    return int(state_of(folder).book.world[0]["sequence"])


def test_an_arena_that_is_as_configured_differs_in_nothing(folder: Path) -> None:
    before = sequence_of(folder)
    assert told(Config(), folder, dry_run=False) == {}
    assert sequence_of(folder) == before


def test_what_was_edited_is_named_with_both_values_and_applied_on_demand(folder: Path) -> None:
    config = Config(
        instruments=(replace(BITCOIN, max_leverage=100, min_notional="10"), *OTHERS),
        games=(replace(PRACTICE, fees=False), replace(CHALLENGE, profit_target_pct="8"), GameSeed("Sprint")),
        offers=(replace(Config().offers[0], price="2.5"), Config().offers[1]),
        referrals=replace(Config().referrals, at="sign_up"),
    )
    expected = {
        "instrument BTCUSDT": ["max_leverage: 125 -> 100", 'min_notional: "5.00000000" -> "10.00000000"'],
        "game 'Practice'": ["fees: true -> false"],
        "game 'Challenge practice'": ['profit_target_pct: "10" -> "8"'],
        "game 'Sprint'": ["not there yet"],
        "offer GOLD_COIN": ['price: "1.000000" -> "2.500000"'],
        "referrals": ['at: "first_paid_match" -> "sign_up"'],
    }
    before = sequence_of(folder)
    assert {of: sorted(changes) for of, changes in told(config, folder).items()} == expected
    assert sequence_of(folder) == before

    assert told(config, folder, dry_run=False).keys() == expected.keys()
    assert told(config, folder) == {}
    cold = state_of(folder).cold
    assert cold.instruments[1].max_leverage == 100
    assert [(game.rules.title, len(game.versions)) for game in cold.games.values()] == [
        ("Practice", 2), ("Challenge practice", 2), ("Sprint", 1),
    ]  # fmt: skip
    assert [(match.game, match.practice) for match in cold.matches.values()] == [(1, True), (2, True), (3, True)]


def test_what_the_engine_refuses_leaves_all_as_it_was(folder: Path) -> None:
    config = replace(with_bitcoin(tick_size="0.1"), games=(replace(PRACTICE, fees=False), CHALLENGE))
    before = sequence_of(folder)
    with pytest.raises(SpecError, match="instrument BTCUSDT: the engine refuses it: INSTRUMENT_INVALID"):
        told(config, folder, dry_run=False)
    assert sequence_of(folder) == before
    assert state_of(folder).cold.games[1].rules.fees


def test_switches_and_what_only_the_arena_has_are_no_difference(folder: Path) -> None:
    state = state_of(folder)
    state.cold.instruments[1] = replace(state.cold.instruments[1], halted=True, locked=True)
    assert list(differences(state, Config(instruments=INSTRUMENTS[:2], games=GAMES[:1], offers=()))) == []
    (found,) = differences(state, with_bitcoin(max_leverage=50))
    (command,) = found.commands
    assert isinstance(command, DefineInstrument)
    assert (command.halted, command.locked) == (True, True)


def test_games_of_one_title_are_taken_in_their_order_and_deleted_ones_not_at_all(folder: Path) -> None:
    twins = (PRACTICE, replace(PRACTICE, fees=False))
    told(Config(games=(*twins, CHALLENGE)), folder, dry_run=False)
    state = state_of(folder)
    assert list(differences(state, Config(games=(*twins, CHALLENGE)))) == []
    state.cold.games[1].deleted = True
    assert [(found.of, found.changes) for found in differences(state, Config(games=twins))] == [
        ("game 'Practice'", ["fees: false -> true"]), ("game 'Practice'", ["not there yet"]),
    ]  # fmt: skip


def test_the_command_shows_first_and_does_it_when_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def says(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["arena", "config", "apply", "--config", str(path), *arguments])
        logging = structlog.get_config()
        with pytest.raises(SystemExit) as ended:
            main()
        structlog.configure(**logging)  # the command's is this test's captured output
        assert ended.value.code == 0
        return capsys.readouterr().out

    path = tmp_path / "arena.toml"
    path.write_text(f'data.directory = "{folder}"\n[referrals]\nat = "sign_up"\n')
    shown = 'referrals\n  at: "first_paid_match" -> "sign_up"\n'
    assert says() == shown + "nothing was changed: do it with --yes\n"
    assert json.loads(says("--json"))["differences"] == [
        {"of": "referrals", "changes": ['at: "first_paid_match" -> "sign_up"']}
    ]
    assert says("--yes") == shown + "done\n"
    assert says("--data", str(folder)) == "the arena is as the configuration says\n"


async def test_a_start_warns_and_names_the_command(folder: Path) -> None:
    config = replace(
        with_bitcoin(max_leverage=100),
        server=Server(port=0),
        data=Data(directory=str(folder)),
        market=Market(symbols=("BTCUSDT",)),
    )
    with capture_logs() as logged:
        await (await App.start(config)).stop()
    warnings = [entry for entry in logged if entry["event"] == "not as configured"]
    assert [(entry["of"], entry["changes"], entry["to_apply"]) for entry in warnings] == [
        ("instrument BTCUSDT", "max_leverage: 125 -> 100", "arena config apply")
    ]
