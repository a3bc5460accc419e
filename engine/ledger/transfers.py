"""Transfers that come as commands: who may ask is checked elsewhere, all else here.

Each has an id, known for a day after it was accepted, of a hold for a day after its end: the same again changes
nothing. A chain is tried before any of it takes effect: its sums are counted one after the other, against what its
earlier ones say, and taken back. So a chain that is refused has changed nothing, and one that is not goes on like any
other commands, over as many calls as its events need.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, rare_kernel
from engine.ledger.ledger import begin_hold, count, find_transfer, may_move, record, resolve, tell, transfer_of
from engine.model.commands import Kind, Transferring
from engine.model.events import TransferStatus
from engine.model.reasons import Reason
from engine.model.tables import MOST_LINKED
from engine.storage.account_rows import account_row

HIGHEST_CODE: Final = (1 << 15) - 1

RESOLVES: Final = Transferring.POST.value | Transferring.VOID.value
TWO_PHASE: Final = Transferring.PENDING.value | RESOLVES
ALL_FLAGS: Final = TWO_PHASE | Transferring.LINKED.value


@kernel
def transfer(book, events, commands, i, outcome):
    """Apply command `i`: a Reason. The first one of a chain tries it whole, and all of it is refused, or nothing."""
    progress = book.progress[0]
    transfer_plan = book.transfer_plan[0]
    command = commands.transfer[i]
    if command.flags & Transferring.LINKED.value and i >= progress.chain_end:
        _try_chain(book, commands, i)
    if i < progress.chain_end and progress.chain_reason != Reason.ACCEPTED.value:
        return progress.chain_reason if i == progress.culprit else Reason.LINK_FAILED.value
    reason = _check(book, commands, i, i)
    if reason != Reason.ACCEPTED.value:
        return reason

    outcome.id = command.id_low
    if transfer_plan.known != 0:
        if transfer_plan.known > 0:
            known = transfer_of(book, transfer_plan.known)
            outcome.status = known.status
            outcome.sequence = known.sequence
        else:
            outcome.status = TransferStatus.PENDING.value
            outcome.sequence = book.holds[-transfer_plan.known].sequence
        outcome.replayed = 1
        return reason
    if command.flags & RESOLVES:
        outcome.status = _resolve_by(book, events, command)
    else:
        outcome.status = _move_by(book, events, command)
    return reason


# What they do


@kernel
def _move_by(book, events, command):
    """Do what `_check` has planned: move or hold the amount; the status."""
    transfer_plan = book.transfer_plan[0]
    count(book, transfer_plan.debit, transfer_plan.credit, transfer_plan.posts, transfer_plan.pends)
    if command.flags & Transferring.PENDING.value:
        status = TransferStatus.PENDING.value
        begin_hold(
            book,
            command.id_low,
            command.id_high,
            transfer_plan.debit,
            transfer_plan.credit,
            command.amount,
            command.code,
            command.reference,
            command.flags,
            command.expires_at_ns,
        )
    else:
        status = TransferStatus.POSTED.value
        known = record(book, command.id_low, command.id_high, command.amount, command.flags, status)
        known.reference = command.reference
        known.debit = command.debit
        known.credit = command.credit
        known.code = command.code
        known.expires_at_ns = 0
    event = tell(
        book, events, transfer_plan.debit, transfer_plan.credit, command.amount, command.code, command.reference, status
    )
    event.id_low = command.id_low
    event.id_high = command.id_high
    return status


@kernel
def _resolve_by(book, events, command):
    """Do what `_check` has planned: post or void a hold; the status."""
    transfer_plan = book.transfer_plan[0]
    voids = command.flags & Transferring.VOID.value
    status = TransferStatus.VOIDED.value if voids else TransferStatus.HOLD_POSTED.value
    known = record(book, command.id_low, command.id_high, command.amount, command.flags, status)
    known.reference = 0
    known.debit = command.hold_low
    known.credit = command.hold_high
    known.code = 0
    known.expires_at_ns = 0
    resolve(book, events, transfer_plan.hold, command.amount, status, command.id_low, command.id_high)
    return status


# How a command is checked


@kernel
def _check(book, commands, i, first):
    """May command `i` take effect, after those from `first` on, which were tried and have left only their sums? The
    reason why not, or ACCEPTED and in book.transfer_plan[0] what it does; `known` is not 0 when it was done already."""
    transfer_plan = book.transfer_plan[0]
    command = commands.transfer[i]
    transfer_plan.known = 0
    if not _is_well_formed(command):
        return Reason.TRANSFER_INVALID.value
    number = find_transfer(book, command.id_low, command.id_high)
    if number != 0:
        transfer_plan.known = number
        if number > 0:
            is_same = _says_what_is_known(command, transfer_of(book, number))
        else:
            is_same = _says_what_is_held(command, book.holds[-number])
        return Reason.ACCEPTED.value if is_same else Reason.DIFFERENT_TRANSFER_SAME_ID.value
    for k in range(first, i):
        earlier = commands.transfer[k]
        if earlier.id_low == command.id_low and earlier.id_high == command.id_high:
            transfer_plan.known = -1
            is_same = _say_the_same(command, earlier)
            return Reason.ACCEPTED.value if is_same else Reason.DIFFERENT_TRANSFER_SAME_ID.value
    if command.flags & RESOLVES:
        return _check_resolution(book, commands, i, first)
    return _check_move(book, commands, i)


@kernel
def _check_move(book, commands, i):
    transfer_plan = book.transfer_plan[0]
    command = commands.transfer[i]
    transfer_plan.debit = account_row(book, command.debit)
    transfer_plan.credit = account_row(book, command.credit)
    reason = may_move(book, transfer_plan.debit, transfer_plan.credit, command.amount)
    if reason != Reason.ACCEPTED.value and reason != Reason.INSUFFICIENT_FUNDS.value:
        return reason
    if command.expires_at_ns != 0 and command.expires_at_ns <= book.world[0].now_ns:
        return Reason.EXPIRY_INVALID.value
    if not _versions_are_as_seen(book, command):
        return Reason.VERSION_CONFLICT.value
    pending = command.flags & Transferring.PENDING.value
    transfer_plan.posts = 0 if pending else command.amount
    transfer_plan.pends = command.amount if pending else 0
    return reason


@kernel
def _check_resolution(book, commands, i, first):
    transfer_plan = book.transfer_plan[0]
    command = commands.transfer[i]
    number = 0
    if command.hold_low != 0 or command.hold_high != 0:  # both are 0 of the engine's own
        number = find_transfer(book, command.hold_low, command.hold_high)
    transfer_plan.hold = -number
    transfer_plan.held = 0
    if number > 0 and transfer_of(book, number).flags & Transferring.PENDING.value:
        ended = transfer_of(book, number).status
        return Reason.HOLD_EXPIRED.value if ended == TransferStatus.EXPIRED.value else Reason.HOLD_RESOLVED.value
    if number < 0:
        held = book.holds[transfer_plan.hold]
        transfer_plan.held = held.amount
        transfer_plan.debit = account_row(book, held.debit)
        transfer_plan.credit = account_row(book, held.credit)
    for k in range(first, i):
        earlier = commands.transfer[k]
        if earlier.flags & RESOLVES:
            if earlier.hold_low == command.hold_low and earlier.hold_high == command.hold_high:
                return Reason.HOLD_RESOLVED.value
        elif (
            transfer_plan.held == 0
            and earlier.flags & Transferring.PENDING.value
            and earlier.id_low == command.hold_low
            and earlier.id_high == command.hold_high
        ):
            transfer_plan.held = earlier.amount
            transfer_plan.debit = account_row(book, earlier.debit)
            transfer_plan.credit = account_row(book, earlier.credit)
    if transfer_plan.held == 0:
        return Reason.HOLD_NOT_FOUND.value
    if command.flags & Transferring.POST.value and (command.amount <= 0 or command.amount > transfer_plan.held):
        return Reason.AMOUNT_INVALID.value
    if not _versions_are_as_seen(book, command):
        return Reason.VERSION_CONFLICT.value
    transfer_plan.posts = command.amount
    transfer_plan.pends = -transfer_plan.held
    return Reason.ACCEPTED.value


@kernel
def _is_well_formed(command):
    """Has it an id, at most one of PENDING, POST and VOID, and only the fields that go with it?"""
    flags = command.flags
    phase = flags & TWO_PHASE
    if flags & ~ALL_FLAGS or phase & (phase - 1) or (command.id_low == 0 and command.id_high == 0):
        return False
    if flags & RESOLVES:
        said = command.debit | command.credit | command.reference | command.code | command.expires_at_ns
        return said == 0 and (command.amount == 0 or not flags & Transferring.VOID.value)
    if command.code < 0 or command.code > HIGHEST_CODE or command.hold_low != 0 or command.hold_high != 0:
        return False
    return command.expires_at_ns == 0 or phase != 0


@kernel
def _says_what_is_known(command, known):
    """Does it say what the known transfer said? Versions do not count: they are of what was seen, not of what is
    asked."""
    if command.flags != known.flags or command.amount != known.amount:
        return False
    if command.flags & RESOLVES:
        return command.hold_low == known.debit and command.hold_high == known.credit
    return _moves_as(command, known)


@kernel
def _says_what_is_held(command, held):
    """The same of an open hold."""
    return command.flags == held.flags and command.amount == held.amount and _moves_as(command, held)


@kernel
def _moves_as(command, row):
    """Is it between the same accounts, for the same reason and as long, as the transfer or hold in the row?"""
    return (
        command.expires_at_ns == row.expires_at_ns
        and command.debit == row.debit
        and command.credit == row.credit
        and command.code == row.code
        and command.reference == row.reference
    )


@kernel
def _say_the_same(command, earlier):
    """The same of two commands."""
    return (
        command.flags == earlier.flags
        and command.amount == earlier.amount
        and command.debit == earlier.debit
        and command.credit == earlier.credit
        and command.code == earlier.code
        and command.reference == earlier.reference
        and command.hold_low == earlier.hold_low
        and command.hold_high == earlier.hold_high
        and command.expires_at_ns == earlier.expires_at_ns
    )


@kernel
def _versions_are_as_seen(book, command):
    transfer_plan = book.transfer_plan[0]
    debit_is = command.debit_version == 0 or command.debit_version == book.accounts[transfer_plan.debit].version
    credit_is = command.credit_version == 0 or command.credit_version == book.accounts[transfer_plan.credit].version
    return debit_is and credit_is


# Chains


@rare_kernel
def _try_chain(book, commands, i):
    """Would all transfers of the chain that begins with command `i` succeed, one after the other? The first reason
    why not, and whose it is, in book.progress[0]; their sums are counted one by one, and then taken back."""
    progress = book.progress[0]
    transfer_plan = book.transfer_plan[0]
    progress.chain_end = _end_of_chain(commands, i)
    progress.culprit = -1
    progress.chain_reason = Reason.ACCEPTED.value
    end = progress.chain_end
    if end - i > MOST_LINKED or commands.transfer[end - 1].flags & Transferring.LINKED.value:
        progress.chain_reason = Reason.LINK_FAILED.value
        return
    saved = 0
    for k in range(i, end):
        reason = _check(book, commands, k, i)
        if reason != Reason.ACCEPTED.value:
            progress.chain_reason = reason
            progress.culprit = k
            break
        if transfer_plan.known == 0:
            _save(book, saved, transfer_plan.debit)
            _save(book, saved + 1, transfer_plan.credit)
            saved += 2
            count(book, transfer_plan.debit, transfer_plan.credit, transfer_plan.posts, transfer_plan.pends)
    for place in range(saved - 1, -1, -1):
        _restore(book, place)


@kernel
def _end_of_chain(commands, i):
    """Number of the first command behind the chain: behind its last transfer, or where something else cuts it."""
    count = len(commands.header)
    while i < count and commands.header[i].kind == Kind.TRANSFER.value:
        i += 1
        if not commands.transfer[i - 1].flags & Transferring.LINKED.value:
            break
    return i


@kernel
def _save(book, place, row):
    saved = book.saved[place]
    account = book.accounts[row]
    saved.row = row
    saved.version = account.version
    saved.debits_posted = account.debits_posted
    saved.credits_posted = account.credits_posted
    saved.debits_pending = account.debits_pending
    saved.credits_pending = account.credits_pending


@kernel
def _restore(book, place):
    saved = book.saved[place]
    account = book.accounts[saved.row]
    account.version = saved.version
    account.debits_posted = saved.debits_posted
    account.credits_posted = saved.credits_posted
    account.debits_pending = saved.debits_pending
    account.credits_pending = saved.credits_pending
