"""Leaderboards of now. Of a match of many seats the order is kept for a while, because ranking walks all of them."""

from __future__ import annotations

import math
import time
from typing import Final

from engine import views
from engine.model.reasons import Reason
from engine.model.state import State
from gateway.presenters.matches import STATUS_NUMBERS
from gateway.presenters.seats import board_answer
from gateway.protocol.errors import Refused
from gateway.protocol.seats import Board

FEW_SEATS: Final = 1_000
"""Up to so many are ranked anew for each answer: it takes about as long as presenting the first hundred."""


class Boards:
    """The leaderboards of an arena, of `rows` each; those of many seats are ranked anew at most every `every_ms`."""

    def __init__(self, state: State, rows: int, every_ms: int) -> None:
        self.rows = rows
        self._state = state
        self._every_s = every_ms / 1000
        self._rankings: dict[int, tuple[float, views.Ranking]] = {}
        """By match of many seats, when it was ranked last in monotonic seconds, and how."""

    def of(self, match: int, player: int = 0) -> Board[str]:
        """The leaderboard, with the rank of the player. Raises Refused MATCH_NOT_FOUND."""
        view = views.match(self._state, match)
        if view is None:
            raise Refused(Reason.MATCH_NOT_FOUND)
        is_ranked = view.seats > FEW_SEATS and view.status != STATUS_NUMBERS["waiting"]
        ranking = self._recent_ranking(match) if is_ranked else None
        return board_answer(self._state.cold, match, views.board(self._state.book, match, self.rows, player, ranking))

    def _recent_ranking(self, match: int) -> views.Ranking:
        """The ranking of now, or of at most `every_ms` ago. Players do not leave a match that has begun, so since then
        only the order of the seats may have changed, and some may have joined."""
        now_s = time.monotonic()
        ranked_s, ranking = self._rankings.get(match, (-math.inf, None))
        if ranking is None or now_s - ranked_s >= self._every_s:
            ranking = views.ranking(self._state.book, match)
            self._rankings[match] = now_s, ranking
        return ranking
