"""Queues (matchmaking): players wait for a game until there are enough; then a match is created and they are seated.

The match is created, joined and started as any other. While it waits for players, new ones in the queue are seated in
it at once. The queue is first come, first served. The entry fee is charged when a player is seated: one who cannot pay
then is removed. All are removed when the game's costs or prizes change. When the house cannot reserve the prize, all
keep waiting until the next player joins and it is tried again; MAX_QUEUE_UNFUNDED bounds such a queue.

A player may wait in the queues of several games; a seat from one of them does not affect the others.
"""

from __future__ import annotations

from typing import Final

from engine.competition.games import check_game_active, delete_game, update_game
from engine.competition.joining import check_join, join
from engine.competition.matches import create_match
from engine.competition.prizes import check_entry_fee, check_prize_funds
from engine.model.commands import CreateGame, CreateMatch, DeleteGame, JoinMatch, JoinQueue, LeaveQueue, UpdateGame
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S
from engine.model.state import Queue, State
from engine.model.tables import TIMER_QUEUE
from engine.storage.capacity import ensure_capacity_for_timers
from engine.storage.emit import Emit
from engine.storage.timers import clear_timer, set_timer

MAX_QUEUE_UNFUNDED: Final = 1_000
"""Limit of a queue whose prize the house cannot reserve; or the game's minimum of players, if that is more."""

_NO_MORE_SEATS: Final = (
    Reason.MATCH_NOT_FOUND, Reason.MATCH_NOT_OPEN, Reason.MATCH_NOT_WAITING, Reason.MATCH_FULL,
)  # fmt: skip
"""Reasons for which no other player can be seated in the match either."""


def join_queue(state: State, command: JoinQueue, emit: Emit) -> tuple[Reason, int]:
    """Add the player to the game's queue, or seat the player at once; returns the game's id."""
    reason = check_game_active(state, command.game)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    game = state.cold.games[command.game].rules
    if not 1 <= command.player <= int(state.book.world[0]["players"]):
        return Reason.PLAYER_NOT_FOUND, 0
    if game.min_players == 0:
        return Reason.QUEUE_NOT_OFFERED, 0
    if game.duration_s == 0:
        return Reason.MATCH_ENDLESS, 0
    queue = state.cold.queues.get(command.game, Queue())
    if command.player in queue.waiting:
        return Reason.ALREADY_QUEUED, 0
    if check_join(state, JoinMatch(queue.match, command.player)) is Reason.ALREADY_JOINED:
        return Reason.ALREADY_JOINED, 0
    reason = check_entry_fee(state, game, command.player)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    is_full = len(queue.waiting) >= max(game.min_players, MAX_QUEUE_UNFUNDED)
    if is_full and check_prize_funds(state, game) is not Reason.ACCEPTED:
        return Reason.QUEUE_FULL, 0

    state.cold.queues[command.game] = queue
    ensure_capacity_for_timers(state, 1)
    world = state.book.world[0]
    timer = until_ns = 0
    if game.queue_timeout_s:
        until_ns = int(world["now_ns"]) + game.queue_timeout_s * NS_PER_S
        timer = int(set_timer(state.book, until_ns, TIMER_QUEUE, int(world["sequence"]), command.game))
    queue.waiting[command.player] = timer
    event = emit(EventKind.QUEUE_JOINED, command.player)
    event["game"], event["until_ns"] = command.game, until_ns
    _make_matches(state, command.game, emit)
    return Reason.ACCEPTED, command.game


def leave_queue(state: State, command: LeaveQueue, emit: Emit) -> tuple[Reason, int]:
    """Remove the player from the queue; returns the game's id."""
    queue = state.cold.queues.get(command.game)
    if queue is None or command.player not in queue.waiting:
        return Reason.NOT_QUEUED, 0

    _drop(state, command.game, command.player, Reason.ACCEPTED, emit)
    return Reason.ACCEPTED, command.game


