"""Orders: what ops take, results, resting orders and their events."""

from __future__ import annotations

from typing import Generic

from msgspec import Struct

from gateway.protocol.scalars import (
    Amount,
    Arguments,
    ClientOrderId,
    D,
    Id,
    Milliseconds,
    OrderRef,
    OrderType,
    Side,
    Small,
    Symbol,
    TimeInForce,
)


class PlaceOrder(Arguments, frozen=True):
    """A trailing stop is a stop loss that follows the best price since the fill. It stays so many ppm of the price at
    the fill behind: 10000 is one percent. Both prices are the closing side's: of a long the bid, of a short the ask.
    `max_slippage` is in ppm too, of the price at acceptance."""

    match: Id
    symbol: Symbol
    side: Side
    leverage: Small
    type: OrderType = "market"
    margin: Amount | None = None
    quantity: Amount | None = None
    price: Amount | None = None
    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    time_in_force: TimeInForce | None = None
    expires_at: Milliseconds | None = None
    max_slippage: Small | None = None
    client_order_id: ClientOrderId | None = None
    trailing_stop: Small | None = None


class CancelOrder(Arguments, frozen=True):
    order: OrderRef


class AmendOrder(Arguments, frozen=True):
    """ "0" takes a stop loss or take profit away, an `expires_at` of 0 the end; what is left out stays."""

    order: OrderRef
    price: Amount | None = None
    stop_loss: Amount | None = None
    take_profit: Amount | None = None
    expires_at: Milliseconds | None = None


class Placed(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """An order that was accepted; with a position and its figures when it filled at once."""

    order: int
    status: str
    position: int | None = None
    fill_price: D | None = None
    liquidation_price: D | None = None
    fee: D | None = None


class AmendedOrder(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """An order that rests with other figures."""

    order: int
    status: str
    liquidation_price: D | None = None


class Canceled(Struct, frozen=True, gc=False):
    order: int
    status: str


class CanceledAll(Struct, frozen=True, gc=False):
    """`canceled` is how many orders were."""

    match: int
    canceled: int


class Tested(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """What order.place would do at this moment. Refusals come as order.place's would.

    `stop_loss` is where the stop would stand, a trailing one too. `distance` is how far equity would be above each
    floor of the seat, by its rule, once the order has opened and paid its fee and the spread of now.
    """

    status: str
    quantity: D
    price: D
    notional: D
    margin: D
    fee: D
    bankruptcy_price: D
    liquidation_price: D | None = None
    stop_loss: D | None = None
    distance: dict[str, D] = {}


class Order(Struct, Generic[D], frozen=True, omit_defaults=True):
    """An order that waits for its price, or for its quote."""

    order: int
    match: int
    symbol: str
    side: Side
    type: OrderType
    leverage: int
    quantity: D
    price: D
    margin: D
    fee: D
    accepted_at: int  # ms
    expires_at: int | None = None
    stop_loss: D | None = None
    take_profit: D | None = None
    client_order_id: str | None = None
    trailing_stop: int | None = None  # ppm of the closing side's price at the fill
    pending: bool = False  # held back by the speed bump: its price counts when that is over


class OrderEvent(Struct, Generic[D], frozen=True, gc=False, omit_defaults=True):
    """What happened to an order; `cash` is what is free afterwards, `reason` why its fill was refused.

    An order that fills on arrival brings a PositionEvent only.
    """

    order: int
    match: int
    symbol: str
    side: Side
    type: OrderType
    leverage: int
    quantity: D
    price: D
    margin: D
    fee: D
    cash: D
    liquidation_price: D | None = None
    stop_loss: D | None = None
    take_profit: D | None = None
    client_order_id: str | None = None
    reason: str | None = None
    trailing_stop: int | None = None  # ppm of the closing side's price at the fill
