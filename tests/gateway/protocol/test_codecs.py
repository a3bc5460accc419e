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
