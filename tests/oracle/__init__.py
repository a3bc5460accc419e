"""The rules once more, as naively as they can be said: dicts, lists, unbounded integers, a look at all on every quote.

The engine is fast and the oracle is plain; a driver gives both the same commands and compares all that comes out. Read
it as the rule book: prices are ticks, quantities lots, money 1e-8 units, times nanoseconds.

    state.py         what there is, and the oracle, which has it all: what every function here is given
    turn.py          a batch: what is due, then the commands, each with its outcome
    prices.py        margin brackets, and the price at which a position is liquidated
    markets.py quotes.py switches.py waiting.py
                     an instrument; what a quote does; what stops opens; what waits for a quote
    orders.py positions.py fixed_trades.py worth.py
                     what a seat trades, and what that is worth
    seats.py rules.py matches.py games.py queues.py outages.py careers.py
                     who plays what, by which rules, and what comes of it
    ledger.py money.py wallets.py
                     accounts and transfers; who pays whom and when; the commands about it
    events.py        how it is told
"""

from oracle.prices import is_liquidated, liquidation_price
from oracle.state import DAY_NS, Match, Oracle, Seat
from oracle.turn import apply

__all__ = ["DAY_NS", "Match", "Oracle", "Seat", "apply", "is_liquidated", "liquidation_price"]
