"""The ledger: each of its rules as an example, and random transfers against a naive one, step by step."""

from __future__ import annotations

import random
from typing import Any

import pytest

from engine.invariants import check
from engine.invariants.ledger import transfer_index_matches_transfers
from engine.invariants.rows import accounts_of
from engine.ledger.accounts import account_id, find_account, open_account
from engine.ledger.balances import available, check_transfer, post_transfer
from engine.ledger.holds import place_hold, post_hold, void_hold
from engine.model.commands import ASSET_DECIMALS, Account, Asset, RegisterPlayer, Transferring
from engine.model.events import EventKind, TransferStatus
from engine.model.reasons import Reason
from engine.model.tables import HOLDS, MOST_LINKED, MOST_SUMMED
from engine.storage import compact_index as compact
from engine.storage.capacity import ensure_capacity
from engine.storage.hash_index import transfer_key
from tests.differential.random_transfers import Transfers
from tests.harness.arena import Arena, Outcome
from tests.harness.kernels import for_python
from tests.harness.records import (
    ClosePosition,
    Command,
    Pulse,
    Transfer,
    content,
    events_of,
    halves,
    lasting,
    outcomes_of,
)
from tests.oracle.ledger.ledger import DAY_NS, Answer, Ledger, Sums

PENDING, POST, VOID, LINKED = Transferring.PENDING, Transferring.POST, Transferring.VOID, Transferring.LINKED
mark_of = for_python(compact.mark_of)
SUMS = ("version", "debits_posted", "credits_posted", "debits_pending", "credits_pending")
WORLD = account_id(0, Account.WORLD, Asset.USDT)
FEES = account_id(0, Account.HOUSE_FEES, Asset.USDT)


class Bank:
    """Alice has 1,000 USDT units, Bob nothing; the house takes fees."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.alice = arena.account(1, Account.PLAYER_CASH, balance=1_000)
        self.bob = arena.account(2, Account.PLAYER_CASH)
        arena.account(0, Account.HOUSE_FEES)
        self.id = 0

    def sums(self, account: int) -> Sums:
        table = self.arena.machine.state.book.accounts
        row = find_account(self.arena.machine.state.book, account >> 16, account >> 8 & 0xFF, account & 0xFF)
        return Sums(*(int(table[name][row]) for name in SUMS))

    def has(self, account: int) -> int:
        """The balance: what is held of it included."""
        sums = self.sums(account)
        return sums.credits_posted - sums.debits_posted

    def moves(self, debit: int, credit: int, amount: int, **fields: Any) -> Outcome:
        self.id += 1
        made = {"id": self.id, "debit": debit, "credit": credit, "amount": amount}
        return self.arena.command(Transfer(**(made | fields)))

    def holds(self, debit: int, credit: int, amount: int, **fields: Any) -> int:
        """The hold's id."""
        self.moves(debit, credit, amount, flags=PENDING, **fields)
        return self.id

    def posts(self, hold: int, amount: int, **fields: Any) -> Outcome:
        self.id += 1
        return self.arena.command(Transfer(**({"id": self.id, "hold": hold, "amount": amount, "flags": POST} | fields)))

    def voids(self, hold: int, **fields: Any) -> Outcome:
        self.id += 1
        return self.arena.command(Transfer(**({"id": self.id, "hold": hold, "flags": VOID} | fields)))

    def batch(self, *commands: Command) -> list[tuple[Reason, TransferStatus]]:
        found = outcomes_of(self.arena.apply(list(commands)).outcomes)
        return [(Reason(outcome["reason"]), TransferStatus(outcome["status"])) for outcome in found]

    def told(self) -> list[tuple[TransferStatus, int]]:
        """Status and amount of what the last command brought about."""
        return [(TransferStatus(event["status"]), event["amount"]) for event in self.arena.events]


@pytest.fixture
def bank(arena: Arena) -> Bank:
    return Bank(arena)


# Accounts


