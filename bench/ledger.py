"""The ledger benchmark: transfers between random accounts, on one core, without disk and network.

Commands go through `Machine.apply` in batches, with random ids, all checks and an event per transfer. Time passes so
that as many ids expire as are added: the table of transfers is full, and each batch also pays for expiring old ones.
The baseline is a loop that does only the additions.

Commands are built before the clock starts: building them between batches would evict the machine's data from the
caches.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.batch.machine import Machine
from engine.invariants.ledger import account_sums_are_within_bounds, every_asset_sums_to_zero
from engine.jit import entry
from engine.ledger.accounts import account_id, open_account
from engine.model.commands import COMMAND, TRANSFER, Account, Asset, Batch, Kind, Transferring
from engine.model.scale import DAY_NS
from engine.model.tables import Book, make_array
from engine.storage.capacity import ensure_capacity_for_accounts

BATCH = 1_000
BATCHES = (100, BATCH, 4_096)
"""Batch lengths to compare, since a batch has a fixed cost of some microseconds. The last one is the default maximum of
an arena."""

REMEMBERED = 1_000_000
"""Number of transfers whose ids are remembered, those of the last day."""

INITIAL_BALANCE = 1 << 40
MAX_AMOUNT = 100

Progress = Callable[[str, int, int], None]
Results = dict[str, Any]


@entry
def apply_additions(
    accounts: NDArray[Any], debits: NDArray[np.int64], credits: NDArray[np.int64], amounts: NDArray[np.int64]
) -> None:
    """The baseline: only the additions of the transfers."""
    for i in range(len(amounts)):
        debit = accounts[debits[i]]
        debit.debits_posted += amounts[i]
        debit.version += 1
        credit = accounts[credits[i]]
        credit.credits_posted += amounts[i]
        credit.version += 1


@entry
def open_players(book: Book, first: int, end: int, code: int, asset: int) -> None:
    """Open accounts of many players in one call: passing the book to a kernel costs more than opening one."""
    for player in range(first, end):
        open_account(book, player, code, asset)


class LedgerBench:
    """A ledger with accounts of `accounts` players, each with more money than it will pay."""

    def __init__(self, accounts: int, progress: Progress, seed: int = 1) -> None:
        self.machine = Machine()
        self.random = np.random.default_rng(seed)
        self.now_ns = 1_700_000_000_000_000_000
        self.accounts = accounts
        self.world = int(account_id(0, Account.WORLD.value, Asset.USDT.value))
        ensure_capacity_for_accounts(self.machine.state, accounts + 1)
        self.bare = make_array("accounts", accounts + 2)
        book = self.machine.state.book
        open_account(book, 0, Account.WORLD.value, Asset.USDT.value)
        open_players(book, 1, accounts + 1, Account.PLAYER_CASH.value, Asset.USDT.value)
        for first in range(1, accounts + 1, BATCH):
            records = self.transfers(min(BATCH, accounts + 1 - first))
            records["debit"] = self.world
            records["credit"] = _cash(np.arange(first, first + len(records)))
            records["amount"] = INITIAL_BALANCE
            self.apply_timed([records])
            progress("opening accounts", first, accounts)

    def transfers(self, count: int, flags: int = 0) -> NDArray[np.void]:
        """Transfers of random amounts between two random accounts, under random ids."""
        draw = self.random.integers
        records = np.zeros(count, TRANSFER)
        records["kind"] = Kind.TRANSFER
        records["flags"] = flags
        records["id_low"], records["id_high"] = draw(-(1 << 63), 1 << 63, (2, count))
        debits = draw(0, self.accounts, count)
        records["debit"] = _cash(1 + debits)
        records["credit"] = _cash(1 + (debits + draw(1, self.accounts, count)) % self.accounts)
        records["amount"] = draw(1, MAX_AMOUNT + 1, count)
        return records

    def posts(self, holds: NDArray[np.void]) -> NDArray[np.void]:
        """Posts of the full amounts of the holds."""
        records = np.zeros(len(holds), TRANSFER)
        records["kind"] = Kind.TRANSFER
        records["flags"] = Transferring.POST
        records["id_low"], records["id_high"] = self.random.integers(-(1 << 63), 1 << 63, (2, len(holds)))
        for name in ("low", "high"):
            records[f"hold_{name}"] = holds[f"id_{name}"]
        records["amount"] = holds["amount"]
        return records

    def apply_timed(self, batches: Iterable[NDArray[np.void]]) -> float:
        """Apply the batches, without refusals; returns seconds spent in the machine."""
        spent = 0.0
        for records in list(batches):
            self.now_ns += DAY_NS * len(records) // REMEMBERED
            sequence = int(self.machine.state.book.world[0]["sequence"])
            batch = Batch(sequence + 1, self.now_ns, records.view(COMMAND), b"")
            started = time.perf_counter()
            applied = self.machine.apply(batch)
            spent += time.perf_counter() - started
            assert not applied.outcomes["reason"].any(), np.unique(applied.outcomes["reason"])
            assert len(applied.events) == len(records)
        return spent

    def timed_additions(self, batches: Iterable[NDArray[np.void]]) -> float:
        """Seconds for the additions alone, on a table like the ledger's."""
        spent = 0.0
        columns = [
            [np.ascontiguousarray(column) for column in (1 + (r["debit"] >> 16), 1 + (r["credit"] >> 16), r["amount"])]
            for r in batches
        ]
        for debits, credits, amounts in columns:
            started = time.perf_counter()
            apply_additions(self.bare, debits, credits, amounts)
            spent += time.perf_counter() - started
        return spent


