"""Challenge rules: what a match demands of its seats, looked at whenever a seat's equity may have crossed a level.

A seat's rules are evaluated once, at the end of the entry that changed its equity: floors, loss per trade, profit
target, then the high-water mark and warnings. Who is out is put out in the same entry: its fixed-time trades are
refunded, its orders cancelled and its positions closed, in other instruments at their last usable quote, however old.

And what a match does to all of its seats: it settles them when it ends, and tells now and then what they are worth.
"""

from __future__ import annotations

from engine.jit import entry, kernel, rare_kernel
from engine.model.arithmetic import next_midnight
from engine.model.commands import Anchor, TotalDrawdown
from engine.model.events import Cause, EventKind, Rule
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.tables import (
    MATCH_WAITING,
    SEAT_ACTIVE,
    SEAT_DISQUALIFIED,
    SEAT_LOCKED,
    TIMER_DAY,
    TIMER_MATCH,
    TIMERS,
    WARNINGS_PERCENT,
)
from engine.storage.event_buffer import new_event
from engine.storage.free_rows import has_row
from engine.storage.sorting import sort
from engine.storage.timers import clear_timer, set_timer
from engine.trading.equity_bands import divide_headroom, drop_bands, queue_evaluation
from engine.trading.fixed_trades import refund
from engine.trading.orders import end_order
from engine.trading.positions import breaks_loss_limit, close_called
from engine.trading.seats import balance, seat_row, worth

_WARNINGS = len(WARNINGS_PERCENT)


@rare_kernel
def evaluate_due_seats(book, events, room, outcome):
    """Evaluate the rules of the seats that this entry changed, in order of player and match, while more than `room`
    events fit; True when all are. `outcome` is scratch.

    Stops also where no timer is left: a practice match has none until its target is reached, and one quote may let
    many matches end, for which no batch asks room."""
    progress = book.progress[0]
    if progress.seats_evaluated == 0:
        sort(book.due_seats, book.due_seats_scratch, progress.seats_due)
    while progress.seats_evaluated < progress.seats_due:
        if progress.events >= room or not has_row(book.timers, book.heads[TIMERS]):
            return False
        key = book.due_seats[progress.seats_evaluated]
        row = seat_row(book, key >> 32, key & 0xFFFFFFFF)
        if _evaluate(book, events, row, outcome):
            book.seats[row].evaluation_due = 0
            progress.seats_evaluated += 1
    progress.seats_due = 0
    progress.seats_evaluated = 0
    return True


@entry
def start_watch(book, row):
    """Set the seat's levels as at its start, and its headroom."""
    seat = book.seats[row]
    match = book.matches[seat.match]
    seat.watched = match.watched
    seat.warned = 0
    seat.high_water = match.starting_balance
    seat.daily_floor = match.starting_balance - match.daily_drawdown
    seat.total_floor = match.starting_balance - match.total_drawdown
    if match.watched:
        _watch(book, row, balance(seat), 0)


@rare_kernel
def start_day(book, match_id):
    """A new day: every seat's daily floor is counted from its anchor of now, its warnings come anew, and its rules are
    evaluated.

    Walks the match's seats, and their positions where the anchor is equity.
    """
    match = book.matches[match_id]
    clear_timer(book, match.day_timer)
    match.day_timer = set_timer(book, next_midnight(book.world[0].now_ns), TIMER_DAY, match_id, match_id)
    row = match.first_seat
    while row != 0:
        seat = book.seats[row]
        if seat.status == SEAT_ACTIVE:
            anchor = balance(seat)
            if match.daily_anchor != Anchor.BALANCE.value:
                equity, _ = worth(book, row)
                anchor = equity if match.daily_anchor == Anchor.EQUITY.value else max(anchor, equity)
            seat.daily_floor = anchor - match.daily_drawdown
            seat.warned = 0
            queue_evaluation(book, row)
        row = seat.next_in_match


