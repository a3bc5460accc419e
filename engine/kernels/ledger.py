"""The ledger: accounts, and transfers between two of them; a balance is credits - debits, never stored apart.

An amount moves at once, or is held first: then it is posted, wholly or in part, voided, or given back by a timer. What
a hold holds counts as spent for whoever pays and not yet as had by whoever gets it. Nothing is edited or deleted:
corrections are new transfers.

A transfer that comes as a command has an id, known for a day after it was accepted, of a hold for a day after its end:
the same again changes nothing. Kernels that move money guard by a state of their own and need no id; they call
`move`, `hold`, `post_hold` and `void_hold` with rows.
"""

from __future__ import annotations

from typing import Final

from engine.commands import Account, Kind, Transferring
from engine.events import EventKind, TransferStatus
from engine.kernels import entry, kernel, rare_kernel
from engine.kernels.emit import begin
from engine.kernels.index import (
    account_id,
    account_key,
    asset_of,
    find,
    insert,
    prefetch_slots,
    remove_row,
    slot_of,
    transfer_key,
)
from engine.kernels.rows import release, take
from engine.kernels.timers import clear_timer, set_timer
from engine.reasons import Reason
from engine.scale import DAY_NS
from engine.tables import ACCOUNTS, AHEAD, MOST_LINKED, MOST_SUMMED, MUST_NOT_OVERDRAW, TIMER_HOLD, TRANSFERS

TRANSFER_LIFETIME_NS: Final = DAY_NS
"""How long the id of a transfer is known after its acceptance, of a hold after its end."""

HIGHEST_CODE: Final = (1 << 15) - 1

FORGOTTEN_AHEAD: Final = 8
"""Transfers between the one that is forgotten and the one whose place in the index is asked for."""

RESOLVES: Final = Transferring.POST.value | Transferring.VOID.value
TWO_PHASE: Final = Transferring.PENDING.value | RESOLVES
ALL_FLAGS: Final = TWO_PHASE | Transferring.LINKED.value


# For those who move money by a state of their own


@entry
def open_account(book, owner, code, asset):
    """The row of the account, opened if it is not there yet; there must be room."""
    id = account_id(owner, code, asset)
    row = account_row(book, id)
    if row != 0:
        return row
    row = take(book.accounts, book.heads[ACCOUNTS])
    account = book.accounts[row]
    account.id = id
    account.version = 1
    account.flags = 0 if Account.CHAIN_HOT.value <= code <= Account.WORLD.value else MUST_NOT_OVERDRAW
    account.opened_at_ns = book.world[0].now_ns
    insert(book.account_index, account_key(id), row)
    return row


@entry
def find_account(book, owner, code, asset):
    """The row of the account; 0 when it was never opened."""
    return account_row(book, account_id(owner, code, asset))


@kernel
def account_row(book, id):
    """The row of the account with that id; 0 when there is none."""
    row = find(book.account_index, account_key(id))
    return row if book.accounts[row].id == id else 0


@entry
def available(book, row):
    """What the account may spend: posted credits, less posted and held debits."""
    account = book.accounts[row]
    return account.credits_posted - account.debits_posted - account.debits_pending


@entry
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


@entry
def move(book, events, debit_row, credit_row, amount, code, reference):
    """Move the amount at once: a Reason, and one event if it is ACCEPTED."""
    reason = may_move(book, debit_row, credit_row, amount)
    if reason != Reason.ACCEPTED.value:
        return reason

    _count(book, debit_row, credit_row, amount, 0)
    _tell(book, events, debit_row, credit_row, amount, code, reference, TransferStatus.POSTED.value)
    return reason


@entry
def hold(book, events, debit_row, credit_row, amount, code, reference):
    """Hold the amount until `post_hold` or `void_hold`: a Reason; if it is ACCEPTED, the hold's row in
    book.turn[0].hold, and one event."""
    reason = may_move(book, debit_row, credit_row, amount)
    if reason != Reason.ACCEPTED.value:
        return reason

    _count(book, debit_row, credit_row, 0, amount)
    row = _record(book, 0, 0, debit_row, credit_row, amount, code, reference, Transferring.PENDING.value)
    _begin_hold(book, row, 0)
    _tell(book, events, debit_row, credit_row, amount, code, reference, TransferStatus.PENDING.value)
    book.turn[0].hold = row
    return reason


@entry
def post_hold(book, events, row, amount):
    """Move so much of what the hold holds and give back the rest: a Reason, AMOUNT_INVALID when it holds less. The
    row is gone afterwards, if the hold was the engine's own."""
    held = book.transfers[row]
    if held.status != TransferStatus.PENDING.value:
        return Reason.HOLD_RESOLVED.value
    if amount <= 0 or amount > held.amount:
        return Reason.AMOUNT_INVALID.value

    _resolve(book, events, row, amount, TransferStatus.HOLD_POSTED.value, 0, 0)
    return Reason.ACCEPTED.value


