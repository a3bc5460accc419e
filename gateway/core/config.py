"""The configuration: every key, its unit in its name, its default here. config.toml explains them and repeats them.

Unknown keys are refused, so a typo is an error and not a default. Money and prices are decimal strings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from engine.model.bounds import KEYS_IN_ALL, KEYS_PER_PLAYER, MOST_KEYS
from engine.model.commands import ASSET_DECIMALS, Asset
from engine.model.scale import parse_decimal
from gateway.core.defaults import GAMES, INSTRUMENTS, OFFERS, GameSeed, OfferSeed, ReferralSeed
from gateway.core.limits import is_this_machine
from gateway.protocol.market import SYMBOL_RULE, InstrumentSpec, Ppm, is_symbol
from gateway.protocol.problems import sentence_of

DemoGrant = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,8})?\Z")]
Positive = Annotated[int, msgspec.Meta(ge=1)]
LAST_PORT: Final = 65_535
PositiveSeconds = Annotated[float, msgspec.Meta(gt=0)]


class ConfigError(Exception):
    """The configuration cannot be used; the message names file, key and what is wrong."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Server(_Section, frozen=True):
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=LAST_PORT)] = 8080
    development: bool = True
    public_development: bool = False
    allow_guests: bool = True
    allowed_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    token_lifetime_s: Positive = 86_400
    token_grace_s: Annotated[int, msgspec.Meta(ge=0)] = 604_800
    shutdown_s: PositiveSeconds = 5.0
    compat: tuple[Literal["100xness", "game-wallet"], ...] = ()
    operators_listen: Annotated[str, msgspec.Meta(pattern=r"^(\S+:[0-9]{1,5})?\Z")] = ""

    def __post_init__(self) -> None:
        networks_of(self.trusted_proxies)
        if self.operators_listen and self.operators_address()[1] > LAST_PORT:
            raise ValueError(f"operators_listen: ports end at {LAST_PORT}")

    def operators_address(self) -> tuple[str, int]:
        """Host and port of the listener for operators."""
        host, _, port = self.operators_listen.rpartition(":")
        return host.strip("[]"), int(port)


def networks_of(names: Iterable[str]) -> list[IPv4Network | IPv6Network]:
    """The networks, or single addresses, of those names. Raises ValueError."""
    try:
        return [ip_network(name) for name in names]
    except ValueError as error:
        raise ValueError(f"trusted_proxies: {error}: name addresses, or networks such as 172.18.0.0/16") from error


class Data(_Section, frozen=True):
    directory: str = "data"
    snapshot_every_s: PositiveSeconds = 300.0
    snapshot_every_commands: Positive = 1_000_000
    compress_log: bool = True
    prune_log_every_days: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    keep_second_candles_s: Annotated[int, msgspec.Meta(ge=0)] = 172_800
    clock_behind_s: PositiveSeconds = 5.0
    clock_ahead_s: PositiveSeconds = 86_400.0
    accept_clock: bool = False


class Market(_Section, frozen=True):
    source: str = "simulated"
    stream_url: str = "wss://stream.binance.com:9443"
    rest_url: str = "https://api.binance.com"
    symbols: tuple[str, ...] = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT")
    speed: PositiveSeconds = 1.0
    loop: bool = True
    seed: int = 1
    silence_s: PositiveSeconds = 10.0
    symbol_silence_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    min_top_notional: str = "100"
    jump_ppm: Ppm = 200_000
    jump_ppm_of: dict[str, Ppm] = {}
    confirm_every_ms: Positive = 500

    def __post_init__(self) -> None:
        """Symbols are capital letters on every exchange, so those in small ones can only be meant so."""
        symbols = tuple(dict.fromkeys(symbol.upper() for symbol in self.symbols))
        jump_ppm_of = {symbol.upper(): ppm for symbol, ppm in self.jump_ppm_of.items()}
        for key, names in (("symbols", symbols), ("jump_ppm_of", jump_ppm_of)):
            for symbol in names:
                if not is_symbol(symbol):
                    raise ValueError(f"{key}: {symbol!r} must be {SYMBOL_RULE}")
        if not symbols:
            raise ValueError("symbols: name at least one")
        msgspec.structs.force_setattr(self, "symbols", symbols)
        msgspec.structs.force_setattr(self, "jump_ppm_of", jump_ppm_of)


class Limits(_Section, frozen=True):
    frame_bytes: Positive = 16_384
    frame_bytes_before_auth: Positive = 4_096
    messages_per_s: Positive = 20
    messages_burst: Positive = 40
    player_messages_per_s: Positive = 50
    player_messages_burst: Positive = 100
    refusals_before_close: Positive = 100
    connections_per_address: Positive = 20
    bare_connections_per_address: Positive = 20
    handshakes_per_address_per_minute: Positive = 100
    connections_per_player: Positive = 5
    channels_per_connection: Positive = 64
    resume_messages: Positive = 1_000
    resume_kept: Annotated[int, msgspec.Meta(ge=1, le=2**24)] = 262_144
    guests_per_address_per_minute: Positive = 30
    requests_per_address_per_s: Positive = 50
    wrong_codes_per_minute: Positive = 10
    request_within_s: PositiveSeconds = 10.0
    leave_queues_after_s: PositiveSeconds = 10.0
    auth_within_s: PositiveSeconds = 5.0
    ping_every_s: PositiveSeconds = 15.0
    silence_s: PositiveSeconds = 45.0
    slow_bytes: Positive = 65_536
    hard_bytes: Positive = 1_048_576
    slow_patience_s: PositiveSeconds = 5.0
    send_buffer_bytes: Positive = 131_072
    inbox_commands: Positive = 16_384
    batch_commands: Annotated[int, msgspec.Meta(ge=1, le=16_384)] = 4_096
    quote_gather_ms: Annotated[int, msgspec.Meta(ge=0)] = 10
    refuse_opens_after_ms: Positive = 20
    refuse_most_after_ms: Positive = 100
    candle_every_ms: Positive = 250
    board_every_ms: Positive = 1_000
    ticker_every_ms: Positive = 1_000
    board_rows: Positive = 100
    keys_per_player: Annotated[int, msgspec.Meta(ge=1, le=MOST_KEYS)] = KEYS_PER_PLAYER
    keys_in_all: Annotated[int, msgspec.Meta(ge=1, le=MOST_KEYS)] = KEYS_IN_ALL


