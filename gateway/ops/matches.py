"""Ops of matches: list, get, board, join, leave, reset."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from engine import views
from engine.model.commands import JoinMatch, LeaveMatch, ResetSeat
from engine.model.reasons import Reason
from engine.model.tables import MATCH_ARCHIVED
from gateway.core.records import Outcome
from gateway.presenters.matches import STATUS_NUMBERS, BoardAnswer, MatchAnswer, match_answer, seat_answer
from gateway.presenters.names import MATCH_STATUSES
from gateway.protocol import arguments as args
from gateway.protocol.errors import Refused
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission, cold_submission

LISTED: Final = frozenset(MATCH_STATUSES) - {MATCH_ARCHIVED}


class OfMatch(Struct, frozen=True):
    """The match that the player has joined, left or begun anew."""

    match: int


def match_list(session: Session, of: args.MatchList) -> list[MatchAnswer]:
    state = session.arena.state
    statuses = LISTED if of.status is None else (STATUS_NUMBERS[of.status],)
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
    if not may_watch(session, of.match):
        raise Refused(Reason.NOT_JOINED)
    return session.arena.boards.of(of.match, session.player)


def may_watch(session: Session, match: int) -> bool:
    """Who is in a private match, and how they stand, is for those who are in it, and for operators. What match.list
    says of it all may know."""
    state = session.arena.state
    found = state.cold.matches.get(match)
    return found is None or not found.code or session.is_operator or views.has_seat(state.book, session.player, match)


def match_join(arena: Arena, player: int, of: args.JoinMatch) -> Submission:
    return cold_submission(JoinMatch(of.match, player, of.code), _of_match, player)


def may_try_code(session: Session, of: args.JoinMatch) -> None:
    """Raises Refused RATE_LIMITED. Codes never change, so the engine will say the same of this one."""
    match = session.arena.state.cold.matches.get(of.match)
    if match is not None and match.code:
        session.try_code(of.code == match.code)


def match_leave(arena: Arena, player: int, of: args.OfMatch) -> Submission:
    return cold_submission(LeaveMatch(of.match, player), _of_match, player)


def match_reset(arena: Arena, player: int, of: args.OfMatch) -> Submission:
    return cold_submission(ResetSeat(match=of.match, player=player), _of_match, player)


def _of_match(outcome: Outcome) -> OfMatch:
    return OfMatch(outcome.id)
