"""Orders, positions and fixed-time trades of seats and wallets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from engine.model.commands import Side
from engine.model.scale import MONEY
from engine.model.state import State
from engine.model.tables import Book
from engine.storage.compact_index import find_open
from engine.storage.hash_index import find
from engine.storage.idempotency import KEPT_AS_ORDER
from engine.trading.seats import profit_of
from engine.views.seats import row_of_seat


class OrderView(NamedTuple):
    """A resting order."""

    order: int
    match: int
    instrument: int
    side: int
    order_type: int
    leverage: int
    lots: int
    price: int
    stop_loss: int
    take_profit: int
    trailing_ppm: int
    margin: int
    fee: int
    accepted_at_ns: int
    expires_at_ns: int
    client_order_id: bytes
    pending: bool  # within its speed bump: its price does not count yet


def orders(book: Book, player: int, match_id: int) -> list[OrderView] | None:
    """The resting orders of a seat, earliest first; None when there is no seat."""
    seat_row = row_of_seat(book, player, match_id)
    if not seat_row:
        return None
    found = []
    row = int(book.seats[seat_row]["first_order"])
    while row:
        found.append(_order_view(book, row, match_id))
        row = int(book.orders[row]["next_in_seat"])
    return found[::-1]


def _order_view(book: Book, row: int, match_id: int) -> OrderView:
    order: Any = book.orders[row]
    return OrderView(
        int(order["id"]),
        match_id,
        int(order["instrument"]),
        int(order["side"]),
        int(order["order_type"]),
        int(order["leverage"]),
        int(order["lots"]),
        int(order["price"]),
        int(order["stop_loss"]),
        int(order["take_profit"]),
        int(order["trailing_ppm"]),
        int(order["margin"]),
        int(order["fee"]),
        int(order["accepted_at_ns"]),
        int(order["expires_at_ns"]),
        np.asarray(order["client_order_id"], dtype="<i8").tobytes(),
        bool(order["bump_timer"]),
    )


class PositionView(NamedTuple):
    """An open position; `profit` is unrealised, at the closing side of the last usable quote, at least -margin."""

    position: int
    match: int
    instrument: int
    side: int
    leverage: int
    lots: int
    cost: int
    margin: int
    fee: int
    profit: int
    mark: int
    liquidation: int
    stop_loss: int
    take_profit: int
    trailing: int  # ticks
    opened_at_ns: int
    closing: bool
    pending: bool  # it has other stops that do not count yet


def positions(book: Book, player: int, match_id: int) -> list[PositionView] | None:
    """The open positions of a seat, earliest first; None when there is no seat."""
    seat_row = row_of_seat(book, player, match_id)
    if not seat_row:
        return None
    found = []
    list_row = int(book.seats[seat_row]["first_position_list"])
    while list_row:
        position_list: Any = book.position_lists[list_row]
        rows = np.asarray(position_list["positions"])[: int(position_list["used"])].tolist()
        found += [_position_view(book, row, match_id) for row in reversed(rows) if row]
        list_row = int(position_list["next"])
    return found[::-1]


def position(book: Book, player: int, id: int) -> PositionView | None:
    """The player's open position with that id; None when he has none."""
    row = int(find_open(book, id))
    if row <= 0:
        return None
    seat: Any = book.seats[book.positions[row]["seat"]]
    return _position_view(book, row, int(seat["match"])) if seat["player"] == player else None


def _position_view(book: Book, row: int, match_id: int) -> PositionView:
    position: Any = book.positions[row]
    instrument, side = int(position["instrument"]), int(position["side"])
    margin = int(position["margin"])
    mark = int(book.quotes[instrument]["bid" if side > 0 else "ask"])
    return PositionView(
        int(position["id"]),
        match_id,
        instrument,
        side,
        int(position["leverage"]),
        int(position["lots"]),
        int(position["cost"]),
        margin,
        int(position["fee"]),
        max(-margin, int(profit_of(book, row))),
        mark,
        int(position["liquidation"]),
        int(position["stop_loss"]),
        int(position["take_profit"]),
        int(position["trailing"]),
        int(position["opened_at_ns"]),
        bool(position["waiting"]),
        bool(position["first_amendment"]),
    )


class ExposureView(NamedTuple):
    """What is open in an instrument on one side, over all seats; money in 1e-8 units."""

    instrument: int
    side: int
    positions: int
    lots: int
    notional: int  # at the price at which it could be closed
    margin: int
    profit: int  # at that price; of a gap through margins, more than can be lost