@entry
def void_hold(book, events, row):
    """Give back what the hold holds: a Reason. The row is gone afterwards, if the hold was the engine's own."""
    if book.transfers[row].status != TransferStatus.PENDING.value:
        return Reason.HOLD_RESOLVED.value

    _resolve(book, events, row, 0, TransferStatus.VOIDED.value, 0, 0)
    return Reason.ACCEPTED.value


@kernel
def expire_hold(book, events, row):
    """The hold's time is up: give back what it holds."""
    _resolve(book, events, row, 0, TransferStatus.EXPIRED.value, 0, 0)


# Transfers as commands


@kernel
def transfer(book, events, commands, i, outcome):
    """Apply command `i`: a Reason. The first one of a chain tries it whole, and all of it is refused, or nothing."""
    turn = book.turn[0]
    command = commands.transfer[i]
    if command.flags & Transferring.LINKED.value and i >= turn.chain_end:
        _try_chain(book, commands, i)
    if i < turn.chain_end and turn.chain_reason != Reason.ACCEPTED.value:
        return turn.chain_reason if i == turn.culprit else Reason.LINK_FAILED.value
    reason = _check(book, commands, i, i)
    if reason != Reason.ACCEPTED.value:
        return reason

    outcome.id = command.id_low
    if turn.known != 0:
        known = book.transfers[turn.known]
        outcome.status = known.status
        outcome.sequence = known.sequence
        outcome.replayed = 1
        return reason
    if command.flags & RESOLVES:
        outcome.status = _resolve_by(book, events, command)
    else:
        outcome.status = _move_by(book, events, command)
    return reason


@kernel
def find_transfer(book, id_low, id_high):
    """The row of the known transfer or open hold with that id; 0 when there is none."""
    index = book.transfer_index
    key = transfer_key(id_low, id_high)
    mask = len(index) - 1
    slot = slot_of(key, mask)
    while index[slot].row != 0:
        if index[slot].key == key:
            known = book.transfers[index[slot].row]
            if known.id_low == id_low and known.id_high == id_high:
                return index[slot].row
        slot = (slot + 1) & mask
    return 0


@kernel
def forget_transfers(book):
    """Drop every transfer that has been known for TRANSFER_LIFETIME_NS."""
    world = book.world[0]
    row = world.transfers_oldest
    if row == 0 or book.transfers[row].since_ns + TRANSFER_LIFETIME_NS > world.now_ns:
        return
    later = row
    for _ in range(FORGOTTEN_AHEAD):
        later = book.transfers[later].next_free
    while row != 0 and book.transfers[row].since_ns + TRANSFER_LIFETIME_NS <= world.now_ns:
        prefetch_slots(book.transfer_index, transfer_key(book.transfers[later].id_low, book.transfers[later].id_high))
        later = book.transfers[later].next_free
        following = book.transfers[row].next_free
        _drop(book, row)
        row = following
    world.transfers_oldest = row
    if row == 0:
        world.transfers_newest = 0


# How a command is checked


@kernel
def _check(book, commands, i, first):
    """May command `i` take effect, after those from `first` on, which were tried and have left only their sums? The
    reason why not, or ACCEPTED and in book.turn[0] what it does; `known` is not 0 when it was done already."""
    turn = book.turn[0]
    command = commands.transfer[i]
    turn.known = 0
    if not _is_well_formed(command):
        return Reason.TRANSFER_INVALID.value
    row = find_transfer(book, command.id_low, command.id_high)
    if row != 0:
        turn.known = row
        is_same = _says_what_is_known(book, command, book.transfers[row])
        return Reason.ACCEPTED.value if is_same else Reason.DIFFERENT_TRANSFER_SAME_ID.value
    for k in range(first, i):
        earlier = commands.transfer[k]
        if earlier.id_low == command.id_low and earlier.id_high == command.id_high:
            turn.known = -1
            is_same = _say_the_same(command, earlier)
            return Reason.ACCEPTED.value if is_same else Reason.DIFFERENT_TRANSFER_SAME_ID.value
    if command.flags & RESOLVES:
        return _check_resolution(book, commands, i, first)
    return _check_move(book, commands, i)


