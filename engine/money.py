"""Real money: what moves between players, matches and the house. Each flow is one or a few transfers of the ledger.

A match guards its own money: what its escrow holds follows from its seats, so no id of a transfer is needed, and at its
end the escrow is exactly empty.
"""

from __future__ import annotations

from engine.commands import Account, Asset, CreateGame, FundRewards, TopUp, TransferCode, of_players
from engine.events import EventKind
from engine.handlers import Emit
from engine.kernels.ledger import available, find_account, hold, move, open_account, post_hold, void_hold
from engine.ranking import pool, prizes
from engine.reasons import Reason
from engine.room import make_room, make_room_for_accounts
from engine.state import State
from engine.tables import MOST_SUMMED

ASSETS = {asset.name: asset for asset in Asset}


def top_up(state: State, command: TopUp, emit: Emit) -> tuple[Reason, int]:
    """Credit the player's account; the player's id."""
    if not 1 <= command.player <= int(state.book.world[0]["players"]):
        return Reason.PLAYER_NOT_FOUND, 0
    if command.asset not in ASSETS:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS[command.asset]
    reason = _enters(state, command.player, of_players(asset), asset, command.amount, TransferCode.TOP_UP, emit)
    return reason, command.player if reason is Reason.ACCEPTED else 0


def fund_rewards(state: State, command: FundRewards, emit: Emit) -> tuple[Reason, int]:
    """Credit the house's account for rewards; 0."""
    if command.asset not in ASSETS:
        return Reason.ASSET_UNKNOWN, 0
    asset = ASSETS[command.asset]
    return _enters(state, 0, Account.HOUSE_REWARDS, asset, command.amount, TransferCode.FUNDING, emit), 0


def _enters(state: State, owner: int, of: Account, asset: Asset, amount: int, code: TransferCode, emit: Emit) -> Reason:
    """From the world, unless it could no longer be counted. Whoever has no account yet gets one."""
    world = state.book.accounts[int(find_account(state.book, 0, Account.WORLD, asset))]
    if not 0 < amount <= MOST_SUMMED - int(world["debits_posted"]):
        return Reason.AMOUNT_INVALID
    debit, credit = account(state, 0, Account.WORLD, asset), account(state, owner, of, asset)
    _must(_moved(state, debit, credit, amount, code, 0, emit))
    return Reason.ACCEPTED


def may_set_aside(state: State, game: CreateGame) -> Reason:
    """Could the house pay the prize of a match of the game?"""
    lacking = _lacking(game)
    if lacking <= 0:
        return Reason.ACCEPTED
    rewards = int(find_account(state.book, 0, Account.HOUSE_REWARDS, ASSETS[game.currency]))
    return Reason.ACCEPTED if available(state.book, rewards) >= lacking else Reason.INSUFFICIENT_FUNDS


def set_aside(state: State, match_id: int, game: CreateGame, emit: Emit) -> None:
    """Open the match's escrow, and hold what of its prize the players' fees may not cover."""
    if not game.currency:
        return
    asset = ASSETS[game.currency]
    escrow = account(state, match_id, Account.MATCH_ESCROW, asset)
    lacking = _lacking(game)
    if lacking > 0:
        rewards = account(state, 0, Account.HOUSE_REWARDS, asset)
        make_room(state, 1)
        _must(Reason(int(hold(state.book, emit.room(1), rewards, escrow, lacking, TransferCode.REWARD, match_id))))
        state.book.matches[match_id]["reward_hold"] = state.book.turn[0]["hold"]


def _lacking(game: CreateGame) -> int:
    """What of a fixed prize the fee of one player, the fewest who play a match, does not cover."""
    if not game.currency or game.prize_split:
        return 0
    return game.reward_price - pool(game, 1)


def may_take_fee(state: State, match_id: int, player: int) -> Reason:
    """Can the player pay the entry fee?"""
    return may_pay(state, _game(state, match_id), player)


def may_pay(state: State, game: CreateGame, player: int) -> Reason:
    """Could the player pay the entry fee of a match of the game?"""
    if not game.currency or not game.entry_fee:
        return Reason.ACCEPTED
    asset = ASSETS[game.currency]
    cash = int(find_account(state.book, player, of_players(asset), asset))
    return Reason.ACCEPTED if available(state.book, cash) >= game.entry_fee else Reason.INSUFFICIENT_FUNDS


