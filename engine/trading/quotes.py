"""The market: quotes come in, what waits for them is collected and served in a fixed order.

Within one quote: closes, opens and entries of fixed-time trades that waited for it; then stops, liquidations, targets,
steps of trailing stops, resting entries; within each, earlier acceptance first, which is the order of ids; then the
seats whose rules are to be evaluated (challenge_rules.py). All is collected before anything is served, so what a
position opened by this quote would trigger is first looked at with the next one."""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel, rare_kernel
from engine.model.arithmetic import ppm_floor
from engine.model.events import Cause, EventKind
from engine.model.reasons import Reason
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.tables import (
    BOUNDS_STEP,
    BUCKET_ASK,
    BUCKET_BID,
    PAGE_ROWS,
    TRIGGER_BAND,
    TRIGGER_POSITION,
    WAITS_TO_ENTER,
    WAITS_TO_OPEN,
)
from engine.storage.compact_index import find_open
from engine.storage.event_buffer import new_event
from engine.storage.sorting import sort
from engine.trading.candles import count_quote
from engine.trading.equity_bands import queue_evaluation
from engine.trading.fixed_trades import enter
from engine.trading.instruments import is_open
from engine.trading.orders import fill_resting, fill_waiting
from engine.trading.positions import REACHED_LOSS, REACHED_STEP, close_called, closing_cause, follow, reached_at
from engine.trading.triggers import is_free, next_crossed
from engine.trading.waiting_quotes import stop_waiting

CLASS_SHIFT: Final = 56
ID_MASK: Final = (1 << CLASS_SHIFT) - 1
CLASS_ENTRY: Final = REACHED_STEP + 1
"""Class of a resting entry; that of a position is what the price reaches of it."""


@kernel
def apply_quote(book, events, command):
    """Take the quote if it is usable, tell the candles, and collect what it fires into book.fired.

    While the instrument is halted its price is not to be believed, so nothing that is counted from prices may move.
    """
    world = book.world[0]
    if command.instrument < 1 or command.instrument > world.instruments:
        return Reason.INSTRUMENT_NOT_FOUND.value
    instrument = book.instruments[command.instrument]
    if instrument.halted:
        world.quotes_unusable += 1
        return Reason.INSTRUMENT_HALTED.value
    if not is_open(book, command.instrument, world.now_ns):
        world.quotes_unusable += 1
        return Reason.MARKET_CLOSED.value
    quote = book.quotes[command.instrument]
    bid, ask = command.bid - instrument.markup_ticks, command.ask + instrument.markup_ticks
    if (
        bid <= 0
        or command.bid >= command.ask
        or ask > instrument.highest_price
        or command.source_sequence <= quote.source_sequence
        or command.ask - command.bid > ppm_floor(command.bid, instrument.max_spread_ppm)
    ):
        world.quotes_unusable += 1
        return Reason.QUOTE_NOT_USABLE.value

    quote.bid = bid
    quote.ask = ask
    quote.at_ns = world.now_ns
    quote.sequence = book.progress[0].sequence
    quote.count += 1
    quote.source_sequence = command.source_sequence
    world.quoted_at_ns = world.now_ns
    count_quote(book, events, command.instrument, bid)
    k = new_event(book, events, EventKind.QUOTE_CHANGED, 0, 0, command.instrument)
    events.quoted[k].bid = bid
    events.quoted[k].ask = ask
    collect(book, command.instrument * 2 + BUCKET_BID, bid)
    collect(book, command.instrument * 2 + BUCKET_ASK, ask)
    sort(book.fired, book.fired_scratch, book.progress[0].fired)
    return Reason.ACCEPTED.value


