"""What waits for the next quote of its instrument."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import fixed_trades_of, live_rows, orders_of, positions_of, walk, where
from engine.model.state import State
from engine.model.tables import WAITING, WAITS_TO_CLOSE, WAITS_TO_ENTER, WAITS_TO_OPEN


def what_waits_for_a_quote_stands_in_line(state: State) -> list[str]:
    """Each order, close and entry that waits is in its instrument's queue, or its timer says when it joins it."""
    book = state.book
    following, line = book.waiting["next"].tolist(), []
    found = []
    for instrument in np.flatnonzero(book.quotes["waiting_first"]):
        queue = walk(int(book.quotes["waiting_first"][instrument]), following)
        line += queue
        if (book.waiting["instrument"][queue] != instrument).any():
            found.append(f"what stands in line for instrument {instrument} is another's")
        if (book.waiting["previous"][queue] != [0, *queue[:-1]]).any() or book.quotes["waiting_last"][
            instrument
        ] != queue[-1]:
            found.append(f"the queue of instrument {instrument} does not run back")
    if (book.quotes["waiting_last"][book.quotes["waiting_first"] == 0]).any():
        found.append("a queue has an end and no start")

    rows = live_rows(book, WAITING)
    waiting = book.waiting[rows]
    if sorted(line) != rows[waiting["queued"] != 0].tolist():
        found.append("what is queued stands in no queue")
    opens = waiting["kind"] == WAITS_TO_OPEN
    timed = (waiting["queued"] == 0) | opens
    found += where((waiting["timer"] != 0) != timed, "row {} waits without its timer, or with one too many", rows)
    for things, table, kind in (
        (orders_of(book), book.orders, WAITS_TO_OPEN),
        (positions_of(book), book.positions, WAITS_TO_CLOSE),
        (fixed_trades_of(book), book.fixed_trades, WAITS_TO_ENTER),
    ):
        of_kind = waiting["kind"] == kind
        owners = table[waiting["owner"][of_kind]]
        astray = (owners["waiting"] != rows[of_kind]) | (owners["instrument"] != waiting["instrument"][of_kind])
        found += where(astray, "row {} waits for another", rows[of_kind])
        if np.count_nonzero(things["waiting"]) != np.count_nonzero(of_kind):
            found.append(f"{np.count_nonzero(things['waiting'])} things wait in {np.count_nonzero(of_kind)} rows")
    trades = fixed_trades_of(book)
    entered, waits = trades["entry"] > 0, trades["waiting"] != 0
    wrong = (entered == waits) | (entered != (trades["entry_sequence"] > 0))
    return found + where(wrong, "fixed-time trade {} neither entered nor waits", trades["id"])