@kernel
def _check_move(book, commands, i):
    turn = book.turn[0]
    command = commands.transfer[i]
    hint = book.ahead[i % AHEAD]
    turn.debit = _account(book, command.debit, hint >> 32)
    turn.credit = _account(book, command.credit, hint & 0xFFFFFFFF)
    reason = may_move(book, turn.debit, turn.credit, command.amount)
    if reason != Reason.ACCEPTED.value and reason != Reason.INSUFFICIENT_FUNDS.value:
        return reason
    if command.expires_at_ns != 0 and command.expires_at_ns <= book.world[0].now_ns:
        return Reason.EXPIRY_INVALID.value
    if not _versions_are_as_seen(book, command):
        return Reason.VERSION_CONFLICT.value
    pending = command.flags & Transferring.PENDING.value
    turn.posts = 0 if pending else command.amount
    turn.pends = command.amount if pending else 0
    return reason


@kernel
def _check_resolution(book, commands, i, first):
    turn = book.turn[0]
    command = commands.transfer[i]
    turn.hold = _hold_row(book, command, book.ahead[i % AHEAD])
    turn.held = 0
    if turn.hold != 0:
        held = book.transfers[turn.hold]
        if held.status == TransferStatus.EXPIRED.value:
            return Reason.HOLD_EXPIRED.value
        if held.status != TransferStatus.PENDING.value:
            return Reason.HOLD_RESOLVED.value
        turn.held = held.amount
        turn.debit = held.debit
        turn.credit = held.credit
    for k in range(first, i):
        earlier = commands.transfer[k]
        if earlier.flags & RESOLVES:
            if earlier.hold_low == command.hold_low and earlier.hold_high == command.hold_high:
                return Reason.HOLD_RESOLVED.value
        elif (
            turn.held == 0
            and earlier.flags & Transferring.PENDING.value
            and earlier.id_low == command.hold_low
            and earlier.id_high == command.hold_high
        ):
            turn.held = earlier.amount
            turn.debit = account_row(book, earlier.debit)
            turn.credit = account_row(book, earlier.credit)
    if turn.held == 0:
        return Reason.HOLD_NOT_FOUND.value
    if command.flags & Transferring.POST.value and (command.amount <= 0 or command.amount > turn.held):
        return Reason.AMOUNT_INVALID.value
    if not _versions_are_as_seen(book, command):
        return Reason.VERSION_CONFLICT.value
    turn.posts = command.amount
    turn.pends = -turn.held
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
def _says_what_is_known(book, command, known):
    """Does it say what the known transfer said? Versions do not count: they are of what was seen, not of what is
    asked."""
    if command.flags != known.flags or command.amount != known.amount:
        return False
    if command.flags & RESOLVES:
        return command.hold_low == known.hold_low and command.hold_high == known.hold_high
    if command.flags & Transferring.PENDING.value and command.expires_at_ns != known.expires_at_ns:
        return False
    return (
        command.debit == book.accounts[known.debit].id
        and command.credit == book.accounts[known.credit].id
        and command.code == known.code
        and command.reference == known.reference
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
    turn = book.turn[0]
    debit_is = command.debit_version == 0 or command.debit_version == book.accounts[turn.debit].version
    credit_is = command.credit_version == 0 or command.credit_version == book.accounts[turn.credit].version
    return debit_is and credit_is


@kernel
def _account(book, id, hint):
    """Row of the account; 0 when there is none. It is `hint`, if that fits: looking costs less than finding."""
    if 0 < hint < len(book.accounts) and book.accounts[hint].id == id:
        return hint
    return account_row(book, id)


@kernel
def _hold_row(book, command, hint):
    """Row of the hold that the command resolves; 0 when there is none."""
    row = 0
    if 0 < hint < len(book.transfers):
        known = book.transfers[hint]
        if known.id_low == command.hold_low and known.id_high == command.hold_high and known.status != 0:
            row = hint
    if row == 0:
        row = find_transfer(book, command.hold_low, command.hold_high)
    if book.transfers[row].id_low == 0 and book.transfers[row].id_high == 0:
        return 0
    return row if book.transfers[row].flags & Transferring.PENDING.value else 0


# Chains


@rare_kernel
def _try_chain(book, commands, i):
    """Would all transfers of the chain that begins with command `i` succeed, one after the other? The first reason
    why not, and whose it is, in book.turn[0]; their sums are counted one by one, and then taken back."""
    turn = book.turn[0]
    turn.chain_end = _end_of_chain(commands, i)
    turn.culprit = -1
    turn.chain_reason = Reason.ACCEPTED.value
    end = turn.chain_end
    if end - i > MOST_LINKED or commands.transfer[end - 1].flags & Transferring.LINKED.value:
        turn.chain_reason = Reason.LINK_FAILED.value
        return
    saved = 0
    for k in range(i, end):
        reason = _check(book, commands, k, i)
        if reason != Reason.ACCEPTED.value:
            turn.chain_reason = reason
            turn.culprit = k
            break
        if turn.known == 0:
            _save(book, saved, turn.debit)
            _save(book, saved + 1, turn.credit)
            saved += 2
            _count(book, turn.debit, turn.credit, turn.posts, turn.pends)
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


# What changes


@kernel
def _move_by(book, events, command):
    """Do what `_check` has planned: move or hold the amount; the status."""
    turn = book.turn[0]
    _count(book, turn.debit, turn.credit, turn.posts, turn.pends)
    row = _record(
        book,
        command.id_low,
        command.id_high,
        turn.debit,
        turn.credit,
        command.amount,
        command.code,
        command.reference,
        command.flags,
    )
    status = TransferStatus.POSTED.value
    if command.flags & Transferring.PENDING.value:
        status = TransferStatus.PENDING.value
        _begin_hold(book, row, command.expires_at_ns)
    else:
        book.transfers[row].status = status
        _keep(book, row)
    event = _tell(book, events, turn.debit, turn.credit, command.amount, command.code, command.reference, status)
    event.id_low = command.id_low
    event.id_high = command.id_high
    return status


@kernel
def _resolve_by(book, events, command):
    """Do what `_check` has planned: post or void a hold; the status."""
    turn = book.turn[0]
    held = book.transfers[turn.hold]
    row = _record(
        book,
        command.id_low,
        command.id_high,
        turn.debit,
        turn.credit,
        command.amount,
        held.code,
        held.reference,
        command.flags,
    )
    resolving = book.transfers[row]
    resolving.hold_low = command.hold_low
    resolving.hold_high = command.hold_high
    voids = command.flags & Transferring.VOID.value
    status = TransferStatus.VOIDED.value if voids else TransferStatus.HOLD_POSTED.value
    resolving.status = status
    _keep(book, row)
    _resolve(book, events, turn.hold, command.amount, status, command.id_low, command.id_high)
    return status


@kernel
def _resolve(book, events, row, amount, status, id_low, id_high):
    """End the hold: move `amount` of it, 0 unless it is posted, and give back the rest."""
    held = book.transfers[row]
    if held.timer != 0:
        clear_timer(book, held.timer)
        held.timer = 0
    _count(book, held.debit, held.credit, amount, -held.amount)
    moved = amount if status == TransferStatus.HOLD_POSTED.value else held.amount
    event = _tell(book, events, held.debit, held.credit, moved, held.code, held.reference, status)
    event.id_low = id_low
    event.id_high = id_high
    event.hold_low = held.id_low
    event.hold_high = held.id_high
    event.held = held.amount
    held.status = status
    if held.id_low == 0 and held.id_high == 0:
        _drop(book, row)
    else:
        held.since_ns = book.world[0].now_ns
        _keep(book, row)


@kernel
def _count(book, debit_row, credit_row, posted, pending):
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
def _record(book, id_low, id_high, debit_row, credit_row, amount, code, reference, flags):
    """A new row for a transfer, known under its id if it has one."""
    row = take(book.transfers, book.heads[TRANSFERS])
    known = book.transfers[row]
    known.id_low = id_low
    known.id_high = id_high
    known.amount = amount
    known.reference = reference
    known.since_ns = book.world[0].now_ns
    known.sequence = book.turn[0].sequence
    known.debit = debit_row
    known.credit = credit_row
    known.code = code
    known.flags = flags
    if id_low != 0 or id_high != 0:
        insert(book.transfer_index, transfer_key(id_low, id_high), row)
    return row


@kernel
def _begin_hold(book, row, expires_at_ns):
    world = book.world[0]
    world.holds += 1
    held = book.transfers[row]
    held.status = TransferStatus.PENDING.value
    held.expires_at_ns = expires_at_ns
    held.number = world.holds
    held.timer = 0
    if expires_at_ns != 0:
        held.timer = set_timer(book, expires_at_ns, TIMER_HOLD, held.number, row)


@kernel
def _keep(book, row):
    """Let the transfer be known for TRANSFER_LIFETIME_NS from now on."""
    world = book.world[0]
    if world.transfers_newest != 0:
        book.transfers[world.transfers_newest].next_free = row
    else:
        world.transfers_oldest = row
    world.transfers_newest = row


@kernel
def _drop(book, row):
    """Free the row; its id is known no more."""
    known = book.transfers[row]
    if known.id_low != 0 or known.id_high != 0:
        remove_row(book.transfer_index, transfer_key(known.id_low, known.id_high), row)
    known.id_low = 0
    known.id_high = 0
    known.status = 0
    release(book.transfers, book.heads[TRANSFERS], row)


@kernel
def _tell(book, events, debit_row, credit_row, amount, code, reference, status):
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
