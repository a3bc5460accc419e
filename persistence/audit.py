"""The audit: the sums of every account are recomputed from the projected transfers and compared with the engine's.

The engine keeps four sums per account and no transfers; the projection (the journal) keeps all transfers and no sums.
The two are independent except for the events between them, so agreement shows that no unit was lost, doubled or
invented.
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
from persistence import projection
from persistence.data_lock import DataLock
from persistence.recovery import HistoriesDiffer, open_folders, state_in

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


_SUM_COLUMNS: Final = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
"""Columns of the engine's sums, in the order of _SUMS."""


class AuditInput(NamedTuple):
    """A copy of the engine's accounts after log entry `sequence`; the arena may continue."""

    sequence: int
    accounts: NDArray[np.void]  # engine.tables.ACCOUNT
    problems: list[str]  # escrows that differ from the entry fees of their matches


class Audit(NamedTuple):
    """What was compared, and the differences."""

    sequence: int  # of the last entry that is counted
    accounts: int
    transfers: int
    problems: list[str]


def audit_input(state: State) -> AuditInput:
    """Copy the accounts for an audit. To be called between two batches."""
    book = state.book
    return AuditInput(int(book.world[0]["sequence"]), accounts_of(book), escrows_match_entry_fees(state))


def audit(engine: AuditInput, journal: sqlite3.Connection) -> Audit:
    """Compare; the projection must have reached `engine.sequence`. Scans all transfers."""
    last = {"last": engine.sequence}
    journalled = {account: tuple(sums) for account, *sums in journal.execute(_SUMS, last)}
    problems = []
    seen = set()
    for id, version, *ours in zip(
        *(engine.accounts[name].tolist() for name in ("id", "version", *_SUM_COLUMNS)), strict=True
    ):
        seen.add(id)
        *theirs, changes = journalled.get(id, (0, 0, 0, 0, 0))
        if ours != theirs or version != 1 + changes:
            problems.append(f"{account_name(id)}: the engine has {tuple(ours)}, the journal {tuple(theirs)}")
    problems += [f"{account_name(id)}: in the journal and not in the engine" for id in sorted(journalled.keys() - seen)]
    (transfers,) = journal.execute("SELECT count(*) FROM transfers WHERE sequence <= :last", last).fetchone()
    return Audit(engine.sequence, len(seen), transfers, problems + engine.problems)


def audit_file(engine: AuditInput, path: Path) -> Audit:
    """`audit` with a read-only connection of its own to a projection file, which may be in use."""
    with closing(projection.open_read_only(path)) as connection:
        return audit(engine, connection)


def audit_folder(directory: Path) -> Audit:
    """Audit a stopped arena, at the sequence where its projection ends. Writes nothing, but for the lock file.

    Raises what `state_at` raises, ProjectionUnreadable, HistoriesDiffer.
    """
    lock = DataLock(directory, reading=True)
    try:
        path = directory / projection.FILE
        if not path.exists():
            raise projection.ProjectionUnreadable(f"there is no {path.name}: `arena rebuild` makes it again")
        sequence = projection.read_position(path).sequence
        state = state_in(open_folders(directory, reading=True), sequence).state
        if int(state.book.world[0]["sequence"]) != sequence:
            raise HistoriesDiffer(f"the projection has seen sequence {sequence}, and the log ends before it")
        return audit_file(audit_input(state), path)
    finally:
        lock.release()


def account_name(account: int) -> str:
    """A readable name, such as `player:cash 7 USDT`."""
    rest, asset = divmod(account, 256)
    owner, code = divmod(rest, 256)
    name = Account(code).name.lower().replace("_", ":", 1)
    return f"{name} {owner} {Asset(asset).name}" if owner else f"{name} {Asset(asset).name}"
