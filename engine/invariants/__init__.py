"""What is true of every state between two batches: a list of checks, each of them the naive reading of one promise.

They are for tests, for the simulator, and for a live arena that is asked whether it is still sound. Columns are summed
and compared as arrays, chains are walked as lists: a hundred thousand positions take well under a second.
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
    tables.free_rows_are_free,
    tables.things_are_named,
    tables.ids_lead_to_rows_and_back,
    seats.no_seat_is_in_debt,
    seats.seats_sum_what_they_have,
    seats.holdings_sum_what_they_hold,
    seats.seats_are_found,
    seats.holdings_are_found,
    seats.chains_hold_what_is_a_seats,
    seats.lists_name_open_positions,
    trades.amounts_are_within_bounds,
    trades.trailing_stops_are_stops,
    trades.exposures_sum_what_is_staked,
    trades.wallet_trades_hold_what_they_stake,
    matches.every_match_sums_to_what_it_granted,
    matches.matches_play_by_a_version_of_their_game,
    matches.pauses_are_counted,
    matches.queues_hold_players_of_theirs,
    matches.careers_are_what_matches_made_of_them,
    ledger.every_asset_sums_to_zero,
    ledger.accounts_are_within_bounds,
    ledger.what_is_pending_is_held,
    ledger.accounts_are_found,
    ledger.transfers_are_known,
    money.escrows_hold_what_their_matches_owe,
    money.items_are_set_aside_for_winners,
    money.referrals_are_paid_once,
    money.the_store_sells_items_for_live_money,
    triggers.triggers_wait_for_their_owners,
    triggers.page_bounds_enclose_their_rows,
    triggers.pages_count_their_rows,
    triggers.buckets_hold_the_bounds_of_their_pages,
    bands.bands_watch_what_their_seats_hold,
    bands.shares_of_bands_do_not_exceed_headroom,
    timers.timers_are_in_order,
    timers.timers_are_those_of_what_ends_or_waits,
    waiting.what_waits_for_a_quote_stands_in_line,
    requests.requests_are_kept_in_order,
    market.instruments_are_as_defined,
    market.quotes_are_usable,
    market.candles_enclose_their_prices,
)


class InvariantBroken(AssertionError):
    """We are wrong: the state contradicts itself. The message lists how."""


def check(state: State) -> None:
    """Raise InvariantBroken, naming every problem, unless all INVARIANTS hold."""
    if found := problems(state):
        raise InvariantBroken("\n".join(found))


def problems(state: State) -> list[str]:
    """What contradicts INVARIANTS, in words; nothing for a sound state. A chain so broken that a check fails is one."""
    plain = State(Book(**{name: np.asarray(array) for name, array in state.book.arrays.items()}), state.cold)
    found = []
    for invariant in INVARIANTS:
        try:
            found += [f"{invariant.__name__}: {problem}" for problem in invariant(plain)]
        except (IndexError, KeyError, ValueError) as error:
            found.append(f"{invariant.__name__}: cannot even be checked: {error!r}")
    return found
