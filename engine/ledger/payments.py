"""Payments made by cold handlers."""

from __future__ import annotations

from engine.ledger import payment_kernels
from engine.ledger.balances import available
from engine.model.commands import TransferCode
from engine.model.reasons import Reason
from engine.model.state import State
from engine.model.tables import MOST_SUMMED
from engine.storage.emit import Emit
from engine.storage.event_buffer import EVENTS_PER_PLAYER


def check_payment(state: State, debit: int, credit: int, amount: int) -> Reason:
    """Whether `pay` can succeed. A row of 0 is an account that is not open yet: its sums are 0."""
    if amount > available(state.book, debit):
        return Reason.INSUFFICIENT_FUNDS
    if not 0 < amount <= MOST_SUMMED - total_credits(state, credit):
        return Reason.AMOUNT_INVALID
    return Reason.ACCEPTED


def pay(state: State, debit: int, credit: int, amount: int, code: TransferCode, match_id: int, emit: Emit) -> None:
    """Transfer an amount that was checked before, and notify the players who own the accounts."""
    events = emit.buffer(EVENTS_PER_PLAYER)
    require_accepted(payment_kernels.pay(state.book, events, debit, credit, amount, code.value, match_id))


def total_credits(state: State, row: int) -> int:
    """Posted and pending credits of the account, in native units."""
    account = state.book.accounts[row]
    return int(account["credits_posted"]) + int(account["credits_pending"])


def require_accepted(reason: int) -> None:
    """Stop the process when a transfer that must succeed is refused: the books are inconsistent."""
    assert reason == Reason.ACCEPTED, Reason(reason).name
