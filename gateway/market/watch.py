"""Which symbols of a feed have had nothing new to say for too long. No I/O, no clock: times are monotonic ns.

A connection can live while one of its symbols is silent, or is sent with numbers that started over, which nobody takes.
Only a new connection helps against both. A symbol that is as silent on that one is waited for twice as long before the
next, so one that trades seldom, or not at all any more, costs the others a new connection now and then and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.model.scale import NS_PER_S

NOTHING_HEARD: Final = -1
LONGEST_PATIENCE_NS: Final = 600 * NS_PER_S
RECOVERS_NS: Final = 3_600 * NS_PER_S
"""A symbol that has not been silent for so long is waited for as at the beginning."""


class _Symbol:
    __slots__ = ("newer_ns", "old_frames", "patience_ns", "sequence", "steady_since_ns")

    def __init__(self, patience_ns: int) -> None:
        self.sequence = NOTHING_HEARD
        self.newer_ns = 0
        """When it was last heard, or when the connection opened."""
        self.old_frames = 0
        """Since then, those with a number that was not above the last one."""
        self.patience_ns = patience_ns
        self.steady_since_ns = 0


class SymbolWatch:
    """See the module. `silence_ns` is how long a symbol may be silent at first; 0: for ever."""

    def __init__(self, symbols: Iterable[str], silence_ns: int) -> None:
        self.old_frames = 0
        """Frames of all symbols whose number was not above the last one."""
        self.unlisted: frozenset[str] = frozenset()
        """Symbols from which nothing is expected."""
        self._silence_ns = silence_ns
        self._symbols: dict[str, _Symbol] = {}
        for symbol in symbols:
            self.add(symbol)

    def add(self, symbol: str) -> None:
        """Watch this symbol as well."""
        self._symbols[symbol] = _Symbol(self._silence_ns)

    def opened(self, now_ns: int) -> None:
        """A new connection: numbers start anew, and each symbol has its time to be heard."""
        for symbol in self._symbols.values():
            symbol.sequence = NOTHING_HEARD
            symbol.newer_ns = now_ns
            symbol.old_frames = 0

    def start_over(self) -> None:
        """Numbers start anew on the same connection."""
        for symbol in self._symbols.values():
            symbol.sequence = NOTHING_HEARD

    def heard(self, name: str, sequence: int, now_ns: int) -> bool:
        """A frame of the symbol came; whether its number is above the last one."""
        symbol = self._symbols[name]
        if sequence <= symbol.sequence:
            symbol.old_frames += 1
            self.old_frames += 1
            return False
        symbol.sequence = sequence
        if now_ns - symbol.newer_ns > self._silence_ns:
            symbol.steady_since_ns = now_ns
        elif symbol.patience_ns > self._silence_ns and now_ns - symbol.steady_since_ns >= RECOVERS_NS:
            symbol.patience_ns = self._silence_ns
        symbol.newer_ns = now_ns
        symbol.old_frames = 0
        return True

    def lost(self, now_ns: int) -> dict[str, int]:
        """The symbols to reconnect for, and how many frames each was sent that were old. Each is waited for longer from
        now on."""
        if not self._silence_ns:
            return {}
        found = {}
        for name, symbol in self._symbols.items():
            if now_ns - symbol.newer_ns > symbol.patience_ns and name not in self.unlisted:
                found[name] = symbol.old_frames
                symbol.patience_ns = max(symbol.patience_ns, min(2 * symbol.patience_ns, LONGEST_PATIENCE_NS))
                symbol.steady_since_ns = now_ns
        return found
