"""The instruments and games that an empty arena starts with, and the commands that create them.

They are used once, when the log is empty; afterwards the log is the truth and admin commands change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Annotated, Final, Literal

import msgspec

from engine.model.bounds import (
    HIGHEST_PAYOUT_PERCENT,
    LONGEST_BUMP_MS,
    LONGEST_COUNTDOWN_S,
    LONGEST_COVER,
    LONGEST_DESCRIPTION,
    LONGEST_MATCH_S,
    LONGEST_OUTAGE_S,
    LONGEST_QUEUE_S,
    LONGEST_TITLE,
    MOST_CUPS,
    MOST_ITEM_REWARDS,
    MOST_OF_AN_ITEM,
    MOST_PLAYERS,
)
from engine.model.commands import (
    ASSET_DECIMALS,
    Anchor,
    Asset,
    ColdCommand,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    Directions,
    Execution,
    MarginBracket,
    TotalDrawdown,
)
from engine.model.scale import MONEY_DECIMALS, NS_PER_MS, PPM, parse_decimal
from gateway.core.hours import Windows, parse_hours
from gateway.core.rules import AnchorName, DirectionsName, LossPerTrade, ProfitTarget, TotalDrawdownName, parse_percent

Ppm = Annotated[int, msgspec.Meta(ge=0, le=PPM)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Cups = Annotated[int, msgspec.Meta(ge=0, le=MOST_CUPS)]
Items = Annotated[
    dict[str, Annotated[int, msgspec.Meta(ge=1, le=MOST_OF_AN_ITEM)]], msgspec.Meta(max_length=MOST_ITEM_REWARDS)
]
"""How many of which, by the name of the asset."""


class SeedError(ValueError):
    """The seed data contradict themselves; the message names the symbol and the key."""


class BracketSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a margin table. The last one has no cap. The cumulative amounts follow from the steps."""

    maintenance_ppm: Ppm
    max_leverage: Count
    notional_cap: str = ""


class InstrumentSeed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instrument, its prices, quantities and money as decimal strings."""

    symbol: str
    name: str
    base: str
    tick_size: str
    lot_size: str
    min_quantity: str
    max_quantity: str
    highest_price: str
    max_leverage: Count
    brackets: tuple[BracketSeed, ...]
    quote: str = "USDT"
    min_notional: str = "5"
    taker_fee_ppm: Ppm = 500
    maker_fee_ppm: Ppm = 200
    max_spread_ppm: Ppm = 10_000
    markup_ticks: Annotated[int, msgspec.Meta(ge=0)] = 0
    quote_lifetime_ms: Count = 2_000
    hours: tuple[str, ...] = ()  # as gateway/hours.py reads them; none: always open
    fixed_payout_percent: Annotated[int, msgspec.Meta(ge=0, le=HIGHEST_PAYOUT_PERCENT)] = 80
    fixed_min_stake: str = "1"
    fixed_max_stake: str = "1000"
    fixed_min_s: Count = 5
    fixed_max_s: Count = 86_400
    fixed_exposure_cap: str = "1000000"
    fixed_wallets: tuple[Literal["DEMO", "USDT", "USDC"], ...] = ("DEMO",)


class GameData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A game.

    Percents are decimal strings, of the starting balance (of the entry fees: the house's); "0", 0 or nothing is no such
    rule.
    """

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TITLE)]
    description: Annotated[str, msgspec.Meta(max_length=LONGEST_DESCRIPTION)] = ""
    starting_balance: str = "10000"
    max_positions: Count = 100
    max_leverage: Count = 125
    fees: bool = True
    execution: Execution = Execution.LAST
    speed_bump_ms: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_BUMP_MS)] = 250
    allowed_symbols: tuple[str, ...] = ()
    allowed_directions: DirectionsName = "both"
    max_trades_per_minute: Annotated[int, msgspec.Meta(ge=0, le=60)] = 0
    min_trades: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    min_hold_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    max_daily_drawdown_pct: str = "0"
    daily_anchor: AnchorName = "balance"
    max_total_drawdown_pct: str = "0"
    total_drawdown: TotalDrawdownName = "static"
    max_loss_per_trade_pct: str = "0"
    loss_per_trade: LossPerTrade = "close"
    profit_target_pct: str = "0"
    profit_target: ProfitTarget = "locks"
    min_players: Annotated[int, msgspec.Meta(ge=0, le=MOST_PLAYERS)] = 0
    max_players: Annotated[int, msgspec.Meta(ge=0, le=MOST_PLAYERS)] = 0
    countdown_s: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_COUNTDOWN_S)] = 0
    duration_s: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_MATCH_S)] = 0
    currency: Literal["", "USDT", "USDC", "SOL", "BT", "DEMO"] = ""
    entry_fee: str = "0"
    reward_price: str = "0"
    house_fee_pct: str = "0"
    prize_split: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=100)], ...], msgspec.Meta(max_length=100)] = ()
    nobody_wins: Literal["refund", "keep"] = "refund"
    ranks_by_trades: bool = True
    queue_timeout_s: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_QUEUE_S)] = 300
    outage_s: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_OUTAGE_S)] = 60
    outage: Literal["void", "extend"] = "void"
    cover: Annotated[str, msgspec.Meta(max_length=LONGEST_COVER)] = ""
    cup: Cups = 0
    win_exp: Cups = 0
    lose_exp: Cups = 0
    item_rewards: Items = {}


