"""Rows of the projection as clients see them."""

from __future__ import annotations

from typing import Final

from engine import views
from engine.model.commands import Asset
from engine.model.events import EventKind, Rule
from engine.model.scale import NS_PER_MS
from engine.model.state import State
from gateway.presenters.decimals import asset_text, money_text
from gateway.presenters.instruments import Instruments
from gateway.presenters.names import (
    CAUSES,
    DIRECTIONS,
    ORDER_TYPES,
    REASONS,
    RESULTS,
    SIDES,
    disqualified_by,
    wallet_name,
)
from gateway.presenters.positions import entry_price_text
from gateway.protocol.history import ClosedTrade, Fill, FinishedMatch, OrderLife, OrderRecord, SettledTrade, TradeResult
from gateway.protocol.scalars import OrderStatus
from persistence import rows

STATUSES: Final[dict[int, OrderStatus]] = {
    EventKind.ORDER_ACCEPTED: "accepted",
    EventKind.ORDER_CHANGED: "accepted",
    EventKind.POSITION_OPENED: "filled",
    EventKind.ORDER_CANCELED: "canceled",
    EventKind.ORDER_EXPIRED: "expired",
    EventKind.ORDER_REFUSED: "refused",
}
"""Where an order stands, by the last event about it."""

KINDS_OF_STATUS: Final = {
    status: tuple(int(kind) for kind, other in STATUSES.items() if other == status) for status in STATUSES.values()
}


def finished_answer(state: State, row: rows.FinishedMatch) -> FinishedMatch[str]:
    match = views.match(state, row.match)
    assert match is not None, "matches are never forgotten"
    return FinishedMatch(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.match,
        state.cold.games[match.game].version(match.game_version).title,
        row.rank,
        row.seats,
        money_text(row.starting_balance),
        money_text(row.balance),
        money_text(row.profit),
        money_text(row.fees),
        money_text(row.profit - row.fees),
        money_text(row.max_drawdown),
        row.trades,
        row.wins,
        asset_text(row.prize, row.asset),
        Asset(row.asset).name if row.asset else None,
        disqualified_by(row.rule),
        row.rule == Rule.PROFIT_TARGET,
    )


def result_answer(instruments: Instruments, row: rows.TradeResult | None) -> TradeResult[str] | None:
    if row is None:
        return None
    symbol, net = instruments.by_id[row.instrument].symbol, money_text(row.result)
    if row.fixed:
        return TradeResult(symbol, DIRECTIONS[row.side], net, trade=row.id)
    return TradeResult(symbol, SIDES[row.side], net, position=row.id)


def trade_answer(instruments: Instruments, row: rows.ClosedPosition) -> ClosedTrade[str]:
    instrument = instruments.by_id[row.instrument]
    return ClosedTrade(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.match,
        row.id,
        instrument.symbol,
        SIDES[row.side],
        CAUSES[row.cause],
        row.leverage,
        instrument.quantity_text(row.lots),
        entry_price_text(instrument, row.cost, row.lots),
        instrument.price_text(row.price),
        money_text(row.margin),
        money_text(row.profit),
        money_text(row.fee),
        instrument.quantity_text(row.left),
    )


def settled_answer(instruments: Instruments, row: rows.FixedTrade) -> SettledTrade[str]:
    instrument = instruments.by_id[row.instrument]
    return SettledTrade(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.id,
        instrument.symbol,
        DIRECTIONS[row.direction],
        asset_text(row.stake, row.asset),
        row.payout_percent,
        row.expires_at_ns // NS_PER_MS,
        RESULTS[row.result],
        asset_text(row.profit, row.asset),
        asset_text(row.stake + row.profit, row.asset),
        instrument.middle_text(row.exit),
        row.exit_sequence,
        instrument.middle_text(row.entry) if row.entry else None,
        row.entry_sequence or None,
        REASONS[row.reason] if row.reason else None,
        row.match or None,
        wallet_name(row.asset),
    )


def record_answer(instruments: Instruments, row: rows.Order) -> OrderRecord[str]:
    instrument = instruments.by_id[row.instrument]
    return OrderRecord(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.id,
        row.match,
        instrument.symbol,
        SIDES[row.side],
        ORDER_TYPES[row.order_type],
        STATUSES[row.kind],
        row.leverage,
        instrument.quantity_text(row.lots),
        money_text(row.margin),
        money_text(row.fee),
        row.accepted_at_ns // NS_PER_MS,
        instrument.price_or_none(row.price),
        instrument.price_or_none(row.fill_price),
        row.id if row.fill_price else None,
        instrument.price_or_none(row.stop_loss),
        instrument.price_or_none(row.take_profit),
        row.trailing_ppm or None,
        row.client_order_id or None,
        REASONS[row.reason] if row.reason else None,
    )


def life_answer(instruments: Instruments, row: rows.Order, closes: list[rows.ClosedPosition]) -> OrderLife[str]:
    record, closed = record_answer(instruments, row), [trade_answer(instruments, each) for each in closes]
    if not row.fill_price:
        return OrderLife(record, closed)
    left = closes[-1].left if closes else row.lots
    net = sum(each.profit - each.fee for each in closes) - row.fee
    return OrderLife(record, closed, instruments.by_id[row.instrument].quantity_text(left), money_text(net))


def fill_answer(instruments: Instruments, row: rows.Fill) -> Fill[str]:
    instrument = instruments.by_id[row.instrument]
    return Fill(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.match,
        row.id,
        instrument.symbol,
        SIDES[row.side],
        ORDER_TYPES[row.order_type],
        row.leverage,
        instrument.quantity_text(row.lots),
        instrument.price_text(row.price),
        money_text(row.margin),
        money_text(row.fee),
        instrument.price_or_none(row.liquidation),
        instrument.price_or_none(row.stop_loss),
        instrument.price_or_none(row.take_profit),
        row.client_order_id or None,
    )
