"""Payments: what the rules move between players, matches and the house, and tell the players whose accounts it changes.

Loops go on from number i of the players that they are given while events fit, and return the number of the one who is
next.
"""

from __future__ import annotations

from engine.jit import entry, kernel
from engine.ledger.accounts import asset_of, code_of, find_account, open_account, owner_of
from engine.ledger.ledger import available, may_move, move
from engine.model.commands import Account
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.storage.account_rows import has_room_for_accounts
from engine.storage.event_buffer import begin, fits


@entry
def pay(book, events, debit_row, credit_row, amount, code, match_id):
    """Move the amount at once, and tell the players whose accounts it changes: a Reason."""
    reason = move(book, events, debit_row, credit_row, amount, code, match_id)
    if reason == Reason.ACCEPTED.value:
        _tell_owner(book, events, debit_row, -amount, code, match_id)
        _tell_owner(book, events, credit_row, amount, code, match_id)
    return reason


@entry
def pay_players(book, events, i, players, debit_row, of, asset, amount, code, match_id):
    """The same amount to each of the players, who all have an account for it. Returns -Reason if one cannot be paid."""
    while i < len(players) and fits(book, events):
        credit_row = find_account(book, players[i], of, asset)
        reason = pay(book, events, debit_row, credit_row, amount, code, match_id)
        if reason != Reason.ACCEPTED.value:
            return -reason
        i += 1
    return i


@entry
def pay_bonuses(book, events, i, players, referrers, paid, debit_row, of, asset, bonus, referrer_bonus, code, match_id):
    """To each of the players and to who has referred them, first, both bonuses or none: then paid[i] is 1. A bonus of 0
    is none. Stops also at those who have no account yet when there is no room for two."""
    while i < len(players) and fits(book, events):
        referrer_row = find_account(book, referrers[i], of, asset)
        row = find_account(book, players[i], of, asset)
        if (
            referrer_bonus + bonus <= available(book, debit_row)
            and _may_get(book, debit_row, referrer_row, referrer_bonus)
            and _may_get(book, debit_row, row, bonus)
        ):
            opens = (referrer_row == 0 and referrer_bonus != 0) or (row == 0 and bonus != 0)
            if opens and not has_room_for_accounts(book, 2):
                return i
            if referrer_bonus != 0:
                referrer_row = open_account(book, referrers[i], of, asset)
                pay(book, events, debit_row, referrer_row, referrer_bonus, code, match_id)
            if bonus != 0:
                pay(book, events, debit_row, open_account(book, players[i], of, asset), bonus, code, match_id)
            paid[i] = 1
        i += 1
    return i


@kernel
def _may_get(book, debit_row, credit_row, amount):
    """Of an account that is not open yet the row is 0: it may get all that there is."""
    if amount == 0 or credit_row == 0:
        return True
    return may_move(book, debit_row, credit_row, amount) == Reason.ACCEPTED.value


@kernel
def _tell_owner(book, events, row, change, code, match_id):
    """If the account is a player's."""
    id = book.accounts[row].id
    of = code_of(id)
    if of == Account.PLAYER_CASH.value or of == Account.PLAYER_DEMO.value or of == Account.PLAYER_ITEMS.value:
        tell_player(book, events, owner_of(id), row, change, code, match_id)


@kernel
def tell_player(book, events, player, row, change, code, match_id):
    """What has become of the player's account."""
    account = book.accounts[row]
    event = events.wallet[begin(book, events, EventKind.WALLET_CHANGED.value, player, match_id, 0)]
    event.asset = asset_of(account.id)
    event.change = change
    event.balance = account.credits_posted - account.debits_posted
    event.held = account.debits_pending
    event.version = account.version
    event.code = code
