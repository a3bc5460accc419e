"""Challenge rules: a match's limits on its seats, evaluated whenever a seat's equity may have crossed a level.

A seat's rules are evaluated at the end of the command that changed its equity: drawdown floors, loss per trade, profit
target, then the high-water mark and warnings. A seat that breaks one is eliminated within the same command: its
fixed-time trades are refunded, its orders cancelled and its positions closed, each at the last usable quote of its
instrument, however old.
"""

from __future__ import annotations

from engine.jit import entry, kernel, rare_entry, rare_kernel
from engine.model.commands import Anchor, TotalDrawdown
from engine.model.events import Cause, EventKind, Rule
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.scale import BOUND, NS_PER_S
from engine.model.tables import (
    MATCH_WAITING,
    SEAT_ACTIVE,
    SEAT_DISQUALIFIED,
    SEAT_LOCKED,
    TIMER_DAY,
    TIMER_MATCH,
    TIMERS,
    WARNINGS_PERCENT,
    Book,
    Row,
)
from engine.storage.event_buffer import new_event
from engine.storage.free_rows import has_row
from engine.storage.sorting import sort
from engine.storage.timers import clear_timer, set_timer
from engine.storage.zones import next_day_ns
from engine.trading.equity_bands import close_bands, divide_headroom, queue_evaluation
from engine.trading.fixed_trades import refund_fixed_trade
from engine.trading.instruments import count_paused
from engine.trading.orders import end_order
from engine.trading.positions import close_lots_rare, exceeds_loss_limit
from engine.trading.seats import balance, equity_and_deficit, net_equity, seat_row

_WARNINGS = len(WARNINGS_PERCENT)


@rare_kernel
def evaluate_due_seats(book: Book, events: Events, event_limit: int, outcome: Row) -> bool:
    """Evaluate the rules of the seats in book.due_seats, in order of player and match, until `event_limit` events are
    written; True when all are done. `outcome` is scratch.

    Stops also when no row for a timer is free: practice matches have none until their target is reached, and one quote
    may end many of them, for which no batch reserves rows.
    """
    progress = book.progress[0]
    if progress.seats_evaluated == 0:
        sort(book.due_seats, book.due_seats_scratch, progress.seats_due)
    while progress.seats_evaluated < progress.seats_due:
        if progress.events >= event_limit or not has_row(book.timers, book.heads[TIMERS]):
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
def set_initial_levels(book: Book, row: int) -> None:
    """Set the high-water mark and floors of a seat at its start, and its headroom."""
    seat = book.seats[row]
    match = book.matches[seat.match]
    seat.watched = match.watched
    seat.warned = 0
    seat.high_water = match.starting_balance
    seat.daily_floor = match.starting_balance - match.daily_drawdown
    seat.total_floor = match.starting_balance - match.total_drawdown
    if match.watched:
        _set_headroom(book, row, balance(seat), 0)


@rare_kernel
def end_day(book: Book, match_id: int) -> None:
    """The match's day timer is due: a new day begins, or, of a paused match, when that goes on."""
    match = book.matches[match_id]
    clear_timer(book, match.day_timer)
    match.day_timer = 0
    if match.paused_since_ns == 0:
        start_day(book, match_id)


@rare_entry
def start_day(book: Book, match_id: int) -> None:
    """A new day: reset each seat's daily floor (from its balance or equity) and warnings, and have its rules evaluated.

    Walks the match's seats, and their positions where the anchor is equity.
    """
    match = book.matches[match_id]
    set_day_timer(book, match_id)
    row = match.first_seat
    while row != 0:
        seat = book.seats[row]
        if seat.status == SEAT_ACTIVE:
            anchor = balance(seat)
            if match.daily_anchor != Anchor.BALANCE.value:
                equity, _ = equity_and_deficit(book, row)
                anchor = equity if match.daily_anchor == Anchor.EQUITY.value else max(anchor, equity)
            seat.daily_floor = anchor - match.daily_drawdown
            seat.warned = 0
            queue_evaluation(book, row)
        row = seat.next_in_match


