"""A naive ledger: dicts, Python's integers, and a copy of everything before a chain is tried."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.model.commands import Account, Transferring
from engine.model.events import EventKind, TransferStatus
from engine.model.reasons import Reason
from tests.harness.records import Command, Transfer, halves

DAY_NS = 86_400 * 10**9
MOST = 2**62
MAY_OVERDRAW = {Account.CHAIN_HOT, Account.CHAIN_INCOMING, Account.CHAIN_OUTGOING, Account.WORLD}
RESOLVES = Transferring.POST | Transferring.VOID
LONGEST_CHAIN = 256


@dataclass
class Sums:
    """An account."""

    version: int = 1
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0


@dataclass
class Known:
    """A transfer that was accepted. A hold that still holds is known for good, others for a day."""

    command: Transfer
    status: TransferStatus
    since_ns: int
    sequence: int
    number: int = 0  # of a hold


class Answer(NamedTuple):
    reason: Reason
    status: int = 0
    id: int = 0  # its low half
    replayed: bool = False
    sequence: int = 0


def is_well_formed(command: Transfer) -> bool:
    """Has it an id, a phase that there is, and nothing that belongs to another?"""
    phase = command.flags & ~Transferring.LINKED
    if command.id == 0 or phase not in (0, Transferring.PENDING, Transferring.POST, Transferring.VOID):
        return False
    if phase & RESOLVES:
        amount = command.amount if phase == Transferring.VOID else 0
        return {command.debit, command.credit, command.reference, command.code, command.expires_at_ns, amount} == {0}
    return 0 <= command.code < 2**15 and command.hold == 0 and (phase != 0 or command.expires_at_ns == 0)


@dataclass
class Ledger:
    now_ns: int = 0
    sequence: int = 0
    holds: int = 0
    accounts: dict[int, Sums] = field(default_factory=dict)
    known: dict[int, Known] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def apply(self, commands: list[Command], first_sequence: int, now_ns: int) -> list[Answer]:
        """A batch: what is due, and then its commands, those that are no transfers doing nothing."""
        self.begin(first_sequence, now_ns, [])
        for _, _, id in sorted(self.due()):
            self.expire(id)
        answers: list[Answer] = []
        while len(answers) < len(commands):
            chain = self.chain(commands[len(answers) :])
            answers += self.apply_chain(chain, first_sequence + len(answers))
        return answers

    def begin(self, first_sequence: int, now_ns: int, events: list[dict[str, Any]]) -> None:
        """A batch begins, which tells its events there."""
        self.now_ns, self.sequence, self.events = now_ns, first_sequence, events
        self.known = {id: known for id, known in self.known.items()
                      if known.status is TransferStatus.PENDING or known.since_ns + DAY_NS > now_ns}  # fmt: skip

    def due(self) -> list[tuple[int, int, int]]:
        """(when, number, id) of the holds whose time is up."""
        return [(known.command.expires_at_ns, known.number, id) for id, known in self.known.items()
                if known.status is TransferStatus.PENDING
                and 0 < known.command.expires_at_ns <= self.now_ns]  # fmt: skip

    def expire(self, id: int) -> None:
        self.end(id, 0, TransferStatus.EXPIRED, 0)

    def chain(self, commands: list[Command]) -> list[Command]:
        """The first command, and those that are linked to it."""
        for length, command in enumerate(commands, 1):
            if not isinstance(command, Transfer):
                return commands[: max(1, length - 1)]
            if not command.flags & Transferring.LINKED:
                return commands[:length]
        return commands

    def apply_chain(self, chain: list[Command], first_sequence: int) -> list[Answer]:
        last = chain[-1]
        if not isinstance(last, Transfer):
            return [Answer(Reason.ACCEPTED, sequence=first_sequence)]
        if last.flags & Transferring.LINKED or (len(chain) > LONGEST_CHAIN):
            return [Answer(Reason.LINK_FAILED, sequence=first_sequence + k) for k in range(len(chain))]
        accounts = {id: copy.copy(of) for id, of in self.accounts.items()}
        known = {id: copy.copy(of) for id, of in self.known.items()}
        holds, told = self.holds, len(self.events)
        answers = []
        for k, command in enumerate(chain):
            assert isinstance(command, Transfer)
            self.sequence = first_sequence + k
            answers.append(self.transfer(command))
            if answers[-1].reason is not Reason.ACCEPTED:
                self.accounts, self.known, self.holds = accounts, known, holds
                del self.events[told:]
                return [
                    Answer(answers[-1].reason if m == k else Reason.LINK_FAILED, sequence=first_sequence + m)
                    for m in range(len(chain))
                ]
        return answers

    def transfer(self, command: Transfer) -> Answer:
        if not is_well_formed(command):
            return self.refuse(Reason.TRANSFER_INVALID)
        if known := self.known.get(command.id):
            if self.said(known.command) != self.said(command):
                return self.refuse(Reason.DIFFERENT_TRANSFER_SAME_ID)
            return Answer(Reason.ACCEPTED, known.status, halves(command.id)[0], True, known.sequence)
        reason = self.resolves(command) if command.flags & RESOLVES else self.moves(command)
        if reason is not Reason.ACCEPTED:
            return self.refuse(reason)
        return Answer(reason, self.known[command.id].status, halves(command.id)[0], False, self.sequence)

    def refuse(self, reason: Reason) -> Answer:
        return Answer(reason, sequence=self.sequence)

    @staticmethod
    def said(command: Transfer) -> Transfer:
        return command._replace(debit_version=0, credit_version=0)

    def moves(self, command: Transfer) -> Reason:
        """Move or hold an amount."""
        if command.debit not in self.accounts or command.credit not in self.accounts:
            return Reason.ACCOUNT_NOT_FOUND
        if command.debit == command.credit:
            return Reason.SAME_ACCOUNT
        if command.debit % 256 != command.credit % 256:
            return Reason.ASSETS_DIFFER
        debit, credit = self.accounts[command.debit], self.accounts[command.credit]
        debits = debit.debits_posted + debit.debits_pending + command.amount
        if command.amount <= 0 or max(debits, credit.credits_posted + credit.credits_pending + command.amount) > MOST:
            return Reason.AMOUNT_INVALID
        if command.expires_at_ns and command.expires_at_ns <= self.now_ns:
            return Reason.EXPIRY_INVALID
        if not self.is_as_seen(command, command.debit, command.credit):
            return Reason.VERSION_CONFLICT
        if (command.debit >> 8) % 256 not in MAY_OVERDRAW and debits > debit.credits_posted:
            return Reason.INSUFFICIENT_FUNDS

        if command.flags & Transferring.PENDING:
            self.holds += 1
            self.know(command, TransferStatus.PENDING, self.holds)
            self.count(command, 0, command.amount)
            self.tell(command, command.amount, TransferStatus.PENDING, command.id)
        else:
            self.know(command, TransferStatus.POSTED)
            self.count(command, command.amount, 0)
            self.tell(command, command.amount, TransferStatus.POSTED, command.id)
        return Reason.ACCEPTED

    def resolves(self, command: Transfer) -> Reason:
        """Post or void a hold."""
        held = self.known.get(command.hold)
        if held is None or not held.command.flags & Transferring.PENDING:
            return Reason.HOLD_NOT_FOUND
        if held.status is TransferStatus.EXPIRED:
            return Reason.HOLD_EXPIRED
        if held.status is not TransferStatus.PENDING:
            return Reason.HOLD_RESOLVED
        posts = bool(command.flags & Transferring.POST)
        if posts and not 0 < command.amount <= held.command.amount:
            return Reason.AMOUNT_INVALID
        if not self.is_as_seen(command, held.command.debit, held.command.credit):
            return Reason.VERSION_CONFLICT

        status = TransferStatus.HOLD_POSTED if posts else TransferStatus.VOIDED
        self.know(command, status)
        self.end(command.hold, command.amount, status, command.id)
        return Reason.ACCEPTED

    def end(self, id: int, amount: int, status: TransferStatus, by: int) -> None:
        held = self.known[id]
        held.status, held.since_ns = status, self.now_ns
        self.count(held.command, amount, -held.command.amount)
        moved = amount if status is TransferStatus.HOLD_POSTED else held.command.amount
        self.tell(held.command, moved, status, by, id, held.command.amount)

    def is_as_seen(self, command: Transfer, debit: int, credit: int) -> bool:
        return (
            command.debit_version in (0, self.accounts[debit].version)
            and command.credit_version in (0, self.accounts[credit].version)
        )  # fmt: skip

    def know(self, command: Transfer, status: TransferStatus, number: int = 0) -> None:
        self.known[command.id] = Known(command, status, self.now_ns, self.sequence, number)

    def count(self, command: Transfer, posted: int, pending: int) -> None:
        debit, credit = self.accounts[command.debit], self.accounts[command.credit]
        debit.debits_posted += posted
        debit.debits_pending += pending
        credit.credits_posted += posted
        credit.credits_pending += pending
        debit.version += 1
        credit.version += 1

    def tell(
        self, command: Transfer, amount: int, status: TransferStatus, id: int, hold: int = 0, held: int = 0
    ) -> None:
        debit, credit = self.accounts[command.debit], self.accounts[command.credit]
        (low, high), (hold_low, hold_high) = halves(id), halves(hold)
        self.events.append({
            "kind": EventKind.TRANSFERRED, "reason": 0, "sequence": self.sequence, "at_ns": self.now_ns, "player": 0,
            "message": 0, "match": 0, "instrument": 0, "id_low": low, "id_high": high, "hold_low": hold_low,
            "hold_high": hold_high, "debit": command.debit, "credit": command.credit, "amount": amount, "held": held,
            "reference": command.reference, "debit_balance": debit.credits_posted - debit.debits_posted,
            "debit_pending": debit.debits_pending, "debit_version": debit.version,
            "credit_balance": credit.credits_posted - credit.debits_posted, "credit_pending": credit.credits_pending,
            "credit_version": credit.version, "code": command.code, "status": status,
        })  # fmt: skip