@kernel
def collect(book, bucket_row, price):
    """Add all rows of the bucket that `price` crosses to book.fired, as (class, id) keys.

    The bounds of a page that is looked into become exact: those of the rows that stay, for what fires will be gone, or
    armed anew.
    """
    progress = book.progress[0]
    block = next_crossed(book, bucket_row, 0, price)
    while block >= 0:
        bucket = book.buckets[bucket_row]
        for number in range(block, min(block + BOUNDS_STEP, bucket.pages)):
            bound = bucket.bounds_start + number
            if book.bound_low[bound] >= price or book.bound_high[bound] <= price:
                _collect_page(book, progress, bound, price)
        block = next_crossed(book, bucket_row, block + BOUNDS_STEP, price)


@kernel
def _collect_page(book, progress, bound, price):
    page_row = book.bound_page[bound]
    page = book.pages[page_row]
    low, high = NEVER_LOW, NEVER_HIGH
    for number in range(PAGE_ROWS):
        if is_free(page, number):
            continue
        trigger = book.triggers[page_row * PAGE_ROWS + number]
        if price <= trigger.low or price >= trigger.high:
            if trigger.kind == TRIGGER_BAND:
                queue_evaluation(book, book.bands[trigger.owner].seat)
                continue
            if trigger.kind == TRIGGER_POSITION:
                position = book.positions[trigger.owner]
                reached = reached_at(position, price)
                if reached == REACHED_LOSS:
                    queue_evaluation(book, position.seat)
                    continue
                key = (reached << CLASS_SHIFT) | position.id
            else:
                key = (CLASS_ENTRY << CLASS_SHIFT) | book.orders[trigger.owner].id
            book.fired[progress.fired] = key
            progress.fired += 1
        else:
            low = max(low, trigger.low)
            high = min(high, trigger.high)
    book.bound_low[bound] = low
    book.bound_high[bound] = high


@rare_kernel
def serve(book, events, instrument, room, outcome):
    """Serve what the quote lets happen, while more than `room` events fit; True when all is done.

    First the instrument's queue, then book.fired. Each emits at most two events. `outcome` is scratch.
    """
    progress = book.progress[0]
    quote = book.quotes[instrument]
    while quote.waiting_first != 0:
        if progress.events >= room:
            return False
        waiting = book.waiting[quote.waiting_first]
        row, lots = waiting.owner, waiting.lots
        if waiting.kind == WAITS_TO_OPEN:
            fill_waiting(book, events, row)
            continue
        if waiting.kind == WAITS_TO_ENTER:
            enter(book, events, row)
            continue
        stop_waiting(book, quote.waiting_first)
        book.positions[row].waiting = 0
        price = quote.bid if book.positions[row].side > 0 else quote.ask
        close_called(book, events, row, lots, price, Cause.CLIENT, outcome)
    while progress.served < progress.fired:
        if progress.events >= room:
            return False
        key = book.fired[progress.served]
        progress.served += 1
        reached = key >> CLASS_SHIFT
        row = find_open(book, key & ID_MASK)
        if row > 0 and reached != CLASS_ENTRY:
            position = book.positions[row]
            price = quote.bid if position.side > 0 else quote.ask
            if reached == REACHED_STEP:
                follow(book, events, row, price)
            else:
                close_called(book, events, row, position.lots, price, closing_cause(position, reached), outcome)
        elif row < 0 and reached == CLASS_ENTRY:
            fill_resting(book, events, -row)
    progress.fired = 0
    progress.served = 0
    return True


@entry
def revalue(book, instrument):
    """Mark all positions of the instrument to market, into book.profit by trigger row.

    The naive thing, for displays, checks and benches: reads and writes 24 bytes for each row of the instrument's
    pages, side by side, and nothing else.
    """
    value = book.instruments[instrument].value
    quote = book.quotes[instrument]
    for side in range(2):
        price = quote.bid if side == BUCKET_BID else quote.ask
        bucket = book.buckets[instrument * 2 + side]
        for number in range(bucket.pages):
            first = book.bound_page[bucket.bounds_start + number] * PAGE_ROWS
            for k in range(PAGE_ROWS):
                row = first + k
                book.profit[row] = (price * book.mark_lots[row] - book.mark_cost[row]) * value
