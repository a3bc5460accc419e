"""Who waits for a match of a game."""

from __future__ import annotations

from engine.model.commands import CreateGame, CreateMatch, DeleteGame, JoinMatch, JoinQueue, LeaveQueue, UpdateGame
from engine.model.events import EventKind
from engine.model.reasons import Reason
from tests.oracle.competition.games import delete_game, existing_game, update_game
from tests.oracle.competition.matches import check_join, create_match, join_match
from tests.oracle.ledger.money import MOST_ENTERED, PURSES
from tests.oracle.state import BILLION, Oracle, Outcome, Queue, Refused, refuse_if

AGREED = ("currency", "entry_fee", "reward_price", "house_fee_ppm", "prize_split", "keeps_fees", "item_rewards")
"""Of a game, what a player who waits in its queue has agreed to."""


def update_game_of_queue(oracle: Oracle, command: UpdateGame) -> Outcome:
    before = existing_game(oracle, command.game).rules
    outcome = update_game(oracle, command)
    changed = any(getattr(before, name) != getattr(command.rules, name) for name in AGREED)
    if changed or not (command.rules.min_players and command.rules.duration_s):
        clear_line(oracle, command.game, Reason.GAME_CHANGED)
    return outcome


def delete_game_of_queue(oracle: Oracle, command: DeleteGame) -> Outcome:
    outcome = delete_game(oracle, command)
    clear_line(oracle, command.game, Reason.GAME_NOT_FOUND)
    return outcome


def join_queue(oracle: Oracle, command: JoinQueue) -> Outcome:
    refuse_if(not existing_game(oracle, command.game).active, Reason.GAME_NOT_ACTIVE)
    refuse_if(not 1 <= command.player <= len(oracle.players), Reason.PLAYER_NOT_FOUND)
    game = existing_game(oracle, command.game).rules
    refuse_if(not game.min_players, Reason.QUEUE_NOT_OFFERED)
    refuse_if(not game.duration_s, Reason.MATCH_ENDLESS)
    queue = oracle.queues.get(command.game, Queue())
    refuse_if(command.player in queue.waiting, Reason.ALREADY_QUEUED)
    waits = queue.match != 0 and oracle.matches[queue.match].waiting
    refuse_if(waits and (command.player, queue.match) in oracle.seats, Reason.ALREADY_JOINED)
    refuse_if(bool(reason := why_he_cannot_pay(oracle, game, command.player)), reason)
    full = len(queue.waiting) >= max(1_000, game.min_players)
    refuse_if(full and not house_can_pay(oracle, game), Reason.QUEUE_FULL)

    oracle.queues[command.game] = queue
    until_ns = oracle.now_ns + game.queue_timeout_s * BILLION if game.queue_timeout_s else 0
    queue.waiting[command.player] = until_ns, oracle.sequence
    oracle.emit(EventKind.QUEUE_JOINED, command.player, game=command.game, until_ns=until_ns)
    seat_waiting(oracle, command.game)
    while len(queue.waiting) >= game.min_players and house_can_pay(oracle, game):
        for player in list(queue.waiting):
            if reason := why_he_cannot_pay(oracle, game, player):
                leave_line(oracle, command.game, player, Reason.INSUFFICIENT_FUNDS)
        if len(queue.waiting) < game.min_players:
            break
        queue.match = create_match(oracle, CreateMatch(command.game, practice=False))["id"]
        seat_waiting(oracle, command.game)
    return {"id": command.game}


def house_can_pay(oracle: Oracle, game: CreateGame) -> bool:
    return not game.currency or oracle.money.may_make(game)


def why_he_cannot_pay(oracle: Oracle, game: CreateGame, player: int) -> Reason:
    if game.currency and oracle.money.got(player, PURSES[game.currency], game.currency) > MOST_ENTERED:
        return Reason.AMOUNT_INVALID
    if game.currency and not oracle.money.can_pay(game, player):
        return Reason.INSUFFICIENT_FUNDS
    return Reason.ACCEPTED


def seat_waiting(oracle: Oracle, game: int) -> None:
    """In the match that was made last, in the order in which they came."""
    queue = oracle.queues[game]
    for player in list(queue.waiting):
        command = JoinMatch(queue.match, player)
        try:
            check_join(oracle, command)
        except Refused as refused:
            if refused.reason is Reason.INSUFFICIENT_FUNDS:
                leave_line(oracle, game, player, refused.reason)
            continue
        del queue.waiting[player]
        oracle.emit(EventKind.MATCH_CREATED, player, queue.match)
        join_match(oracle, command)


def leave_queue(oracle: Oracle, command: LeaveQueue) -> Outcome:
    waits = command.game in oracle.queues and command.player in oracle.queues[command.game].waiting
    refuse_if(not waits, Reason.NOT_QUEUED)
    leave_line(oracle, command.game, command.player, Reason.ACCEPTED)
    return {"id": command.game}


def clear_line(oracle: Oracle, game: int, reason: Reason) -> None:
    for player in list(oracle.queues[game].waiting) if game in oracle.queues else ():
        leave_line(oracle, game, player, reason)


def leave_line(oracle: Oracle, game: int, player: int, reason: Reason) -> None:
    del oracle.queues[game].waiting[player]
    oracle.emit(EventKind.QUEUE_LEFT, player, game=game, until_ns=0, reason=reason)
