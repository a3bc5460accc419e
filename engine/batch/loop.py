"""The loop over a batch: timers that are due, then the hot commands in order, all in compiled code.

`apply` returns early at a cold command, or when the event buffer is nearly full, which a single quote or cancel-all can
cause. The position within the command is kept in book.progress, from which the next call resumes.
"""

from __future__ import annotations

from typing import Final

from engine.batch.prefetch import DISTANCE, prefetch_commands, prefetch_due
from engine.competition.outage_kernels import is_feed_alive, last_quote_ns, start_outage_timer
from engine.competition.settlement import sample_match, settle_match
from engine.jit import entry, kernel, rare_kernel
from engine.ledger.holds import expire_hold
from engine.ledger.transfer_ids import expire_transfer_ids
from engine.ledger.transfers import apply_transfer
from engine.model.commands import Kind
from engine.model.events import EventKind
from engine.model.layouts import Commands, Events
from engine.model.reasons import Reason
from engine.model.tables import (
    INTERVALS_S,
    MATCH_WAITING,
    TIMER_AMEND,
    TIMER_DAY,
    TIMER_DISCONNECT,
    TIMER_FIXED,
    TIMER_HOLD,
    TIMER_MATCH,
    TIMER_OUTAGE,
    TIMER_QUEUE,
    TIMER_REST,
    TIMER_SAMPLE,
    TIMER_WAIT,
    Book,
    Row,
)
from engine.storage.capacity import has_capacity
from engine.storage.event_buffer import clear_outcome
from engine.storage.idempotency import (
    find_request,
    forget_expired_requests,
    is_same_request,
    kept_as,
    may_remember,
    remember,
    replay,
)
from engine.storage.timers import clear_timer, next_due
from engine.trading.challenge_rules import end_day, evaluate_due_seats
from engine.trading.fixed_trades import buy_fixed_trade, settle_fixed_trade
from engine.trading.instruments import is_stale_at, resumes_matches
from engine.trading.orders import (
    amend_order,
    cancel_order,
    continue_cancel_all,
    end_order,
    end_speed_bump,
    place_order,
    start_cancel_all,
)
from engine.trading.position_commands import amend_position, apply_amendment, close_position
from engine.trading.quotes import apply_quote, serve_quote
from engine.trading.waiting_quotes import enqueue, set_stale_timer

PHASE_ENTRY: Final = 0
PHASE_TIMERS: Final = 1
PHASE_SERVE: Final = 2
PHASE_RULES: Final = 3
PHASE_ENDING: Final = 4
PHASE_MATCH: Final = 5
"""A match is to start, or is settled and to be ranked: the machine does it, and resumes at book.progress[0].resume."""
PHASE_CANCEL_ALL: Final = 6
PHASE_TIMER: Final = 7
"""A timer with a Python handler is due: the machine calls it, and resumes at book.progress[0].resume."""
PHASE_RESUME_MATCHES: Final = 8
"""A quote has come while matches are paused: the machine resumes them, then the quote is executed."""

START: Final = -1
"""Number of the command to begin with when nothing of the batch is done."""

DONE: Final = -2
"""Returned when all commands are done."""

OUT_OF_ORDER: Final = -3
"""Returned when time or sequence of the batch does not follow the last one; nothing of it is done."""

EVENTS_PER_STEP: Final = len(INTERVALS_S) + 3
"""Upper bound of the events of one step of a command, a timer or a trigger."""


