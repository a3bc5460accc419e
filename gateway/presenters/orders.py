"""Orders as clients see them: those that rest, and their events."""

from __future__ import annotations

from engine.model.scale import NS_PER_MS
from engine.views import OrderView
from gateway.presenters.decimals import money_text
from gateway.presenters.events import Trade
from gateway.presenters.instruments import Instrument, Instruments
from gateway.presenters.names import ORDER_TYPES, REASONS, SIDES, client_order_id_text
from gateway.protocol.orders import Order, OrderEvent


def order_answer(instruments: Instruments, order: OrderView) -> Order[str]:
    instrument = instruments.by_id[order.instrument]
    return Order(
        order.order,
        order.match,
        instrument.symbol,
        SIDES[order.side],
        ORDER_TYPES[order.order_type],
        order.leverage,
        instrument.quantity_text(order.lots),
        instrument.price_text(order.price),
        money_text(order.margin),
        money_text(order.fee),
        order.accepted_at_ns // NS_PER_MS,
        order.expires_at_ns // NS_PER_MS or None,
        instrument.price_or_none(order.stop_loss),
        instrument.price_or_none(order.take_profit),
        client_order_id_text(order.client_order_id),
        order.trailing_ppm or None,
        order.pending,
    )


def order_event(trade: Trade, instrument: Instrument | None) -> OrderEvent[str]:
    assert instrument is not None
    (
        _, reason, _, _, _, _, match, _, id, side, order_type, _, leverage, price, lots, _, margin, fee, _, cash,
        _, liquidation, stop_loss, take_profit, trailing, client_order_id,
    ) = trade  # fmt: skip
    price_text = instrument.price_text
    return OrderEvent(
        id,
        match,
        instrument.symbol,
        SIDES[side],
        ORDER_TYPES[order_type],
        leverage,
        instrument.quantity_text(lots),
        price_text(price),
        money_text(margin),
        money_text(fee),
        money_text(cash),
        price_text(liquidation) if liquidation else None,
        price_text(stop_loss) if stop_loss else None,
        price_text(take_profit) if take_profit else None,
        client_order_id_text(client_order_id),
        REASONS[reason] if reason else None,
        trailing or None,
    )
