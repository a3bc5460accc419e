"""Positions: opened by a fill, closed wholly or in parts, always at the price that their side really gets.

No position ever costs more than its margin: a loss beyond it is the match's insurance account's, and the closing
fee comes out of what is left.
"""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel, rare_kernel
from engine.model.arithmetic import ceil_div, ppm_ceil, share_floor
from engine.model.events import Cause, EventKind
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.tables import BUCKET_ASK, BUCKET_BID, PAGE_ROWS, POSITIONS, TRIGGER_POSITION
from engine.storage.compact_index import remove, store
from engine.storage.event_buffer import new_event
from engine.storage.free_rows import release, take
from engine.trading.equity_bands import add_band_lots, apply_equity_delta, queue_evaluation, release_band_lots
from engine.trading.margin import liquidation_price
from engine.trading.open_positions import add_open_position, remove_open_position
from engine.trading.seats import floating_profit, note_balance, release_exposure
from engine.trading.triggers import add, drop, is_free, rearm
from engine.trading.waiting_quotes import stop_waiting

REACHED_STOP: Final = 1
REACHED_LIQUIDATION: Final = 2
REACHED_TARGET: Final = 3
REACHED_STEP: Final = 4
REACHED_LOSS: Final = 5
"""What of a position a price reaches, in the order of service. A step of its trailing stop does not close it; a loss
beyond what the match allows for a trade is found when its seat's rules are evaluated, after all that is served."""

STEPS: Final = 20
"""A trailing stop follows the price in steps of this part of its distance."""


@kernel
def open_position(book, events, id, seat_row, holding_row, instrument, side, lots, price, margin, fee, liquidation,
                  stop_loss, take_profit, leverage, trailing_ppm):  # fmt: skip
    """A position of `lots` at `price`. The seat has paid margin and fee, and its holding counts the notional
    already. Returns the event, to which the order adds what only it knows.

    A trailing stop is set by the price at which the position is valued now; one that does not fit on the price scale
    there (an order may have waited for long) stands at the scale's end.
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
        note_balance(book, seat_row)

    bucket = instrument * 2 + (BUCKET_BID if side > 0 else BUCKET_ASK)
    position.trigger = add(book, bucket, _low(book, position), _high(book, position), row, TRIGGER_POSITION)
    _mark(book, position)
    if seat.watched:
        spread = floating_profit(book, position)  # the open pays it, at once
        apply_equity_delta(book, seat_row, spread - fee)
        add_band_lots(book, seat_row, holding_row, instrument, side, lots)
        if match.loss_per_trade != 0:
            broken, _ = breaks_loss_limit(book, position)
            if broken:
                queue_evaluation(book, seat_row)

    event = events.trade[new_event(book, events, EventKind.POSITION_OPENED, seat.player, seat.match, instrument)]
    _describe(event, position, seat, lots, position.cost, margin)
    event.price = price
    event.fee = fee
    return event


@kernel
def close_position(book, events, row, lots, price, cause, outcome):
    """Close `lots` of the position at `price`: all of it, when what would stay is below the minimum notional.

    Margin, cost and notional are split by floor; the rest stays with the part that stays. What happened is written
    to `outcome` and to one event.
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
    fee = ppm_ceil(price * lots * instrument.value, instrument.taker_fee_ppm) if match.fees else 0
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
    note_balance(book, position.seat)

    outcome.id = position.id
    outcome.instrument = position.instrument
    outcome.price = price
    outcome.fee = fee
    outcome.profit = profit
    if seat.watched:
        worth = position.margin + floating_profit(book, position)
        left = 0
        if not whole:
            left = worth - (margin + position.side * (price * lots - cost) * instrument.value)
        apply_equity_delta(book, position.seat, remaining - fee + left - worth)
        if left < 0:
            queue_evaluation(book, position.seat)
        release_band_lots(book, position.holding, position.side, lots)
    if whole:
        seat.trades += 1
        seat.wins += profit > 0
        seat.held_trades += book.world[0].now_ns - position.opened_at_ns >= match.min_hold_ns
        event = _private(book, events, EventKind.POSITION_CLOSED, position, seat)
        _describe(event, position, seat, lots, cost, margin)
        event.left = 0
        outcome.left = 0
        _remove(book, row)
    else:
        position.lots -= lots
        position.cost -= cost
        position.margin -= margin
        position.realised += profit
        release_exposure(book, position.holding, cost * instrument.value, 0)
        _find_liquidation(book, row)
        rearm_position(book, row)
        event = _private(book, events, EventKind.POSITION_CHANGED, position, seat)
        _describe(event, position, seat, lots, cost, margin)
        outcome.left = position.lots
    event.cause = cause
    event.price = price
    event.fee = fee
    event.profit = profit


@rare_kernel
def close_called(book, events, row, lots, price, cause, outcome):
    """The same for all but the command that closes: it is large, and compiled once for all of them."""
    close_position(book, events, row, lots, price, cause, outcome)


@kernel
def amend_position(book, events, row, stop_loss, take_profit, margin, trailing):
    """Give the position other stops, and so much more margin from its seat's cash, or less."""
    position = book.positions[row]
    seat = book.seats[position.seat]
    position.stop_loss = stop_loss
    position.take_profit = take_profit
    position.trailing = trailing
    if margin != 0:
        position.margin += margin
        seat.margin += margin
        seat.cash -= margin
        _find_liquidation(book, row)
    rearm_position(book, row)
    event = _private(book, events, EventKind.POSITION_CHANGED, position, seat)
    _describe(event, position, seat, 0, position.cost, position.margin)


@kernel
def rearm_position(book, row):
    """Bring the position's trigger row up to date with its prices, lots and cost."""
    position = book.positions[row]
    rearm(book, position.trigger, _low(book, position), _high(book, position))
    _mark(book, position)


