"""Accounts stand where their ids say, however many there are, and whoever collides."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.digest import state_hash
from engine.invariants.ledger import account_rows_are_reachable
from engine.invariants.rows import accounts_of
from engine.ledger.accounts import account_id, find_account, open_account
from engine.model.commands import Account, Asset, Transferring
from engine.model.state import State, encode_cold_state, sections, state_from
from engine.model.tables import OPENED_AT_ONCE
from engine.storage import account_rows
from engine.storage.capacity import ensure_capacity_for_accounts
from tests.harness.arena import Arena
from tests.harness.kernels import for_python
from tests.harness.records import Transfer

home_row, account_row = map(for_python, (account_rows.home_row, account_rows.account_row))

CODES = (Account.PLAYER_CASH, Account.PLAYER_DEMO, Account.PLAYER_ITEMS, Account.MATCH_ESCROW)


def opened(state: State, ids: list[int]) -> None:
    ensure_capacity_for_accounts(state, len(ids))
    for id in ids:
        open_account(state.book, id >> 16, id >> 8 & 0xFF, id & 0xFF)


def with_home(rows: range, length: int, count: int) -> list[int]:
    """Ids of accounts that belong into those rows of a table of that length."""
    table = State().book.with_arrays(accounts=np.zeros(length, State().book.accounts.dtype)).accounts
    ids = (int(account_id(owner, Account.PLAYER_CASH.value, Asset.USDT.value)) for owner in range(1, 1 << 20))
    found = (id for id in ids if home_row(table, id) in rows)
    return [next(found) for _ in range(count)]


@pytest.mark.parametrize("seed", [1, 2])
def test_every_account_is_found_after_every_growth(seed: int) -> None:
    draw, state = random.Random(seed), State()
    ids = [int(account_id(owner, code.value, asset.value)) for owner in range(70) for code in CODES for asset in Asset]
    draw.shuffle(ids)
    for first in range(0, len(ids), 97):
        opened(state, ids[first : first + 97])
        assert account_rows_are_reachable(state) == []
        known = ids[: first + 97]
        assert sorted(accounts_of(state.book)["id"].tolist()) == sorted(known)
        assert all(account_row(state.book, id) for id in known)
        assert not any(account_row(state.book, id) for id in ids[first + 97 :])


def test_who_belongs_where_somebody_stands_stands_behind_him_also_around_the_end() -> None:
    state = State()
    ensure_capacity_for_accounts(state, 100)
    length = len(state.book.accounts)
    ids = with_home(range(length - 2, length), length, 12)
    opened(state, ids)
    rows = [int(account_row(state.book, id)) for id in ids]
    assert sorted(rows) == [*range(1, 11), length - 2, length - 1]  # row 0 is nobody's
    assert account_rows_are_reachable(state) == []
    opened(state, with_home(range(5), length, 120))
    assert len(state.book.accounts) == 2 * length
    assert all(account_row(state.book, id) for id in ids)
    assert account_rows_are_reachable(state) == []


@pytest.mark.parametrize("id", [0, -1, -(1 << 63), (1 << 63) - 1])
def test_what_is_no_id_of_an_account_has_no_row(id: int) -> None:
    state = State()
    opened(state, [7 << 16 | Account.PLAYER_CASH << 8 | Asset.USDT])
    assert account_row(state.book, id) == 0


def test_holds_outlive_a_growth_of_the_accounts(arena: Arena) -> None:
    """What was held before is posted, voided and retried after every account has got another row."""
    payer = arena.account(1, Account.PLAYER_CASH, balance=100)
    payee = arena.account(2, Account.PLAYER_CASH)
    held = [Transfer(id, payer, payee, 10, flags=Transferring.PENDING) for id in (1, 2, 3)]
    for command in held:
        arena.command(command)
    before = [int(find_account(arena.machine.state.book, owner, 1, 1)) for owner in (1, 2)]
    for owner in range(10, 10 + 2 * OPENED_AT_ONCE):
        ensure_capacity_for_accounts(arena.machine.state, 1)
        arena.account(owner, Account.PLAYER_CASH)
    book = arena.machine.state.book
    assert before != [int(find_account(book, owner, 1, 1)) for owner in (1, 2)]
    arena.command(Transfer(11, hold=1, flags=Transferring.POST, amount=4))
    arena.command(Transfer(12, hold=2, flags=Transferring.VOID))
    assert arena.command(held[2]).replayed
    assert arena.command(held[0]).replayed
    payer_row, payee_row = (find_account(book, owner, 1, 1) for owner in (1, 2))
    assert [int(book.accounts[payer_row][name]) for name in ("debits_posted", "debits_pending")] == [4, 10]
    assert [int(book.accounts[payee_row][name]) for name in ("credits_posted", "credits_pending")] == [4, 10]


def test_an_arena_that_was_restored_on_the_way_has_the_same_bytes() -> None:
    """Accounts that were restored from a snapshot stand, and move on, as those that never left."""
    went_on, restored = State(), State()
    for first in range(1, 600, 50):
        ids = [owner << 16 | Account.PLAYER_CASH << 8 | Asset.USDT for owner in range(first, first + 50)]
        opened(went_on, ids)
        tables = {name: array.copy() for name, array in sections(restored).items()}
        restored = state_from(tables, encode_cold_state(restored.cold))
        opened(restored, ids)
        assert state_hash(restored) == state_hash(went_on)