def test_an_account_is_opened_once(arena: Arena) -> None:
    account = arena.account(7, Account.PLAYER_CASH, Asset.SOL)
    book = arena.machine.state.book
    row = find_account(book, 7, Account.PLAYER_CASH, Asset.SOL)
    assert open_account(book, 7, Account.PLAYER_CASH, Asset.SOL) == row
    assert book.accounts[row]["id"] == account == 7 << 16 | Account.PLAYER_CASH << 8 | Asset.SOL
    assert find_account(book, 7, Account.PLAYER_CASH, Asset.USDT) == 0
    check(arena.machine.state)


def test_every_asset_has_its_decimals() -> None:
    assert set(ASSET_DECIMALS) == set(Asset)


@pytest.mark.parametrize("code", [*Account], ids=lambda code: code.name)
def test_only_the_world_and_the_chain_may_be_overdrawn(bank: Bank, code: Account) -> None:
    account = bank.arena.account(0, code)
    if code.name.startswith("CHAIN") or code is Account.WORLD:
        bank.moves(account, bank.bob, 5)
        assert bank.has(account) < 0
    else:
        with bank.arena.refuses(Reason.INSUFFICIENT_FUNDS):
            bank.moves(account, bank.bob, 5)


# Moving at once


def test_a_transfer_moves_the_amount_and_tells_both_balances(bank: Bank) -> None:
    outcome = bank.moves(bank.alice, bank.bob, 300, code=7, reference=99)
    assert (bank.has(bank.alice), bank.has(bank.bob)) == (700, 300)
    assert (outcome.status, outcome.id, outcome.replayed) == (TransferStatus.POSTED, bank.id, False)
    (event,) = bank.arena.events
    assert event["kind"] == EventKind.TRANSFERRED
    assert [event[name] for name in ("id_low", "id_high", "debit", "credit", "amount", "code", "reference")] == [
        bank.id, 0, bank.alice, bank.bob, 300, 7, 99,
    ]  # fmt: skip
    assert [event[name] for name in ("debit_balance", "credit_balance", "debit_version", "credit_version")] == [
        700, 300, 3, 2,
    ]  # fmt: skip


def test_all_of_it_may_go_and_not_a_unit_more(bank: Bank) -> None:
    with bank.arena.refuses(Reason.INSUFFICIENT_FUNDS):
        bank.moves(bank.alice, bank.bob, 1_001)
    bank.moves(bank.alice, bank.bob, 1_000)
    assert bank.has(bank.alice) == 0


def test_the_same_again_changes_nothing_and_says_so(bank: Bank) -> None:
    first = bank.moves(bank.alice, bank.bob, 300)
    before = lasting(bank.arena.machine.state)
    again = bank.moves(bank.alice, bank.bob, 300, id=1)
    assert again == first._replace(replayed=True)
    assert lasting(bank.arena.machine.state) == before
    assert bank.arena.events == []


def test_the_same_again_may_have_seen_another_version(bank: Bank) -> None:
    bank.moves(bank.alice, bank.bob, 300, debit_version=2)
    assert bank.moves(bank.alice, bank.bob, 300, id=1, debit_version=3).replayed


def test_ids_differ_in_either_half(bank: Bank) -> None:
    for id in (1 << 90, (1 << 90) + 1, (1 << 90) ^ 2, (1 << 91) + (1 << 127), 1):
        assert not bank.moves(bank.alice, bank.bob, 10, id=id).replayed
    assert bank.moves(bank.alice, bank.bob, 10, id=(1 << 91) + (1 << 127)).replayed


def test_two_ids_may_share_a_key_of_the_index(bank: Bank) -> None:
    ids = [0x5, 0x4 | 1 << 64, 0x7 | 2 << 64]
    assert len({for_python(transfer_key)(*halves(id)) for id in ids}) == 1
    for id in ids:
        bank.moves(bank.alice, bank.bob, 10, id=id)
    assert [bank.moves(bank.alice, bank.bob, 10, id=id).replayed for id in ids] == [True] * 3
    bank.arena.passes(86_400)
    assert [bank.moves(bank.alice, bank.bob, 10, id=id).replayed for id in ids] == [False] * 3


