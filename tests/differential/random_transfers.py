"""Random transfers for the engine and the naive ledger: mostly sensible. Some come again, in some a field is off."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from engine.model.commands import Transferring
from engine.model.tables import MOST_SUMMED
from tests.harness.records import Transfer
from tests.oracle.ledger.ledger import DAY_NS, Ledger

PENDING, POST, VOID = Transferring.PENDING, Transferring.POST, Transferring.VOID
FIRST_CODE = 100
"""Codes below are the engine's own."""


class Transfers:
    """`accounts` are those to draw from, a list for each of two assets; the last of each is the world's."""

    def __init__(self, draw: random.Random, ledger: Ledger, accounts: Callable[[], list[list[int]]]) -> None:
        self.draw, self.ledger, self.accounts = draw, ledger, accounts
        self.seen: list[Transfer] = []

    def transfer(self, now_ns: int) -> Transfer:
        command = self._transfer(now_ns)
        self.seen.append(command)
        return command

    def _transfer(self, now_ns: int) -> Transfer:
        draw = self.draw
        if self.seen and draw.random() < 0.12:
            again = draw.choice(self.seen[-60:])
            return again if draw.random() < 0.7 else again._replace(amount=again.amount ^ 1)
        id = draw.choice((draw.getrandbits(127), len(self.seen) + 1, draw.randint(1, 50) << 64))
        amount = draw.choice((draw.randint(1, 100), draw.randint(1, 2_000), 10**6))
        holds = [known.command for known in self.ledger.known.values() if known.command.flags & PENDING][-8:]
        holds += [command for command in self.seen[-6:] if command.flags & PENDING]
        if holds and draw.random() < 0.4:
            held = draw.choice(holds)
            if draw.random() < 0.4:
                return Transfer(id, hold=held.id, flags=VOID, **self._versions(held.debit, held.credit))
            part = draw.choice((held.amount, max(1, held.amount // 2), held.amount ^ 1))
            versions = self._versions(held.debit, held.credit)
            return Transfer(id, hold=held.id, amount=part, flags=POST, **versions)
        accounts = self.accounts()[0 if draw.random() < 0.6 else 1]
        debit, credit = draw.sample(accounts, 2)
        if draw.random() < 0.4:
            debit = accounts[-1]
        flags, expires_at_ns = 0, 0
        if draw.random() < 0.4:
            flags = PENDING
            expires_at_ns = draw.choice((0, now_ns + draw.choice((1, 10**9, 3 * 10**9, DAY_NS))))
        command = Transfer(id, debit, credit, amount, FIRST_CODE + draw.randint(0, 9), draw.randint(0, 99), flags,
                           expires_at_ns=expires_at_ns, **self._versions(debit, credit))  # fmt: skip
        return self._spoilt(command, now_ns) if draw.random() < 0.15 else command

    def _versions(self, debit: int, credit: int) -> dict[str, int]:
        """Mostly any; or what there is now; or some other, which may be right."""
        if self.draw.random() < 0.7:
            return {}
        now = (getattr(self.ledger.accounts.get(account), "version", 0) for account in (debit, credit))
        names = ("debit_version", "credit_version")
        return {
            name: self.draw.choice((0, version, self.draw.randint(1, 9)))
            for name, version in zip(names, now, strict=True)
        }

    def _spoilt(self, command: Transfer, now_ns: int) -> Transfer:
        accounts = [account for of_asset in self.accounts() for account in of_asset]
        fields: dict[str, Any] = self.draw.choice((
            {"amount": 0}, {"amount": -5}, {"amount": (1 << 63) - 1}, {"amount": MOST_SUMMED},
            {"credit": command.debit}, {"credit": 12345}, {"debit": 0},
            *({"credit": account, "amount": 1} for account in accounts[::4]),
            {"flags": PENDING, "expires_at_ns": now_ns}, {"id": 0}, {"hold": 7}, {"code": -1}, {"flags": 16},
        ))  # fmt: skip
        return command._replace(**fields)
