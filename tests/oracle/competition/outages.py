"""The feed falls silent, and comes back."""

from __future__ import annotations

from engine.model.events import EventKind
from engine.model.reasons import Reason
from tests.oracle.events import tell_all
from tests.oracle.state import BILLION, Match, Oracle
from tests.oracle.trading.rules import start_day


def feed_is_out(oracle: Oracle, match: Match, id: int, since_ns: int) -> None:
    if match.game.outage_extends:
        match.paused_since_ns = since_ns
        tell_all(oracle, id, EventKind.MATCH_PAUSED)
    else:
        match.void = Reason.OUTAGE
        match.ends_at_ns = since_ns + match.game.outage_s * BILLION + 1


def feed_is_back(oracle: Oracle, symbol: str) -> None:
    for id, match in oracle.running.items():
        if match.paused_since_ns and match.allows(symbol):
            match.ends_at_ns += oracle.now_ns - match.paused_since_ns
            match.paused_since_ns = 0
            if 0 < match.next_day_ns <= oracle.now_ns:
                start_day(oracle, id, match)
            tell_all(oracle, id, EventKind.MATCH_RESUMED, starts_at_ns=0, ends_at_ns=match.ends_at_ns)