def test_an_id_is_known_for_a_day(bank: Bank) -> None:
    bank.moves(bank.alice, bank.bob, 10)
    bank.arena.passes("86399.999999999")
    assert bank.moves(bank.alice, bank.bob, 10, id=1).replayed
    bank.arena.passes("0.000000001")
    assert not bank.moves(bank.alice, bank.bob, 10, id=1).replayed


def test_a_version_that_was_seen_must_still_stand(bank: Bank) -> None:
    bank.moves(bank.alice, bank.bob, 10, debit_version=2, credit_version=1)
    with bank.arena.refuses(Reason.VERSION_CONFLICT):
        bank.moves(bank.alice, bank.bob, 10, debit_version=2)
    with bank.arena.refuses(Reason.VERSION_CONFLICT):
        bank.moves(bank.alice, bank.bob, 10, credit_version=1)
    bank.moves(bank.alice, bank.bob, 10, debit_version=3, credit_version=2)


def test_sums_stay_below_what_would_wrap(bank: Bank) -> None:
    bank.moves(WORLD, bank.bob, MOST_SUMMED - 1_000)
    with bank.arena.refuses(Reason.AMOUNT_INVALID):
        bank.moves(WORLD, FEES, 1)
    bank.moves(bank.bob, FEES, MOST_SUMMED - 1_000)
    with bank.arena.refuses(Reason.AMOUNT_INVALID):
        bank.moves(bank.alice, FEES, (1 << 63) - 1)


# Holding first


def test_what_is_held_cannot_be_spent(bank: Bank) -> None:
    bank.holds(bank.alice, bank.bob, 600)
    assert (bank.has(bank.alice), bank.has(bank.bob)) == (1_000, 0)
    with bank.arena.refuses(Reason.INSUFFICIENT_FUNDS):
        bank.moves(bank.alice, FEES, 401)
    with bank.arena.refuses(Reason.INSUFFICIENT_FUNDS):
        bank.moves(bank.bob, FEES, 1)
    bank.moves(bank.alice, FEES, 400)


def test_a_hold_is_posted(bank: Bank) -> None:
    hold = bank.holds(bank.alice, bank.bob, 600, code=4, reference=5)
    assert bank.posts(hold, 600).status is TransferStatus.HOLD_POSTED
    assert (bank.has(bank.alice), bank.has(bank.bob)) == (400, 600)
    (event,) = bank.arena.events
    assert [event[name] for name in ("id_low", "hold_low", "code", "reference", "held")] == [bank.id, hold, 4, 5, 600]


def test_what_is_not_posted_comes_back(bank: Bank) -> None:
    hold = bank.holds(bank.alice, bank.bob, 600)
    bank.posts(hold, 1)
    assert bank.told() == [(TransferStatus.HOLD_POSTED, 1)]
    bank.moves(bank.alice, FEES, 999)
    assert (bank.has(bank.alice), bank.has(bank.bob)) == (0, 1)


def test_a_hold_is_voided(bank: Bank) -> None:
    hold = bank.holds(bank.alice, bank.bob, 600)
    bank.voids(hold)
    assert bank.told() == [(TransferStatus.VOIDED, 600)]
    bank.moves(bank.alice, FEES, 1_000)
    assert bank.has(bank.bob) == 0


def test_a_hold_is_resolved_once(bank: Bank) -> None:
    for resolve in (lambda hold: bank.posts(hold, 1), bank.voids):
        hold = bank.holds(bank.alice, bank.bob, 100)
        resolve(hold)
        for again in (lambda hold: bank.posts(hold, 1), bank.voids):
            with bank.arena.refuses(Reason.HOLD_RESOLVED):
                again(hold)


def test_a_hold_and_its_end_may_be_asked_for_again(bank: Bank) -> None:
    hold = bank.holds(bank.alice, bank.bob, 600)
    bank.posts(hold, 500)
    assert bank.posts(hold, 500, id=2).replayed
    assert bank.arena.outcome.status is TransferStatus.HOLD_POSTED
    assert bank.moves(bank.alice, bank.bob, 600, id=hold, flags=PENDING).status is TransferStatus.HOLD_POSTED
    assert bank.arena.outcome.replayed