def take_fee(state: State, match_id: int, player: int, emit: Emit) -> None:
    """The entry fee from the player's account into the match's escrow."""
    game = _game(state, match_id)
    if game.currency and game.entry_fee:
        cash, escrow = _accounts(state, match_id, player, ASSETS[game.currency])
        _must(_moved(state, cash, escrow, game.entry_fee, TransferCode.ENTRY_FEE, match_id, emit))


def give_back_fee(state: State, match_id: int, player: int, emit: Emit) -> None:
    """The very amount back to the player."""
    game = _game(state, match_id)
    if game.currency and game.entry_fee:
        cash, escrow = _accounts(state, match_id, player, ASSETS[game.currency])
        _must(_moved(state, escrow, cash, game.entry_fee, TransferCode.REFUND, match_id, emit))


def release_reward(state: State, match_id: int, emit: Emit) -> None:
    """Nothing of what the house has set aside is needed."""
    match = state.book.matches[match_id]
    if match["reward_hold"]:
        _must(Reason(int(void_hold(state.book, emit.room(1), int(match["reward_hold"])))))
        match["reward_hold"] = 0


def pay_out(state: State, match_id: int, players: list[int], fit: int, emit: Emit) -> None:
    """Empty the escrow of a match that is over: prizes to the first of `players`, of whom `fit` may win, the rest to
    the house. When none may, everybody gets the fee back, or the house keeps all, as the game says."""
    game = _game(state, match_id)
    if not game.currency:
        return
    asset = ASSETS[game.currency]
    escrow = account(state, match_id, Account.MATCH_ESCROW, asset)
    if not fit and not game.keeps_fees:
        release_reward(state, match_id, emit)
        for player in players:
            give_back_fee(state, match_id, player, emit)
        return
    won = prizes(game, len(players), fit)
    lacking = sum(won) - pool(game, len(players))
    held = int(state.book.matches[match_id]["reward_hold"])
    if held and lacking > 0:
        _must(Reason(int(post_hold(state.book, emit.room(1), held, lacking))))
        state.book.matches[match_id]["reward_hold"] = 0
    release_reward(state, match_id, emit)
    for player, prize in zip(players, won, strict=False):
        if prize:
            cash, _ = _accounts(state, match_id, player, asset)
            _must(_moved(state, escrow, cash, prize, TransferCode.PRIZE, match_id, emit))
    left = int(available(state.book, escrow))
    if left:
        fees = account(state, 0, Account.HOUSE_FEES, asset)
        _must(_moved(state, escrow, fees, left, TransferCode.HOUSE_FEE, match_id, emit))


def account(state: State, owner: int, code: Account, asset: Asset) -> int:
    """The row of the account, opened if it is not there yet."""
    make_room_for_accounts(state, 1)
    return int(open_account(state.book, owner, code, asset))


def _accounts(state: State, match_id: int, player: int, asset: Asset) -> tuple[int, int]:
    """Rows of the player's account and of the match's escrow."""
    return account(state, player, of_players(asset), asset), account(state, match_id, Account.MATCH_ESCROW, asset)


def _moved(state: State, debit: int, credit: int, amount: int, code: TransferCode, match_id: int, emit: Emit) -> Reason:
    reason = Reason(int(move(state.book, emit.room(1), debit, credit, amount, code, match_id)))
    if reason is Reason.ACCEPTED:
        _tell_player(state, debit, -amount, code, match_id, emit)
        _tell_player(state, credit, amount, code, match_id, emit)
    return reason


def _tell_player(state: State, row: int, change: int, code: TransferCode, match_id: int, emit: Emit) -> None:
    """If the account is a player's."""
    found = state.book.accounts[row]
    rest, asset = divmod(int(found["id"]), 256)
    owner, of = divmod(rest, 256)
    if of in (Account.PLAYER_CASH, Account.PLAYER_DEMO, Account.PLAYER_ITEMS):
        event = emit(EventKind.WALLET_CHANGED, owner, match_id)
        event["asset"], event["change"], event["code"] = asset, change, code
        event["balance"] = found["credits_posted"] - found["debits_posted"]
        event["held"], event["version"] = found["debits_pending"], found["version"]


def _must(reason: Reason) -> None:
    """What a match owes it has: else the books are wrong, and nothing more may be done on them."""
    assert reason is Reason.ACCEPTED, reason.name


def _game(state: State, match_id: int) -> CreateGame:
    return state.cold.games[int(state.book.matches[match_id]["game"])]
