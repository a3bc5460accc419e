"""Matches, their challenge rules, and the solvency of paid ones."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from engine.competition.prizes import prize_pool
from engine.ledger.accounts import find_account_row
from engine.model.commands import Account
from engine.model.scale import PPM
from engine.model.state import State
from engine.model.tables import MATCH_OPEN, MATCH_WAITING, Book
from engine.storage.hash_index import allowed_key, find


class MatchView(NamedTuple):
    match: int
    game: int
    status: int
    practice: bool
    fees: bool
    next_quote: bool
    speed_bump_ns: int
    starting_balance: int
    max_positions: int
    max_leverage: int
    seats: int
    min_players: int  # 0: it opened at once
    max_players: int  # 0: no limit
    starts_at_ns: int  # or has started; 0: no countdown yet
    ends_at_ns: int  # 0: never, or not started; while paused: without the pause
    rules: Rules
    game_version: int
    outage_ns: int  # silence of the feed that it tolerates; 0: any
    outage_extends: bool  # True: paused by an outage; False: voided
    paused: bool


class Rules(NamedTuple):
    """The challenge rules of a match; 0 or empty: no such rule."""

    allowed: tuple[int, ...]  # instruments; empty: all
    allowed_side: int  # Side; 0: both
    trades_per_minute: int
    min_trades: int
    min_hold_ns: int
    daily_drawdown_ppm: int  # of the starting balance, as the other ppm
    daily_anchor: int  # engine.commands.Anchor
    total_drawdown_ppm: int
    total_mode: int  # engine.commands.TotalDrawdown
    loss_per_trade_ppm: int
    loss_disqualifies: bool
    profit_target_ppm: int
    target_ends: bool
    hedging: bool  # may a seat be long and short in one instrument?
    day_zone: int = 0  # row of the zone of its days; 0: UTC
    day_start_s: int = 0  # after midnight there


def match(state: State, match_id: int) -> MatchView | None:
    """The match; None when there is none."""
    book = state.book
    if not 1 <= match_id <= int(book.world[0]["matches"]):
        return None
    row = book.matches[match_id]
    return MatchView(
        match_id,
        int(row["game"]),
        int(row["status"]),
        bool(row["practice"]),
        bool(row["fees"]),
        bool(row["next_quote"]),
        int(row["speed_bump_ns"]),
        int(row["starting_balance"]),
        int(row["max_positions"]),
        int(row["max_leverage"]),
        int(row["seats"]),
        int(row["min_players"]),
        int(row["max_players"]),
        int(row["starts_at_ns"]),
        int(row["ends_at_ns"]),
        _rules(book, match_id),
        int(row["game_version"]),
        int(row["outage_ns"]),
        bool(row["outage_extends"]),
        bool(row["paused_since_ns"]),
    )


def _rules(book: Book, match_id: int) -> Rules:
    """Walks all instruments if the match restricts them."""
    row = book.matches[match_id]
    start = int(row["starting_balance"])
    allowed: tuple[int, ...] = ()
    if row["restricted"]:
        instruments = range(1, int(book.world[0]["instruments"]) + 1)
        allowed = tuple(id for id in instruments if find(book.allowed_index, allowed_key(match_id, id)))

    def ppm(money: int) -> int:
        # The amount was rounded up from it by less than a unit, so rounding down restores it.
        return money * PPM // start

    return Rules(
        allowed,
        int(row["allowed_side"]),
        int(row["trades_per_minute"]),
        int(row["min_trades"]),
        int(row["min_hold_ns"]),
        ppm(int(row["daily_drawdown"])),
        int(row["daily_anchor"]),
        ppm(int(row["total_drawdown"])),
        int(row["total_mode"]),
        ppm(int(row["loss_per_trade"])),
        bool(row["loss_disqualifies"]),
        ppm(int(row["profit_target"]) - start) if row["profit_target"] else 0,
        bool(row["target_ends"]),
        not row["no_hedging"],
        int(row["day_zone"]),
        int(row["day_start_s"]),
    )


def matches(
    state: State, limit: int, before: int, statuses: Collection[int], game: int | None = None
) -> list[MatchView]:
    """The last `limit` matches with ids below `before`, with these statuses, and of `game` if given; by ascending id.
    Scans the status column of all matches.
    """
    rows = np.asarray(state.book.matches)[: min(before, int(state.book.world[0]["matches"]) + 1)]
    wanted = np.isin(rows["status"], list(statuses))
    if game is not None:
        wanted &= rows["game"] == game
    found = (match(state, id) for id in np.flatnonzero(wanted)[-limit:].tolist())
    return [view for view in found if view is not None]


class SolvencyView(NamedTuple):
    """The money of a match, in native units of its asset."""

    match: int
    asset: int
    escrow: int  # its balance
    set_aside: int  # reserve of the house for a fixed prize that fees may not cover
    refunds: int  # owed if it is canceled now
    prizes: int  # owed if it ends with its present seats

    @property
    def is_solvent(self) -> bool:
        return self.escrow == self.refunds and self.escrow + self.set_aside >= self.prizes


def solvency(state: State, match_id: int) -> SolvencyView | None:
    """Assets and liabilities of the match; None when it does not exist or moves no money."""
    book = state.book
    if not 1 <= match_id <= int(book.world[0]["matches"]) or not book.matches[match_id]["asset"]:
        return None
    match = book.matches[match_id]
    asset, seats = int(match["asset"]), int(match["seats"])
    rules = state.cold.games[int(match["game"])].version(int(match["game_version"]))
    escrow = book.accounts[find_account_row(book, match_id, Account.MATCH_ESCROW, asset)]
    owes = seats > 0 and match["status"] in (MATCH_WAITING, MATCH_OPEN)
    prizes = prize_pool(rules, seats) if rules.prize_split else rules.reward_price
    return SolvencyView(
        match_id,
        asset,
        int(escrow["credits_posted"] - escrow["debits_posted"]),
        int(escrow["credits_pending"]),
        rules.entry_fee * seats if owes else 0,
        prizes if owes else 0,
    )
