"""Price triggers: rows in pages, and the bounds of the pages, which are all that a quote scans.

A trigger fires when its bucket's price is <= low or >= high. A bucket is one side of the quote of one instrument. A
page holds 256 rows of one bucket; bound_low is at least the highest `low` in the page, bound_high at most the lowest
`high`: a removed row leaves them loose, and the next quote that scans the page tightens them. The bounds of a bucket's
pages are contiguous, so a quote that fires nothing costs a vectorised scan of 16 bytes for every 256 rows.
"""

from __future__ import annotations

from engine.jit import kernel
from engine.jit.intrinsics import trailing_zeros
from engine.model.scale import NEVER_HIGH, NEVER_LOW
from engine.model.tables import BOUNDS_STEP, FREE_BITS, FREE_WORDS, PAGE_ROWS, PAGE_SHUT, PAGE_SPARE, PAGES, Book, Row
from engine.storage.free_rows import release, take
from engine.storage.linked_rows import link, unlink


@kernel
def add_trigger(book: Book, bucket_row: int, low: int, high: int, owner: int, kind: int) -> int:
    """Add a trigger to the bucket, in a new page if all are full; returns its row."""
    bucket = book.buckets[bucket_row]
    if bucket.first_open == 0:
        _open_page(book, bucket_row)
    page_row = bucket.first_open
    page = book.pages[page_row]

    row = free_row(book, page_row)
    number = row % PAGE_ROWS
    word = number // FREE_BITS
    page.free[word] ^= 1 << (number % FREE_BITS)
    page.words ^= int(page.free[word] == 0) << word
    page.live += 1
    if page.live == PAGE_ROWS:
        _unlink_open(book, bucket, page_row)

    trigger = book.triggers[row]
    trigger.owner = owner
    trigger.kind = kind
    rearm(book, row, low, high)
    return row


@kernel
def free_row(book: Book, page_row: int) -> int:
    """The page's first free row; it must have one."""
    page = book.pages[page_row]
    word = trailing_zeros(page.words)
    return page_row * PAGE_ROWS + word * FREE_BITS + trailing_zeros(page.free[word])


@kernel
def is_free(page: Row, number: int) -> bool:
    """Is the row of that number within its page free?"""
    return (page.free[number // FREE_BITS] >> (number % FREE_BITS)) & 1 != 0


@kernel
def rearm(book: Book, row: int, low: int, high: int) -> None:
    """Set the trigger's bounds, and widen its page's as needed."""
    trigger = book.triggers[row]
    trigger.low = low
    trigger.high = high
    bound = book.pages[row // PAGE_ROWS].bound
    if low > book.bound_low[bound]:
        book.bound_low[bound] = low
    if high < book.bound_high[bound]:
        book.bound_high[bound] = high


@kernel
def remove_trigger(book: Book, row: int) -> None:
    """Remove the trigger, and its page when that is empty."""
    page_row = row // PAGE_ROWS
    page = book.pages[page_row]
    bucket = book.buckets[page.bucket]
    number = row % PAGE_ROWS
    page.free[number // FREE_BITS] ^= 1 << (number % FREE_BITS)
    page.words |= 1 << (number // FREE_BITS)
    page.live -= 1
    if page.previous_open == PAGE_SHUT and page.live == PAGE_ROWS - PAGE_SPARE:
        _link_open(book, bucket, page_row)
    if page.live == 0:
        _close_page(book, bucket, page_row)


@kernel
def next_crossed_block(book: Book, bucket_row: int, start: int, price: int) -> int:
    """The first of the bucket's page numbers >= start (a multiple of BOUNDS_STEP) whose block of bounds `price`
    crosses; -1 when none does.

    Costs 16 bytes of reading for every page. The blocks' lengths are fixed, so the inner loop is vectorised; the
    bounds behind the bucket's last page are neutral.
    """
    bucket = book.buckets[bucket_row]
    first = bucket.bounds_start
    low = book.bound_low
    high = book.bound_high
    for block in range(start, bucket.pages, BOUNDS_STEP):
        crossed = 0
        for k in range(BOUNDS_STEP):
            i = first + block + k
            crossed |= int(low[i] >= price) | int(high[i] <= price)
        if crossed:
            return block
    return -1


@kernel
def _open_page(book: Book, bucket_row: int) -> None:
    """Give the bucket one more page, empty, and a bound for it; the bucket's extent doubles when it is full."""
    bucket = book.buckets[bucket_row]
    if bucket.pages == bucket.bounds_capacity:
        _grow_bounds(book, bucket)
    page_row = take(book.pages, book.heads[PAGES])
    page = book.pages[page_row]
    page.bucket = bucket_row
    page.live = 0
    page.words = (1 << FREE_WORDS) - 1
    for word in range(FREE_WORDS):
        page.free[word] = (1 << min(FREE_BITS, PAGE_ROWS - word * FREE_BITS)) - 1
    page.bound = bucket.bounds_start + bucket.pages
    book.bound_page[page.bound] = page_row
    bucket.pages += 1
    _link_open(book, bucket, page_row)


@kernel
def _grow_bounds(book: Book, bucket: Row) -> None:
    """Move the bucket's bounds to a new extent of twice the capacity. The old extent stays unused: extents double, so
    less than half of the space is lost."""
    world = book.world[0]
    capacity = max(BOUNDS_STEP, 2 * bucket.bounds_capacity)
    start = world.bounds_used
    world.bounds_used += capacity
    for i in range(bucket.pages):
        old, new = bucket.bounds_start + i, start + i
        book.bound_low[new] = book.bound_low[old]
        book.bound_high[new] = book.bound_high[old]
        book.bound_page[new] = book.bound_page[old]
        book.pages[book.bound_page[new]].bound = new
        _clear_bound(book, old)
    bucket.bounds_start = start
    bucket.bounds_capacity = capacity


@kernel
def _close_page(book: Book, bucket: Row, page_row: int) -> None:
    """Take an empty page from its bucket; the bucket's last bound moves into its place."""
    page = book.pages[page_row]
    _unlink_open(book, bucket, page_row)
    last = bucket.bounds_start + bucket.pages - 1
    moved = book.bound_page[last]
    book.bound_low[page.bound] = book.bound_low[last]
    book.bound_high[page.bound] = book.bound_high[last]
    book.bound_page[page.bound] = moved
    book.pages[moved].bound = page.bound
    _clear_bound(book, last)
    bucket.pages -= 1
    release(book.pages, book.heads[PAGES], page_row)


@kernel
def _clear_bound(book: Book, bound: int) -> None:
    book.bound_low[bound] = NEVER_LOW
    book.bound_high[bound] = NEVER_HIGH
    book.bound_page[bound] = 0


@kernel
def _link_open(book: Book, bucket: Row, page_row: int) -> None:
    bucket.first_open = link(book.pages.next_open, book.pages.previous_open, bucket.first_open, page_row)


@kernel
def _unlink_open(book: Book, bucket: Row, page_row: int) -> None:
    page = book.pages[page_row]
    bucket.first_open = unlink(book.pages.next_open, book.pages.previous_open, bucket.first_open, page_row)
    page.next_open = 0
    page.previous_open = PAGE_SHUT
