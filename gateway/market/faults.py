"""What goes wrong on a market server on request: which faults there are, how often, and what garbage looks like."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

import msgspec

from engine.model.scale import MONEY, MONEY_DECIMALS, PPM, format_decimal, parse_decimal
from gateway.market import decode_envelope
from gateway.protocol.codecs import DecodeFailure

ALL_SYMBOLS: Final = ""
NO_ANSWER: Final = 0
"""Instead of the status of an HTTP answer: none comes."""
NESTING: Final = 5_000
CENT: Final = MONEY // 100


class Faults(msgspec.Struct, frozen=True):
    """The faults of a server, none by default. The same seed gives the same faults in the same frames.

    What is rated in parts per million strikes single frames. What has an `every_s` strikes after half to one and a
    half times as many seconds of wall time, again and again, and lasts as long as its own figure says.
    """

    seed: int = 1
    duplicate_ppm: int = 0
    """Frames sent twice."""
    garbage_ppm: int = 0
    """Frames before which a malformed one is sent."""
    gap_every_s: float = 0.0
    gap_s: float = 2.0
    """Frames are lost, while the connection stays open and answers pings."""
    stall_every_s: float = 0.0
    stall_s: float = 2.0
    """Nothing at all is sent; what was held back follows at once when it is over."""
    disconnect_every_s: float = 0.0
    """All connections are dropped."""
    outage_every_s: float = 0.0
    outage_s: float = 5.0
    """All connections are dropped, and new ones are refused."""


class FaultsInForce:
    """What is wrong just now, and what that makes of a frame. Times are seconds of one clock, the caller's."""

    def __init__(self, faults: Faults) -> None:
        self.stall_ends_s = 0.0
        self._faults = faults
        self._random = Random(faults.seed)
        self._gaps_end_s: dict[str, float] = {}
        self._duplicates_due = 0
        self._first_number: dict[str, int] = {}
        self._renumbered: set[str] = set()
        self._finer: set[str] = set()
        self._wild_due: dict[str, int] = {}

    def start_over(self, symbol: str) -> None:
        """Number the symbol's quotes from 1 on."""
        self._renumbered.add(symbol.lower())

    def finer_tick(self, symbol: str) -> None:
        """Quote thousandths: a bid 0.004 higher than it was, an ask 0.004 lower."""
        self._finer.add(symbol.lower())

    def wild(self, symbol: str, frames: int) -> None:
        """Quote a tenth of the price, so many times."""
        self._wild_due[symbol.lower()] = frames

    def altered(self, stream: str, frame: bytes) -> bytes:
        """What is sent for this frame while its symbol is numbered anew, quoted in finer ticks or wildly."""
        symbol, _, kind = stream.partition("@")
        if kind != "bookTicker":
            return frame
        changes: list[Callable[[dict[str, Any]], None]] = []
        if symbol in self._renumbered:
            changes.append(lambda quote: self._renumber(symbol, quote))
        if symbol in self._finer:
            changes.append(_make_finer)
        if self._wild_due.get(symbol, 0) > 0:
            self._wild_due[symbol] -= 1
            changes.append(_make_wild)
        return _changed(stream, frame, changes) if changes else frame

    def _renumber(self, symbol: str, quote: dict[str, Any]) -> None:
        first = self._first_number.setdefault(symbol, quote["u"])
        quote["u"] += 1 - first

    def gap(self, symbol: str, ends_s: float) -> None:
        self._gaps_end_s[symbol.lower()] = ends_s

    def duplicate(self, frames: int) -> None:
        self._duplicates_due += frames

    def in_gap(self, stream: str, now_s: float) -> bool:
        if not self._gaps_end_s:
            return False
        symbol = stream.partition("@")[0]
        return now_s < max(self._gaps_end_s.get(symbol, 0.0), self._gaps_end_s.get(ALL_SYMBOLS, 0.0))

    def sent_for(self, frame: bytes) -> list[bytes]:
        """What is really sent where this frame should be."""
        sent = [frame]
        if self._strikes(self._faults.garbage_ppm):
            sent.insert(0, self.garbage_like(frame))
        if self._duplicates_due > 0:
            self._duplicates_due -= 1
            sent.append(frame)
        elif self._strikes(self._faults.duplicate_ppm):
            sent.append(frame)
        return sent

    def garbage_like(self, frame: bytes) -> bytes:
        """A malformed frame, more or less like this one."""
        return self._random.choice(_garbage(frame))

    def _strikes(self, ppm: int) -> bool:
        return ppm > 0 and self._random.randrange(PPM) < ppm


def waits_s(every_s: float, random: Random) -> float:
    """Seconds until a fault strikes that does so every `every_s`, give or take a half."""
    return every_s * random.uniform(0.5, 1.5)


def _changed(stream: str, frame: bytes, changes: list[Callable[[dict[str, Any]], None]]) -> bytes:
    try:
        quote = msgspec.json.decode(decode_envelope(frame).data, type=dict[str, Any])
    except DecodeFailure:
        return frame
    for change in changes:
        change(quote)
    return msgspec.json.encode({"stream": stream, "data": quote})


def _make_finer(quote: dict[str, Any]) -> None:
    quote["b"] = _text(_units(quote["b"]) + CENT * 4 // 10)
    quote["a"] = _text(_units(quote["a"]) - CENT * 4 // 10)


def _make_wild(quote: dict[str, Any]) -> None:
    tenth = _units(quote["b"]) // (10 * CENT) * CENT
    quote["b"], quote["a"] = _text(tenth), _text(tenth + CENT)


def _units(text: str) -> int:
    return parse_decimal(text, MONEY_DECIMALS)


def _text(units: int) -> str:
    return format_decimal(units, MONEY_DECIMALS)


def deeply_nested(stream: str, depth: int = NESTING) -> bytes:
    """A frame of so many arrays within each other."""
    return b'{"stream":"%s","data":%s%s}' % (stream.encode(), b"[" * depth, b"]" * depth)


def _garbage(frame: bytes) -> tuple[bytes, ...]:
    return (
        frame[: len(frame) // 2],
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"stream":1,"data":{}}',
        b'{"stream":"nobody@nothing","data":{}}',
        frame.replace(b'"data":{', b'"data":[{', 1),
        frame.replace(b'"s":"', b'"s":"NOT', 1),
        frame.replace(b'":"', b'":null,"', 1),
        frame[::-1],
    )
