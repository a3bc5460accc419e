"""The audit: every account is recomputed from the journal in the projection and held against the engine's own sums.

The engine adds each transfer to four sums and keeps no transfer; the journal keeps each transfer and no sum. They have
nothing in common but the events between them, so where both agree neither has lost, doubled or invented a unit.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from engine.commands import Account, Asset
from engine.events import TransferStatus
from engine.invariants.money import escrows_hold_what_their_matches_owe
from engine.state import State
from engine.tables import ACCOUNTS

_SUMS: Final = """
SELECT account, sum(posted * debits), sum(posted * credits), sum(pending * debits), sum(pending * credits), count(*)
FROM (
    SELECT debit AS account, 1 AS debits, 0 AS credits, {posted} AS posted, {pending} AS pending FROM transfers
    UNION ALL
    SELECT credit, 0, 1, {posted}, {pending} FROM transfers
)
GROUP BY account
""".format(
    posted=f"iif(status IN ({TransferStatus.POSTED:d}, {TransferStatus.HOLD_POSTED:d}), amount, 0)",
    pending=f"CASE status WHEN {TransferStatus.POSTED:d} THEN 0 WHEN {TransferStatus.PENDING:d} THEN amount"
    " ELSE -held END",
)


_NAMES: Final = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
"""The engine's sums, in the order of the journal's."""


class Audit(NamedTuple):
    """What was compared, and what does not agree."""

    accounts: int
    transfers: int
    problems: list[str]


def audit(state: State, projection: sqlite3.Connection) -> Audit:
    """Compare; the projection must be at the state's sequence. Walks the whole journal."""
    journal = {account: tuple(sums) for account, *sums in projection.execute(_SUMS)}
    book = state.book
    problems = []
    seen = set()
    for row in range(1, int(book.heads[ACCOUNTS]["used"])):
        held = book.accounts[row]
        id = int(held["id"])
        seen.add(id)
        ours = tuple(int(held[name]) for name in _NAMES)
        *theirs, changes = journal.get(id, (0, 0, 0, 0, 0))
        if ours != tuple(theirs) or int(held["version"]) != 1 + changes:
            problems.append(f"{name_of(id)}: the engine has {ours}, the journal {tuple(theirs)}")
    problems += [f"{name_of(id)}: in the journal and not in the engine" for id in sorted(journal.keys() - seen)]
    problems += escrows_hold_what_their_matches_owe(state)
    (transfers,) = projection.execute("SELECT count(*) FROM transfers").fetchone()
    return Audit(len(seen), transfers, problems)


def name_of(account: int) -> str:
    """The account as people call it."""
    rest, asset = divmod(account, 256)
    owner, code = divmod(rest, 256)
    name = Account(code).name.lower().replace("_", ":", 1)
    return f"{name} {owner} {Asset(asset).name}" if owner else f"{name} {Asset(asset).name}"
