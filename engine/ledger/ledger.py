"""The ledger: amounts that go from one account to another; a balance is credits - debits, never stored apart.

An amount moves at once, or is held first: then it is posted, wholly or in part, voided, or given back by a timer. What
a hold holds counts as spent for whoever pays and not yet as had by whoever gets it. Nothing is edited or deleted:
corrections are new transfers.

Kernels that move money guard by a state of their own and need no id; they call `move`, `hold`, `post_hold` and
`void_hold` with rows. Transfers that come as commands are in transfers.py; their ids are known here.
"""

from __future__ import annotations

from typing import Final

from engine.jit import entry, kernel, rare_kernel
from engine.jit.intrinsics import SLOTS_PER_LINE
from engine.ledger.accounts import asset_of
from engine.model.commands import Transferring
from engine.model.events import EventKind, TransferStatus
from engine.model.reasons import Reason
from engine.model.scale import DAY_NS
from engine.model.tables import FORGOTTEN_AT_ONCE, HIGHEST_NUMBER, HOLDS, MOST_SUMMED, MUST_NOT_OVERDRAW, TIMER_HOLD
from engine.storage.account_rows import account_row
from engine.storage.compact_index import first_match, mark_of, next_match, remove, row_in, store_sweeping, sweep
from engine.storage.event_buffer import begin
from engine.storage.free_rows import release, take
from engine.storage.hash_index import transfer_key
from engine.storage.timers import clear_timer, set_timer

TRANSFER_LIFETIME_NS: Final = DAY_NS
"""How long the id of a transfer is known after its acceptance, of a hold after its end."""


# For those who move money by a state of their own


@entry
def available(book, row):
    """What the account may spend: posted credits, less posted and held debits."""
    account = book.accounts[row]
    return account.credits_posted - account.debits_posted - account.debits_pending


@kernel
def may_move(book, debit_row, credit_row, amount):
    """May the amount be moved, or held? The reason why not, or ACCEPTED; changes nothing."""
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
def move(book, events, debit_row, credit_row, amount, code, reference):
    """Move the amount at once: a Reason, and one event if it is ACCEPTED."""
    reason = may_move(book, debit_row, credit_row, amount)
    if reason != Reason.ACCEPTED.value:
        return reason

    count(book, debit_row, credit_row, amount, 0)
    tell(book, events, debit_row, credit_row, amount, code, reference, TransferStatus.POSTED.value)
    return reason


@entry
def hold(book, events, debit_row, credit_row, amount, code, reference):
    """Hold the amount until `post_hold` or `void_hold`: a Reason; if it is ACCEPTED, the hold's row in
    book.turn[0].hold, and one event."""
    reason = may_move(book, debit_row, credit_row, amount)
    if reason != Reason.ACCEPTED.value:
        return reason

    count(book, debit_row, credit_row, 0, amount)
    row = begin_hold(book, 0, 0, debit_row, credit_row, amount, code, reference, Transferring.PENDING.value, 0)
    tell(book, events, debit_row, credit_row, amount, code, reference, TransferStatus.PENDING.value)
    book.turn[0].hold = row
    return reason


@entry
def post_hold(book, events, row, amount):
    """Move so much of what the hold holds and give back the rest: a Reason, AMOUNT_INVALID when it holds less. The
    row is gone afterwards."""
    held = book.holds[row]
    if held.status != TransferStatus.PENDING.value:
        return Reason.HOLD_RESOLVED.value
    if amount <= 0 or amount > held.amount:
        return Reason.AMOUNT_INVALID.value

    resolve(book, events, row, amount, TransferStatus.HOLD_POSTED.value, 0, 0)
    return Reason.ACCEPTED.value


@entry
def void_hold(book, events, row):
    """Give back what the hold holds: a Reason. The row is gone afterwards."""
    if book.holds[row].status != TransferStatus.PENDING.value:
        return Reason.HOLD_RESOLVED.value

    resolve(book, events, row, 0, TransferStatus.VOIDED.value, 0, 0)
    return Reason.ACCEPTED.value


@kernel
def expire_hold(book, events, row):
    """The hold's time is up: give back what it holds."""
    resolve(book, events, row, 0, TransferStatus.EXPIRED.value, 0, 0)


# Ids that are known


@kernel
def find_transfer(book, id_low, id_high):
    """The number of the known transfer with that id, for `transfer_of`, or - the row of the open hold; 0 when there is
    neither."""
    mark = mark_of(transfer_key(id_low, id_high))
    slot = first_match(book.transfer_index, mark)
    while True:
        number = row_in(book.transfer_index, slot)
        if number < 0:
            held = book.holds[-number]
            if held.id_low == id_low and held.id_high == id_high:
                return number
        elif number == 0:
            return number
        else:
            known = transfer_of(book, number)
            if known.id_low == id_low and known.id_high == id_high and _is_known(book, known):
                return number
        slot = next_match(book.transfer_index, mark, slot)