@entry
def time_match(book, match_id, due_ns):
    """Let what comes next for the match, its beginning or its end, come at that time; 0: at none. It is not paused any
    more."""
    match = book.matches[match_id]
    if match.paused_since_ns != 0:
        match.paused_since_ns = 0
        book.world[0].paused -= 1
    if match.timer != 0:
        clear_timer(book, match.timer)
        match.timer = 0
    if due_ns != 0:
        match.timer = set_timer(book, due_ns, TIMER_MATCH, match_id, match_id)
    if match.status == MATCH_WAITING:
        match.starts_at_ns = due_ns
    else:
        match.ends_at_ns = due_ns


@entry
def time_match_now(book, match_id):
    """Let it come when this entry is done."""
    time_match(book, match_id, book.world[0].now_ns)
    book.progress[0].ending = 1


@rare_kernel
def flatten(book, events, row, cause, outcome):
    """Refund one fixed-time trade of the seat, or else cancel an order, or close a position, the latest first; False
    when it has none."""
    seat = book.seats[row]
    if seat.first_fixed != 0:
        reason = Reason.MATCH_NOT_OPEN.value
        if cause == Cause.RULE.value:
            reason = Reason.SEAT_LOCKED.value if seat.status == SEAT_LOCKED else Reason.SEAT_DISQUALIFIED.value
        refund(book, events, seat.first_fixed, reason)
        return True
    if seat.first_order != 0:
        end_order(book, events, seat.first_order, EventKind.ORDER_CANCELED.value, Reason.ACCEPTED.value)
        return True
    if seat.first_position_list == 0:
        return False
    position_list = book.position_lists[seat.first_position_list]
    place = position_list.used - 1
    while position_list.positions[place] == 0:
        place -= 1
    _close(book, events, position_list.positions[place], cause, outcome)
    return True


@kernel
def _evaluate(book, events, row, outcome):
    """One step of judging the seat, of at most 2 x WARNINGS events; True when nothing is left to do."""
    seat = book.seats[row]
    match = book.matches[seat.match]
    if seat.status != SEAT_ACTIVE:
        return not flatten(book, events, row, Cause.RULE.value, outcome)
    equity, deficit = worth(book, row)
    if match.daily_drawdown != 0 and equity < seat.daily_floor:
        _eliminate_seat(book, events, row, Rule.DAILY_DRAWDOWN.value, equity, seat.daily_floor)
        return False
    if match.total_drawdown != 0 and equity < seat.total_floor:
        _eliminate_seat(book, events, row, Rule.TOTAL_DRAWDOWN.value, equity, seat.total_floor)
        return False
    if match.loss_per_trade != 0:
        position_row, result = _lost_trade(book, row)
        if position_row != 0:
            if match.loss_disqualifies:
                _eliminate_seat(book, events, row, Rule.LOSS_PER_TRADE.value, result, -match.loss_per_trade)
            else:
                _close(book, events, position_row, Cause.RULE.value, outcome)
            return False
    if match.profit_target != 0 and equity >= match.profit_target:
        _eliminate_seat(book, events, row, Rule.PROFIT_TARGET.value, equity, match.profit_target)
        return False

    if _floor_rises(seat, match):
        step = _high_water_step(match)
        seat.high_water += max(0, equity - seat.high_water) // step * step
        seat.total_floor = seat.high_water - match.total_drawdown
        if match.total_mode == TotalDrawdown.TRAILING_LOCK.value:
            seat.total_floor = min(seat.total_floor, match.starting_balance)
    if match.daily_drawdown != 0:
        _warn(book, events, row, Rule.DAILY_DRAWDOWN.value, equity, seat.daily_floor, match.daily_drawdown, 0)
    if match.total_drawdown != 0:
        _warn(book, events, row, Rule.TOTAL_DRAWDOWN.value, equity, seat.total_floor, match.total_drawdown, _WARNINGS)
    _watch(book, row, equity, deficit)
    return True


