"""Fixed-time trades (binary options): will the price be higher or lower at expiry? They cannot be closed early.

A trade enters at the first usable quote after its acceptance and the speed bump, and is settled once, by its timer.
Timers fire before the first command of their batch, so the current quote is then the last one before the expiry,
however late the batch comes. Prices are bid + ask: the mid in half ticks. Trading hours and switches do not affect an
open trade; when its seat or match ends, the stake is refunded.

An open stake counts as cash in equity and balance. A stake from a wallet belongs to no match: its seat and match are
row 0, and wallet_stakes.py moves its money.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, rare_kernel
from engine.ledger.balances import available
from engine.model.arithmetic import ceil_div
from engine.model.commands import Asset, Side
from engine.model.events import EventKind, FixedResult, OrderStatus
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.scale import BOUND, NS_PER_S
from engine.model.tables import (
    EXPOSURES,
    FIXED_TRADES,
    MATCH_OPEN,
    SEAT_ACTIVE,
    SEAT_LOCKED,
    TIMER_FIXED,
    WAITS_TO_ENTER,
    Book,
    Row,
)
from engine.storage.event_buffer import new_event
from engine.storage.free_rows import release, take
from engine.storage.hash_index import allowed_key, exposure_key, find, insert, remove
from engine.storage.linked_rows import link, unlink
from engine.storage.timers import clear_timer, set_timer
from engine.trading.equity_bands import apply_equity_delta
from engine.trading.instruments import check_opening, is_stale, is_stale_at
from engine.trading.seats import find_seat, record_balance
from engine.trading.waiting_quotes import stop_waiting, wait_for_quote
from engine.trading.wallet_stakes import (
    check_stake,
    hold_stake,
    settle_stake,
    speed_bump_ns,
    units_per_native,
    wallet_row,
)

NS_PER_MINUTE: Final = 60 * NS_PER_S

QUOTES_NEEDED: Final = 2
"""Usable quotes that must come while a trade runs."""

LAST_ASSET: Final = max(Asset).value


@rare_kernel
def buy_fixed_trade(book: Book, events: Events, command: Row, outcome: Row) -> int:
    """Open a trade: payout and expiry are fixed now, the entry is at the next quote."""
    reason = _check_purchase(book, command)
    if reason != Reason.ACCEPTED.value:
        return reason

    world = book.world[0]
    instrument = book.instruments[command.instrument]
    seat_row = book.order_plan[0].seat
    seat = book.seats[seat_row]
    row = take(book.fixed_trades, book.heads[FIXED_TRADES])
    trade = book.fixed_trades[row]
    trade.id = world.next_id
    world.next_id += 1
    trade.seat = seat_row
    trade.player = command.player
    trade.asset = command.asset
    trade.instrument = command.instrument
    trade.direction = command.direction
    trade.payout_percent = instrument.fixed_payout_percent
    trade.stake = command.stake
    trade.entry = 0
    trade.entry_sequence = 0
    trade.quotes_before = book.quotes[command.instrument].count
    trade.accepted_at_ns = world.now_ns
    trade.expires_at_ns = world.now_ns + command.duration_s * NS_PER_S
    trade.exposure = _add_stake_exposure(book, trade)
    trade.timer = set_timer(book, trade.expires_at_ns, TIMER_FIXED, trade.id, row)
    earliest_fill_at_ns = world.now_ns + _speed_bump_ns(book, seat, command)
    trade.waiting = wait_for_quote(book, command.instrument, WAITS_TO_ENTER, row, 0, earliest_fill_at_ns)

    nexts, previous = book.fixed_trades.next_in_seat, book.fixed_trades.previous_in_seat
    if command.asset == 0:
        seat.cash -= command.stake
        seat.stakes += command.stake
        seat.first_fixed = link(nexts, previous, seat.first_fixed, row)
    else:
        hold_stake(book, events, row, trade.stake * trade.payout_percent // 100)
        player = book.players[command.player]
        player.first_fixed = link(nexts, previous, player.first_fixed, row)

    _emit_trade(book, events, EventKind.FIXED_OPENED, trade, seat)
    outcome.id = trade.id
    outcome.instrument = command.instrument
    outcome.status = OrderStatus.ACCEPTED.value
    outcome.price = trade.payout_percent
    outcome.left = trade.expires_at_ns
    return reason


@kernel
def enter_fixed_trade(book: Book, events: Events, row: int) -> None:
    """Enter the waiting trade at the current quote."""
    trade = book.fixed_trades[row]
    quote = book.quotes[trade.instrument]
    stop_waiting(book, trade.waiting)
    trade.waiting = 0
    trade.entry = quote.bid + quote.ask
    trade.entry_sequence = quote.sequence
    _emit_trade(book, events, EventKind.FIXED_ENTERED, trade, book.seats[trade.seat])


@kernel
def settle_fixed_trade(book: Book, events: Events, row: int) -> None:
    """Settle the trade at expiry, against the match's house account or the house's wallet, and remove it."""
    trade = book.fixed_trades[row]
    clear_timer(book, trade.timer)
    quote = book.quotes[trade.instrument]
    gained = (quote.bid + quote.ask - trade.entry) * trade.direction
    reason = _refund_reason(book, trade)
    profit = 0
    if reason != Reason.ACCEPTED.value:
        result = FixedResult.REFUNDED.value
    elif gained > 0:
        result = FixedResult.WON.value
        profit = trade.stake * trade.payout_percent // 100
    elif gained < 0:
        result = FixedResult.LOST.value
        profit = -trade.stake
    else:
        result = FixedResult.DRAW.value
    _end_trade(book, events, row, result, reason, profit)


@kernel
def refund_fixed_trade(book: Book, events: Events, row: int, reason: int) -> None:
    """Refund the stake before expiry."""
    clear_timer(book, book.fixed_trades[row].timer)
    _end_trade(book, events, row, FixedResult.REFUNDED.value, reason, 0)


@kernel
def _end_trade(book: Book, events: Events, row: int, result: int, reason: int, profit: int) -> None:
    """Pay stake and profit, emit the event, remove the row. The timer is cleared already."""
    trade = book.fixed_trades[row]
    seat = book.seats[trade.seat]
    quote = book.quotes[trade.instrument]
    if trade.asset != 0:
        settle_stake(book, events, row, profit)
    else:
        seat.stakes -= trade.stake
        seat.cash += trade.stake + profit
        seat.profit += profit
        book.matches[seat.match].house_profit -= profit
        if profit != 0:
            record_balance(book, trade.seat)
        if seat.watched:  # also when nothing is won: net equity has the stake again, and may have the profit target
            apply_equity_delta(book, trade.seat, profit)
    event = _emit_trade(book, events, EventKind.FIXED_SETTLED, trade, seat)
    event.reason = reason
    event.result = result
    event.exit = quote.bid + quote.ask
    event.exit_sequence = quote.sequence
    event.profit = profit
    _remove(book, row)


@kernel
def _check_purchase(book: Book, command: Row) -> int:
    """May the player buy this? A reason why not, or ACCEPTED with the seat's row (0: wallet) in book.order_plan[0]."""
    world = book.world[0]
    reason = _check_seat(book, command) if command.asset == 0 else _check_wallet(book, command)
    if reason != Reason.ACCEPTED.value:
        return reason
    seat = book.seats[book.order_plan[0].seat]
    match = book.matches[seat.match]
    if command.instrument < 1 or command.instrument > world.instruments:
        return Reason.INSTRUMENT_NOT_FOUND.value
    instrument = book.instruments[command.instrument]
    reason = check_opening(book, seat, command.instrument)
    if reason != Reason.ACCEPTED.value:
        return reason
    if book.players[command.player].locked:
        return Reason.PLAYER_LOCKED.value
    if instrument.fixed_payout_percent == 0:
        return Reason.FIXED_NOT_OFFERED.value
    if command.asset != 0 and not (instrument.fixed_wallets >> command.asset) & 1:
        return Reason.FIXED_NOT_OFFERED.value

    if command.direction != Side.LONG.value and command.direction != Side.SHORT.value:
        return Reason.DIRECTION_INVALID.value
    if match.restricted and find(book.allowed_index, allowed_key(seat.match, command.instrument)) == 0:
        return Reason.INSTRUMENT_NOT_ALLOWED.value
    if match.allowed_side != 0 and command.direction != match.allowed_side:
        return Reason.SIDE_NOT_ALLOWED.value
    unit = units_per_native(command.asset)
    if command.stake < ceil_div(instrument.fixed_min_stake, unit):
        return Reason.STAKE_TOO_LOW.value
    if command.stake > instrument.fixed_max_stake // unit:
        return Reason.STAKE_TOO_HIGH.value
    payout = command.stake * instrument.fixed_payout_percent // 100
    if command.asset != 0 and payout == 0:
        return Reason.STAKE_TOO_LOW.value
    if command.duration_s < instrument.fixed_min_s or command.duration_s > instrument.fixed_max_s:
        return Reason.DURATION_INVALID.value
    if command.duration_s * NS_PER_S <= _speed_bump_ns(book, seat, command):
        return Reason.DURATION_INVALID.value
    expires_at_ns = world.now_ns + command.duration_s * NS_PER_S
    if match.ends_at_ns != 0 and expires_at_ns > match.ends_at_ns:
        return Reason.DURATION_INVALID.value
    if is_stale(book, match, command.instrument):
        return Reason.FEED_STALE.value
    if command.asset == 0 and command.stake > seat.cash:
        return Reason.CASH_TOO_LOW.value
    minute = expires_at_ns // NS_PER_MINUTE
    key = exposure_key(command.instrument, command.direction, minute, command.asset)
    exposure_row = find(book.exposure_index, key)
    staked = book.exposures[exposure_row].stakes if exposure_row != 0 else 0
    cap = instrument.fixed_exposure_cap // unit if instrument.fixed_exposure_cap != 0 else BOUND
    if staked + command.stake > cap:
        return Reason.EXPOSURE_CAP_REACHED.value
    if command.asset != 0:
        return check_stake(book, command.player, command.asset, command.stake, payout)
    return Reason.ACCEPTED.value


