"""Quotes: a quote is applied, and what it triggers is collected and then executed in a fixed order.

The order within one quote: the queue of closes, opens and entries that waited for it; then stops, liquidations,
targets, steps of trailing stops and resting orders, each by id, that is by acceptance; then the rules of the seats that
are due (challenge_rules.py). Everything is collected before anything is executed, so a position opened by this quote
cannot trigger before the next one.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, rare_kernel
from engine.model.arithmetic import ppm_floor
from engine.model.events import Cause, EventKind
from engine.model.layouts import Events
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
    Book,
    Row,
)
from engine.storage.compact_index import find_open
from engine.storage.event_buffer import new_event
from engine.storage.sorting import sort
from engine.trading.candles import update_candles
from engine.trading.equity_bands import queue_evaluation
from engine.trading.fixed_trades import enter_fixed_trade
from engine.trading.instruments import is_market_open
from engine.trading.orders import fill_resting, fill_waiting
from engine.trading.positions import (
    REACHED_LOSS,
    REACHED_STEP,
    close_lots_rare,
    closing_cause,
    move_trailing_stop,
    reached_level,
)
from engine.trading.triggers import is_free, next_crossed_block
from engine.trading.waiting_quotes import stop_waiting

CLASS_SHIFT: Final = 56
ID_MASK: Final = (1 << CLASS_SHIFT) - 1
CLASS_ENTRY: Final = REACHED_STEP + 1
"""Class of a resting order in the keys of book.fired; that of a position is the level that is reached."""


@kernel
def apply_quote(book: Book, events: Events, command: Row) -> int:
    """Apply the quote if it is usable: update the candles and collect what it triggers into book.fired, sorted.

    Quotes of a halted instrument are refused: its price is not trusted.
    """
    world = book.world[0]
    if command.instrument < 1 or command.instrument > world.instruments:
        return Reason.INSTRUMENT_NOT_FOUND.value
    instrument = book.instruments[command.instrument]
    if instrument.halted:
        world.quotes_unusable += 1
        return Reason.INSTRUMENT_HALTED.value
    if not is_market_open(book, command.instrument, world.now_ns):
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
    update_candles(book, events, command.instrument, bid)
    k = new_event(book, events, EventKind.QUOTE_CHANGED, 0, 0, command.instrument)
    events.quoted[k].bid = bid
    events.quoted[k].ask = ask
    collect_triggers(book, command.instrument * 2 + BUCKET_BID, bid)
    collect_triggers(book, command.instrument * 2 + BUCKET_ASK, ask)
    sort(book.fired, book.fired_scratch, book.progress[0].fired)
    return Reason.ACCEPTED.value


@kernel
def collect_triggers(book: Book, bucket_row: int, price: int) -> None:
    """Add the bucket's triggers that `price` crosses to book.fired, as (class, id) keys.

    Tightens the bounds of each page it scans to the triggers that have not fired; the others are removed or rearmed
    when they are executed.
    """
    progress = book.progress[0]
    block = next_crossed_block(book, bucket_row, 0, price)
    while block >= 0:
        bucket = book.buckets[bucket_row]
        for number in range(block, min(block + BOUNDS_STEP, bucket.pages)):
            bound = bucket.bounds_start + number
            if book.bound_low[bound] >= price or book.bound_high[bound] <= price:
                _collect_page(book, progress, bound, price)
        block = next_crossed_block(book, bucket_row, block + BOUNDS_STEP, price)


@kernel
def _collect_page(book: Book, progress: Row, bound: int, price: int) -> None:
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
                reached = reached_level(position, price)
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
def serve_quote(book: Book, events: Events, instrument: int, event_limit: int, outcome: Row) -> bool:
    """Execute the instrument's queue and then book.fired, until `event_limit` events are written; True when done.

    Each emits at most two events. `outcome` is scratch.
    """
    progress = book.progress[0]
    quote = book.quotes[instrument]
    while quote.waiting_first != 0:
        if progress.events >= event_limit:
            return False
        waiting = book.waiting[quote.waiting_first]
        row, lots = waiting.owner, waiting.lots
        if waiting.kind == WAITS_TO_OPEN:
            fill_waiting(book, events, row)
            continue
        if waiting.kind == WAITS_TO_ENTER:
            enter_fixed_trade(book, events, row)
            continue
        stop_waiting(book, quote.waiting_first)
        book.positions[row].waiting = 0
        price = quote.bid if book.positions[row].side > 0 else quote.ask
        close_lots_rare(book, events, row, lots, price, Cause.CLIENT, outcome)
    while progress.served < progress.fired:
        if progress.events >= event_limit:
            return False
        key = book.fired[progress.served]
        progress.served += 1
        reached = key >> CLASS_SHIFT
        row = find_open(book, key & ID_MASK)
        if row > 0 and reached != CLASS_ENTRY:
            position = book.positions[row]
            price = quote.bid if position.side > 0 else quote.ask
            if reached == REACHED_STEP:
                move_trailing_stop(book, events, row, price)
            else:
                close_lots_rare(book, events, row, position.lots, price, closing_cause(position, reached), outcome)
        elif row < 0 and reached == CLASS_ENTRY:
            fill_resting(book, events, -row)
    progress.fired = 0
    progress.served = 0
    return True
