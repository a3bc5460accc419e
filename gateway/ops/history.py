"""Ops that look back: a finished match, and what a player's matches and trades have come to.

They are answered from the projection, which lags a moment behind events. So an answer waits until all that the player
has been told of is in it: what a reply or an event has said, can be looked up.
"""

from __future__ import annotations

from functools import partial

from engine import views
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from gateway.presenters.decimals import money_text
from gateway.presenters.history import finished_answer, result_answer, settled_answer, trade_answer
from gateway.presenters.names import MATCH_STATUSES
from gateway.presenters.seats import seat_answer
from gateway.protocol.errors import Code, Refused
from gateway.protocol.history import ClosedTrade, EquityPoint, FinishedMatch, Page, SettledTrade, Summary
from gateway.protocol.matches import OfMatch
from gateway.sessions.session import Session


async def match_summary(session: Session, of: OfMatch) -> Summary[str]:
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
    summary = await arena.history.summary(player, of.match)
    shown = seat_answer(arena.instruments, seat)
    return Summary(
        finished_answer(arena.state, summary.finished),
        [EquityPoint(point.at_ns // NS_PER_MS, money_text(point.equity)) for point in summary.points],
        result_answer(arena.instruments, summary.best),
        result_answer(arena.instruments, summary.worst),
        shown.out,
        shown.locked,
    )


async def me_matches(session: Session, of: Page) -> list[FinishedMatch[str]]:
    arena = session.arena
    await arena.history.reach(session.player)
    rows = await arena.history.finished_matches(session.player, of.limit, of.before)
    return await arena.turns.make(partial(finished_answer, arena.state), rows)


async def me_trades(session: Session, of: Page) -> list[ClosedTrade[str]]:
    arena = session.arena
    await arena.history.reach(session.player)
    rows = await arena.history.closed_positions(session.player, of.limit, of.before)
    return await arena.turns.make(partial(trade_answer, arena.instruments), rows)


async def me_fixed(session: Session, of: Page) -> list[SettledTrade[str]]:
    arena = session.arena
    await arena.history.reach(session.player)
    rows = await arena.history.fixed_trades(session.player, of.limit, of.before)
    return await arena.turns.make(partial(settled_answer, arena.instruments), rows)
