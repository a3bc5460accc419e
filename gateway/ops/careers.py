"""Ops of careers: the board of cups. A player's own figures are in me.get."""

from __future__ import annotations

from msgspec import Struct

from engine import views
from engine.model.state import State
from engine.views import CareerView
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused
from gateway.sessions.session import Session
from persistence.queries import Standings


class CareerAnswer(Struct, frozen=True):
    """What matches have made of the player; `season` is the current one, 0 before the first."""

    cups: int
    season: int
    season_cups: int
    experience: int
    level: int
    to_next_level: int  # experience that it takes
    wins: int
    matches: int


class CupsRow(Struct, frozen=True):
    rank: int
    player: int
    name: str
    cups: int
    matches: int


class CupsAnswer(Struct, frozen=True, omit_defaults=True):
    """The board of cups, of so many `players`: of all time, or of a season."""

    players: int
    rows: list[CupsRow]
    season: int | None = None
    name: str | None = None  # of the season; the time before the first one has none
    rank: int | None = None  # of the player who asks


async def board_cups(session: Session, of: args.CupsOf) -> CupsAnswer:
    """Of all time and of the current season as it stands now, of an older season as it ended."""
    arena, state, player = session.arena, session.arena.state, session.player
    limit = arena.config.limits.board_rows
    current = int(state.book.world[0]["seasons"])
    if of.season is None or of.season == current:
        return _answer(state, views.cups(state.book, limit, player, of.season is not None), of.season)
    if of.season > current:
        raise Refused(Code.SEASON_UNKNOWN, season=of.season)
    return _answer(state, await arena.history.standings(of.season, limit, player), of.season)


def _answer(state: State, board: views.CupsView | Standings, season: int | None) -> CupsAnswer:
    rows = [
        CupsRow(rank, player, state.cold.players[player].name, cups, matches)
        for rank, (player, cups, matches) in enumerate(board.top, start=1)
    ]
    named = state.cold.seasons.get(season) if season is not None else None
    return CupsAnswer(board.players, rows, season, named.name if named is not None else None, board.rank or None)


def career_answer(career: CareerView) -> CareerAnswer:
    return CareerAnswer(
        career.cups,
        career.season,
        career.season_cups,
        career.experience,
        career.level,
        career.next_level - career.experience,
        career.wins,
        career.matches,
    )
