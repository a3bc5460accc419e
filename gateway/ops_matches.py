"""Ops of matches: list, get, board, join, leave, reset."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from engine import views
from engine.commands import JoinMatch, LeaveMatch, ResetSeat, encode_cold
from engine.reasons import Reason
from gateway import arguments as args
from gateway.arena import Arena
from gateway.errors import Refused
from gateway.presentation import MATCH_STATUSES, BoardAnswer, MatchAnswer, board_answer, match_answer, seat_answer
from gateway.records import Outcome, cold_record
from gateway.requests import Request

if TYPE_CHECKING:
    from gateway.sessions import Session


STATUSES: Final = {name: status for status, name in MATCH_STATUSES.items()}
FEW_SEATS: Final = 1_000
"""Ranking so many takes about as long as making an answer of the first hundred."""
LISTED: Final = frozenset(MATCH_STATUSES) - {STATUSES["archived"]}


class Joined(Struct, frozen=True):
    match: int


class Left(Struct, frozen=True):
    match: int


class Reset(Struct, frozen=True):
    match: int


def match_list(session: Session, of: args.MatchList) -> list[MatchAnswer]:
    state = session.arena.state
    statuses = LISTED if of.status is None else (STATUSES[of.status],)
    found = views.matches(state, of.limit, of.before, statuses, of.game)
    return [match_answer(state.cold, match) for match in found]


def match_get(session: Session, of: args.OfMatch) -> MatchAnswer:
    state = session.arena.state
    match = views.match(state, of.match)
    if match is None:
        raise Refused(Reason.MATCH_NOT_FOUND)
    seat = views.seat(state.book, session.player, of.match)
    own = seat_answer(session.arena.instruments, seat) if seat is not None else None
    return match_answer(state.cold, match, own)


def match_board(session: Session, of: args.OfMatch) -> BoardAnswer:
    return board_of(session.arena, of.match, session.player)


def board_of(arena: Arena, match: int, player: int = 0) -> BoardAnswer:
    """The leaderboard now; of a match of many seats ranked as it was at most `board_every_ms` ago. Raises Refused
    MATCH_NOT_FOUND."""
    view = views.match(arena.state, match)
    if view is None:
        raise Refused(Reason.MATCH_NOT_FOUND)
    ranked = _ranked_lately(arena, match) if view.seats > FEW_SEATS and view.status != STATUSES["waiting"] else None
    board = views.board(arena.state.book, match, arena.config.limits.board_rows, player, ranked)
    return board_answer(arena.state.cold, match, board)


def _ranked_lately(arena: Arena, match: int) -> views.Ranking:
    """Nobody leaves a match that has begun, so only the order of the seats may have changed since, and their number by
    those who have come."""
    now_s = time.monotonic()
    ranked_s, ranking = arena.rankings.get(match, (-math.inf, None))
    if ranking is None or now_s - ranked_s >= arena.config.limits.board_every_ms / 1000:
        ranking = views.ranking(arena.state.book, match)
        arena.rankings[match] = now_s, ranking
    return ranking


def match_join(arena: Arena, player: int, of: args.JoinMatch) -> Request:
    blob = encode_cold(JoinMatch(of.match, player, of.code))
    return Request(cold_record(player), _joined, blob=blob)


def _joined(outcome: Outcome) -> Joined:
    return Joined(outcome.id)


def match_leave(arena: Arena, player: int, of: args.OfMatch) -> Request:
    return Request(cold_record(player), _left, blob=encode_cold(LeaveMatch(of.match, player)))


def _left(outcome: Outcome) -> Left:
    return Left(outcome.id)


def match_reset(arena: Arena, player: int, of: args.OfMatch) -> Request:
    blob = encode_cold(ResetSeat(match=of.match, player=player))
    return Request(cold_record(player), _reset, blob=blob)


def _reset(outcome: Outcome) -> Reset:
    return Reset(outcome.id)
