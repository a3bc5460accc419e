"""A server that talks nonsense: the client ends with an ArenaError that says so, and everybody who waits hears it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.connection import Connection, Encoding
from gateway.client.errors import ArenaError
from gateway.ops.table import OPS
from tests.harness.fuzzing import any_bytes, examples, json_values

MESSAGES: list[dict[str, Any]] = [
    {"id": 1, "ok": True, "seq": 5, "at": 7, "result": {"order": 3, "status": "filled", "price": "60000.01"}},
    {"id": 1, "ok": False, "error": {"code": "OVERLOADED", "message": "so", "retry": "later", "retry_after": 4}},
    {"channel": "tick.BTCUSDT", "n": 1, "seq": 2, "at": 3, "type": "tick", "data": {"bid": "1", "ask": "2"}},
    {"channel": "me", "n": 1, "seq": 2, "at": 3, "type": "position.opened", "data": {"position": 3, "price": "60000"}},
]


class Socket:
    """What a socket is to the client that reads it."""

    close_code = 1006

    def __init__(self, kind: aiohttp.WSMsgType, messages: list[bytes]) -> None:
        self.kind, self.messages = kind, messages

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        for message in self.messages:
            data = message if self.kind is aiohttp.WSMsgType.BINARY else message.decode()
            yield aiohttp.WSMessage(self.kind, data, None)

    async def send_frame(self, frame: bytes, kind: aiohttp.WSMsgType) -> None:
        """Nobody reads it."""


async def hears(encoding: Encoding, messages: list[bytes], shape: Any) -> None:
    """A client without reconnecting asks and is sent these: its request ends, with a result or an ArenaError."""
    kind = aiohttp.WSMsgType.TEXT if encoding == "json" else aiohttp.WSMsgType.BINARY
    client = Connection("ws://127.0.0.1:1", encoding, reconnect=False, retry=False, timeout_s=10)
    socket: Any = Socket(kind, messages)
    client._socket = socket
    asking = asyncio.create_task(client.request("order.place", {}, shape))
    await asyncio.sleep(0)
    await client._stay_connected()
    with contextlib.suppress(ArenaError):
        await asking
    with pytest.raises(ArenaError):
        assert [event async for event in client.events()]
    with pytest.raises(ArenaError):
        await client.request("ping", {}, shape)


SHAPES = [op.result for op in OPS.values()]


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@given(st.data())
@examples(100)
def test_bytes_are_a_message_or_the_end(encoding: Encoding, data: st.DataObject) -> None:
    codec: Any = msgspec.json if encoding == "json" else msgspec.msgpack
    messages = data.draw(st.lists(any_bytes([codec.encode(message) for message in MESSAGES]), max_size=4))
    if encoding == "json":  # aiohttp lets no other text through
        messages = [message.decode(errors="replace").encode() for message in messages]
    asyncio.run(hears(encoding, messages, data.draw(st.sampled_from(SHAPES))))


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@given(st.sampled_from(MESSAGES), st.data())
@examples(100)
def test_fields_of_any_value_are_taken_or_the_end(encoding: Encoding, message: Any, data: st.DataObject) -> None:
    codec: Any = msgspec.json if encoding == "json" else msgspec.msgpack
    other = data.draw(st.dictionaries(st.sampled_from([*message, "kind", "replayed"]), json_values))
    try:
        messages = [codec.encode({**message, **other}) for message in (message, MESSAGES[0])]
    except OverflowError:  # msgpack has no integers that large
        return
    asyncio.run(hears(encoding, messages, data.draw(st.sampled_from(SHAPES))))
