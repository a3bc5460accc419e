"""Checks of the books of a stopped arena: balances, escrows, payments of every match, reported wallets."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.checks import missing_commands, verify
from bench.process import arena
from engine import views
from engine.invariants.rows import accounts_of
from engine.model.commands import Account, Asset, TransferCode
from engine.model.events import TransferStatus
from engine.model.state import State
from engine.model.tables import MATCH_CANCELED, MATCH_CLOSED
from gateway.presenters.decimals import asset_text
from gateway.protocol.wallets import Balance
from persistence.recovery import recover

PLAYER_CODES: Final = (Account.PLAYER_CASH, Account.PLAYER_DEMO, Account.PLAYER_ITEMS)
POSTED_STATUSES: Final = f"({TransferStatus.POSTED:d}, {TransferStatus.HOLD_POSTED:d})"


class Books(msgspec.Struct, frozen=True):
    """Result of the checks; amounts by asset."""

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


class MatchTransfer(NamedTuple):
    """A posted transfer into or out of a match's escrow."""

    player: int  # 0: the house
    code: TransferCode
    asset: int
    amount: int


def check_books(data: Path, reported: dict[int, list[Balance[Decimal]]], acknowledged: list[tuple[int, int]]) -> Books:
    """Check a data folder in which all matches but practice ones are over. `reported`: the last wallet that each player
    received; `acknowledged`: player and sequence of commands."""
    problems = []
    verdict = verify(data)
    if isinstance(verdict, str):
        problems.append(f"arena verify: {verdict}")
        verdict = {}
    audited = arena("audit", "--data", str(data), "--json")
    if audited.returncode:
        problems.append(f"arena audit: {audited.stdout} {audited.stderr}")
    lines = [{"player": player, "seq": sequence} for player, sequence in acknowledged]
    problems += [f"acknowledged, but not in the log: {line}" for line in missing_commands(data, lines)[0]]

    recovered = recover(data)
    with closing(recovered), closing(sqlite3.connect(recovered.projection_path)) as journal:
        state = recovered.machine.state
        matches = [id for id, made in state.cold.matches.items() if not made.practice]
        flows = _match_transfers(journal)
        problems += _balance_problems(state)
        for match in matches:
            problems += _match_problems(state, match, flows[match])
        problems += _wallet_problems(state, reported)
        statuses = Counter(int(state.book.matches[match]["status"]) for match in matches)
        (transfers,) = journal.execute("SELECT count(*) FROM transfers").fetchone()
    every = [transfer for match in matches for transfer in flows[match]]
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


def _match_transfers(journal: sqlite3.Connection) -> dict[int, list[MatchTransfer]]:
    """Posted transfers into and out of the escrow of each match."""
    found = defaultdict(list)
    rows = journal.execute(f"SELECT debit, credit, code, amount FROM transfers WHERE status IN {POSTED_STATUSES}")
    for *sides, code, amount in rows:
        for escrow, other in (sides, sides[::-1]):
            if escrow >> 8 & 0xFF == Account.MATCH_ESCROW:
                player = other >> 16 if other >> 8 & 0xFF in PLAYER_CODES else 0
                found[escrow >> 16].append(MatchTransfer(player, TransferCode(code), escrow & 0xFF, amount))
    return found


def _balance_problems(state: State) -> list[str]:
    """Assets that do not sum to zero, and escrows that are not empty."""
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


def _match_problems(state: State, match: int, transfers: list[MatchTransfer]) -> list[str]:
    """Whether all money of the match was paid out or refunded, exactly once."""
    status = int(state.book.matches[match]["status"])
    if status not in (MATCH_CLOSED, MATCH_CANCELED):
        return [f"match {match} is not over"]
    totals: Counter[TransferCode] = Counter()
    times: Counter[tuple[int, TransferCode]] = Counter()
    for transfer in transfers:
        totals[transfer.code] += transfer.amount
        times[transfer.player, transfer.code] += 1
    found = []
    paid_in = totals[TransferCode.ENTRY_FEE] + totals[TransferCode.REWARD]
    paid_out = totals[TransferCode.PRIZE] + totals[TransferCode.REFUND] + totals[TransferCode.HOUSE_FEE]
    if paid_in != paid_out:
        found.append(f"match {match} took {paid_in} and gave {paid_out}")
    if status == MATCH_CANCELED and paid_in != totals[TransferCode.REFUND]:
        found.append(f"match {match} was called off and gave back only {totals[TransferCode.REFUND]} of {paid_in}")
    for player in {transfer.player for transfer in transfers} - {0}:
        fees, back = times[player, TransferCode.ENTRY_FEE], times[player, TransferCode.REFUND]
        if not 0 <= fees - back <= 1:
            found.append(f"player {player} paid {fees} times for match {match} and got it back {back} times")
        if times[player, TransferCode.PRIZE] > (fees == 0 or fees > back):
            found.append(f"player {player} got prizes of match {match} {times[player, TransferCode.PRIZE]} times")
    return found


def _wallet_problems(state: State, reported: dict[int, list[Balance[Decimal]]]) -> list[str]:
    found = []
    for player, balances in reported.items():
        seen = {balance.asset: f"{balance.balance:f}" for balance in balances}
        has = {
            Asset(balance.asset).name: asset_text(balance.balance, balance.asset)
            for balance in views.wallet(state.book, player)
        }
        if seen != has:
            found.append(f"player {player} was told {seen} and has {has}")
    return found


def _by_asset(transfers: list[MatchTransfer], code: TransferCode) -> dict[str, str]:
    sums: Counter[int] = Counter()
    for transfer in transfers:
        if transfer.code == code:
            sums[transfer.asset] += transfer.amount
    return {Asset(asset).name: asset_text(total, asset) for asset, total in sorted(sums.items())}
