"""The configuration file, its errors, and the arena that it seeds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.model.commands import (
    Anchor,
    BonusAt,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    DefineZone,
    Directions,
    Execution,
    FundReferrals,
    SetOffer,
    SetReferrals,
    StockStore,
    TotalDrawdown,
)
from gateway.core.config import Config, ConfigError, Server, check_development, load_config, parse_config
from gateway.core.defaults import GAMES, INSTRUMENTS, OFFERS, GameSeed, OfferSeed, ReferralSeed
from gateway.presenters.decimals import parse_percent, percent_text
from gateway.presenters.specs import SpecError
from gateway.process.seed import house_commands, seed_commands
from gateway.protocol.market import BracketSpec

CONFIG_FILE = Path(__file__).parents[3] / "config.toml"


def test_the_file_says_every_default() -> None:
    assert load_config(CONFIG_FILE) == Config()
    written = msgspec.toml.decode(CONFIG_FILE.read_text())
    for section in ("server", "data", "market", "limits", "players", "identity", "mail", "referrals"):
        assert set(written[section]) == set(getattr(Config(), section).__struct_fields__)
    for seed, seeds in (("instruments", INSTRUMENTS), ("games", GAMES), ("offers", OFFERS)):
        # What is "not said" by default has no value in TOML: it stands there as a comment.
        unsaid = {field.name for field in msgspec.structs.fields(seeds[0]) if field.default is None}
        assert all(f"\n# {name} = " in CONFIG_FILE.read_text() for name in unsaid)
        assert all(set(entry) == set(seeds[0].__struct_fields__) - unsaid for entry in written[seed])


def test_symbols_of_the_market_are_capital_letters_and_named_once() -> None:
    config = parse_config("[market]\nsymbols = ['btcusdt', 'BTCUSDT', 'EthUsdt']")
    assert config.market.symbols == ("BTCUSDT", "ETHUSDT")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            "[limits]\nframe_byte = 1",
            "limits.frame_byte: there is no such key; there are frame_bytes, frame_bytes_before_",
        ),
        ("[limits]\nframe_bytes = 0", "limits.frame_bytes: must be at least 1, not 0"),
        ("[server]\nport = '80'", "server.port"),
        ("[[instruments]]\nsymbol = 'X'", "instruments[0]"),
        ("[server]\noperators_listen = '9090'", "server.operators_listen"),
        ("[server]\noperators_listen = '127.0.0.1:99999'", "operators_listen: ports end at 65535"),
        ("[limits", "TOML"),
        ("[players]\ndemo_grant = '-1'", "players.demo_grant"),
        ("[players]\ndemo_grant = '0.000000001'", "players.demo_grant"),
        ("[players]\ntop_up_most = '0.5'", "players.top_up_most"),
        ("[referrals]\nat = 'never'", "referrals.at: must be one of "),
        ("[[offers]]\nitem = 'SWORD'\nprice = '1'", "offers[0].item"),
        ("[market]\njump_ppm_of = { BTCUSDT = 1000001 }", "market.jump_ppm_of"),
        ("[market]\njump_ppm_of = { 'BRK.B' = 1 }", "market: jump_ppm_of: 'BRK.B' must be 1 to 32 capital letters"),
        ("[market]\nsymbols = []", "market: symbols: name at least one"),
        ("[market]\nsymbols = ['BTCUSDT', 'BTC/USDT']", "market: symbols: 'BTC/USDT' must be 1 to 32 capital letters"),
    ],
)
def test_an_error_names_the_key(text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=r"arena\.toml") as caught:
        parse_config(text, "arena.toml")
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "server",
    [
        Server(),
        Server(host="localhost"),
        Server(host="127.0.0.2"),
        Server(host="::1"),
        Server(host="0.0.0.0", development=False),
        Server(host="0.0.0.0", public_development=True),
        Server(trusted_proxies=("127.0.0.1",), development=False),
    ],
)
def test_an_arena_starts_for_this_machine_or_not_in_development_or_when_it_is_said(server: Server) -> None:
    check_development(server)


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
    assert commands[-4:] == [
        CreateGame("Practice", GAMES[0].description, 10_000 * 10**8, 100, 125),
        CreateMatch(game=1, practice=True),
        CreateGame(
            "Challenge practice",
            GAMES[1].description,
            10_000 * 10**8,
            100,
            50,
            execution=Execution.NEXT,
            max_trades_per_minute=10,
            max_daily_drawdown_ppm=50_000,
            max_total_drawdown_ppm=100_000,
            total_drawdown=TotalDrawdown.TRAILING_LOCK,
            profit_target_ppm=100_000,
        ),
        CreateMatch(game=2, practice=True),
    ]


def test_zones_are_told_before_what_needs_them_and_each_once() -> None:
    instruments = [msgspec.structs.replace(each, zone="America/New_York") for each in INSTRUMENTS[:2]]
    games = [GameSeed("Game", day_zone=zone) for zone in ("America/New_York", "Asia/Tokyo", "UTC")]
    commands = list(seed_commands(instruments, games))
    zones = [command for command in commands if isinstance(command, DefineZone)]
    assert commands[:2] == zones
    assert [zone.name for zone in zones] == ["America/New_York", "Asia/Tokyo"]
    assert [command.zone for command in commands if isinstance(command, DefineInstrument)] == ["America/New_York"] * 2


def test_every_challenge_rule_can_be_seeded() -> None:
    game = GameSeed(
        "Strict",
        starting_balance="100",
        practice=False,
        allowed_symbols=("ETHUSDT",),
        allowed_directions="short_only",
        max_trades_per_minute=1,
        min_trades=2,
        min_hold_s=3,
        max_daily_drawdown_pct="2.5",
        daily_anchor="higher",
        max_total_drawdown_pct="100",
        total_drawdown="trailing",
        max_loss_per_trade_pct="0.0001",
        loss_per_trade="disqualify",
        profit_target_pct="250",
        profit_target="ends",
        cover="strict.png",
        cup=10,
        win_exp=20,
        lose_exp=5,
        item_rewards={"TREASURE_BOX": 1, "GOLD_COIN": 2},
    )
    assert list(seed_commands(INSTRUMENTS, [game]))[-1] == CreateGame(
        "Strict",
        "",
        100 * 10**8,
        100,
        125,
        allowed_symbols=("ETHUSDT",),
        directions=Directions.SHORT_ONLY,
        max_trades_per_minute=1,
        min_trades=2,
        min_hold_s=3,
        max_daily_drawdown_ppm=25_000,
        daily_anchor=Anchor.HIGHER,
        max_total_drawdown_ppm=1_000_000,
        total_drawdown=TotalDrawdown.TRAILING,
        max_loss_per_trade_ppm=1,
        loss_disqualifies=True,
        profit_target_ppm=2_500_000,
        target_ends=True,
        cover="strict.png",
        cup=10,
        win_exp=20,
        lose_exp=5,
        item_rewards=(("GOLD_COIN", 2), ("TREASURE_BOX", 1)),
    )


@pytest.mark.parametrize("text", ["0", "5", "2.5", "0.0001", "100", "10", "12.0625"])
def test_percents_come_back_as_they_were_written(text: str) -> None:
    assert percent_text(parse_percent(text)) == text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"allowed_symbols": ("BTCUSDT", "DOGEUSDT")}, "allowed_symbols.*DOGEUSDT"),
        ({"max_daily_drawdown_pct": "5 %"}, "max_daily_drawdown_pct"),
        ({"max_daily_drawdown_pct": "0.00001"}, "max_daily_drawdown_pct"),
        ({"max_total_drawdown_pct": "101"}, "max_total_drawdown_pct.*100"),
        ({"max_loss_per_trade_pct": "-1"}, "max_loss_per_trade_pct.*-1"),
        ({"profit_target_pct": "10001"}, "profit_target_pct.*10000"),
    ],
)
def test_a_challenge_that_makes_no_sense_is_refused(change: dict[str, object], named: str) -> None:
    with pytest.raises(SpecError, match=f"Practice: {named}"):
        list(seed_commands(INSTRUMENTS, [msgspec.structs.replace(GAMES[0], **change)]))


@pytest.mark.parametrize(
    "change",
    [
        {"tick_size": "0.01x"},
        {"tick_size": "0"},
        {"min_quantity": "0.000001"},
        {"fixed_min_stake": "0"},
        {"fixed_exposure_cap": "-1"},
        {"brackets": ()},
        {"brackets": (BracketSpec(1, 1, "5"), BracketSpec(1, 1, "4"), BracketSpec(1, 1))},
        {"brackets": (BracketSpec(1, 1, "5"),)},
        {"hours": ("mon 00:00 - fri",)},
        {"hours": ("mon 00:00 - fri 22:00", "wed 12:00 - wed 13:00")},
    ],
)
def test_a_seed_that_contradicts_itself_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="BTCUSDT"):
        list(seed_commands([msgspec.structs.replace(INSTRUMENTS[0], **change)], ()))


def test_the_house_is_in_the_units_of_its_assets() -> None:
    referrals = ReferralSeed("SOL", "0.5", "0", "sign_up", "2.5", 3, funds="10")
    offers = [OfferSeed("GOLD_COIN", "2.5", "USDT", "A coin", stock=3), OfferSeed("TREASURE_BOX", "1", active=False)]
    assert list(house_commands(referrals, offers)) == [
        SetReferrals("SOL", 5 * 10**8, 0, BonusAt.SIGN_UP, 25_000, 3),
        FundReferrals("SOL", 10**10),
        SetOffer("GOLD_COIN", "USDT", 2_500_000, True, "A coin"),
        StockStore("GOLD_COIN", 3),
        SetOffer("TREASURE_BOX", "BT", 10**6, False, ""),
    ]


@pytest.mark.parametrize(
    ("seed", "named"),
    [
        (ReferralSeed(referrer_bonus="-1"), "referrals: referrer_bonus"),
        (ReferralSeed(asset="GOLD_COIN", referred_bonus="0.5"), "referrals: referred_bonus"),
        (ReferralSeed(funds="x"), "referrals: funds"),
        (ReferralSeed(min_house_fee_pct="101"), "referrals: min_house_fee_pct"),
    ],
)
def test_bonuses_that_make_no_sense_are_refused(seed: ReferralSeed, named: str) -> None:
    with pytest.raises(SpecError, match=named):
        list(house_commands(seed, ()))


def test_a_price_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(SpecError, match="GOLD_COIN: price"):
        list(house_commands(ReferralSeed(), [OfferSeed("GOLD_COIN", "0.0000001")]))


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9090", ("127.0.0.1", 9090)), ("[::1]:0", ("::1", 0)), ("metrics.local:80", ("metrics.local", 80))],
)
def test_where_operators_are_listened_to(text: str, address: tuple[str, int]) -> None:
    assert parse_config(f"[server]\noperators_listen = '{text}'").server.operators_address() == address
