"""Ops of matches: list, get, board, join, leave, reset."""

from __future__ import annotations

from typing import Final

from engine import views
from engine.model import commands
from engine.model.reasons import Reason
from engine.model.tables import MATCH_ARCHIVED
from gateway.core.records import Outcome
from gateway.core.tokens import HIDDEN
from gateway.presenters.matches import STATUS_NUMBERS, match_answer
from gateway.presenters.names import MATCH_STATUSES
from gateway.presenters.seats import seat_answer
from gateway.protocol.errors import Refused
from gateway.protocol.matches import JoinMatch, Match, MatchList, MatchRef, OfMatch
from gateway.protocol.seats import Board
from gateway.sessions.arena import Arena
from gateway.sessions.session import Session
from gateway.sessions.submission import Submission, cold_submission

LISTED: Final = frozenset(MATCH_STATUSES) - {MATCH_ARCHIVED}


def match_list(session: Session, of: MatchList) -> list[Match[str]]:
    state = session.arena.state
    statuses = LISTED if of.status is None else (STATUS_NUMBERS[of.status],)
    found = views.matches(state, of.limit, of.before, statuses, of.game)
    return [match_answer(state.cold, match) for match in found]


def match_get(session: Session, of: OfMatch) -> Match[str]:
    state = session.arena.state
    match = views.match(state, of.match)
    if match is None:
        raise Refused(Reason.MATCH_NOT_FOUND)
    seat = views.seat(state.book, session.player, of.match)
    own = seat_answer(session.arena.instruments, seat) if seat is not None else None
    return match_answer(state.cold, match, own)


def match_board(session: Session, of: OfMatch) -> Board[str]:
    if not may_watch(session, of.match):
        raise Refused(Reason.NOT_JOINED)
    return session.arena.boards.of(of.match, session.player)


def may_watch(session: Session, match: int) -> bool:
    """The players of a private match and their ranks are shown to its players and to operators only. What match.list
    shows of it is public."""
    state = session.arena.state
    found = state.cold.matches.get(match)
    return found is None or not found.code or session.is_operator or views.has_seat(state.book, session.player, match)


def match_join(arena: Arena, player: int, of: JoinMatch) -> Submission:
    return cold_submission(commands.JoinMatch(of.match, player, _code_given(arena, of)), _of_match, player)


def _code_given(arena: Arena, of: JoinMatch) -> str:
    """The code as the match has it: hidden, unless the match was made before codes were."""
    match = arena.state.cold.matches.get(of.match)
    if not of.code or (match is not None and match.code and not match.code.startswith(HIDDEN)):
        return of.code
    return arena.tokens.hidden(of.code)


def may_try_code(session: Session, of: JoinMatch) -> None:
    """Raises Refused RATE_LIMITED. Codes never change, so the engine will say the same of this one."""
    match = session.arena.state.cold.matches.get(of.match)
    if match is not None and match.code:
        session.try_code(_code_given(session.arena, of) == match.code)


def match_leave(arena: Arena, player: int, of: OfMatch) -> Submission:
    return cold_submission(commands.LeaveMatch(of.match, player), _of_match, player)


def match_reset(arena: Arena, player: int, of: OfMatch) -> Submission:
    return cold_submission(commands.ResetSeat(match=of.match, player=player), _of_match, player)


def _of_match(outcome: Outcome) -> MatchRef:
    return MatchRef(outcome.id)