@kernel
def _check_seat(book: Book, command: Row) -> int:
    """Has the player a seat that may trade? The reason why not, or ACCEPTED and the seat's row in
    book.order_plan[0]."""
    world = book.world[0]
    if command.match < 1 or command.match > world.matches:
        return Reason.MATCH_NOT_FOUND.value
    match = book.matches[command.match]
    if match.status != MATCH_OPEN:
        return Reason.MATCH_NOT_OPEN.value
    seat_row = find_seat(book, command.player, command.match)
    if seat_row == 0:
        return Reason.NOT_JOINED.value
    seat = book.seats[seat_row]
    if seat.status != SEAT_ACTIVE:
        return Reason.SEAT_LOCKED.value if seat.status == SEAT_LOCKED else Reason.SEAT_DISQUALIFIED.value
    book.order_plan[0].seat = seat_row
    return Reason.ACCEPTED.value


@kernel
def _check_wallet(book: Book, command: Row) -> int:
    """Can there be such a wallet? The reason why not, or ACCEPTED and no seat in book.order_plan[0]."""
    if command.player < 1 or command.player > book.world[0].players:
        return Reason.PLAYER_NOT_FOUND.value
    if command.match != 0:
        return Reason.MATCH_NOT_FOUND.value
    if command.asset < 1 or command.asset > LAST_ASSET:
        return Reason.ASSET_UNKNOWN.value
    book.order_plan[0].seat = 0
    return Reason.ACCEPTED.value


