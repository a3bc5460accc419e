"""Queues: who wants to play a game waits until enough do; then the arena makes a match of it and seats them.

The match is made, joined and begun as any other. While it waits, whoever comes to the queue is seated in it at once.
Those who came first are served first. Nobody is charged before being seated: who cannot pay by then drops out, and
everybody when the game comes to cost or pay something else. When the house cannot pay the prize, nobody is seated, and
it is tried again when the next one comes; after MOST_WAITING, nobody else comes until it can.

A player may wait in the queues of several games; a seat from one of them changes nothing in the others.
"""

from __future__ import annotations

from typing import Final

from engine.competition.games import delete_game, may_be_made, update_game
from engine.competition.joining import let_join, may_join
from engine.competition.matches import create_match
from engine.competition.prizes import may_pay_fee, may_set_aside
from engine.model.commands import CreateGame, CreateMatch, DeleteGame, JoinMatch, JoinQueue, LeaveQueue, UpdateGame
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_S
from engine.model.state import Queue, State
from engine.model.tables import TIMER_QUEUE
from engine.storage.capacity import make_room_for_timers
from engine.storage.emit import Emit
from engine.storage.timers import clear_timer, set_timer

MOST_WAITING: Final = 1_000
"""In a queue whose match the house cannot pay, or as many as the match needs if that is more."""

_MATCH_TAKES_NOBODY: Final = (
    Reason.MATCH_NOT_FOUND, Reason.MATCH_NOT_OPEN, Reason.MATCH_NOT_WAITING, Reason.MATCH_FULL,
)  # fmt: skip
"""Reasons not to seat a player that go for all others as well."""


def join_queue_of(state: State, command: JoinQueue, emit: Emit) -> tuple[Reason, int]:
    """The player waits for a match of the game, or is seated at once; the game's id."""
    reason = may_be_made(state, command.game)
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
    if may_join(state, JoinMatch(queue.match, command.player)) is Reason.ALREADY_JOINED:
        return Reason.ALREADY_JOINED, 0
    reason = may_pay_fee(state, game, command.player)
    if reason is not Reason.ACCEPTED:
        return reason, 0
    is_full = len(queue.waiting) >= max(game.min_players, MOST_WAITING)
    if is_full and may_set_aside(state, game) is not Reason.ACCEPTED:
        return Reason.QUEUE_FULL, 0

    state.cold.queues[command.game] = queue
    make_room_for_timers(state, 1)
    world = state.book.world[0]
    timer = until_ns = 0
    if game.queue_timeout_s:
        until_ns = int(world["now_ns"]) + game.queue_timeout_s * NS_PER_S
        timer = int(set_timer(state.book, until_ns, TIMER_QUEUE, int(world["sequence"]), command.game))
    queue.waiting[command.player] = timer
    event = emit(EventKind.QUEUE_JOINED, command.player)
    event["game"], event["until_ns"] = command.game, until_ns
    _serve(state, command.game, emit)
    return Reason.ACCEPTED, command.game


def leave_queue_of(state: State, command: LeaveQueue, emit: Emit) -> tuple[Reason, int]:
    """The player waits no more; the game's id."""
    queue = state.cold.queues.get(command.game)
    if queue is None or command.player not in queue.waiting:
        return Reason.NOT_QUEUED, 0

    _drop(state, command.game, command.player, Reason.ACCEPTED, emit)
    return Reason.ACCEPTED, command.game


def update_game_of(state: State, command: UpdateGame, emit: Emit) -> tuple[Reason, int]:
    """The game's next version; its id. Whoever waits has agreed to what the last one costs and pays."""
    before = state.cold.games[command.game].rules if command.game in state.cold.games else None
    reason, id = update_game(state, command, emit)
    if reason is Reason.ACCEPTED and before is not None and _terms(before) != _terms(command.rules):
        _drop_all(state, command.game, Reason.GAME_CHANGED, emit)
    return reason, id


def delete_game_of(state: State, command: DeleteGame, emit: Emit) -> tuple[Reason, int]:
    """No new matches of the game, and nobody who waits for one; its id."""
    reason, id = delete_game(state, command, emit)
    if reason is Reason.ACCEPTED:
        _drop_all(state, command.game, Reason.GAME_NOT_FOUND, emit)
    return reason, id


def _terms(game: CreateGame) -> tuple[object, ...]:
    """What a match of it costs and pays, and whether there is a queue for it."""
    has_queue = game.min_players > 0 and game.duration_s > 0
    return (
        game.currency, game.entry_fee, game.reward_price, game.house_fee_ppm, game.prize_split, game.keeps_fees,
        game.item_rewards, has_queue,
    )  # fmt: skip


def time_is_up(state: State, timer: int, emit: Emit) -> None:
    """Whoever the timer belongs to has waited for as long as the game lets one wait."""
    game = int(state.book.timers[timer]["owner"])
    waiting = state.cold.queues[game].waiting
    player = next(player for player, row in waiting.items() if row == timer)
    _drop(state, game, player, Reason.QUEUE_TIMED_OUT, emit)


def _serve(state: State, game_id: int, emit: Emit) -> None:
    """Seat whom the match that waits takes; then make one, and one more, as long as enough players wait."""
    queue, game = state.cold.queues[game_id], state.cold.games[game_id].rules
    _seat(state, game_id, emit)
    while len(queue.waiting) >= game.min_players and may_set_aside(state, game) is Reason.ACCEPTED:
        for player in [player for player in queue.waiting if may_pay_fee(state, game, player) is not Reason.ACCEPTED]:
            _drop(state, game_id, player, Reason.INSUFFICIENT_FUNDS, emit)
        if len(queue.waiting) < game.min_players:
            return
        reason, match_id = create_match(state, CreateMatch(game_id, practice=False), emit)
        if reason is not Reason.ACCEPTED:
            return
        queue.match = match_id
        _seat(state, game_id, emit)


def _seat(state: State, game_id: int, emit: Emit) -> None:
    """Seat those who wait in the queue's last match, as long as it takes any."""
    queue = state.cold.queues[game_id]
    for player in list(queue.waiting):
        command = JoinMatch(queue.match, player)
        reason = may_join(state, command)
        if reason in _MATCH_TAKES_NOBODY:
            return
        if reason is Reason.INSUFFICIENT_FUNDS:
            _drop(state, game_id, player, reason, emit)
        if reason is not Reason.ACCEPTED:
            continue
        _take_out(state, game_id, player)
        emit(EventKind.MATCH_CREATED, player, queue.match)
        let_join(state, command, emit)


def _drop_all(state: State, game_id: int, reason: Reason, emit: Emit) -> None:
    queue = state.cold.queues.get(game_id)
    for player in list(queue.waiting) if queue is not None else ():
        _drop(state, game_id, player, reason, emit)


def _drop(state: State, game_id: int, player: int, reason: Reason, emit: Emit) -> None:
    """Out of the queue, without a seat."""
    _take_out(state, game_id, player)
    event = emit(EventKind.QUEUE_LEFT, player)
    event["game"], event["reason"] = game_id, reason


def _take_out(state: State, game_id: int, player: int) -> None:
    timer = state.cold.queues[game_id].waiting.pop(player)
    if timer:
        clear_timer(state.book, timer)
