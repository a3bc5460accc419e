"""Matches: what is done to all who play one at once. They are seated, told, and ranked.

There may be more of them than the event buffer has room for: each loop goes on from number i of those that it is given
while events fit, and returns the number of the one who is next. Walking the seats is a cache miss each.
"""

from __future__ import annotations

from engine.jit import entry
from engine.model.events import EventKind
from engine.storage.event_buffer import begin, fits
from engine.trading.challenge_rules import start_watch
from engine.trading.seats import open_seat


@entry
def list_seats(book, match_id, rows):
    """Fill `rows`, as many as the match has seats, with theirs, who joined first first."""
    row = book.matches[match_id].first_seat
    for i in range(len(rows) - 1, -1, -1):
        rows[i] = row
        row = book.seats[row].next_in_match


@entry
def seat_players(book, events, i, players, match_id):
    """Seat them in the match; there must be room."""
    while i < len(players) and fits(book, events):
        row = open_seat(book, players[i], match_id)
        start_watch(book, row)
        event = events.trade[begin(book, events, EventKind.SEAT_OPENED.value, players[i], match_id, 0)]
        event.cash = book.seats[row].cash
        i += 1
    return i


@entry
def tell_players(book, events, i, players, match_id, kind, reason, ends_at_ns):
    """The same to each of them; player 0 is everybody. What the kind of event has not is 0."""
    while i < len(players) and fits(book, events):
        event = events.timed[begin(book, events, kind, players[i], match_id, 0)]
        event.reason = reason
        event.ends_at_ns = ends_at_ns
        i += 1
    return i


@entry
def rank_seats(book, events, i, rows, match_id, won):
    """Give the seats, ranked best first, their ranks, and the first of them what they have `won`."""
    match = book.matches[match_id]
    while i < len(rows) and fits(book, events):
        seat = book.seats[rows[i]]
        seat.rank = i + 1
        seat.prize = won[i] if i < len(won) else 0
        event = events.ranked[begin(book, events, EventKind.MATCH_FINISHED.value, seat.player, match_id, 0)]
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
