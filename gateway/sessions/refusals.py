"""What a refusal of the engine means for an order or a stake: the argument, its value, and what is allowed.

The engine answers with a Reason, whose message says the rule. The figures of the rule are those of the instrument, the
match and the moment, and stand in the error's `details`; a refusal that passes at a known time says when.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from engine import views
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS, PPM
from engine.model.state import State
from gateway.presenters.decimals import money_text
from gateway.presenters.instruments import Instrument, Instruments
from gateway.presenters.names import SIDES
from gateway.protocol.errors import Error, error_of_reason
from gateway.protocol.fixed_trades import BuyFixed
from gateway.protocol.orders import PlaceOrder
from gateway.protocol.positions import AmendPosition, ClosePosition


class Attempt(NamedTuple):
    """What was asked of the engine, and refused."""

    state: State
    now_ns: int
    player: int
    match: int  # 0: a stake from a wallet
    instrument: Instrument
    arguments: PlaceOrder | BuyFixed


def refusal(attempt: Attempt, reason: int) -> Error:
    """The error for the reason, with what there is to say of this attempt."""
    error = error_of_reason(reason)
    explain = _EXPLANATIONS.get(reason)
    details = explain(attempt) if explain is not None else {}
    if not details:
        return error
    opens_ns = details.pop("opens_ns", None)
    if opens_ns is not None:
        wait_ms = -(-(opens_ns - attempt.now_ns) // NS_PER_MS)
        error = msgspec.structs.replace(error, retry_after=max(wait_ms, 1))
        details["opens_at"] = -(-opens_ns // NS_PER_MS)
    return msgspec.structs.replace(error, details=details)


Details = dict[str, Any]


def _of(attempt: Attempt, field: str, **allowed: Any) -> Details:
    return {"field": field, "value": getattr(attempt.arguments, field), **allowed}


def _size_field(attempt: Attempt) -> str:
    return "quantity" if getattr(attempt.arguments, "quantity", None) is not None else "margin"


def _quantity(bound: str, of: Callable[[Instrument], str]) -> Callable[[Attempt], Details]:
    """Of an order that is sized by margin the bound is that of the quantity that it buys."""
    return lambda attempt: _of(attempt, _size_field(attempt)) | {f"quantity_{bound}": of(attempt.instrument)}


def _leverage(attempt: Attempt) -> Details:
    match, data = views.match(attempt.state, attempt.match), attempt.instrument.data
    at_most = min(match.max_leverage, data.max_leverage) if match is not None else data.max_leverage
    brackets = [
        f"{each.max_leverage} up to a notional of {money_text(each.notional_cap)}"
        if each.notional_cap
        else f"{each.max_leverage} above"
        for each in data.brackets
    ]
    return _of(attempt, "leverage", at_most=at_most, brackets=brackets)


def _positions(attempt: Attempt) -> Details:
    match = views.match(attempt.state, attempt.match)
    return {"at_most": match.max_positions} if match is not None else {}


def _cash(attempt: Attempt) -> Details:
    seat = views.seat(attempt.state.book, attempt.player, attempt.match)
    return {"cash": money_text(seat.cash)} if seat is not None else {}


def _symbols(attempt: Attempt) -> Details:
    match = views.match(attempt.state, attempt.match)
    symbols = attempt.state.cold.instruments
    allowed = [symbols[each].symbol for each in match.rules.allowed] if match is not None else []
    return _of(attempt, "symbol", allowed=allowed)


def _side(attempt: Attempt) -> Details:
    match = views.match(attempt.state, attempt.match)
    return {"allowed": [SIDES[match.rules.allowed_side]]} if match is not None and match.rules.allowed_side else {}


def _other_side(attempt: Attempt) -> Details:
    order = attempt.arguments
    assert isinstance(order, PlaceOrder)
    return _of(attempt, "side", allowed=["short" if order.side == "long" else "long"])


def _trades(attempt: Attempt) -> Details:
    match = views.match(attempt.state, attempt.match)
    opens_ns = views.next_trade_at_ns(attempt.state.book, attempt.player, attempt.match)
    return {"at_most": match.rules.trades_per_minute, "opens_ns": opens_ns} if match is not None else {}


def _market(attempt: Attempt) -> Details:
    opens_ns = views.opens_at_ns(attempt.state.book, attempt.instrument.id, attempt.now_ns)
    return {"symbol": attempt.instrument.symbol, "opens_ns": opens_ns}


def _price(attempt: Attempt) -> Details:
    highest = attempt.instrument.price_text(attempt.instrument.data.highest_price)
    lowest = attempt.instrument.price_text(1)
    fields = [field for field in ("price", "stop_loss", "take_profit") if getattr(attempt.arguments, field) is not None]
    return {"fields": fields or ["price"], "at_least": lowest, "at_most": highest}


def _stake(attempt: Attempt) -> Details:
    data = attempt.instrument.data
    bounds = {"at_least": money_text(data.fixed_min_stake), "at_most": money_text(data.fixed_max_stake)}
    return _of(attempt, "stake", **bounds)


def _duration(attempt: Attempt) -> Details:
    data = attempt.instrument.data
    return _of(attempt, "duration", at_least=data.fixed_min_s, at_most=data.fixed_max_s)


def _fields(*fields: str, **allowed: Any) -> Callable[[Attempt], Details]:
    """The first of the fields that was given."""

    def explain(attempt: Attempt) -> Details:
        given = [field for field in fields if getattr(attempt.arguments, field, None) is not None]
        return _of(attempt, (given or fields)[0], **allowed)

    return explain


_EXPLANATIONS: Final[dict[int, Callable[[Attempt], Details]]] = {
    Reason.QUANTITY_TOO_LOW: _quantity("at_least", lambda one: one.quantity_text(one.data.min_lots)),
    Reason.QUANTITY_TOO_HIGH: _quantity("at_most", lambda one: one.quantity_text(one.data.max_lots)),
    Reason.SIZE_ZERO: _quantity("at_least", lambda one: one.quantity_text(1)),
    Reason.NOTIONAL_TOO_LOW: lambda attempt: (
        _of(attempt, _size_field(attempt)) | {"notional_at_least": money_text(attempt.instrument.data.min_notional)}
    ),
    Reason.LEVERAGE_INVALID: _leverage,
    Reason.LEVERAGE_TOO_HIGH: _leverage,
    Reason.TOO_MANY_POSITIONS: _positions,
    Reason.CASH_TOO_LOW: _cash,
    Reason.INSTRUMENT_NOT_ALLOWED: _symbols,
    Reason.SIDE_NOT_ALLOWED: _side,
    Reason.HEDGING_NOT_ALLOWED: _other_side,
    Reason.TOO_MANY_TRADES: _trades,
    Reason.MARKET_CLOSED: _market,
    Reason.PRICE_INVALID: _price,
    Reason.SLIPPAGE_INVALID: _fields("max_slippage", at_least=1, at_most=PPM),
    Reason.TRAILING_STOP_INVALID: _fields("trailing_stop", at_least=1, at_most=PPM - 1),
    Reason.EXPIRY_INVALID: _fields("expires_at"),
    Reason.TIME_IN_FORCE_INVALID: _fields("time_in_force"),
    Reason.STAKE_TOO_LOW: _stake,
    Reason.STAKE_TOO_HIGH: _stake,
    Reason.DURATION_INVALID: _duration,
}


class PositionAttempt(NamedTuple):
    """What was asked for a position, and refused; the position as it is then."""

    arguments: ClosePosition | AmendPosition
    instrument: Instrument
    view: views.PositionView
    cash: int


def refusal_of_position(
    state: State, instruments: Instruments, player: int, position: int, of: ClosePosition | AmendPosition, reason: int
) -> Error:
    """The error for the reason, with what there is to say of the position."""
    error = error_of_reason(reason)
    explain = _OF_POSITIONS.get(reason)
    view = views.position(state.book, player, position)
    seat = views.seat(state.book, player, view.match) if view is not None else None
    if explain is None or view is None or seat is None:
        return error
    attempt = PositionAttempt(of, instruments.by_id[view.instrument], view, seat.cash)
    return msgspec.structs.replace(error, details=explain(attempt))


def _of_it(attempt: PositionAttempt, *fields: str, **allowed: Any) -> Details:
    given = {field: getattr(attempt.arguments, field, None) for field in fields}
    field, value = next(((field, value) for field, value in given.items() if value is not None), (fields[0], None))
    return {"field": field} | ({"value": value} if value is not None else {}) | allowed


def _triggers(attempt: PositionAttempt) -> Details:
    return _of_it(attempt, "stop_loss", "take_profit", mark_price=attempt.instrument.price_text(attempt.view.mark))


def _price_of_stops(attempt: PositionAttempt) -> Details:
    highest = attempt.instrument.price_text(attempt.instrument.data.highest_price)
    return _of_it(attempt, "stop_loss", "take_profit", at_least=attempt.instrument.price_text(1), at_most=highest)


_OF_POSITIONS: Final[dict[int, Callable[[PositionAttempt], Details]]] = {
    Reason.QUANTITY_TOO_HIGH: lambda one: _of_it(one, "quantity", at_most=one.instrument.quantity_text(one.view.lots)),
    Reason.PERCENT_INVALID: lambda one: _of_it(one, "percent", at_least=1, at_most=100),
    Reason.SIZE_ZERO: lambda one: _of_it(one, "percent", quantity_at_least=one.instrument.quantity_text(1)),
    Reason.CASH_TOO_LOW: lambda one: _of_it(one, "add_margin", at_most=money_text(one.cash)),
    Reason.MARGIN_TOO_LOW: lambda one: _of_it(one, "remove_margin", margin=money_text(one.view.margin)),
    Reason.WOULD_LIQUIDATE_NOW: lambda one: _of_it(one, "remove_margin", margin=money_text(one.view.margin)),
    Reason.WOULD_TRIGGER_NOW: _triggers,
    Reason.PRICE_INVALID: _price_of_stops,
    Reason.TRAILING_STOP_INVALID: lambda one: _of_it(one, "trailing_stop", at_least=1, at_most=PPM - 1),
}
