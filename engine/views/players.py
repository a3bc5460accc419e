"""Players: message numbers, queues, referrals, careers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.competition.career_kernels import level_of, level_threshold
from engine.model.state import State
from engine.model.tables import Book


def last_message(book: Book, player: int) -> int:
    """The number of the last message on the player's private channel."""
    return int(book.players[player]["messages"])


def last_match_message(book: Book, match_id: int) -> int:
    """The number of the last message that all who watch the match were told."""
    return int(book.matches[match_id]["messages"])


class QueueView(NamedTuple):
    """A player's place in the queue of a game."""

    game: int
    place: int  # from 1
    until_ns: int  # 0: no time limit


def queues_of(state: State, player: int) -> list[QueueView]:
    """The queues in which the player waits. Walks them up to the player."""
    return [
        QueueView(
            game,
            list(queue.waiting).index(player) + 1,
            int(state.book.timers[timer]["due_ns"]) if (timer := queue.waiting[player]) else 0,
        )
        for game, queue in state.cold.queues.items()
        if player in queue.waiting
    ]


class ReferralView(NamedTuple):
    """Players referred, and bonuses earned by it: native units by Asset."""

    referred: int
    earned: dict[int, int]


def referral(state: State, player: int) -> ReferralView:
    """Walks all players that this one has referred."""
    referred = state.cold.referred.get(player, [])
    earned: dict[int, int] = {}
    for other in referred:
        bonus = state.cold.bonuses.get(other)
        if bonus is not None and bonus.referrer:
            earned[bonus.asset] = earned.get(bonus.asset, 0) + bonus.referrer
    return ReferralView(len(referred), earned)


class CareerView(NamedTuple):
    """Cups, experience and level of a player."""

    cups: int
    season: int  # the current one; 0 before the first
    season_cups: int
    experience: int
    level: int
    next_level: int  # experience at which it begins
    wins: int
    matches: int


def career(book: Book, player: int) -> CareerView:
    """The player's career."""
    row = book.careers[player]
    experience = int(row["experience"])
    level = level_of(experience)
    return CareerView(
        int(row["cups"]),
        int(book.world[0]["seasons"]),
        int(row["season_cups"]),
        experience,
        level,
        level_threshold(level + 1),
        int(row["wins"]),
        int(row["matches"]),
    )


class CupsView(NamedTuple):
    """The top of the cups leaderboard; players without a finished match are not on it."""

    top: list[StandingView]
    players: int
    rank: int  # of the requesting player, from 1; 0: not on it


class StandingView(NamedTuple):
    """A player on the cups leaderboard."""

    player: int
    cups: int
    matches: int


def cups(book: Book, limit: int, player: int = 0, of_season: bool = False) -> CupsView:
    """The top `limit` players by cups (all time or current season), then by how long they have had them, then by id.
    Scans all players, sorts only candidates for the top."""
    prefix = "season_" if of_season else ""
    careers = np.asarray(book.careers)[: int(book.world[0]["players"]) + 1]
    ids = np.flatnonzero(careers[f"{prefix}matches"])
    cups, since_ns, matches = (careers[f"{prefix}{column}"][ids] for column in ("cups", "cups_at_ns", "matches"))
    among = np.arange(len(ids))
    if len(ids) > limit:
        among = np.flatnonzero(cups >= np.partition(cups, len(ids) - limit)[len(ids) - limit])
    best = among[np.lexsort((ids[among], since_ns[among], -cups[among]))][:limit]
    top = map(StandingView, ids[best].tolist(), cups[best].tolist(), matches[best].tolist())
    rank, own = 0, int(np.searchsorted(ids, player))
    if own < len(ids) and ids[own] == player:
        longer = (since_ns < since_ns[own]) | ((since_ns == since_ns[own]) & (ids < player))
        rank = 1 + int(np.count_nonzero((cups > cups[own]) | ((cups == cups[own]) & longer)))
    return CupsView(list(top), len(ids), rank)
