"""One turn: a batch of hot commands applied in order, in machine code from the first to the last.

`apply` returns early when it meets a cold command or when the event buffer is nearly full, which one quote or one
cancel-all alone can do; what it was in the middle of stands in book.turn, and the next call goes on from there.
"""

from __future__ import annotations

from typing import Final

from engine.batch.prefetch import DISTANCE, prefetch_commands, prefetch_due
from engine.competition.outage_watch import was_quoted, watch_feed
from engine.competition.settlement import sample_match, settle_match
from engine.jit import entry, kernel, rare_kernel
from engine.ledger.ledger import expire_hold, forget_transfers
from engine.ledger.transfers import transfer
from engine.model.arithmetic import ceil_div
from engine.model.commands import Amend, Kind
from engine.model.events import Cause, EventKind, OrderStatus
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.tables import (
    INTERVALS_S,
    MATCH_WAITING,
    TIMER_DAY,
    TIMER_FIXED,
    TIMER_HOLD,
    TIMER_MATCH,
    TIMER_OUTAGE,
    TIMER_QUEUE,
    TIMER_SAMPLE,
    TIMER_WAIT,
    WAITS_TO_CLOSE,
)
from engine.storage.capacity import has_room
from engine.storage.compact_index import find_open
from engine.storage.event_buffer import clear
from engine.storage.idempotency import forget_expired, known, recall, remember, same
from engine.storage.timers import clear_timer, next_due
from engine.trading.challenge_rules import judge_touched, start_day
from engine.trading.fixed_trades import buy, settle
from engine.trading.instruments import is_stale, is_stale_at
from engine.trading.order_checks import check_stops, liquidated_at
from engine.trading.orders import amend_order, cancel, end_order, go_on_cancelling, place, start_cancel_all
from engine.trading.positions import amend_position, close_position, liquidation_with, trailing_distance
from engine.trading.quotes import apply_quote, serve
from engine.trading.waiting_quotes import join_queue, look_when_stale, wait_for_quote

PHASE_ENTRY: Final = 0
PHASE_TIMERS: Final = 1
PHASE_SERVE: Final = 2
PHASE_JUDGE: Final = 3
PHASE_ENDING: Final = 4
PHASE_MATCH: Final = 5
"""A match is to begin, or is settled and to be ranked: the machine does it, and goes on with book.turn[0].resume."""
PHASE_CANCEL_ALL: Final = 6
PHASE_TIMER: Final = 7
"""A timer of something cold is due: the machine serves it, and goes on with book.turn[0].resume."""
PHASE_FEED: Final = 8
"""A quote has come that paused matches waited for: the machine lets them go on, and then serves the quote."""

START: Final = -1
"""Number of the command before a batch's first: nothing of the batch is done yet."""

DONE: Final = -2
"""In place of the number of the first command that is not done: all are."""

OUT_OF_ORDER: Final = -3
"""The same: the batch does not follow the last one, and nothing of it is done."""

EVENTS_PER_STEP: Final = len(INTERVALS_S) + 3
"""No command, timer, or thing served emits more events than this in one step."""


