"""Events as rows of the projection: which go into which table, column by column, because the Python code shares the
interpreter with the gateway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.model.commands import CLIENT_ORDER_ID_WORDS, OrderType, TransferCode
from engine.model.events import DTYPES, EVENT_BYTES, LAYOUTS, READ, TRADE, Cause, EventKind
from engine.model.reasons import Reason

_CHUNK_ROWS: Final = 2048
"""Rows converted to Python objects at a time: blocks other threads for about a millisecond."""

_COMMON: Final = ("player", "message", "sequence", "at_ns", "match", "instrument", "id", "side")


class _Table(NamedTuple):
    """A table of the schema, and the kind of event that its rows are made from."""

    kind: EventKind
    name: str
    fields: tuple[str, ...]  # of the event's layout, one for each column
    renamed: Mapping[str, str] = MappingProxyType({})  # columns that have other names than their fields

    @property
    def insert(self) -> str:
        names = ", ".join(f'"{self.renamed.get(field, field)}"' for field in self.fields)
        return f"INSERT OR REPLACE INTO {self.name} ({names}) VALUES ({', '.join('?' * len(self.fields))})"


_TABLES: Final = (
    _Table(EventKind.POSITION_OPENED, "fills", (
        *_COMMON, "order_type", "leverage", "price", "lots", "cost", "margin", "fee", "liquidation", "stop_loss",
        "take_profit", "client_order_id",
    )),
    _Table(EventKind.POSITION_CLOSED, "closed_positions", (
        *_COMMON, "cause", "leverage", "price", "lots", "cost", "margin", "fee", "profit", "left",
    )),
    _Table(EventKind.FIXED_SETTLED, "fixed_trades", (
        *_COMMON[:-1], "direction", "result", "reason", "stake", "payout_percent", "expires_at_ns", "entry", "exit",
        "entry_sequence", "exit_sequence", "profit", "asset",
    )),
    _Table(EventKind.TRANSFERRED, "transfers", (
        "debit", "debit_version", "credit", "credit_version", "sequence", "at_ns", "id_low", "id_high", "hold_low",
        "hold_high", "amount", "held", "code", "reference", "status",
    )),
    _Table(EventKind.WALLET_CHANGED, "wallet_changes", (
        *_COMMON[:5], "asset", "change", "balance", "held", "version", "code",
    )),
    _Table(EventKind.SEAT_OPENED, "seats", ("player", "match", "message")),
    _Table(EventKind.MATCH_FINISHED, "finished_matches", (
        *_COMMON[:5], "rank", "seats", "balance", "prize", "asset", "trades", "wins", "max_drawdown", "profit", "fees",
        "starting_balance", "rule",
    )),
    _Table(EventKind.EQUITY_SAMPLED, "equity_points", ("match", "owner", "at_ns", "equity", "balance"),
           {"owner": "player"}),
    _Table(EventKind.PLAYER_PROGRESSED, "standings", (
        "season", "player", "season_cups", "season_cups_at_ns", "season_matches",
    ), {"season_cups": "cups", "season_cups_at_ns": "cups_at_ns", "season_matches": "matches"}),
    _Table(EventKind.CANDLE_CLOSED, "candles", (
        "instrument", "interval_s", "open_at_ns", "open", "high", "low", "close", "ticks",
    )),
)  # fmt: skip

_ORDER_KINDS: Final = (
    EventKind.ORDER_ACCEPTED, EventKind.ORDER_CHANGED, EventKind.ORDER_CANCELED, EventKind.ORDER_EXPIRED,
    EventKind.ORDER_REFUSED, EventKind.POSITION_OPENED,
)  # fmt: skip
"""What tells of an order. ORDER_FILLED does not have to: POSITION_OPENED follows it."""

_FIRST_OF_ORDER: Final = (
    "player", "id", "match", "instrument", "side", "order_type", "leverage", "client_order_id", "accepted_sequence",
    "accepted_at_ns", "accepted_message",
)  # fmt: skip
"""Columns of an order that its first event sets."""

_LAST_OF_ORDER: Final = (
    "message", "sequence", "at_ns", "kind", "reason", "lots", "price", "margin", "fee", "stop_loss", "take_profit",
    "trailing_ppm", "fill_price",
)  # fmt: skip
"""Columns of an order that each event about it sets."""

_ASKED_OF_ORDER: Final = ("price", "trailing_ppm")
"""Of those, what a fill does not tell: 0 stands for what was known before."""

_PUT_ORDER: Final = (
    f"INSERT INTO orders ({', '.join(_FIRST_OF_ORDER + _LAST_OF_ORDER)})"
    f" VALUES ({', '.join('?' * len(_FIRST_OF_ORDER + _LAST_OF_ORDER))}) ON CONFLICT (player, id) DO UPDATE SET "
    + ", ".join(
        f"{name} = iif(excluded.{name} = 0, {name}, excluded.{name})"
        if name in _ASKED_OF_ORDER
        else f"{name} = excluded.{name}"
        for name in _LAST_OF_ORDER
    )
)

NOTIFIED: Final[Mapping[EventKind, tuple[str, tuple[int, ...]] | None]] = MappingProxyType({
    EventKind.ORDER_FILLED: ("order_type", (OrderType.LIMIT, OrderType.STOP)),
    EventKind.ORDER_CANCELED: ("reason", (Reason.DISCONNECTED, Reason.INSTRUMENT_SETTLED)),
    EventKind.ORDER_EXPIRED: None,
    EventKind.ORDER_REFUSED: None,
    EventKind.POSITION_CLOSED: ("cause", (
        Cause.STOP_LOSS, Cause.LIQUIDATION, Cause.TAKE_PROFIT, Cause.TRAILING_STOP, Cause.RULE, Cause.SETTLEMENT,
    )),
    EventKind.SEAT_WARNED: None,
    EventKind.SEAT_DISQUALIFIED: None,
    EventKind.SEAT_LOCKED: None,
    EventKind.QUEUE_LEFT: ("reason", tuple(reason for reason in Reason if reason)),
    EventKind.MATCH_STARTED: None,
    EventKind.MATCH_PAUSED: None,
    EventKind.MATCH_RESUMED: None,
    EventKind.MATCH_CANCELED: None,
    EventKind.MATCH_FINISHED: None,
    EventKind.FIXED_SETTLED: None,
    EventKind.WALLET_CHANGED: ("code", (TransferCode.TOP_UP, TransferCode.ITEM_REWARD, TransferCode.REFERRAL)),
})  # fmt: skip
"""What a player is notified of: messages of these kinds; if a field is named, those with one of these values in it."""

_NOTIFY: Final = (
    "INSERT OR REPLACE INTO notifications (player, message, at_ns, match, event, read_at_ns) VALUES (?, ?, ?, ?, ?, 0)"
)
_READ: Final = "UPDATE notifications SET read_at_ns = ? WHERE player = ? AND message BETWEEN ? AND ? AND read_at_ns = 0"

IS_PROJECTED: Final = np.isin(
    np.arange(max(EventKind) + 1),
    (
        EventKind.POSITION_REDUCED,
        EventKind.NOTIFICATIONS_READ,
        *_ORDER_KINDS,
        *NOTIFIED,
        *(table.kind for table in _TABLES),
    ),
)
"""By EventKind: whether events of the kind are projected."""


def rows_of(events: NDArray[np.void], kinds: NDArray[np.int32]) -> Iterator[tuple[str, Iterable[tuple[Any, ...]]]]:
    """INSERT statements and their rows, in chunks."""
    for table in _TABLES:
        for chunk in _chunks(events.view(DTYPES[LAYOUTS[table.kind]]), _chosen(table.kind, events, kinds)):
            yield table.insert, zip(*(_column(chunk, field) for field in table.fields), strict=True)
    for chunk in _chunks(events.view(TRADE), np.isin(kinds, _ORDER_KINDS)):
        yield _PUT_ORDER, zip(*_order_columns(chunk), strict=True)
    for kind in NOTIFIED:
        for chunk in _chunks(events, _is_notified(kind, events, kinds)):
            headers = (chunk[field].tolist() for field in ("player", "message", "at_ns", "match"))
            yield _NOTIFY, zip(*headers, chunk.view(f"V{EVENT_BYTES}").tolist(), strict=True)
    for chunk in _chunks(events.view(READ), kinds == EventKind.NOTIFICATIONS_READ):
        yield _READ, zip(*(chunk[field].tolist() for field in ("at_ns", "player", "first", "last")), strict=True)


def _is_notified(kind: EventKind, events: NDArray[np.void], kinds: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which events of the kind a player is notified of."""
    chosen: NDArray[np.bool_] = (kinds == kind) & (events["player"] != 0)
    condition = NOTIFIED[kind]
    if condition is not None and chosen.any():
        field, values = condition
        chosen &= np.isin(events.view(DTYPES[LAYOUTS[kind]])[field], values)
    return chosen