def test_a_hold_whose_time_is_up_gives_back(bank: Bank) -> None:
    hold = bank.holds(bank.alice, bank.bob, 600, expires_at_ns=bank.arena.now_ns + 10**9)
    bank.arena.passes("0.999999999")
    assert bank.told() == []
    bank.arena.passes("0.000000001")
    assert bank.told() == [(TransferStatus.EXPIRED, 600)]
    with bank.arena.refuses(Reason.HOLD_EXPIRED):
        bank.posts(hold, 600)
    with bank.arena.refuses(Reason.HOLD_EXPIRED):
        bank.voids(hold)
    bank.moves(bank.alice, FEES, 1_000)


def test_holds_due_together_end_in_the_order_of_their_making(bank: Bank) -> None:
    due = bank.arena.now_ns + 10**9
    ids = [bank.holds(bank.alice, bank.bob, 10 + number, id=id, expires_at_ns=due)
           for number, id in enumerate((9, 3, 1 << 100, 5))]  # fmt: skip
    assert len(ids) == 4
    bank.arena.passes(1)
    assert [amount for _, amount in bank.told()] == [10, 11, 12, 13]


def test_a_hold_is_kept_as_long_as_it_is_open_and_a_day_longer(bank: Bank) -> None:
    bank.holds(bank.alice, bank.bob, 600, id=77)
    bank.arena.passes(10 * 86_400)
    bank.posts(77, 600)
    bank.arena.passes(86_399)
    with bank.arena.refuses(Reason.HOLD_RESOLVED):
        bank.voids(77)
    bank.arena.passes(1)
    with bank.arena.refuses(Reason.HOLD_NOT_FOUND):
        bank.voids(77)


# Linked


def test_a_chain_succeeds_together(bank: Bank) -> None:
    outcomes = bank.batch(
        Transfer(1, bank.alice, bank.bob, 300, flags=LINKED),
        Transfer(2, bank.bob, FEES, 200, flags=LINKED | PENDING),
        Transfer(3, hold=2, amount=150, flags=POST),
        Transfer(4, bank.bob, FEES, 151),
    )
    assert [reason for reason, _ in outcomes] == [Reason.ACCEPTED] * 3 + [Reason.INSUFFICIENT_FUNDS]
    assert (bank.has(bank.alice), bank.has(bank.bob), bank.has(FEES)) == (700, 150, 150)
    assert len(bank.arena.events) == 3


def test_a_chain_fails_together_and_names_the_culprit(bank: Bank) -> None:
    before = lasting(bank.arena.machine.state)
    outcomes = bank.batch(
        Transfer(1, bank.alice, bank.bob, 300, flags=LINKED),
        Transfer(2, bank.bob, FEES, 301, flags=LINKED),
        Transfer(3, bank.alice, FEES, 1),
    )
    assert [reason for reason, _ in outcomes] == [Reason.LINK_FAILED, Reason.INSUFFICIENT_FUNDS, Reason.LINK_FAILED]
    assert lasting(bank.arena.machine.state) == before
    assert bank.arena.events == []


CUTS: dict[str, Any] = {
    "the end of the batch": (),
    "another command": (Pulse(), Transfer(9, WORLD, FEES, 1)),
}


@pytest.mark.parametrize("behind", CUTS.values(), ids=CUTS)
def test_a_chain_that_is_cut_is_refused(bank: Bank, behind: tuple[Command, ...]) -> None:
    linked = [Transfer(id, bank.alice, bank.bob, 1, flags=LINKED) for id in (1, 2)]
    reasons = [reason for reason, _ in bank.batch(*linked, *behind)]
    assert reasons == [Reason.LINK_FAILED] * 2 + [Reason.ACCEPTED] * len(behind)
    assert bank.has(bank.bob) == 0


def test_a_chain_has_a_greatest_length(bank: Bank) -> None:
    def chain(length: int, first: int) -> list[Command]:
        return [Transfer(first + k, bank.alice, bank.bob, 1, flags=LINKED * (k < length - 1)) for k in range(length)]

    assert {reason for reason, _ in bank.batch(*chain(MOST_LINKED + 1, 1))} == {Reason.LINK_FAILED}
    assert {reason for reason, _ in bank.batch(*chain(MOST_LINKED, 1))} == {Reason.ACCEPTED}
    assert bank.has(bank.bob) == MOST_LINKED


