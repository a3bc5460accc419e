"""Holds: two-phase transfers. A hold reserves an amount until it is posted (in whole or in part), voided, or expired by
its timer.

`place_hold`, `post_hold` and `void_hold` are for kernels of the engine, whose holds have no transfer id and are kept by
their rows. Holds made by transfer commands have ids: see transfers.py.
"""

from __future__ import annotations

from engine.jit import entry, kernel, rare_kernel
from engine.ledger.balances import apply_amounts, check_transfer, emit_transfer
from engine.ledger.transfer_ids import index_transfer_id, record_transfer
from engine.model.commands import Transferring
from engine.model.events import TransferStatus
from engine.model.layouts import Events
from engine.model.reasons import Reason
from engine.model.tables import HOLDS, TIMER_HOLD, Book
from engine.storage.account_rows import account_row
from engine.storage.compact_index import remove
from engine.storage.free_rows import release, take
from engine.storage.hash_index import transfer_key
from engine.storage.timers import clear_timer, set_timer


@entry
def place_hold(
    book: Book, events: Events, debit_row: int, credit_row: int, amount: int, code: int, reference: int
) -> int:
    """Hold the amount until `post_hold` or `void_hold`: a Reason. When it is ACCEPTED, the hold's row is in
    book.transfer_plan[0].hold, and one event is emitted."""
    reason = check_transfer(book, debit_row, credit_row, amount)
    if reason != Reason.ACCEPTED.value:
        return reason

    apply_amounts(book, debit_row, credit_row, 0, amount)
    row = add_hold(book, 0, 0, debit_row, credit_row, amount, code, reference, Transferring.PENDING.value, 0)
    emit_transfer(book, events, debit_row, credit_row, amount, code, reference, TransferStatus.PENDING.value)
    book.transfer_plan[0].hold = row
    return reason


@entry
def post_hold(book: Book, events: Events, row: int, amount: int) -> int:
    """Move `amount` of the held amount and release the rest: a Reason, AMOUNT_INVALID when less is held. Frees the
    row."""
    held = book.holds[row]
    if held.status != TransferStatus.PENDING.value:
        return Reason.HOLD_RESOLVED.value
    if amount <= 0 or amount > held.amount:
        return Reason.AMOUNT_INVALID.value

    resolve_hold(book, events, row, amount, TransferStatus.HOLD_POSTED.value, 0, 0)
    return Reason.ACCEPTED.value


@entry
def void_hold(book: Book, events: Events, row: int) -> int:
    """Release the held amount: a Reason. Frees the row."""
    if book.holds[row].status != TransferStatus.PENDING.value:
        return Reason.HOLD_RESOLVED.value

    resolve_hold(book, events, row, 0, TransferStatus.VOIDED.value, 0, 0)
    return Reason.ACCEPTED.value


@kernel
def expire_hold(book: Book, events: Events, row: int) -> None:
    """Release the held amount of a hold whose timer is due."""
    resolve_hold(book, events, row, 0, TransferStatus.EXPIRED.value, 0, 0)


@rare_kernel
def resolve_hold(book: Book, events: Events, row: int, amount: int, status: int, id_low: int, id_high: int) -> None:
    """End the hold: move `amount` (0 unless `status` is HOLD_POSTED), release the rest, free the row, emit an event.
    The ids are those of the transfer command that ends it; 0: there is none."""
    held = book.holds[row]
    if held.timer != 0:
        clear_timer(book, held.timer)
    debit_row = account_row(book, held.debit)
    credit_row = account_row(book, held.credit)
    apply_amounts(book, debit_row, credit_row, amount, -held.amount)
    event_amount = amount if status == TransferStatus.HOLD_POSTED.value else held.amount
    event = emit_transfer(book, events, debit_row, credit_row, event_amount, held.code, held.reference, status)
    event.id_low = id_low
    event.id_high = id_high
    event.hold_low = held.id_low
    event.hold_high = held.id_high
    event.held = held.amount
    if held.id_low != 0 or held.id_high != 0:
        remove(book.transfer_index, transfer_key(held.id_low, held.id_high), -row)
        book.world[0].transfer_words -= 1
        transfer = record_transfer(book, held.id_low, held.id_high, held.amount, held.flags, status)
        transfer.reference = held.reference
        transfer.debit = held.debit
        transfer.credit = held.credit
        transfer.code = held.code
        transfer.sequence = held.sequence
        transfer.expires_at_ns = held.expires_at_ns
    held.status = 0
    release(book.holds, book.heads[HOLDS], row)


@kernel
def add_hold(
    book: Book,
    id_low: int,
    id_high: int,
    debit_row: int,
    credit_row: int,
    amount: int,
    code: int,
    reference: int,
    flags: int,
    expires_at_ns: int,
) -> int:
    """Insert an open hold, with its timer if it expires and its index entry if it has an id; returns its row."""
    row = take(book.holds, book.heads[HOLDS])
    world = book.world[0]
    world.holds += 1
    held = book.holds[row]
    held.id_low = id_low
    held.id_high = id_high
    held.amount = amount
    held.reference = reference
    held.sequence = book.progress[0].sequence
    held.expires_at_ns = expires_at_ns
    held.number = world.holds
    held.debit = book.accounts[debit_row].id
    held.credit = book.accounts[credit_row].id
    held.code = code
    held.flags = flags
    held.status = TransferStatus.PENDING.value
    held.timer = 0
    if expires_at_ns != 0:
        held.timer = set_timer(book, expires_at_ns, TIMER_HOLD, held.number, row)
    if id_low != 0 or id_high != 0:
        index_transfer_id(book, id_low, id_high, -row)
    return row
