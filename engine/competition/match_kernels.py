"""Compiled loops over the players or seats of a match, for matches.py, joining.py and ranking.py.

A match can have more seats than the event buffer has room for: a loop that emits starts at number i, runs while events
fit, and returns the number of the next one. Each seat costs a cache miss.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.jit import entry
from engine.model.events import EventKind
from engine.model.layouts import Events
from engine.model.tables import Book
from engine.storage.event_buffer import has_space, new_event
from engine.trading.challenge_rules import set_initial_levels
from engine.trading.seats import open_seat


@entry
def list_seats(book: Book, match_id: int, rows: NDArray[np.int64]) -> None:
    """Fill `rows`, whose length is the match's number of seats, with the rows of its seats in join order."""
    row = book.matches[match_id].first_seat
    for i in range(len(rows) - 1, -1, -1):
        rows[i] = row
        row = book.seats[row].next_in_match


@entry
def seat_players(book: Book, events: Events, i: int, players: NDArray[np.int64], match_id: int) -> int:
    """Open a seat in the match for each player. The tables must have room."""
    while i < len(players) and has_space(book, events):
        row = open_seat(book, players[i], match_id)
        set_initial_levels(book, row)
        event = events.trade[new_event(book, events, EventKind.SEAT_OPENED.value, players[i], match_id, 0)]
        event.cash = book.seats[row].cash
        i += 1
    return i


@entry
def emit_to_players(
    book: Book,
    events: Events,
    i: int,
    players: NDArray[np.int64],
    match_id: int,
    kind: int,
    reason: int,
    ends_at_ns: int,
) -> int:
    """Emit the same event to each player; player 0 makes it public. Fields that the kind does not have are 0."""
    while i < len(players) and has_space(book, events):
        event = events.timed[new_event(book, events, kind, players[i], match_id, 0)]
        event.reason = reason
        event.ends_at_ns = ends_at_ns
        i += 1
    return i


@entry
def finish_seats(
    book: Book, events: Events, i: int, rows: NDArray[np.int64], match_id: int, prizes: NDArray[np.int64]
) -> int:
    """Set ranks and prizes of the seats and emit MATCH_FINISHED to their players. `rows` are ranked best first;
    `prizes` are those of the first ranks."""
    match = book.matches[match_id]
    while i < len(rows) and has_space(book, events):
        seat = book.seats[rows[i]]
        seat.rank = i + 1
        seat.prize = prizes[i] if i < len(prizes) else 0
        event = events.ranked[new_event(book, events, EventKind.MATCH_FINISHED.value, seat.player, match_id, 0)]
        event.rank = seat.rank
        event.seats = len(rows)
        event.balance = seat.cash + seat.reserved + seat.margin
        event.prize = seat.prize
        event.asset = match.asset
        event.trades = seat.trades
        event.wins = seat.wins
        event.max_drawdown = seat.max_drawdown
        event.profit = seat.profit
        event.fees = seat.fees
        event.starting_balance = match.starting_balance
        event.rule = seat.out_rule
        i += 1
    return i
