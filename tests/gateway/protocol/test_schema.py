"""One definition of each answer and message: the tables name it, the server makes it, the client decodes it."""

from __future__ import annotations

import typing
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.channels import rooms
from gateway.ops.table import OPS, Command
from gateway.presenters.messages import PRIVATE
from gateway.protocol.codecs import CODECS, Codec
from gateway.protocol.events import CHANNELS, data_type
from gateway.protocol.orders import Placed
from gateway.protocol.seats import Judgement, Seat

MESSAGES = [(channel, type) for channel, types in CHANNELS.items() for type in types]


def returned(function: Any) -> Any:
    return typing.get_type_hints(function)["return"]


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if not isinstance(op, Command)])
def test_a_query_answers_what_the_table_says(name: str) -> None:
    """Of commands, the tests of sessions see the results: their harness compares every reply with the table."""
    op = OPS[name]
    assert not isinstance(op, Command)
    assert returned(op.answer) == op.result


def test_private_messages_are_what_the_table_says() -> None:
    made = {private.name: returned(private.data) for private in PRIVATE.values()}
    others = {type: data_type("me", type, str) for type in ("switch.changed", "notification")}
    assert made | others | {"me": OPS["me.get"].result} == {type: data_type("me", type, str) for type in CHANNELS["me"]}


def test_messages_of_rooms_are_all_in_the_table() -> None:
    assert {"match", *rooms.TYPES.values()} == set(CHANNELS["match"])


def test_a_message_that_is_not_in_the_table_brings_a_dict() -> None:
    assert data_type("me", "order.teleported", Decimal) is dict
    assert data_type("weather", "rain", Decimal) is dict


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_what_is_encoded_as_text_is_decoded_as_decimal(codec: Codec) -> None:
    placed = Placed(5, "filled", 5, "60000.01", fee="0.50000000")
    assert codec.decode(codec.encode(placed), Placed[Decimal]) == Placed(
        5, "filled", 5, Decimal("60000.01"), fee=Decimal("0.5")
    )
    out = Judgement(1, "loss_per_trade", result="-5", limit="-4")
    decoded = codec.decode(codec.encode({"match": 1, "rule": "x", "result": "-5", "unknown": 1}), Judgement[Decimal])
    assert decoded.result == Decimal(-5), "a client ignores fields that it does not know"
    assert msgspec.to_builtins(out) == {"match": 1, "rule": "loss_per_trade", "result": "-5", "limit": "-4"}


def test_every_definition_has_a_schema() -> None:
    """Documents are to be generated from the tables."""
    shapes = [shape for op in OPS.values() for shape in (op.arguments, op.result)]
    shapes += [data_type(channel, type, str) for channel, type in MESSAGES]
    _, components = msgspec.json.schema_components(shapes)
    assert {"PlaceOrder", "Placed_str_", "Match_str_", "RoomEvent"} <= set(components)
    assert components["Seat_str_"]["required"] == [
        field.encode_name for field in msgspec.structs.fields(Seat) if field.required
    ]