def test_a_chain_that_comes_again_changes_nothing(bank: Bank) -> None:
    chain = [Transfer(1, bank.alice, bank.bob, 1_000, flags=LINKED), Transfer(2, bank.bob, FEES, 1_000)]
    bank.batch(*chain)
    before = lasting(bank.arena.machine.state)
    found = outcomes_of(bank.arena.apply(list(chain)).outcomes)
    assert [(outcome["reason"], outcome["replayed"]) for outcome in found] == [(Reason.ACCEPTED, 1)] * 2
    assert lasting(bank.arena.machine.state) == before


def test_an_id_or_a_hold_counts_once_within_a_chain(bank: Bank) -> None:
    held = Transfer(1, bank.alice, bank.bob, 100, flags=LINKED | PENDING)
    post = Transfer(2, hold=1, amount=60, flags=LINKED | POST)
    for last, reason in (
        (Transfer(3, hold=1, flags=VOID), Reason.HOLD_RESOLVED),
        (Transfer(1, bank.alice, bank.bob, 101, flags=PENDING), Reason.DIFFERENT_TRANSFER_SAME_ID),
        (Transfer(3, hold=2, flags=VOID), Reason.HOLD_NOT_FOUND),
        (Transfer(3, bank.alice, bank.bob, 1, debit_version=3), Reason.VERSION_CONFLICT),
    ):
        assert [found for found, _ in bank.batch(held, post, last)] == [Reason.LINK_FAILED] * 2 + [reason]
    assert [found for found, _ in bank.batch(held, held, post, Transfer(3, WORLD, FEES, 1))] == [Reason.ACCEPTED] * 4
    assert bank.has(bank.bob) == 60


def test_a_chain_may_take_several_looks_at_the_buffer_of_events(bank: Bank) -> None:
    bank.arena.has_room_for_events(12)
    chain = [Transfer(k, bank.alice, bank.bob, 1, flags=LINKED * (k < 50)) for k in range(1, 51)]
    assert {reason for reason, _ in bank.batch(*chain)} == {Reason.ACCEPTED}
    assert [event["id_low"] for event in bank.arena.events] == list(range(1, 51))


def test_many_holds_that_end_together_take_several_looks_too(bank: Bank) -> None:
    bank.arena.has_room_for_events(12)
    due = bank.arena.now_ns + 10**9
    bank.batch(*(Transfer(k, bank.alice, bank.bob, k, flags=PENDING, expires_at_ns=due) for k in range(1, 41)))
    bank.arena.passes(1)
    assert [event["hold_low"] for event in bank.arena.events] == list(range(1, 41))


# For those who guard by a state of their own


class Engine:
    """Kernels called as the engine's own would."""

    def __init__(self, bank: Bank) -> None:
        self.bank, self.machine = bank, bank.arena.machine
        book = self.machine.state.book
        self.alice, self.bob = (find_account(book, owner, Account.PLAYER_CASH, Asset.USDT) for owner in (1, 2))

    def call(self, kernel: Any, *arguments: int) -> Reason:
        ensure_capacity(self.machine.state, 1)
        self.machine.state.book.progress[0]["events"] = 0
        reason = Reason(int(kernel(self.machine.state.book, self.machine._emit.buffer(1), *arguments)))
        self.told = events_of(self.machine._emit._buffer[: int(self.machine.state.book.progress[0]["events"])])
        check(self.machine.state)
        return reason

    def held(self) -> int:
        return int(self.machine.state.book.transfer_plan[0]["hold"])