class Players(_Section, frozen=True):
    """Demo money at sign-up, and the most that top-ups may bring where they are allowed."""

    demo_grant: DemoGrant = "10000"
    top_up_most: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}\Z")] = "100000"

    def demo_units(self) -> int:
        """The grant in native units; the pattern leaves nothing that could not be."""
        return parse_decimal(self.demo_grant, ASSET_DECIMALS[Asset.DEMO])

    def most_units(self, asset: Asset) -> int:
        """The most that may have come in with a top-up, in native units of the asset; 0: any."""
        return int(self.top_up_most) * int(10 ** ASSET_DECIMALS[asset])


class Identity(_Section, frozen=True):
    """Accounts: who may sign up, how long sessions last, and what guessing costs."""

    sign_up: bool = True
    sign_up_needs_code: bool = True
    passkey_domain: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.-]*\Z")] = ""
    passkey_origins: tuple[str, ...] = ()
    youngest_age: Annotated[int, msgspec.Meta(ge=0, le=120)] = 0
    countries: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")], ...] = ()
    countries_refused: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")], ...] = ()
    access_token_s: Annotated[int, msgspec.Meta(ge=10)] = 900
    refresh_token_s: Annotated[int, msgspec.Meta(ge=60)] = 2_592_000
    code_s: Annotated[int, msgspec.Meta(ge=60, le=86_400)] = 600
    codes_per_address_per_hour: Positive = 5
    sign_ups_per_address_per_hour: Positive = 20
    tries_of_account: Positive = 5
    tries_of_address: Positive = 30
    longest_wait_s: PositiveSeconds = 900.0
    password_memory_kib: Annotated[int, msgspec.Meta(ge=8, le=4_194_304)] = 65_536
    password_rounds: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3

    def __post_init__(self) -> None:
        if self.passkey_domain and not self.passkey_origins:
            raise ValueError("passkey_origins: name the pages that may use passkeys of passkey_domain")


class Keys(_Section, frozen=True):
    """API keys, and the players whom an owner has beside himself."""

    keys_per_user: Positive = 20
    per_minute: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1_200
    partner_per_minute: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 6_000
    sub_accounts_per_player: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 5
    users_per_partner: Annotated[int, msgspec.Meta(ge=0)] = 100_000
    write_usage_every_s: PositiveSeconds = 10.0


class Mail(_Section, frozen=True):
    """The server that takes letters; without a host they are printed in development, and else there are none."""

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=LAST_PORT)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    sender: str = "arena@localhost"
    timeout_s: PositiveSeconds = 10.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^\r\n]*[^\s@<]+@[^\s@>]+>?", self.sender):
            raise ValueError(f"sender: {self.sender!r} is no address")


class Compat(_Section, frozen=True):
    """What the compatibility routes need to know, if `server.compat` names them."""

    trading_match: Positive = 1
    wallet_asset: Literal["USDT", "USDC", "SOL", "BT", "DEMO"] = "BT"


class Config(_Section, frozen=True):
    server: Server = Server()
    data: Data = Data()
    market: Market = Market()
    limits: Limits = Limits()
    instruments: tuple[InstrumentSpec, ...] = INSTRUMENTS
    games: tuple[GameSeed, ...] = GAMES
    players: Players = Players()
    identity: Identity = Identity()
    keys: Keys = Keys()
    mail: Mail = Mail()
    compat: Compat = Compat()
    referrals: ReferralSeed = ReferralSeed()
    offers: tuple[OfferSeed, ...] = OFFERS


def check_development(server: Server) -> None:
    """Raises ConfigError when others could reach an arena for development, where anybody makes money of nothing."""
    if not server.development or server.public_development:
        return
    reached = ""
    if server.host != "localhost" and not is_this_machine(server.host):
        reached = f"server.host is {server.host!r}, which others can reach"
    elif server.trusted_proxies:
        reached = "server.trusted_proxies names a proxy, through which others can reach it"
    if reached:
        raise ConfigError(
            f"server.development: anybody may make money of nothing in it, and {reached}. Set server.development to"
            " false; or, if it is meant to be so, server.public_development to true"
        )


def parse_config(text: str, name: str = "config.toml") -> Config:
    """The configuration that the TOML text says. Raises ConfigError."""
    try:
        return msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {sentence_of(error, Config, tomllib.loads(text))}") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{name}: not TOML: {error}") from error


def load_config(path: Path) -> Config:
    """The configuration in the file. Raises ConfigError, also when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    return parse_config(text, str(path))
