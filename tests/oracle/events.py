"""How the events of orders, positions, seats and matches are told."""

from __future__ import annotations

from typing import Any

from engine.model.commands import Asset, pack_client_order_id
from engine.model.events import EventKind, Rule
from tests.oracle.ledger.money import PURSES
from tests.oracle.state import FixedTrade, Match, Oracle, Order, Position, Seat
from tests.oracle.trading.worth import equity_of

NO_TEXT = list(pack_client_order_id(""))


def tell(oracle: Oracle, kind: EventKind, seat: Seat, instrument: int, **body: Any) -> None:
    """A trade's event, to the player of the seat."""
    blank = dict.fromkeys((
        "id", "side", "order_type", "cause", "leverage", "price", "lots", "cost", "margin", "fee", "profit", "cash",
        "left", "liquidation", "stop_loss", "take_profit", "trailing",
    ), 0)  # fmt: skip
    body = blank | {"client_order_id": NO_TEXT, "cash": seat.cash} | body
    oracle.emit(kind, seat.player, seat.match, instrument, **body)


def tell_of(oracle: Oracle, kind: EventKind, order: Order, **body: Any) -> None:
    command = order.command
    described = {
        "id": order.id,
        "side": int(command.side),
        "order_type": int(command.order_type),
        "leverage": command.leverage,
        "price": command.price,
        "lots": order.lots,
        "cost": command.price * order.lots,
        "margin": order.margin,
        "fee": order.fee,
        "stop_loss": command.stop_loss,
        "take_profit": command.take_profit,
        "trailing": command.trailing_ppm,
        "client_order_id": list(pack_client_order_id(command.client_order_id)),
    }
    tell(oracle, kind, order.seat, command.instrument, **described | body)


def tell_about(oracle: Oracle, kind: EventKind, position: Position, **body: Any) -> None:
    described = {
        "id": position.id, "side": int(position.side), "leverage": position.leverage, "cost": position.cost,
        "margin": position.margin, "left": position.lots, "liquidation": position.liquidation,
        "stop_loss": position.stop_loss, "take_profit": position.take_profit, "trailing": position.trailing,
    }  # fmt: skip
    tell(oracle, kind, position.seat, position.instrument, **described | body)


def tell_fixed(oracle: Oracle, kind: EventKind, trade: FixedTrade, **body: Any) -> None:
    command, seat = trade.command, trade.seat
    cash = seat.cash
    if command.asset:
        asset = Asset(command.asset).name
        cash = oracle.money.has(seat.player, PURSES[asset], asset)
    described = {
        "id": trade.id, "direction": int(command.direction), "result": 0, "stake": command.stake,
        "payout_percent": trade.payout_percent, "expires_at_ns": trade.expires_at_ns, "entry": trade.entry,
        "exit": 0, "entry_sequence": trade.entry_sequence, "exit_sequence": 0, "profit": 0, "cash": cash,
        "asset": int(command.asset),
    }  # fmt: skip
    oracle.emit(kind, seat.player, seat.match, command.instrument, **described | body)


def tell_judged(
    oracle: Oracle, kind: EventKind, seat: Seat, rule: Rule, percent: int, equity: int, level: int, instrument: int
) -> None:
    market = oracle.markets.get(instrument)
    oracle.emit(
        kind, player=seat.player, match=seat.match, instrument=instrument, rule=int(rule), percent=percent,
        equity=equity, level=level, bid=market.bid if market else 0, ask=market.ask if market else 0,
        quote_sequence=market.sequence if market else 0,
    )  # fmt: skip


def tell_all(oracle: Oracle, id: int, kind: EventKind, **body: Any) -> None:
    for seat in oracle.matches[id].seats:
        oracle.emit(kind, seat.player, id, **body)
    oracle.emit(kind, match=id, **body)


def tell_time(oracle: Oracle, id: int, match: Match) -> None:
    oracle.emit(EventKind.MATCH_TIMED, match=id, starts_at_ns=match.starts_at_ns, ends_at_ns=0)


def tell_equity(oracle: Oracle, seat: Seat) -> None:
    equity = equity_of(oracle, seat)
    oracle.emit(EventKind.EQUITY_SAMPLED, match=seat.match, owner=seat.player, equity=equity, balance=seat.balance)
