"""Invariants: checks that hold for every state between two batches, each written as plainly as possible.

Tests, the verifier and a live arena run them. Columns are compared as arrays, linked lists are walked as Python lists:
a hundred thousand positions take well under a second.

tables.py    free lists, cold objects, the index of ids
seats.py     seats, holdings, position lists, linked lists
trades.py    orders, positions, fixed-time trades, exposures
triggers.py  price triggers and their pages
bands.py     equity bands of seats with challenge rules
waiting.py   queues for the next quote, amendments
timers.py    the timer heap and the owners of timers
market.py    instruments, quotes, candles
matches.py   virtual money, game versions, pauses, queues, careers
ledger.py    accounts, holds, transfers
money.py     escrows, item rewards, referral bonuses, offers
requests.py  idempotency keys
rows.py      helpers: rows in use, linked lists, sums by owner, reporting
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.invariants import (
    bands,
    ledger,
    market,
    matches,
    money,
    requests,
    seats,
    tables,
    timers,
    trades,
    triggers,
    waiting,
)
from engine.model.state import State
from engine.model.tables import Book

INVARIANTS: tuple[Callable[[State], list[str]], ...] = (
    tables.free_lists_are_consistent,
    tables.cold_ids_match_counters,
    tables.id_index_matches_rows,
    seats.seat_amounts_are_not_negative,
    seats.seat_totals_match_open_trades,
    seats.holding_totals_match_open_trades,
    seats.seats_hold_one_side_where_hedging_is_not_allowed,
    seats.seat_index_matches_seats,
    seats.holding_index_matches_holdings,
    seats.linked_lists_match_owners,
    seats.position_lists_match_positions,
    trades.trade_amounts_are_within_bounds,
    trades.trailing_stops_are_valid,
    trades.exposures_match_stakes,
    trades.wallet_trades_have_their_holds,
    matches.match_money_is_conserved,
    matches.game_versions_exist,
    matches.paused_matches_are_counted,
    matches.queues_are_valid,
    matches.careers_match_finished_matches,
    ledger.every_asset_sums_to_zero,
    ledger.account_sums_are_within_bounds,
    ledger.pending_sums_match_holds,
    ledger.account_rows_are_reachable,
    ledger.transfer_index_matches_transfers,
    money.escrows_match_entry_fees,
    money.item_rewards_are_held,
    money.referral_bonuses_are_paid_once,
    money.offers_are_valid,
    triggers.triggers_match_their_owners,
    triggers.page_bounds_enclose_their_rows,
    triggers.page_counts_match_rows,
    triggers.bucket_extents_match_pages,
    bands.bands_match_positions,
    bands.band_shares_fit_headroom,
    timers.timer_heap_is_ordered,
    timers.timers_match_their_owners,
    waiting.waiting_queues_are_consistent,
    waiting.amendments_match_their_positions,
    requests.request_lists_are_ordered,
    market.instruments_match_definitions,
    market.zones_match_definitions,
    market.quotes_are_usable,
    market.candles_are_valid,
)


class InvariantBroken(AssertionError):
    """The state is inconsistent: a bug. The message lists all problems."""


def check(state: State) -> None:
    """Raise InvariantBroken, which lists every problem, unless all INVARIANTS hold."""
    if found := problems(state):
        raise InvariantBroken("\n".join(found))


def problems(state: State) -> list[str]:
    """All violations of INVARIANTS, as sentences; empty for a sound state. A check that raises is a violation too."""
    plain = State(Book(**{name: np.asarray(array) for name, array in state.book.arrays.items()}), state.cold)
    found = []
    for invariant in INVARIANTS:
        try:
            found += [f"{invariant.__name__}: {problem}" for problem in invariant(plain)]
        except (IndexError, KeyError, ValueError) as error:
            found.append(f"{invariant.__name__}: the check failed: {error!r}")
    return found
