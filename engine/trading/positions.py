"""Positions: opened by a fill, closed wholly or in part, always at the touch of the closing side.

A position cannot lose more than its margin: the match's insurance account bears a loss beyond it, and the closing fee
is at most the remaining collateral.
"""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel, rare_kernel
from engine.model.arithmetic import ceil_div, ppm_ceil, share_floor
from engine.model.events import Cause, EventKind
from engine.model.layouts import Events
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.tables import AMENDMENTS, BUCKET_ASK, BUCKET_BID, PAGE_ROWS, POSITIONS, TRIGGER_POSITION, Book, Row
from engine.storage.compact_index import remove, store
from engine.storage.event_buffer import new_event
from engine.storage.free_rows import release, take
from engine.storage.linked_rows import unlink
from engine.storage.timers import clear_timer
from engine.trading.equity_bands import add_band_lots, apply_equity_delta, queue_evaluation, release_band_lots
from engine.trading.margin import liquidation_price
from engine.trading.open_positions import add_open_position, remove_open_position
from engine.trading.seats import closing_fee, floating_profit, record_balance, release_exposure
from engine.trading.triggers import add_trigger, is_free, rearm, remove_trigger
from engine.trading.waiting_quotes import stop_waiting

REACHED_STOP: Final = 1
REACHED_LIQUIDATION: Final = 2
REACHED_TARGET: Final = 3
REACHED_STEP: Final = 4
REACHED_LOSS: Final = 5
"""Levels of a position that a price can reach, in the order of execution. A step moves the trailing stop and does not
close; a loss beyond the match's limit for a trade is handled when the seat's rules are evaluated, after the others."""

STEPS: Final = 20
"""A trailing stop moves in steps of its distance / STEPS."""


@kernel
def open_position(
    book: Book, events: Events, id: int, seat_row: int, holding_row: int, instrument: int, side: int, lots: int,
    price: int, margin: int, fee: int, liquidation: int, stop_loss: int, take_profit: int, leverage: int,
    trailing_ppm: int,
) -> Row:  # fmt: skip
    """Open a position of `lots` at `price`. The caller has taken margin and fee from the seat and added the notional
    to its holding. Returns the event, for the caller to add the order's fields.

    A trailing stop starts from the current closing price, clamped to the instrument's prices.
    """
    seat = book.seats[seat_row]
    row = take(book.positions, book.heads[POSITIONS])
    position = book.positions[row]
    position.id = id
    position.seat = seat_row
    position.holding = holding_row
    position.instrument = instrument
    position.side = side
    position.leverage = leverage
    position.waiting = 0
    position.first_amendment = 0
    position.lots = lots
    position.cost = price * lots
    position.margin = margin
    position.liquidation = liquidation
    position.stop_loss = stop_loss
    position.take_profit = take_profit
    position.trailing = 0
    if trailing_ppm != 0:
        mark = book.quotes[instrument].bid if side > 0 else book.quotes[instrument].ask
        position.trailing = trailing_distance(mark, trailing_ppm)
        highest_price = book.instruments[instrument].highest_price
        position.stop_loss = min(max(mark - side * position.trailing, 1), highest_price)
    position.fee = fee
    position.opened_at_ns = book.world[0].now_ns
    store(book.id_index, id, row)

    add_open_position(book, seat, row)
    seat.positions += 1
    seat.margin += margin
    seat.fees += fee
    match = book.matches[seat.match]
    match.fees_taken += fee
    position.realised = 0
    if fee != 0:
        record_balance(book, seat_row)

    bucket = instrument * 2 + (BUCKET_BID if side > 0 else BUCKET_ASK)
    low, high = _low_bound(book, position), _high_bound(book, position)
    position.trigger = add_trigger(book, bucket, low, high, row, TRIGGER_POSITION)
    if seat.watched:
        spread = floating_profit(book, position)  # the open pays it, at once
        apply_equity_delta(book, seat_row, spread - fee)
        add_band_lots(book, seat_row, holding_row, instrument, side, lots)
        if match.loss_per_trade != 0:
            broken, _ = exceeds_loss_limit(book, position)
            if broken:
                queue_evaluation(book, seat_row)

    event = events.trade[new_event(book, events, EventKind.POSITION_OPENED, seat.player, seat.match, instrument)]
    _write_position(event, position, seat, lots, position.cost, margin)
    event.price = price
    event.fee = fee
    return event