def exposures(state: State) -> list[ExposureView]:
    """By instrument and side. Walks all positions."""
    book = state.book
    table = np.asarray(book.positions)
    table = table[table["id"] > 0]
    found = []
    for id, data in state.cold.instruments.items():
        unit = data.tick_units * data.lot_units // MONEY
        for side in (Side.LONG.value, Side.SHORT.value):
            of = table[(table["instrument"] == id) & (table["side"] == side)]
            if len(of):
                mark = int(book.quotes[id]["bid" if side > 0 else "ask"])
                lots, cost = sum(of["lots"].tolist()), sum(of["cost"].tolist())
                profit = side * (mark * lots - cost) * unit
                margin = sum(of["margin"].tolist())
                found.append(ExposureView(id, side, len(of), lots, mark * lots * unit, margin, profit))
    return found


class FixedTradeView(NamedTuple):
    """An open fixed-time trade; `entry` is bid + ask (half ticks), 0 until its quote arrives."""

    trade: int
    match: int  # 0: staked from a wallet
    instrument: int
    direction: int
    stake: int
    payout_percent: int
    entry: int
    entry_sequence: int
    accepted_at_ns: int
    expires_at_ns: int
    asset: int  # of the wallet, the stake is in its native units; 0: a seat's


def fixed_trades(book: Book, player: int, match_id: int) -> list[FixedTradeView] | None:
    """The open fixed-time trades of a seat, earliest first; None when there is no seat."""
    seat_row = row_of_seat(book, player, match_id)
    if not seat_row:
        return None
    return _fixed_trades_from(book, int(book.seats[seat_row]["first_fixed"]), match_id)


def wallet_trades(book: Book, player: int) -> list[FixedTradeView]:
    """The open fixed-time trades from the player's wallets, earliest first."""
    return _fixed_trades_from(book, int(book.players[player]["first_fixed"]), 0)


def _fixed_trades_from(book: Book, row: int, match_id: int) -> list[FixedTradeView]:
    found = []
    while row:
        found.append(_fixed_trade_view(book, row, match_id))
        row = int(book.fixed_trades[row]["next_in_seat"])
    return found[::-1]


def _fixed_trade_view(book: Book, row: int, match_id: int) -> FixedTradeView:
    trade: Any = book.fixed_trades[row]
    return FixedTradeView(
        int(trade["id"]),
        match_id,
        int(trade["instrument"]),
        int(trade["direction"]),
        int(trade["stake"]),
        int(trade["payout_percent"]),
        int(trade["entry"]),
        int(trade["entry_sequence"]),
        int(trade["accepted_at_ns"]),
        int(trade["expires_at_ns"]),
        int(trade["asset"]),
    )


def instrument_of_position(book: Book, position: int) -> int:
    """The instrument of an open position; 0 when there is no such position."""
    row = int(find_open(book, position))
    return int(book.positions[row]["instrument"]) if row > 0 else 0


def instrument_of_order(book: Book, order: int) -> int:
    """The instrument of a resting or waiting order; 0 when there is no such order."""
    row = -int(find_open(book, order))
    return int(book.orders[row]["instrument"]) if row > 0 else 0


def is_request_known(book: Book, key: tuple[int, int]) -> bool:
    """Is a request remembered under the key?"""
    row = int(find(book.request_index, key[0]))
    return bool(row) and int(book.requests[row]["key_high"]) == key[1]


def instrument_of_request(book: Book, key: tuple[int, int]) -> int:
    """The instrument in the outcome of the request that is remembered under the key; 0 when there is none."""
    row = int(find(book.request_index, key[0]))
    return int(book.requests[row]["outcome"]["instrument"]) if is_request_known(book, key) else 0


def trade_of_request(book: Book, key: tuple[int, int]) -> int:
    """The id of the order, and of the position that it opens, that was placed with the key; 0: none is known."""
    row = int(find(book.request_index, key[0]))
    is_order = is_request_known(book, key) and int(book.requests[row]["kept_as"]) == KEPT_AS_ORDER
    return int(book.requests[row]["outcome"]["id"]) if is_order else 0


def owner_of_trade(book: Book, id: int) -> int:
    """The player who owns the open position or order with that id; 0 when there is none."""
    row = int(find_open(book, id))
    rows = book.positions if row > 0 else book.orders
    return int(book.seats[rows[abs(row)]["seat"]]["player"]) if row else 0
