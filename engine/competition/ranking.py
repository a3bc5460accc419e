"""Ranking: who has won a match that is over, and what the prizes are. A total order, and integers that add up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.match_seats import list_seats
from engine.jit.plain import readable
from engine.model.commands import CreateGame
from engine.model.scale import PPM
from engine.model.state import State
from engine.model.tables import SEAT_DISQUALIFIED

_RANKED_BY = ("status", "held_trades", "trades", "cash", "reserved", "margin", "balance_at_ns", "max_drawdown")


def ranked(state: State, match_id: int, by_trades: bool) -> tuple[NDArray[np.int64], int]:
    """Rows of the match's seats, the best first, and how many of them are fit to win a prize.

    Not disqualified; enough trades; higher balance; more trades (`by_trades`); lower greatest drawdown of the balance;
    who reached the balance earlier; who joined first.
    """
    book = state.book
    rows = joined(state, match_id)
    seats = {name: np.asarray(book.seats)[name][rows] for name in _RANKED_BY}
    unfit = seats["status"] == SEAT_DISQUALIFIED
    short = seats["held_trades"] < int(book.matches[match_id]["min_trades"])
    trades = -seats["trades"].astype(np.int64) if by_trades else np.zeros(len(rows), np.int64)
    balance = seats["cash"] + seats["reserved"] + seats["margin"]
    order = np.lexsort(
        (np.arange(len(rows)), seats["balance_at_ns"], seats["max_drawdown"], trades, -balance, short, unfit)
    )
    return rows[order], int(np.count_nonzero(~unfit & ~short))


def joined(state: State, match_id: int) -> NDArray[np.int64]:
    """Rows of the match's seats, who joined first first."""
    rows = readable(np.empty(int(state.book.matches[match_id]["seats"]), np.int64))
    list_seats(state.book, match_id, rows)
    return rows


def players_in(state: State, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those whose seats these are, as kernels take them."""
    return readable(np.asarray(state.book.seats)["player"][rows].astype(np.int64))


def prizes(game: CreateGame, seats: int, fit: int) -> list[int]:
    """The prizes by rank, of those fit to win: the reward to the winner, or the pool of entry fees less the house fee
    (rounded down) by the game's split. What does not divide, and the parts of ranks that nobody takes, go to the first.
    """
    if fit == 0:
        return []
    if not game.prize_split:
        return [game.reward_price]
    pooled = pool(game, seats)
    shares = [pooled * percent // 100 for percent in game.prize_split[:fit]]
    return [shares[0] + pooled - sum(shares), *shares[1:]]


def pool(game: CreateGame, seats: int) -> int:
    """The entry fees of so many players less the house's, rounded down."""
    return game.entry_fee * seats * (PPM - game.house_fee_ppm) // PPM
