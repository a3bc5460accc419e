"""Compiled payments: transfers that the rules make between players, matches and the house.

A loop over players starts at number i, runs while events fit into the buffer, and returns the number of the next one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.jit import entry, kernel
from engine.ledger.accounts import asset_of, code_of, find_account, open_account, owner_of
from engine.ledger.balances import available, check_transfer, post_transfer
from engine.model.commands import Account
from engine.model.events import EventKind
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.tables import Book
from engine.storage.account_rows import has_capacity_for_accounts
from engine.storage.event_buffer import has_space, new_event


@entry
def pay(book: Book, events: Events, debit_row: int, credit_row: int, amount: int, code: int, match_id: int) -> int:
    """Transfer the amount and notify the players who own the accounts: a Reason."""
    reason = post_transfer(book, events, debit_row, credit_row, amount, code, match_id)
    if reason == Reason.ACCEPTED.value:
        _emit_if_player_account(book, events, debit_row, -amount, code, match_id)
        _emit_if_player_account(book, events, credit_row, amount, code, match_id)
    return reason


@entry
def pay_players(
    book: Book,
    events: Events,
    i: int,
    players: NDArray[np.int64],
    debit_row: int,
    account_code: int,
    asset: int,
    amount: int,
    code: int,
    match_id: int,
) -> int:
    """Pay the same amount to each player, whose account must exist. Returns -Reason if one cannot be paid."""
    while i < len(players) and has_space(book, events):
        credit_row = find_account(book, players[i], account_code, asset)
        reason = pay(book, events, debit_row, credit_row, amount, code, match_id)
        if reason != Reason.ACCEPTED.value:
            return -reason
        i += 1
    return i


@entry
def pay_bonuses(
    book: Book,
    events: Events,
    i: int,
    players: NDArray[np.int64],
    referrers: NDArray[np.int64],
    paid: NDArray[np.int64],
    debit_row: int,
    account_code: int,
    asset: int,
    bonus: int,
    referrer_bonus: int,
    code: int,
    match_id: int,
) -> int:
    """Pay referral bonuses to each player and its referrer, both or none; sets paid[i] to 1 when paid. A bonus may be
    0. Returns early when an account must be opened and the table has no room for two."""
    while i < len(players) and has_space(book, events):
        referrer_row = find_account(book, referrers[i], account_code, asset)
        row = find_account(book, players[i], account_code, asset)
        if (
            referrer_bonus + bonus <= available(book, debit_row)
            and _can_receive(book, debit_row, referrer_row, referrer_bonus)
            and _can_receive(book, debit_row, row, bonus)
        ):
            opens = (referrer_row == 0 and referrer_bonus != 0) or (row == 0 and bonus != 0)
            if opens and not has_capacity_for_accounts(book, 2):
                return i
            if referrer_bonus != 0:
                referrer_row = open_account(book, referrers[i], account_code, asset)
                pay(book, events, debit_row, referrer_row, referrer_bonus, code, match_id)
            if bonus != 0:
                pay(book, events, debit_row, open_account(book, players[i], account_code, asset), bonus, code, match_id)
            paid[i] = 1
        i += 1
    return i


@kernel
def _can_receive(book: Book, debit_row: int, credit_row: int, amount: int) -> bool:
    """Row 0 is an account that is not open yet: it can receive any amount."""
    if amount == 0 or credit_row == 0:
        return True
    return check_transfer(book, debit_row, credit_row, amount) == Reason.ACCEPTED.value


@kernel
def _emit_if_player_account(book: Book, events: Events, row: int, change: int, code: int, match_id: int) -> None:
    id = book.accounts[row].id
    account_code = code_of(id)
    if (
        account_code == Account.PLAYER_CASH.value
        or account_code == Account.PLAYER_DEMO.value
        or account_code == Account.PLAYER_ITEMS.value
    ):
        emit_wallet_changed(book, events, owner_of(id), row, change, code, match_id)


@kernel
def emit_wallet_changed(
    book: Book, events: Events, player: int, row: int, change: int, code: int, match_id: int
) -> None:
    """Emit WALLET_CHANGED to the player: the change and the account's new balance."""
    account = book.accounts[row]
    event = events.wallet[new_event(book, events, EventKind.WALLET_CHANGED.value, player, match_id, 0)]
    event.asset = asset_of(account.id)
    event.change = change
    event.balance = account.credits_posted - account.debits_posted
    event.held = account.debits_pending
    event.version = account.version
    event.code = code
