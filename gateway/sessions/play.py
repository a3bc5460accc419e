"""Responsible play, where money or play begins: what the limits that a player has set say to an op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from engine import views
from engine.model.commands import Asset, CreateGame
from gateway.identity.play import DOLLARS, Play
from gateway.presenters.decimals import asset_units
from gateway.protocol.fixed_trades import BuyFixed
from gateway.protocol.games import OfGame
from gateway.protocol.matches import JoinMatch
from gateway.protocol.wallets import Money
from gateway.sessions.arena import Arena


def check_play(arena: Arena, player: int, arguments: Any) -> None:
    """Of an op that opens something. Raises Refused: SELF_EXCLUDED, PLAY_LIMIT_REACHED."""
    if arena.play is None:
        return
    arena.play.check_play(player)
    owner = arena.keys.dependents.owner_of(player) if arena.keys is not None else player
    if owner != player:
        arena.play.check_play(owner)  # who shuts himself out does not play by his bots
    check = _MONEY.get(type(arguments))
    if check is not None:
        check(arena, arena.play, player, arguments)


def _deposit(arena: Arena, play: Play, player: int, of: Money) -> None:
    asset = Asset[of.asset]
    if asset in DOLLARS:
        play.check_deposit(player, asset_units("amount", of.amount, asset))


def _join_match(arena: Arena, play: Play, player: int, of: JoinMatch) -> None:
    match = views.match(arena.state, of.match)
    if match is not None:
        _fee(arena, play, player, arena.state.cold.games[match.game].version(match.game_version))


def _join_queue(arena: Arena, play: Play, player: int, of: OfGame) -> None:
    game = arena.state.cold.games.get(of.game)
    if game is not None:
        _fee(arena, play, player, game.rules)


def _fee(arena: Arena, play: Play, player: int, game: CreateGame) -> None:
    if game.entry_fee and game.currency and Asset[game.currency] in DOLLARS:
        play.check_stake(player, game.entry_fee, _held(arena, player))


def _buy(arena: Arena, play: Play, player: int, of: BuyFixed) -> None:
    wallet = of.account.wallet
    if wallet is not None and Asset[wallet.upper()] in DOLLARS:
        play.check_stake(player, asset_units("stake", of.stake, Asset[wallet.upper()]), _held(arena, player))


def _held(arena: Arena, player: int) -> int:
    """Millionths of a dollar that are at stake already."""
    return sum(each.held for each in views.wallet(arena.state.book, player) if Asset(each.asset) in DOLLARS)


_MONEY: Final[dict[type, Callable[[Arena, Play, int, Any], None]]] = {
    Money: _deposit,
    JoinMatch: _join_match,
    OfGame: _join_queue,
    BuyFixed: _buy,
}
"""By arguments of an op that opens something: what to check of the money in it."""
