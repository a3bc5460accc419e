"""Ops of careers: the board of cups. A player's own figures are in me.get."""

from __future__ import annotations

from engine import views
from gateway.presenters.careers import cups_answer
from gateway.protocol.careers import CupsBoard, CupsOf
from gateway.protocol.errors import Code, Refused
from gateway.sessions.caller import Caller


async def board_cups(caller: Caller, of: CupsOf) -> CupsBoard:
    """Of all time and of the current season as it stands now, of an older season as it ended."""
    arena, state, player = caller.arena, caller.arena.state, caller.player
    limit = arena.config.limits.board_rows
    current = int(state.book.world[0]["seasons"])
    if of.season is None or of.season == current:
        return cups_answer(state, views.cups(state.book, limit, player, of.season is not None), of.season)
    if of.season > current:
        raise Refused(Code.SEASON_UNKNOWN, season=of.season)
    return cups_answer(state, await arena.history.standings(of.season, limit, player), of.season)
