"""Specs of operators as the engine's commands: decimals become ticks, lots and units, names become numbers."""

from __future__ import annotations

from itertools import pairwise

from engine.model.commands import (
    ASSET_DECIMALS,
    Anchor,
    Asset,
    BonusAt,
    CreateGame,
    DefineInstrument,
    Directions,
    Execution,
    MarginBracket,
    SetOffer,
    SetReferrals,
    TotalDrawdown,
)
from engine.model.scale import MONEY_DECIMALS, NS_PER_MS, PPM, parse_decimal
from gateway.presenters.decimals import parse_percent
from gateway.presenters.hours import Windows, parse_hours
from gateway.protocol.games import GameSpec
from gateway.protocol.market import SYMBOL_RULE, InstrumentSpec, is_symbol
from gateway.protocol.shop import OfferSpec, ReferralTerms


class SpecError(ValueError):
    """A spec contradicts itself, or the arena; the message names the thing and the key."""


def define_instrument_of(spec: InstrumentSpec) -> DefineInstrument:
    """The command. Raises SpecError."""
    if not is_symbol(spec.symbol):
        raise SpecError(f"symbol: {spec.symbol[:40]!r} must be {SYMBOL_RULE}")
    tick_units = _units(spec.symbol, "tick_size", spec.tick_size)
    lot_units = _units(spec.symbol, "lot_size", spec.lot_size)
    return DefineInstrument(
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
    )


def create_game_of(spec: GameSpec) -> CreateGame:
    """The command. Raises SpecError."""
    return CreateGame(
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
    )


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
        raise SpecError(f"{owner}: {key}: must not be negative, not {text}")
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
        raise SpecError(f"{spec.symbol}: brackets: there must be at least one")
    caps = [_units(spec.symbol, "notional_cap", bracket.notional_cap) for bracket in spec.brackets[:-1]]
    if spec.brackets[-1].notional_cap:
        raise SpecError(f"{spec.symbol}: notional_cap: the last bracket has none")
    if any(low >= high for low, high in pairwise([0, *caps])):
        raise SpecError(f"{spec.symbol}: notional_cap: must rise from bracket to bracket")
    cums = [0]
    for cap, (below, above) in zip(caps, pairwise(spec.brackets), strict=True):
        step, rest = divmod(cap * (above.maintenance_ppm - below.maintenance_ppm), PPM)
        if rest:
            raise SpecError(f"{spec.symbol}: notional_cap: {cap} units do not divide into whole maintenance steps")
        cums.append(cums[-1] + step)
    return tuple(
        MarginBracket(cap, bracket.maintenance_ppm, bracket.max_leverage, cum)
        for cap, bracket, cum in zip([*caps, 0], spec.brackets, cums, strict=True)
    )


def _hours(spec: InstrumentSpec) -> Windows:
    try:
        return parse_hours(spec.hours)
    except ValueError as error:
        raise SpecError(f"{spec.symbol}: hours: {error}") from error


def _units(owner: str, key: str, text: str) -> int:
    return _positive(owner, key, text, MONEY_DECIMALS)


def _positive(owner: str, key: str, text: str, decimals: int) -> int:
    units = _parsed(owner, key, text, decimals)
    if units < 1:
        raise SpecError(f"{owner}: {key}: must be positive, not {text}")
    return units


def _parsed(owner: str, key: str, text: str, decimals: int) -> int:
    try:
        return parse_decimal(text, decimals)
    except ValueError as error:
        raise SpecError(f"{owner}: {key}: {error}") from error


def _ppm(owner: str, key: str, text: str, at_most: int = 100) -> int:
    try:
        ppm = parse_percent(text)
    except ValueError as error:
        raise SpecError(f"{owner}: {key}: {error}") from error
    if not 0 <= ppm <= parse_percent(str(at_most)):
        raise SpecError(f"{owner}: {key}: must be from 0 to {at_most} percent, not {text}")
    return ppm


def _count(owner: str, key: str, text: str, step: int) -> int:
    count, rest = divmod(_units(owner, key, text), step)
    if rest:
        raise SpecError(f"{owner}: {key}: {text} is not a whole number of steps")
    return count
