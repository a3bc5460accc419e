"""Seats, and the leaderboards of matches."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.model.state import State
from engine.model.tables import MATCH_OPEN, MATCH_WAITING, WARNINGS_PERCENT, Book
from engine.trading.order_rate import MINUTE_NS
from engine.trading.seats import equities_of, equity, find_seats, net_equity, seat_row


class SeatView(NamedTuple):
    """A player in a match; money in 1e-8 units."""

    match: int
    player: int
    equity: int
    cash: int
    reserved: int
    margin: int
    profit: int
    fees: int
    trades: int
    wins: int
    joined_at_ns: int
    orders: int
    positions: int
    held_trades: int  # closed trades that reached the minimum holding time
    max_drawdown: int  # of the balance, from its peak
    balance_at_ns: int  # when the balance last changed
    daily_floor: int | None  # of equity; None: the match has no such rule
    total_floor: int | None
    high_water: int
    rank: int  # 0 until the match is over
    prize: int
    out: Evidence | None  # the rule violation that took the seat out; None: it is active
    status: int  # engine.tables.SEAT_ACTIVE, ...
    target: int | None  # net equity at which the profit target is reached; None: the match has none
    daily_warned: int  # percent of the drawdown used at the last warning today; 0: none
    total_warned: int
    stakes: int
    asset: int  # of the prize; 0: no money
    net_equity: int | None  # less stakes and closing fees: held against the profit target; None: the match has none


class Evidence(NamedTuple):
    """The rule that took a seat out, and the quote and amounts that prove it."""

    rule: int  # engine.events.Rule
    sequence: int  # of the log entry
    equity: int  # or the trade's result
    level: int  # floor or target; of a trade, its loss limit
    instrument: int  # of the quote; 0: found by a timer
    bid: int
    ask: int


def seat(book: Book, player: int, match_id: int) -> SeatView | None:
    """The player's seat in the match; None when there is none. Walks its positions."""
    row = row_of_seat(book, player, match_id)
    return _seat_view(book, row, int(equity(book, row))) if row else None


def has_seat(book: Book, player: int, match_id: int) -> bool:
    return row_of_seat(book, player, match_id) != 0


def next_trade_at_ns(book: Book, player: int, match_id: int) -> int | None:
    """When the player may place the next order under the match's limit of trades a minute; None: there was no limit to
    wait for. It may be past."""
    row = row_of_seat(book, player, match_id)
    limit = int(book.matches[match_id]["trades_per_minute"]) if row else 0
    if not limit:
        return None
    rate = book.order_rates[int(book.seats[row]["order_rate"])]
    count = int(rate["count"])
    return int(rate["at_ns"][count % limit]) + MINUTE_NS if count >= limit else None


def seats_of(state: State, player: int) -> list[SeatView]:
    """The player's seats in matches that are not over, by match id. Scans the status column of all matches, and looks
    up a seat in each that is not over."""
    book = state.book
    statuses = np.asarray(book.matches)["status"][: int(book.world[0]["matches"]) + 1]
    matches = np.flatnonzero((statuses == MATCH_WAITING) | (statuses == MATCH_OPEN))
    rows = np.zeros(len(matches), np.int64)
    find_seats(book, player, matches, rows)
    return [_seat_view(book, row, int(equity(book, row))) for row in rows[rows != 0].tolist()]


def row_of_seat(book: Book, player: int, match_id: int) -> int:
    """The row of the player's seat, 0: none. The match id is checked: a key made of a larger one could be another's."""
    if not 1 <= match_id <= int(book.world[0]["matches"]):
        return 0
    return int(seat_row(book, player, match_id))


def _seat_view(book: Book, row: int, worth: int) -> SeatView:
    found: Any = book.seats[row]
    match = book.matches[int(found["match"])]
    out = None
    if found["out_rule"]:
        out = Evidence(*(int(found[f"out_{field}"]) for field in Evidence._fields))
    return SeatView(
        int(found["match"]),
        int(found["player"]),
        worth,
        int(found["cash"]),
        int(found["reserved"]),
        int(found["margin"]),
        int(found["profit"]),
        int(found["fees"]),
        int(found["trades"]),
        int(found["wins"]),
        int(found["joined_at_ns"]),
        int(found["orders"]),
        int(found["positions"]),
        int(found["held_trades"]),
        int(found["max_drawdown"]),
        int(found["balance_at_ns"]),
        int(found["daily_floor"]) if match["daily_drawdown"] else None,
        int(found["total_floor"]) if match["total_drawdown"] else None,
        int(found["high_water"]),
        int(found["rank"]),
        int(found["prize"]),
        out,
        int(found["status"]),
        int(match["profit_target"]) or None,
        _last_warning(int(found["warned"])),
        _last_warning(int(found["warned"]) >> len(WARNINGS_PERCENT)),
        int(found["stakes"]),
        int(match["asset"]),
        int(net_equity(book, row)) if match["profit_target"] else None,
    )


def _last_warning(bits: int) -> int:
    """The highest of WARNINGS_PERCENT whose bit is set; 0: none."""
    return max((percent for number, percent in enumerate(WARNINGS_PERCENT) if bits >> number & 1), default=0)


class Ranking(NamedTuple):
    """The seats of a match, best first."""

    rows: NDArray[np.int64]
    players: NDArray[np.int64]


class BoardView(NamedTuple):
    """The top of a match's leaderboard."""

    top: list[SeatView]
    seats: int
    rank: int  # of the requesting player, from 1; 0: no seat


def ranking(book: Book, match_id: int) -> Ranking:
    """The match's seats, best first: by equity, trades, join time; by final rank when it is over.

    Walks all seats and positions of the match in compiled code.
    """
    count = int(book.matches[match_id]["seats"])
    rows, equities = np.zeros(count, np.int64), np.zeros(count, np.int64)
    equities_of(book, match_id, rows, equities)
    seats = book.seats[rows]
    best_first = np.lexsort((seats["player"], seats["joined_at_ns"], -seats["trades"], -equities, seats["rank"]))
    return Ranking(rows[best_first], np.asarray(seats["player"])[best_first])


def board(book: Book, match_id: int, limit: int, player: int = 0, ranked: Ranking | None = None) -> BoardView:
    """The top `limit` seats of a match and the player's rank, by `ranked` if given, else by a new ranking."""
    rows, players = ranked or ranking(book, match_id)
    top = [_seat_view(book, row, int(equity(book, row))) for row in rows[:limit].tolist()]
    own = np.flatnonzero(players == player)
    return BoardView(top, len(rows), int(own[0]) + 1 if len(own) else 0)