def _order_columns(chunk: NDArray[np.void]) -> Iterator[list[Any]]:
    """Of events about orders, in the order of _PUT_ORDER."""
    fills = chunk["kind"] == EventKind.POSITION_OPENED
    computed = {
        "price": np.where(fills, 0, chunk["price"]),
        "trailing_ppm": np.where(fills, 0, chunk["trailing"]),
        "fill_price": np.where(fills, chunk["price"], 0),
    }
    for name in _FIRST_OF_ORDER + _LAST_OF_ORDER:
        found = computed.get(name)
        yield _column(chunk, name.removeprefix("accepted_")) if found is None else found.tolist()


def _chosen(kind: EventKind, events: NDArray[np.void], kinds: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which events are inserted into the table of that kind."""
    chosen: NDArray[np.bool_] = kinds == kind
    if kind is EventKind.POSITION_CLOSED:
        chosen |= kinds == EventKind.POSITION_REDUCED
    elif kind is EventKind.MATCH_FINISHED:  # to a player, and not to all
        chosen &= events["player"] != 0
    return chosen


def _column(chunk: NDArray[np.void], field: str) -> list[Any]:
    values: list[Any] = _client_order_ids(chunk[field]) if field == "client_order_id" else chunk[field].tolist()
    return values


def _chunks(events: NDArray[np.void], chosen: NDArray[np.bool_]) -> Iterator[NDArray[np.void]]:
    places = np.flatnonzero(chosen)
    for start in range(0, len(places), _CHUNK_ROWS):
        yield events[places[start : start + _CHUNK_ROWS]]


def _client_order_ids(words: NDArray[np.int64]) -> list[str]:
    """Decode client order ids packed by `pack_client_order_id`."""
    raw = np.ascontiguousarray(words).view(f"S{8 * CLIENT_ORDER_ID_WORDS}").ravel()
    texts: list[str] = raw.astype(f"U{8 * CLIENT_ORDER_ID_WORDS}").tolist()
    return texts
