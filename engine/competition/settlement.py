"""Settlement: what a match does to all of its seats. It settles them when it ends, and tells now and then what they are
worth.
"""

from __future__ import annotations

from engine.jit import entry, kernel, rare_kernel
from engine.model.events import Cause, EventKind
from engine.model.tables import MATCH_CLOSED, TIMER_SAMPLE
from engine.storage.event_buffer import begin
from engine.storage.timers import clear_timer, set_timer
from engine.trading.challenge_rules import flatten
from engine.trading.equity_bands import drop_bands
from engine.trading.seats import balance, worth


@rare_kernel
def settle_match(book, events, match_id, room, outcome):
    """Refund the match's fixed-time trades, cancel its orders and close its positions at their last usable quotes,
    while more than `room` events fit; True when nothing is open. No rule looks at it any more."""
    progress = book.progress[0]
    match = book.matches[match_id]
    match.status = MATCH_CLOSED
    row = progress.cursor if progress.cursor != 0 else match.first_seat
    while row != 0:
        if book.seats[row].watched:
            drop_bands(book, row)
        open_still = True
        while open_still:
            if progress.events >= room:
                progress.cursor = row
                return False
            open_still = flatten(book, events, row, Cause.MATCH_END.value, outcome)
        if match.sample_timer != 0:
            _sample(book, events, row)
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
def sample_match(book, events, match_id, room):
    """Tell what each of the match's seats is worth, while more than `room` events fit; True when all are told.

    The next time is counted from now, so that one who was away does not make up for what was missed. Walks the match's
    seats and their positions.
    """
    progress = book.progress[0]
    match = book.matches[match_id]
    row = progress.cursor if progress.cursor != 0 else match.first_seat
    while row != 0:
        if progress.events >= room:
            progress.cursor = row
            return False
        _sample(book, events, row)
        row = book.seats[row].next_in_match
    progress.cursor = 0
    clear_timer(book, match.sample_timer)
    start_sampling(book, match_id)
    return True


@entry
def start_sampling(book, match_id):
    """Let the match tell what its seats are worth, from now on."""
    match = book.matches[match_id]
    match.sample_timer = set_timer(book, book.world[0].now_ns + match.sample_ns, TIMER_SAMPLE, match_id, match_id)


@kernel
def _sample(book, events, row):
    seat = book.seats[row]
    equity, _ = worth(book, row)
    event = events.sampled[begin(book, events, EventKind.EQUITY_SAMPLED.value, 0, seat.match, 0)]
    event.owner = seat.player
    event.equity = equity
    event.balance = balance(seat)
