"""Balances: what an account may spend, and transfers that are posted at once.

The ledger is double-entry: a transfer debits one account and credits another of the same asset. An account has four
sums: debits and credits, each posted and pending. Its balance is posted credits - posted debits, and is not stored.
Pending debits cannot be spent; pending credits are not counted until they are posted. No transfer is edited or deleted:
a correction is a new transfer.
"""

from __future__ import annotations

from engine.jit import entry, kernel
from engine.ledger.accounts import asset_of
from engine.model.events import EventKind, TransferStatus
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.tables import MOST_SUMMED, MUST_NOT_OVERDRAW, Book, Row
from engine.storage.event_buffer import new_event


@entry
def available(book: Book, row: int) -> int:
    """What the account can spend: posted credits - posted debits - pending debits."""
    account = book.accounts[row]
    return account.credits_posted - account.debits_posted - account.debits_pending


@kernel
def check_transfer(book: Book, debit_row: int, credit_row: int, amount: int) -> int:
    """Whether the amount can be moved or held: a Reason, ACCEPTED if so. Changes nothing. Rows are 0 when not found."""
    if debit_row <= 0 or credit_row <= 0:
        return Reason.ACCOUNT_NOT_FOUND.value
    if debit_row == credit_row:
        return Reason.SAME_ACCOUNT.value
    debit = book.accounts[debit_row]
    credit = book.accounts[credit_row]
    if asset_of(debit.id) != asset_of(credit.id):
        return Reason.ASSETS_DIFFER.value
    if (
        amount <= 0
        or amount > MOST_SUMMED - debit.debits_posted - debit.debits_pending
        or amount > MOST_SUMMED - credit.credits_posted - credit.credits_pending
    ):
        return Reason.AMOUNT_INVALID.value
    if debit.flags & MUST_NOT_OVERDRAW and amount > debit.credits_posted - debit.debits_posted - debit.debits_pending:
        return Reason.INSUFFICIENT_FUNDS.value
    return Reason.ACCEPTED.value


@kernel
def post_transfer(
    book: Book, events: Events, debit_row: int, credit_row: int, amount: int, code: int, reference: int
) -> int:
    """Move the amount at once: a Reason; one event when it is ACCEPTED."""
    reason = check_transfer(book, debit_row, credit_row, amount)
    if reason != Reason.ACCEPTED.value:
        return reason

    apply_amounts(book, debit_row, credit_row, amount, 0)
    emit_transfer(book, events, debit_row, credit_row, amount, code, reference, TransferStatus.POSTED.value)
    return reason


@kernel
def apply_amounts(book: Book, debit_row: int, credit_row: int, posted: int, pending: int) -> None:
    """Add `posted` and `pending` to the debit sums of one account and the credit sums of the other."""
    debit = book.accounts[debit_row]
    debit.debits_posted += posted
    debit.debits_pending += pending
    debit.version += 1
    credit = book.accounts[credit_row]
    credit.credits_posted += posted
    credit.credits_pending += pending
    credit.version += 1


@kernel
def emit_transfer(
    book: Book, events: Events, debit_row: int, credit_row: int, amount: int, code: int, reference: int, status: int
) -> Row:
    """Emit TRANSFERRED with both balances; returns the event, for the caller to add ids."""
    debit = book.accounts[debit_row]
    credit = book.accounts[credit_row]
    event = events.transferred[new_event(book, events, EventKind.TRANSFERRED.value, 0, 0, 0)]
    event.debit = debit.id
    event.credit = credit.id
    event.amount = amount
    event.reference = reference
    event.debit_balance = debit.credits_posted - debit.debits_posted
    event.debit_pending = debit.debits_pending
    event.debit_version = debit.version
    event.credit_balance = credit.credits_posted - credit.debits_posted
    event.credit_pending = credit.credits_pending
    event.credit_version = credit.version
    event.code = code
    event.status = status
    return event