@kernel
def close_lots(book: Book, events: Events, row: int, lots: int, price: int, cause: int, outcome: Row) -> None:
    """Close `lots` of the position at `price`, or all of it if the rest would be below the minimum notional.

    The closed part's margin and cost are rounded down; the remainder stays open. Writes `outcome` and emits one event.
    """
    position = book.positions[row]
    instrument = book.instruments[position.instrument]
    seat = book.seats[position.seat]
    match = book.matches[seat.match]
    whole = lots >= position.lots or (position.lots - lots) * price * instrument.value < instrument.min_notional
    if whole:
        lots, cost, margin = position.lots, position.cost, position.margin
    else:
        cost = share_floor(position.cost, lots, position.lots)
        margin = share_floor(position.margin, lots, position.lots)

    profit = position.side * (price * lots - cost) * instrument.value
    fee = closing_fee(match, instrument, lots, price)
    remaining = margin + profit
    match.house_profit -= profit
    if remaining < 0:
        match.insurance += remaining
        profit, remaining = -margin, 0
    fee = min(fee, remaining)
    match.fees_taken += fee
    seat.cash += remaining - fee
    seat.margin -= margin
    seat.profit += profit
    seat.fees += fee
    record_balance(book, position.seat)

    outcome.id = position.id
    outcome.instrument = position.instrument
    outcome.price = price
    outcome.fee = fee
    outcome.profit = profit
    if seat.watched:
        before = position.margin + floating_profit(book, position)
        left = 0
        if not whole:
            left = before - (margin + position.side * (price * lots - cost) * instrument.value)
        apply_equity_delta(book, position.seat, remaining - fee + left - before)
        if left < 0:
            queue_evaluation(book, position.seat)
        release_band_lots(book, position.holding, position.side, lots)
    if whole:
        seat.trades += 1
        seat.wins += profit > 0
        seat.held_trades += book.world[0].now_ns - position.opened_at_ns >= match.min_hold_ns
        event = _new_position_event(book, events, EventKind.POSITION_CLOSED, position, seat)
        _write_position(event, position, seat, lots, cost, margin)
        event.left = 0
        outcome.left = 0
        _remove(book, row)
    else:
        position.lots -= lots
        position.cost -= cost
        position.margin -= margin
        position.realised += profit
        release_exposure(book, position.holding, cost * instrument.value, 0)
        _update_liquidation(book, row)
        rearm_position(book, row)
        event = _new_position_event(book, events, EventKind.POSITION_REDUCED, position, seat)
        _write_position(event, position, seat, lots, cost, margin)
        outcome.left = position.lots
    event.cause = cause
    event.price = price
    event.fee = fee
    event.profit = profit


@rare_kernel
def close_lots_rare(book: Book, events: Events, row: int, lots: int, price: int, cause: int, outcome: Row) -> None:
    """`close_lots`, not inlined: for all callers but the command that closes a position."""
    close_lots(book, events, row, lots, price, cause, outcome)


@kernel
def change_position(book: Book, events: Events, row: int, margin: int) -> None:
    """Move `margin` from its seat's cash to the position (back when negative), rearm it after a change of its stops,
    and emit the event."""
    position = book.positions[row]
    seat = book.seats[position.seat]
    kind = EventKind.POSITION_CHANGED.value
    if margin != 0:
        kind = EventKind.POSITION_MARGIN_CHANGED.value
        position.margin += margin
        seat.margin += margin
        seat.cash -= margin
        _update_liquidation(book, row)
    rearm_position(book, row)
    event = _new_position_event(book, events, kind, position, seat)
    _write_position(event, position, seat, 0, position.cost, position.margin)


@kernel
def rearm_position(book: Book, row: int) -> None:
    """Update the position's trigger from its prices, lots and cost."""
    position = book.positions[row]
    rearm(book, position.trigger, _low_bound(book, position), _high_bound(book, position))


@entry
def update_liquidation_prices(book: Book, instrument: int) -> None:
    """Recompute the liquidation prices of the instrument's open positions, when its brackets or fee have changed."""
    for bucket_row in range(instrument * 2, instrument * 2 + 2):
        bucket = book.buckets[bucket_row]
        for number in range(bucket.pages):
            page_row = book.bound_page[bucket.bounds_start + number]
            page = book.pages[page_row]
            for k in range(PAGE_ROWS):
                trigger = book.triggers[page_row * PAGE_ROWS + k]
                if not is_free(page, k) and trigger.kind == TRIGGER_POSITION:
                    _update_liquidation(book, trigger.owner)
                    rearm_position(book, trigger.owner)


@kernel
def _update_liquidation(book: Book, row: int) -> None:
    position = book.positions[row]
    position.liquidation = liquidation_price_with(book, position, position.margin)


@kernel
def liquidation_price_with(book: Book, position: Row, margin: int) -> int:
    """The position's liquidation price if its margin were this."""
    fees = book.matches[book.seats[position.seat].match].fees
    return liquidation_price(book, position.instrument, position.side, position.lots, position.cost, margin, fees)


@kernel
def reached_level(position: Row, price: int) -> int:
    """Which level of the position the closing `price` has reached, when its trigger has fired.

    A gap through stop loss and liquidation price counts as the stop, filled at the gap.
    """
    below = price * position.side  # lower is worse for both sides
    if position.stop_loss != 0 and below <= position.stop_loss * position.side:
        return REACHED_STOP
    if position.liquidation != 0 and below <= position.liquidation * position.side:
        return REACHED_LIQUIDATION
    if position.take_profit != 0 and below >= position.take_profit * position.side:
        return REACHED_TARGET
    if position.trailing != 0 and below >= _next_trailing_step(position) * position.side:
        return REACHED_STEP
    return REACHED_LOSS