@entry
def set_day_timer(book: Book, match_id: int) -> None:
    """Set the timer of the match's next day, by the clock of its zone."""
    match = book.matches[match_id]
    begins_ns = next_day_ns(book, match.day_zone, match.day_start_s * NS_PER_S, book.world[0].now_ns)
    match.day_timer = set_timer(book, begins_ns, TIMER_DAY, match_id, match_id)


@entry
def schedule_match(book: Book, match_id: int, due_ns: int) -> None:
    """Set the time at which the match starts, or ends if it has started; 0: none. Ends a pause."""
    match = book.matches[match_id]
    if match.paused_since_ns != 0:
        match.paused_since_ns = 0
        count_paused(book, match_id, -1)
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
def schedule_match_now(book: Book, match_id: int) -> None:
    """Start or end the match when the current command is done."""
    schedule_match(book, match_id, book.world[0].now_ns)
    book.progress[0].ending = 1


@rare_kernel
def flatten_step(book: Book, events: Events, row: int, cause: int, outcome: Row) -> bool:
    """Refund one fixed-time trade of the seat, or else cancel one order, or else close one position, the latest first;
    False when it has none. Emits at most two events."""
    seat = book.seats[row]
    if seat.first_fixed != 0:
        reason = Reason.MATCH_NOT_OPEN.value
        if cause == Cause.RULE.value:
            reason = Reason.SEAT_LOCKED.value if seat.status == SEAT_LOCKED else Reason.SEAT_DISQUALIFIED.value
        refund_fixed_trade(book, events, seat.first_fixed, reason)
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
    _close_at_quote(book, events, position_list.positions[place], cause, outcome)
    return True


@kernel
def _evaluate(book: Book, events: Events, row: int, outcome: Row) -> bool:
    """One step of evaluating the seat's rules, of at most 2 x WARNINGS events; True when nothing is left to do."""
    seat = book.seats[row]
    match = book.matches[seat.match]
    if seat.status != SEAT_ACTIVE:
        return not flatten_step(book, events, row, Cause.RULE.value, outcome)
    equity, deficit = equity_and_deficit(book, row)
    if match.daily_drawdown != 0 and equity < seat.daily_floor:
        _eliminate_seat(book, events, row, Rule.DAILY_DRAWDOWN.value, equity, seat.daily_floor)
        return False
    if match.total_drawdown != 0 and equity < seat.total_floor:
        _eliminate_seat(book, events, row, Rule.TOTAL_DRAWDOWN.value, equity, seat.total_floor)
        return False
    if match.loss_per_trade != 0:
        position_row, result = _trade_beyond_loss_limit(book, row)
        if position_row != 0:
            if match.loss_disqualifies:
                _eliminate_seat(book, events, row, Rule.LOSS_PER_TRADE.value, result, -match.loss_per_trade)
            else:
                _close_at_quote(book, events, position_row, Cause.RULE.value, outcome)
            return False
    if match.profit_target != 0 and equity >= match.profit_target:
        net = net_equity(book, row)
        if net >= match.profit_target:
            _eliminate_seat(book, events, row, Rule.PROFIT_TARGET.value, net, match.profit_target)
            return False

    if _floor_trails(seat, match):
        step = _high_water_step(match)
        seat.high_water += max(0, equity - seat.high_water) // step * step
        seat.total_floor = seat.high_water - match.total_drawdown
        if match.total_mode == TotalDrawdown.TRAILING_LOCK.value:
            seat.total_floor = min(seat.total_floor, match.starting_balance)
    if match.daily_drawdown != 0:
        _warn(book, events, row, Rule.DAILY_DRAWDOWN.value, equity, seat.daily_floor, match.daily_drawdown, 0)
    if match.total_drawdown != 0:
        _warn(book, events, row, Rule.TOTAL_DRAWDOWN.value, equity, seat.total_floor, match.total_drawdown, _WARNINGS)
    _set_headroom(book, row, equity, deficit)
    return True


