"""Joining: who registers, takes a seat in a match, gives it back, or starts it over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.competition.match_seats import seat_players
from engine.competition.prizes import give_back_fees, may_take_fee, take_fee
from engine.competition.referrals import may_be_referred, refer
from engine.jit.plain import readable
from engine.ledger.funding import grant_demo
from engine.model.commands import JoinMatch, LeaveMatch, RegisterPlayer, ResetSeat
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.state import State
from engine.model.tables import MATCH_OPEN, MATCH_WAITING
from engine.storage.capacity import make_room_for_match, make_room_for_seats
from engine.storage.emit import Emit, go_through
from engine.trading.challenge_rules import start_watch, time_match, time_match_now
from engine.trading.seats import close_seat, find_seat, reset_seat

MOST_GRANTED = 4 * BOUND
"""Sum of the starting balances of a match, so that sums over its seats fit an int64."""


MOST_IDS = (1 << 31) - 1
"""Players and matches share the key of a seat, 31 bits each."""


def register_player(state: State, command: RegisterPlayer, emit: Emit) -> tuple[Reason, int]:
    """The next player, with a seat in every open practice match, demo money, and what a referral brings; the id."""
    reason = may_be_referred(state, command.referrer)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    if command.demo_grant < 0:
        return Reason.AMOUNT_INVALID, 0

    matches = np.asarray(state.book.matches)
    practice = np.flatnonzero((matches["practice"] != 0) & (matches["status"] == MATCH_OPEN)).tolist()
    make_room_for_seats(state, len(practice) + 1)
    book = state.book
    book.world[0]["players"] += 1
    player = int(book.world[0]["players"])
    assert player <= MOST_IDS
    state.cold.players[player] = command
    emit(EventKind.PLAYER_REGISTERED, player)
    for match in practice:
        seat_all(state, [player], match, emit)
    grant_demo(state, player, command.demo_grant, emit)
    refer(state, player, emit)
    return Reason.ACCEPTED, player


def join_match(state: State, command: JoinMatch, emit: Emit) -> tuple[Reason, int]:
    """Seat the player in a match that waits for players, or is open and never did; the match's id.

    With its last player a match begins at once; with enough of them when the countdown is over.
    """
    reason = may_join(state, command)
    if reason is not Reason.ACCEPTED:
        return reason, 0

    let_join(state, command, emit)
    return Reason.ACCEPTED, command.match


def let_join(state: State, command: JoinMatch, emit: Emit) -> None:
    """Seat the player, who may join."""
    make_room_for_seats(state, 1)
    make_room_for_match(state, 0)
    take_fee(state, command.match, command.player, emit)
    seat_all(state, [command.player], command.match, emit)
    _see_who_is_there(state, command.match, emit)


def may_join(state: State, command: JoinMatch) -> Reason:
    """Could the player be seated?"""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND
    if not 1 <= command.player <= int(book.world[0]["players"]):
        return Reason.PLAYER_NOT_FOUND
    match = book.matches[command.match]
    if match["min_players"] and match["status"] == MATCH_OPEN:
        return Reason.MATCH_NOT_WAITING
    if match["status"] not in (MATCH_WAITING, MATCH_OPEN):
        return Reason.MATCH_NOT_OPEN
    if state.cold.matches[command.match].code != command.code:
        return Reason.CODE_WRONG
    if find_seat(book, command.player, command.match):
        return Reason.ALREADY_JOINED
    if not _places(state, command.match):
        return Reason.MATCH_FULL
    return may_take_fee(state, command.match, command.player)


def leave_match(state: State, command: LeaveMatch, emit: Emit) -> tuple[Reason, int]:
    """Give the player's seat back, as if it had never been taken; the match's id."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    row = seat_row_of(state, command.player, command.match)
    if row == 0:
        return Reason.NOT_JOINED, 0
    if book.matches[command.match]["status"] != MATCH_WAITING:
        return Reason.MATCH_NOT_WAITING, 0

    make_room_for_match(state, 0)
    close_seat(state.book, row)
    give_back_fees(state, command.match, readable(np.array([command.player])), emit)
    emit(EventKind.SEAT_CLOSED, command.player, command.match)
    _see_who_is_there(state, command.match, emit)
    return Reason.ACCEPTED, command.match


def _see_who_is_there(state: State, match_id: int, emit: Emit) -> None:
    """Begin, or set or stop the countdown, of a match that waits."""
    book = state.book
    match = book.matches[match_id]
    if match["status"] != MATCH_WAITING:
        return
    if match["seats"] < match["min_players"]:
        if match["timer"]:
            time_match(book, match_id, 0)
            _tell_time(state, match_id, emit)
    elif match["seats"] == match["max_players"] or not match["countdown_ns"]:
        time_match_now(book, match_id)
    elif not match["timer"]:
        time_match(book, match_id, int(book.world[0]["now_ns"] + match["countdown_ns"]))
        _tell_time(state, match_id, emit)


def _tell_time(state: State, match_id: int, emit: Emit) -> None:
    """When the match begins, or ends, is another time now."""
    match = state.book.matches[match_id]
    event = emit(EventKind.MATCH_TIMED, match=match_id)
    event["starts_at_ns"], event["ends_at_ns"] = match["starts_at_ns"], match["ends_at_ns"]


def reset_seat_of(state: State, command: ResetSeat, emit: Emit) -> tuple[Reason, int]:
    """Start the player's practice seat over; the match's id. Whatever is open must be closed first."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    if not book.matches[command.match]["practice"]:
        return Reason.MATCH_NOT_PRACTICE, 0
    if book.matches[command.match]["status"] != MATCH_OPEN:
        return Reason.MATCH_NOT_OPEN, 0
    row = seat_row_of(state, command.player, command.match)
    if row == 0:
        return Reason.NOT_JOINED, 0
    if any(book.seats[row][field] for field in ("positions", "orders", "first_fixed")):
        return Reason.SEAT_NOT_FLAT, 0

    reset_seat(book, row)
    start_watch(book, row)
    emit(EventKind.SEAT_RESET, command.player, command.match)["cash"] = book.seats[row]["cash"]
    return Reason.ACCEPTED, command.match


def seat_row_of(state: State, player: int, match: int) -> int:
    """The row of the player's seat in the match; 0 when there is none, or no such player."""
    if not 1 <= player <= int(state.book.world[0]["players"]):  # kernels only take numbers of 64 bits
        return 0
    return int(find_seat(state.book, player, match))


def seat_all(state: State, players: Sequence[int], match: int, emit: Emit) -> None:
    """Seat the players, as far as there are places."""
    seated = readable(np.array(players[: _places(state, match)], np.int64))
    go_through(state, emit, seat_players, len(seated), seated, match)


def _places(state: State, match: int) -> int:
    """How many more the match takes, and what it grants them can still be counted."""
    rules = state.book.matches[match]
    places = (MOST_GRANTED - int(rules["initial_funding"])) // int(rules["starting_balance"])
    if rules["max_players"]:
        places = min(places, int(rules["max_players"]) - int(rules["seats"]))
    return max(0, places)
