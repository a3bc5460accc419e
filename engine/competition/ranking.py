"""Ranking of a finished match: a total order of its seats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.match_kernels import list_seats
from engine.jit.plain import for_kernels
from engine.model.state import State
from engine.model.tables import SEAT_DISQUALIFIED

_RANKED_BY = ("status", "held_trades", "trades", "cash", "reserved", "margin", "balance_at_ns", "max_drawdown")


def rank_seats(state: State, match_id: int, by_trades: bool) -> tuple[NDArray[np.int64], int]:
    """Rows of the match's seats, best first, and how many of them (the first ones) are eligible to win a prize.

    Order: not disqualified; enough trades; higher balance; more trades (if `by_trades`); lower maximum drawdown of the
    balance; balance reached earlier; joined earlier.
    """
    book = state.book
    rows = seats_in_join_order(state, match_id)
    seats = {name: np.asarray(book.seats)[name][rows] for name in _RANKED_BY}
    disqualified = seats["status"] == SEAT_DISQUALIFIED
    too_few_trades = seats["held_trades"] < int(book.matches[match_id]["min_trades"])
    trades = -seats["trades"].astype(np.int64) if by_trades else np.zeros(len(rows), np.int64)
    balance = seats["cash"] + seats["reserved"] + seats["margin"]
    order = np.lexsort(
        (
            np.arange(len(rows)),
            seats["balance_at_ns"],
            seats["max_drawdown"],
            trades,
            -balance,
            too_few_trades,
            disqualified,
        )
    )
    return rows[order], int(np.count_nonzero(~disqualified & ~too_few_trades))


def seats_in_join_order(state: State, match_id: int) -> NDArray[np.int64]:
    """Rows of the match's seats in join order."""
    rows = for_kernels(np.empty(int(state.book.matches[match_id]["seats"]), np.int64))
    list_seats(state.book, match_id, rows)
    return rows


def players_of_seats(state: State, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The players of the seats, as an array that kernels accept."""
    return for_kernels(np.asarray(state.book.seats)["player"][rows].astype(np.int64))
