"""Ops of careers: the board of cups. A player's own figures are in me.get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import views
from engine.state import State
from gateway import arguments as args
from gateway.errors import Code, Refused
from gateway.presentation import CupsAnswer, CupsRow
from persistence.queries import Standings

if TYPE_CHECKING:
    from gateway.sessions import Session


async def board_cups(session: Session, of: args.CupsOf) -> CupsAnswer:
    """Of all time and of the current season as it stands now, of an older season as it ended."""
    arena, state, player = session.arena, session.arena.state, session.player
    limit = arena.config.limits.board_rows
    current = int(state.book.world[0]["seasons"])
    if of.season is None or of.season == current:
        return _answer(state, views.cups(state.book, limit, player, of.season is not None), of.season)
    if of.season > current:
        raise Refused(Code.SEASON_UNKNOWN, season=of.season)
    return _answer(state, await arena.past.standings(of.season, limit, player), of.season)


def _answer(state: State, board: views.CupsView | Standings, season: int | None) -> CupsAnswer:
    rows = [
        CupsRow(rank, player, state.cold.players[player].name, cups, matches)
        for rank, (player, cups, matches) in enumerate(board.top, start=1)
    ]
    named = state.cold.seasons.get(season) if season is not None else None
    return CupsAnswer(board.players, rows, season, named.name if named is not None else None, board.rank or None)
