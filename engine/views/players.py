"""Players: their messages, queues, referrals and careers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.competition.career_kernels import level_of, level_threshold
from engine.model.state import State
from engine.model.tables import Book


def messages_of(book: Book, player: int) -> int:
    """How many messages the player's private channel has had."""
    return int(book.players[player]["messages"])


class QueueView(NamedTuple):
    """Where a player stands in the queue of a game."""

    game: int
    place: int  # from 1
    until_ns: int  # 0: however long it takes


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
    """What a player has earned by referring others, in native units by Asset."""

    referred: int
    earned: dict[int, int]


def referral(state: State, player: int) -> ReferralView:
    """Walks all whom the player has referred."""
    referred = state.cold.referred.get(player, [])
    earned: dict[int, int] = {}
    for other in referred:
        bonus = state.cold.bonuses.get(other)
        if bonus is not None and bonus.referrer:
            earned[bonus.asset] = earned.get(bonus.asset, 0) + bonus.referrer
    return ReferralView(len(referred), earned)


class CareerView(NamedTuple):
    """What matches have made of a player."""

    cups: int
    season: int  # the current one; 0 before the first
    season_cups: int
    experience: int
    level: int
    next_level: int  # the experience at which it begins
    wins: int
    matches: int


def career(book: Book, player: int) -> CareerView:
    """What matches have made of the player."""
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
    """The head of the board of cups, of those who have finished a match."""

    top: list[StandingView]
    players: int
    rank: int  # of the player who asks, from 1; 0: is not on it


class StandingView(NamedTuple):
    """A player on the board of cups."""

    player: int
    cups: int
    matches: int


def cups(book: Book, limit: int, player: int = 0, of_season: bool = False) -> CupsView:
    """The best `limit` players by cups, of all time or of the current season: then who has had so many for longer, then
    who came to the arena first. A look at all players; only those who may be among the best are sorted."""
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