@entry
def apply(book, commands, events, first_sequence, at_ns, i):
    """Apply a batch's commands from number `i` on; returns the number of the first one that is not done, or DONE.

    That one is cold, or unfinished because the event buffer is full; events written are counted in book.turn. START
    begins the batch, and comes back when the tables have no room for it.
    """
    turn = book.turn[0]
    turn.events = 0
    scratch = book.spare_outcome[0]
    room = len(events.header) - EVENTS_PER_STEP
    if i == START:
        if at_ns < book.world[0].now_ns or first_sequence != book.world[0].sequence + 1:
            return OUT_OF_ORDER
        if not has_room(book, len(commands.header)):
            return START
        book.world[0].now_ns = at_ns
        forget_expired(book)
        forget_transfers(book)
        turn.chain_end = 0
        turn.phase = PHASE_TIMERS
        turn.sequence = first_sequence
        i = 0
    if turn.phase == PHASE_TIMERS:
        if not _fire_timers(book, events, room, scratch):
            return i
        turn.ending = 0
        turn.phase = PHASE_ENTRY

    if i == 0:
        i = -DISTANCE  # what a batch begins with is to be prefetched as well
    while i < len(commands.header):
        prefetch_commands(book, commands, i)
        if i < 0:
            i += 1
            continue
        header = commands.header[i]
        if header.kind == Kind.COLD.value or turn.events >= room:
            return i
        turn.sequence = first_sequence + i
        outcome = book.outcomes[i]
        if turn.phase == PHASE_ENTRY:
            _begin_entry(book, commands, events, outcome, header, i)
            if turn.phase == PHASE_SERVE and book.world[0].paused != 0:
                turn.phase = PHASE_FEED
                turn.resume = PHASE_SERVE
                return i
        if turn.phase == PHASE_SERVE:
            waits = book.quotes[commands.quote[i].instrument].waiting_first != 0
            if (waits or turn.fired != 0) and not serve(book, events, commands.quote[i].instrument, room, scratch):
                return i
            turn.phase = PHASE_JUDGE
        if turn.phase == PHASE_CANCEL_ALL:
            if not go_on_cancelling(book, events, room):
                return i
            turn.phase = PHASE_JUDGE
        if turn.touched != 0 and not judge_touched(book, events, room, scratch):
            turn.phase = PHASE_JUDGE
            return i
        if turn.ending:
            turn.phase = PHASE_ENDING
            if not _fire_timers(book, events, room, scratch):
                return i
            turn.ending = 0
        turn.phase = PHASE_ENTRY
        book.world[0].sequence = turn.sequence
        i += 1
    return DONE


@kernel
def _begin_entry(book, commands, events, outcome, header, i):
    """Apply command `i`, all but what may take several calls, and answer it."""
    clear(outcome)
    keyed = (header.key_low != 0 or header.key_high != 0) and header.kind != Kind.TRANSFER.value
    if keyed:
        row = known(book, header)
        if row != 0:
            if same(book, row, header):
                recall(book, row, outcome)
            else:
                outcome.reason = Reason.KEY_REUSED.value
                outcome.sequence = book.turn[0].sequence
            return

    turn = book.turn[0]
    outcome.sequence = turn.sequence
    kind = header.kind
    if kind == Kind.QUOTE.value:
        outcome.reason = apply_quote(book, events, commands.quote[i])
        turn.instrument = commands.quote[i].instrument
        if outcome.reason == Reason.ACCEPTED.value:
            turn.phase = PHASE_SERVE
    elif kind == Kind.PLACE_ORDER.value:
        outcome.reason = place(book, events, commands.place[i], outcome)
    elif kind == Kind.CLOSE_POSITION.value:
        outcome.reason = _close(book, events, commands.close[i], outcome)
    elif kind == Kind.CANCEL_ORDER.value:
        outcome.reason = cancel(book, events, commands.cancel[i], outcome)
    elif kind == Kind.AMEND_POSITION.value:
        outcome.reason = _amend(book, events, commands.amend[i], outcome)
    elif kind == Kind.AMEND_ORDER.value:
        outcome.reason = amend_order(book, events, commands.amend_order[i], outcome)
    elif kind == Kind.CANCEL_ALL.value:
        outcome.reason = start_cancel_all(book, header, outcome)
        if outcome.reason == Reason.ACCEPTED.value:
            book.turn[0].phase = PHASE_CANCEL_ALL
    elif kind == Kind.BUY_FIXED.value:
        outcome.reason = buy(book, events, commands.buy_fixed[i], outcome)
    elif kind == Kind.TRANSFER.value:
        outcome.reason = transfer(book, events, commands, i, outcome)
    elif kind == Kind.PULSE.value:
        outcome.reason = Reason.ACCEPTED.value
    else:
        outcome.reason = Reason.COMMAND_UNKNOWN.value
    if kind != Kind.QUOTE.value:
        turn.instrument = outcome.instrument

    if keyed and outcome.reason == Reason.ACCEPTED.value:
        remember(book, header, outcome)


