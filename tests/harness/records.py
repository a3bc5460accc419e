"""Commands as the tests write them, packed as the log holds them; outcomes, events and the state as plain values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
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
    TRANSFER,
    Batch,
    ColdCommand,
    Kind,
    OrderType,
    TimeInForce,
    encode_cold,
    pack_client_order_id,
    request_key,
)
from engine.model.events import DTYPES, OUTCOME, EventKind
from engine.model.events import LAYOUTS as EVENT_LAYOUTS
from engine.model.state import State
from engine.model.tables import HIGHEST_NUMBER, SCRATCH, make_array


class Quote(NamedTuple):
    instrument: int
    bid: int
    ask: int
    source_sequence: int


class PlaceOrder(NamedTuple):
    player: int
    match: int
    instrument: int
    side: int
    order_type: int = OrderType.MARKET
    time_in_force: int = TimeInForce.GTC
    leverage: int = 1
    margin: int = 0
    lots: int = 0
    price: int = 0
    stop_loss: int = 0
    take_profit: int = 0
    expires_at_ns: int = 0
    client_order_id: str = ""
    max_slippage_ppm: int = 0
    trailing_ppm: int = 0
    key: str | None = None


class CancelOrder(NamedTuple):
    player: int
    order: int
    key: str | None = None


class ClosePosition(NamedTuple):
    player: int
    position: int
    lots: int = 0
    percent: int = 0
    key: str | None = None


class AmendPosition(NamedTuple):
    player: int
    position: int
    fields: int
    stop_loss: int = 0
    take_profit: int = 0
    margin: int = 0
    trailing_ppm: int = 0
    key: str | None = None


class AmendOrder(NamedTuple):
    player: int
    order: int
    fields: int
    price: int = 0
    stop_loss: int = 0
    take_profit: int = 0
    expires_at_ns: int = 0
    key: str | None = None


class CancelAll(NamedTuple):
    player: int
    match: int
    key: str | None = None


class BuyFixed(NamedTuple):
    player: int
    match: int
    instrument: int
    direction: int
    stake: int
    duration_s: int
    key: str | None = None
    asset: int = 0


class Transfer(NamedTuple):
    """Ids of 128 bits are written as one integer: they are in two halves, as they stand in the log."""

    id: int
    debit: int = 0
    credit: int = 0
    amount: int = 0
    code: int = 0
    reference: int = 0
    flags: int = 0
    hold: int = 0
    expires_at_ns: int = 0
    debit_version: int = 0
    credit_version: int = 0


class Asked(NamedTuple):
    """A cold command with the key of the player (0: an operator) who asks for it."""

    command: ColdCommand
    player: int
    key: str | None


class Pulse(NamedTuple):
    pass


class Unknown(NamedTuple):
    """What no engine of today knows."""


HotCommand = (
    Quote
    | PlaceOrder
    | CancelOrder
    | ClosePosition
    | AmendPosition
    | AmendOrder
    | CancelAll
    | BuyFixed
    | Transfer
    | Pulse
    | Unknown
)
Command = HotCommand | ColdCommand | Asked

LAYOUTS: dict[type, tuple[int, np.dtype[np.void]]] = {
    Quote: (Kind.QUOTE, QUOTE),
    PlaceOrder: (Kind.PLACE_ORDER, PLACE_ORDER),
    CancelOrder: (Kind.CANCEL_ORDER, CANCEL_ORDER),
    ClosePosition: (Kind.CLOSE_POSITION, CLOSE_POSITION),
    AmendPosition: (Kind.AMEND_POSITION, AMEND_POSITION),
    AmendOrder: (Kind.AMEND_ORDER, AMEND_ORDER),
    CancelAll: (Kind.CANCEL_ALL, COMMAND),
    BuyFixed: (Kind.BUY_FIXED, BUY_FIXED),
    Transfer: (Kind.TRANSFER, TRANSFER),
    Pulse: (Kind.PULSE, COMMAND),
    Unknown: (99, COMMAND),
}


def batch_of(commands: Sequence[Command], first_sequence: int, at_ns: int) -> Batch:
    """The commands as the log would hold them."""
    records, blobs = np.zeros(len(commands), COMMAND), b""
    for number, command in enumerate(commands):
        record = records[number : number + 1]
        if isinstance(command, HotCommand):
            _fill(record, command)
        else:
            blob = encode_cold(command.command if isinstance(command, Asked) else command)
            if isinstance(command, Asked):
                record["player"] = command.player
                _put_key(record, command)
            record["kind"], record["blob_length"], record["blob_offset"] = Kind.COLD, len(blob), len(blobs)
            blobs += blob
    return Batch(first_sequence, at_ns, records, blobs)


def _fill(record: NDArray[np.void], command: HotCommand) -> None:
    kind, layout = LAYOUTS[type(command)]
    view = record.view(layout)
    view["kind"] = kind
    arguments = command._asdict()
    key = arguments.pop("key", None)
    for name in ("id", "hold") if kind == Kind.TRANSFER else ():
        view[f"{name}_low"], view[f"{name}_high"] = halves(arguments.pop(name))
    for field, argument in arguments.items():
        view[field] = pack_client_order_id(argument) if field == "client_order_id" else argument
    if key is not None:
        _put_key(view, command)


def _put_key(view: NDArray[np.void], command: Any) -> None:
    view["key_low"], view["key_high"] = request_key(command.player, command.key)
    view["arguments_hash"] = arguments_hash(command)


def halves(id: int) -> tuple[int, int]:
    """The low and the high half of 128 bits, as signed words."""
    low, high = ((id >> shift) & ((1 << 64) - 1) for shift in (0, 64))
    return low - (low >> 63 << 64), high - (high >> 63 << 64)


def arguments_hash(command: HotCommand | Asked) -> int:
    """Stands for the gateway's hash of the decoded arguments."""
    digest = hashlib.blake2b(repr(command._replace(key=None)).encode(), digest_size=8).digest()  # type: ignore[call-arg]
    return int.from_bytes(digest, "little", signed=True)


