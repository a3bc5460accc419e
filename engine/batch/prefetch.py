"""Software prefetching: while one command is applied, the rows of the next ones are loaded into the cache.

A full book is far larger than the caches, and a close alone accesses a dozen scattered rows. Each step here prefetches
what the next step reads: the index line, then the row, then the rows that it refers to.

Prefetching is optional: it writes only Book.prefetched, which nothing else reads, and the rules look up their rows
themselves. Only the batch loop calls it, for commands and for timers that are due.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.jit import kernel
from engine.jit.intrinsics import SLOTS_PER_LINE, prefetch, prefetch_third
from engine.ledger.accounts import account_id
from engine.ledger.transfers import RESOLVES
from engine.model.commands import Kind
from engine.model.layouts import Commands
from engine.model.tables import PAGE_ROWS, PREFETCH_WINDOW, TIMER_FIXED, Book
from engine.storage.account_rows import home_row
from engine.storage.compact_index import home_line, likely_row, overflow_line
from engine.storage.hash_index import holding_key, seat_key, transfer_key
from engine.storage.timers import second_timer
from engine.trading.triggers import free_row
from engine.trading.wallet_stakes import stake_code

STEP: Final = 5
"""Commands between two steps for the same command: about one memory latency."""

DISTANCE: Final = 3 * STEP
"""Commands between the first step for a command and the command itself."""


@kernel
def prefetch_commands(book: Book, commands: Commands, i: int) -> None:
    """One prefetching step for each of the commands that follow number `i` at the distances of the steps. The loop
    begins DISTANCE before a batch's first command, so no step is skipped and a row in book.prefetched is always of the
    right table, if not of the command."""
    count = len(commands.header)
    if i + DISTANCE < count:
        _prefetch_index(book, commands, i + DISTANCE)
    if 0 <= i + 2 * STEP < count:
        _prefetch_row(book, commands, i + 2 * STEP)
    if 0 <= i + STEP < count:
        _prefetch_neighbours(book, commands, i + STEP)
    if 0 <= i + STEP // 2 < count:
        _prefetch_band(book, commands, i + STEP // 2)


@kernel
def prefetch_due(book: Book, row: int) -> None:
    """Prefetch what the due timer in the row will access, and the next timer's trade. Only for fixed-time trades: as
    many as there are players may expire in one second."""
    if book.timers[row].kind != TIMER_FIXED:
        return
    trade = book.fixed_trades[book.timers[row].owner]
    prefetch(book.seats, trade.seat)
    prefetch(book.fixed_trades, trade.next_in_seat)
    prefetch(book.fixed_trades, trade.previous_in_seat)
    if trade.asset != 0:
        prefetch(book.holds, trade.stake_hold)
        prefetch(book.holds, trade.payout_hold)
        _prefetch_account(book, account_id(trade.player, stake_code(trade.asset), trade.asset))
    prefetch(book.fixed_trades, book.timers[second_timer(book)].owner)


@kernel
def _prefetch_index(book: Book, commands: Commands, i: int) -> None:
    header = commands.header[i]
    prefetch(book.players, header.player)
    if header.kind == Kind.CLOSE_POSITION.value:
        _prefetch_line(book.id_index, commands.close[i].position)
    elif header.kind == Kind.PLACE_ORDER.value:
        _prefetch_line(book.seat_index, seat_key(header.player, header.match))
        _prefetch_line(book.id_index, book.world[0].next_id + DISTANCE)
    elif header.kind == Kind.TRANSFER.value:
        transfer = commands.transfer[i]
        if transfer.flags & RESOLVES:
            _prefetch_line(book.transfer_index, transfer_key(transfer.hold_low, transfer.hold_high))


@kernel
def _prefetch_row(book: Book, commands: Commands, i: int) -> None:
    """The row that the key leads to, unless two keys have the same mark; its index line is in the cache by now."""
    header = commands.header[i]
    if header.kind == Kind.CLOSE_POSITION.value:
        id = commands.close[i].position
        row = max(0, likely_row(book.id_index, id))
        book.prefetched[i % PREFETCH_WINDOW].row = row
        prefetch(book.positions, row)
        line = overflow_line(book.id_index, id)
        if line >= 0:
            prefetch(book.id_index, line * SLOTS_PER_LINE)
    elif header.kind == Kind.PLACE_ORDER.value:
        row = likely_row(book.seat_index, seat_key(header.player, header.match))
        book.prefetched[i % PREFETCH_WINDOW].row = row
        prefetch(book.seats, row)
        _prefetch_line(book.holding_index, holding_key(row, commands.place[i].instrument))
    elif header.kind == Kind.TRANSFER.value and commands.transfer[i].flags & RESOLVES:
        transfer = commands.transfer[i]
        row = max(0, -likely_row(book.transfer_index, transfer_key(transfer.hold_low, transfer.hold_high)))
        book.prefetched[i % PREFETCH_WINDOW].row = row
        prefetch(book.holds, row)


@kernel
def _prefetch_neighbours(book: Book, commands: Commands, i: int) -> None:
    header = commands.header[i]
    found = book.prefetched[i % PREFETCH_WINDOW]
    if header.kind == Kind.CLOSE_POSITION.value:
        position = book.positions[found.row]
        prefetch(book.pages, position.trigger // PAGE_ROWS)
        prefetch(book.seats, position.seat)
        prefetch(book.holdings, position.holding)
        prefetch(book.position_lists, position.position_list)
    elif header.kind == Kind.PLACE_ORDER.value:
        if book.seats[found.row].watched:
            prefetch_third(book.seats, found.row)
        found.holding = likely_row(book.holding_index, holding_key(found.row, commands.place[i].instrument))
        prefetch(book.holdings, found.holding)
        prefetch(book.position_lists, book.seats[found.row].first_position_list)
        bucket = commands.place[i].instrument * 2 + (commands.place[i].side < 0)
        if 0 <= bucket < len(book.buckets):
            page_row = book.buckets[bucket].first_open
            if page_row != 0:
                prefetch(book.bound_low, book.pages[page_row].bound)
                prefetch(book.bound_high, book.pages[page_row].bound)
                prefetch(book.triggers, free_row(book, page_row))
    elif header.kind == Kind.TRANSFER.value:
        transfer = commands.transfer[i]
        _prefetch_line(book.transfer_index, transfer_key(transfer.id_low, transfer.id_high))
        prefetch(book.transfers, (book.world[0].transfers_known + STEP + 1) & (len(book.transfers) - 1))
        if transfer.flags & RESOLVES:
            held = book.holds[found.row]
            _prefetch_account(book, held.debit)
            _prefetch_account(book, held.credit)
        else:
            _prefetch_account(book, transfer.debit)
            _prefetch_account(book, transfer.credit)


@kernel
def _prefetch_band(book: Book, commands: Commands, i: int) -> None:
    """The equity band that the command will change, of a seat with rules; and the index line of a holding whose last
    position is closed."""
    header = commands.header[i]
    found = book.prefetched[i % PREFETCH_WINDOW]
    if header.kind == Kind.CLOSE_POSITION.value:
        position = book.positions[found.row]
        holding = book.holdings[position.holding]
        if holding.count == 1:
            _prefetch_line(book.holding_index, holding_key(holding.seat, holding.instrument))
        if book.seats[position.seat].watched:
            prefetch_third(book.seats, position.seat)
            prefetch(book.bands, holding.long_band if position.side > 0 else holding.short_band)
    elif header.kind == Kind.PLACE_ORDER.value and book.seats[found.row].watched:
        holding = book.holdings[found.holding]
        band = holding.long_band if commands.place[i].side > 0 else holding.short_band
        prefetch(book.bands, band)
        prefetch(book.triggers, book.bands[band].trigger)


@kernel
def _prefetch_line(index: NDArray[np.int64], key: int) -> None:
    prefetch(index, home_line(index, key) * SLOTS_PER_LINE)


@kernel
def _prefetch_account(book: Book, id: int) -> None:
    prefetch(book.accounts, home_row(book.accounts, id))
