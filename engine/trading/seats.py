"""Seats: a player's account in a match, its cash, and its holdings by instrument."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.jit import entry, kernel
from engine.model.arithmetic import ppm_ceil
from engine.model.tables import HOLDINGS, ORDER_RATES, SEAT_ACTIVE, SEATS, Book, Row
from engine.storage.compact_index import first_match, mark_of, next_match, remove, row_in, store
from engine.storage.free_rows import release, take
from engine.storage.hash_index import holding_key, seat_key


@entry
def find_seat(book: Book, player: int, match: int) -> int:
    """Row of the player's seat in the match; 0 when there is none, or no such player."""
    if player < 1 or player > book.world[0].players:
        return 0
    return seat_row(book, player, match)


@entry
def seat_row(book: Book, player: int, match: int) -> int:
    """Row of the player's seat in the match; 0 when there is none."""
    mark = mark_of(seat_key(player, match))
    slot = first_match(book.seat_index, mark)
    while True:
        row = row_in(book.seat_index, slot)
        if row == 0 or (book.seats[row].player == player and book.seats[row].match == match):
            return row
        slot = next_match(book.seat_index, mark, slot)


@entry
def find_seats(book: Book, player: int, matches: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
    """Fill `rows` with the rows of the player's seats in those matches; 0 where there is none. A cache miss each."""
    for i in range(len(matches)):
        rows[i] = find_seat(book, player, matches[i])


@kernel
def open_seat(book: Book, player: int, match_id: int) -> int:
    """Seat the player with the match's starting balance; returns the row."""
    match = book.matches[match_id]
    row = take(book.seats, book.heads[SEATS])
    seat = book.seats[row]
    seat.match = match_id
    seat.player = player
    seat.cash = match.starting_balance
    reset_balance_peak(book, row)
    if match.trades_per_minute != 0:
        seat.order_rate = take(book.order_rates, book.heads[ORDER_RATES])
    seat.joined_at_ns = book.world[0].now_ns
    seat.next_in_match = match.first_seat
    match.first_seat = row
    match.seats += 1
    match.initial_funding += match.starting_balance
    store(book.seat_index, seat_key(player, match_id), row)
    return row


@entry
def close_seat(book: Book, row: int) -> None:
    """Remove an unused seat from its match. Walks the match's seats."""
    seat = book.seats[row]
    match = book.matches[seat.match]
    if match.first_seat == row:
        match.first_seat = seat.next_in_match
    else:
        before = match.first_seat
        while book.seats[before].next_in_match != row:
            before = book.seats[before].next_in_match
        book.seats[before].next_in_match = seat.next_in_match
    match.seats -= 1
    match.initial_funding -= match.starting_balance
    remove(book.seat_index, seat_key(seat.player, seat.match), row)
    if seat.order_rate != 0:
        release(book.order_rates, book.heads[ORDER_RATES], seat.order_rate)
    seat.player = 0
    seat.order_rate = 0
    seat.cash = 0
    seat.watched = 0
    seat.loss_headroom = 0
    seat.profit_headroom = 0
    release(book.seats, book.heads[SEATS], row)


@kernel
def reset_balance_peak(book: Book, row: int) -> None:
    """Start the record of peak balance and drawdown at the seat's cash."""
    seat = book.seats[row]
    seat.peak_balance = seat.cash
    seat.max_drawdown = 0
    seat.balance_at_ns = book.world[0].now_ns


@entry
def reset_seat(book: Book, row: int) -> None:
    """Reset a seat that has nothing open to the match's starting balance."""
    seat = book.seats[row]
    match = book.matches[seat.match]
    match.initial_funding += match.starting_balance - seat.cash
    seat.cash = match.starting_balance
    reset_balance_peak(book, row)
    seat.status = SEAT_ACTIVE
    seat.out_rule = 0
    seat.profit = 0
    seat.fees = 0
    seat.trades = 0
    seat.wins = 0
    seat.held_trades = 0


@kernel
def find_holding(book: Book, seat_row: int, instrument: int) -> int:
    """Row of the seat's holding in the instrument; 0: none."""
    mark = mark_of(holding_key(seat_row, instrument))
    slot = first_match(book.holding_index, mark)
    while True:
        row = row_in(book.holding_index, slot)
        if row == 0 or (book.holdings[row].seat == seat_row and book.holdings[row].instrument == instrument):
            return row
        slot = next_match(book.holding_index, mark, slot)


@kernel
def add_exposure(book: Book, seat_row: int, holding_row: int, instrument: int, side: int, notional: int) -> int:
    """Add an order or position of this notional to the holding, a new one when holding_row is 0; returns its row."""
    seat = book.seats[seat_row]
    if holding_row == 0:
        holding_row = take(book.holdings, book.heads[HOLDINGS])
        holding = book.holdings[holding_row]
        holding.seat = seat_row
        holding.instrument = instrument
        holding.side = side
        holding.notional = 0
        holding.count = 0
        holding.long_band = 0
        holding.short_band = 0
        store(book.holding_index, holding_key(seat_row, instrument), holding_row)
    holding = book.holdings[holding_row]
    holding.notional += notional
    holding.count += 1
    seat.notional += notional
    return holding_row


@kernel
def release_exposure(book: Book, holding_row: int, notional: int, count: int) -> None:
    """Take notional and `count` orders or positions (0 for a part of one) from the holding; remove it when empty."""
    holding = book.holdings[holding_row]
    seat = book.seats[holding.seat]
    holding.notional -= notional
    holding.count -= count
    seat.notional -= notional
    if holding.count == 0:
        remove(book.holding_index, holding_key(holding.seat, holding.instrument), holding_row)
        holding.seat = 0
        release(book.holdings, book.heads[HOLDINGS], holding_row)


@kernel
def balance(seat: Row) -> int:
    """Cash, reservations, margins and stakes: equity without floating profit."""
    return seat.cash + seat.reserved + seat.margin + seat.stakes


@kernel
def record_balance(book: Book, seat_row: int) -> None:
    """Update peak balance, largest drawdown and their time after a change of the balance."""
    seat = book.seats[seat_row]
    held = balance(seat)
    seat.peak_balance = max(seat.peak_balance, held)
    seat.max_drawdown = max(seat.max_drawdown, seat.peak_balance - held)
    seat.balance_at_ns = book.world[0].now_ns


@entry
def equity(book: Book, seat_row: int) -> int:
    """Cash + reserved + stakes + margin + floating profit at the closing-side quotes, no position below -margin."""
    total, _ = equity_and_deficit(book, seat_row)
    return total


@kernel
def equity_and_deficit(book: Book, seat_row: int) -> tuple[int, int]:
    """The seat's equity, and the sum of its positions' losses beyond their margins, which equity does not count.

    Walks the seat's positions: a cache miss each.
    """
    seat = book.seats[seat_row]
    total = seat.cash + seat.reserved + seat.stakes
    deficit = 0
    list_row = seat.first_position_list
    while list_row != 0:
        position_list = book.position_lists[list_row]
        for place in range(position_list.used):
            if position_list.positions[place] != 0:
                position = book.positions[position_list.positions[place]]
                remaining = position.margin + floating_profit(book, position)
                total += max(0, remaining)
                deficit += max(0, -remaining)
        list_row = position_list.next
    return total, deficit


@kernel
def closing_fee(match: Row, instrument: Row, lots: int, price: int) -> int:
    """Fee of a close of `lots` at `price`, before it is bounded by the remaining collateral."""
    return ppm_ceil(price * lots * instrument.value, instrument.taker_fee_ppm) if match.fees else 0


@entry
def net_equity(book: Book, seat_row: int) -> int:
    """Equity less open stakes and what closing all positions now would cost in fees: the balance to which the seat
    would come if its stakes were lost. A target that counted stakes, and gave them back, would make free bets of them.

    Walks the seat's positions: a cache miss each.
    """
    seat = book.seats[seat_row]
    match = book.matches[seat.match]
    total = seat.cash + seat.reserved
    list_row = seat.first_position_list
    while list_row != 0:
        position_list = book.position_lists[list_row]
        for place in range(position_list.used):
            if position_list.positions[place] != 0:
                position = book.positions[position_list.positions[place]]
                quote = book.quotes[position.instrument]
                mark = quote.bid if position.side > 0 else quote.ask
                fee = closing_fee(match, book.instruments[position.instrument], position.lots, mark)
                total += max(0, position.margin + floating_profit(book, position) - fee)
        list_row = position_list.next
    return total


@entry
def equities_of(book: Book, match_id: int, rows: NDArray[np.int64], equities: NDArray[np.int64]) -> None:
    """Fill `rows` with the rows of the match's seats, latest first, and `equities` with their equities."""
    row = book.matches[match_id].first_seat
    for i in range(len(rows)):
        rows[i] = row
        equities[i] = equity(book, row)
        row = book.seats[row].next_in_match


@kernel
def floating_profit(book: Book, position: Row) -> int:
    """Floating profit at the closing side of the last usable quote, not bounded by the margin."""
    quote = book.quotes[position.instrument]
    mark = quote.bid if position.side > 0 else quote.ask
    return position.side * (mark * position.lots - position.cost) * book.instruments[position.instrument].value


@entry
def profit_of(book: Book, position_row: int) -> int:
    """Floating profit of the position in the row."""
    return floating_profit(book, book.positions[position_row])
