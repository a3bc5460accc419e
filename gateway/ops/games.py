"""Ops of games: what there is to play. What operators do with them is in admin.py."""

from __future__ import annotations

from engine.model.reasons import Reason
from engine.model.state import Game
from gateway.core.tokens import ADMIN
from gateway.presenters.games import game_answer
from gateway.protocol import games as protocol
from gateway.protocol.errors import Refused
from gateway.protocol.games import OfGame
from gateway.protocol.scalars import Nothing
from gateway.sessions.caller import Caller


def game_list(caller: Caller, nothing: Nothing) -> list[protocol.Game[str]]:
    """Those that there are new matches of; for operators all that are not deleted."""
    games = caller.arena.state.cold.games
    return [game_answer(id, game) for id, game in games.items() if _sees(caller, game)]


def game_get(caller: Caller, of: OfGame) -> protocol.Game[str]:
    game = caller.arena.state.cold.games.get(of.game)
    if game is None or not _sees(caller, game):
        raise Refused(Reason.GAME_NOT_FOUND)
    return game_answer(of.game, game)


def _sees(caller: Caller, game: Game) -> bool:
    is_admin = caller.identity is not None and caller.identity.role == ADMIN
    return not game.deleted and (game.active or is_admin)
