"""Bytes are a message of the shape that is asked for, or refused as protocol.md says; nothing else comes of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ops.table import OPS
from gateway.protocol.codecs import JSON, MSGPACK, Codec
from gateway.protocol.envelopes import Envelope, Identified
from gateway.protocol.errors import Code, Refused
from gateway.protocol.orders import PlaceOrder
from tests.harness.fuzzing import any_bytes, examples, json_values

SHAPES = [Envelope, Identified, *dict.fromkeys(op.arguments for op in OPS.values())]
REQUESTS: list[dict[str, Any]] = [
    {"id": 1, "op": "order.place", "key": "k", "deadline": 10**12, "args": {"symbol": "BTCUSDT", "leverage": 5}},
    {"id": "a", "op": "subscribe", "args": {"channels": ["me", "tick.BTCUSDT"]}},
    {"symbol": "BTCUSDT", "side": "long", "margin": "10", "leverage": 5, "type": "limit", "price": "60000.01"},
]
REFUSALS = {
    JSON.name: {Code.NOT_JSON, Code.BAD_MESSAGE, Code.BAD_ARGUMENTS, Code.FLOAT_NOT_ALLOWED},
    MSGPACK.name: {Code.NOT_MSGPACK, Code.BAD_MESSAGE, Code.BAD_ARGUMENTS, Code.FLOAT_NOT_ALLOWED},
}


def is_shape_or_refused(codec: Codec, data: bytes, shape: type) -> None:
    try:
        found = codec.decode(data, shape)
    except Refused as refused:
        found = refused
    if isinstance(found, Refused):
        assert found.code in REFUSALS[codec.name]
        codec.frame(found.error)
    else:
        assert isinstance(found, shape)


@pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=lambda codec: codec.name)
@given(st.data())
@examples(300)
def test_bytes_are_a_message_or_refused(codec: Codec, data: st.DataObject) -> None:
    right = [codec.encode(request) for request in REQUESTS]
    is_shape_or_refused(codec, data.draw(any_bytes(right)), data.draw(st.sampled_from(SHAPES)))


@pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=lambda codec: codec.name)
@given(st.sampled_from(SHAPES), st.data())
@examples(200)
def test_arguments_of_any_value_are_taken_or_refused(codec: Codec, shape: Any, data: st.DataObject) -> None:
    names = [field.encode_name for field in msgspec.structs.fields(shape)]
    known = st.dictionaries(st.sampled_from(names), json_values) if names else json_values
    try:
        message = codec.encode(data.draw(known | json_values))
    except OverflowError:  # msgpack has no integers that large
        return
    is_shape_or_refused(codec, message, shape)


def envelope(**fields: Any) -> dict[str, Any]:
    return {"id": 1, "op": "ping"} | fields


FIXED = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 5, "account": {"match": 1}}
CANDLES = {"symbol": "BTCUSDT", "interval": "1m"}
ORDER = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "10", "leverage": 5, "type": "market"}


@pytest.mark.parametrize(
    ("shape", "given", "meant"),
    [
        (Envelope, envelope(id=7.0, deadline=1_763_694_000_000.0), envelope(id=7, deadline=1_763_694_000_000)),
        (Envelope, envelope(id=-1.0), envelope(id=-1)),
        (
            PlaceOrder,
            ORDER | {"match": 3.0, "expires_at": 1.8e12},
            ORDER | {"match": 3, "expires_at": 1_800_000_000_000},
        ),
        (OPS["fixed.buy"].arguments, FIXED | {"account": {"match": 5.0}}, FIXED | {"account": {"match": 5}}),
        (OPS["candles"].arguments, CANDLES | {"until": 1.8e12}, CANDLES | {"until": 1_800_000_000_000}),
    ],
)
def test_ids_and_times_may_be_whole_doubles_in_msgpack(shape: Any, given: Any, meant: Any) -> None:
    """As JavaScript sends integers of more than 32 bits."""
    assert MSGPACK.decode(MSGPACK.encode(given), shape) == MSGPACK.decode(MSGPACK.encode(meant), shape)
    with pytest.raises(Refused, match="FLOAT_NOT_ALLOWED"):
        JSON.decode(JSON.encode(given), shape)


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        (Envelope, envelope(id=7.5)),
        (Envelope, envelope(deadline=float(2**53))),
        (Envelope, envelope(deadline=float("inf"))),
        (Envelope, envelope(deadline=float("nan"))),
        (PlaceOrder, ORDER | {"margin": 10.0}),
        (PlaceOrder, ORDER | {"quantity": 1.0}),
        (PlaceOrder, ORDER | {"price": 60_000.0, "match": 3.0}),
        (PlaceOrder, ORDER | {"leverage": 5.0}),
        (OPS["fixed.buy"].arguments, FIXED | {"stake": 10.0}),
        (OPS["wallet.top_up"].arguments, {"asset": "DEMO", "amount": 10.0}),
    ],
)
def test_money_and_small_numbers_are_never_doubles(shape: Any, given: Any) -> None:
    with pytest.raises(Refused, match="FLOAT_NOT_ALLOWED"):
        MSGPACK.decode(MSGPACK.encode(given), shape)
