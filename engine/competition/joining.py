"""Registration, and seats in matches: joining, leaving, and resetting a practice seat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.competition.match_kernels import seat_players
from engine.competition.prizes import charge_entry_fee, check_match_fee, refund_entry_fees
from engine.competition.referrals import check_referrer, record_referral
from engine.jit.plain import for_kernels
from engine.ledger.funding import grant_demo
from engine.model.commands import JoinMatch, LeaveMatch, RegisterPlayer, ResetSeat
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import BOUND
from engine.model.state import State
from engine.model.tables import MATCH_OPEN, MATCH_WAITING
from engine.storage.capacity import ensure_capacity_for_match, ensure_capacity_for_seats
from engine.storage.emit import Emit, call_until_done
from engine.trading.challenge_rules import schedule_match, schedule_match_now, set_initial_levels
from engine.trading.seats import close_seat, find_seat, reset_seat

MAX_INITIAL_FUNDING = 4 * BOUND
"""Largest sum of a match's starting balances: sums over its seats fit an int64."""

MAX_ID = (1 << 31) - 1
"""Of a player or a match: the key of a seat has 31 bits for each."""


def register_player(state: State, command: RegisterPlayer, emit: Emit) -> tuple[Reason, int]:
    """Register a player: seats in all open practice matches, a demo grant, the referral. Returns the player's id."""
    reason = check_referrer(state, command.referrer)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    if command.demo_grant < 0:
        return Reason.AMOUNT_INVALID, 0

    matches = np.asarray(state.book.matches)
    practice = np.flatnonzero((matches["practice"] != 0) & (matches["status"] == MATCH_OPEN)).tolist()
    ensure_capacity_for_seats(state, len(practice) + 1)
    book = state.book
    book.world[0]["players"] += 1
    player = int(book.world[0]["players"])
    assert player <= MAX_ID
    state.cold.players[player] = command
    emit(EventKind.PLAYER_REGISTERED, player)
    for match in practice:
        open_seats(state, [player], match, emit)
    grant_demo(state, player, command.demo_grant, emit)
    record_referral(state, player, emit)
    return Reason.ACCEPTED, player


def join_match(state: State, command: JoinMatch, emit: Emit) -> tuple[Reason, int]:
    """Seat the player in a match that waits for players, or that is open and has no minimum; returns the match's id.

    A match that waits starts at once when it is full, and after its countdown when it has the minimum of players.
    """
    reason = check_join(state, command)
    if reason is not Reason.ACCEPTED:
        return reason, 0

    join(state, command, emit)
    return Reason.ACCEPTED, command.match


def join(state: State, command: JoinMatch, emit: Emit) -> None:
    """Charge the entry fee and seat the player; `check_join` has accepted the command."""
    ensure_capacity_for_seats(state, 1)
    ensure_capacity_for_match(state, 0)
    charge_entry_fee(state, command.match, command.player, emit)
    open_seats(state, [command.player], command.match, emit)
    _update_countdown(state, command.match, emit)


def check_join(state: State, command: JoinMatch) -> Reason:
    """Whether the player can be seated: a Reason, ACCEPTED if so."""
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
    if not _free_places(state, command.match):
        return Reason.MATCH_FULL
    return check_match_fee(state, command.match, command.player)


def leave_match(state: State, command: LeaveMatch, emit: Emit) -> tuple[Reason, int]:
    """Remove the player's seat from a match that waits and refund the entry fee; returns the match's id."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    row = find_seat_row(state, command.player, command.match)
    if row == 0:
        return Reason.NOT_JOINED, 0
    if book.matches[command.match]["status"] != MATCH_WAITING:
        return Reason.MATCH_NOT_WAITING, 0

    ensure_capacity_for_match(state, 0)
    close_seat(state.book, row)
    refund_entry_fees(state, command.match, for_kernels(np.array([command.player])), emit)
    emit(EventKind.SEAT_CLOSED, command.player, command.match)
    _update_countdown(state, command.match, emit)
    return Reason.ACCEPTED, command.match


def _update_countdown(state: State, match_id: int, emit: Emit) -> None:
    """Start the match, or start or stop its countdown, by its number of seats; only while it waits for players."""
    book = state.book
    match = book.matches[match_id]
    if match["status"] != MATCH_WAITING:
        return
    if match["seats"] < match["min_players"]:
        if match["timer"]:
            schedule_match(book, match_id, 0)
            _emit_match_timed(state, match_id, emit)
    elif match["seats"] == match["max_players"] or not match["countdown_ns"]:
        schedule_match_now(book, match_id)
    elif not match["timer"]:
        schedule_match(book, match_id, int(book.world[0]["now_ns"] + match["countdown_ns"]))
        _emit_match_timed(state, match_id, emit)


def _emit_match_timed(state: State, match_id: int, emit: Emit) -> None:
    """Announce new start and end times."""
    match = state.book.matches[match_id]
    event = emit(EventKind.MATCH_TIMED, match=match_id)
    event["starts_at_ns"], event["ends_at_ns"] = match["starts_at_ns"], match["ends_at_ns"]


def reset_practice_seat(state: State, command: ResetSeat, emit: Emit) -> tuple[Reason, int]:
    """Reset the player's practice seat to the starting balance; returns the match's id. The seat must be flat."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    if not book.matches[command.match]["practice"]:
        return Reason.MATCH_NOT_PRACTICE, 0
    if book.matches[command.match]["status"] != MATCH_OPEN:
        return Reason.MATCH_NOT_OPEN, 0
    row = find_seat_row(state, command.player, command.match)
    if row == 0:
        return Reason.NOT_JOINED, 0
    if any(book.seats[row][field] for field in ("positions", "orders", "first_fixed")):
        return Reason.SEAT_NOT_FLAT, 0

    reset_seat(book, row)
    set_initial_levels(book, row)
    emit(EventKind.SEAT_RESET, command.player, command.match)["cash"] = book.seats[row]["cash"]
    return Reason.ACCEPTED, command.match


def find_seat_row(state: State, player: int, match: int) -> int:
    """The row of the player's seat in the match; 0 when there is none, or no such player."""
    if not 1 <= player <= int(state.book.world[0]["players"]):  # kernels take 64-bit integers only
        return 0
    return int(find_seat(state.book, player, match))


def open_seats(state: State, players: Sequence[int], match: int, emit: Emit) -> None:
    """Seat the players, in order, while places are free."""
    seated = for_kernels(np.array(players[: _free_places(state, match)], np.int64))
    call_until_done(state, emit, seat_players, len(seated), seated, match)


def _free_places(state: State, match: int) -> int:
    """How many more seats the match can have, by its maximum and by MAX_INITIAL_FUNDING."""
    row = state.book.matches[match]
    free = (MAX_INITIAL_FUNDING - int(row["initial_funding"])) // int(row["starting_balance"])
    if row["max_players"]:
        free = min(free, int(row["max_players"]) - int(row["seats"]))
    return max(0, free)
