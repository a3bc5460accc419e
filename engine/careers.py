"""Careers: what matches make of their players. Cups are won and lost, experience grows, and levels follow from it.

A match counts when it is over, was not for practice, and somebody was fit to win it. Cups say who plays well, the level
who plays much. Level n begins at LEVEL_STEP / 2 x n x (n - 1) experience: at 0, 100, 300, 600, 1,000. Each level asks
for LEVEL_STEP more than the one before: the first ones come quickly, and however many somebody has, the next one is
only a little further than the last, where doubling would soon put it out of reach.
"""

from __future__ import annotations

from math import isqrt
from typing import Final

from engine.commands import LONGEST_SEASON_NAME, StartSeason
from engine.events import EventKind
from engine.games import rules_of
from engine.handlers import Emit
from engine.reasons import Reason
from engine.state import State

LEVEL_STEP: Final = 100


def begins_at(level: int) -> int:
    """The experience at which the level, 1 or more, begins."""
    return LEVEL_STEP * level * (level - 1) // 2


def level_of(experience: int) -> int:
    """The last level that begins at so much experience or less: n x (n - 1) <= x is (2 x n - 1)^2 <= 4 x + 1."""
    return (1 + isqrt(4 * (2 * experience // LEVEL_STEP) + 1)) // 2


def progress(state: State, match_id: int, players: list[int], fit: int, emit: Emit) -> None:
    """Count a match that is over in the careers of its players, ranked best first, of whom `fit` may win."""
    if not fit or state.book.matches[match_id]["practice"]:
        return
    game = rules_of(state, match_id)
    winner, *losers = players
    state.book.players[winner]["wins"] += 1
    _count(state, match_id, winner, game.cup, game.win_exp, emit)
    for player in losers:
        _count(state, match_id, player, -game.cup, game.lose_exp, emit)


def start_season(state: State, command: StartSeason, emit: Emit) -> tuple[Reason, int]:
    """Let the season's cups begin at 0 for everybody; its number."""
    if not command.name.strip() or len(command.name) > LONGEST_SEASON_NAME:
        return Reason.SEASON_INVALID, 0

    book = state.book
    book.world[0]["seasons"] += 1
    season = int(book.world[0]["seasons"])
    state.cold.seasons[season] = command
    for column in ("season_cups", "season_cups_at_ns", "season_matches"):
        book.players[column] = 0
    emit(EventKind.SEASON_STARTED)["season"] = season
    return Reason.ACCEPTED, season


def _count(state: State, match_id: int, player: int, cups: int, experience: int, emit: Emit) -> None:
    """One more match for the player, with so many cups more, or fewer as far as there are any, and tell what came."""
    book = state.book
    career, now_ns = book.players[player], int(book.world[0]["now_ns"])
    change = max(cups, -int(career["cups"]))
    season_change = max(cups, -int(career["season_cups"]))
    level_before = level_of(int(career["experience"]))
    if change or not career["matches"]:
        career["cups_at_ns"] = now_ns
    if season_change or not career["season_matches"]:
        career["season_cups_at_ns"] = now_ns
    career["cups"] += change
    career["season_cups"] += season_change
    career["experience"] += experience
    career["matches"] += 1
    career["season_matches"] += 1

    event = emit(EventKind.PLAYER_PROGRESSED, player, match_id)
    for column in ("cups", "cups_at_ns", "season_cups", "season_cups_at_ns", "season_matches", "experience", "matches",
                   "wins"):  # fmt: skip
        event[column] = career[column]
    event["season"] = book.world[0]["seasons"]
    event["change"], event["gained"] = change, experience
    event["level"], event["level_before"] = level_of(int(career["experience"])), level_before