@kernel
def _close(book, events, command, outcome):
    """Close a position of the player's, wholly or in part; under `next`, and on a stale quote, it waits for another."""
    row = find_open(book, command.position)
    if row <= 0 or book.seats[book.positions[row].seat].player != command.player:
        return Reason.POSITION_NOT_FOUND.value
    position = book.positions[row]
    if command.lots < 0 or (command.lots != 0 and command.percent != 0):
        return Reason.SIZE_INVALID.value
    if command.lots == 0 and (command.percent < 1 or command.percent > 100):
        return Reason.PERCENT_INVALID.value
    if command.lots > position.lots:
        return Reason.QUANTITY_TOO_HIGH.value
    instrument = book.instruments[position.instrument]
    lots = command.lots
    if lots == 0:
        lots = position.lots
        if command.percent != 100:  # as few are
            lots = lots // 100 * command.percent + lots % 100 * command.percent // 100
    if lots == 0:
        return Reason.SIZE_ZERO.value
    if instrument.halted:
        return Reason.INSTRUMENT_HALTED.value
    if position.waiting != 0:
        return Reason.POSITION_CLOSING.value

    match = book.matches[book.seats[position.seat].match]
    if match.next_quote or is_stale(book, position.instrument):
        outcome.id = position.id
        outcome.instrument = position.instrument
        outcome.status = OrderStatus.ACCEPTED.value
        outcome.left = position.lots
        ripe_at_ns = book.world[0].now_ns + match.speed_bump_ns
        position.waiting = wait_for_quote(book, position.instrument, WAITS_TO_CLOSE, row, lots, ripe_at_ns)
    else:
        outcome.status = OrderStatus.FILLED.value
        quote = book.quotes[position.instrument]
        price = quote.bid if position.side > 0 else quote.ask
        close_position(book, events, row, lots, price, Cause.CLIENT, outcome)
    return Reason.ACCEPTED.value


@rare_kernel
def _amend(book, events, command, outcome):
    """Set, move or take away stops and target of a position of the player's; add or take back margin.

    A stop stays or trails: setting one ends the other. Where a trailing stop begins is an advantage that a price
    gives, so the price must be fresh.
    """
    row = find_open(book, command.position)
    if row <= 0 or book.seats[book.positions[row].seat].player != command.player:
        return Reason.POSITION_NOT_FOUND.value
    position = book.positions[row]
    if position.waiting != 0:
        return Reason.POSITION_CLOSING.value
    quote = book.quotes[position.instrument]
    mark = quote.bid if position.side > 0 else quote.ask
    stop_loss = command.stop_loss if command.fields & Amend.STOP_LOSS.value else 0
    take_profit = command.take_profit if command.fields & Amend.TAKE_PROFIT.value else 0
    trailing_ppm = command.trailing_ppm if command.fields & Amend.TRAILING_STOP.value else 0
    highest_price = book.instruments[position.instrument].highest_price
    reason = check_stops(position.side, mark, stop_loss, take_profit, trailing_ppm, highest_price)
    if reason == Reason.ACCEPTED.value and trailing_ppm != 0 and is_stale(book, position.instrument):
        reason = Reason.FEED_STALE.value
    margin = 0
    if reason == Reason.ACCEPTED.value and command.fields & Amend.MARGIN.value:
        margin = command.margin
        reason = _check_margin(book, position, margin, mark)
    if reason != Reason.ACCEPTED.value:
        return reason

    trailing = 0
    if trailing_ppm != 0:
        trailing = trailing_distance(mark, trailing_ppm)
        stop_loss = mark - position.side * trailing
    elif not command.fields & Amend.STOP_LOSS.value and (
        position.trailing == 0 or not command.fields & Amend.TRAILING_STOP.value
    ):
        stop_loss = position.stop_loss
        trailing = position.trailing
    if not command.fields & Amend.TAKE_PROFIT.value:
        take_profit = position.take_profit
    outcome.id = position.id
    outcome.instrument = position.instrument
    outcome.left = position.lots
    amend_position(book, events, row, stop_loss, take_profit, margin, trailing)
    outcome.liquidation = position.liquidation
    return reason


