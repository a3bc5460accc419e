"""Accounts and transfers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.invariants.rows import (
    PENDING,
    Rows,
    accounts_of,
    compact_index_problems,
    holds_of,
    live_rows,
    sum_by,
    where,
)
from engine.model.commands import Account, Asset, Transferring
from engine.model.scale import DAY_NS
from engine.model.state import State
from engine.model.tables import FORGOTTEN_AT_ONCE, HIGHEST_NUMBER, HOLDS, MOST_SUMMED, MUST_NOT_OVERDRAW, NOBODY, Book


def every_asset_sums_to_zero(state: State) -> list[str]:
    """What is posted, and what is pending, was taken from one account and given to another of the same asset."""
    accounts = accounts_of(state.book)
    found = []
    for asset in Asset:
        sums = _summed(accounts[accounts["id"] & 0xFF == asset])
        for phase in ("posted", "pending"):
            if (rest := sums[f"credits_{phase}"] - sums[f"debits_{phase}"]) != 0:
                found.append(f"{asset.name} {phase} sums to {rest}, not to 0")
    return found


def accounts_are_within_bounds(state: State) -> list[str]:
    """No account that must not be overdrawn is; the others are the world and the chain. No sum is negative or such
    that the next one could wrap."""
    accounts = accounts_of(state.book)
    ids, flags = accounts["id"], accounts["flags"]
    overdrawn = accounts["debits_posted"] + accounts["debits_pending"] > accounts["credits_posted"]
    code = ids >> 8 & 0xFF
    may_overdraw = (code >= Account.CHAIN_HOT) & (code <= Account.WORLD)
    unknown = ~np.isin(code, [*Account]) | ~np.isin(ids & 0xFF, [*Asset]) | (accounts["version"] < 1)
    found = [
        *where((flags & MUST_NOT_OVERDRAW != 0) & overdrawn, "account {} is overdrawn", ids),
        *where(flags != np.where(may_overdraw, 0, MUST_NOT_OVERDRAW), "flags of account {} are not its code's", ids),
        *where(unknown, "account {} is not in the chart of accounts, or was never opened", ids),
    ]
    for side in ("debits", "credits"):
        posted, pending = accounts[f"{side}_posted"], accounts[f"{side}_pending"]
        off = (posted < 0) | (pending < 0) | (posted > MOST_SUMMED - pending)
        found += where(off, f"{side} of account {{}} are out of bounds", ids)
    return found


def what_is_pending_is_held(state: State) -> list[str]:
    """The pending sums of an account are those of the open holds on it; a transfer is between accounts of one asset."""
    book = state.book
    held = holds_of(book)
    found = []
    accounts = accounts_of(book)
    for side, column in (("debit", "debits_pending"), ("credit", "credits_pending")):
        ids, groups = np.unique(np.concatenate([accounts["id"], held[side]]), return_inverse=True)
        pending, sums = (
            sum_by(len(ids), each, amounts)
            for each, amounts in zip(np.split(groups, [len(accounts)]), (accounts[column], held["amount"]), strict=True)
        )
        found += where(pending != sums, f"{column} of account {{}} are not what is held", ids)
    numbers = held["number"]
    unnumbered = (numbers < 1) | (numbers > book.world["holds"][0])
    return [
        *found,
        *where(_astray(book, held), "the accounts of hold {} do not go together", numbers),
        *where(held["amount"] < 1, "hold {} holds nothing", numbers),
        *where((held["status"] != PENDING) | (held["flags"] & Transferring.PENDING == 0), "hold {} is none", numbers),
        *where(unnumbered, "hold {} was never made", numbers),
        *(["two holds have one number"] if len(np.unique(numbers)) != len(numbers) else []),
    ]


def accounts_are_found(state: State) -> list[str]:
    """A search for an account begins where its id says, and ends in the first free row: there is none on the way. Row 0
    is nobody's."""
    ids = np.asarray(state.book.accounts)["id"]
    rows = np.flatnonzero(ids > 0)
    turned = (ids[rows] >> 16 | ids[rows] << 48).view(np.uint64)
    homes = ((turned * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)).view(np.int64) * len(ids)) >> 32
    free = np.tile(ids == 0, 2)
    seen = np.cumsum(free) - free
    ends = np.where(homes <= rows, rows, rows + len(ids))
    found = where(seen[ends] != seen[homes], "account {} is astray", ids[rows])
    if len(np.unique(ids[rows])) != len(rows) or len(rows) != state.book.world["accounts"][0]:
        found.append(f"{len(rows)} rows are not {state.book.world['accounts'][0]} accounts")
    if ids[0] != NOBODY or (ids[1:] < 0).any():
        found.append("an account has no id")
    if 2 * len(rows) > len(ids):
        found.append("the table of accounts is more than half full")
    return found