@kernel
def closing_cause(position: Row, reached: int) -> int:
    """Cause of the close when that level is reached; not for REACHED_STEP."""
    if reached == REACHED_LIQUIDATION:
        return Cause.LIQUIDATION.value
    if reached == REACHED_TARGET:
        return Cause.TAKE_PROFIT.value
    return Cause.TRAILING_STOP.value if position.trailing != 0 else Cause.STOP_LOSS.value


@entry
def trailing_distance(price: int, ppm: int) -> int:
    """Distance in ticks of a trailing stop set at `price`: at least one."""
    return ppm_ceil(price, ppm)


@kernel
def move_trailing_stop(book: Book, events: Events, row: int, price: int) -> None:
    """Move the trailing stop by as many whole steps as the closing `price` is beyond the best price so far."""
    position = book.positions[row]
    step = _trailing_step(position)
    best = position.stop_loss + position.side * position.trailing
    position.stop_loss += position.side * ((price - best) * position.side // step * step)
    rearm_position(book, row)
    seat = book.seats[position.seat]
    event = _new_position_event(book, events, EventKind.POSITION_CHANGED, position, seat)
    _write_position(event, position, seat, 0, position.cost, position.margin)


@kernel
def _remove(book: Book, row: int) -> None:
    position = book.positions[row]
    seat = book.seats[position.seat]
    if position.waiting != 0:
        stop_waiting(book, position.waiting)
        position.waiting = 0
    while position.first_amendment != 0:
        remove_amendment(book, position.first_amendment)
    remove_trigger(book, position.trigger)
    release_exposure(book, position.holding, position.cost * book.instruments[position.instrument].value, 1)
    remove_open_position(book, seat, position)
    seat.positions -= 1
    remove(book.id_index, position.id, row)
    position.id = 0
    release(book.positions, book.heads[POSITIONS], row)


@rare_kernel
def remove_amendment(book: Book, row: int) -> None:
    """Remove an amendment of a position: it counts now, or its position is closed."""
    amendment = book.amendments[row]
    position = book.positions[amendment.position]
    clear_timer(book, amendment.timer)
    amendments = book.amendments
    position.first_amendment = unlink(amendments.next, amendments.previous, position.first_amendment, row)
    release(book.amendments, book.heads[AMENDMENTS], row)


@kernel
def exceeds_loss_limit(book: Book, position: Row) -> tuple[bool, int]:
    """Is the position's loss, realised and floating, beyond the match's limit for a trade? And its result."""
    result = position.realised + floating_profit(book, position)
    return result < -book.matches[book.seats[position.seat].match].loss_per_trade, result


@kernel
def _loss_price(book: Book, position: Row, limit: int) -> int:
    """The first price, coming from the profitable side, at which the position has lost more than the limit."""
    # side x (price x lots - cost) x value + realised <= -(limit + 1)
    value = book.instruments[position.instrument].value
    loss = limit + 1 + position.realised
    if position.side > 0:
        return (position.cost + -loss // value) // position.lots
    return ceil_div(position.cost + ceil_div(loss, value), position.lots)


@kernel
def _trailing_step(position: Row) -> int:
    """Step of the trailing stop in ticks."""
    return max(1, position.trailing // STEPS)


@kernel
def _next_trailing_step(position: Row) -> int:
    """Price at which the trailing stop moves next: a step beyond the best so far."""
    return position.stop_loss + position.side * (position.trailing + _trailing_step(position))


@kernel
def _low_bound(book: Book, position: Row) -> int:
    if position.side < 0:
        if position.trailing == 0:
            return position.take_profit
        return max(position.take_profit, _next_trailing_step(position))
    low = max(position.liquidation, position.stop_loss)
    limit = book.matches[book.seats[position.seat].match].loss_per_trade
    return max(low, _loss_price(book, position, limit)) if limit != 0 else low


@kernel
def _high_bound(book: Book, position: Row) -> int:
    high = NEVER_HIGH
    if position.side > 0:
        if position.take_profit != 0:
            high = position.take_profit
        if position.trailing != 0:
            high = min(high, _next_trailing_step(position))
        return high
    if position.liquidation != 0:
        high = position.liquidation
    if position.stop_loss != 0:
        high = min(high, position.stop_loss)
    limit = book.matches[book.seats[position.seat].match].loss_per_trade
    return min(high, _loss_price(book, position, limit)) if limit != 0 else high


assert NEVER_LOW == 0, "an unset price must be a low bound that no price reaches"


@kernel
def _new_position_event(book: Book, events: Events, kind: int, position: Row, seat: Row) -> Row:
    return events.trade[new_event(book, events, kind, seat.player, seat.match, position.instrument)]


@kernel
def _write_position(event: Row, position: Row, seat: Row, lots: int, cost: int, margin: int) -> None:
    event.id = position.id
    event.side = position.side
    event.leverage = position.leverage
    event.lots = lots
    event.cost = cost
    event.margin = margin
    event.cash = seat.cash
    event.left = position.lots
    event.liquidation = position.liquidation
    event.stop_loss = position.stop_loss
    event.take_profit = position.take_profit
    event.trailing = position.trailing
