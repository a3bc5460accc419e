"""Orders, positions and fixed-time trades."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import (
    PENDING,
    count_by,
    fixed_trades_of,
    holds_of,
    index_problems,
    live_rows,
    orders_of,
    positions_of,
    seats_trades_of,
    sum_by,
    where,
)
from engine.model.commands import Account, Asset, TransferCode, Transferring, of_players
from engine.model.scale import BOUND, NS_PER_S, PPM
from engine.model.state import State
from engine.model.tables import EXPOSURES, MATCH_OPEN


def amounts_are_within_bounds(state: State) -> list[str]:
    """What products and sums rest on: sizes positive, summed notional at most BOUND, stops on the price scale."""
    book = state.book
    orders, positions = orders_of(book), positions_of(book)
    found = where(book.seats["notional"] > BOUND, "seat {} has more than the greatest notional")
    for things in (orders, positions):
        amounts = (
            (things["lots"] < 1) | (things["margin"] < 0) | (things["leverage"] < 1) | (np.abs(things["side"]) != 1)
        )
        found += where(amounts, "{} is out of bounds", things["id"])
        stops = (things["stop_loss"] < 0) | (things["take_profit"] < 0)
        found += where(stops, "{} has a negative stop", things["id"])
    found += where(positions["cost"] < positions["lots"], "position {} cost less than a tick a lot", positions["id"])
    found += where(orders["price"] < 1, "order {} has no price", orders["id"])
    trades = fixed_trades_of(book)
    off = (trades["stake"] < 1) | (trades["payout_percent"] < 1) | (np.abs(trades["direction"]) != 1)
    off |= (trades["expires_at_ns"] <= trades["accepted_at_ns"]) | (trades["entry"] < 0)
    off |= trades["quotes_before"] > book.quotes["count"][trades["instrument"]]
    found += where(off, "fixed-time trade {} is out of bounds", trades["id"])
    of_seats = (orders, positions, seats_trades_of(book))
    playing = (book.matches["status"][book.seats["match"][things["seat"]]] for things in of_seats)
    return found + [f"{int((status != MATCH_OPEN).sum())} trades are open in matches that are not"
                    for status in playing if (status != MATCH_OPEN).any()]  # fmt: skip


def trailing_stops_are_stops(state: State) -> list[str]:
    """A stop that trails stands somewhere, some ticks behind; that of an order is in ppm, and its only stop."""
    orders, positions = orders_of(state.book), positions_of(state.book)
    trails = positions["trailing"] != 0
    nowhere = (positions["trailing"] < 0) | (trails & (positions["stop_loss"] < 1))
    ppm = orders["trailing_ppm"]
    wrong = (ppm < 0) | (ppm >= PPM) | ((ppm != 0) & (orders["stop_loss"] != 0))
    return [
        *where(nowhere, "the trailing stop of position {} is nowhere", positions["id"]),
        *where(wrong, "the trailing stop of order {} is none", orders["id"]),
    ]


def exposures_sum_what_is_staked(state: State) -> list[str]:
    """An exposure counts the fixed-time trades of one instrument, direction, expiry minute and asset, and is found by
    them."""
    book = state.book
    size, rows, trades = len(book.exposures), live_rows(book, EXPOSURES), fixed_trades_of(book)
    exposures, home = book.exposures[rows], book.exposures[trades["exposure"]]
    stakes, count = sum_by(size, trades["exposure"], trades["stake"]), count_by(size, trades["exposure"])
    astray = (home["instrument"] != trades["instrument"]) | (home["direction"] != trades["direction"])
    astray |= (home["minute"] != trades["expires_at_ns"] // (60 * NS_PER_S)) | (home["asset"] != trades["asset"])
    up, assets = exposures["direction"] > 0, exposures["asset"].astype(np.int64)
    keys = (assets << 44) | (exposures["minute"] << 16) | (exposures["instrument"].astype(np.int64) << 1) | up
    return [
        *where(exposures["stakes"] != stakes[rows], "stakes of exposure {} are off", rows),
        *where((exposures["trades"] != count[rows]) | (count[rows] == 0), "exposure {} miscounts its trades", rows),
        *where(astray, "fixed-time trade {} is counted in a stranger's exposure", trades["id"]),
        *index_problems(book.exposure_index, keys, rows),
    ]


def wallet_trades_hold_what_they_stake(state: State) -> list[str]:
    """Each fixed-time trade from a wallet has two open holds of its own, of one asset: its stake, from the player's
    account of that asset for the house's rewards, and what it may win, the other way. No other hold of the engine's is
    of their kind."""
    book = state.book
    trades = fixed_trades_of(book)
    trades = trades[trades["asset"] != 0]
    assets = trades["asset"].astype(np.int64)
    code = np.array([0, *(of_players(asset) for asset in Asset)])[assets]
    account = (trades["player"].astype(np.int64) << 16) | (code << 8) | assets
    house = (int(Account.HOUSE_REWARDS) << 8) | assets
    payout = trades["stake"] * trades["payout_percent"] // 100
    found: list[str] = []
    for name, kind, debit, credit, amount in (
        ("stake", TransferCode.STAKE, account, house, trades["stake"]),
        ("payout", TransferCode.PAYOUT, house, account, payout),
    ):
        holds = book.holds[trades[f"{name}_hold"]]
        off = (holds["amount"] != amount) | (holds["reference"] != trades["id"]) | (holds["code"] != kind)
        off |= (holds["debit"] != debit) | (holds["credit"] != credit)
        off |= (holds["status"] != PENDING) | (holds["flags"] != Transferring.PENDING) | (holds["expires_at_ns"] != 0)
        found += where(off, f"{name} of trade {{}} is not held as it should", trades["id"])
        open_holds = holds_of(book)
        own = (open_holds["code"] == kind) & (open_holds["id_low"] == 0) & (open_holds["id_high"] == 0)
        if np.count_nonzero(own) != len(trades):
            found.append(f"{np.count_nonzero(own)} holds of a {name} for {len(trades)} trades from wallets")
    return found