def run(accounts: int = 1_000_000, progress: Progress = lambda *_: None, count: int = 100_000) -> Results:
    """Run all measurements, `count` transfers per round. At full size it takes some ten seconds and 1 GB."""
    gc.collect()
    gc.disable()
    bench = LedgerBench(accounts, progress)
    rounds = 10
    moved: dict[int, list[float]] = {length: [] for length in BATCHES}
    added, held, posted = [], [], []
    batches = range(count // BATCH)
    for first in range(0, REMEMBERED, count):
        bench.apply_timed(bench.transfers(BATCH) for _ in batches)
        progress("filling the day", first, REMEMBERED)
    for number in range(rounds):
        added.append(count / bench.timed_additions(bench.transfers(BATCH) for _ in batches))
        for length, rates in moved.items():
            needed = -(-count // length)
            rates.append(needed * length / bench.apply_timed(bench.transfers(length) for _ in range(needed)))
        holds = bench.transfers(count, Transferring.PENDING)
        held.append(count / bench.apply_timed(np.split(holds, len(batches))))
        chosen = np.split(bench.random.permutation(count), len(batches))
        posted.append(count / bench.apply_timed(bench.posts(holds[part]) for part in chosen))
        progress("transfers, holds and posts", number, rounds)
    gc.enable()
    state = bench.machine.state
    assert every_asset_sums_to_zero(state) + account_sums_are_within_bounds(state) == []
    results = {
        "batch": BATCH,
        "accounts": accounts,
        "known_transfers": int(state.book.world[0]["transfers_known"] - state.book.world[0]["transfers_forgotten"]),
        "ids": "new, random 128 bits; as many expire as are added",
        "transfers_per_s": round(statistics.median(moved[BATCH])),
        "transfers_per_s_best": round(max(moved[BATCH])),
        "transfers_per_s_by_batch": {str(length): round(statistics.median(moved[length])) for length in BATCHES},
        "holds_per_s": round(statistics.median(held)),
        "posts_per_s": round(statistics.median(posted)),
        "additions_alone_per_s": round(statistics.median(added)),
    }
    ratios = [one / all for one, all in zip(added, moved[BATCH], strict=True)]
    return results | {
        "ns_per_transfer": round(1e9 / statistics.median(moved[BATCH])),
        "additions_over_transfers": round(statistics.median(ratios), 1),
    }


def _cash(players: NDArray[np.int64]) -> NDArray[np.int64]:
    return (players << 16) | (Account.PLAYER_CASH << 8) | Asset.USDT