@kernel
def _watch(book, row, equity, deficit):
    """Divide the headroom between the seat's equity and the nearest levels at which its rules are to be evaluated
    again."""
    seat = book.seats[row]
    match = book.matches[seat.match]
    lower = -BOUND
    if match.daily_drawdown != 0:
        warning = _next_warning(seat.warned, seat.daily_floor, match.daily_drawdown)
        lower = max(lower, seat.daily_floor, warning + 1)
    if match.total_drawdown != 0:
        warning = _next_warning(seat.warned >> _WARNINGS, seat.total_floor, match.total_drawdown)
        lower = max(lower, seat.total_floor, warning + 1)
    upper = 2 * BOUND
    if match.profit_target != 0:
        upper = match.profit_target
    if _floor_rises(seat, match):
        upper = min(upper, seat.high_water + _high_water_step(match))
    divide_headroom(book, row, max(0, equity - deficit - lower), max(0, upper - 1 - equity))


@kernel
def _floor_rises(seat, match):
    """Does the seat's total floor follow its equity? One that locks stays where it is once it is at the start, and so
    does the high-water mark."""
    if match.total_mode == TotalDrawdown.TRAILING_LOCK.value:
        return seat.total_floor < match.starting_balance
    return match.total_mode == TotalDrawdown.TRAILING.value


@kernel
def _high_water_step(match):
    """A tenth of a percent of the starting balance."""
    return max(1, match.starting_balance // 1000)


@kernel
def _level(number, floor, drawdown):
    """Equity at or below which warning `number` goes out."""
    return floor + drawdown * (100 - WARNINGS_PERCENT[number]) // 100


@kernel
def _next_warning(warned, floor, drawdown):
    """The highest level of those whose warning has not gone out; far below everything when all have."""
    for number in range(_WARNINGS):
        if not (warned >> number) & 1:
            return _level(number, floor, drawdown)
    return -BOUND


@kernel
def _warn(book, events, row, rule, equity, floor, drawdown, first_bit):
    seat = book.seats[row]
    for number in range(_WARNINGS):
        bit = 1 << (first_bit + number)
        if not seat.warned & bit and equity <= _level(number, floor, drawdown):
            seat.warned |= bit
            event = events.judged[new_event(book, events, EventKind.SEAT_WARNED.value, seat.player, seat.match, 0)]
            event.rule = rule
            event.percent = WARNINGS_PERCENT[number]
            event.equity = equity
            event.level = floor


@kernel
def _lost_trade(book, row):
    """The latest opened of the seat's positions that has lost more than the match allows, and its result; 0 none."""
    list_row = book.seats[row].first_position_list
    while list_row != 0:
        position_list = book.position_lists[list_row]
        for k in range(position_list.used):
            position_row = position_list.positions[position_list.used - 1 - k]
            if position_row != 0:
                broken, result = breaks_loss_limit(book, book.positions[position_row])
                if broken:
                    return position_row, result
        list_row = position_list.next
    return 0, 0


@kernel
def _eliminate_seat(book, events, row, rule, equity, level):
    """The seat trades no more in this match: keep and tell the evidence. The steps that follow flatten it."""
    seat = book.seats[row]
    progress = book.progress[0]
    quote = book.quotes[progress.instrument]
    won = rule == Rule.PROFIT_TARGET.value
    seat.status = SEAT_LOCKED if won else SEAT_DISQUALIFIED
    seat.out_rule = rule
    seat.out_sequence = progress.sequence
    seat.out_equity = equity
    seat.out_level = level
    seat.out_instrument = progress.instrument
    seat.out_bid = quote.bid
    seat.out_ask = quote.ask
    drop_bands(book, row)
    if won and book.matches[seat.match].target_ends:
        time_match_now(book, seat.match)
    kind = EventKind.SEAT_LOCKED.value if won else EventKind.SEAT_DISQUALIFIED.value
    event = events.judged[new_event(book, events, kind, seat.player, seat.match, progress.instrument)]
    event.rule = rule
    event.equity = equity
    event.level = level
    event.bid = quote.bid
    event.ask = quote.ask
    event.quote_sequence = quote.sequence


@rare_kernel
def _close(book, events, position_row, cause, outcome):
    position = book.positions[position_row]
    quote = book.quotes[position.instrument]
    price = quote.bid if position.side > 0 else quote.ask
    close_called(book, events, position_row, position.lots, price, cause, outcome)
