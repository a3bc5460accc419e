"""The configuration file, its errors, and the arena that it seeds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.commands import CreateGame, CreateMatch, DefineInstrument
from gateway.config import Config, ConfigError, load_config, parse_config
from gateway.seed import GAMES, INSTRUMENTS, BracketSeed, SeedError, seed_commands

CONFIG_FILE = Path(__file__).parent.parent / "config.toml"


def test_the_file_says_every_default() -> None:
    assert load_config(CONFIG_FILE) == Config()
    written = msgspec.toml.decode(CONFIG_FILE.read_text())
    for section in ("server", "data", "market", "limits"):
        assert set(written[section]) == set(getattr(Config(), section).__struct_fields__)
    for seed, seeds in (("instruments", INSTRUMENTS), ("games", GAMES)):
        assert all(set(entry) == set(seeds[0].__struct_fields__) for entry in written[seed])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[limits]\nframe_byte = 1", "limits"),
        ("[limits]\nframe_bytes = 0", "limits.frame_bytes"),
        ("[server]\nport = '80'", "server.port"),
        ("[[instruments]]\nsymbol = 'X'", "instruments[0]"),
        ("[limits", "TOML"),
    ],
)
def test_an_error_names_the_key(text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=r"arena\.toml") as caught:
        parse_config(text, "arena.toml")
    assert named in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        load_config(Path("nowhere.toml"))


def test_the_seed_is_in_the_units_of_the_engine() -> None:
    commands = list(seed_commands(INSTRUMENTS, GAMES))
    bitcoin = commands[0]
    assert isinstance(bitcoin, DefineInstrument)
    assert (bitcoin.tick_units, bitcoin.lot_units, bitcoin.min_lots, bitcoin.highest_price) == (10**6, 1000, 1, 10**8)
    cums = [bracket.maintenance_cum // 10**8 for bracket in bitcoin.brackets]
    assert cums == [0, 50, 950, 11_450, 131_450, 481_450, 2_981_450, 14_481_450]
    assert commands[-2:] == [
        CreateGame("Practice", GAMES[0].description, 10_000 * 10**8, 100, 125),
        CreateMatch(game=1, practice=True),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"tick_size": "0.01x"},
        {"tick_size": "0"},
        {"min_quantity": "0.000001"},
        {"fixed_min_stake": "0"},
        {"fixed_exposure_cap": "-1"},
        {"brackets": ()},
        {"brackets": (BracketSeed(1, 1, "5"), BracketSeed(1, 1, "4"), BracketSeed(1, 1))},
        {"brackets": (BracketSeed(1, 1, "5"),)},
    ],
)
def test_a_seed_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SeedError, match="BTCUSDT"):
        list(seed_commands([msgspec.structs.replace(INSTRUMENTS[0], **change)], ()))
