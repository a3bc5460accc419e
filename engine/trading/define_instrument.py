"""The command that defines an instrument, with bounds so that price x lots x value always fits an int64."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from engine.model.bounds import (
    HIGHEST_FEE_PPM,
    HIGHEST_LEVERAGE,
    HIGHEST_MAINTENANCE_PPM,
    HIGHEST_PAYOUT_PERCENT,
    HIGHEST_PRICE_BOUND,
    HIGHEST_STAKE,
    HOURS_PER_INSTRUMENT,
    LONGEST_FIXED_S,
    SHORTEST_FIXED_S,
)
from engine.model.commands import STAKE_ASSETS, DefineInstrument
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import BOUND, MINUTES_PER_WEEK, MONEY, PPM
from engine.model.state import State
from engine.model.tables import BRACKETS_PER_INSTRUMENT
from engine.storage.capacity import ensure_capacity_for_instrument
from engine.storage.emit import Emit
from engine.storage.zones import zone_named
from engine.trading.positions import update_liquidation_prices

MOST_INSTRUMENTS = 32_767
"""An outcome has 16 bits for the id."""


def define_instrument(state: State, command: DefineInstrument, emit: Emit) -> tuple[Reason, int]:
    """Create an instrument, or change the one with this symbol; returns its id.

    Tick, lot and quote currency of an existing instrument cannot change: open positions are stated in them.
    """
    if not _within_bounds(command):
        return Reason.INSTRUMENT_INVALID, 0
    known = next((i for i, other in state.cold.instruments.items() if other.symbol == command.symbol), 0)
    if not known and len(state.cold.instruments) == MOST_INSTRUMENTS:
        return Reason.INSTRUMENT_INVALID, 0
    if known and _units(state.cold.instruments[known]) != _units(command):
        return Reason.INSTRUMENT_INVALID, 0
    if known and _largest(state, known) * command.highest_price * _value(command) > BOUND:
        return Reason.INSTRUMENT_INVALID, 0

    zone = zone_named(state, command.zone)
    if zone is None:
        return Reason.ZONE_NOT_FOUND, 0

    ensure_capacity_for_instrument(state)
    book = state.book
    if not known:
        book.world[0]["instruments"] += 1
    row = known or int(book.world[0]["instruments"])
    state.cold.instruments[row] = command
    instrument = book.instruments[row]
    instrument["value"] = _value(command)
    for field in (
        "min_lots", "max_lots", "min_notional", "highest_price", "max_leverage", "taker_fee_ppm", "maker_fee_ppm",
        "max_spread_ppm", "markup_ticks", "quote_lifetime_ns", "enabled", "locked", "halted", "close_only",
        "fixed_payout_percent", "fixed_min_stake", "fixed_max_stake", "fixed_min_s", "fixed_max_s",
        "fixed_exposure_cap",
    ):  # fmt: skip
        instrument[field] = getattr(command, field)
    instrument["fixed_wallets"] = sum(1 << asset for asset in STAKE_ASSETS if asset.name in command.fixed_wallets)
    instrument["brackets"] = len(command.brackets)
    for number, bracket in enumerate(command.brackets):
        last = number == len(command.brackets) - 1
        book.brackets[row * BRACKETS_PER_INSTRUMENT + number] = (
            BOUND if last else bracket.notional_cap,
            bracket.maintenance_ppm,
            bracket.max_leverage,
            bracket.maintenance_cum,
        )
    instrument["zone"] = zone
    instrument["hours"] = len(command.hours)
    for number, window in enumerate(command.hours):
        book.hours[row * HOURS_PER_INSTRUMENT + number] = window
    if not known:
        book.quotes[row]["source_sequence"] = -1
    if known:
        update_liquidation_prices(book, known)
    emit(EventKind.INSTRUMENT_CHANGED, instrument=row)
    return Reason.ACCEPTED, row


def _value(command: DefineInstrument) -> int:
    return command.tick_units * command.lot_units // MONEY


def _largest(state: State, instrument: int) -> int:
    """Lots of the largest open position or waiting order in the instrument."""
    largest = 0
    for table in (np.asarray(state.book.positions), np.asarray(state.book.orders)):
        lots = table["lots"][(table["id"] != 0) & (table["instrument"] == instrument)]
        largest = max(largest, int(lots.max(initial=0)))
    return largest


def _continuous(command: DefineInstrument) -> bool:
    """Is maintenance margin continuous between brackets? cum_n = floor_n x (mmr_n - mmr_(n-1)) + cum_(n-1)."""
    first, *_ = command.brackets
    return first.maintenance_cum == 0 and all(
        after.maintenance_cum
        == before.notional_cap * (after.maintenance_ppm - before.maintenance_ppm) // PPM + before.maintenance_cum
        for before, after in pairwise(command.brackets)
    )


def _in_order(hours: tuple[tuple[int, int], ...]) -> bool:
    """Are these windows of the week, none of them empty, and each after the one before?"""
    bounds = [minute for window in hours for minute in window]
    return (
        len(hours) <= HOURS_PER_INSTRUMENT
        and all(0 <= minute <= MINUTES_PER_WEEK for minute in bounds)
        and all(start < end for start, end in hours)
        and bounds == sorted(bounds)
    )


def _units(command: DefineInstrument) -> tuple[int, int, str]:
    return command.tick_units, command.lot_units, command.quote


def _within_bounds(command: DefineInstrument) -> bool:
    value, rest = divmod(command.tick_units * command.lot_units, MONEY)
    brackets = command.brackets
    caps = [bracket.notional_cap for bracket in brackets[:-1]]
    return (
        0 < len(command.symbol) <= 32
        and command.tick_units > 0
        and command.lot_units > 0
        and value >= 1
        and rest == 0
        and 1 <= command.min_lots <= command.max_lots
        and 0 <= command.min_notional <= BOUND
        and 1 <= command.highest_price <= HIGHEST_PRICE_BOUND
        and command.max_lots * command.highest_price * value <= BOUND
        and 1 <= command.max_leverage <= HIGHEST_LEVERAGE
        and 0 <= command.taker_fee_ppm <= HIGHEST_FEE_PPM
        and 0 <= command.maker_fee_ppm <= HIGHEST_FEE_PPM
        and 0 < command.max_spread_ppm <= PPM
        and 0 <= command.markup_ticks <= HIGHEST_PRICE_BOUND
        and 0 < command.quote_lifetime_ns <= BOUND
        and 1 <= len(brackets) <= BRACKETS_PER_INSTRUMENT
        and caps == sorted(set(caps))
        and all(0 < cap <= BOUND for cap in caps)
        and all(0 <= b.maintenance_ppm <= HIGHEST_MAINTENANCE_PPM for b in brackets)
        and all(1 <= b.max_leverage <= HIGHEST_LEVERAGE and 0 <= b.maintenance_cum <= BOUND for b in brackets)
        and _continuous(command)
        and _in_order(command.hours)
        and 0 <= command.fixed_payout_percent <= HIGHEST_PAYOUT_PERCENT
        and (
            command.fixed_payout_percent == 0
            or 1 <= command.fixed_min_stake <= command.fixed_max_stake <= HIGHEST_STAKE
        )
        and SHORTEST_FIXED_S <= command.fixed_min_s <= command.fixed_max_s <= LONGEST_FIXED_S
        and 0 <= command.fixed_exposure_cap <= BOUND
        and {asset.name for asset in STAKE_ASSETS}.issuperset(command.fixed_wallets)
    )