# What comes out, as plain values


def events_of(records: NDArray[np.void]) -> list[dict[str, Any]]:
    """The events as dicts of the fields that their kind has."""
    found = []
    for number, kind in enumerate(records["kind"].tolist()):
        layout = DTYPES[EVENT_LAYOUTS[EventKind(kind)]]
        row = records[number : number + 1].view(layout)[0]
        found.append({name: row[name].tolist() for name in layout.names or () if name != "spare"})
    return found


def outcomes_of(records: NDArray[np.void]) -> list[dict[str, int]]:
    return [dict(zip(OUTCOME.names or (), row, strict=True)) for row in records.tolist()]


def content(state: State, *without: str) -> dict[str, Any]:
    """The state by table, however much room its tables have: without fresh rows at the end, and indexes as sets."""
    found: dict[str, Any] = {"cold": msgspec.msgpack.encode(state.cold)}
    for name, array in state.book.arrays.items():
        if name in SCRATCH:
            continue
        table = np.asarray(array)
        if name == "transfer_index":  # without those that are forgotten: how many stay depends on its length
            found[name] = sorted(word for word in table[table != 0].tolist() if _is_of_one_known(state, word))
        elif name.endswith("_index"):
            found[name] = sorted(table[table["row" if table.dtype.names else ...] != 0].tolist())
        elif name == "transfers":
            numbers = np.arange(*(1 + int(state.book.world[0][f"transfers_{what}"]) for what in ("forgotten", "known")))
            numbers = numbers[numbers & HIGHEST_NUMBER != 0]  # which is skipped
            found[name] = table[numbers & (len(table) - 1)].tolist()
        else:
            size, fresh = table.itemsize, np.asarray(make_array(name, 1)).tobytes()
            taken = np.flatnonzero((table.view("u1").reshape(-1, size) != np.frombuffer(fresh, "u1")).any(axis=1))
            found[name] = table[: int(taken[-1]) + 1 if taken.size else 0].tobytes()
    world = state.book.world
    without = (*without, "swept_line", "transfer_words")
    found["world"] = {name: int(world[name][0]) for name in world.dtype.names or () if name not in without}
    return found


def _is_of_one_known(state: State, word: int) -> bool:
    """Is it, in transfer_index, that of an open hold or of a transfer that is not forgotten?"""
    forgotten, known = (int(state.book.world[0][f"transfers_{what}"]) for what in ("forgotten", "known"))
    return bool(word & 1 << 31) or 0 < (word - forgotten) & HIGHEST_NUMBER <= known - forgotten


def lasting(state: State) -> dict[str, Any]:
    """What a refused command leaves as it was: all but the count of commands, the time, and that of unusable quotes."""
    return content(state, "now_ns", "sequence", "quotes_unusable")
