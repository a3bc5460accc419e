"""Commands as bytes, and outcomes and events as tuples.

Everything is packed and unpacked with `struct`, by formats derived from the engine's dtypes: a fifth of a microsecond
a record, where numpy's scalars take several. A test packs each record and reads it back through its dtype.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.commands import (
    AMEND_ORDER,
    AMEND_POSITION,
    BUY_FIXED,
    CANCEL_ORDER,
    CLOSE_POSITION,
    COMMAND,
    PLACE_ORDER,
    QUOTE,
    RECORD_BYTES,
    Kind,
)
from engine.events import (
    CANDLE,
    EVENT,
    EVENT_BYTES,
    FIXED,
    JUDGED,
    OUTCOME,
    PROGRESSED,
    QUEUED,
    QUOTED,
    RANKED,
    SWITCHED,
    TIMED,
    TRADE,
    WALLET,
)

_CODES: Final = {"<i1": "b", "|i1": "b", "<i2": "h", "<i4": "i", "<i8": "q"}


def struct_of(dtype: np.dtype[np.void]) -> struct.Struct:
    """The struct format of a packed dtype: its integers, its sub-arrays as bytes, its spare bytes skipped."""
    codes = []
    for name in dtype.names or ():
        field = dtype[name]
        if name == "spare":
            codes.append(f"{field.itemsize}x")
        elif field.subdtype is not None:
            codes.append(f"{field.itemsize}s")
        else:
            codes.append(_CODES[field.str])
    layout = struct.Struct("<" + "".join(codes))
    assert layout.size == dtype.itemsize, dtype
    return layout


_COMMAND: Final = struct_of(COMMAND)
_QUOTE: Final = struct_of(QUOTE)
_PLACE_ORDER: Final = struct_of(PLACE_ORDER)
_CANCEL_ORDER: Final = struct_of(CANCEL_ORDER)
_CLOSE_POSITION: Final = struct_of(CLOSE_POSITION)
_AMEND_POSITION: Final = struct_of(AMEND_POSITION)
_AMEND_ORDER: Final = struct_of(AMEND_ORDER)
_BUY_FIXED: Final = struct_of(BUY_FIXED)

_BLOB: Final = struct.Struct("<iq")
_BLOB_AT: Final = 4
_KEY: Final = struct.Struct("<qqq")
_KEY_AT: Final = 32
assert [COMMAND.fields[name][1] for name in ("blob_length", "key_low")] == [_BLOB_AT, _KEY_AT]  # type: ignore[index]

# As plain integers: looking up an enum's member costs half of what packing a record does.
_KIND_COLD: Final = Kind.COLD.value
_KIND_QUOTE: Final = Kind.QUOTE.value
_KIND_PLACE_ORDER: Final = Kind.PLACE_ORDER.value
_KIND_CANCEL_ORDER: Final = Kind.CANCEL_ORDER.value
_KIND_CLOSE_POSITION: Final = Kind.CLOSE_POSITION.value
_KIND_AMEND_POSITION: Final = Kind.AMEND_POSITION.value
_KIND_AMEND_ORDER: Final = Kind.AMEND_ORDER.value
_KIND_CANCEL_ALL: Final = Kind.CANCEL_ALL.value
_KIND_BUY_FIXED: Final = Kind.BUY_FIXED.value
_KIND_PULSE: Final = Kind.PULSE.value

# Commands: header fields are kind, blob length, blob offset, player, match, key low, key high, arguments hash


def cold_record(player: int = 0) -> bytes:
    """A record whose command is in its blob; `blobs_of` says where."""
    return _COMMAND.pack(_KIND_COLD, 0, 0, player, 0, 0, 0, 0)


def pulse_record() -> bytes:
    return _COMMAND.pack(_KIND_PULSE, 0, 0, 0, 0, 0, 0, 0)


def quote_record(instrument: int, bid: int, ask: int, source_sequence: int, source_time_ns: int) -> bytes:
    """Prices in ticks."""
    return _QUOTE.pack(_KIND_QUOTE, 0, 0, 0, 0, 0, 0, 0, instrument, bid, ask, source_sequence, source_time_ns)


def place_order_record(
    player: int,
    match: int,
    instrument: int,
    side: int,
    order_type: int,
    time_in_force: int,
    leverage: int,
    margin: int,
    lots: int,
    price: int,
    stop_loss: int,
    take_profit: int,
    expires_at_ns: int,
    client_order_id: bytes,
    max_slippage_ppm: int,
    trailing_ppm: int,
) -> bytes:
    """An order: money in 1e-8 units, prices in ticks, the client's id as at most 36 ASCII bytes."""
    return _PLACE_ORDER.pack(
        _KIND_PLACE_ORDER,
        0,
        0,
        player,
        match,
        0,
        0,
        0,
        instrument,
        side,
        order_type,
        time_in_force,
        leverage,
        margin,
        lots,
        price,
        stop_loss,
        take_profit,
        expires_at_ns,
        client_order_id,
        max_slippage_ppm,
        trailing_ppm,
    )


