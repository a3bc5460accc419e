"""What matches make of a player: cups, experience, levels; and the board of cups."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.protocol.scalars import Arguments, Id


class CupsOf(Arguments, frozen=True):
    """Of all time, or of one season."""

    season: Id | None = None


class StartSeason(Arguments, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=64)]


class Career(Struct, frozen=True):
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


class CupsBoard(Struct, frozen=True, omit_defaults=True):
    """The board of cups, of so many `players`: of all time, or of a season."""

    players: int
    rows: list[CupsRow]
    season: int | None = None
    name: str | None = None  # of the season; the time before the first one has none
    rank: int | None = None  # of the player who asks


class ProgressEvent(Struct, frozen=True, gc=False):
    """What a match has made of the player: cups, by `change`, and experience, by `gained`, with its level."""

    match: int
    cups: int
    change: int
    season: int
    season_cups: int
    experience: int
    gained: int
    level: int
    level_before: int


class SeasonEvent(Struct, frozen=True):
    """A season has begun."""

    season: int