@kernel
def _speed_bump_ns(book: Book, seat: Row, command: Row) -> int:
    """How long the trade waits before the next quote is its entry."""
    return book.matches[seat.match].speed_bump_ns if command.asset == 0 else speed_bump_ns(command.asset)


@kernel
def _refund_reason(book: Book, trade: Row) -> int:
    """Why the trade is refunded at expiry, for want of quotes; ACCEPTED when it can be settled."""
    if book.quotes[trade.instrument].count - trade.quotes_before < QUOTES_NEEDED:
        return Reason.QUOTES_TOO_FEW.value
    if trade.waiting != 0:
        return Reason.ENTRY_MISSED.value
    is_paused = book.matches[book.seats[trade.seat].match].paused_since_ns != 0
    if is_paused or is_stale_at(book, trade.instrument, trade.expires_at_ns):
        return Reason.FEED_STALE.value
    return Reason.ACCEPTED.value


@kernel
def _remove(book: Book, row: int) -> None:
    trade = book.fixed_trades[row]
    seat = book.seats[trade.seat]
    if trade.waiting != 0:
        stop_waiting(book, trade.waiting)
    _release_stake_exposure(book, trade)
    nexts, previous = book.fixed_trades.next_in_seat, book.fixed_trades.previous_in_seat
    if trade.asset == 0:
        seat.first_fixed = unlink(nexts, previous, seat.first_fixed, row)
    else:
        player = book.players[trade.player]
        player.first_fixed = unlink(nexts, previous, player.first_fixed, row)
    trade.id = 0
    release(book.fixed_trades, book.heads[FIXED_TRADES], row)


@kernel
def _add_stake_exposure(book: Book, trade: Row) -> int:
    """Add the stake to the exposure of its instrument, direction, expiry minute and asset; returns that row."""
    minute = trade.expires_at_ns // NS_PER_MINUTE
    key = exposure_key(trade.instrument, trade.direction, minute, trade.asset)
    row = find(book.exposure_index, key)
    if row == 0:
        row = take(book.exposures, book.heads[EXPOSURES])
        exposure = book.exposures[row]
        exposure.minute = minute
        exposure.instrument = trade.instrument
        exposure.direction = trade.direction
        exposure.asset = trade.asset
        exposure.stakes = 0
        exposure.trades = 0
        insert(book.exposure_index, key, row)
    exposure = book.exposures[row]
    exposure.stakes += trade.stake
    exposure.trades += 1
    return row


@kernel
def _release_stake_exposure(book: Book, trade: Row) -> None:
    """Take the stake from its exposure, and remove that when it is empty."""
    exposure = book.exposures[trade.exposure]
    exposure.stakes -= trade.stake
    exposure.trades -= 1
    if exposure.trades == 0:
        key = exposure_key(exposure.instrument, exposure.direction, exposure.minute, exposure.asset)
        remove(book.exposure_index, key)
        release(book.exposures, book.heads[EXPOSURES], trade.exposure)


@kernel
def _emit_trade(book: Book, events: Events, kind: int, trade: Row, seat: Row) -> Row:
    event = events.fixed[new_event(book, events, kind, trade.player, seat.match, trade.instrument)]
    event.id = trade.id
    event.direction = trade.direction
    event.stake = trade.stake
    event.payout_percent = trade.payout_percent
    event.expires_at_ns = trade.expires_at_ns
    event.entry = trade.entry
    event.entry_sequence = trade.entry_sequence
    event.cash = seat.cash if trade.asset == 0 else available(book, wallet_row(book, trade))
    event.asset = trade.asset
    return event
