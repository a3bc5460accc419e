"""Ops of matches: list, get, board, join, leave, reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from engine import views
from engine.commands import JoinMatch, LeaveMatch, ResetSeat, encode_cold
from engine.reasons import Reason
from engine.tables import MATCH_ARCHIVED
from gateway import arguments as args
from gateway.arena import Arena
from gateway.errors import Refused
from gateway.presentation import MATCH_STATUSES, BoardAnswer, MatchAnswer, board_answer, match_answer, seat_answer
from gateway.records import Outcome, cold_record
from gateway.requests import Request

if TYPE_CHECKING:
    from gateway.sessions import Session


STATUSES: Final = {name: status for status, name in MATCH_STATUSES.items()}
LISTED: Final = frozenset(MATCH_STATUSES) - {MATCH_ARCHIVED}


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
    """The leaderboard now. Raises Refused MATCH_NOT_FOUND."""
    if views.match(arena.state, match) is None:
        raise Refused(Reason.MATCH_NOT_FOUND)
    board = views.board(arena.state.book, match, arena.config.limits.board_rows, player)
    return board_answer(arena.state.cold, match, board)


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
