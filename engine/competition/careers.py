"""Careers: cups, experience and levels that players earn in matches, and seasons.

A finished match counts unless it was a practice match or no seat was eligible to win. Cups are won and lost, so they
measure skill; experience only grows. Level n begins at LEVEL_STEP / 2 x n x (n - 1) experience: at 0, 100, 300, 600,
1,000. Each level takes LEVEL_STEP more than the one before, so the next level always stays within reach, which it would
not if the cost doubled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.career_kernels import record_match
from engine.competition.games import rules_of_match
from engine.model.bounds import LONGEST_SEASON_NAME
from engine.model.commands import StartSeason
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.emit import Emit, call_until_done


def update_careers(state: State, match_id: int, players: NDArray[np.int64], eligible: int, emit: Emit) -> None:
    """Add a finished match to the careers of its players, ranked best first; `eligible` of them could win."""
    if not eligible or state.book.matches[match_id]["practice"]:
        return
    game = rules_of_match(state, match_id)
    terms = (match_id, game.cup, game.win_exp, game.lose_exp)
    call_until_done(state, emit, record_match, len(players), players, *terms)


def start_season(state: State, command: StartSeason, emit: Emit) -> tuple[Reason, int]:
    """Start the next season, with season cups of 0 for all players; returns its number."""
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