class GameUpdate(GameData, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of a game anew: what is left out is as in a new one."""

    game: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class GameSeed(GameData, frozen=True, forbid_unknown_fields=True):
    """A game that is there from the start, and whether a practice match of it is open."""

    practice: bool = True


def seed_commands(instruments: Iterable[InstrumentSeed], games: Iterable[GameSeed]) -> Iterator[ColdCommand]:
    """What creates them, in order: instruments, then games (ids count from 1), each with its practice match."""
    symbols = set()
    for instrument in instruments:
        symbols.add(instrument.symbol)
        yield define_instrument_of(instrument)
    for game, seed in enumerate(games, start=1):
        for symbol in seed.allowed_symbols:
            if symbol not in symbols:
                raise SeedError(f"{seed.title}: allowed_symbols: there is no instrument {symbol}")
        yield create_game_of(seed)
        if seed.practice:
            yield CreateMatch(game=game, practice=True)


def define_instrument_of(seed: InstrumentSeed) -> DefineInstrument:
    """The command. Raises SeedError."""
    tick_units = _units(seed.symbol, "tick_size", seed.tick_size)
    lot_units = _units(seed.symbol, "lot_size", seed.lot_size)
    return DefineInstrument(
        symbol=seed.symbol,
        name=seed.name,
        base=seed.base,
        quote=seed.quote,
        tick_units=tick_units,
        lot_units=lot_units,
        min_lots=_count(seed.symbol, "min_quantity", seed.min_quantity, lot_units),
        max_lots=_count(seed.symbol, "max_quantity", seed.max_quantity, lot_units),
        min_notional=_units(seed.symbol, "min_notional", seed.min_notional),
        highest_price=_count(seed.symbol, "highest_price", seed.highest_price, tick_units),
        max_leverage=seed.max_leverage,
        taker_fee_ppm=seed.taker_fee_ppm,
        maker_fee_ppm=seed.maker_fee_ppm,
        max_spread_ppm=seed.max_spread_ppm,
        markup_ticks=seed.markup_ticks,
        quote_lifetime_ns=seed.quote_lifetime_ms * NS_PER_MS,
        brackets=_brackets(seed),
        hours=_hours(seed),
        fixed_payout_percent=seed.fixed_payout_percent,
        fixed_min_stake=_units(seed.symbol, "fixed_min_stake", seed.fixed_min_stake),
        fixed_max_stake=_units(seed.symbol, "fixed_max_stake", seed.fixed_max_stake),
        fixed_min_s=seed.fixed_min_s,
        fixed_max_s=seed.fixed_max_s,
        fixed_exposure_cap=_amount(seed.symbol, "fixed_exposure_cap", seed.fixed_exposure_cap),
        fixed_wallets=seed.fixed_wallets,
    )


def create_game_of(seed: GameData) -> CreateGame:
    """The command. Raises SeedError."""
    return CreateGame(
        title=seed.title,
        description=seed.description,
        starting_balance=_units(seed.title, "starting_balance", seed.starting_balance),
        max_positions=seed.max_positions,
        max_leverage=seed.max_leverage,
        fees=seed.fees,
        execution=seed.execution,
        speed_bump_ms=seed.speed_bump_ms,
        allowed_symbols=seed.allowed_symbols,
        directions=Directions[seed.allowed_directions.upper()],
        max_trades_per_minute=seed.max_trades_per_minute,
        min_trades=seed.min_trades,
        min_hold_s=seed.min_hold_s,
        max_daily_drawdown_ppm=_ppm(seed.title, "max_daily_drawdown_pct", seed.max_daily_drawdown_pct),
        daily_anchor=Anchor[seed.daily_anchor.upper()],
        max_total_drawdown_ppm=_ppm(seed.title, "max_total_drawdown_pct", seed.max_total_drawdown_pct),
        total_drawdown=TotalDrawdown[seed.total_drawdown.upper()],
        max_loss_per_trade_ppm=_ppm(seed.title, "max_loss_per_trade_pct", seed.max_loss_per_trade_pct),
        loss_disqualifies=seed.loss_per_trade == "disqualify",
        profit_target_ppm=_ppm(seed.title, "profit_target_pct", seed.profit_target_pct, at_most=10_000),
        target_ends=seed.profit_target == "ends",
        min_players=seed.min_players,
        max_players=seed.max_players,
        countdown_s=seed.countdown_s,
        duration_s=seed.duration_s,
        ranks_by_trades=seed.ranks_by_trades,
        currency=seed.currency,
        reward_price=_native(seed, "reward_price", seed.reward_price),
        entry_fee=_native(seed, "entry_fee", seed.entry_fee),
        keeps_fees=seed.nobody_wins == "keep",
        house_fee_ppm=_ppm(seed.title, "house_fee_pct", seed.house_fee_pct),
        prize_split=seed.prize_split,
        queue_timeout_s=seed.queue_timeout_s,
        outage_s=seed.outage_s,
        outage_extends=seed.outage == "extend",
        cover=seed.cover,
        cup=seed.cup,
        win_exp=seed.win_exp,
        lose_exp=seed.lose_exp,
        item_rewards=tuple(sorted(seed.item_rewards.items())),
    )


def _native(seed: GameData, key: str, text: str) -> int:
    """Units of the game's currency, of virtual money if it has none; "0" is none."""
    if not seed.currency or text == "0":
        return _amount(seed.title, key, text)
    try:
        units = parse_decimal(text, ASSET_DECIMALS[Asset[seed.currency]])
    except ValueError as error:
        raise SeedError(f"{seed.title}: {key}: {error}") from error
    if units < 1:
        raise SeedError(f"{seed.title}: {key}: must be positive, not {text}")
    return units


def _amount(owner: str, key: str, text: str) -> int:
    """Money; "0" is none."""
    return 0 if text == "0" else _units(owner, key, text)


def _brackets(seed: InstrumentSeed) -> tuple[MarginBracket, ...]:
    """The margin table with cum_n = floor_n x (mmr_n - mmr_(n-1)) + cum_(n-1), so maintenance is continuous."""
    if not seed.brackets:
        raise SeedError(f"{seed.symbol}: brackets: there must be at least one")
    caps = [_units(seed.symbol, "notional_cap", bracket.notional_cap) for bracket in seed.brackets[:-1]]
    if seed.brackets[-1].notional_cap:
        raise SeedError(f"{seed.symbol}: notional_cap: the last bracket has none")
    if any(low >= high for low, high in pairwise([0, *caps])):
        raise SeedError(f"{seed.symbol}: notional_cap: must rise from bracket to bracket")
    cums = [0]
    for cap, (below, above) in zip(caps, pairwise(seed.brackets), strict=True):
        step, rest = divmod(cap * (above.maintenance_ppm - below.maintenance_ppm), PPM)
        if rest:
            raise SeedError(f"{seed.symbol}: notional_cap: {cap} units do not divide into whole maintenance steps")
        cums.append(cums[-1] + step)
    return tuple(
        MarginBracket(cap, bracket.maintenance_ppm, bracket.max_leverage, cum)
        for cap, bracket, cum in zip([*caps, 0], seed.brackets, cums, strict=True)
    )


def _hours(seed: InstrumentSeed) -> Windows:
    try:
        return parse_hours(seed.hours)
    except ValueError as error:
        raise SeedError(f"{seed.symbol}: hours: {error}") from error


def _units(owner: str, key: str, text: str) -> int:
    try:
        units = parse_decimal(text, MONEY_DECIMALS)
    except ValueError as error:
        raise SeedError(f"{owner}: {key}: {error}") from error
    if units < 1:
        raise SeedError(f"{owner}: {key}: must be positive, not {text}")
    return units


def _ppm(owner: str, key: str, text: str, at_most: int = 100) -> int:
    try:
        ppm = parse_percent(text)
    except ValueError as error:
        raise SeedError(f"{owner}: {key}: {error}") from error
    if not 0 <= ppm <= parse_percent(str(at_most)):
        raise SeedError(f"{owner}: {key}: must be from 0 to {at_most} percent, not {text}")
    return ppm


def _count(owner: str, key: str, text: str, step: int) -> int:
    count, rest = divmod(_units(owner, key, text), step)
    if rest:
        raise SeedError(f"{owner}: {key}: {text} is not a whole number of steps")
    return count


_MAJOR: Final = (  # BTCUSDT and ETHUSDT on Binance USD-M futures, October 2024
    BracketSeed(4_000, 125, "50000"),
    BracketSeed(5_000, 100, "600000"),
    BracketSeed(6_500, 75, "3000000"),
    BracketSeed(10_000, 50, "12000000"),
    BracketSeed(20_000, 25, "70000000"),
    BracketSeed(25_000, 20, "100000000"),
    BracketSeed(50_000, 10, "230000000"),
    BracketSeed(100_000, 5),
)
_MINOR: Final = (
    BracketSeed(5_000, 75, "20000"),
    BracketSeed(6_500, 50, "100000"),
    BracketSeed(10_000, 40, "500000"),
    BracketSeed(20_000, 25, "2000000"),
    BracketSeed(50_000, 10, "10000000"),
    BracketSeed(100_000, 5, "20000000"),
    BracketSeed(125_000, 4),
)

INSTRUMENTS: Final = (
    InstrumentSeed("BTCUSDT", "Bitcoin", "BTC", "0.01", "0.00001", "0.00001", "1000", "1000000", 125, _MAJOR),
    InstrumentSeed("ETHUSDT", "Ethereum", "ETH", "0.01", "0.0001", "0.0001", "10000", "100000", 125, _MAJOR),
    InstrumentSeed("SOLUSDT", "Solana", "SOL", "0.01", "0.001", "0.001", "100000", "10000", 75, _MINOR),
    InstrumentSeed("BNBUSDT", "BNB", "BNB", "0.01", "0.001", "0.001", "100000", "10000", 75, _MINOR),
    InstrumentSeed("XRPUSDT", "XRP", "XRP", "0.0001", "0.1", "0.1", "10000000", "1000", 75, _MINOR),
)
GAMES: Final = (
    GameSeed("Practice", "Trade with play money against live prices, for as long as you like."),
    GameSeed(
        "Challenge practice",
        "Make 10 % without losing 5 % in a day or 10 % in all; start over whenever you like.",
        max_leverage=50,
        execution=Execution.NEXT,
        max_trades_per_minute=10,
        max_daily_drawdown_pct="5",
        max_total_drawdown_pct="10",
        total_drawdown="trailing_lock",
        profit_target_pct="10",
    ),
)
