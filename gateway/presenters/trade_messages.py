"""What clients see of the events of orders, positions and fixed-time trades."""

from __future__ import annotations

from msgspec import Struct

from engine.model.scale import NS_PER_MS
from gateway.presenters.decimals import asset_text, money_text
from gateway.presenters.events import Fixed, Trade
from gateway.presenters.instruments import Instrument
from gateway.presenters.names import (
    CAUSES,
    DIRECTIONS,
    ORDER_TYPES,
    REASONS,
    RESULTS,
    SIDES,
    client_order_id_text,
    wallet_name,
)


class OrderData(Struct, frozen=True, gc=False, omit_defaults=True):
    order: int
    match: int
    symbol: str
    side: str
    type: str
    leverage: int
    quantity: str
    price: str
    margin: str
    fee: str
    cash: str
    liquidation_price: str | None = None
    stop_loss: str | None = None
    take_profit: str | None = None
    client_order_id: str | None = None
    reason: str | None = None
    trailing_stop: int | None = None  # ppm of the price at the fill


class PositionData(Struct, frozen=True, gc=False, omit_defaults=True):
    """`quantity`, `margin`, `fee` and `profit` are of what opened or closed just now; `left` is what stays open.

    `type` and `client_order_id` are of the order that opened it, told when it opens. A `stop_loss` with a
    `trailing_distance` follows the price, which is that far from it at best.
    """

    position: int
    match: int
    symbol: str
    side: str
    leverage: int
    cash: str
    left: str
    margin: str
    quantity: str | None = None
    price: str | None = None
    fee: str | None = None
    profit: str | None = None
    cause: str | None = None
    liquidation_price: str | None = None
    stop_loss: str | None = None
    take_profit: str | None = None
    type: str | None = None
    client_order_id: str | None = None
    trailing_distance: str | None = None


class FixedData(Struct, frozen=True, gc=False, omit_defaults=True):
    """`payout` is what a win brings, in percent of the stake. Prices are the middle of the quotes that the sequences
    name; from `result` on, of what is settled: `paid_back` is what came back to the cash, `reason` why it was refunded.
    It is staked from the seat in a `match` or from a `wallet`, whose cash is what is not held.
    """

    trade: int
    symbol: str
    direction: str
    stake: str
    payout: int
    expires_at: int
    cash: str
    entry_price: str | None = None
    entry_sequence: int | None = None
    result: str | None = None
    exit_price: str | None = None
    exit_sequence: int | None = None
    profit: str | None = None
    paid_back: str | None = None
    reason: str | None = None
    match: int | None = None
    wallet: str | None = None


def order_data(trade: Trade, instrument: Instrument | None) -> OrderData:
    assert instrument is not None
    (
        _, reason, _, _, _, _, match, _, id, side, order_type, _, leverage, price, lots, _, margin, fee, _, cash,
        _, liquidation, stop_loss, take_profit, trailing, client_order_id,
    ) = trade  # fmt: skip
    price_text = instrument.price_text
    return OrderData(
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


def position_data(trade: Trade, instrument: Instrument | None) -> PositionData:
    assert instrument is not None
    (
        _, _, _, _, _, _, match, _, id, side, order_type, cause, leverage, price, lots, _, margin, fee, profit, cash,
        left, liquidation, stop_loss, take_profit, trailing, client_order_id,
    ) = trade  # fmt: skip
    price_text = instrument.price_text
    return PositionData(
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


def fixed_data(fixed: Fixed, instrument: Instrument | None) -> FixedData:
    assert instrument is not None
    settled = fixed.result != 0
    return FixedData(
        fixed.id,
        instrument.symbol,
        DIRECTIONS[fixed.direction],
        asset_text(fixed.stake, fixed.asset),
        fixed.payout_percent,
        fixed.expires_at_ns // NS_PER_MS,
        asset_text(fixed.cash, fixed.asset),
        instrument.middle_text(fixed.entry) if fixed.entry else None,
        fixed.entry_sequence or None,
        RESULTS[fixed.result] if settled else None,
        instrument.middle_text(fixed.exit) if settled else None,
        fixed.exit_sequence if settled else None,
        asset_text(fixed.profit, fixed.asset) if settled else None,
        asset_text(fixed.stake + fixed.profit, fixed.asset) if settled else None,
        REASONS[fixed.reason] if fixed.reason else None,
        fixed.match or None,
        wallet_name(fixed.asset),
    )
