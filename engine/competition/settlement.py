"""Compiled loops that close what is open: of all seats of a match at its end, of all matches in an instrument that is
settled. And equity samples of a match while it runs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.jit import entry, kernel, rare_kernel
from engine.model.events import Cause, EventKind
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.tables import MATCH_CLOSED, TIMER_SAMPLE, Book, Row
from engine.storage.event_buffer import has_space, new_event
from engine.storage.timers import clear_timer, set_timer
from engine.trading.challenge_rules import flatten_step
from engine.trading.equity_bands import close_bands
from engine.trading.orders import end_order
from engine.trading.positions import close_lots_rare
from engine.trading.seats import balance, equity_and_deficit


@rare_kernel
def settle_match(book: Book, events: Events, match_id: int, event_limit: int, outcome: Row) -> bool:
    """Close the match: refund fixed-time trades, cancel orders, close positions at their last usable quotes, clear its
    timers. Challenge rules are not evaluated any more. Stops at `event_limit` events, to be called
    again; True when done."""
    progress = book.progress[0]
    match = book.matches[match_id]
    match.status = MATCH_CLOSED
    row = progress.cursor if progress.cursor != 0 else match.first_seat
    while row != 0:
        if book.seats[row].watched:
            close_bands(book, row)
        is_open = True
        while is_open:
            if progress.events >= event_limit:
                progress.cursor = row
                return False
            is_open = flatten_step(book, events, row, Cause.MATCH_END.value, outcome)
        if match.sample_timer != 0:
            _emit_sample(book, events, row)
        row = book.seats[row].next_in_match
    progress.cursor = 0
    clear_timer(book, match.timer)
    match.timer = 0
    if match.day_timer != 0:
        clear_timer(book, match.day_timer)
        match.day_timer = 0
    if match.sample_timer != 0:
        clear_timer(book, match.sample_timer)
        match.sample_timer = 0
    if match.outage_timer != 0:
        clear_timer(book, match.outage_timer)
        match.outage_timer = 0
    return True


@rare_kernel
def sample_match(book: Book, events: Events, match_id: int, event_limit: int) -> bool:
    """Emit an equity sample of each of the match's seats and set the next sample timer. Stops at `event_limit` events,
    to be called again; True when done.

    The next sample is a full interval from now: samples missed while the server was down are not made up. Walks the
    match's seats and their positions.
    """
    progress = book.progress[0]
    match = book.matches[match_id]
    row = progress.cursor if progress.cursor != 0 else match.first_seat
    while row != 0:
        if progress.events >= event_limit:
            progress.cursor = row
            return False
        _emit_sample(book, events, row)
        row = book.seats[row].next_in_match
    progress.cursor = 0
    clear_timer(book, match.sample_timer)
    start_sampling(book, match_id)
    return True


@entry
def start_sampling(book: Book, match_id: int) -> None:
    """Set the timer of the match's next equity sample."""
    match = book.matches[match_id]
    match.sample_timer = set_timer(book, book.world[0].now_ns + match.sample_ns, TIMER_SAMPLE, match_id, match_id)


@kernel
def _emit_sample(book: Book, events: Events, row: int) -> None:
    seat = book.seats[row]
    equity, _ = equity_and_deficit(book, row)
    event = events.sampled[new_event(book, events, EventKind.EQUITY_SAMPLED.value, 0, seat.match, 0)]
    event.owner = seat.player
    event.equity = equity
    event.balance = balance(seat)


@entry
def cancel_orders(book: Book, events: Events, i: int, rows: NDArray[np.int64]) -> int:
    """Cancel the orders in `rows` from number i on, while events fit; the number of the next one."""
    while i < len(rows) and has_space(book, events):
        end_order(book, events, rows[i], EventKind.ORDER_CANCELED.value, Reason.INSTRUMENT_SETTLED.value)
        i += 1
    return i


@entry
def close_positions(book: Book, events: Events, i: int, rows: NDArray[np.int64], price: int) -> int:
    """Close the positions in `rows` from number i on at `price`, while events fit; the number of the next one."""
    outcome = book.spare_outcome[0]
    while i < len(rows) and has_space(book, events):
        close_lots_rare(book, events, rows[i], book.positions[rows[i]].lots, price, Cause.SETTLEMENT.value, outcome)
        i += 1
    return i
