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
from gateway.sessions.caller import Caller
from gateway.sessions.families import check_match
from gateway.sessions.submission import Submission, cold_submission

LISTED: Final = frozenset(MATCH_STATUSES) - {MATCH_ARCHIVED}


def match_list(caller: Caller, of: MatchList) -> list[Match[str]]:
    state = caller.arena.state
    statuses = LISTED if of.status is None else (STATUS_NUMBERS[of.status],)
    found = views.matches(state, of.limit, of.before, statuses, of.game)
    return [match_answer(state.cold, match) for match in found]


def match_get(caller: Caller, of: OfMatch) -> Match[str]:
    state = caller.arena.state
    match = views.match(state, of.match)
    if match is None:
        raise Refused(Reason.MATCH_NOT_FOUND)
    seat = views.seat(state.book, caller.player, of.match)
    own = seat_answer(caller.arena.instruments, seat) if seat is not None else None
    return match_answer(state.cold, match, own)


def match_board(caller: Caller, of: OfMatch) -> Board[str]:
    if not may_watch(caller, of.match):
        raise Refused(Reason.NOT_JOINED)
    return caller.arena.boards.of(of.match, caller.player)


def may_watch(caller: Caller, match: int) -> bool:
    """The players of a private match and their ranks are shown to its players and to operators only. What match.list
    shows of it is public."""
    state = caller.arena.state
    found = state.cold.matches.get(match)
    return found is None or not found.code or caller.is_operator or views.has_seat(state.book, caller.player, match)


def match_join(arena: Arena, player: int, of: JoinMatch) -> Submission:
    return cold_submission(commands.JoinMatch(of.match, player, _code_given(arena, of)), _of_match, player)


def _code_given(arena: Arena, of: JoinMatch) -> str:
    """The code as the match has it: hidden, unless the match was made before codes were."""
    match = arena.state.cold.matches.get(of.match)
    if not of.code or (match is not None and match.code and not match.code.startswith(HIDDEN)):
        return of.code
    return arena.tokens.hidden(of.code)


def may_join(caller: Caller, of: JoinMatch) -> None:
    """Raises Refused SAME_PERSON, RATE_LIMITED. Codes never change, so the engine will say the same of this one."""
    check_match(caller, of.match)
    match = caller.arena.state.cold.matches.get(of.match)
    if match is not None and match.code:
        caller.try_code(_code_given(caller.arena, of) == match.code)


def match_leave(arena: Arena, player: int, of: OfMatch) -> Submission:
    return cold_submission(commands.LeaveMatch(of.match, player), _of_match, player)


def match_reset(arena: Arena, player: int, of: OfMatch) -> Submission:
    return cold_submission(commands.ResetSeat(match=of.match, player=player), _of_match, player)


def _of_match(outcome: Outcome) -> MatchRef:
    return MatchRef(outcome.id)
