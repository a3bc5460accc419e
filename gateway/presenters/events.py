"""The engine's events as clients' messages are made from them.

Each layout of engine.events is a Struct here, named after it, and unpacked with `struct`, by a format derived from the
dtype: see records.py.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import numpy as np
from msgspec import Struct

from engine.model import events as layouts
from engine.model.events import EVENT_BYTES
from gateway.core.records import struct_of


class Event(Struct, frozen=True, gc=False):
    """EVENT: the header that all events share."""

    kind: int
    reason: int
    player: int
    sequence: int
    at_ns: int
    message: int
    match: int
    instrument: int


class Judged(Event, frozen=True, gc=False):
    rule: int
    percent: int
    equity: int
    level: int
    bid: int
    ask: int
    quote_sequence: int


class Quoted(Event, frozen=True, gc=False):
    bid: int
    ask: int


class Candle(Event, frozen=True, gc=False):
    interval_s: int
    open_at_ns: int
    open: int
    high: int
    low: int
    close: int
    ticks: int


class Switched(Event, frozen=True, gc=False):
    id: int
    scope: int
    switch: int
    on: int


class Fixed(Event, frozen=True, gc=False):
    id: int
    direction: int
    result: int
    stake: int
    payout_percent: int
    expires_at_ns: int
    entry: int
    exit: int
    entry_sequence: int
    exit_sequence: int
    profit: int
    cash: int
    asset: int


class Ranked(Event, frozen=True, gc=False):
    rank: int
    seats: int
    balance: int
    prize: int
    asset: int
    trades: int
    wins: int
    max_drawdown: int
    profit: int
    fees: int
    starting_balance: int
    rule: int


class Wallet(Event, frozen=True, gc=False):
    asset: int
    change: int
    balance: int
    held: int
    version: int
    code: int


class Progressed(Event, frozen=True, gc=False):
    season: int
    cups: int
    change: int
    cups_at_ns: int
    season_cups: int
    season_cups_at_ns: int
    season_matches: int
    experience: int
    gained: int
    level: int
    level_before: int
    matches: int
    wins: int


class Queued(Event, frozen=True, gc=False):
    game: int
    until_ns: int


class Timed(Event, frozen=True, gc=False):
    starts_at_ns: int
    ends_at_ns: int


Trade = tuple[Any, ...]
"""TRADE: what happened to an order, a position or a seat, in the order of TRADE_FIELDS.

A plain tuple, to be unpacked whole, because it is hot: there are one to three of them per order.
"""

TRADE_FIELDS: Final = (
    *Event.__struct_fields__,
    *("id", "side", "order_type", "cause", "leverage", "price", "lots", "cost", "margin", "fee", "profit", "cash"),
    *("left", "liquidation", "stop_loss", "take_profit", "trailing", "client_order_id"),
)


def _event_struct(dtype: np.dtype[np.void], fields: tuple[str, ...]) -> struct.Struct:
    assert fields == tuple(name for name in dtype.names or () if name != "spare"), dtype
    return struct_of(dtype)


_TRADE: Final = _event_struct(layouts.TRADE, TRADE_FIELDS)
_STRUCTS: Final = {
    layout: _event_struct(dtype, layout.__struct_fields__)
    for layout, dtype in {
        Event: layouts.EVENT,
        Judged: layouts.JUDGED,
        Quoted: layouts.QUOTED,
        Candle: layouts.CANDLE,
        Switched: layouts.SWITCHED,
        Fixed: layouts.FIXED,
        Ranked: layouts.RANKED,
        Wallet: layouts.WALLET,
        Progressed: layouts.PROGRESSED,
        Queued: layouts.QUEUED,
        Timed: layouts.TIMED,
    }.items()
}

E = TypeVar("E", bound=Event)


def event_at(layout: type[E], raw: bytes, index: int) -> E:
    """Event number `index` of a batch whose events' bytes are `raw`, which has that layout."""
    return layout(*_STRUCTS[layout].unpack_from(raw, index * EVENT_BYTES))


def trades_in(raw: bytes) -> Iterator[Trade]:
    """All events of a batch read as trades; of those that are none, only the header means something."""
    return _TRADE.iter_unpack(raw)
