"""Careers: cups and experience of who has played a match, and the level that follows; see engine/careers.py."""

from __future__ import annotations

from typing import Final

from engine.jit import entry
from engine.model.events import EventKind
from engine.storage.event_buffer import begin, fits

LEVEL_STEP: Final = 100

_HIGHEST_BITS: Final = 28
"""Of a level: so many experience points fit an int64."""


@entry
def begins_at(level):
    """The experience at which the level, 1 or more, begins."""
    return LEVEL_STEP * level * (level - 1) // 2


@entry
def level_of(experience):
    """The last level that begins at so much experience or less, found bit by bit."""
    level = 0
    for bit in range(_HIGHEST_BITS - 1, -1, -1):
        if begins_at(level | (1 << bit)) <= experience:
            level |= 1 << bit
    return level


@entry
def count_match(book, events, i, players, match_id, cup, win_exp, lose_exp):
    """One more match for each of the players, ranked best first, from number i on: the first has won it, and all others
    lose cups, as far as there are any. Each is told what came of it, while events fit; returns who is next."""
    now_ns = book.world[0].now_ns
    while i < len(players) and fits(book, events):
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

        event = events.progressed[begin(book, events, EventKind.PLAYER_PROGRESSED.value, players[i], match_id, 0)]
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