@entry
def apply(book: Book, commands: Commands, events: Events, first_sequence: int, at_ns: int, i: int) -> int:
    """Apply a batch's commands from number `i` on; returns the number of the first one that is not done, or DONE.

    That one is cold, or unfinished because the event buffer is full; events written are counted in book.progress. START
    begins the batch, and comes back when the tables have no room for it.
    """
    progress = book.progress[0]
    progress.events = 0
    scratch = book.spare_outcome[0]
    event_limit = len(events.header) - EVENTS_PER_STEP
    if i == START:
        if at_ns < book.world[0].now_ns or first_sequence != book.world[0].sequence + 1:
            return OUT_OF_ORDER
        if not has_capacity(book, len(commands.header)):
            return START
        book.world[0].now_ns = at_ns
        forget_expired_requests(book)
        expire_transfer_ids(book)
        progress.chain_end = 0
        progress.phase = PHASE_TIMERS
        progress.sequence = first_sequence
        i = 0
    if progress.phase == PHASE_TIMERS:
        if not _fire_timers(book, events, event_limit, scratch):
            return i
        progress.ending = 0
        progress.phase = PHASE_ENTRY

    if i == 0:
        i = -DISTANCE  # what a batch begins with is to be prefetched as well
    while i < len(commands.header):
        prefetch_commands(book, commands, i)
        if i < 0:
            i += 1
            continue
        header = commands.header[i]
        if header.kind == Kind.COLD.value or progress.events >= event_limit:
            return i
        progress.sequence = first_sequence + i
        outcome = book.outcomes[i]
        if progress.phase == PHASE_ENTRY:
            _apply_command(book, commands, events, outcome, header, i)
            if progress.phase == PHASE_SERVE and resumes_matches(book, commands.quote[i].instrument):
                progress.phase = PHASE_RESUME_MATCHES
                progress.resume = PHASE_SERVE
                return i
        if progress.phase == PHASE_SERVE:
            waits = book.quotes[commands.quote[i].instrument].waiting_first != 0
            instrument = commands.quote[i].instrument
            is_due = waits or progress.fired != 0
            if is_due and not serve_quote(book, events, instrument, event_limit, scratch):
                return i
            progress.phase = PHASE_RULES
        if progress.phase == PHASE_CANCEL_ALL:
            if not continue_cancel_all(book, events, event_limit):
                return i
            progress.phase = PHASE_RULES
        if progress.seats_due != 0 and not evaluate_due_seats(book, events, event_limit, scratch):
            progress.phase = PHASE_RULES
            return i
        if progress.ending:
            progress.phase = PHASE_ENDING
            if not _fire_timers(book, events, event_limit, scratch):
                return i
            progress.ending = 0
        progress.phase = PHASE_ENTRY
        book.world[0].sequence = progress.sequence
        i += 1
    return DONE


@kernel
def _apply_command(book: Book, commands: Commands, events: Events, outcome: Row, header: Row, i: int) -> None:
    """Apply command `i` and write its outcome; work that may take several calls is left to later phases."""
    clear_outcome(outcome)
    keyed = (
        (header.key_low != 0 or header.key_high != 0)
        and header.kind != Kind.TRANSFER.value
        and 0 <= header.player <= book.world[0].players  # a key is kept with its player
    )
    progress = book.progress[0]
    outcome.sequence = progress.sequence
    kind = header.kind
    if keyed:
        row = find_request(book, header)
        if row != 0:
            if is_same_request(book, row, header):
                replay(book, row, outcome)
            else:
                outcome.reason = Reason.KEY_REUSED.value
            return
        if not may_remember(book, header.player, kept_as(kind)):
            outcome.reason = Reason.KEYS_EXHAUSTED.value
            return

    if kind == Kind.QUOTE.value:
        outcome.reason = apply_quote(book, events, commands.quote[i])
        progress.instrument = commands.quote[i].instrument
        if outcome.reason == Reason.ACCEPTED.value:
            progress.phase = PHASE_SERVE
    elif kind == Kind.PLACE_ORDER.value:
        outcome.reason = place_order(book, events, commands.place[i], outcome)
    elif kind == Kind.CLOSE_POSITION.value:
        outcome.reason = close_position(book, events, commands.close[i], outcome)
    elif kind == Kind.CANCEL_ORDER.value:
        outcome.reason = cancel_order(book, events, commands.cancel[i], outcome)
    elif kind == Kind.AMEND_POSITION.value:
        outcome.reason = amend_position(book, events, commands.amend[i], outcome)
    elif kind == Kind.AMEND_ORDER.value:
        outcome.reason = amend_order(book, events, commands.amend_order[i], outcome)
    elif kind == Kind.CANCEL_ALL.value:
        outcome.reason = start_cancel_all(book, header, outcome)
        if outcome.reason == Reason.ACCEPTED.value:
            book.progress[0].phase = PHASE_CANCEL_ALL
    elif kind == Kind.BUY_FIXED.value:
        outcome.reason = buy_fixed_trade(book, events, commands.buy_fixed[i], outcome)
    elif kind == Kind.TRANSFER.value:
        outcome.reason = apply_transfer(book, events, commands, i, outcome)
    elif kind == Kind.PULSE.value:
        outcome.reason = Reason.ACCEPTED.value
    else:
        outcome.reason = Reason.COMMAND_UNKNOWN.value
    if kind != Kind.QUOTE.value:
        progress.instrument = outcome.instrument

    if keyed and outcome.reason == Reason.ACCEPTED.value:
        remember(book, header, outcome, kept_as(kind))


