"""Orders, closes and entries that wait for the next quote of their instrument, and amendments for their speed bump."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import (
    fixed_trades_of,
    list_problems,
    live_rows,
    orders_of,
    positions_of,
    report,
    walk,
)
from engine.model.commands import Amend
from engine.model.state import State
from engine.model.tables import AMENDMENTS, POSITIONS, WAITING, WAITS_TO_CLOSE, WAITS_TO_ENTER, WAITS_TO_OPEN


def waiting_queues_are_consistent(state: State) -> list[str]:
    """Each waiting row is in its instrument's queue, or has a timer that will put it there; and instruments count
    them."""
    book = state.book
    following, queued = book.waiting["next"].tolist(), []
    found = []
    for instrument in np.flatnonzero(book.quotes["waiting_first"]):
        queue = walk(int(book.quotes["waiting_first"][instrument]), following)
        queued += queue
        if (book.waiting["instrument"][queue] != instrument).any():
            found.append(f"the queue of instrument {instrument} has rows of another")
        if (book.waiting["previous"][queue] != [0, *queue[:-1]]).any() or book.quotes["waiting_last"][
            instrument
        ] != queue[-1]:
            found.append(f"previous links of the queue of instrument {instrument} are wrong")
    if (book.quotes["waiting_last"][book.quotes["waiting_first"] == 0]).any():
        found.append("a queue has a last row and no first")

    rows = live_rows(book, WAITING)
    waiting = book.waiting[rows]
    if sorted(queued) != rows[waiting["queued"] != 0].tolist():
        found.append("queued rows are not those in the queues")
    if (np.bincount(waiting["instrument"], minlength=len(book.quotes)) != book.quotes["waiting"]).any():
        found.append("an instrument counts other rows than those that wait for its quotes")
    opens = waiting["kind"] == WAITS_TO_OPEN
    timed = (waiting["queued"] == 0) | opens
    found += report((waiting["timer"] != 0) != timed, "timer of waiting row {} is missing or superfluous", rows)
    for trades, table, kind in (
        (orders_of(book), book.orders, WAITS_TO_OPEN),
        (positions_of(book), book.positions, WAITS_TO_CLOSE),
        (fixed_trades_of(book), book.fixed_trades, WAITS_TO_ENTER),
    ):
        of_kind = waiting["kind"] == kind
        owners = table[waiting["owner"][of_kind]]
        astray = (owners["waiting"] != rows[of_kind]) | (owners["instrument"] != waiting["instrument"][of_kind])
        found += report(astray, "waiting row {} does not match its owner", rows[of_kind])
        if np.count_nonzero(trades["waiting"]) != np.count_nonzero(of_kind):
            found.append(f"{np.count_nonzero(trades['waiting'])} trades wait, not {np.count_nonzero(of_kind)}")
    trades = fixed_trades_of(book)
    entered, waits = trades["entry"] > 0, trades["waiting"] != 0
    wrong = (entered == waits) | (entered != (trades["entry_sequence"] > 0))
    return found + report(wrong, "fixed-time trade {} must either have its entry or wait", trades["id"])


def amendments_match_their_positions(state: State) -> list[str]:
    """The linked list of a position has its amendments, latest first; each changes stops, and nothing else."""
    book = state.book
    rows, positions = live_rows(book, AMENDMENTS), live_rows(book, POSITIONS)
    table = book.amendments
    amendments = table[rows]
    stops = Amend.STOP_LOSS | Amend.TAKE_PROFIT | Amend.TRAILING_STOP
    wrong = (amendments["fields"] == 0) | (amendments["fields"] & ~stops != 0)
    wrong |= (amendments["trailing"] != 0) & (amendments["fields"] & Amend.TRAILING_STOP == 0)
    for column in ("stop_loss", "take_profit", "trailing"):
        wrong |= amendments[column] < 0
    older = amendments["next"] != 0
    wrong |= older & (table["sequence"][amendments["next"]] >= amendments["sequence"])
    return report(wrong, "amendment {} is wrong", rows) + list_problems(
        "amendments of position", positions, book.positions["first_amendment"], table["next"], table["previous"],
        table["position"], rows,
    )  # fmt: skip
