"""Ops that look back: a finished match, and what a player's orders, trades and matches have come to.

They are answered from the projection, which lags a moment behind events. So an answer waits until all that the player
has been told of is in it: what a reply or an event has said, can be looked up.
"""

from __future__ import annotations

from functools import partial

from engine import views
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from gateway.ops.positions import client_order_id
from gateway.presenters.decimals import money_text
from gateway.presenters.history import (
    KINDS_OF_STATUS,
    fill_answer,
    finished_answer,
    life_answer,
    record_answer,
    result_answer,
    settled_answer,
    trade_answer,
)
from gateway.presenters.names import MATCH_STATUSES
from gateway.presenters.seats import seat_answer
from gateway.protocol.errors import Code, Refused
from gateway.protocol.history import (
    ClosedTrade,
    EquityPoint,
    Fill,
    FinishedMatch,
    FixedTradesOf,
    OfMatches,
    OfOrder,
    OrderLife,
    OrderRecord,
    OrdersOf,
    Paged,
    SeatTrades,
    SettledTrade,
    Summary,
)
from gateway.protocol.matches import OfMatch
from gateway.sessions.caller import Caller
from gateway.sessions.pages import own_page
from persistence import rows


async def match_summary(caller: Caller, of: OfMatch) -> Summary[str]:
    arena, player = caller.arena, caller.player
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


async def me_matches(caller: Caller, of: OfMatches) -> Paged[FinishedMatch[str]]:
    return await own_page(caller, rows.FINISHED_MATCHES, partial(finished_answer, caller.arena.state), of)


async def me_trades(caller: Caller, of: SeatTrades) -> Paged[ClosedTrade[str]]:
    return await own_page(caller, rows.CLOSED_POSITIONS, partial(trade_answer, caller.arena.instruments), of)


async def me_fills(caller: Caller, of: SeatTrades) -> Paged[Fill[str]]:
    return await own_page(caller, rows.FILLS, partial(fill_answer, caller.arena.instruments), of)


async def me_fixed(caller: Caller, of: FixedTradesOf) -> Paged[SettledTrade[str]]:
    return await own_page(caller, rows.FIXED_TRADES, partial(settled_answer, caller.arena.instruments), of)


async def order_history(caller: Caller, of: OrdersOf) -> Paged[OrderRecord[str]]:
    """Orders from their acceptance on, whatever has become of them; the latest placed come first."""
    kinds = KINDS_OF_STATUS[of.status] if of.status is not None else ()
    return await own_page(caller, rows.ORDERS, partial(record_answer, caller.arena.instruments), of, kinds)


async def order_get(caller: Caller, of: OfOrder) -> OrderLife[str]:
    """An order of the player's, open or not, and what became of its position."""
    arena, player = caller.arena, caller.player
    await arena.history.reach(player)
    found = await arena.history.order(player, client_order_id(of.order) or of.order)
    if found is None:
        raise Refused(Reason.ORDER_NOT_FOUND)
    return life_answer(arena.instruments, found, await arena.history.closes(player, found.id))
