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
    report,
    seat_trades_of,
    sum_by,
)
from engine.model.commands import Account, Asset, TransferCode, Transferring, of_players
from engine.model.scale import BOUND, NS_PER_S, PPM
from engine.model.state import State
from engine.model.tables import EXPOSURES, MATCH_OPEN


def trade_amounts_are_within_bounds(state: State) -> list[str]:
    """Bounds that keep products and sums within int64: positive sizes, a seat's notional at most BOUND, valid stops."""
    book = state.book
    orders, positions = orders_of(book), positions_of(book)
    found = report(book.seats["notional"] > BOUND, "notional of seat {} exceeds BOUND")
    for trades in (orders, positions):
        amounts = (
            (trades["lots"] < 1) | (trades["margin"] < 0) | (trades["leverage"] < 1) | (np.abs(trades["side"]) != 1)
        )
        found += report(amounts, "{} is out of bounds", trades["id"])
        stops = (trades["stop_loss"] < 0) | (trades["take_profit"] < 0)
        found += report(stops, "{} has a negative stop", trades["id"])
    found += report(positions["cost"] < positions["lots"], "position {} costs under a tick per lot", positions["id"])
    found += report(orders["price"] < 1, "order {} has no price", orders["id"])
    trades = fixed_trades_of(book)
    off = (trades["stake"] < 1) | (trades["payout_percent"] < 1) | (np.abs(trades["direction"]) != 1)
    off |= (trades["expires_at_ns"] <= trades["accepted_at_ns"]) | (trades["entry"] < 0)
    off |= trades["quotes_before"] > book.quotes["count"][trades["instrument"]]
    found += report(off, "fixed-time trade {} is out of bounds", trades["id"])
    of_seats = (orders, positions, seat_trades_of(book))
    playing = (book.matches["status"][book.seats["match"][trades["seat"]]] for trades in of_seats)
    return found + [f"{int((status != MATCH_OPEN).sum())} trades are open in matches that are not open"
                    for status in playing if (status != MATCH_OPEN).any()]  # fmt: skip


def trailing_stops_are_valid(state: State) -> list[str]:
    """A trailing stop of a position has a price; that of an order is in ppm and excludes a fixed stop."""
    orders, positions = orders_of(state.book), positions_of(state.book)
    trails = positions["trailing"] != 0
    invalid = (positions["trailing"] < 0) | (trails & (positions["stop_loss"] < 1))
    ppm = orders["trailing_ppm"]
    wrong = (ppm < 0) | (ppm >= PPM) | ((ppm != 0) & (orders["stop_loss"] != 0))
    return [
        *report(invalid, "the trailing stop of position {} is invalid", positions["id"]),
        *report(wrong, "the trailing stop of order {} is invalid", orders["id"]),
    ]


def exposures_match_stakes(state: State) -> list[str]:
    """An exposure sums the fixed-time trades of one instrument, direction, expiry minute and asset; the index finds it
    by these."""
    book = state.book
    size, rows, trades = len(book.exposures), live_rows(book, EXPOSURES), fixed_trades_of(book)
    exposures, home = book.exposures[rows], book.exposures[trades["exposure"]]
    stakes, count = sum_by(size, trades["exposure"], trades["stake"]), count_by(size, trades["exposure"])
    astray = (home["instrument"] != trades["instrument"]) | (home["direction"] != trades["direction"])
    astray |= (home["minute"] != trades["expires_at_ns"] // (60 * NS_PER_S)) | (home["asset"] != trades["asset"])
    up, assets = exposures["direction"] > 0, exposures["asset"].astype(np.int64)
    keys = (assets << 44) | (exposures["minute"] << 16) | (exposures["instrument"].astype(np.int64) << 1) | up
    return [
        *report(exposures["stakes"] != stakes[rows], "stakes of exposure {} are wrong", rows),
        *report((exposures["trades"] != count[rows]) | (count[rows] == 0), "exposure {} miscounts its trades", rows),
        *report(astray, "fixed-time trade {} is linked to another exposure", trades["id"]),
        *index_problems(book.exposure_index, keys, rows),
    ]


def wallet_trades_have_their_holds(state: State) -> list[str]:
    """Each fixed-time trade from a wallet has two open holds in its asset: the stake, from the player's account to the
    house's rewards, and the payout in the other direction. There are no other holds of these kinds without an id."""
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
        found += report(off, f"{name} of trade {{}} is not held correctly", trades["id"])
        open_holds = holds_of(book)
        own = (open_holds["code"] == kind) & (open_holds["id_low"] == 0) & (open_holds["id_high"] == 0)
        if np.count_nonzero(own) != len(trades):
            found.append(f"{np.count_nonzero(own)} holds of a {name} for {len(trades)} trades from wallets")
    return found
