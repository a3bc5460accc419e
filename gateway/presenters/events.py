"""The engine's events as clients' messages are made from them.

Unpacked with `struct`, by formats derived from the dtypes of their layouts: see records.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.model import events as layouts
from engine.model.events import (
    DTYPES,
    EVENT_BYTES,
    Candle,
    Event,
    Fixed,
    Judged,
    Progressed,
    Queued,
    Quoted,
    Ranked,
    Read,
    Switched,
    Timed,
    Wallet,
)
from gateway.core.records import struct_of

__all__ = [
    "Candle", "Event", "Fixed", "Judged", "Progressed", "Queued", "Quoted", "Ranked", "Read", "Switched", "Timed",
    "Wallet", "TRADE_FIELDS", "Trade", "event_at", "places_in", "trades_in",
]  # fmt: skip

Trade = tuple[Any, ...]
"""What happened to an order, a position or a seat, in the order of TRADE_FIELDS.

A plain tuple, to be unpacked whole, because it is hot: there are one to three of them per order.
"""

TRADE_FIELDS: Final = layouts.Trade.__struct_fields__

_STRUCTS: Final = {layout: struct_of(dtype) for layout, dtype in DTYPES.items()}

E = TypeVar("E", bound=Event)


def event_at(layout: type[E], raw: bytes, index: int) -> E:
    """Event number `index` of a batch whose events' bytes are `raw`, which has that layout."""
    return layout(*_STRUCTS[layout].unpack_from(raw, index * EVENT_BYTES))


def trades_in(raw: bytes) -> Iterator[Trade]:
    """All events of a batch read as trades; of those that are none, only the header means something."""
    return _STRUCTS[layouts.Trade].iter_unpack(raw)


def places_in(events: NDArray[np.void]) -> NDArray[np.int64]:
    """Of each event of a batch, how many of its sequence come before it.

    Timers fire before a batch's first command, and what they do carries that command's sequence, as what the command
    does. The place tells which came first.
    """
    sequences = events["sequence"]
    return np.arange(len(events)) - np.searchsorted(sequences, sequences)