@entry
def remargin(book, instrument):
    """Find the liquidation prices of the instrument's open positions anew: its brackets or its fee have changed."""
    for bucket_row in range(instrument * 2, instrument * 2 + 2):
        bucket = book.buckets[bucket_row]
        for number in range(bucket.pages):
            page_row = book.bound_page[bucket.bounds_start + number]
            page = book.pages[page_row]
            for k in range(PAGE_ROWS):
                trigger = book.triggers[page_row * PAGE_ROWS + k]
                if not is_free(page, k) and trigger.kind == TRIGGER_POSITION:
                    _find_liquidation(book, trigger.owner)
                    rearm_position(book, trigger.owner)


@kernel
def _find_liquidation(book, row):
    position = book.positions[row]
    position.liquidation = liquidation_with(book, position, position.margin)


@kernel
def liquidation_with(book, position, margin):
    """The position's liquidation price if its margin were this."""
    fees = book.matches[book.seats[position.seat].match].fees
    return liquidation_price(book, position.instrument, position.side, position.lots, position.cost, margin, fees)


@kernel
def reached_at(position, price):
    """What `price` of its closing side reaches of a position that it has crossed a bound of.

    A gap through stop and liquidation is a stop, filled at the gap.
    """
    below = price * position.side  # so that down is bad for both sides
    if position.stop_loss != 0 and below <= position.stop_loss * position.side:
        return REACHED_STOP
    if position.liquidation != 0 and below <= position.liquidation * position.side:
        return REACHED_LIQUIDATION
    if position.take_profit != 0 and below >= position.take_profit * position.side:
        return REACHED_TARGET
    if position.trailing != 0 and below >= _next_step(position) * position.side:
        return REACHED_STEP
    return REACHED_LOSS


@kernel
def closing_cause(position, reached):
    """Why the position closes when that is reached, which is not a step."""
    if reached == REACHED_LIQUIDATION:
        return Cause.LIQUIDATION.value
    if reached == REACHED_TARGET:
        return Cause.TAKE_PROFIT.value
    return Cause.TRAILING_STOP.value if position.trailing != 0 else Cause.STOP_LOSS.value


@entry
def trailing_distance(price, ppm):
    """Ticks that a trailing stop stays behind when it is set at `price`: at least one."""
    return ppm_ceil(price, ppm)


@kernel
def follow(book, events, row, price):
    """`price` of its closing side has reached a step of the position's trailing stop: the stop follows, by as many
    whole steps as the price has gone beyond the best so far."""
    position = book.positions[row]
    step = _step(position)
    best = position.stop_loss + position.side * position.trailing
    position.stop_loss += position.side * ((price - best) * position.side // step * step)
    rearm_position(book, row)
    seat = book.seats[position.seat]
    event = _private(book, events, EventKind.POSITION_CHANGED, position, seat)
    _describe(event, position, seat, 0, position.cost, position.margin)


@kernel
def _remove(book, row):
    position = book.positions[row]
    seat = book.seats[position.seat]
    if position.waiting != 0:
        stop_waiting(book, position.waiting)
        position.waiting = 0
    drop(book, position.trigger)
    release_exposure(book, position.holding, position.cost * book.instruments[position.instrument].value, 1)
    remove_open_position(book, seat, position)
    seat.positions -= 1
    remove(book.id_index, position.id, row)
    position.id = 0
    release(book.positions, book.heads[POSITIONS], row)


@kernel
def breaks_loss_limit(book, position):
    """Has the position lost more, realised and floating, than its match allows for a trade? And its result."""
    result = position.realised + floating_profit(book, position)
    return result < -book.matches[book.seats[position.seat].match].loss_per_trade, result


@kernel
def _loss_price(book, position, limit):
    """The first price, coming from the profitable side, at which the position has lost more than the limit."""
    # side x (price x lots - cost) x value + realised <= -(limit + 1)
    value = book.instruments[position.instrument].value
    loss = limit + 1 + position.realised
    if position.side > 0:
        return (position.cost + -loss // value) // position.lots
    return ceil_div(position.cost + ceil_div(loss, value), position.lots)


@kernel
def _step(position):
    """Ticks by which the best price must rise for its trailing stop to follow."""
    return max(1, position.trailing // STEPS)


@kernel
def _next_step(position):
    """The price at which its trailing stop moves next: a step beyond the best so far."""
    return position.stop_loss + position.side * (position.trailing + _step(position))


@kernel
def _low(book, position):
    if position.side < 0:
        return max(position.take_profit, _next_step(position)) if position.trailing != 0 else position.take_profit
    low = max(position.liquidation, position.stop_loss)
    limit = book.matches[book.seats[position.seat].match].loss_per_trade
    return max(low, _loss_price(book, position, limit)) if limit != 0 else low


@kernel
def _high(book, position):
    high = NEVER_HIGH
    if position.side > 0:
        if position.take_profit != 0:
            high = position.take_profit
        if position.trailing != 0:
            high = min(high, _next_step(position))
        return high
    if position.liquidation != 0:
        high = position.liquidation
    if position.stop_loss != 0:
        high = min(high, position.stop_loss)
    limit = book.matches[book.seats[position.seat].match].loss_per_trade
    return min(high, _loss_price(book, position, limit)) if limit != 0 else high


assert NEVER_LOW == 0, "a price that is not set is a low bound that is never reached"


@kernel
def _mark(book, position):
    book.mark_lots[position.trigger] = position.side * position.lots
    book.mark_cost[position.trigger] = position.side * position.cost


@kernel
def _private(book, events, kind, position, seat):
    return events.trade[new_event(book, events, kind, seat.player, seat.match, position.instrument)]


@kernel
def _describe(event, position, seat, lots, cost, margin):
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