@rare_kernel
def _fire_timers(book: Book, events: Events, event_limit: int, scratch: Row) -> bool:
    """Fire the timers that are due, by (due, kind, id), until `event_limit` events are written; True when all are."""
    now_ns = book.world[0].now_ns
    progress = book.progress[0]
    progress.instrument = 0
    if progress.seats_due != 0 and not evaluate_due_seats(book, events, event_limit, scratch):
        return False
    row = next_due(book, now_ns)
    while row != 0:
        if progress.events >= event_limit:
            return False
        prefetch_due(book, row)
        timer = book.timers[row]
        if timer.kind == TIMER_FIXED:
            settle_fixed_trade(book, events, timer.owner)
        elif timer.kind == TIMER_WAIT:
            _fire_wait_timer(book, events, timer.owner)
        elif timer.kind == TIMER_HOLD:
            expire_hold(book, events, timer.owner)
        elif timer.kind == TIMER_REST:
            end_speed_bump(book, timer.owner)
        elif timer.kind == TIMER_AMEND:
            apply_amendment(book, events, timer.owner)
        elif timer.kind == TIMER_DAY:
            end_day(book, timer.owner)
        elif timer.kind == TIMER_MATCH:
            match_id = timer.owner
            starts = book.matches[match_id].status == MATCH_WAITING
            if starts or settle_match(book, events, match_id, event_limit, scratch):
                progress.match = match_id
                progress.resume = progress.phase
                progress.phase = PHASE_MATCH
            return False
        elif timer.kind == TIMER_SAMPLE:
            if not sample_match(book, events, timer.owner, event_limit):
                return False
        elif (
            timer.kind == TIMER_QUEUE
            or timer.kind == TIMER_DISCONNECT
            or (timer.kind == TIMER_OUTAGE and not is_feed_alive(book, row))
        ):
            progress.timer = row
            progress.resume = progress.phase
            progress.phase = PHASE_TIMER
            return False
        elif timer.kind == TIMER_OUTAGE:
            start_outage_timer(book, timer.owner, last_quote_ns(book, timer.owner))
        else:
            end_order(book, events, timer.owner, EventKind.ORDER_EXPIRED, Reason.ACCEPTED.value)
        if progress.seats_due != 0 and not evaluate_due_seats(book, events, event_limit, scratch):
            return False
        row = next_due(book, now_ns)
    return True


@kernel
def _fire_wait_timer(book: Book, events: Events, row: int) -> None:
    """End a speed bump; or expire an opening order whose instrument's quote is stale. Judged at the timer's due time,
    because the batch may come much later."""
    waiting = book.waiting[row]
    due_ns = book.timers[waiting.timer].due_ns
    clear_timer(book, waiting.timer)
    waiting.timer = 0
    if not waiting.queued:
        enqueue(book, row)
    elif is_stale_at(book, waiting.instrument, due_ns):
        end_order(book, events, waiting.owner, EventKind.ORDER_EXPIRED, Reason.FEED_STALE.value)
    else:
        set_stale_timer(book, row)
