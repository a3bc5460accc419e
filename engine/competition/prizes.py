"""Real money: what moves between players, matches and the house. Each flow is one or a few transfers of the ledger.

A match guards its own money: what its escrow holds follows from its seats, so no id of a transfer is needed, and at its
end the escrow is exactly empty. A practice match has no asset: it moves no money, whatever its game says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.games import rules_of
from engine.competition.ranking import pool, prizes
from engine.ledger import payment_kernels
from engine.ledger.accounts import ensure_account, find_account_row
from engine.ledger.balances import available
from engine.ledger.funding import ASSETS_BY_NAME, MAX_FUNDED
from engine.ledger.holds import place_hold, post_hold, void_hold
from engine.ledger.payments import pay, require_accepted, total_credits
from engine.model.commands import Account, Asset, CreateGame, TransferCode, of_players
from engine.model.reasons import Reason
from engine.model.state import State
from engine.model.tables import OPENED_AT_ONCE
from engine.storage.capacity import make_room_for_accounts, make_room_for_hold
from engine.storage.emit import Emit, go_through


def may_set_aside(state: State, game: CreateGame) -> Reason:
    """Could the house pay the prize of a match of the game, and give its items?"""
    lacking = _lacking(game)
    wanted = [(ASSETS_BY_NAME[item], count) for item, count in game.item_rewards]
    if lacking > 0:
        wanted.append((ASSETS_BY_NAME[game.currency], lacking))
    for asset, amount in wanted:
        rewards = find_account_row(state.book, 0, Account.HOUSE_REWARDS, asset)
        if available(state.book, rewards) < amount:
            return Reason.INSUFFICIENT_FUNDS
    return Reason.ACCEPTED


def set_aside(state: State, match_id: int, game: CreateGame, emit: Emit) -> None:
    """Open the match's escrow, and hold what of its prize the players' fees may not cover, and its items."""
    make_room_for_accounts(state, OPENED_AT_ONCE)  # one command may make many matches, of all who wait in a queue
    for number, (item, count) in enumerate(game.item_rewards):
        held = _held(state, match_id, ASSETS_BY_NAME[item], count, TransferCode.ITEM_REWARD, emit)
        state.book.matches[match_id]["item_holds"][number] = held
    if not game.currency:
        return
    asset = ASSETS_BY_NAME[game.currency]
    ensure_account(state.book, match_id, Account.MATCH_ESCROW, asset)
    lacking = _lacking(game)
    if lacking > 0:
        held = _held(state, match_id, asset, lacking, TransferCode.REWARD, emit)
        state.book.matches[match_id]["reward_hold"] = held


def _held(state: State, match_id: int, asset: Asset, amount: int, code: TransferCode, emit: Emit) -> int:
    """The row of a new hold, from the house's rewards for the match's escrow."""
    rewards = ensure_account(state.book, 0, Account.HOUSE_REWARDS, asset)
    escrow = ensure_account(state.book, match_id, Account.MATCH_ESCROW, asset)
    make_room_for_hold(state)
    require_accepted(place_hold(state.book, emit.room(1), rewards, escrow, amount, code.value, match_id))
    return int(state.book.transfer_plan[0]["hold"])


def _lacking(game: CreateGame) -> int:
    """What of a fixed prize the fee of one player, the fewest who play a match, does not cover."""
    if not game.currency or game.prize_split:
        return 0
    return game.reward_price - pool(game, 1)


def may_take_fee(state: State, match_id: int, player: int) -> Reason:
    """Can the player pay the entry fee, and will all that may come back be counted?"""
    asset = int(state.book.matches[match_id]["asset"])
    if not asset:
        return Reason.ACCEPTED
    if total_credits(state, find_account_row(state.book, match_id, Account.MATCH_ESCROW, asset)) > MAX_FUNDED:
        return Reason.AMOUNT_INVALID
    return may_pay_fee(state, rules_of(state, match_id), player)


def may_pay_fee(state: State, game: CreateGame, player: int) -> Reason:
    """Could the player pay the entry fee of a match of the game, and will all that may come back be counted?"""
    if not game.currency:
        return Reason.ACCEPTED
    asset = ASSETS_BY_NAME[game.currency]
    cash = find_account_row(state.book, player, of_players(asset), asset)
    if total_credits(state, cash) > MAX_FUNDED:
        return Reason.AMOUNT_INVALID
    return Reason.ACCEPTED if available(state.book, cash) >= game.entry_fee else Reason.INSUFFICIENT_FUNDS


def take_fee(state: State, match_id: int, player: int, emit: Emit) -> None:
    """The entry fee from the player's account into the match's escrow."""
    game = rules_of(state, match_id)
    if state.book.matches[match_id]["asset"] and game.entry_fee:
        cash, escrow = _accounts(state, match_id, player, ASSETS_BY_NAME[game.currency])
        pay(state, cash, escrow, game.entry_fee, TransferCode.ENTRY_FEE, match_id, emit)


def give_back_fees(state: State, match_id: int, players: NDArray[np.int64], emit: Emit) -> None:
    """The very amount back to each of the players, who have paid it."""
    game = rules_of(state, match_id)
    if state.book.matches[match_id]["asset"] and game.entry_fee:
        asset = ASSETS_BY_NAME[game.currency]
        escrow = ensure_account(state.book, match_id, Account.MATCH_ESCROW, asset)
        what = (of_players(asset).value, asset.value, game.entry_fee, TransferCode.REFUND.value, match_id)
        go_through(state, emit, payment_kernels.pay_players, len(players), players, escrow, *what)


def release_reward(state: State, match_id: int, emit: Emit) -> None:
    """Nothing of what the house has set aside is needed."""
    match = state.book.matches[match_id]
    if match["reward_hold"]:
        require_accepted(void_hold(state.book, emit.room(1), int(match["reward_hold"])))
        match["reward_hold"] = 0
    holds = match["item_holds"]
    for number in np.flatnonzero(holds).tolist():
        require_accepted(void_hold(state.book, emit.room(1), int(holds[number])))
        holds[number] = 0


def pay_out(state: State, match_id: int, players: NDArray[np.int64], fit: int, emit: Emit) -> None:
    """Empty the escrow of a match that is over: prizes to the first of `players`, of whom `fit` may win, the rest to
    the house. When none may, everybody gets the fee back, or the house keeps all, as the game says. Practice is free,
    and nothing is won by it."""
    game = rules_of(state, match_id)
    if state.book.matches[match_id]["practice"]:
        return
    if fit:
        _give_items(state, match_id, int(players[0]), emit)
    if not game.currency:
        release_reward(state, match_id, emit)
        return
    asset = ASSETS_BY_NAME[game.currency]
    escrow = ensure_account(state.book, match_id, Account.MATCH_ESCROW, asset)
    if not fit and not game.keeps_fees:
        release_reward(state, match_id, emit)
        give_back_fees(state, match_id, players, emit)
        return
    won = prizes(game, len(players), fit)
    lacking = sum(won) - pool(game, len(players))
    held = int(state.book.matches[match_id]["reward_hold"])
    if held and lacking > 0:
        require_accepted(post_hold(state.book, emit.room(1), held, lacking))
        state.book.matches[match_id]["reward_hold"] = 0
    release_reward(state, match_id, emit)
    for player, prize in zip(players[: len(won)].tolist(), won, strict=False):
        if prize:
            cash = ensure_account(state.book, player, of_players(asset), asset)
            pay(state, escrow, cash, prize, TransferCode.PRIZE, match_id, emit)
    left = int(available(state.book, escrow))
    if left:
        fees = ensure_account(state.book, 0, Account.HOUSE_FEES, asset)
        pay(state, escrow, fees, left, TransferCode.HOUSE_FEE, match_id, emit)


def keeps_live_money(state: State, match_id: int, fit: int) -> bool:
    """Has the match, which is over with `fit` to win, cost its players live money that was not given back?"""
    game = rules_of(state, match_id)
    asset = int(state.book.matches[match_id]["asset"])
    return asset not in (0, Asset.DEMO) and game.entry_fee > 0 and (fit > 0 or game.keeps_fees)


def _give_items(state: State, match_id: int, winner: int, emit: Emit) -> None:
    """What was set aside of items, through the match's escrow, to the winner."""
    for number, (item, count) in enumerate(rules_of(state, match_id).item_rewards):
        items, escrow = _accounts(state, match_id, winner, ASSETS_BY_NAME[item])
        holds = state.book.matches[match_id]["item_holds"]
        require_accepted(post_hold(state.book, emit.room(1), int(holds[number]), count))
        holds[number] = 0
        pay(state, escrow, items, count, TransferCode.ITEM_REWARD, match_id, emit)


def _accounts(state: State, match_id: int, player: int, asset: Asset) -> tuple[int, int]:
    """Rows of the player's account and of the match's escrow."""
    book = state.book
    return ensure_account(book, player, of_players(asset), asset), ensure_account(
        book, match_id, Account.MATCH_ESCROW, asset
    )
