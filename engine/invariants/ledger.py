"""Accounts and transfers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.commands import Account, Asset, Transferring
from engine.invariants.rows import (
    PENDING,
    Rows,
    accounts_of,
    compact_index_problems,
    live_rows,
    open_holds_of,
    sum_by,
    where,
)
from engine.scale import DAY_NS
from engine.state import State
from engine.tables import ACCOUNTS, MOST_SUMMED, MUST_NOT_OVERDRAW, TRANSFERS


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
    rows = live_rows(book, TRANSFERS)
    transfers = book.transfers[rows]
    held = open_holds_of(transfers)
    found = []
    for side, column in (("debit", "debits_pending"), ("credit", "credits_pending")):
        sums = sum_by(len(book.accounts), held[side], held["amount"])
        found += where(book.accounts[column] != sums, f"{column} of account row {{}} is not what is held")
    debit, credit = book.accounts["id"][transfers["debit"]], book.accounts["id"][transfers["credit"]]
    astray = (debit == credit) | (debit & 0xFF != credit & 0xFF) | (debit == 0) | (credit == 0)
    numbers = held["number"]
    unnumbered = (numbers < 1) | (numbers > book.world["holds"][0])
    return [
        *found,
        *where(astray, "the accounts of the transfer in row {} do not go together", rows),
        *where(held["amount"] < 1, "hold {} holds nothing", numbers),
        *where(unnumbered, "hold {} was never made", numbers),
        *(["two holds have one number"] if len(np.unique(numbers)) != len(numbers) else []),
    ]


def accounts_are_found(state: State) -> list[str]:
    """account_index knows every account by its id."""
    rows = live_rows(state.book, ACCOUNTS)
    ids = state.book.accounts["id"][rows]
    return compact_index_problems(state.book.account_index, ids, rows)


def transfers_are_known(state: State) -> list[str]:
    """transfer_index knows every transfer that has an id. All but the open holds stand in known_rows, the oldest
    first, and none of them is as old as to be forgotten; what has no id is an open hold."""
    book = state.book
    world, transfers = book.world[0], book.transfers
    rows = live_rows(book, TRANSFERS)
    known = transfers[rows]
    named = (known["id_low"] != 0) | (known["id_high"] != 0)
    low, high = known["id_low"][named], known["id_high"][named]
    found = compact_index_problems(book.transfer_index, low ^ high, rows[named])
    if len(set(zip(low.tolist(), high.tolist(), strict=True))) != len(low):
        found.append("two transfers have one id")

    numbers = np.arange(int(world["transfers_forgotten"]), int(world["transfers_kept"]))
    by_age = book.known_rows[numbers & (len(book.known_rows) - 1)]
    is_open = (known["flags"] & Transferring.PENDING != 0) & (known["status"] == PENDING)
    if sorted(by_age.tolist()) != rows[~is_open].tolist():
        found.append("what is kept are not the known transfers")
    since = transfers["since_ns"][by_age]
    if (np.diff(since) < 0).any() or (since + DAY_NS <= world["now_ns"]).any() or (since > world["now_ns"]).any():
        found.append("transfers are not in order of acceptance, or known for too long")
    found += where(known["status"] == 0, "the transfer in row {} is free and known", rows)
    return found + where(~named & ~is_open, "the transfer in row {} has no id", rows)


def _summed(accounts: NDArray[Any]) -> dict[str, int]:
    """The four sums over the accounts, exactly, however large: in halves of 32 bits."""
    sums = {}
    for name in ("debits_posted", "credits_posted", "debits_pending", "credits_pending"):
        column: Rows = accounts[name]
        sums[name] = (int((column >> 32).sum()) << 32) + int((column & 0xFFFFFFFF).sum())
    return sums
