"""Entry fees, reserves and prizes: transfers between players, the escrow of a match, and the house.

The escrow's balance follows from the match's seats, so its transfers need no ids; when the match is over, the escrow is
empty. A practice match has no asset and moves no money.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.competition.games import rules_of_match
from engine.ledger import payment_kernels
from engine.ledger.accounts import ensure_account, find_account_row
from engine.ledger.balances import available
from engine.ledger.funding import ASSETS_BY_NAME, MAX_FUNDED
from engine.ledger.holds import place_hold, post_hold, void_hold
from engine.ledger.payments import pay, require_accepted, total_credits
from engine.model.commands import Account, Asset, CreateGame, TransferCode, of_players
from engine.model.reasons import Reason
from engine.model.scale import PPM
from engine.model.state import State
from engine.model.tables import OPENED_AT_ONCE
from engine.storage.capacity import ensure_capacity_for_accounts, ensure_capacity_for_hold
from engine.storage.emit import Emit, call_until_done


def check_prize_funds(state: State, game: CreateGame) -> Reason:
    """Whether the house can reserve the prize and the items of a match: a Reason, ACCEPTED if so."""
    reserve = _reserve_needed(game)
    needed = [(ASSETS_BY_NAME[item], count) for item, count in game.item_rewards]
    if reserve > 0:
        needed.append((ASSETS_BY_NAME[game.currency], reserve))
    for asset, amount in needed:
        rewards = find_account_row(state.book, 0, Account.HOUSE_REWARDS, asset)
        if available(state.book, rewards) < amount:
            return Reason.INSUFFICIENT_FUNDS
    return Reason.ACCEPTED


def reserve_prize(state: State, match_id: int, game: CreateGame, emit: Emit) -> None:
    """Open the match's escrow, and hold the items and the part of a fixed prize that fees may not cover."""
    ensure_capacity_for_accounts(state, OPENED_AT_ONCE)  # one command may create many matches, from a queue
    for number, (item, count) in enumerate(game.item_rewards):
        held = _hold_from_rewards(state, match_id, ASSETS_BY_NAME[item], count, TransferCode.ITEM_REWARD, emit)
        state.book.matches[match_id]["item_holds"][number] = held
    if not game.currency:
        return
    asset = ASSETS_BY_NAME[game.currency]
    ensure_account(state.book, match_id, Account.MATCH_ESCROW, asset)
    reserve = _reserve_needed(game)
    if reserve > 0:
        held = _hold_from_rewards(state, match_id, asset, reserve, TransferCode.REWARD, emit)
        state.book.matches[match_id]["reward_hold"] = held


def _hold_from_rewards(state: State, match_id: int, asset: Asset, amount: int, code: TransferCode, emit: Emit) -> int:
    """Hold an amount from the house's rewards for the match's escrow; returns the hold's row."""
    rewards = ensure_account(state.book, 0, Account.HOUSE_REWARDS, asset)
    escrow = ensure_account(state.book, match_id, Account.MATCH_ESCROW, asset)
    ensure_capacity_for_hold(state)
    require_accepted(place_hold(state.book, emit.buffer(1), rewards, escrow, amount, code.value, match_id))
    return int(state.book.transfer_plan[0]["hold"])


def _reserve_needed(game: CreateGame) -> int:
    """The part of a fixed prize that a single entry fee (the fewest possible) does not cover; 0 or less: none."""
    if not game.currency or game.prize_split:
        return 0
    return game.reward_price - prize_pool(game, 1)


def check_match_fee(state: State, match_id: int, player: int) -> Reason:
    """Whether the player can pay the match's entry fee: a Reason. AMOUNT_INVALID: later payments could overflow."""
    asset = int(state.book.matches[match_id]["asset"])
    if not asset:
        return Reason.ACCEPTED
    if total_credits(state, find_account_row(state.book, match_id, Account.MATCH_ESCROW, asset)) > MAX_FUNDED:
        return Reason.AMOUNT_INVALID
    return check_entry_fee(state, rules_of_match(state, match_id), player)


def check_entry_fee(state: State, game: CreateGame, player: int) -> Reason:
    """Whether the player can pay the game's entry fee: a Reason. AMOUNT_INVALID: later payments could overflow."""
    if not game.currency:
        return Reason.ACCEPTED
    asset = ASSETS_BY_NAME[game.currency]
    cash = find_account_row(state.book, player, of_players(asset), asset)
    if total_credits(state, cash) > MAX_FUNDED:
        return Reason.AMOUNT_INVALID
    return Reason.ACCEPTED if available(state.book, cash) >= game.entry_fee else Reason.INSUFFICIENT_FUNDS


def charge_entry_fee(state: State, match_id: int, player: int, emit: Emit) -> None:
    """Transfer the entry fee, if any, from the player to the match's escrow."""
    game = rules_of_match(state, match_id)
    if state.book.matches[match_id]["asset"] and game.entry_fee:
        cash, escrow = _player_and_escrow(state, match_id, player, ASSETS_BY_NAME[game.currency])
        pay(state, cash, escrow, game.entry_fee, TransferCode.ENTRY_FEE, match_id, emit)


