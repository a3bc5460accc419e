"""Specs of operators as the engine's commands: decimals become ticks, lots and units, names become numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from engine.model.bounds import (
    HIGHEST_BALANCE,
    HIGHEST_ENTRY_FEE,
    HIGHEST_FEE_PPM,
    HIGHEST_LEVERAGE,
    HIGHEST_MAINTENANCE_PPM,
    HIGHEST_PRICE_BOUND,
    HIGHEST_STAKE,
    LONGEST_FIXED_S,
    MOST_PLAYERS,
    MOST_POSITIONS,
    SHORTEST_FIXED_S,
)
from engine.model.commands import (
    ASSET_DECIMALS,
    Anchor,
    Asset,
    BonusAt,
    CreateGame,
    DefineInstrument,
    DefineZone,
    Directions,
    Execution,
    MarginBracket,
    SetOffer,
    SetReferrals,
    TotalDrawdown,
)
from engine.model.reasons import Reason
from engine.model.scale import BOUND, MONEY, MONEY_DECIMALS, NS_PER_MS, PPM, parse_decimal
from engine.model.tables import BRACKETS_PER_INSTRUMENT
from gateway.core.zones import UTC_NAME, moments_of
from gateway.presenters.decimals import asset_text, money_text, parse_percent
from gateway.presenters.hours import Windows, parse_hours, parse_time
from gateway.protocol.games import GameSpec
from gateway.protocol.market import SYMBOL_RULE, InstrumentSpec, is_symbol
from gateway.protocol.shop import OfferSpec, ReferralTerms


class SpecError(ValueError):
    """A spec contradicts itself, or the arena; the message names the thing and the key. `reason` is what the engine
    would refuse it with, if it would."""

    def __init__(self, message: str, key: str = "", reason: Reason | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.reason = reason


def define_instrument_of(spec: InstrumentSpec) -> DefineInstrument:
    """The command. Raises SpecError."""
    if not is_symbol(spec.symbol):
        raise SpecError(f"symbol: {spec.symbol[:40]!r} must be {SYMBOL_RULE}")
    tick_units = _units(spec.symbol, "tick_size", spec.tick_size)
    lot_units = _units(spec.symbol, "lot_size", spec.lot_size)
    defined = DefineInstrument(
        symbol=spec.symbol,
        name=spec.name,
        base=spec.base,
        quote=spec.quote,
        tick_units=tick_units,
        lot_units=lot_units,
        min_lots=_count(spec.symbol, "min_quantity", spec.min_quantity, lot_units),
        max_lots=_count(spec.symbol, "max_quantity", spec.max_quantity, lot_units),
        min_notional=_units(spec.symbol, "min_notional", spec.min_notional),
        highest_price=_count(spec.symbol, "highest_price", spec.highest_price, tick_units),
        max_leverage=spec.max_leverage,
        taker_fee_ppm=spec.taker_fee_ppm,
        maker_fee_ppm=spec.maker_fee_ppm,
        max_spread_ppm=spec.max_spread_ppm,
        markup_ticks=spec.markup_ticks,
        quote_lifetime_ns=spec.quote_lifetime_ms * NS_PER_MS,
        brackets=_brackets(spec),
        hours=_hours(spec),
        fixed_payout_percent=spec.fixed_payout_percent,
        fixed_min_stake=_units(spec.symbol, "fixed_min_stake", spec.fixed_min_stake),
        fixed_max_stake=_units(spec.symbol, "fixed_max_stake", spec.fixed_max_stake),
        fixed_min_s=spec.fixed_min_s,
        fixed_max_s=spec.fixed_max_s,
        fixed_exposure_cap=_amount(spec.symbol, "fixed_exposure_cap", spec.fixed_exposure_cap),
        fixed_wallets=spec.fixed_wallets,
        zone=_zone(spec.symbol, "zone", spec.zone),
    )
    _check_instrument(defined)
    return defined


def create_game_of(spec: GameSpec) -> CreateGame:
    """The command. Raises SpecError."""
    created = CreateGame(
        title=spec.title,
        description=spec.description,
        starting_balance=_units(spec.title, "starting_balance", spec.starting_balance),
        max_positions=spec.max_positions,
        max_leverage=spec.max_leverage,
        fees=spec.fees,
        execution=Execution(spec.execution),
        speed_bump_ms=spec.speed_bump_ms,
        allowed_symbols=spec.allowed_symbols,
        directions=Directions[spec.allowed_directions.upper()],
        max_trades_per_minute=spec.max_trades_per_minute,
        min_trades=spec.min_trades,
        min_hold_s=spec.min_hold_s,
        max_daily_drawdown_ppm=_ppm(spec.title, "max_daily_drawdown_pct", spec.max_daily_drawdown_pct),
        daily_anchor=Anchor[spec.daily_anchor.upper()],
        max_total_drawdown_ppm=_ppm(spec.title, "max_total_drawdown_pct", spec.max_total_drawdown_pct),
        total_drawdown=TotalDrawdown[spec.total_drawdown.upper()],
        max_loss_per_trade_ppm=_ppm(spec.title, "max_loss_per_trade_pct", spec.max_loss_per_trade_pct),
        loss_disqualifies=spec.loss_per_trade == "disqualify",
        profit_target_ppm=_ppm(spec.title, "profit_target_pct", spec.profit_target_pct, at_most=10_000),
        target_ends=spec.profit_target == "ends",
        min_players=spec.min_players,
        max_players=spec.max_players,
        countdown_s=spec.countdown_s,
        duration_s=spec.duration_s,
        ranks_by_trades=spec.ranks_by_trades,
        currency=spec.currency,
        reward_price=_game_money(spec, "reward_price", spec.reward_price),
        entry_fee=_game_money(spec, "entry_fee", spec.entry_fee),
        keeps_fees=spec.nobody_wins == "keep",
        house_fee_ppm=_ppm(spec.title, "house_fee_pct", spec.house_fee_pct),
        prize_split=spec.prize_split,
        queue_timeout_s=spec.queue_timeout_s,
        outage_s=spec.outage_s,
        outage_extends=spec.outage == "extend",
        cover=spec.cover,
        cup=spec.cup,
        win_exp=spec.win_exp,
        lose_exp=spec.lose_exp,
        item_rewards=tuple(sorted(spec.item_rewards.items())),
        allow_hedging=spec.allow_hedging,
        day_zone=_zone(spec.title, "day_zone", spec.day_zone),
        day_start_min=parse_time(spec.day_start),
    )
    _check_game(created)
    return created


def define_zones_of(names: Iterable[str]) -> Iterator[DefineZone]:
    """The commands that the zones of these names need, each once; UTC needs none. Raises SpecError."""
    for name in dict.fromkeys(names):
        if zone := _zone(name, "zone", name):
            yield DefineZone(zone, moments_of(zone))


def set_referrals_of(spec: ReferralTerms) -> SetReferrals:
    """The command. Raises SpecError."""
    return SetReferrals(
        spec.asset,
        native_units("referrals", "referrer_bonus", spec.referrer_bonus, spec.asset),
        native_units("referrals", "referred_bonus", spec.referred_bonus, spec.asset),
        BonusAt(spec.at),
        _ppm("referrals", "min_house_fee_pct", spec.min_house_fee_pct),
        spec.most_per_day,
    )


def set_offer_of(spec: OfferSpec) -> SetOffer:
    """The command. Raises SpecError."""
    return SetOffer(
        spec.item, spec.asset, native_units(spec.item, "price", spec.price, spec.asset), spec.active, spec.title
    )


def native_units(owner: str, key: str, text: str, asset: str) -> int:
    """Native units of the asset, none below 0. Raises SpecError."""
    units = _parsed(owner, key, text, ASSET_DECIMALS[Asset[asset]])
    if units < 0:
        raise SpecError(f"{owner}: {key}: must not be negative, not {text}", key)
    return units


def _game_money(spec: GameSpec, key: str, text: str) -> int:
    """Units of the game's currency, of virtual money if it has none; "0" is none."""
    if text == "0":
        return 0
    return _positive(spec.title, key, text, ASSET_DECIMALS[Asset[spec.currency]] if spec.currency else MONEY_DECIMALS)


