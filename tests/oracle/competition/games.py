"""Games and their versions."""

from __future__ import annotations

from engine.model.commands import CreateGame, DeleteGame, SetGameActive, UpdateGame
from engine.model.reasons import Reason
from tests.oracle.state import Game, Oracle, Outcome, refuse_if


def create_game(oracle: Oracle, command: CreateGame) -> Outcome:
    oracle.games.append(Game(command))
    return {"id": len(oracle.games)}


def existing_game(oracle: Oracle, id: int) -> Game:
    refuse_if(not 1 <= id <= len(oracle.games) or oracle.games[id - 1].deleted, Reason.GAME_NOT_FOUND)
    return oracle.games[id - 1]


def update_game(oracle: Oracle, command: UpdateGame) -> Outcome:
    game = existing_game(oracle, command.game)
    game.rules, game.versions = command.rules, game.versions + 1
    return {"id": command.game}


def delete_game(oracle: Oracle, command: DeleteGame) -> Outcome:
    existing_game(oracle, command.game).deleted = True
    return {"id": command.game}


def set_game_active(oracle: Oracle, command: SetGameActive) -> Outcome:
    existing_game(oracle, command.game).active = command.active
    return {"id": command.game}
