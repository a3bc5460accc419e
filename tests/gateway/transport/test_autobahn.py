"""RFC 6455, by the cases of the Autobahn test suite: what reads and writes our sockets, with an echo behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from kosoku import run_fuzzingclient

from gateway.core.config import Server
from gateway.protocol.codecs import TEXT, frame_of
from gateway.protocol.errors import Close
from gateway.transport import websocket
from gateway.transport.addresses import Addresses
from gateway.transport.connections import Connections
from gateway.transport.frames import is_utf8
from tests.harness.gateway import ROOMY, open_gateway

MANY: Final = 1_000_000_000
LIMITS: Final = msgspec.structs.replace(
    ROOMY, frame_bytes=MANY, hard_bytes=MANY, slow_bytes=MANY, auth_within_s=MANY, messages_per_s=1_000_000
)
LEFT_OUT: Final = ["9.*", "12.*", "13.*"]
"""Messages of many megabytes, which we do not take, and compression, which we do not offer."""
CASES: Final = 247
"""That are left."""


NOT_AT_ONCE: Final = {"6.4.1", "6.4.2", "6.4.3", "6.4.4"}
"""Text that is not UTF-8 is refused when its message is there, and not at its first wrong byte."""


class Echo(websocket.Reader):
    """Sends messages back, of both kinds."""

    def take_message(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT and not is_utf8(payload):
            self._close(Close.INVALID_TEXT, "text must be UTF-8")
        else:
            self._connection.send(frame_of(opcode, payload))


@pytest_asyncio.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Of a server whose sockets are those of an arena."""
    monkeypatch.setattr(websocket, "Reader", Echo)
    gateway = await open_gateway(LIMITS)
    application = web.Application()
    sockets = websocket.Sockets(gateway.arena, Connections(LIMITS), Addresses(Server()))
    application.add_routes([web.get("/", sockets.serve)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()
    await gateway.stops()


async def test_the_cases_of_the_autobahn_test_suite(port: int) -> None:
    results = await asyncio.wait_for(
        run_fuzzingclient(f"ws://127.0.0.1:{port}", None, LEFT_OUT, concurrency=16), timeout=100
    )
    assert len(results) == CASES
    assert {case.behavior_close.value for case in results} == {"OK", "INFORMATIONAL"}
    others = {case.case_id for case in results if case.behavior.value not in ("OK", "INFORMATIONAL")}
    assert others <= NOT_AT_ONCE
    assert {case.behavior.value for case in results if case.case_id in others} <= {"NON-STRICT"}
