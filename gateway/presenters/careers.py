"""Careers and the board of cups as clients see them."""

from __future__ import annotations

from engine import views
from engine.model.state import State
from engine.views import CareerView
from gateway.presenters.events import Progressed
from gateway.presenters.instruments import Instrument
from gateway.protocol.careers import Career, CupsBoard, CupsRow, ProgressEvent
from persistence.rows import Standings


def cups_answer(state: State, board: views.CupsView | Standings, season: int | None) -> CupsBoard:
    rows = [
        CupsRow(rank, player, state.cold.players[player].name, cups, matches)
        for rank, (player, cups, matches) in enumerate(board.top, start=1)
    ]
    named = state.cold.seasons.get(season) if season is not None else None
    return CupsBoard(board.players, rows, season, named.name if named is not None else None, board.rank or None)


def career_answer(career: CareerView) -> Career:
    return Career(
        career.cups,
        career.season,
        career.season_cups,
        career.experience,
        career.level,
        career.next_level - career.experience,
        career.wins,
        career.matches,
    )


def progress_event(event: Progressed, instrument: Instrument | None) -> ProgressEvent:
    return ProgressEvent(
        event.match,
        event.cups,
        event.change,
        event.season,
        event.season_cups,
        event.experience,
        event.gained,
        event.level,
        event.level_before,
    )