def cancel_order_record(player: int, order: int) -> bytes:
    return _CANCEL_ORDER.pack(_KIND_CANCEL_ORDER, 0, 0, player, 0, 0, 0, 0, order)


def close_position_record(player: int, position: int, lots: int, percent: int) -> bytes:
    return _CLOSE_POSITION.pack(_KIND_CLOSE_POSITION, 0, 0, player, 0, 0, 0, 0, position, lots, percent)


def amend_position_record(
    player: int, position: int, fields: int, stop_loss: int, take_profit: int, margin: int, trailing_ppm: int
) -> bytes:
    return _AMEND_POSITION.pack(
        _KIND_AMEND_POSITION, 0, 0, player, 0, 0, 0, 0, position, fields, stop_loss, take_profit, margin, trailing_ppm
    )


def amend_order_record(
    player: int, order: int, fields: int, price: int, stop_loss: int, take_profit: int, expires_at_ns: int
) -> bytes:
    return _AMEND_ORDER.pack(
        _KIND_AMEND_ORDER, 0, 0, player, 0, 0, 0, 0, order, fields, price, stop_loss, take_profit, expires_at_ns
    )


def cancel_all_record(player: int, match: int) -> bytes:
    return _COMMAND.pack(_KIND_CANCEL_ALL, 0, 0, player, match, 0, 0, 0)


def buy_fixed_record(
    player: int, match: int, instrument: int, stake: int, direction: int, duration_s: int, asset: int
) -> bytes:
    """From the player's seat in the match; or, of an asset other than 0, from a wallet, and in no match."""
    return _BUY_FIXED.pack(
        _KIND_BUY_FIXED, 0, 0, player, match, 0, 0, 0, instrument, stake, direction, duration_s, asset
    )


def with_key(record: bytes, key: tuple[int, int], blob: bytes = b"") -> bytes:
    """The record under an idempotency key, with the hash of what it asks for.

    The hash is of the record itself, so "1.0" and "1.00" are the same arguments, and another op is other arguments.
    """
    digest = hashlib.blake2b(record, digest_size=8)
    digest.update(blob)
    keyed = _KEY.pack(*key, int.from_bytes(digest.digest(), "little", signed=True))
    return record[:_KEY_AT] + keyed + record[_KEY_AT + _KEY.size :]


def with_blob(record: bytes, length: int, offset: int) -> bytes:
    """The record pointing at its blob in the batch's blob area."""
    return record[:_BLOB_AT] + _BLOB.pack(length, offset) + record[_BLOB_AT + _BLOB.size :]


def records_of(joined: bytes) -> NDArray[np.void]:
    """Records, one after the other, as the engine takes them; nothing is copied."""
    assert len(joined) % RECORD_BYTES == 0
    return np.frombuffer(joined, dtype=COMMAND)


# Outcomes


class Outcome(NamedTuple):
    """engine.events.OUTCOME, field by field."""

    reason: int
    status: int
    replayed: int
    instrument: int
    id: int
    price: int
    fee: int
    profit: int
    liquidation: int
    left: int
    sequence: int


assert Outcome._fields == OUTCOME.names
_OUTCOME: Final = struct_of(OUTCOME)


def outcomes_of(outcomes: NDArray[np.void]) -> Iterator[Outcome]:
    """The outcomes of a batch, one for each record."""
    return map(Outcome._make, _OUTCOME.iter_unpack(outcomes.tobytes()))


# Events


class Event(NamedTuple):
    """engine.events.EVENT: the header that all events share."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int


class Judged(NamedTuple):
    """engine.events.JUDGED."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
    rule: int
    percent: int
    equity: int
    level: int
    bid: int
    ask: int
    quote_sequence: int


class Quoted(NamedTuple):
    """engine.events.QUOTED."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
    bid: int
    ask: int


class Candle(NamedTuple):
    """engine.events.CANDLE."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
    interval_s: int
    open_at_ns: int
    open: int
    high: int
    low: int
    close: int
    ticks: int


class Switched(NamedTuple):
    """engine.events.SWITCHED."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
    id: int
    scope: int
    switch: int
    on: int


class Fixed(NamedTuple):
    """engine.events.FIXED."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
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


