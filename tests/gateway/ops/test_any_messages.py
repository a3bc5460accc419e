"""Whatever a client sends, each message is answered once, nothing fails, and the state stays sound."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.invariants import check
from gateway.ops.table import OPS
from gateway.protocol.codecs import JSON, MSGPACK, Codec
from tests.harness.fuzzing import any_bytes, examples, json_values
from tests.harness.gateway import ROOMY, open_gateway

PLAUSIBLE = st.sampled_from([
    "BTCUSDT", "ETHUSDT", "long", "short", "up", "limit", "stop", "market", "USDT", "DEMO", "10", "0.001", "60000",
    "60000.01", "open", "1m", "GOLD_COIN", "me", "tick.BTCUSDT", 1, 2, 5, 10, 60, 1_000, True, False, None,
])  # fmt: skip
"""What makes some requests good enough to come further than the decoder."""

ORDER = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "10", "leverage": 5}
REQUESTS: list[dict[str, Any]] = [
    {"id": 1, "op": "order.place", "key": "k", "args": ORDER},
    {"id": 2, "op": "subscribe", "args": {"channels": ["me", "tick.BTCUSDT"]}},
    {"id": 3, "op": "match.board", "args": {"match": 1}},
    {"id": 4, "op": "me.get"},
]


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Of an op that there is, with arguments of the names that it takes, and of any value."""
    op = draw(st.sampled_from(sorted(OPS)))
    names = [field.encode_name for field in msgspec.structs.fields(OPS[op].arguments)]
    args = draw(st.dictionaries(st.sampled_from(names), PLAUSIBLE | json_values) if names else st.just({}))
    if op.startswith("order."):
        args = {**ORDER, **args}
    return {"id": draw(st.integers(1, 9)), "op": op, "args": args, **draw(st.sampled_from([{}, {}, {"key": "k"}]))}


async def answers_all(codec: Codec, messages: list[bytes]) -> None:
    gateway = await open_gateway(ROOMY)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    ann = await gateway.player(codec)
    told = len(ann.messages())
    sent = 0
    for message in messages:
        sent += not ann.session.closed
        ann.sends(message)
    await gateway.settles()
    replies = [message for message in ann.messages()[told:] if "channel" not in message]
    assert len(replies) == sent or ann.session.closed, replies
    assert "INTERNAL" not in [reply["error"]["code"] for reply in replies if not reply["ok"]], replies
    assert not gateway.task.done()
    check(gateway.machine.state)
    await gateway.stops()


@pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=lambda codec: codec.name)
@given(st.data())
@examples(8)
def test_each_message_is_answered(codec: Codec, data: st.DataObject) -> None:
    right = [codec.encode(request) for request in REQUESTS]
    messages = data.draw(st.lists(any_bytes(right), max_size=8))
    for request in data.draw(st.lists(requests(), max_size=15)):
        try:
            messages.append(codec.encode(request))
        except OverflowError:  # msgpack has no integers that large
            continue
    asyncio.run(answers_all(codec, messages))
