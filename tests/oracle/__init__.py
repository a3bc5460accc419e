"""The rules once more, as naively as they can be said: dicts, lists, unbounded integers, a look at all on every quote.

The engine is fast and the oracle is plain; a driver gives both the same commands and compares all that comes out. Read
it as the rule book: prices are ticks, quantities lots, money 1e-8 units, times nanoseconds.

    state.py         what there is, and the oracle, which has it all: what every function here is given
    turn.py          a batch: what is due, then the commands, each with its outcome
    events.py        how it is told
    trading/         instruments and quotes; what a seat trades, by which rules, and what that is worth
    competition/     who plays what, and what comes of it
    ledger/          accounts and transfers; who pays whom and when; the commands about it
"""

from tests.oracle.state import DAY_NS, Match, Oracle, Seat
from tests.oracle.trading.prices import is_liquidated, liquidation_price
from tests.oracle.turn import apply

__all__ = ["DAY_NS", "Match", "Oracle", "Seat", "apply", "is_liquidated", "liquidation_price"]
