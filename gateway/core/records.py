"""Commands as bytes, and the outcomes that answer them as tuples.

Everything is packed and unpacked with `struct`, by formats derived from the engine's dtypes: a fifth of a microsecond
a record, where numpy's scalars take several. A test packs each record and reads it back through its dtype.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.model.commands import (
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
from engine.model.events import OUTCOME
from engine.model.events import Outcome as Outcome

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


_OUTCOME: Final = struct_of(OUTCOME)


def outcomes_of(outcomes: NDArray[np.void]) -> Iterator[Outcome]:
    """The outcomes of a batch, one for each record."""
    return map(Outcome._make, _OUTCOME.iter_unpack(outcomes.tobytes()))