def _amount(owner: str, key: str, text: str) -> int:
    """Money; "0" is none."""
    return 0 if text == "0" else _units(owner, key, text)


def _brackets(spec: InstrumentSpec) -> tuple[MarginBracket, ...]:
    """The margin table with cum_n = floor_n x (mmr_n - mmr_(n-1)) + cum_(n-1), so maintenance is continuous."""
    if not spec.brackets:
        raise SpecError(f"{spec.symbol}: brackets: there must be at least one", "brackets")
    caps = [_units(spec.symbol, "notional_cap", bracket.notional_cap) for bracket in spec.brackets[:-1]]
    if spec.brackets[-1].notional_cap:
        raise SpecError(f"{spec.symbol}: notional_cap: the last bracket has none", "notional_cap")
    if any(low >= high for low, high in pairwise([0, *caps])):
        raise SpecError(f"{spec.symbol}: notional_cap: must rise from bracket to bracket", "notional_cap")
    cums = [0]
    for cap, (below, above) in zip(caps, pairwise(spec.brackets), strict=True):
        step, rest = divmod(cap * (above.maintenance_ppm - below.maintenance_ppm), PPM)
        if rest:
            raise SpecError(
                f"{spec.symbol}: notional_cap: {cap} units do not divide into whole maintenance steps", "notional_cap"
            )
        cums.append(cums[-1] + step)
    return tuple(
        MarginBracket(cap, bracket.maintenance_ppm, bracket.max_leverage, cum)
        for cap, bracket, cum in zip([*caps, 0], spec.brackets, cums, strict=True)
    )


