"""Transfer ids: a transfer is remembered under its id for TRANSFER_LIFETIME_NS, so a repeated command is recognised.

book.transfers is a ring: transfers are numbered in order of acceptance, and row = number modulo the ring's length.
book.transfer_index maps an id to the number of a transfer, or to - the row of an open hold.
"""

from __future__ import annotations

from typing import Final

from engine.jit import kernel, rare_kernel
from engine.jit.intrinsics import SLOTS_PER_LINE
from engine.model.scale import DAY_NS
from engine.model.tables import FORGOTTEN_AT_ONCE, HIGHEST_NUMBER, Book, Row
from engine.storage.compact_index import first_match, mark_of, next_match, row_in, store_sweeping, sweep
from engine.storage.hash_index import transfer_key

TRANSFER_LIFETIME_NS: Final = DAY_NS
"""How long a transfer's id is remembered after its acceptance, a hold's after its end."""


@kernel
def find_transfer_or_hold(book: Book, id_low: int, id_high: int) -> int:
    """The number of the remembered transfer with that id (see `transfer_by_number`), or - the row of the open hold; 0
    when there is neither."""
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
            transfer = transfer_by_number(book, number)
            if transfer.id_low == id_low and transfer.id_high == id_high and _is_remembered(book, transfer):
                return number
        slot = next_match(book.transfer_index, mark, slot)


@kernel
def transfer_by_number(book: Book, number: int) -> Row:
    """The record of the transfer with that number; its lowest 31 bits, as kept in the index, are enough."""
    return book.transfers[number & (len(book.transfers) - 1)]


@kernel
def record_transfer(book: Book, id_low: int, id_high: int, amount: int, flags: int, status: int) -> Row:
    """Append a transfer to the ring and index its id; returns the record, whose other fields the caller sets."""
    world = book.world[0]
    number = world.transfers_known + 1
    if number & HIGHEST_NUMBER == 0:  # 0 in the index means an empty slot: skip this row
        skipped = transfer_by_number(book, number)
        skipped.since_ns = world.now_ns
        skipped.id_low = 0
        skipped.id_high = 0
        number += 1
    world.transfers_known = number
    transfer = transfer_by_number(book, number)
    transfer.id_low = id_low
    transfer.id_high = id_high
    transfer.amount = amount
    transfer.since_ns = world.now_ns
    transfer.sequence = book.progress[0].sequence
    transfer.flags = flags
    transfer.status = status
    index_transfer_id(book, id_low, id_high, number & HIGHEST_NUMBER)
    return transfer


@kernel
def expire_transfer_ids(book: Book) -> None:
    """Expire the oldest transfers, FORGOTTEN_AT_ONCE at a time, once all of these are past TRANSFER_LIFETIME_NS: their
    rows may be overwritten."""
    world = book.world[0]
    while world.transfers_forgotten + FORGOTTEN_AT_ONCE <= world.transfers_known:
        if _is_remembered(book, transfer_by_number(book, world.transfers_forgotten + FORGOTTEN_AT_ONCE)):
            return
        world.transfers_forgotten += FORGOTTEN_AT_ONCE


@kernel
def _is_remembered(book: Book, transfer: Row) -> bool:
    return transfer.since_ns + TRANSFER_LIFETIME_NS > book.world[0].now_ns


@kernel
def index_transfer_id(book: Book, id_low: int, id_high: int, number: int) -> None:
    """Map the id to `number`: of a transfer, or - the row of a hold. Entries of expired transfers are overwritten when
    another id falls into their line of the index; when too many are left, they are swept."""
    world = book.world[0]
    first = world.transfers_forgotten + 1
    count = world.transfers_known + 1 - first
    key = transfer_key(id_low, id_high)
    world.transfer_words += store_sweeping(book.transfer_index, key, number, first, count)
    if 8 * world.transfer_words > 5 * len(book.transfer_index):
        _sweep_next_lines(book, first, count)


@rare_kernel
def _sweep_next_lines(book: Book, first: int, count: int) -> None:
    """Remove expired entries from the next two lines of the index. At most a third of its slots are live entries, so
    sweeping passes every line before the index is full."""
    world = book.world[0]
    for _ in range(2):
        world.swept_line = (world.swept_line + 1) & (len(book.transfer_index) // SLOTS_PER_LINE - 1)
        world.transfer_words -= sweep(book.transfer_index, world.swept_line, first, count)