class Ranked(NamedTuple):
    """engine.events.RANKED."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
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


class Wallet(NamedTuple):
    """engine.events.WALLET."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
    asset: int
    change: int
    balance: int
    held: int
    version: int
    code: int


class Progressed(NamedTuple):
    """engine.events.PROGRESSED."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
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


class Queued(NamedTuple):
    """engine.events.QUEUED."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
    game: int
    until_ns: int


class Timed(NamedTuple):
    """engine.events.TIMED."""

    kind: int
    reason: int
    sequence: int
    at_ns: int
    player: int
    message: int
    match: int
    instrument: int
    starts_at_ns: int
    ends_at_ns: int


Trade = tuple[Any, ...]
"""engine.events.TRADE: what happened to an order, a position or a seat, in the order of TRADE_FIELDS.

A plain tuple, to be unpacked whole by who reads it: there are one to three of them to an order.
"""

TRADE_FIELDS: Final = (
    *Event._fields,
    *("id", "side", "order_type", "cause", "leverage", "price", "lots", "cost", "margin", "fee", "profit", "cash"),
    *("left", "liquidation", "stop_loss", "take_profit", "trailing", "client_order_id"),
)


def _event_struct(dtype: np.dtype[np.void], fields: tuple[str, ...]) -> struct.Struct:
    assert fields == tuple(name for name in dtype.names or () if name != "spare"), dtype
    return struct_of(dtype)


_EVENT: Final = _event_struct(EVENT, Event._fields)
_TRADE: Final = _event_struct(TRADE, TRADE_FIELDS)
_JUDGED: Final = _event_struct(JUDGED, Judged._fields)
_FIXED: Final = _event_struct(FIXED, Fixed._fields)
_RANKED: Final = _event_struct(RANKED, Ranked._fields)
_WALLET: Final = _event_struct(WALLET, Wallet._fields)
_QUEUED: Final = _event_struct(QUEUED, Queued._fields)
_TIMED: Final = _event_struct(TIMED, Timed._fields)
_PROGRESSED: Final = _event_struct(PROGRESSED, Progressed._fields)
_QUOTED: Final = _event_struct(QUOTED, Quoted._fields)
_CANDLE: Final = _event_struct(CANDLE, Candle._fields)
_SWITCHED: Final = _event_struct(SWITCHED, Switched._fields)


def event_at(raw: bytes, index: int) -> Event:
    """The header of event number `index` of a batch whose events' bytes are `raw`."""
    return Event._make(_EVENT.unpack_from(raw, index * EVENT_BYTES))


def trades_in(raw: bytes) -> Iterator[Trade]:
    """All events of a batch read as trades; of those that are none, only the header means something."""
    return _TRADE.iter_unpack(raw)


def judged_of(trade: Trade) -> Judged:
    """What a rule did to a seat, which was read as a trade."""
    return Judged._make(_JUDGED.unpack(_TRADE.pack(*trade)))


def fixed_at(raw: bytes, index: int) -> Fixed:
    return Fixed._make(_FIXED.unpack_from(raw, index * EVENT_BYTES))


def wallet_of(trade: Trade) -> Wallet:
    """A change of a player's account, which was read as a trade."""
    return Wallet._make(_WALLET.unpack(_TRADE.pack(*trade)))


def queued_of(trade: Trade) -> Queued:
    """A player in a queue, which was read as a trade."""
    return Queued._make(_QUEUED.unpack(_TRADE.pack(*trade)))


def timed_of(trade: Trade) -> Timed:
    """A match whose time goes on, which was read as a trade."""
    return Timed._make(_TIMED.unpack(_TRADE.pack(*trade)))


def ranked_of(trade: Trade) -> Ranked:
    """How a match ended for a player, which was read as a trade."""
    return Ranked._make(_RANKED.unpack(_TRADE.pack(*trade)))


def progressed_of(trade: Trade) -> Progressed:
    """What a match has made of a player's career, which was read as a trade."""
    return Progressed._make(_PROGRESSED.unpack(_TRADE.pack(*trade)))


def progressed_at(raw: bytes, index: int) -> Progressed:
    return Progressed._make(_PROGRESSED.unpack_from(raw, index * EVENT_BYTES))


def quoted_at(raw: bytes, index: int) -> Quoted:
    return Quoted._make(_QUOTED.unpack_from(raw, index * EVENT_BYTES))


def candle_at(raw: bytes, index: int) -> Candle:
    return Candle._make(_CANDLE.unpack_from(raw, index * EVENT_BYTES))


def switched_at(raw: bytes, index: int) -> Switched:
    return Switched._make(_SWITCHED.unpack_from(raw, index * EVENT_BYTES))
