"""Ops of orders: place, amend, cancel, list, test; and that they are cancelled when the player is away."""

from __future__ import annotations

from functools import partial
from typing import Final

from engine import views
from engine.model import commands
from engine.model.commands import Amend, OrderType, Side, TimeInForce
from engine.model.events import OrderStatus
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from gateway.core.records import Outcome, amend_order_record, cancel_all_record, cancel_order_record, place_order_record
from gateway.ops.positions import instrument_of, trade_id
from gateway.presenters.decimals import money_text, units_of
from gateway.presenters.instruments import Instrument
from gateway.presenters.names import STATUSES
from gateway.presenters.orders import order_answer
from gateway.presenters.seats import distances, floors_of
from gateway.protocol.errors import Code, Error, Refused
from gateway.protocol.matches import OfMatch
from gateway.protocol.orders import (
    AmendedOrder,
    AmendOrder,
    Canceled,
    CanceledAll,
    CancelOrder,
    Order,
    Placed,
    PlaceOrder,
    Tested,
)
from gateway.protocol.session import CancelOnDisconnect, CancelsOnDisconnect
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.refusals import Attempt, refusal
from gateway.sessions.submission import Submission, cold_submission

_SIDES: Final = {"long": Side.LONG.value, "short": Side.SHORT.value}
_TYPES: Final = {"market": OrderType.MARKET.value, "limit": OrderType.LIMIT.value, "stop": OrderType.STOP.value}
_TIMES_IN_FORCE: Final = {
    None: TimeInForce.GTC.value,
    "gtc": TimeInForce.GTC.value,
    "gtd": TimeInForce.GTD.value,
    "ioc": TimeInForce.IOC.value,
}


def place(arena: Arena, player: int, order: PlaceOrder) -> Submission:
    instrument = arena.instruments.named(order.symbol)
    record = _record(player, instrument, order)
    explain = partial(_refusal, arena, player, instrument, order)
    return Submission(record, partial(_placed, instrument), order.client_order_id, explain=explain)


def _refusal(arena: Arena, player: int, instrument: Instrument, order: PlaceOrder, reason: int) -> Error:
    return refusal(Attempt(arena.state, arena.clock.stamp_ns(), player, order.match, instrument, order), reason)


_OF_ZERO: Final = {
    "margin": Reason.SIZE_INVALID,
    "quantity": Reason.SIZE_INVALID,
    "price": Reason.PRICE_INVALID,
    "stop_loss": Reason.PRICE_INVALID,
    "take_profit": Reason.PRICE_INVALID,
    "expires_at": Reason.EXPIRY_INVALID,
    "max_slippage": Reason.SLIPPAGE_INVALID,
    "trailing_stop": Reason.TRAILING_STOP_INVALID,
}
"""Fields of which a 0 means "not given" to the engine, and why a client's 0 is refused: who sends one has given it."""


def _given(order: PlaceOrder, field: str, units: int) -> int:
    """The field's figure. Raises Refused when it is 0."""
    if not units:
        value, problem = getattr(order, field), "0 is not possible; leave it out if there is to be none"
        raise Refused(_OF_ZERO[field], field=field, value=value, problem=problem)
    return units


def _record(player: int, instrument: Instrument, order: PlaceOrder) -> bytes:
    price, stop_loss, take_profit = order.price, order.stop_loss, order.take_profit
    return place_order_record(
        player,
        order.match,
        instrument.id,
        _SIDES[order.side],
        _TYPES[order.type],
        _TIMES_IN_FORCE[order.time_in_force],
        order.leverage,
        _given(order, "margin", units_of("margin", order.margin)) if order.margin is not None else 0,
        _given(order, "quantity", instrument.lots("quantity", order.quantity)) if order.quantity is not None else 0,
        _given(order, "price", instrument.ticks("price", price)) if price is not None else 0,
        _given(order, "stop_loss", instrument.ticks("stop_loss", stop_loss)) if stop_loss is not None else 0,
        _given(order, "take_profit", instrument.ticks("take_profit", take_profit)) if take_profit is not None else 0,
        _given(order, "expires_at", order.expires_at * NS_PER_MS) if order.expires_at is not None else 0,
        order.client_order_id.encode() if order.client_order_id is not None else b"",
        _given(order, "max_slippage", order.max_slippage) if order.max_slippage is not None else 0,
        _given(order, "trailing_stop", order.trailing_stop) if order.trailing_stop is not None else 0,
    )


