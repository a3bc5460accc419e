"""Positions: what ops take, results, open positions and their events."""

from __future__ import annotations

from typing import Generic

from msgspec import Struct

from gateway.protocol.scalars import Amount, Arguments, D, OrderRef, OrderType, Side, Small


class ClosePosition(Arguments, frozen=True):
    """So many percent of it, or so much; else all."""

    position: OrderRef
    percent: Small | None = None
    quantity: Amount | None = None


class AmendPosition(Arguments, frozen=True):
    """ "0" takes a stop loss or take profit away; one that is left out stays. Margin is added, or taken back.

    A trailing stop, in ppm of the price now, takes the place of a stop loss, and the other way round; 0 takes it away.
    """

    position: OrderRef
    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    add_margin: Amount | None = None
    remove_margin: Amount | None = None
    trailing_stop: Small | None = None


class Closed(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """A close that was accepted. The figures are there when it filled at once; else they come on `me`. `left` stays
    open."""

    position: int
    status: str
    fill_price: D | None = None
    profit: D | None = None
    fee: D | None = None
    left: D | None = None


class Amended(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    position: int
    liquidation_price: D | None = None
    status: str | None = None  # "accepted": its stops count when the speed bump is over


class Position(Struct, Generic[D], frozen=True, omit_defaults=True):
    """An open position, valued at the price at which it could be closed.

    A `stop_loss` with a `trailing_distance` follows the price, which is that far from it at best.
    """

    position: int
    match: int
    symbol: str
    side: Side
    leverage: int
    quantity: D
    entry_price: D
    mark_price: D
    margin: D
    profit: D
    fee: D
    opened_at: int  # ms
    closing: bool = False
    liquidation_price: D | None = None
    stop_loss: D | None = None
    take_profit: D | None = None
    trailing_distance: D | None = None
    pending: bool = False  # other stops were set, which count when the speed bump is over


class PositionEvent(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """What happened to a position. `quantity`, `margin`, `fee` and `profit` are of what opened or closed just now (of
    a part, in position.reduced); of a position whose stops or margin change, `margin` is all that it has. `left` is
    what stays open.

    `type` and `client_order_id` are of the order that opened it, there when it opens. A `stop_loss` with a
    `trailing_distance` follows the price, which is that far from it at best.
    """

    position: int
    match: int
    symbol: str
    side: Side
    leverage: int
    cash: D
    left: D
    margin: D
    quantity: D | None = None
    price: D | None = None
    fee: D | None = None
    profit: D | None = None
    cause: str | None = None
    liquidation_price: D | None = None
    stop_loss: D | None = None
    take_profit: D | None = None
    type: OrderType | None = None
    client_order_id: str | None = None
    trailing_distance: D | None = None
