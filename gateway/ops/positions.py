"""Ops of positions: close, amend, list."""

from __future__ import annotations

from functools import partial
from typing import Final

from msgspec import Struct

from engine import views
from engine.model.commands import Amend
from engine.model.events import OrderStatus
from engine.model.reasons import Reason
from engine.model.scale import MONEY_DECIMALS, NS_PER_MS, format_decimal
from engine.views import PositionView
from gateway.core.records import Outcome, amend_position_record, close_position_record
from gateway.presenters.decimals import money_text, units_of
from gateway.presenters.instruments import Instrument, Instruments
from gateway.presenters.names import SIDES, STATUSES
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission

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


class PositionAnswer(Struct, frozen=True, omit_defaults=True):
    """A `stop_loss` with a `trailing_distance` follows the price, which is that far from it at best."""

    position: int
    match: int
    symbol: str
    side: str
    leverage: int
    quantity: str
    entry_price: str
    mark_price: str
    margin: str
    profit: str
    fee: str
    opened_at: int
    closing: bool = False
    liquidation_price: str | None = None
    stop_loss: str | None = None
    take_profit: str | None = None
    trailing_distance: str | None = None


def close(arena: Arena, player: int, of: args.ClosePosition) -> Submission:
    if (of.percent is None) == (of.quantity is None):
        raise Refused(Code.BAD_ARGUMENTS, problem="give percent or quantity, and only one of them")
    if of.percent is not None:
        record = close_position_record(player, of.position, 0, of.percent)
    else:
        instrument = instrument_of(arena, player, of.position)
        if instrument is None:
            raise Refused(Reason.POSITION_NOT_FOUND)
        lots = instrument.lots("quantity", of.quantity)
        if lots < 1:
            raise Refused(Code.OUT_OF_RANGE, field="quantity")
        record = close_position_record(player, of.position, lots, 0)
    return Submission(record, partial(_closed, arena))


def _closed(arena: Arena, outcome: Outcome) -> Closed:
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


def amend(arena: Arena, player: int, of: args.AmendPosition) -> Submission:
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
    instrument = instrument_of(arena, player, of.position)
    if instrument is None:
        raise Refused(Reason.POSITION_NOT_FOUND)
    stop_loss = instrument.ticks("stop_loss", of.stop_loss)
    take_profit = instrument.ticks("take_profit", of.take_profit)
    trailing_ppm = of.trailing_stop if of.trailing_stop is not None else 0
    record = amend_position_record(player, of.position, fields, stop_loss, take_profit, margin, trailing_ppm)
    return Submission(record, partial(_amended, arena))


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


def instrument_of(arena: Arena, player: int, id: int) -> Instrument | None:
    """The instrument of an open position or order of the player's, or of one that lately ended here: a request may be
    repeated after that. None when it is not known, or somebody else's: an error must not tell which."""
    lately, book, key = arena.positions_lately, arena.state.book, (player, id)
    if views.owner_of(book, id) != player:
        found = lately.get(key, 0)
    else:
        found = views.instrument_of_position(book, id) or views.instrument_of_order(book, id)
        lately[key] = found
        if len(lately) > POSITIONS_REMEMBERED:
            lately.popitem(last=False)
    return arena.instruments.by_id.get(found)


def position_answer(instruments: Instruments, position: PositionView) -> PositionAnswer:
    instrument = instruments.by_id[position.instrument]
    return PositionAnswer(
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
    )


def entry_price_text(instrument: Instrument, cost: int, lots: int) -> str:
    """Cost per lot, with 1e-8 where a partial close has left a fraction of a tick (rounded down)."""
    ticks, rest = divmod(cost, lots)
    if not rest:
        return instrument.price_text(ticks)
    return format_decimal(cost * instrument.data.tick_units // lots, MONEY_DECIMALS)