def test_the_engine_moves_without_an_id(bank: Bank) -> None:
    engine = Engine(bank)
    for amount in (300, 300):
        assert engine.call(for_python(post_transfer), engine.alice, engine.bob, amount, 7, 8) is Reason.ACCEPTED
    assert bank.has(bank.bob) == 600
    assert [engine.told[0][name] for name in ("amount", "code", "reference", "id_low")] == [300, 7, 8, 0]
    assert engine.call(for_python(post_transfer), engine.alice, engine.bob, 401, 7, 8) is Reason.INSUFFICIENT_FUNDS
    assert engine.call(for_python(post_transfer), engine.alice, 0, 1, 7, 8) is Reason.ACCOUNT_NOT_FOUND
    assert for_python(check_transfer)(engine.machine.state.book, engine.alice, engine.bob, 400) == Reason.ACCEPTED
    assert available(engine.machine.state.book, engine.alice) == 400
    assert engine.told == []


def test_the_engine_holds_by_row_and_the_row_goes_at_the_end(bank: Bank) -> None:
    engine = Engine(bank)
    for resolve, left in ((post_hold, 900), (void_hold, 900)):
        assert engine.call(place_hold, engine.alice, engine.bob, 600, 7, 8) is Reason.ACCEPTED
        row = engine.held()
        assert available(engine.machine.state.book, engine.alice) in (400, 300)
        if resolve is post_hold:
            assert engine.call(post_hold, row, 601) is Reason.AMOUNT_INVALID
        assert engine.call(resolve, row, *((100,) if resolve is post_hold else ())) is Reason.ACCEPTED
        assert (engine.told[0]["held"], bank.has(bank.alice)) == (600, left)
        assert engine.machine.state.book.heads[HOLDS]["live"] == 0
        assert engine.call(resolve, row, *((100,) if resolve is post_hold else ())) is Reason.HOLD_RESOLVED
    assert engine.call(place_hold, engine.alice, engine.bob, 901, 7, 8) is Reason.INSUFFICIENT_FUNDS


def test_a_hold_of_the_engines_own_is_nobody_elses(bank: Bank) -> None:
    engine = Engine(bank)
    engine.call(place_hold, engine.alice, engine.bob, 600, 7, 8)
    with bank.arena.refuses(Reason.HOLD_NOT_FOUND):
        bank.voids(0)


def test_batches_of_all_kinds_in_turn_answer_each_from_its_own_table(bank: Bank) -> None:
    arena = bank.arena
    carol = arena.player(cash=100_000)
    arena.quote("BTCUSDT", 60_000)
    opens = carol._order("BTCUSDT", 1, 1, margin=10, leverage=10)
    arena.apply([opens] * 60)
    pay = [Transfer(1_000 + k, WORLD, bank.alice, 1, flags=PENDING) for k in range(60)]
    end = [Transfer(2_000 + k, hold=1_000 + k, amount=1, flags=POST) for k in range(60)]
    close = [ClosePosition(carol.id, position, percent=100) for position in carol.positions]
    mixed: list[Command] = [*pay[:40], *[opens] * 20]
    batches: list[list[Command]] = [[*pay], [*end], [*close], mixed, [*end], [*close[:9], RegisterPlayer("Dora"), *pay]]
    for batch in batches:
        arena.apply(batch)
    assert bank.has(bank.alice) == 1_060


# Against the naive one


