"""Careers: what matches make of their players. Cups are won and lost, experience grows, and levels follow from it.

A match counts when it is over, was not for practice, and somebody was fit to win it. Cups say who plays well, the level
who plays much. Level n begins at LEVEL_STEP / 2 x n x (n - 1) experience: at 0, 100, 300, 600, 1,000. Each level asks
for LEVEL_STEP more than the one before: the first ones come quickly, and however many somebody has, the next one is
only a little further than the last, where doubling would soon put it out of reach.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.career_points import count_match
from engine.competition.games import rules_of
from engine.model.bounds import LONGEST_SEASON_NAME
from engine.model.commands import StartSeason
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.emit import Emit, go_through


def progress(state: State, match_id: int, players: NDArray[np.int64], fit: int, emit: Emit) -> None:
    """Count a match that is over in the careers of its players, ranked best first, of whom `fit` may win."""
    if not fit or state.book.matches[match_id]["practice"]:
        return
    game = rules_of(state, match_id)
    terms = (match_id, game.cup, game.win_exp, game.lose_exp)
    go_through(state, emit, count_match, len(players), players, *terms)


def start_season(state: State, command: StartSeason, emit: Emit) -> tuple[Reason, int]:
    """Let the season's cups begin at 0 for everybody; its number."""
    if not command.name.strip() or len(command.name) > LONGEST_SEASON_NAME:
        return Reason.SEASON_INVALID, 0

    book = state.book
    book.world[0]["seasons"] += 1
    season = int(book.world[0]["seasons"])
    state.cold.seasons[season] = command
    for column in ("season_cups", "season_cups_at_ns", "season_matches"):
        book.careers[column] = 0
    emit(EventKind.SEASON_STARTED)["season"] = season
    return Reason.ACCEPTED, season
