"""What waits for the next quote: orders, closes and entries of fixed-time trades, in line once their bump is over."""

from __future__ import annotations

from tests.oracle.state import Match, Oracle, Wait


def wait_for_quote(oracle: Oracle, id: int, instrument: int, match: Match, lots: int = 0) -> None:
    wait = Wait(id, instrument, oracle.now_ns + match.bump_ns, oracle.sequence, lots)
    oracle.waiting.append(wait)
    if not match.bump_ns:
        ripen(oracle, wait)


def ripen(oracle: Oracle, wait: Wait) -> None:
    """The bump is over: it goes to the end of the line."""
    wait.queued = True
    oracle.waiting.remove(wait)
    oracle.waiting.append(wait)


def is_waiting(oracle: Oracle, id: int) -> bool:
    return any(wait.id == id for wait in oracle.waiting)
