"""The audit: every account is recomputed from the journal in the projection and held against the engine's own sums.

The engine adds each transfer to four sums and keeps no transfer; the journal keeps each transfer and no sum. They have
nothing in common but the events between them, so where both agree neither has lost, doubled or invented a unit.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.invariants.money import escrows_match_entry_fees
from engine.invariants.rows import accounts_of
from engine.model.commands import Account, Asset
from engine.model.events import TransferStatus
from engine.model.state import State

_SUMS: Final = """
SELECT account, sum(posted * debits), sum(posted * credits), sum(pending * debits), sum(pending * credits), count(*)
FROM (
    SELECT debit AS account, 1 AS debits, 0 AS credits, {posted} AS posted, {pending} AS pending FROM transfers
    WHERE sequence <= :last
    UNION ALL
    SELECT credit, 0, 1, {posted}, {pending} FROM transfers WHERE sequence <= :last
)
GROUP BY account
""".format(
    posted=f"iif(status IN ({TransferStatus.POSTED:d}, {TransferStatus.HOLD_POSTED:d}), amount, 0)",
    pending=f"CASE status WHEN {TransferStatus.POSTED:d} THEN 0 WHEN {TransferStatus.PENDING:d} THEN amount"
    " ELSE -held END",
)


_NAMES: Final = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
"""The engine's sums, in the order of the journal's."""


class Taken(NamedTuple):
    """The engine's side after the entry `sequence`, in memory of its own: a live arena goes on meanwhile."""

    sequence: int
    accounts: NDArray[np.void]  # engine.tables.ACCOUNT
    problems: list[str]  # escrows that have not what their matches owe


class Audit(NamedTuple):
    """What was compared, and what does not agree."""

    sequence: int  # of the last entry that is counted
    accounts: int
    transfers: int
    problems: list[str]


def take(state: State) -> Taken:
    """Copy what is to be compared. Between two batches."""
    book = state.book
    return Taken(int(book.world[0]["sequence"]), accounts_of(book), escrows_match_entry_fees(state))


def audit(taken: Taken, projection: sqlite3.Connection) -> Audit:
    """Compare; the projection must have come as far as what was taken. Walks the whole journal."""
    last = {"last": taken.sequence}
    journal = {account: tuple(sums) for account, *sums in projection.execute(_SUMS, last)}
    problems = []
    seen = set()
    for id, version, *ours in zip(*(taken.accounts[name].tolist() for name in ("id", "version", *_NAMES)), strict=True):
        seen.add(id)
        *theirs, changes = journal.get(id, (0, 0, 0, 0, 0))
        if ours != theirs or version != 1 + changes:
            problems.append(f"{name_of(id)}: the engine has {tuple(ours)}, the journal {tuple(theirs)}")
    problems += [f"{name_of(id)}: in the journal and not in the engine" for id in sorted(journal.keys() - seen)]
    (transfers,) = projection.execute("SELECT count(*) FROM transfers WHERE sequence <= :last", last).fetchone()
    return Audit(taken.sequence, len(seen), transfers, problems + taken.problems)


def audit_file(taken: Taken, projection: Path) -> Audit:
    """The same, of a projection that others may be writing to."""
    with closing(sqlite3.connect(f"file:{projection}?mode=ro", uri=True)) as connection:
        return audit(taken, connection)


def name_of(account: int) -> str:
    """The account as people call it."""
    rest, asset = divmod(account, 256)
    owner, code = divmod(rest, 256)
    name = Account(code).name.lower().replace("_", ":", 1)
    return f"{name} {owner} {Asset(asset).name}" if owner else f"{name} {Asset(asset).name}"
