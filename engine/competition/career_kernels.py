"""Compiled part of careers.py: cups, experience and levels of the players of a match."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.jit import entry
from engine.model.events import EventKind
from engine.model.layouts import Events
from engine.model.tables import Book
from engine.storage.event_buffer import has_space, new_event

LEVEL_STEP: Final = 100

_LEVEL_BITS: Final = 28
"""Bits of the highest level whose threshold fits an int64."""


@entry
def level_threshold(level: int) -> int:
    """The experience at which the level (from 1) begins."""
    return LEVEL_STEP * level * (level - 1) // 2


@entry
def level_of(experience: int) -> int:
    """The level that this much experience gives, found bit by bit."""
    level = 0
    for bit in range(_LEVEL_BITS - 1, -1, -1):
        if level_threshold(level | (1 << bit)) <= experience:
            level |= 1 << bit
    return level


@entry
def record_match(
    book: Book, events: Events, i: int, players: NDArray[np.int64], match_id: int, cup: int, win_exp: int, lose_exp: int
) -> int:
    """Add a finished match to the careers of `players`, ranked best first. The first one gains cups; the others lose
    as many, but never go below 0. Starts at number i, runs while events fit, returns the number of the next player."""
    now_ns = book.world[0].now_ns
    while i < len(players) and has_space(book, events):
        career = book.careers[players[i]]
        cups = cup if i == 0 else -cup
        experience = win_exp if i == 0 else lose_exp
        change = max(cups, -career.cups)
        season_change = max(cups, -career.season_cups)
        level_before = level_of(career.experience)
        if change != 0 or career.matches == 0:
            career.cups_at_ns = now_ns
        if season_change != 0 or career.season_matches == 0:
            career.season_cups_at_ns = now_ns
        career.cups += change
        career.season_cups += season_change
        career.experience += experience
        career.matches += 1
        career.season_matches += 1
        if i == 0:
            career.wins += 1

        event = events.progressed[new_event(book, events, EventKind.PLAYER_PROGRESSED.value, players[i], match_id, 0)]
        event.season = book.world[0].seasons
        event.cups = career.cups
        event.change = change
        event.cups_at_ns = career.cups_at_ns
        event.season_cups = career.season_cups
        event.season_cups_at_ns = career.season_cups_at_ns
        event.season_matches = career.season_matches
        event.experience = career.experience
        event.gained = experience
        event.level = level_of(career.experience)
        event.level_before = level_before
        event.matches = career.matches
        event.wins = career.wins
        i += 1
    return i
