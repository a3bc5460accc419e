"""Seats, and what they hold."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import (
    Rows,
    chain_problems,
    compact_index_problems,
    count_by,
    live_rows,
    orders_of,
    positions_of,
    seats_trades_of,
    sum_by,
    where,
)
from engine.model.state import State
from engine.model.tables import FIXED_TRADES, HOLDINGS, ORDERS, POSITION_LISTS, POSITIONS, POSITIONS_PER_LIST, SEATS


def no_seat_is_in_debt(state: State) -> list[str]:
    """Cash, reservations, margin, stakes and fees are never negative."""
    seats = state.book.seats
    return [line for field in ("cash", "reserved", "margin", "notional", "stakes", "fees", "trades")
            for line in where(seats[field] < 0, f"seat {{}} has negative {field}")]  # fmt: skip


def seats_sum_what_they_have(state: State) -> list[str]:
    """Reservations, margin and stakes of a seat are the sums, and its counts the numbers, of what it has open."""
    book = state.book
    size = len(book.seats)
    orders, positions, trades = orders_of(book), positions_of(book), seats_trades_of(book)
    expected = {
        "reserved": sum_by(size, orders["seat"], orders["margin"] + orders["fee"]),
        "margin": sum_by(size, positions["seat"], positions["margin"]),
        "stakes": sum_by(size, trades["seat"], trades["stake"]),
        "orders": count_by(size, orders["seat"]),
        "positions": count_by(size, positions["seat"]),
    }
    return [
        line
        for field, column in expected.items()
        for line in where(book.seats[field] != column, f"{field} of seat {{}} is not that of its chain")
    ]


def holdings_sum_what_they_hold(state: State) -> list[str]:
    """A holding counts the orders and positions of one seat in one instrument, and their notional at entry."""
    book = state.book
    size = len(book.holdings)
    live = live_rows(book, HOLDINGS)
    orders, positions = orders_of(book), positions_of(book)
    at_entry = positions["cost"] * book.instruments["value"][positions["instrument"]]
    notional = sum_by(size, orders["holding"], orders["notional"]) + sum_by(size, positions["holding"], at_entry)
    count = count_by(size, orders["holding"]) + count_by(size, positions["holding"])
    of_seats = sum_by(len(book.seats), book.holdings["seat"][live], book.holdings["notional"][live])
    found = [
        *where(book.holdings["notional"][live] != notional[live], "notional of holding {} is off", live),
        *where(book.holdings["count"][live] != count[live], "count of holding {} is off", live),
        *where(count[live] == 0, "holding {} holds nothing", live),
        *where(book.seats["notional"] != of_seats, "notional of seat {} is not that of its holdings"),
    ]
    for things in (orders, positions):
        home = book.holdings[things["holding"]]
        astray = (home["seat"] != things["seat"]) | (home["instrument"] != things["instrument"])
        found += where(astray, "{} is counted in a stranger's holding", things["id"])
    return found


def seats_are_found(state: State) -> list[str]:
    """seat_index knows every seat by player and match; no player sits twice."""
    book = state.book
    rows = live_rows(book, SEATS)
    seats = book.seats[rows]
    keys = (seats["player"].astype(np.int64) << 32) | seats["match"]
    found = ["a player sits twice in one match"] if len(np.unique(keys)) != len(keys) else []
    found += compact_index_problems(book.seat_index, keys, rows)
    strangers = (seats["player"] < 1) | (seats["player"] > book.world["players"][0])
    return found + where(strangers, "seat {} is a stranger's", rows)


def holdings_are_found(state: State) -> list[str]:
    """holding_index knows every holding by seat and instrument."""
    book = state.book
    rows = live_rows(book, HOLDINGS)
    keys = (book.holdings["seat"][rows].astype(np.int64) << 20) | book.holdings["instrument"][rows]
    found = ["two holdings are of one seat and instrument"] if len(np.unique(keys)) != len(keys) else []
    return found + compact_index_problems(book.holding_index, keys, rows)


def chains_hold_what_is_a_seats(state: State) -> list[str]:
    """The chains of matches, seats and players run through exactly the rows that name them, and back."""
    book = state.book
    seats, orders, trades = book.seats, book.orders, book.fixed_trades
    live_seats = live_rows(book, SEATS)
    running = live_rows(book, FIXED_TRADES)
    of_wallets = trades["asset"][running] != 0
    players = np.arange(1, int(book.world["players"][0]) + 1)
    matches = np.arange(1, int(book.world["matches"][0]) + 1)
    return [
        *chain_problems("seats of match", matches, book.matches["first_seat"], seats["next_in_match"], None,
                        seats["match"], live_seats),
        *chain_problems("orders of seat", live_seats, seats["first_order"], orders["next_in_seat"],
                        orders["previous_in_seat"], orders["seat"], live_rows(book, ORDERS)),
        *chain_problems("fixed-time trades of seat", live_seats, seats["first_fixed"], trades["next_in_seat"],
                        trades["previous_in_seat"], trades["seat"], running[~of_wallets]),
        *chain_problems("fixed-time trades from wallets of player", players, book.players["first_fixed"],
                        trades["next_in_seat"], trades["previous_in_seat"], trades["player"], running[of_wallets]),
        *where((trades["seat"][running] == 0) != of_wallets, "the fixed-time trade in row {} is nobody's", running),
        *where(~of_wallets & (trades["player"][running] != seats["player"][trades["seat"][running]]),
               "the fixed-time trade in row {} is another player's than its seat", running),
    ]  # fmt: skip


def lists_name_open_positions(state: State) -> list[str]:
    """A seat's lists name its open positions, each once and where the position says; no list is empty."""
    book = state.book
    table = book.position_lists
    lists, positions = live_rows(book, POSITION_LISTS), live_rows(book, POSITIONS)
    listed = table["positions"][lists]
    owner = np.zeros(len(table), np.int64)
    owner[lists] = book.positions["seat"][listed.max(axis=1, initial=0)]
    held = book.positions[positions]
    found = where(
        table["positions"][held["position_list"], held["place"]] != positions,
        "position {} is not listed",
        held["id"],
    )
    found += where(owner[held["position_list"]] != held["seat"], "position {} is on a stranger's list", held["id"])
    if np.count_nonzero(listed) != len(positions):
        found.append(f"{np.count_nonzero(listed)} positions are listed, {len(positions)} are open")
    live: Rows = table["live"][lists]
    found += where((live != (listed != 0).sum(axis=1)) | (live < 1), "list {} miscounts its positions", lists)
    beyond = np.arange(POSITIONS_PER_LIST) >= table["used"][lists, None]
    found += where((beyond & (listed != 0)).any(axis=1), "list {} lists beyond its used places", lists)
    heads = book.seats["first_position_list"]
    chain = chain_problems(
        "lists of seat", live_rows(book, SEATS), heads, table["next"], table["previous"], owner, lists
    )
    return found + chain