@kernel
def transfer_of(book, number):
    """The row of the known transfer with that number, as its 31 lowest bits are enough to tell."""
    return book.transfers[number & (len(book.transfers) - 1)]


@kernel
def forget_transfers(book):
    """Let go those that have been known for TRANSFER_LIFETIME_NS: their rows may be overwritten."""
    world = book.world[0]
    while world.transfers_forgotten + FORGOTTEN_AT_ONCE <= world.transfers_known:
        if _is_known(book, transfer_of(book, world.transfers_forgotten + FORGOTTEN_AT_ONCE)):
            return
        world.transfers_forgotten += FORGOTTEN_AT_ONCE


@kernel
def _is_known(book, transfer):
    return transfer.since_ns + TRANSFER_LIFETIME_NS > book.world[0].now_ns


# What changes


@rare_kernel
def resolve(book, events, row, amount, status, id_low, id_high):
    """End the hold: move `amount` of it, 0 unless it is posted, and give back the rest."""
    held = book.holds[row]
    if held.timer != 0:
        clear_timer(book, held.timer)
    debit_row = account_row(book, held.debit)
    credit_row = account_row(book, held.credit)
    count(book, debit_row, credit_row, amount, -held.amount)
    moved = amount if status == TransferStatus.HOLD_POSTED.value else held.amount
    event = tell(book, events, debit_row, credit_row, moved, held.code, held.reference, status)
    event.id_low = id_low
    event.id_high = id_high
    event.hold_low = held.id_low
    event.hold_high = held.id_high
    event.held = held.amount
    if held.id_low != 0 or held.id_high != 0:
        remove(book.transfer_index, transfer_key(held.id_low, held.id_high), -row)
        book.world[0].transfer_words -= 1
        known = record(book, held.id_low, held.id_high, held.amount, held.flags, status)
        known.reference = held.reference
        known.debit = held.debit
        known.credit = held.credit
        known.code = held.code
        known.sequence = held.sequence
        known.expires_at_ns = held.expires_at_ns
    held.status = 0
    release(book.holds, book.heads[HOLDS], row)


@kernel
def count(book, debit_row, credit_row, posted, pending):
    """Add to the posted and pending sums of both sides."""
    debit = book.accounts[debit_row]
    debit.debits_posted += posted
    debit.debits_pending += pending
    debit.version += 1
    credit = book.accounts[credit_row]
    credit.credits_posted += posted
    credit.credits_pending += pending
    credit.version += 1


@kernel
def record(book, id_low, id_high, amount, flags, status):
    """What has happened under that id, from now on known for TRANSFER_LIFETIME_NS; the rest is the caller's to say."""
    world = book.world[0]
    number = world.transfers_known + 1
    if number & HIGHEST_NUMBER == 0:  # that would be none: there is nothing under it
        skipped = transfer_of(book, number)
        skipped.since_ns = world.now_ns
        skipped.id_low = 0
        skipped.id_high = 0
        number += 1
    world.transfers_known = number
    known = transfer_of(book, number)
    known.id_low = id_low
    known.id_high = id_high
    known.amount = amount
    known.since_ns = world.now_ns
    known.sequence = book.turn[0].sequence
    known.flags = flags
    known.status = status
    _know(book, id_low, id_high, number & HIGHEST_NUMBER)
    return known


@kernel
def begin_hold(book, id_low, id_high, debit_row, credit_row, amount, code, reference, flags, expires_at_ns):
    """The row of a new open hold, known under its id if it has one."""
    row = take(book.holds, book.heads[HOLDS])
    world = book.world[0]
    world.holds += 1
    held = book.holds[row]
    held.id_low = id_low
    held.id_high = id_high
    held.amount = amount
    held.reference = reference
    held.sequence = book.turn[0].sequence
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
        _know(book, id_low, id_high, -row)
    return row


@kernel
def _know(book, id_low, id_high, number):
    """Let the id lead to a transfer, or a hold. What is forgotten goes when another id comes into its line of the
    index; where ids are such that none does, the index fills up, and is swept."""
    world = book.world[0]
    first = world.transfers_forgotten + 1
    count = world.transfers_known + 1 - first
    key = transfer_key(id_low, id_high)
    world.transfer_words += store_sweeping(book.transfer_index, key, number, first, count)
    if 8 * world.transfer_words > 5 * len(book.transfer_index):
        _sweep_on(book, first, count)


@rare_kernel
def _sweep_on(book, first, count):
    """Drop what is forgotten from the next two lines of the index. A third of it is known at most, so before it is full
    it has been gone through wholly."""
    world = book.world[0]
    for _ in range(2):
        world.swept_line = (world.swept_line + 1) & (len(book.transfer_index) // SLOTS_PER_LINE - 1)
        world.transfer_words -= sweep(book.transfer_index, world.swept_line, first, count)


@kernel
def tell(book, events, debit_row, credit_row, amount, code, reference, status):
    debit = book.accounts[debit_row]
    credit = book.accounts[credit_row]
    event = events.transferred[begin(book, events, EventKind.TRANSFERRED.value, 0, 0, 0)]
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
