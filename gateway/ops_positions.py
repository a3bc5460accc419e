"""Ops of positions: close, amend, list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from engine import views
from engine.commands import Amend
from engine.reasons import Reason
from gateway import arguments as args
from gateway.arena import Arena
from gateway.errors import Code, Refused
from gateway.instruments import Instrument, money_text, units_of
from gateway.messages import FILLED, STATUSES
from gateway.presentation import PositionAnswer, position_answer
from gateway.records import Outcome, amend_position_record, close_position_record
from gateway.requests import Request

if TYPE_CHECKING:
    from gateway.sessions import Session


POSITIONS_REMEMBERED: Final = 65_536


class Closed(Struct, frozen=True, gc=False, omit_defaults=True):
    """Result of position.close. The figures are there when it filled at once; else they come on `me`."""

    position: int
    status: str
    fill_price: str | None = None
    profit: str | None = None
    fee: str | None = None
    left: str | None = None


class Amended(Struct, frozen=True, gc=False, omit_defaults=True):
    position: int
    liquidation_price: str | None = None


def close(arena: Arena, player: int, of: args.ClosePosition) -> Request:
    if (of.percent is None) == (of.quantity is None):
        raise Refused(Code.BAD_ARGUMENTS, problem="give percent or quantity, and only one of them")
    if of.percent is not None:
        record = close_position_record(player, of.position, 0, of.percent)
    else:
        instrument = instrument_of(arena, of.position)
        if instrument is None:
            raise Refused(Reason.POSITION_NOT_FOUND)
        lots = instrument.lots("quantity", of.quantity)
        if lots < 1:
            raise Refused(Code.OUT_OF_RANGE, field="quantity")
        record = close_position_record(player, of.position, lots, 0)
    return Request(record, partial(_closed, arena))


def _closed(arena: Arena, outcome: Outcome) -> Closed:
    if outcome.status != FILLED:
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


def amend(arena: Arena, player: int, of: args.AmendPosition) -> Request:
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
    instrument = instrument_of(arena, of.position)
    if instrument is None:
        raise Refused(Reason.POSITION_NOT_FOUND)
    stop_loss = instrument.ticks("stop_loss", of.stop_loss)
    take_profit = instrument.ticks("take_profit", of.take_profit)
    trailing_ppm = of.trailing_stop if of.trailing_stop is not None else 0
    record = amend_position_record(player, of.position, fields, stop_loss, take_profit, margin, trailing_ppm)
    return Request(record, partial(_amended, arena))


def _margin_change(field: str, amount: int | str | None) -> int:
    if amount is None:
        return 0
    units = units_of(field, amount)
    if units < 1:
        raise Refused(Code.OUT_OF_RANGE, field=field)
    return units


def _amended(arena: Arena, outcome: Outcome) -> Amended:
    return Amended(outcome.id, arena.instruments.by_id[outcome.instrument].price_or_none(outcome.liquidation))


def position_list(session: Session, of: args.OfMatch) -> list[PositionAnswer]:
    found = views.positions(session.arena.state.book, session.player, of.match)
    if found is None:
        raise Refused(Reason.NOT_JOINED)
    return [position_answer(session.arena.instruments, view) for view in found]


def instrument_of(arena: Arena, id: int) -> Instrument | None:
    """The instrument of an open position or order, or of one that lately ended here: a request may be repeated after
    that. None when it is not known."""
    lately, book = arena.positions_lately, arena.state.book
    found = views.instrument_of_position(book, id) or views.instrument_of_order(book, id)
    if not found:
        found = lately.get(id, 0)
    elif id not in lately:
        lately[id] = found
        if len(lately) > POSITIONS_REMEMBERED:
            lately.popitem(last=False)
    return arena.instruments.by_id.get(found)