def update_game_and_queue(state: State, command: UpdateGame, emit: Emit) -> tuple[Reason, int]:
    """`update_game`; also empties the queue when costs or prizes change, which its players have not agreed to."""
    before = state.cold.games[command.game].rules if command.game in state.cold.games else None
    reason, id = update_game(state, command, emit)
    if reason is Reason.ACCEPTED and before is not None and _terms(before) != _terms(command.rules):
        _drop_all(state, command.game, Reason.GAME_CHANGED, emit)
    return reason, id


def delete_game_and_queue(state: State, command: DeleteGame, emit: Emit) -> tuple[Reason, int]:
    """`delete_game`; also empties the queue."""
    reason, id = delete_game(state, command, emit)
    if reason is Reason.ACCEPTED:
        _drop_all(state, command.game, Reason.GAME_NOT_FOUND, emit)
    return reason, id


def _terms(game: CreateGame) -> tuple[object, ...]:
    """What a match costs and pays, and whether the game has a queue."""
    has_queue = game.min_players > 0 and game.duration_s > 0
    return (
        game.currency, game.entry_fee, game.reward_price, game.house_fee_ppm, game.prize_split, game.keeps_fees,
        game.item_rewards, has_queue,
    )  # fmt: skip


def time_out_player(state: State, timer: int, emit: Emit) -> None:
    """Serve a queue timer: remove its player from the queue."""
    game = int(state.book.timers[timer]["owner"])
    waiting = state.cold.queues[game].waiting
    player = next(player for player, row in waiting.items() if row == timer)
    _drop(state, game, player, Reason.QUEUE_TIMED_OUT, emit)


def _make_matches(state: State, game_id: int, emit: Emit) -> None:
    """Fill the queue's current match, then create and fill more while enough players wait."""
    queue, game = state.cold.queues[game_id], state.cold.games[game_id].rules
    _seat_waiting(state, game_id, emit)
    while len(queue.waiting) >= game.min_players and check_prize_funds(state, game) is Reason.ACCEPTED:
        for player in [
            player for player in queue.waiting if check_entry_fee(state, game, player) is not Reason.ACCEPTED
        ]:
            _drop(state, game_id, player, Reason.INSUFFICIENT_FUNDS, emit)
        if len(queue.waiting) < game.min_players:
            return
        reason, match_id = create_match(state, CreateMatch(game_id, practice=False), emit)
        if reason is not Reason.ACCEPTED:
            return
        queue.match = match_id
        _seat_waiting(state, game_id, emit)


def _seat_waiting(state: State, game_id: int, emit: Emit) -> None:
    """Seat waiting players in the queue's current match, while it has free places."""
    queue = state.cold.queues[game_id]
    for player in list(queue.waiting):
        command = JoinMatch(queue.match, player)
        reason = check_join(state, command)
        if reason in _NO_MORE_SEATS:
            return
        if reason is Reason.INSUFFICIENT_FUNDS:
            _drop(state, game_id, player, reason, emit)
        if reason is not Reason.ACCEPTED:
            continue
        _remove(state, game_id, player)
        emit(EventKind.MATCH_CREATED, player, queue.match)
        join(state, command, emit)


def _drop_all(state: State, game_id: int, reason: Reason, emit: Emit) -> None:
    queue = state.cold.queues.get(game_id)
    for player in list(queue.waiting) if queue is not None else ():
        _drop(state, game_id, player, reason, emit)


def _drop(state: State, game_id: int, player: int, reason: Reason, emit: Emit) -> None:
    """Remove the player without a seat, and emit QUEUE_LEFT."""
    _remove(state, game_id, player)
    event = emit(EventKind.QUEUE_LEFT, player)
    event["game"], event["reason"] = game_id, reason


def _remove(state: State, game_id: int, player: int) -> None:
    timer = state.cold.queues[game_id].waiting.pop(player)
    if timer:
        clear_timer(state.book, timer)