class Twins:
    """The engine and the oracle, given the same batches and compared after each."""

    def __init__(self, seed: int, room_for_events: int) -> None:
        self.arena, self.oracle, self.random = Arena(), Ledger(), random.Random(seed)
        if room_for_events:
            self.arena.has_room_for_events(room_for_events)
        self.accounts = [
            self.arena.account(owner, code, asset)
            for asset in (Asset.USDT, Asset.SOL)
            for owner, code in ((1, Account.PLAYER_CASH), (2, Account.PLAYER_CASH), (5, Account.MATCH_ESCROW),
                                (0, Account.HOUSE_FEES), (0, Account.CHAIN_HOT), (0, Account.WORLD))
        ]  # fmt: skip
        self.oracle.accounts = {account: Sums() for account in self.accounts}
        half = len(self.accounts) // 2
        by_asset = [self.accounts[:half], self.accounts[half:]]
        self.transfers = Transfers(self.random, self.oracle, lambda: by_asset)
        self.reasons: set[Reason] = set()

    def step(self, commands: list[Command], passes_ns: int) -> None:
        self.arena.now_ns += passes_ns
        first = int(self.arena.machine.state.book.world["sequence"][0]) + 1
        found = outcomes_of(self.arena.apply(commands).outcomes)
        answers = [
            Answer(Reason(outcome["reason"]), outcome["status"], outcome["id"], bool(outcome["replayed"]),
                   outcome["sequence"])
            for outcome in found
        ]  # fmt: skip
        assert answers == self.oracle.apply(commands, first, self.arena.now_ns)
        assert self.arena.events == self.oracle.events
        accounts = accounts_of(self.arena.machine.state.book)
        rows = {int(row["id"]): Sums(*(int(row[name]) for name in SUMS)) for row in accounts}
        assert rows == self.oracle.accounts
        self.reasons |= {answer.reason for answer in answers}

    def batch(self) -> list[Command]:
        commands: list[Command] = []
        for _ in range(self.random.choice((1, 1, 2, 5))):
            length = self.random.choice((1, 1, 1, 2, 3, 6))
            for k in range(length):
                command = self.transfers.transfer(self.arena.now_ns)
                linked = LINKED if k < length - 1 or self.random.random() < 0.02 else 0
                command = command._replace(flags=command.flags & ~LINKED | linked)
                commands.append(command)
                self.transfers.seen.append(command)
            if self.random.random() < 0.1:
                commands.insert(self.random.randint(0, len(commands)), Pulse())
        return commands


EXPECTED = {
    Reason.ACCEPTED, Reason.DIFFERENT_TRANSFER_SAME_ID, Reason.ACCOUNT_NOT_FOUND, Reason.SAME_ACCOUNT,
    Reason.ASSETS_DIFFER, Reason.AMOUNT_INVALID, Reason.INSUFFICIENT_FUNDS, Reason.VERSION_CONFLICT,
    Reason.HOLD_NOT_FOUND, Reason.HOLD_RESOLVED, Reason.HOLD_EXPIRED, Reason.LINK_FAILED, Reason.EXPIRY_INVALID,
    Reason.TRANSFER_INVALID,
}  # fmt: skip


LAST_NUMBERS = (1 << 31) - 160
"""Of transfers: a hundred and sixty later, the 31 bits that their index keeps of a number begin anew."""


@pytest.mark.parametrize(
    ("seed", "room_for_events", "known"), [(1, 0, 0), (2, 12, 0), (3, 0, 0), (4, 13, 0), (5, 0, LAST_NUMBERS)]
)
@pytest.mark.compiled
def test_random_transfers_are_those_of_the_naive_ledger(seed: int, room_for_events: int, known: int) -> None:
    twins = Twins(seed, room_for_events)
    for name in ("transfers_known", "transfers_forgotten"):
        twins.arena.machine.state.book.world[name] = known
    for _ in range(300):
        passes_ns = twins.random.choice((0, 0, 1, 10**6, 10**9, 2 * 10**9))
        if twins.random.random() < 0.02:
            passes_ns = DAY_NS - twins.random.choice((0, 1, 10**9))
        twins.step(twins.batch(), passes_ns)
    assert twins.reasons == EXPECTED
    assert content(twins.arena.machine.state)["accounts"]


def test_ids_that_avoid_each_others_lines_do_not_fill_the_index(arena: Arena) -> None:
    """Each day's ids have lines of their own, so nothing that comes later would clear those of the days before."""
    bank = Bank(arena)
    ensure_capacity(arena.machine.state, 24)
    slots, swept = len(arena.machine.state.book.transfer_index), 0
    for day in range(8):
        ids = (id for id in range(1 + (day << 32), 1 << 40) if mark_of(id) // 4 % (slots // 8) % 8 == day)
        for _ in range(30):
            arena.command(Transfer(next(ids), bank.alice, bank.bob, 1))
            swept = max(swept, int(arena.machine.state.book.world["swept_line"][0]))
        assert transfer_index_matches_transfers(arena.machine.state) == []
        arena.passes(86_400)
    assert len(arena.machine.state.book.transfer_index) == slots < 8 * 30 + 32
    assert swept
