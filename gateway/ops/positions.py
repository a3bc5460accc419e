"""Ops of positions: close, amend, list."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine import views
from engine.model.commands import Amend, request_key
from engine.model.events import OrderStatus
from engine.model.reasons import Reason
from gateway.core.records import Outcome, amend_position_record, close_position_record
from gateway.presenters.decimals import money_text, units_of
from gateway.presenters.instruments import Instrument
from gateway.presenters.names import STATUSES
from gateway.presenters.positions import position_answer
from gateway.protocol.errors import Code, Error, Refused
from gateway.protocol.matches import OfMatch
from gateway.protocol.positions import Amended, AmendPosition, Closed, ClosePosition, Position
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.refusals import refusal_of_position
from gateway.sessions.submission import Submission


def close(arena: Arena, player: int, of: ClosePosition, key: str | None) -> Submission:
    position = trade_id(arena, player, of.position, Reason.POSITION_NOT_FOUND)
    if of.percent is not None and of.quantity is not None:
        raise Refused(Code.BAD_ARGUMENTS, problem="give percent or quantity, not both")
    if of.quantity is None:
        record = close_position_record(player, position, 0, 100 if of.percent is None else of.percent)
    else:
        instrument = instrument_of(arena, player, position, key)
        if instrument is None:
            raise Refused(Reason.POSITION_NOT_FOUND)
        lots = instrument.lots("quantity", of.quantity)
        if lots < 1:
            raise Refused(Code.OUT_OF_RANGE, field="quantity", value=of.quantity, at_least=instrument.quantity_text(1))
        record = close_position_record(player, position, lots, 0)
    return Submission(record, partial(_closed, arena), explain=_explained(arena, player, position, of))


def _explained(arena: Arena, player: int, position: int, of: ClosePosition | AmendPosition) -> Callable[[int], Error]:
    return partial(refusal_of_position, arena.state, arena.instruments, player, position, of)


def _closed(arena: Arena, outcome: Outcome) -> Closed[str]:
    if outcome.status != OrderStatus.FILLED:
        return Closed(outcome.id, STATUSES[outcome.status])
    instrument = arena.instruments.by_id[outcome.instrument]
    return Closed(
        outcome.id,
        "filled",
        instrument.price_text(outcome.price),
        money_text(outcome.profit),
        money_text(outcome.fee),
        instrument.quantity_text(outcome.left),
    )


def amend(arena: Arena, player: int, of: AmendPosition, key: str | None) -> Submission:
    position = trade_id(arena, player, of.position, Reason.POSITION_NOT_FOUND)
    if of.add_margin is not None and of.remove_margin is not None:
        raise Refused(Code.BAD_ARGUMENTS, problem="give add_margin or remove_margin, not both")
    margin = _margin_change("add_margin", of.add_margin) - _margin_change("remove_margin", of.remove_margin)
    fields = (
        (Amend.STOP_LOSS if of.stop_loss is not None else 0)
        | (Amend.TAKE_PROFIT if of.take_profit is not None else 0)
        | (Amend.MARGIN if margin else 0)
        | (Amend.TRAILING_STOP if of.trailing_stop is not None else 0)
    )
    if not fields:
        raise Refused(
            Code.BAD_ARGUMENTS,
            problem="give stop_loss, trailing_stop or take_profit (0 takes it away), add_margin or remove_margin",
        )
    instrument = instrument_of(arena, player, position, key)
    if instrument is None:
        raise Refused(Reason.POSITION_NOT_FOUND)
    stop_loss = instrument.ticks("stop_loss", of.stop_loss)
    take_profit = instrument.ticks("take_profit", of.take_profit)
    trailing_ppm = of.trailing_stop if of.trailing_stop is not None else 0
    record = amend_position_record(player, position, fields, stop_loss, take_profit, margin, trailing_ppm)
    return Submission(record, partial(_amended, arena), explain=_explained(arena, player, position, of))


def _margin_change(field: str, amount: int | str | None) -> int:
    if amount is None:
        return 0
    units = units_of(field, amount)
    if units < 1:
        raise Refused(Code.OUT_OF_RANGE, field=field, value=amount, at_least="0.00000001")
    return units


def _amended(arena: Arena, outcome: Outcome) -> Amended[str]:
    instrument = arena.instruments.by_id[outcome.instrument]
    status = STATUSES[outcome.status] if outcome.status else None
    return Amended(outcome.id, instrument.price_or_none(outcome.liquidation), status)


def position_list(caller: Caller, of: OfMatch) -> list[Position[str]]:
    found = views.positions(caller.arena.state.book, caller.player, of.match)
    if found is None:
        raise Refused(Reason.NOT_JOINED)
    return [position_answer(caller.arena.instruments, view) for view in found]


def client_order_id(ref: int | str) -> str | None:
    """The client's id of an order in what names it; None: it is named by its own id."""
    return ref.removeprefix("client:") if isinstance(ref, str) else None


def trade_id(arena: Arena, player: int, ref: int | str, why_not: Reason) -> int:
    """The id of the order or position that is named. A client's id is known as long as the key of an order: while it or
    its position is open, and for a day. Raises Refused."""
    if isinstance(ref, int):
        return ref
    id = views.trade_of_request(arena.state.book, request_key(player, client_order_id(ref) or ""))
    if not id:
        raise Refused(why_not)
    return id


def instrument_of(arena: Arena, player: int, id: int, key: str | None) -> Instrument | None:
    """The instrument of an open position or order of the player's; of one that has ended, if the request with that key
    has been served before: it is asked again, and its figures are in the units of the same instrument.

    None when it is not known, or another player's: an error must not give away which.
    """
    book = arena.state.book
    found = 0
    if views.owner_of_trade(book, id) == player:
        found = views.instrument_of_position(book, id) or views.instrument_of_order(book, id)
    elif key is not None:
        found = views.instrument_of_request(book, request_key(player, key))
    return arena.instruments.by_id.get(found)
