"""Seats, what challenge rules find, and leaderboards, as clients see them."""

from __future__ import annotations

from typing import Any, Final

from engine.model.events import Rule
from engine.model.scale import NS_PER_MS
from engine.model.state import Cold
from engine.model.tables import SEAT_ACTIVE, SEAT_LOCKED
from engine.views import BoardView, SeatView
from gateway.presenters.decimals import asset_text, money_text
from gateway.presenters.events import TRADE_FIELDS, Judged, Trade
from gateway.presenters.instruments import Instrument, Instruments
from gateway.presenters.names import RULES, SEAT_STATUSES
from gateway.protocol.seats import Board, BoardRow, Judgement, Seat, SeatEvent


def seat_answer(instruments: Instruments, seat: SeatView) -> Seat[str]:
    floors = floors_of(seat)
    evidence = _evidence(instruments, seat)
    locked = seat.status == SEAT_LOCKED
    distance = distances(floors, seat.equity)
    if seat.target is not None and seat.net_equity is not None and seat.status == SEAT_ACTIVE:
        distance["profit_target"] = money_text(seat.target - seat.net_equity)
    warned = {"daily_drawdown": seat.daily_warned, "total_drawdown": seat.total_warned}
    return Seat(
        seat.match,
        money_text(seat.equity),
        money_text(seat.cash),
        money_text(seat.reserved),
        money_text(seat.margin),
        money_text(seat.profit),
        money_text(seat.fees),
        money_text(seat.profit - seat.fees),
        seat.trades,
        seat.wins,
        seat.orders,
        seat.positions,
        seat.joined_at_ns // NS_PER_MS,
        money_text(seat.stakes),
        SEAT_STATUSES[seat.status],
        {rule: money_text(floor) for rule, floor in floors.items()},
        distance,
        {rule: percent for rule, percent in warned.items() if percent},
        None if locked else evidence,
        evidence if locked else None,
        seat.rank or None,
        asset_text(seat.prize, seat.asset) if seat.rank else None,
        money_text(seat.net_equity) if seat.net_equity is not None else None,
    )


def floors_of(seat: SeatView) -> dict[str, int]:
    """The floors of the seat's equity by the names of their rules; none of a seat that is out of the game."""
    if seat.status != SEAT_ACTIVE:
        return {}
    floors = {"daily_drawdown": seat.daily_floor, "total_drawdown": seat.total_floor}
    return {rule: floor for rule, floor in floors.items() if floor is not None}


def distances(floors: dict[str, int], equity: int) -> dict[str, str]:
    """How far so much equity is above each floor."""
    return {rule: money_text(equity - floor) for rule, floor in floors.items()}


def _evidence(instruments: Instruments, seat: SeatView) -> Judgement[str] | None:
    out = seat.out
    if out is None:
        return None
    instrument = instruments.by_id.get(out.instrument)
    return judgement(seat.match, out.rule, out.equity, out.level, instrument, out.bid, out.ask, seq=out.sequence)


def board_answer(cold: Cold, match: int, board: BoardView) -> Board[str]:
    rows = [
        BoardRow(
            rank,
            seat.player,
            cold.players[seat.player].name,
            money_text(seat.equity),
            money_text(seat.profit),
            money_text(seat.fees),
            money_text(seat.profit - seat.fees),
            seat.trades,
            seat.positions,
            SEAT_STATUSES[seat.status],
            asset_text(seat.prize, seat.asset) if seat.rank else None,
        )
        for rank, seat in enumerate(board.top, start=1)
    ]
    return Board(match, board.seats, rows, board.rank or None)


def seat_event(trade: Trade, instrument: Instrument | None) -> SeatEvent[str]:
    fields = dict(zip(TRADE_FIELDS, trade, strict=True))
    return SeatEvent(fields["match"], money_text(fields["cash"]))


_HELD: Final = {
    Rule.DAILY_DRAWDOWN.value: ("equity", "floor"),
    Rule.TOTAL_DRAWDOWN.value: ("equity", "floor"),
    Rule.LOSS_PER_TRADE.value: ("result", "limit"),
    Rule.PROFIT_TARGET.value: ("equity", "target"),
}
"""The two fields of a Judgement that each rule compares."""


def judgement_event(event: Judged, instrument: Instrument | None) -> Judgement[str]:
    quoted: dict[str, Any] = {"quote_seq": event.quote_sequence} if event.quote_sequence else {}
    return judgement(
        event.match, event.rule, event.equity, event.level, instrument, event.bid, event.ask,
        percent=event.percent or None, **quoted,
    )  # fmt: skip


def judgement(
    match: int, rule: int, equity: int, level: int, instrument: Instrument | None, bid: int, ask: int, **more: Any
) -> Judgement[str]:
    held, against = _HELD[rule]
    more |= {held: money_text(equity), against: money_text(level)}
    if instrument is not None:
        price = instrument.price_or_none
        more |= {"symbol": instrument.symbol, "bid": price(bid), "ask": price(ask)}
    return Judgement(match, RULES[rule], **more)
