"""Positions as clients see them: those that are open, and their events."""

from __future__ import annotations

from engine.model.scale import MONEY_DECIMALS, NS_PER_MS, format_decimal
from engine.views import PositionView
from gateway.presenters.decimals import money_text
from gateway.presenters.events import Trade
from gateway.presenters.instruments import Instrument, Instruments
from gateway.presenters.names import CAUSES, ORDER_TYPES, SIDES, client_order_id_text
from gateway.protocol.positions import Position, PositionEvent


def position_answer(instruments: Instruments, position: PositionView) -> Position[str]:
    instrument = instruments.by_id[position.instrument]
    return Position(
        position.position,
        position.match,
        instrument.symbol,
        SIDES[position.side],
        position.leverage,
        instrument.quantity_text(position.lots),
        entry_price_text(instrument, position.cost, position.lots),
        instrument.price_text(position.mark),
        money_text(position.margin),
        money_text(position.profit),
        money_text(position.fee),
        position.opened_at_ns // NS_PER_MS,
        position.closing,
        instrument.price_or_none(position.liquidation),
        instrument.price_or_none(position.stop_loss),
        instrument.price_or_none(position.take_profit),
        instrument.price_or_none(position.trailing),
        position.pending,
    )


def entry_price_text(instrument: Instrument, cost: int, lots: int) -> str:
    """Cost per lot, with 1e-8 where a partial close has left a fraction of a tick (rounded down)."""
    ticks, rest = divmod(cost, lots)
    if not rest:
        return instrument.price_text(ticks)
    return format_decimal(cost * instrument.data.tick_units // lots, MONEY_DECIMALS)


def position_event(trade: Trade, instrument: Instrument | None) -> PositionEvent[str]:
    assert instrument is not None
    (
        _, _, _, _, _, _, match, _, id, side, order_type, cause, leverage, price, lots, _, margin, fee, profit, cash,
        left, liquidation, stop_loss, take_profit, trailing, client_order_id,
    ) = trade  # fmt: skip
    price_text = instrument.price_text
    return PositionEvent(
        id,
        match,
        instrument.symbol,
        SIDES[side],
        leverage,
        money_text(cash),
        instrument.quantity_text(left),
        money_text(margin),
        instrument.quantity_text(lots) if lots else None,
        price_text(price) if price else None,
        money_text(fee) if price else None,
        money_text(profit) if cause else None,
        CAUSES[cause] if cause else None,
        price_text(liquidation) if liquidation else None,
        price_text(stop_loss) if stop_loss else None,
        price_text(take_profit) if take_profit else None,
        ORDER_TYPES[order_type] if order_type else None,
        client_order_id_text(client_order_id),
        price_text(trailing) if trailing else None,
    )