@kernel
def _check_margin(book, position, change, mark):
    """May so much margin be added (> 0) or taken back (< 0), the position being valued at `mark`?

    Taking back is an advantage that a price gives, so the price must be fresh.
    """
    seat = book.seats[position.seat]
    if change == 0 or change < -BOUND or change > BOUND - position.margin:
        return Reason.MARGIN_INVALID.value
    if change > 0:
        return Reason.CASH_TOO_LOW.value if change > seat.cash else Reason.ACCEPTED.value
    instrument = book.instruments[position.instrument]
    margin = position.margin + change
    if margin < ceil_div(position.cost * instrument.value, position.leverage):
        return Reason.MARGIN_TOO_LOW.value
    if is_stale(book, position.instrument):
        return Reason.FEED_STALE.value
    if liquidated_at(position.side, liquidation_with(book, position, margin), mark):
        return Reason.WOULD_LIQUIDATE_NOW.value
    return Reason.ACCEPTED.value


@rare_kernel
def _fire_timers(book, events, room, scratch):
    """Fire what is due, in the order (due, kind, id), while events fit; True when nothing is due any more."""
    now_ns = book.world[0].now_ns
    turn = book.turn[0]
    turn.instrument = 0
    if turn.touched != 0 and not judge_touched(book, events, room, scratch):
        return False
    row = next_due(book, now_ns)
    while row != 0:
        if turn.events >= room:
            return False
        prefetch_due(book, row)
        timer = book.timers[row]
        if timer.kind == TIMER_FIXED:
            settle(book, events, timer.owner)
        elif timer.kind == TIMER_WAIT:
            _fire_wait(book, events, timer.owner)
        elif timer.kind == TIMER_HOLD:
            expire_hold(book, events, timer.owner)
        elif timer.kind == TIMER_DAY:
            start_day(book, timer.owner)
        elif timer.kind == TIMER_MATCH:
            match_id = timer.owner
            begins = book.matches[match_id].status == MATCH_WAITING
            if begins or settle_match(book, events, match_id, room, scratch):
                turn.match = match_id
                turn.resume = turn.phase
                turn.phase = PHASE_MATCH
            return False
        elif timer.kind == TIMER_SAMPLE:
            if not sample_match(book, events, timer.owner, room):
                return False
        elif timer.kind == TIMER_QUEUE or (timer.kind == TIMER_OUTAGE and not was_quoted(book, row)):
            turn.timer = row
            turn.resume = turn.phase
            turn.phase = PHASE_TIMER
            return False
        elif timer.kind == TIMER_OUTAGE:
            watch_feed(book, timer.owner, book.world[0].quoted_at_ns)
        else:
            end_order(book, events, timer.owner, EventKind.ORDER_EXPIRED, Reason.ACCEPTED.value)
        if turn.touched != 0 and not judge_touched(book, events, room, scratch):
            return False
        row = next_due(book, now_ns)
    return True


@kernel
def _fire_wait(book, events, row):
    """A speed bump is over; or an opening order has waited until its instrument's quote may be stale: told at the time
    that was set, for the batch may come much later, and what else is due has its turn."""
    waiting = book.waiting[row]
    due_ns = book.timers[waiting.timer].due_ns
    clear_timer(book, waiting.timer)
    waiting.timer = 0
    if not waiting.queued:
        join_queue(book, row)
    elif is_stale_at(book, waiting.instrument, due_ns):
        end_order(book, events, waiting.owner, EventKind.ORDER_EXPIRED, Reason.FEED_STALE.value)
    else:
        look_when_stale(book, row)