def transfers_are_known(state: State) -> list[str]:
    """transfer_index knows every transfer and every open hold that has an id; beside these there are some that are
    forgotten. Transfers are in order of acceptance, and only a few, which others will be let go with, older than a
    day."""
    book = state.book
    world, index = book.world[0], book.transfer_index
    first, last = int(world["transfers_forgotten"]) + 1, int(world["transfers_known"])
    numbers = np.arange(first, last + 1)
    numbers = numbers[numbers & HIGHEST_NUMBER != 0]
    known = book.transfers[numbers & (len(book.transfers) - 1)]
    rows = live_rows(book, HOLDS)
    rows = rows[(book.holds["id_low"][rows] != 0) | (book.holds["id_high"][rows] != 0)]
    held = book.holds[rows]

    words = index[index != 0]
    number = words & 0xFFFFFFFF
    forgotten = words[(number <= HIGHEST_NUMBER) & ((number - first) & HIGHEST_NUMBER >= last + 1 - first)]
    keys = np.concatenate([known["id_low"] ^ known["id_high"], held["id_low"] ^ held["id_high"]])
    found = compact_index_problems(index, keys, np.concatenate([numbers & HIGHEST_NUMBER, -rows]), forgotten)
    if len(words) != world["transfer_words"] or 4 * len(words) > 3 * len(index):
        found.append(f"{len(words)} words, not {world['transfer_words']}, are in an index of {len(index)} slots")

    ahead = (forgotten - last - 1) & HIGHEST_NUMBER
    found += where(ahead < 1 << 30, "transfer {} is known and was never made", forgotten & HIGHEST_NUMBER)
    is_there = first > 1 and last + 1 - first < len(book.transfers)  # the one that was forgotten last
    too_soon = book.transfers["since_ns"][(first - 1) & (len(book.transfers) - 1)] + DAY_NS > world["now_ns"]
    if (first - 1) % FORGOTTEN_AT_ONCE or (is_there and too_soon):
        found.append("a transfer was forgotten too soon")

    since = known["since_ns"]
    still = since + DAY_NS > world["now_ns"]
    low, high = (np.concatenate([known[half][still], held[half]]) for half in ("id_low", "id_high"))
    if len(set(zip(low.tolist(), high.tolist(), strict=True))) != len(low):
        found.append("two transfers have one id")
    if (np.diff(since) < 0).any() or (~still).sum() >= FORGOTTEN_AT_ONCE or (since > world["now_ns"]).any():
        found.append("transfers are not in order of acceptance, or known for too long")
    moved = known["flags"] & (Transferring.POST | Transferring.VOID) == 0
    found += where(_astray(book, known) & moved, "the accounts of transfer {} do not go together", numbers)
    return found + where(
        (known["status"] == 0) | (known["status"] == PENDING) | ((known["id_low"] == 0) & (known["id_high"] == 0)),
        "transfer {} has not happened, or has no id",
        numbers,
    )


def _astray(book: Book, transfers: NDArray[Any]) -> NDArray[np.bool_]:
    """Are its accounts not two of one asset?"""
    debit, credit = transfers["debit"], transfers["credit"]
    ids = accounts_of(book)["id"]
    astray: NDArray[np.bool_] = (debit == credit) | (debit & 0xFF != credit & 0xFF)
    return astray | ~np.isin(debit, ids) | ~np.isin(credit, ids)


def _summed(accounts: NDArray[Any]) -> dict[str, int]:
    """The four sums over the accounts, exactly, however large: in halves of 32 bits."""
    sums = {}
    for name in ("debits_posted", "credits_posted", "debits_pending", "credits_pending"):
        column: Rows = accounts[name]
        sums[name] = (int((column >> 32).sum()) << 32) + int((column & 0xFFFFFFFF).sum())
    return sums
