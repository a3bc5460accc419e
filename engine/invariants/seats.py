"""Seats, holdings, position lists."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import (
    Rows,
    compact_index_problems,
    count_by,
    list_problems,
    live_rows,
    orders_of,
    positions_of,
    report,
    seat_trades_of,
    sum_by,
)
from engine.model.state import State
from engine.model.tables import FIXED_TRADES, HOLDINGS, ORDERS, POSITION_LISTS, POSITIONS, POSITIONS_PER_LIST, SEATS


def seat_amounts_are_not_negative(state: State) -> list[str]:
    """No amount or count of a seat is negative."""
    seats = state.book.seats
    return [line for field in ("cash", "reserved", "margin", "notional", "stakes", "fees", "trades")
            for line in report(seats[field] < 0, f"seat {{}} has negative {field}")]  # fmt: skip


def seat_totals_match_open_trades(state: State) -> list[str]:
    """Reserved, margin, stakes and counts of a seat follow from its orders, positions and fixed-time trades."""
    book = state.book
    size = len(book.seats)
    orders, positions, trades = orders_of(book), positions_of(book), seat_trades_of(book)
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
        for line in report(book.seats[field] != column, f"{field} of seat {{}} does not match its open trades")
    ]


def holding_totals_match_open_trades(state: State) -> list[str]:
    """Count and notional at entry of a holding follow from the orders and positions of its seat and instrument."""
    book = state.book
    size = len(book.holdings)
    live = live_rows(book, HOLDINGS)
    orders, positions = orders_of(book), positions_of(book)
    at_entry = positions["cost"] * book.instruments["value"][positions["instrument"]]
    notional = sum_by(size, orders["holding"], orders["notional"]) + sum_by(size, positions["holding"], at_entry)
    count = count_by(size, orders["holding"]) + count_by(size, positions["holding"])
    of_seats = sum_by(len(book.seats), book.holdings["seat"][live], book.holdings["notional"][live])
    found = [
        *report(book.holdings["notional"][live] != notional[live], "notional of holding {} is wrong", live),
        *report(book.holdings["count"][live] != count[live], "count of holding {} is wrong", live),
        *report(count[live] == 0, "holding {} is empty", live),
        *report(book.seats["notional"] != of_seats, "notional of seat {} does not match its holdings"),
    ]
    for trades in (orders, positions):
        home = book.holdings[trades["holding"]]
        astray = (home["seat"] != trades["seat"]) | (home["instrument"] != trades["instrument"])
        found += report(astray, "{} is linked to another seat's or instrument's holding", trades["id"])
    return found


def seats_hold_one_side_where_hedging_is_not_allowed(state: State) -> list[str]:
    """In a match without hedging, all orders and positions of a seat in an instrument are of the side that its holding
    has."""
    book = state.book
    found = []
    for trades in (orders_of(book), positions_of(book)):
        one_sided = book.matches["no_hedging"][book.seats["match"][trades["seat"]]] != 0
        other = trades["side"] != book.holdings["side"][trades["holding"]]
        found += report(one_sided & other, "{} is of the other side than its holding", trades["id"])
    return found


def seat_index_matches_seats(state: State) -> list[str]:
    """seat_index has every seat by player and match; a player has at most one seat in a match."""
    book = state.book
    rows = live_rows(book, SEATS)
    seats = book.seats[rows]
    keys = (seats["player"].astype(np.int64) << 32) | seats["match"]
    found = ["a player has two seats in one match"] if len(np.unique(keys)) != len(keys) else []
    found += compact_index_problems(book.seat_index, keys, rows)
    strangers = (seats["player"] < 1) | (seats["player"] > book.world["players"][0])
    return found + report(strangers, "seat {} has no registered player", rows)


def holding_index_matches_holdings(state: State) -> list[str]:
    """holding_index has every holding by seat and instrument."""
    book = state.book
    rows = live_rows(book, HOLDINGS)
    keys = (book.holdings["seat"][rows].astype(np.int64) << 20) | book.holdings["instrument"][rows]
    found = ["a seat has two holdings of one instrument"] if len(np.unique(keys)) != len(keys) else []
    return found + compact_index_problems(book.holding_index, keys, rows)


def linked_lists_match_owners(state: State) -> list[str]:
    """The linked lists of matches, seats and players have exactly the rows of that owner."""
    book = state.book
    seats, orders, trades = book.seats, book.orders, book.fixed_trades
    live_seats = live_rows(book, SEATS)
    running = live_rows(book, FIXED_TRADES)
    of_wallets = trades["asset"][running] != 0
    players = np.arange(1, int(book.world["players"][0]) + 1)
    matches = np.arange(1, int(book.world["matches"][0]) + 1)
    return [
        *list_problems("seats of match", matches, book.matches["first_seat"], seats["next_in_match"], None,
                       seats["match"], live_seats),
        *list_problems("orders of seat", live_seats, seats["first_order"], orders["next_in_seat"],
                       orders["previous_in_seat"], orders["seat"], live_rows(book, ORDERS)),
        *list_problems("fixed-time trades of seat", live_seats, seats["first_fixed"], trades["next_in_seat"],
                       trades["previous_in_seat"], trades["seat"], running[~of_wallets]),
        *list_problems("fixed-time trades from wallets of player", players, book.players["first_fixed"],
                       trades["next_in_seat"], trades["previous_in_seat"], trades["player"], running[of_wallets]),
        *report((trades["seat"][running] == 0) != of_wallets, "fixed-time trade in row {} has no one owner", running),
        *report(~of_wallets & (trades["player"][running] != seats["player"][trades["seat"][running]]),
                "fixed-time trade in row {} has another player than its seat", running),
    ]  # fmt: skip


def position_lists_match_positions(state: State) -> list[str]:
    """The position lists of a seat have its open positions, each once and at its recorded place; no list is empty."""
    book = state.book
    table = book.position_lists
    lists, positions = live_rows(book, POSITION_LISTS), live_rows(book, POSITIONS)
    listed = table["positions"][lists]
    owner = np.zeros(len(table), np.int64)
    owner[lists] = book.positions["seat"][listed.max(axis=1, initial=0)]
    held = book.positions[positions]
    found = report(
        table["positions"][held["position_list"], held["place"]] != positions,
        "position {} is not listed",
        held["id"],
    )
    found += report(owner[held["position_list"]] != held["seat"], "position {} is on another seat's list", held["id"])
    if np.count_nonzero(listed) != len(positions):
        found.append(f"{np.count_nonzero(listed)} positions are listed, {len(positions)} are open")
    live: Rows = table["live"][lists]
    found += report((live != (listed != 0).sum(axis=1)) | (live < 1), "list {} miscounts its positions", lists)
    beyond = np.arange(POSITIONS_PER_LIST) >= table["used"][lists, None]
    found += report((beyond & (listed != 0)).any(axis=1), "list {} has entries beyond its used places", lists)
    heads = book.seats["first_position_list"]
    chain = list_problems(
        "lists of seat", live_rows(book, SEATS), heads, table["next"], table["previous"], owner, lists
    )
    return found + chain
