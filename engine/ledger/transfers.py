"""Transfer commands. Authorisation is checked elsewhere, everything else here.

Each command has an id, which is remembered (transfer_ids.py): the same command again changes nothing and gets the first
outcome. A chain of LINKED commands succeeds or fails as a whole: before its first command is applied, all of them are
checked in order, each against the sums that the earlier ones leave, and the sums are then restored. An accepted chain
is applied command by command, over as many calls as its events need.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, rare_kernel
from engine.ledger.balances import apply_amounts, check_transfer, emit_transfer
from engine.ledger.holds import add_hold, resolve_hold
from engine.ledger.transfer_ids import find_transfer_or_hold, record_transfer, transfer_by_number
from engine.model.commands import Kind, Transferring
from engine.model.events import TransferStatus
from engine.model.layouts import Commands, Events
from engine.model.reasons import Reason
from engine.model.tables import MOST_LINKED, Book, Row
from engine.storage.account_rows import account_row

HIGHEST_CODE: Final = (1 << 15) - 1

RESOLVES: Final = Transferring.POST.value | Transferring.VOID.value
TWO_PHASE: Final = Transferring.PENDING.value | RESOLVES
ALL_FLAGS: Final = TWO_PHASE | Transferring.LINKED.value


@kernel
def apply_transfer(book: Book, events: Events, commands: Commands, i: int, outcome: Row) -> int:
    """Apply command `i`: a Reason. The first command of a chain checks the whole chain."""
    progress = book.progress[0]
    transfer_plan = book.transfer_plan[0]
    command = commands.transfer[i]
    if command.flags & Transferring.LINKED.value and i >= progress.chain_end:
        _check_chain(book, commands, i)
    if i < progress.chain_end and progress.chain_reason != Reason.ACCEPTED.value:
        return progress.chain_reason if i == progress.culprit else Reason.LINK_FAILED.value
    reason = _check_command(book, commands, i, i)
    if reason != Reason.ACCEPTED.value:
        return reason

    outcome.id = command.id_low
    if transfer_plan.known != 0:
        if transfer_plan.known > 0:
            transfer = transfer_by_number(book, transfer_plan.known)
            outcome.status = transfer.status
            outcome.sequence = transfer.sequence
        else:
            outcome.status = TransferStatus.PENDING.value
            outcome.sequence = book.holds[-transfer_plan.known].sequence
        outcome.replayed = 1
        return reason
    if command.flags & RESOLVES:
        outcome.status = _execute_resolution(book, events, command)
    else:
        outcome.status = _execute_transfer(book, events, command)
    return reason


# Execution


@kernel
def _execute_transfer(book: Book, events: Events, command: Row) -> int:
    """Post or hold the amount as planned by `_check_command`; returns the TransferStatus."""
    transfer_plan = book.transfer_plan[0]
    apply_amounts(book, transfer_plan.debit, transfer_plan.credit, transfer_plan.posts, transfer_plan.pends)
    if command.flags & Transferring.PENDING.value:
        status = TransferStatus.PENDING.value
        add_hold(
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
        transfer = record_transfer(book, command.id_low, command.id_high, command.amount, command.flags, status)
        transfer.reference = command.reference
        transfer.debit = command.debit
        transfer.credit = command.credit
        transfer.code = command.code
        transfer.expires_at_ns = 0
    event = emit_transfer(
        book, events, transfer_plan.debit, transfer_plan.credit, command.amount, command.code, command.reference, status
    )
    event.id_low = command.id_low
    event.id_high = command.id_high
    return status


@kernel
def _execute_resolution(book: Book, events: Events, command: Row) -> int:
    """Post or void the hold as planned by `_check_command`; returns the TransferStatus."""
    transfer_plan = book.transfer_plan[0]
    voids = command.flags & Transferring.VOID.value
    status = TransferStatus.VOIDED.value if voids else TransferStatus.HOLD_POSTED.value
    transfer = record_transfer(book, command.id_low, command.id_high, command.amount, command.flags, status)
    transfer.reference = 0
    transfer.debit = command.hold_low
    transfer.credit = command.hold_high
    transfer.code = 0
    transfer.expires_at_ns = 0
    resolve_hold(book, events, transfer_plan.hold, command.amount, status, command.id_low, command.id_high)
    return status


# Checks


@kernel
def _check_command(book: Book, commands: Commands, i: int, first: int) -> int:
    """Check command `i`: a Reason; when it is ACCEPTED, book.transfer_plan[0] says what to do, and its `known` is not 0
    if the command was applied before. Commands `first` to i - 1 are earlier ones of its chain: checked, their amounts
    applied to the accounts, but not recorded."""
    transfer_plan = book.transfer_plan[0]
    command = commands.transfer[i]
    transfer_plan.known = 0
    if not _is_well_formed(command):
        return Reason.TRANSFER_INVALID.value
    number = find_transfer_or_hold(book, command.id_low, command.id_high)
    if number != 0:
        transfer_plan.known = number
        if number > 0:
            is_same = _is_same_transfer(command, transfer_by_number(book, number))
        else:
            is_same = _is_same_hold(command, book.holds[-number])
        return Reason.ACCEPTED.value if is_same else Reason.DIFFERENT_TRANSFER_SAME_ID.value
    for k in range(first, i):
        earlier = commands.transfer[k]
        if earlier.id_low == command.id_low and earlier.id_high == command.id_high:
            transfer_plan.known = -1
            is_same = _is_same_command(command, earlier)
            return Reason.ACCEPTED.value if is_same else Reason.DIFFERENT_TRANSFER_SAME_ID.value
    if command.flags & RESOLVES:
        return _check_resolution(book, commands, i, first)
    return _check_transfer_command(book, commands, i)


@kernel
def _check_transfer_command(book: Book, commands: Commands, i: int) -> int:
    """Of a command that moves or holds an amount."""
    transfer_plan = book.transfer_plan[0]
    command = commands.transfer[i]
    transfer_plan.debit = account_row(book, command.debit)
    transfer_plan.credit = account_row(book, command.credit)
    reason = check_transfer(book, transfer_plan.debit, transfer_plan.credit, command.amount)
    if reason != Reason.ACCEPTED.value and reason != Reason.INSUFFICIENT_FUNDS.value:
        return reason
    if command.expires_at_ns != 0 and command.expires_at_ns <= book.world[0].now_ns:
        return Reason.EXPIRY_INVALID.value
    if not _versions_match(book, command):
        return Reason.VERSION_CONFLICT.value
    pending = command.flags & Transferring.PENDING.value
    transfer_plan.posts = 0 if pending else command.amount
    transfer_plan.pends = command.amount if pending else 0
    return reason


@kernel
def _check_resolution(book: Book, commands: Commands, i: int, first: int) -> int:
    """Of a command that posts or voids a hold, which may have been placed by an earlier command of the chain."""
    transfer_plan = book.transfer_plan[0]
    command = commands.transfer[i]
    number = 0
    if command.hold_low != 0 or command.hold_high != 0:  # both are 0 for holds that kernels placed
        number = find_transfer_or_hold(book, command.hold_low, command.hold_high)
    transfer_plan.hold = -number
    transfer_plan.held = 0
    if number > 0 and transfer_by_number(book, number).flags & Transferring.PENDING.value:
        ended = transfer_by_number(book, number).status
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
    if not _versions_match(book, command):
        return Reason.VERSION_CONFLICT.value
    transfer_plan.posts = command.amount
    transfer_plan.pends = -transfer_plan.held
    return Reason.ACCEPTED.value


@kernel
def _is_well_formed(command: Row) -> bool:
    """Whether it has an id, at most one of PENDING, POST and VOID, and only fields that this kind of transfer uses."""
    flags = command.flags
    phase = flags & TWO_PHASE
    if flags & ~ALL_FLAGS or phase & (phase - 1) or (command.id_low == 0 and command.id_high == 0):
        return False
    if flags & RESOLVES:
        unused = command.debit | command.credit | command.reference | command.code | command.expires_at_ns
        return unused == 0 and (command.amount == 0 or not flags & Transferring.VOID.value)
    if command.code < 0 or command.code > HIGHEST_CODE or command.hold_low != 0 or command.hold_high != 0:
        return False
    return command.expires_at_ns == 0 or phase != 0


@kernel
def _is_same_transfer(command: Row, transfer: Row) -> bool:
    """Whether the command repeats a remembered transfer. Expected versions are not compared: they are not part of what
    is asked for."""
    if command.flags != transfer.flags or command.amount != transfer.amount:
        return False
    if command.flags & RESOLVES:
        return command.hold_low == transfer.debit and command.hold_high == transfer.credit
    return _has_same_terms(command, transfer)


@kernel
def _is_same_hold(command: Row, held: Row) -> bool:
    """Whether the command repeats the one that placed an open hold."""
    return command.flags == held.flags and command.amount == held.amount and _has_same_terms(command, held)


@kernel
def _has_same_terms(command: Row, row: Row) -> bool:
    """Whether accounts, code, reference and expiry equal those of a transfer or hold."""
    return (
        command.expires_at_ns == row.expires_at_ns
        and command.debit == row.debit
        and command.credit == row.credit
        and command.code == row.code
        and command.reference == row.reference
    )


@kernel
def _is_same_command(command: Row, earlier: Row) -> bool:
    """Whether two commands of a chain are equal."""
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
def _versions_match(book: Book, command: Row) -> bool:
    transfer_plan = book.transfer_plan[0]
    debit_matches = command.debit_version == 0 or command.debit_version == book.accounts[transfer_plan.debit].version
    credit_matches = (
        command.credit_version == 0 or command.credit_version == book.accounts[transfer_plan.credit].version
    )
    return debit_matches and credit_matches


# Chains


@rare_kernel
def _check_chain(book: Book, commands: Commands, i: int) -> None:
    """Check all transfers of the chain that begins with command `i`. Sets chain_end, chain_reason and culprit (number
    of the first refused command, -1: none) in book.progress[0]. Amounts are applied one by one, then restored."""
    progress = book.progress[0]
    transfer_plan = book.transfer_plan[0]
    progress.chain_end = _chain_end(commands, i)
    progress.culprit = -1
    progress.chain_reason = Reason.ACCEPTED.value
    end = progress.chain_end
    if end - i > MOST_LINKED or commands.transfer[end - 1].flags & Transferring.LINKED.value:
        progress.chain_reason = Reason.LINK_FAILED.value
        return
    saved = 0
    for k in range(i, end):
        reason = _check_command(book, commands, k, i)
        if reason != Reason.ACCEPTED.value:
            progress.chain_reason = reason
            progress.culprit = k
            break
        if transfer_plan.known == 0:
            _save_account(book, saved, transfer_plan.debit)
            _save_account(book, saved + 1, transfer_plan.credit)
            saved += 2
            apply_amounts(book, transfer_plan.debit, transfer_plan.credit, transfer_plan.posts, transfer_plan.pends)
    for place in range(saved - 1, -1, -1):
        _restore_account(book, place)


@kernel
def _chain_end(commands: Commands, i: int) -> int:
    """Number of the first command after the chain, which ends at its last transfer or at any other command."""
    count = len(commands.header)
    while i < count and commands.header[i].kind == Kind.TRANSFER.value:
        i += 1
        if not commands.transfer[i - 1].flags & Transferring.LINKED.value:
            break
    return i


@kernel
def _save_account(book: Book, place: int, row: int) -> None:
    saved = book.saved[place]
    account = book.accounts[row]
    saved.row = row
    saved.version = account.version
    saved.debits_posted = account.debits_posted
    saved.credits_posted = account.credits_posted
    saved.debits_pending = account.debits_pending
    saved.credits_pending = account.credits_pending


@kernel
def _restore_account(book: Book, place: int) -> None:
    saved = book.saved[place]
    account = book.accounts[saved.row]
    account.version = saved.version
    account.debits_posted = saved.debits_posted
    account.credits_posted = saved.credits_posted
    account.debits_pending = saved.debits_pending
    account.credits_pending = saved.credits_pending
