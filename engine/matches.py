"""Games, matches and their seats: who plays what, from which rules."""

from __future__ import annotations

from engine.commands import LONGEST_BUMP_MS, CreateGame, CreateMatch, Execution, RegisterPlayer, ResetSeat
from engine.events import EventKind
from engine.handlers import Emit
from engine.kernels.seats import find_seat, open_seat, reset_seat
from engine.reasons import Reason
from engine.room import make_room_for_match, make_room_for_seats
from engine.scale import BOUND, NS_PER_MS
from engine.state import State
from engine.tables import MATCH_OPEN

MOST_GRANTED = 4 * BOUND
"""Sum of the starting balances of a match, so that sums over its seats fit an int64."""

MOST_IDS = (1 << 31) - 1
"""Players and matches share the key of a seat, 31 bits each."""


def create_game(state: State, command: CreateGame, emit: Emit) -> tuple[Reason, int]:
    """Keep the game's texts and rules; its id."""
    if not (
        0 < command.starting_balance <= BOUND >> 8
        and 1 <= command.max_positions <= 100_000
        and 1 <= command.max_leverage <= 1000
        and 0 <= command.speed_bump_ms <= LONGEST_BUMP_MS
    ):
        return Reason.GAME_INVALID, 0

    state.book.world[0]["games"] += 1
    game = int(state.book.world[0]["games"])
    state.cold.games[game] = command
    return Reason.ACCEPTED, game


def create_match(state: State, command: CreateMatch, emit: Emit) -> tuple[Reason, int]:
    """Open a match with the game's rules as they are now; its id. A practice match seats every player there is."""
    game = state.cold.games.get(command.game)
    if game is None:
        return Reason.GAME_NOT_FOUND, 0
    if not command.practice:
        return Reason.MATCH_NOT_PRACTICE, 0

    players = int(state.book.world[0]["players"])
    make_room_for_match(state)
    make_room_for_seats(state, players + 1)
    book = state.book
    book.world[0]["matches"] += 1
    match_id = int(book.world[0]["matches"])
    assert match_id <= MOST_IDS
    state.cold.matches[match_id] = command
    match = book.matches[match_id]
    match["game"] = command.game
    match["status"] = MATCH_OPEN
    match["practice"] = 1
    match["fees"] = game.fees
    if game.execution is Execution.NEXT:
        match["next_quote"] = 1
        match["speed_bump_ns"] = game.speed_bump_ms * NS_PER_MS
    for field in ("starting_balance", "max_positions", "max_leverage"):
        match[field] = getattr(game, field)
    emit(EventKind.MATCH_CREATED, match=match_id)
    for player in range(1, players + 1):
        _seat(state, player, match_id, emit)
    return Reason.ACCEPTED, match_id


def register_player(state: State, command: RegisterPlayer, emit: Emit) -> tuple[Reason, int]:
    """The next player, with a seat in every open practice match; the id."""
    practice = [match for match, made in state.cold.matches.items() if made.practice]
    make_room_for_seats(state, len(practice) + 1)
    book = state.book
    book.world[0]["players"] += 1
    player = int(book.world[0]["players"])
    assert player <= MOST_IDS
    state.cold.players[player] = command
    emit(EventKind.PLAYER_REGISTERED, player)
    for match in practice:
        _seat(state, player, match, emit)
    return Reason.ACCEPTED, player


def reset_seat_of(state: State, command: ResetSeat, emit: Emit) -> tuple[Reason, int]:
    """Start the player's practice seat over; the match's id. Whatever is open must be closed first."""
    book = state.book
    if not 1 <= command.match <= int(book.world[0]["matches"]):
        return Reason.MATCH_NOT_FOUND, 0
    if not book.matches[command.match]["practice"]:
        return Reason.MATCH_NOT_PRACTICE, 0
    row = find_seat(book, command.player, command.match, 0)
    if row == 0:
        return Reason.NOT_JOINED, 0
    if any(book.seats[row][field] for field in ("positions", "orders", "first_fixed")):
        return Reason.SEAT_NOT_FLAT, 0

    reset_seat(book, row)
    _announce_seat(state, row, EventKind.SEAT_RESET, emit)
    return Reason.ACCEPTED, command.match


def _seat(state: State, player: int, match: int, emit: Emit) -> None:
    """Seat the player, unless what the match has granted could no longer be counted: then it is full."""
    rules = state.book.matches[match]
    if int(rules["granted"]) + int(rules["starting_balance"]) > MOST_GRANTED:
        return
    row = open_seat(state.book, player, match)
    _announce_seat(state, row, EventKind.SEAT_OPENED, emit)


def _announce_seat(state: State, row: int, kind: EventKind, emit: Emit) -> None:
    seat = state.book.seats[row]
    emit(kind, int(seat["player"]), int(seat["match"]))["cash"] = seat["cash"]