def _hours(spec: InstrumentSpec) -> Windows:
    try:
        return parse_hours(spec.hours)
    except ValueError as error:
        raise SpecError(f"{spec.symbol}: hours: {error}", "hours") from error


def _units(owner: str, key: str, text: str) -> int:
    return _positive(owner, key, text, MONEY_DECIMALS)


def _positive(owner: str, key: str, text: str, decimals: int) -> int:
    units = _parsed(owner, key, text, decimals)
    if units < 1:
        raise SpecError(f"{owner}: {key}: must be positive, not {text}", key)
    return units


def _parsed(owner: str, key: str, text: str, decimals: int) -> int:
    try:
        return parse_decimal(text, decimals)
    except ValueError as error:
        raise SpecError(f"{owner}: {key}: {error}", key) from error


def _ppm(owner: str, key: str, text: str, at_most: int = 100) -> int:
    try:
        ppm = parse_percent(text)
    except ValueError as error:
        raise SpecError(f"{owner}: {key}: {error}", key) from error
    if not 0 <= ppm <= parse_percent(str(at_most)):
        raise SpecError(f"{owner}: {key}: must be from 0 to {at_most} percent, not {text}", key)
    return ppm


def _zone(owner: str, key: str, name: str) -> str:
    """The zone as the engine calls it."""
    if name == UTC_NAME:
        return ""
    try:
        moments_of(name)
    except ValueError as error:
        raise SpecError(f"{owner}: {key}: {error}") from error
    return name


def _count(owner: str, key: str, text: str, step: int) -> int:
    count, rest = divmod(_units(owner, key, text), step)
    if rest:
        raise SpecError(f"{owner}: {key}: {text} is not a whole number of steps", key)
    return count


# Bounds that the engine holds: told here with the key, and in the units of the spec


class Bound(NamedTuple):
    key: str
    value: int
    lowest: int
    highest: int
    shown: Callable[[int], str] = str


def _check(owner: str, reason: Reason, bounds: Iterable[Bound]) -> None:
    """Raises SpecError for the first value that is out of its bounds."""
    for key, value, lowest, highest, shown in bounds:
        if not lowest <= value <= highest:
            problem = f"must be from {shown(lowest)} to {shown(highest)}, not {shown(value)}"
            raise SpecError(f"{owner}: {key}: {problem}", key.partition(" ")[0], reason)


