"""Stakes from wallets: the money of fixed-time trades that is not a seat's, live or demo.

A trade holds two amounts of the player's asset while it runs: its stake, for the house's rewards, and what it may win,
for the player. Both are there from its acceptance on, so whatever the price does, who wins is paid; and both are of one
asset, so demo money never becomes live.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, rare_kernel
from engine.ledger.accounts import find_account
from engine.ledger.balances import available, check_transfer
from engine.ledger.holds import place_hold, post_hold, void_hold
from engine.ledger.payment_kernels import emit_wallet_changed
from engine.model.commands import Account, Asset, TransferCode
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS

LIVE_BUMP_NS: Final = 250 * NS_PER_MS
"""How long a trade from a live wallet waits before the next quote is its entry, as it would in a match for money: who
sees the exchange before us must gain nothing. Demo money gains nobody anything."""


@kernel
def unit_of(asset):
    """How many 1e-8 units, in which the terms of fixed-time trades are, one native unit of the stake is worth."""
    return 100 if asset == Asset.USDT.value or asset == Asset.USDC.value else 1


@kernel
def wallet_of(book, trade):
    """The row of the account that the trade is staked from."""
    return find_account(book, trade.player, stake_code(trade.asset), trade.asset)


@kernel
def stake_code(asset):
    """Which of the player's accounts stakes that asset: an Account."""
    return Account.PLAYER_DEMO.value if asset == Asset.DEMO.value else Account.PLAYER_CASH.value


@kernel
def bump_of(asset):
    return 0 if asset == Asset.DEMO.value else LIVE_BUMP_NS


@kernel
def may_stake(book, player, asset, stake, payout):
    """Has the player the stake, and the house what it may have to pay? The reason why not, or ACCEPTED and in
    book.transfer_plan[0] the rows of both accounts: the player's is debited with the stake."""
    transfer_plan = book.transfer_plan[0]
    transfer_plan.debit = find_account(book, player, stake_code(asset), asset)
    transfer_plan.credit = find_account(book, 0, Account.HOUSE_REWARDS.value, asset)
    if transfer_plan.debit == 0 or stake > available(book, transfer_plan.debit):
        return Reason.INSUFFICIENT_FUNDS.value
    if check_transfer(book, transfer_plan.debit, transfer_plan.credit, stake) != Reason.ACCEPTED.value:
        return Reason.HOUSE_LIMIT.value
    if check_transfer(book, transfer_plan.credit, transfer_plan.debit, payout) != Reason.ACCEPTED.value:
        return Reason.HOUSE_LIMIT.value
    return Reason.ACCEPTED.value


@kernel
def put_up(book, events, row, payout):
    """Hold the stake of a new trade and what it may win, as `may_stake` has found it possible."""
    transfer_plan = book.transfer_plan[0]
    trade = book.fixed_trades[row]
    place_hold(book, events, transfer_plan.debit, transfer_plan.credit, trade.stake, TransferCode.STAKE.value, trade.id)
    trade.stake_hold = transfer_plan.hold
    place_hold(book, events, transfer_plan.credit, transfer_plan.debit, payout, TransferCode.PAYOUT.value, trade.id)
    trade.payout_hold = transfer_plan.hold
    emit_wallet_changed(book, events, trade.player, transfer_plan.debit, 0, TransferCode.STAKE.value, 0)


@rare_kernel
def pay_stake(book, events, row, profit):
    """The trade is over: one of its holds is posted, the other voided; without a profit or a loss both are."""
    trade = book.fixed_trades[row]
    if profit < 0:
        post_hold(book, events, trade.stake_hold, -profit)
    else:
        void_hold(book, events, trade.stake_hold)
    if profit > 0:
        post_hold(book, events, trade.payout_hold, profit)
    else:
        void_hold(book, events, trade.payout_hold)
    code = TransferCode.PAYOUT.value if profit > 0 else TransferCode.STAKE.value
    emit_wallet_changed(book, events, trade.player, wallet_of(book, trade), profit, code, 0)