def refund_entry_fees(state: State, match_id: int, players: NDArray[np.int64], emit: Emit) -> None:
    """Transfer the entry fee, if any, from the escrow back to each of the players."""
    game = rules_of_match(state, match_id)
    if state.book.matches[match_id]["asset"] and game.entry_fee:
        asset = ASSETS_BY_NAME[game.currency]
        escrow = ensure_account(state.book, match_id, Account.MATCH_ESCROW, asset)
        terms = (of_players(asset).value, asset.value, game.entry_fee, TransferCode.REFUND.value, match_id)
        call_until_done(state, emit, payment_kernels.pay_players, len(players), players, escrow, *terms)


def release_reserve(state: State, match_id: int, emit: Emit) -> None:
    """Void the holds of the match's prize and items that are still open."""
    match = state.book.matches[match_id]
    if match["reward_hold"]:
        require_accepted(void_hold(state.book, emit.buffer(1), int(match["reward_hold"])))
        match["reward_hold"] = 0
    holds = match["item_holds"]
    for number in np.flatnonzero(holds).tolist():
        require_accepted(void_hold(state.book, emit.buffer(1), int(holds[number])))
        holds[number] = 0


def settle_escrow(state: State, match_id: int, players: NDArray[np.int64], eligible: int, emit: Emit) -> None:
    """Empty the escrow of a finished match: prizes to the first of `players` (ranked best first, `eligible` can win),
    the rest to the house. If none is eligible, fees are refunded or kept by the house, as the game says."""
    game = rules_of_match(state, match_id)
    if state.book.matches[match_id]["practice"]:
        return
    if eligible:
        _award_items(state, match_id, int(players[0]), emit)
    if not game.currency:
        release_reserve(state, match_id, emit)
        return
    asset = ASSETS_BY_NAME[game.currency]
    escrow = ensure_account(state.book, match_id, Account.MATCH_ESCROW, asset)
    if not eligible and not game.keeps_fees:
        release_reserve(state, match_id, emit)
        refund_entry_fees(state, match_id, players, emit)
        return
    amounts = prize_amounts(game, len(players), eligible)
    shortfall = sum(amounts) - prize_pool(game, len(players))
    held = int(state.book.matches[match_id]["reward_hold"])
    if held and shortfall > 0:
        require_accepted(post_hold(state.book, emit.buffer(1), held, shortfall))
        state.book.matches[match_id]["reward_hold"] = 0
    release_reserve(state, match_id, emit)
    for player, prize in zip(players[: len(amounts)].tolist(), amounts, strict=False):
        if prize:
            cash = ensure_account(state.book, player, of_players(asset), asset)
            pay(state, escrow, cash, prize, TransferCode.PRIZE, match_id, emit)
    left = int(available(state.book, escrow))
    if left:
        fees = ensure_account(state.book, 0, Account.HOUSE_FEES, asset)
        pay(state, escrow, fees, left, TransferCode.HOUSE_FEE, match_id, emit)


def live_fees(state: State, match_id: int, eligible: int) -> tuple[int, int]:
    """The entry fees of a finished match and what the house has kept of them, which is less than nothing when the prize
    was higher: (0, 0) when they were no live money, or were refunded."""
    game = rules_of_match(state, match_id)
    match = state.book.matches[match_id]
    if int(match["asset"]) in (0, Asset.DEMO) or not (eligible or game.keeps_fees):
        return 0, 0
    seats = int(match["seats"])
    fees = game.entry_fee * seats
    return fees, fees - sum(prize_amounts(game, seats, eligible))


def _award_items(state: State, match_id: int, winner: int, emit: Emit) -> None:
    """Transfer the held items, through the match's escrow, to the winner."""
    for number, (item, count) in enumerate(rules_of_match(state, match_id).item_rewards):
        items, escrow = _player_and_escrow(state, match_id, winner, ASSETS_BY_NAME[item])
        holds = state.book.matches[match_id]["item_holds"]
        require_accepted(post_hold(state.book, emit.buffer(1), int(holds[number]), count))
        holds[number] = 0
        pay(state, escrow, items, count, TransferCode.ITEM_REWARD, match_id, emit)


def _player_and_escrow(state: State, match_id: int, player: int, asset: Asset) -> tuple[int, int]:
    """Rows of the player's account and the match's escrow."""
    book = state.book
    player_row = ensure_account(book, player, of_players(asset), asset)
    return player_row, ensure_account(book, match_id, Account.MATCH_ESCROW, asset)


def prize_amounts(game: CreateGame, seats: int, eligible: int) -> list[int]:
    """Prizes by rank, in native units: the fixed reward to the winner, or the prize pool by the game's split. Rounding
    remainders and the shares of ranks without an eligible player go to the winner.
    """
    if eligible == 0:
        return []
    if not game.prize_split:
        return [game.reward_price]
    pooled = prize_pool(game, seats)
    shares = [pooled * percent // 100 for percent in game.prize_split[:eligible]]
    return [shares[0] + pooled - sum(shares), *shares[1:]]


def prize_pool(game: CreateGame, seats: int) -> int:
    """The entry fees of `seats` players less the house fee, rounded down, in native units."""
    return game.entry_fee * seats * (PPM - game.house_fee_ppm) // PPM