def _placed(instrument: Instrument, outcome: Outcome) -> Placed[str]:
    if outcome.status != OrderStatus.FILLED:
        return Placed(outcome.id, STATUSES[outcome.status])
    return Placed(
        outcome.id,
        "filled",
        outcome.id,
        instrument.price_text(outcome.price),
        instrument.price_or_none(outcome.liquidation),
        money_text(outcome.fee),
    )


def amend(arena: Arena, player: int, of: AmendOrder, key: str | None) -> Submission:
    order = trade_id(arena, player, of.order, Reason.ORDER_NOT_FOUND)
    fields = (
        (Amend.PRICE if of.price is not None else 0)
        | (Amend.STOP_LOSS if of.stop_loss is not None else 0)
        | (Amend.TAKE_PROFIT if of.take_profit is not None else 0)
        | (Amend.EXPIRY if of.expires_at is not None else 0)
    )
    if not fields:
        raise Refused(
            Code.BAD_ARGUMENTS,
            problem='give price, stop_loss or take_profit ("0" takes it away), or expires_at (0: none)',
        )
    instrument = instrument_of(arena, player, order, key)
    if instrument is None:
        raise Refused(Reason.ORDER_NOT_FOUND)
    record = amend_order_record(
        player,
        order,
        fields,
        instrument.ticks("price", of.price),
        instrument.ticks("stop_loss", of.stop_loss),
        instrument.ticks("take_profit", of.take_profit),
        (of.expires_at or 0) * NS_PER_MS,
    )
    return Submission(record, partial(_amended, arena))


def _amended(arena: Arena, outcome: Outcome) -> AmendedOrder[str]:
    instrument = arena.instruments.by_id[outcome.instrument]
    return AmendedOrder(outcome.id, STATUSES[outcome.status], instrument.price_or_none(outcome.liquidation))


def cancel(arena: Arena, player: int, of: CancelOrder) -> Submission:
    order = trade_id(arena, player, of.order, Reason.ORDER_NOT_FOUND)
    return Submission(cancel_order_record(player, order), _canceled)


def _canceled(outcome: Outcome) -> Canceled:
    return Canceled(outcome.id, STATUSES[outcome.status])


def cancel_all(arena: Arena, player: int, of: OfMatch) -> Submission:
    return Submission(cancel_all_record(player, of.match), _canceled_all)


def _canceled_all(outcome: Outcome) -> CanceledAll:
    return CanceledAll(outcome.id, outcome.left)


def order_list(caller: Caller, of: OfMatch) -> list[Order[str]]:
    found = views.orders(caller.arena.state.book, caller.player, of.match)
    if found is None:
        raise Refused(Reason.NOT_JOINED)
    return [order_answer(caller.arena.instruments, view) for view in found]


def test(caller: Caller, order: PlaceOrder) -> Tested[str]:
    instrument = caller.arena.instruments.named(order.symbol)
    reason, plan = caller.arena.machine.preview_order(_record(caller.player, instrument, order))
    if plan is None:
        raise Refused(reason, error=_refusal(caller.arena, caller.player, instrument, order, reason))
    seat = views.seat(caller.arena.state.book, caller.player, order.match)
    assert seat is not None
    return Tested(
        "filled" if plan.fills else "accepted",
        instrument.quantity_text(plan.lots),
        instrument.price_text(plan.price),
        money_text(plan.notional),
        money_text(plan.margin),
        money_text(plan.fee),
        instrument.price_text(plan.bankruptcy),
        instrument.price_or_none(plan.liquidation),
        instrument.price_or_none(plan.stop_loss),
        distances(floors_of(seat), plan.equity),
    )


def cancel_on_disconnect(arena: Arena, player: int, wanted: CancelOnDisconnect) -> Submission:
    arena.presence.tell_of(player)
    command = commands.CancelOnDisconnect(player, wanted.after_ms)
    return cold_submission(command, lambda outcome: CancelsOnDisconnect(wanted.after_ms), player)
