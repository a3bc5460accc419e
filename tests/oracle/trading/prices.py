"""What follows from a price: rounding, margin brackets, and where a position is liquidated."""

from __future__ import annotations

from functools import lru_cache

from engine.model.commands import DefineInstrument, MarginBracket

GREATEST_NOTIONAL = 2**60

MILLION = 10**6


def rounded_up(amount: int, ppm: int) -> int:
    return -(-amount * ppm // MILLION)


def bracket_of(brackets: tuple[MarginBracket, ...], notional: int) -> MarginBracket:
    for bracket in brackets[:-1]:
        if notional <= bracket.notional_cap:
            return bracket
    return brackets[-1]


def is_liquidated(data: DefineInstrument, side: int, lots: int, cost: int, margin: int, fees: bool, price: int) -> bool:
    """Margin + profit - closing fee <= maintenance margin: the bracket's share of the notional, less its cum."""
    value = data.tick_units * data.lot_units // 10**8
    notional = price * lots * value
    bracket = bracket_of(data.brackets, notional)
    maintenance = notional * bracket.maintenance_ppm // MILLION - bracket.maintenance_cum
    fee = rounded_up(notional, data.taker_fee_ppm) if fees else 0
    return margin + side * (price * lots - cost) * value - fee <= maintenance


@lru_cache(100_000)
def liquidation_price(data: DefineInstrument, side: int, lots: int, cost: int, margin: int, fees: bool) -> int:
    """The first price, coming from the profitable side, at which it is liquidated: try them all. 0: none."""
    prices = range(data.highest_price, 0, -1) if side > 0 else range(1, data.highest_price + 1)
    return next((price for price in prices if is_liquidated(data, side, lots, cost, margin, fees, price)), 0)


def is_reached(side: int, level: int, price: int) -> bool:
    """Has the price come down to the level (side 1) or up to it (side -1)? A level of 0 is none."""
    return level != 0 and (price <= level if side > 0 else price >= level)
