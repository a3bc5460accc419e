"""The books of an arena that has stopped: does every unit of money lie where it should?"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.process import arena
from bench.soak import missing, verified
from engine import views
from engine.invariants.rows import accounts_of
from engine.model.commands import Account, Asset, TransferCode
from engine.model.events import TransferStatus
from engine.model.state import State
from engine.model.tables import MATCH_CANCELED, MATCH_CLOSED
from gateway.presenters.decimals import asset_text
from gateway.protocol.wallets import Balance
from persistence.recovery import recover

PLAYERS: Final = (Account.PLAYER_CASH, Account.PLAYER_DEMO, Account.PLAYER_ITEMS)
MOVED_STATUSES: Final = f"({TransferStatus.POSTED:d}, {TransferStatus.HOLD_POSTED:d})"


class Books(msgspec.Struct, frozen=True):
    """What was found."""

    sequence: int
    matches: int
    accounts: int
    transfers: int
    closed: int
    canceled: int
    paid_in: dict[str, str]  # entry fees by asset
    paid_out: dict[str, str]  # prizes
    paid_back: dict[str, str]
    digest: str
    problems: list[str]


class Moved(NamedTuple):
    """A transfer of a match that took effect."""

    player: int  # 0: the house
    code: TransferCode
    asset: int
    amount: int


def examine(data: Path, told: dict[int, list[Balance[Decimal]]], acknowledged: list[tuple[int, int]]) -> Books:
    """Look at all there is, when all matches but those for practice are over. `told` is what each player saw last,
    `acknowledged` player and sequence of commands."""
    problems = []
    verdict = verified(data)
    if isinstance(verdict, str):
        problems.append(f"arena verify: {verdict}")
        verdict = {}
    audited = arena("audit", "--data", str(data), "--json")
    if audited.returncode:
        problems.append(f"arena audit: {audited.stdout} {audited.stderr}")
    lines = [{"player": player, "seq": sequence} for player, sequence in acknowledged]
    problems += [f"acknowledged, but not in the log: {line}" for line in missing(data, lines)]

    recovered = recover(data)
    with closing(recovered), closing(sqlite3.connect(recovered.projection_path)) as journal:
        state = recovered.machine.state
        matches = [id for id, made in state.cold.matches.items() if not made.practice]
        flows = _moved(journal)
        problems += _sums_that_are_not_zero(state)
        for match in matches:
            problems += _wrong_in(state, match, flows[match])
        problems += _told_otherwise(state, told)
        statuses = Counter(int(state.book.matches[match]["status"]) for match in matches)
        (transfers,) = journal.execute("SELECT count(*) FROM transfers").fetchone()
    every = [moved for match in matches for moved in flows[match]]
    return Books(
        verdict.get("sequence", 0),
        len(matches),
        int(state.book.world[0]["accounts"]),
        transfers,
        statuses[MATCH_CLOSED],
        statuses[MATCH_CANCELED],
        _by_asset(every, TransferCode.ENTRY_FEE),
        _by_asset(every, TransferCode.PRIZE),
        _by_asset(every, TransferCode.REFUND),
        verdict.get("digest", ""),
        problems,
    )


def _moved(journal: sqlite3.Connection) -> dict[int, list[Moved]]:
    """What went into the escrow of each match and out of it; a player's part with the player."""
    found = defaultdict(list)
    rows = journal.execute(f"SELECT debit, credit, code, amount FROM transfers WHERE status IN {MOVED_STATUSES}")
    for *sides, code, amount in rows:
        for escrow, other in (sides, sides[::-1]):
            if escrow >> 8 & 0xFF == Account.MATCH_ESCROW:
                player = other >> 16 if other >> 8 & 0xFF in PLAYERS else 0
                found[escrow >> 16].append(Moved(player, TransferCode(code), escrow & 0xFF, amount))
    return found


def _sums_that_are_not_zero(state: State) -> list[str]:
    """Balances by asset, over all accounts; and what an escrow still has when all matches are over."""
    sums: Counter[int] = Counter()
    found = []
    for account in accounts_of(state.book):
        balance = int(account["credits_posted"]) - int(account["debits_posted"])
        id = int(account["id"])
        sums[id & 0xFF] += balance
        held = int(account["debits_pending"]) or int(account["credits_pending"])
        if id >> 8 & 0xFF == Account.MATCH_ESCROW and (balance or held):
            found.append(f"the escrow of match {id >> 16} has {balance}, and {held} is held")
    return found + [f"{Asset(asset).name} sums to {total}" for asset, total in sums.items() if total]


def _wrong_in(state: State, match: int, moved: list[Moved]) -> list[str]:
    """Was it paid out, or given back, once?"""
    status = int(state.book.matches[match]["status"])
    if status not in (MATCH_CLOSED, MATCH_CANCELED):
        return [f"match {match} is not over"]
    totals: Counter[TransferCode] = Counter()
    times: Counter[tuple[int, TransferCode]] = Counter()
    for of in moved:
        totals[of.code] += of.amount
        times[of.player, of.code] += 1
    found = []
    paid_in = totals[TransferCode.ENTRY_FEE] + totals[TransferCode.REWARD]
    paid_out = totals[TransferCode.PRIZE] + totals[TransferCode.REFUND] + totals[TransferCode.HOUSE_FEE]
    if paid_in != paid_out:
        found.append(f"match {match} took {paid_in} and gave {paid_out}")
    if status == MATCH_CANCELED and paid_in != totals[TransferCode.REFUND]:
        found.append(f"match {match} was called off and gave back only {totals[TransferCode.REFUND]} of {paid_in}")
    for player in {of.player for of in moved} - {0}:
        fees, back = times[player, TransferCode.ENTRY_FEE], times[player, TransferCode.REFUND]
        if not 0 <= fees - back <= 1:
            found.append(f"player {player} paid {fees} times for match {match} and got it back {back} times")
        if times[player, TransferCode.PRIZE] > (fees == 0 or fees > back):
            found.append(f"player {player} got prizes of match {match} {times[player, TransferCode.PRIZE]} times")
    return found


def _told_otherwise(state: State, told: dict[int, list[Balance[Decimal]]]) -> list[str]:
    found = []
    for player, balances in told.items():
        seen = {of.asset: f"{of.balance:f}" for of in balances}
        has = {Asset(of.asset).name: asset_text(of.balance, of.asset) for of in views.wallet(state.book, player)}
        if seen != has:
            found.append(f"player {player} was told {seen} and has {has}")
    return found


def _by_asset(moved: list[Moved], code: TransferCode) -> dict[str, str]:
    sums: Counter[int] = Counter()
    for of in moved:
        if of.code == code:
            sums[of.asset] += of.amount
    return {Asset(asset).name: asset_text(total, asset) for asset, total in sorted(sums.items())}
