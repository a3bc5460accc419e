"""Settling an instrument whose prices are over: the exchange does not trade it any more, or trades it otherwise.

Nobody can close what is open in it, so an operator does, at a price that he names. It is halted meanwhile and
afterwards: no quote of it comes, nothing fills, nothing opens. Fixed-time trades are left to their timers, which refund
them for want of quotes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.settlement import cancel_orders, close_positions
from engine.jit.plain import for_kernels
from engine.model.commands import SettleInstrument
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.emit import Emit, call_until_done


def settle_instrument(state: State, command: SettleInstrument, emit: Emit) -> tuple[Reason, int]:
    """Cancel the instrument's orders and close its positions, each by id, that is by acceptance. Challenge rules are
    evaluated when all are closed. Walks the tables of orders and positions."""
    book = state.book
    if not 1 <= command.instrument <= int(book.world[0]["instruments"]):
        return Reason.INSTRUMENT_NOT_FOUND, 0
    instrument = book.instruments[command.instrument]
    if not instrument["halted"]:
        return Reason.INSTRUMENT_NOT_HALTED, 0
    if not 1 <= command.price <= int(instrument["highest_price"]):
        return Reason.PRICE_INVALID, 0

    orders = _rows_of(np.asarray(book.orders), command.instrument)
    positions = _rows_of(np.asarray(book.positions), command.instrument)
    call_until_done(state, emit, cancel_orders, len(orders), orders)
    call_until_done(state, emit, close_positions, len(positions), positions, command.price)
    return Reason.ACCEPTED, command.instrument


def _rows_of(table: NDArray[np.void], instrument: int) -> NDArray[np.int64]:
    """Rows of what is open in the instrument, by id."""
    rows = np.flatnonzero((table["id"] != 0) & (table["instrument"] == instrument))
    return for_kernels(rows[np.argsort(table["id"][rows])])
