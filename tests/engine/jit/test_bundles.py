"""Many arrays handed to machine code at once: what it is told of must be where it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.jit import entry
from engine.jit.plain import PlainTable
from engine.model.commands import COMMAND, QUOTE, Kind
from engine.model.layouts import Commands, Events
from engine.model.tables import Book, make_array, make_book


@entry
def first_now(book: Any, commands: Any) -> Any:
    """Of the world, and of a quote."""
    return book.world[0].now_ns + commands.quote[1].bid


@entry
def rows_of_accounts(book: Any, events: Any) -> int:
    return len(book.accounts) * 1_000_000 + len(events.header) * 1_000 + len(events.words)


def quotes(*bids: int) -> Commands:
    records = np.zeros(len(bids), QUOTE)
    records["kind"] = Kind.QUOTE
    records["bid"] = bids
    return Commands(records.view(COMMAND))


def test_a_kernel_reads_and_python_writes_the_same_rows() -> None:
    book, commands = make_book(), quotes(5, 7)
    book.world[0]["now_ns"] = 100
    assert first_now(book, commands) == 107
    commands.quote[1]["bid"] = 8
    assert first_now(book, commands) == 108


def test_rows_are_counted_in_each_layout_by_itself() -> None:
    events = Events(np.zeros(3, Events.header))
    assert rows_of_accounts(make_book(), events) == 64_000_000 + 3_000 + 3 * Events.header.itemsize // 8


def test_a_grown_table_is_where_the_kernel_looks_and_the_others_stay() -> None:
    book = make_book()
    larger = book.with_arrays(accounts=make_array("accounts", 128))
    events = Events(np.zeros(1, Events.header))
    assert rows_of_accounts(larger, events) // 1_000_000 == 128
    assert rows_of_accounts(book, events) // 1_000_000 == 64
    assert larger.seats is book.seats


def test_a_table_is_not_replaced_behind_the_kernels_back() -> None:
    book: Any = make_book()
    with pytest.raises(AttributeError, match="with_arrays"):
        book.accounts = make_array("accounts", 128)


@pytest.mark.parametrize(("name", "array"), [
    ("accounts", make_array("transfers", 64)),
    ("accounts", make_array("accounts", 64)[::2]),
    ("world", np.frombuffer(bytes(Book.world.itemsize), Book.world)),
])  # fmt: skip
def test_what_kernels_would_misread_is_refused(name: str, array: np.ndarray) -> None:
    with pytest.raises(AssertionError, match=name):
        make_book().with_arrays(**{name: array})


def test_a_book_has_all_its_tables() -> None:
    arrays = make_book().arrays
    del arrays["buckets"]
    with pytest.raises(AssertionError, match="buckets"):
        Book(**arrays)


def test_tables_that_overlap_are_refused() -> None:
    """What is written to one would change the other."""
    book = make_book()
    with pytest.raises(AssertionError, match="overlap"):
        book.with_arrays(bound_low=book.bound_high)


@pytest.mark.parametrize("row", [-1, 4])
def test_plain_tables_refuse_what_compiled_code_would_read_anyway(row: int) -> None:
    table = np.zeros(4, np.int64).view(PlainTable)
    with pytest.raises(IndexError):
        table[row]
    with pytest.raises(IndexError):
        table[row] = 1
