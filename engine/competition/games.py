"""Games: templates of matches. A match keeps the version of its game with which it was created, to its end."""

from __future__ import annotations

from engine.model.bounds import (
    HIGHEST_BALANCE,
    HIGHEST_ENTRY_FEE,
    HIGHEST_LEVERAGE,
    LONGEST_BUMP_MS,
    LONGEST_COUNTDOWN_S,
    LONGEST_COVER,
    LONGEST_DESCRIPTION,
    LONGEST_MATCH_S,
    LONGEST_OUTAGE_S,
    LONGEST_QUEUE_S,
    LONGEST_TITLE,
    MOST_CUPS,
    MOST_ITEM_REWARDS,
    MOST_OF_AN_ITEM,
    MOST_PLAYERS,
    MOST_POSITIONS,
)
from engine.model.commands import Account, Asset, CreateGame, DeleteGame, SetGameActive, UpdateGame, of_players
from engine.model.reasons import Reason
from engine.model.scale import PPM
from engine.model.state import Game, State
from engine.model.tables import ORDER_RATE_STAMPS
from engine.storage.emit import Emit
from engine.storage.zones import zone_named

MONEY_ASSETS = tuple(asset.name for asset in (Asset.USDT, Asset.USDC, Asset.SOL, Asset.BT, Asset.DEMO))
"""Assets in which an entry fee can be paid."""

ITEM_ASSETS = tuple(asset.name for asset in Asset if of_players(asset) is Account.PLAYER_ITEMS)


def rules_of_match(state: State, match_id: int) -> CreateGame:
    """The version of its game that the match was created with."""
    match = state.book.matches[match_id]
    return state.cold.games[int(match["game"])].version(int(match["game_version"]))


def check_game_active(state: State, game: int) -> Reason:
    """Whether matches of the game can be created: a Reason, ACCEPTED if so."""
    reason = _check_exists(state, game)
    if reason is Reason.ACCEPTED and not state.cold.games[game].active:
        return Reason.GAME_NOT_ACTIVE
    return reason


def create_game(state: State, command: CreateGame, emit: Emit) -> tuple[Reason, int]:
    """Create a game; returns its id."""
    reason = _check_rules(state, command)
    if reason is not Reason.ACCEPTED:
        return reason, 0

    state.book.world[0]["games"] += 1
    game = int(state.book.world[0]["games"])
    state.cold.games[game] = Game([command])
    return Reason.ACCEPTED, game


def update_game(state: State, command: UpdateGame, emit: Emit) -> tuple[Reason, int]:
    """Add a version to the game, for matches created from now on; returns the game's id."""
    reason = _check_exists(state, command.game)
    if reason is Reason.ACCEPTED:
        reason = _check_rules(state, command.rules)
    if reason is not Reason.ACCEPTED:
        return reason, 0

    state.cold.games[command.game].versions.append(command.rules)
    return Reason.ACCEPTED, command.game


def delete_game(state: State, command: DeleteGame, emit: Emit) -> tuple[Reason, int]:
    """Delete the game: no more matches of it. Its versions are kept for existing matches. Returns its id."""
    reason = _check_exists(state, command.game)
    if reason is not Reason.ACCEPTED:
        return reason, 0

    state.cold.games[command.game].deleted = True
    return Reason.ACCEPTED, command.game


def set_game_active(state: State, command: SetGameActive, emit: Emit) -> tuple[Reason, int]:
    """Allow or suspend new matches of the game; returns its id."""
    reason = _check_exists(state, command.game)
    if reason is not Reason.ACCEPTED:
        return reason, 0

    state.cold.games[command.game].active = command.active
    return Reason.ACCEPTED, command.game


def _check_exists(state: State, game: int) -> Reason:
    found = state.cold.games.get(game)
    return Reason.GAME_NOT_FOUND if found is None or found.deleted else Reason.ACCEPTED


def _check_rules(state: State, command: CreateGame) -> Reason:
    """Whether texts and rules are within bounds and the symbols exist: a Reason."""
    if not (
        0 < command.starting_balance <= HIGHEST_BALANCE
        and 1 <= command.max_positions <= MOST_POSITIONS
        and 1 <= command.max_leverage <= HIGHEST_LEVERAGE
        and 0 <= command.speed_bump_ms <= LONGEST_BUMP_MS
        and 0 <= command.max_trades_per_minute <= ORDER_RATE_STAMPS
        and 0 <= command.min_trades <= 100_000
        and 0 <= command.min_hold_s <= 86_400
        and 0 <= command.max_daily_drawdown_ppm <= PPM
        and 0 <= command.day_start_min < 24 * 60
        and 0 <= command.max_total_drawdown_ppm <= PPM
        and 0 <= command.max_loss_per_trade_ppm <= PPM
        and 0 <= command.profit_target_ppm <= 100 * PPM
        and 0 <= command.min_players <= MOST_PLAYERS
        and (command.min_players <= command.max_players <= MOST_PLAYERS or command.max_players == 0)
        and 0 <= command.countdown_s <= LONGEST_COUNTDOWN_S
        and 0 <= command.duration_s <= LONGEST_MATCH_S
        and 0 <= command.queue_timeout_s <= LONGEST_QUEUE_S
        and 0 <= command.outage_s <= LONGEST_OUTAGE_S
        and 0 <= command.reward_price <= HIGHEST_BALANCE
        and 0 <= command.entry_fee <= HIGHEST_ENTRY_FEE
        and command.currency in ("", *MONEY_ASSETS)
        and 0 <= command.house_fee_ppm <= PPM
        and (not command.prize_split or (sum(command.prize_split) == 100 and min(command.prize_split) > 0))
        and (not command.prize_split or command.reward_price == 0)
        and 1 <= len(command.title) <= LONGEST_TITLE
        and len(command.description) <= LONGEST_DESCRIPTION
        and len(command.cover) <= LONGEST_COVER
        and 0 <= command.cup <= MOST_CUPS
        and 0 <= command.win_exp <= MOST_CUPS
        and 0 <= command.lose_exp <= MOST_CUPS
        and len(command.item_rewards) <= MOST_ITEM_REWARDS
        and len({item for item, _ in command.item_rewards}) == len(command.item_rewards)
        and all(item in ITEM_ASSETS and 1 <= count <= MOST_OF_AN_ITEM for item, count in command.item_rewards)
    ):
        return Reason.GAME_INVALID
    if zone_named(state, command.day_zone) is None:
        return Reason.ZONE_NOT_FOUND
    symbols = {instrument.symbol for instrument in state.cold.instruments.values()}
    return Reason.ACCEPTED if symbols.issuperset(command.allowed_symbols) else Reason.INSTRUMENT_NOT_FOUND
