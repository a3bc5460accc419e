"""Stakes of fixed-time trades from wallets, live or demo, instead of a seat's cash.

A trade places two holds in the same asset: its stake, from the player to the house's rewards account, and its payout,
from the house to the player. Both are held from acceptance on, so a win can always be paid, and demo money never
becomes live.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, rare_kernel
from engine.ledger.accounts import find_account
from engine.ledger.balances import available, check_transfer
from engine.ledger.holds import place_hold, post_hold, void_hold
from engine.ledger.payment_kernels import emit_wallet_changed
from engine.model.commands import Account, Asset, TransferCode
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS
from engine.model.tables import Book, Row

LIVE_BUMP_NS: Final = 250 * NS_PER_MS
"""Speed bump of a trade from a live wallet: seeing the exchange's quotes before us must gain nothing. Demo has none."""


@kernel
def units_per_native(asset: int) -> int:
    """How many 1e-8 units, in which an instrument states its stake limits, are one native unit of the asset."""
    return 100 if asset == Asset.USDT.value or asset == Asset.USDC.value else 1


@kernel
def wallet_row(book: Book, trade: Row) -> int:
    """Row of the account that pays the trade's stake."""
    return find_account(book, trade.player, stake_code(trade.asset), trade.asset)


@kernel
def stake_code(asset: int) -> int:
    """Code (an Account) of the player's account that pays stakes in that asset."""
    return Account.PLAYER_DEMO.value if asset == Asset.DEMO.value else Account.PLAYER_CASH.value


@kernel
def speed_bump_ns(asset: int) -> int:
    return 0 if asset == Asset.DEMO.value else LIVE_BUMP_NS


@kernel
def check_stake(book: Book, player: int, asset: int, stake: int, payout: int) -> int:
    """Has the player the stake, and the house the payout? A reason why not, or ACCEPTED with the rows of both accounts
    in book.transfer_plan[0]: debit is the player's."""
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
def hold_stake(book: Book, events: Events, row: int, payout: int) -> None:
    """Place the holds of a new trade's stake and payout, after `check_stake` has accepted them."""
    transfer_plan = book.transfer_plan[0]
    trade = book.fixed_trades[row]
    place_hold(book, events, transfer_plan.debit, transfer_plan.credit, trade.stake, TransferCode.STAKE.value, trade.id)
    trade.stake_hold = transfer_plan.hold
    place_hold(book, events, transfer_plan.credit, transfer_plan.debit, payout, TransferCode.PAYOUT.value, trade.id)
    trade.payout_hold = transfer_plan.hold
    emit_wallet_changed(book, events, trade.player, transfer_plan.debit, 0, TransferCode.STAKE.value, 0)


@rare_kernel
def settle_stake(book: Book, events: Events, row: int, profit: int) -> None:
    """Settle a trade's holds: post the payout on a profit or the stake on a loss, and void the rest."""
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
    emit_wallet_changed(book, events, trade.player, wallet_row(book, trade), profit, code, 0)