@kernel
def _set_headroom(book: Book, row: int, equity: int, deficit: int) -> None:
    """Set the seat's headroom to the nearest levels at which its rules must be evaluated again, and divide it among its
    bands.

    A seat whose equity has the profit target, but for open stakes and the fees of closing, has less than no profit
    headroom: each gain, and each stake that ends, evaluates it anew. Closing changes its equity by the fee and its net
    equity by nothing, so the way to the target is not measured in net equity.
    """
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
    if _floor_trails(seat, match):
        upper = min(upper, seat.high_water + _high_water_step(match))
    divide_headroom(book, row, max(0, equity - deficit - lower), upper - 1 - equity)


@kernel
def _floor_trails(seat: Row, match: Row) -> bool:
    """Does the total floor trail the high-water mark? One that locks stops at the starting balance, and so does the
    mark."""
    if match.total_mode == TotalDrawdown.TRAILING_LOCK.value:
        return seat.total_floor < match.starting_balance
    return match.total_mode == TotalDrawdown.TRAILING.value


@kernel
def _high_water_step(match: Row) -> int:
    """A tenth of a percent of the starting balance."""
    return max(1, match.starting_balance // 1000)


@kernel
def _warning_level(number: int, floor: int, drawdown: int) -> int:
    """Equity at or below which warning `number` is emitted."""
    return floor + drawdown * (100 - WARNINGS_PERCENT[number]) // 100


@kernel
def _next_warning(warned: int, floor: int, drawdown: int) -> int:
    """The highest level whose warning has not been emitted; -BOUND when all have."""
    for number in range(_WARNINGS):
        if not (warned >> number) & 1:
            return _warning_level(number, floor, drawdown)
    return -BOUND


@kernel
def _warn(
    book: Book, events: Events, row: int, rule: int, equity: int, floor: int, drawdown: int, first_bit: int
) -> None:
    seat = book.seats[row]
    for number in range(_WARNINGS):
        bit = 1 << (first_bit + number)
        if not seat.warned & bit and equity <= _warning_level(number, floor, drawdown):
            seat.warned |= bit
            event = events.judged[new_event(book, events, EventKind.SEAT_WARNED.value, seat.player, seat.match, 0)]
            event.rule = rule
            event.percent = WARNINGS_PERCENT[number]
            event.equity = equity
            event.level = floor


@kernel
def _trade_beyond_loss_limit(book: Book, row: int) -> tuple[int, int]:
    """The row of the latest opened position that has lost more than the match allows, and its result; 0, 0: none."""
    list_row = book.seats[row].first_position_list
    while list_row != 0:
        position_list = book.position_lists[list_row]
        for k in range(position_list.used):
            position_row = position_list.positions[position_list.used - 1 - k]
            if position_row != 0:
                broken, result = exceeds_loss_limit(book, book.positions[position_row])
                if broken:
                    return position_row, result
        list_row = position_list.next
    return 0, 0


@kernel
def _eliminate_seat(book: Book, events: Events, row: int, rule: int, equity: int, level: int) -> None:
    """Lock or disqualify the seat, record and emit the evidence. Later steps of `_evaluate` close what is open."""
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
    close_bands(book, row)
    if won and book.matches[seat.match].target_ends:
        schedule_match_now(book, seat.match)
    kind = EventKind.SEAT_LOCKED.value if won else EventKind.SEAT_DISQUALIFIED.value
    event = events.judged[new_event(book, events, kind, seat.player, seat.match, progress.instrument)]
    event.rule = rule
    event.equity = equity
    event.level = level
    event.bid = quote.bid
    event.ask = quote.ask
    event.quote_sequence = quote.sequence


@rare_kernel
def _close_at_quote(book: Book, events: Events, position_row: int, cause: int, outcome: Row) -> None:
    position = book.positions[position_row]
    quote = book.quotes[position.instrument]
    price = quote.bid if position.side > 0 else quote.ask
    close_lots_rare(book, events, position_row, position.lots, price, cause, outcome)
