"""Records packed with struct say the same through the engine's dtypes; events and outcomes come back whole."""

from __future__ import annotations

import struct

import msgspec
import numpy as np
import pytest

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
    unpack_client_order_id,
)
from engine.model.events import DTYPES, JUDGED, LAYOUTS, OUTCOME, TRADE, EventKind, Rule, Trade
from gateway.core import records
from gateway.core.defaults import GAMES, INSTRUMENTS
from gateway.presenters import events
from gateway.presenters.decimals import money_text, percent_text
from gateway.presenters.instruments import Instrument
from gateway.presenters.messages import PRIVATE
from gateway.presenters.names import client_order_id_text
from gateway.presenters.seats import judgement_event
from gateway.process.seed import seed_commands
from gateway.protocol.seats import Judgement

PACKED = {
    "quote": (records.quote_record(1, 2, 3, 4, 5), QUOTE, Kind.QUOTE, 5),
    "cancel": (records.cancel_order_record(7, 1), CANCEL_ORDER, Kind.CANCEL_ORDER, 1),
    "close": (records.close_position_record(7, 1, 2, 3), CLOSE_POSITION, Kind.CLOSE_POSITION, 3),
    "amend": (records.amend_position_record(7, 1, 2, 3, 4, 5, 6), AMEND_POSITION, Kind.AMEND_POSITION, 6),
    "amend order": (records.amend_order_record(7, 1, 2, 3, 4, 5, 6), AMEND_ORDER, Kind.AMEND_ORDER, 6),
    "cancel all": (records.cancel_all_record(7, 8), COMMAND, Kind.CANCEL_ALL, 0),
    "buy fixed": (records.buy_fixed_record(7, 8, 1, 2, 3, 4, 5), BUY_FIXED, Kind.BUY_FIXED, 5),
    "place": (
        records.place_order_record(7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, b"my-order", 12, 13),
        PLACE_ORDER,
        Kind.PLACE_ORDER,
        13,
    ),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_record_reads_back_through_its_dtype(name: str) -> None:
    record, dtype, kind, fields = PACKED[name]
    row = np.frombuffer(record, dtype)[0]
    header = len([field for field in COMMAND.names or () if field != "spare"])
    body = [field for field in dtype.names or () if field not in ("spare", "client_order_id")][header:]
    assert row["kind"] == kind
    assert [int(row[field]) for field in body] == list(range(1, fields + 1))
    if name in ("place", "cancel all"):
        assert (row["player"], row["match"]) == (7, 8)
    if name == "place":
        assert unpack_client_order_id(row["client_order_id"]) == "my-order"


def test_a_key_and_a_blob_go_into_their_fields() -> None:
    record = records.with_blob(records.with_key(records.cold_record(7), (-1, 2), b"blob"), 4, 100)
    row = records.records_of(record)[0]
    assert [int(row[name]) for name in ("kind", "player", "key_low", "key_high")] == [Kind.COLD, 7, -1, 2]
    assert (row["blob_length"], row["blob_offset"]) == (4, 100)
    assert len(record) == RECORD_BYTES


def test_other_arguments_have_another_hash() -> None:
    def hash_of(record: bytes, blob: bytes = b"") -> int:
        return int(records.records_of(records.with_key(record, (1, 1), blob))[0]["arguments_hash"])

    same = hash_of(records.cancel_order_record(7, 1))
    assert same == hash_of(records.cancel_order_record(7, 1))
    others = {
        hash_of(records.cancel_order_record(7, 2)),
        hash_of(records.close_position_record(7, 1, 0, 0)),
        hash_of(records.cold_record(7), b"a"),
        hash_of(records.cold_record(7), b"b"),
    }
    assert len(others | {same}) == 5


@pytest.mark.parametrize("layout", [layout for layout in DTYPES if layout is not Trade])
def test_an_event_comes_back_field_by_field(layout: type[events.Event]) -> None:
    raw, names = numbered(DTYPES[layout])
    event = events.event_at(layout, raw, 2)
    assert msgspec.structs.asdict(event) == {name: number for number, name in enumerate(names, start=1)}


def test_a_trade_comes_back_field_by_field() -> None:
    raw, names = numbered(TRADE)
    *_, trade = events.trades_in(raw)
    assert trade[: len(names)] == tuple(range(1, len(names) + 1))


@pytest.mark.parametrize("kind", PRIVATE)
def test_a_message_is_made_from_what_its_event_is_told_in(kind: EventKind) -> None:
    """Or from the header, which all events have."""
    assert (PRIVATE[kind].layout or Trade) in (LAYOUTS[kind], events.Event)


def numbered(dtype: np.dtype[np.void]) -> tuple[bytes, list[str]]:
    """Three events, and the fields of the layout; those of the last are numbered from 1."""
    written = np.zeros(3, dtype)
    names = [name for name in dtype.names or () if name not in ("spare", "client_order_id")]
    for number, name in enumerate(names, start=1):
        written[2][name] = number
    return written.tobytes(), names


def test_what_the_start_of_a_day_finds_has_no_quote() -> None:
    event = np.zeros(1, JUDGED)
    event["match"], event["rule"], event["equity"], event["level"] = 3, Rule.TOTAL_DRAWDOWN, 1, 2
    told = judgement_event(events.event_at(events.Judged, event.tobytes(), 0), None)
    assert told == Judgement(3, "total_drawdown", equity="0.00000001", floor="0.00000002")


def test_outcomes_come_back_field_by_field() -> None:
    outcomes = np.zeros(2, OUTCOME)
    for number, name in enumerate(OUTCOME.names or (), start=1):
        outcomes[1][name] = number
    assert list(records.outcomes_of(outcomes)) == [(0,) * 11, tuple(range(1, 12))]


def test_texts() -> None:
    bitcoin, *_ = [Instrument(1, command) for command in seed_commands(INSTRUMENTS[:1], GAMES[:0])]  # type: ignore[arg-type]
    assert bitcoin.price_text(6_183_763) == "61837.63"
    assert bitcoin.price_or_none(0) is None
    assert (bitcoin.quantity_text(1), bitcoin.quantity_text(0), bitcoin.price_text(0)) == ("0.00001", "0", "0")
    assert [percent_text(ppm) for ppm in (0, 10, 50_000, 1_000_000)] == ["0", "0.001", "5", "100"]
    assert bitcoin.middle_text(12_000_001) == "60000.005"
    assert [money_text(units) for units in (0, 5, -5, 10**8, 12_345_678_901, -(10**9))] == [
        "0",
        "0.00000005",
        "-0.00000005",
        "1.00000000",
        "123.45678901",
        "-10.00000000",
    ]
    assert client_order_id_text(bytes(40)) is None
    assert client_order_id_text(struct.pack("40s", b"a:b/c")) == "a:b/c"
