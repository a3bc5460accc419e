"""Ops that look back: a finished match, and what a player's matches and trades have come to.

They are answered from the projection, which lags a moment behind events. A finished match is waited for, because it is
asked for when it has just finished.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import Struct

from engine import views
from engine.model.commands import Asset
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from gateway.ops.positions import entry_price_text
from gateway.presenters.decimals import asset_text, money_text
from gateway.presenters.instruments import Instruments
from gateway.presenters.match_messages import JudgedData
from gateway.presenters.matches import seat_answer
from gateway.presenters.names import CAUSES, DIRECTIONS, MATCH_STATUSES, REASONS, RESULTS, RULES, SIDES, wallet_name
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from persistence.queries import ClosedPosition, FinishedMatch, FixedTrade, TradeResult

WITHIN_S: Final = 5.0
"""How long the projection may take to have a match that is over."""


class FinishedAnswer(Struct, frozen=True, omit_defaults=True):
    """How a match ended for the player: message `n` of the private channel. `out` is the rule that put the seat out of
    the game; without a `currency` the prize is only named."""

    n: int
    seq: int
    at: int
    match: int
    title: str
    rank: int
    players: int
    starting_balance: str
    balance: str
    profit: str
    fees: str
    max_drawdown: str
    trades: int
    wins: int
    prize: str
    currency: str | None = None
    out: str | None = None


class ResultAnswer(Struct, frozen=True, omit_defaults=True):
    """What a `position`, or a fixed-time `trade`, has brought in all, its fees counted."""

    symbol: str
    side: str
    result: str
    position: int | None = None
    trade: int | None = None


class SummaryAnswer(Struct, frozen=True, omit_defaults=True):
    """A finished match as the player looks back at it. `equity` is the curve: what the seat was worth at which time."""

    match: FinishedAnswer
    equity: list[tuple[int, str]]
    best: ResultAnswer | None = None
    worst: ResultAnswer | None = None
    out: JudgedData | None = None  # which rule, and its evidence


class TradeAnswer(Struct, frozen=True, omit_defaults=True):
    """A position that closed, or the part of it that did: message `n` of the private channel; `left` stayed open."""

    n: int
    seq: int
    at: int
    match: int
    position: int
    symbol: str
    side: str
    cause: str
    leverage: int
    quantity: str
    entry_price: str
    price: str
    margin: str
    profit: str
    fee: str
    left: str


class SettledAnswer(Struct, frozen=True, omit_defaults=True):
    """A fixed-time trade that was settled, as fixed.settled told it in message `n` of the private channel: staked from
    the seat in a `match` or from a `wallet`."""

    n: int
    seq: int
    at: int
    trade: int
    symbol: str
    direction: str
    stake: str
    payout: int
    expires_at: int
    result: str
    profit: str
    paid_back: str
    exit_price: str
    exit_sequence: int
    entry_price: str | None = None
    entry_sequence: int | None = None
    reason: str | None = None
    match: int | None = None
    wallet: str | None = None


async def match_summary(session: Session, of: args.OfMatch) -> SummaryAnswer:
    arena, player = session.arena, session.player
    match = views.match(arena.state, of.match)
    if match is None:
        raise Refused(Reason.MATCH_NOT_FOUND)
    seat = views.seat(arena.state.book, player, of.match)
    if seat is None:
        raise Refused(Reason.NOT_JOINED)
    if not seat.rank:
        was_canceled = MATCH_STATUSES[match.status] in ("canceled", "archived")
        raise Refused(Code.MATCH_CALLED_OFF if was_canceled else Reason.MATCH_NOT_OVER)
    try:
        async with asyncio.timeout(WITHIN_S):
            summary = await arena.history.summary(player, of.match)
    except TimeoutError:
        raise Refused(Code.OVERLOADED, because="the projection lags behind") from None
    return SummaryAnswer(
        _finished_answer(arena, summary.finished),
        [(point.at_ns // NS_PER_MS, money_text(point.equity)) for point in summary.points],
        _result_answer(arena.instruments, summary.best),
        _result_answer(arena.instruments, summary.worst),
        seat_answer(arena.instruments, seat).out,
    )


async def me_matches(session: Session, of: args.Page) -> list[FinishedAnswer]:
    arena = session.arena
    return [
        _finished_answer(arena, row)
        for row in await arena.history.finished_matches(session.player, of.limit, of.before)
    ]


async def me_trades(session: Session, of: args.Page) -> list[TradeAnswer]:
    arena = session.arena
    return [
        _trade_answer(arena.instruments, row)
        for row in await arena.history.closed_positions(session.player, of.limit, of.before)
    ]


async def me_fixed(session: Session, of: args.Page) -> list[SettledAnswer]:
    arena = session.arena
    return [
        _settled_answer(arena.instruments, row)
        for row in await arena.history.fixed_trades(session.player, of.limit, of.before)
    ]


def _finished_answer(arena: Arena, row: FinishedMatch) -> FinishedAnswer:
    match = views.match(arena.state, row.match)
    assert match is not None, "matches are never forgotten"
    return FinishedAnswer(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.match,
        arena.state.cold.games[match.game].version(match.game_version).title,
        row.rank,
        row.seats,
        money_text(row.starting_balance),
        money_text(row.balance),
        money_text(row.profit),
        money_text(row.fees),
        money_text(row.max_drawdown),
        row.trades,
        row.wins,
        asset_text(row.prize, row.asset),
        Asset(row.asset).name if row.asset else None,
        RULES[row.rule] if row.rule else None,
    )


def _result_answer(instruments: Instruments, row: TradeResult | None) -> ResultAnswer | None:
    if row is None:
        return None
    symbol, result = instruments.by_id[row.instrument].symbol, money_text(row.result)
    if row.fixed:
        return ResultAnswer(symbol, DIRECTIONS[row.side], result, trade=row.id)
    return ResultAnswer(symbol, SIDES[row.side], result, position=row.id)


def _trade_answer(instruments: Instruments, row: ClosedPosition) -> TradeAnswer:
    instrument = instruments.by_id[row.instrument]
    return TradeAnswer(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.match,
        row.id,
        instrument.symbol,
        SIDES[row.side],
        CAUSES[row.cause],
        row.leverage,
        instrument.quantity_text(row.lots),
        entry_price_text(instrument, row.cost, row.lots),
        instrument.price_text(row.price),
        money_text(row.margin),
        money_text(row.profit),
        money_text(row.fee),
        instrument.quantity_text(row.left),
    )


def _settled_answer(instruments: Instruments, row: FixedTrade) -> SettledAnswer:
    instrument = instruments.by_id[row.instrument]
    return SettledAnswer(
        row.message,
        row.sequence,
        row.at_ns // NS_PER_MS,
        row.id,
        instrument.symbol,
        DIRECTIONS[row.direction],
        asset_text(row.stake, row.asset),
        row.payout_percent,
        row.expires_at_ns // NS_PER_MS,
        RESULTS[row.result],
        asset_text(row.profit, row.asset),
        asset_text(row.stake + row.profit, row.asset),
        instrument.middle_text(row.exit),
        row.exit_sequence,
        instrument.middle_text(row.entry) if row.entry else None,
        row.entry_sequence or None,
        REASONS[row.reason] if row.reason else None,
        row.match or None,
        wallet_name(row.asset),
    )
