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
    report,
    sum_by,
)
from engine.model.commands import Account, Asset, Transferring
from engine.model.scale import DAY_NS
from engine.model.state import State
from engine.model.tables import FORGOTTEN_AT_ONCE, HIGHEST_NUMBER, HOLDS, MOST_SUMMED, MUST_NOT_OVERDRAW, NOBODY, Book


def every_asset_sums_to_zero(state: State) -> list[str]:
    """Posted and pending sums of all accounts of an asset: debits equal credits."""
    accounts = accounts_of(state.book)
    found = []
    for asset in Asset:
        sums = _exact_sums(accounts[accounts["id"] & 0xFF == asset])
        for phase in ("posted", "pending"):
            if (rest := sums[f"credits_{phase}"] - sums[f"debits_{phase}"]) != 0:
                found.append(f"{asset.name} {phase} sums to {rest}, not to 0")
    return found


def account_sums_are_within_bounds(state: State) -> list[str]:
    """Only accounts of the world and the chain may be overdrawn. Sums are neither negative nor above MOST_SUMMED."""
    accounts = accounts_of(state.book)
    ids, flags = accounts["id"], accounts["flags"]
    overdrawn = accounts["debits_posted"] + accounts["debits_pending"] > accounts["credits_posted"]
    code = ids >> 8 & 0xFF
    may_overdraw = (code >= Account.CHAIN_HOT) & (code <= Account.WORLD)
    unknown = ~np.isin(code, [*Account]) | ~np.isin(ids & 0xFF, [*Asset]) | (accounts["version"] < 1)
    found = [
        *report((flags & MUST_NOT_OVERDRAW != 0) & overdrawn, "account {} is overdrawn", ids),
        *report(flags != np.where(may_overdraw, 0, MUST_NOT_OVERDRAW), "flags of account {} are not its code's", ids),
        *report(unknown, "account {} is not in the chart of accounts, or was never opened", ids),
    ]
    for side in ("debits", "credits"):
        posted, pending = accounts[f"{side}_posted"], accounts[f"{side}_pending"]
        off = (posted < 0) | (pending < 0) | (posted > MOST_SUMMED - pending)
        found += report(off, f"{side} of account {{}} are out of bounds", ids)
    return found


def pending_sums_match_holds(state: State) -> list[str]:
    """Pending sums of an account equal its open holds; a hold is between two accounts of one asset."""
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
        found += report(pending != sums, f"{column} of account {{}} differ from its open holds", ids)
    numbers = held["number"]
    unnumbered = (numbers < 1) | (numbers > book.world["holds"][0])
    return [
        *found,
        *report(_have_wrong_accounts(book, held), "accounts of hold {} are not two of one asset", numbers),
        *report(held["amount"] < 1, "hold {} holds nothing", numbers),
        *report(
            (held["status"] != PENDING) | (held["flags"] & Transferring.PENDING == 0), "hold {} is not pending", numbers
        ),
        *report(unnumbered, "hold {} was never made", numbers),
        *(["two holds have one number"] if len(np.unique(numbers)) != len(numbers) else []),
    ]


def account_rows_are_reachable(state: State) -> list[str]:
    """Open addressing: there is no free row between an account's home row and its row. Row 0 is reserved."""
    ids = np.asarray(state.book.accounts)["id"]
    rows = np.flatnonzero(ids > 0)
    turned = (ids[rows] >> 16 | ids[rows] << 48).view(np.uint64)
    homes = ((turned * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)).view(np.int64) * len(ids)) >> 32
    free = np.tile(ids == 0, 2)
    seen = np.cumsum(free) - free
    ends = np.where(homes <= rows, rows, rows + len(ids))
    found = report(seen[ends] != seen[homes], "account {} cannot be found", ids[rows])
    if len(np.unique(ids[rows])) != len(rows) or len(rows) != state.book.world["accounts"][0]:
        found.append(f"{len(rows)} rows are not {state.book.world['accounts'][0]} accounts")
    if ids[0] != NOBODY or (ids[1:] < 0).any():
        found.append("an account has no id")
    if 2 * len(rows) > len(ids):
        found.append("the table of accounts is more than half full")
    return found


def transfer_index_matches_transfers(state: State) -> list[str]:
    """transfer_index has every remembered transfer, every open hold with an id, and some expired entries. Transfers
    are in order of acceptance, and fewer than FORGOTTEN_AT_ONCE of them are older than a day."""
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
    found += report(ahead < 1 << 30, "transfer {} is in the index and was never made", forgotten & HIGHEST_NUMBER)
    is_there = first > 1 and last + 1 - first < len(book.transfers)  # the record of the last expired transfer
    too_soon = book.transfers["since_ns"][(first - 1) & (len(book.transfers) - 1)] + DAY_NS > world["now_ns"]
    if (first - 1) % FORGOTTEN_AT_ONCE or (is_there and too_soon):
        found.append("a transfer expired too early")

    since = known["since_ns"]
    still = since + DAY_NS > world["now_ns"]
    low, high = (np.concatenate([known[half][still], held[half]]) for half in ("id_low", "id_high"))
    if len(set(zip(low.tolist(), high.tolist(), strict=True))) != len(low):
        found.append("two transfers have one id")
    if (np.diff(since) < 0).any() or (~still).sum() >= FORGOTTEN_AT_ONCE or (since > world["now_ns"]).any():
        found.append("transfers are not in order of acceptance, or expired ones are kept")
    moved = known["flags"] & (Transferring.POST | Transferring.VOID) == 0
    found += report(
        _have_wrong_accounts(book, known) & moved, "accounts of transfer {} are not two of one asset", numbers
    )
    return found + report(
        (known["status"] == 0) | (known["status"] == PENDING) | ((known["id_low"] == 0) & (known["id_high"] == 0)),
        "transfer {} has no final status, or no id",
        numbers,
    )


def _have_wrong_accounts(book: Book, transfers: NDArray[Any]) -> NDArray[np.bool_]:
    """For each transfer or hold: its accounts are not two existing accounts of one asset."""
    debit, credit = transfers["debit"], transfers["credit"]
    ids = accounts_of(book)["id"]
    astray: NDArray[np.bool_] = (debit == credit) | (debit & 0xFF != credit & 0xFF)
    return astray | ~np.isin(debit, ids) | ~np.isin(credit, ids)


def _exact_sums(accounts: NDArray[Any]) -> dict[str, int]:
    """The four sums over all accounts, without overflow: computed in halves of 32 bits."""
    sums = {}
    for name in ("debits_posted", "credits_posted", "debits_pending", "credits_pending"):
        column: Rows = accounts[name]
        sums[name] = (int((column >> 32).sum()) << 32) + int((column & 0xFFFFFFFF).sum())
    return sums