def _check_instrument(data: DefineInstrument) -> None:
    value, rest = divmod(data.tick_units * data.lot_units, MONEY)
    if rest:
        problem = "tick_size x lot_size must be a whole number of 0.00000001"
        raise SpecError(f"{data.symbol}: lot_size: {problem}", "lot_size", Reason.INSTRUMENT_INVALID)
    price, quantity = (_steps_text(step) for step in (data.tick_units, data.lot_units))
    most_lots = BOUND // (data.highest_price * value)
    bounds = [
        Bound("highest_price", data.highest_price, 1, HIGHEST_PRICE_BOUND, price),
        Bound("max_quantity (with this highest_price)", data.max_lots, 1, most_lots, quantity),
        Bound("min_quantity", data.min_lots, 1, data.max_lots, quantity),
        Bound("min_notional", data.min_notional, 0, BOUND, money_text),
        Bound("max_leverage", data.max_leverage, 1, HIGHEST_LEVERAGE),
        Bound("taker_fee_ppm", data.taker_fee_ppm, 0, HIGHEST_FEE_PPM),
        Bound("maker_fee_ppm", data.maker_fee_ppm, 0, HIGHEST_FEE_PPM),
        Bound("max_spread_ppm", data.max_spread_ppm, 1, PPM),
        Bound("markup_ticks", data.markup_ticks, 0, HIGHEST_PRICE_BOUND),
        Bound("quote_lifetime_ms", data.quote_lifetime_ns, NS_PER_MS, BOUND, lambda ns: str(ns // NS_PER_MS)),
        Bound("brackets (how many)", len(data.brackets), 1, BRACKETS_PER_INSTRUMENT),
        *(Bound("maintenance_ppm", each.maintenance_ppm, 0, HIGHEST_MAINTENANCE_PPM) for each in data.brackets),
        *(Bound("max_leverage (of a bracket)", each.max_leverage, 1, HIGHEST_LEVERAGE) for each in data.brackets),
        *(Bound("notional_cap", each.notional_cap, 1, BOUND, money_text) for each in data.brackets[:-1]),
        Bound("fixed_min_s", data.fixed_min_s, SHORTEST_FIXED_S, LONGEST_FIXED_S),
        Bound("fixed_max_s", data.fixed_max_s, data.fixed_min_s, LONGEST_FIXED_S),
        Bound("fixed_exposure_cap", data.fixed_exposure_cap, 0, BOUND, money_text),
    ]
    if data.fixed_payout_percent:
        bounds += [
            Bound("fixed_max_stake", data.fixed_max_stake, 1, HIGHEST_STAKE, money_text),
            Bound("fixed_min_stake", data.fixed_min_stake, 1, data.fixed_max_stake, money_text),
        ]
    _check(data.symbol, Reason.INSTRUMENT_INVALID, bounds)


def _check_game(rules: CreateGame) -> None:
    asset = Asset[rules.currency] if rules.currency else 0

    def money(units: int) -> str:
        return asset_text(units, asset)

    bounds = [
        Bound("starting_balance", rules.starting_balance, 1, HIGHEST_BALANCE, money_text),
        Bound("max_positions", rules.max_positions, 1, MOST_POSITIONS),
        Bound("max_leverage", rules.max_leverage, 1, HIGHEST_LEVERAGE),
        Bound("reward_price", rules.reward_price, 0, HIGHEST_BALANCE, money),
        Bound("entry_fee", rules.entry_fee, 0, HIGHEST_ENTRY_FEE, money),
    ]
    if rules.max_players:
        bounds.append(Bound("max_players", rules.max_players, max(rules.min_players, 1), MOST_PLAYERS))
    if rules.prize_split:
        bounds.append(Bound("prize_split (its sum)", sum(rules.prize_split), 100, 100))
        bounds.append(Bound("reward_price (with a prize_split)", rules.reward_price, 0, 0, money))
    _check(rules.title, Reason.GAME_INVALID, bounds)


def _steps_text(step: int) -> Callable[[int], str]:
    return lambda count: money_text(count * step).rstrip("0").rstrip(".") or "0"
