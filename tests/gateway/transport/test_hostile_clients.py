"""What clients may do to a whole arena over the network: hang up, flood, send half of something. Others go on."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog

from gateway.process.app import App
from gateway.sessions.caller import ANSWER_BYTES
from tests.gateway.transport.test_frames import frame
from tests.gateway.transport.test_sockets import Web, ask, config_of, public, running, shake_hands, until

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: arena\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
POST = b"POST /api/v1/auth/guest HTTP/1.1\r\nHost: arena\r\n"


def resets(app: App, sent: bytes) -> None:
    """Connect, send, and reset the connection."""
    with socket.create_connection(("127.0.0.1", app.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(sent)


def exchange(app: App, sent: bytes) -> bytes:
    """All that comes back until the arena closes the connection."""
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as client:
        client.sendall(sent)
        came = b""
        while more := client.recv(65_536):
            came += more
        return came


HANG_UPS = {
    "after the handshake": HANDSHAKE,
    "after a message": HANDSHAKE + frame(1, b'{"id":1,"op":"ping"}'),
    "in a body": POST + b'Content-Length: 50\r\n\r\n{"name":',
    "in a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
    "before the answers": b"GET /api/v1/markets/instruments HTTP/1.1\r\nHost: arena\r\n\r\n" * 5,
    "in no HTTP": b"\x16\x03\x01",
}
NO_REQUESTS = {
    "gzip": POST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
    "deflate": POST + b"Content-Encoding: deflate\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde",
    "no chunk": POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "no length": POST + b"Content-Length: x\r\n\r\n{}",
    "no HTTP": b"\x16\x03\x01\r\n\r\n",
    "a long header": b"GET /health HTTP/1.1\r\nHost: arena\r\nX: " + b"x" * 10_000 + b"\r\n\r\n",
}


async def test_a_client_that_hangs_up_or_sends_no_request_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        with structlog.testing.capture_logs() as logged:
            for sent in HANG_UPS.values():
                for _ in range(10):
                    await asyncio.to_thread(resets, app, sent)
            for name, sent in NO_REQUESTS.items():
                answer = await asyncio.to_thread(exchange, app, sent)
                assert answer.split(b" ")[1] == b"400", name
            assert await Web(app, http).get("/health") == (200, {"ok": True})
            await until(lambda: not app.connections.open)
        assert [entry for entry in logged if entry["log_level"] in ("error", "critical")] == []
        assert [record for record in caplog.records if record.exc_info] == []


def flood(app: App, sent: bytes) -> list[tuple[int, bytes]]:
    """Shake hands, send, and return what frames came back until the connection ended: opcodes and payloads."""
    came = b""
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as client:
        client.sendall(HANDSHAKE)
        while b"\r\n\r\n" not in came:
            came += client.recv(1)
        came = b""
        with suppress(OSError):
            client.sendall(sent)
        with suppress(OSError):
            while more := client.recv(65_536):
                came += more
    frames = []
    while came:
        length, start = (came[1], 2) if came[1] < 126 else (int.from_bytes(came[2:4], "big"), 4)
        frames.append((came[0] & 0x0F, came[start : start + length]))
        came = came[start + length :]
    return frames


PONG, CLOSE = 0xA, 0x8


FLOODS = {
    "pings": (frame(9), 60),
    "pongs": (frame(10), 0),
    "long pings": (frame(9, b"x" * 125), 60),
    "empty fragments": (frame(0, fin=False), 0),
    "fragments": (frame(0, b"x", fin=False), 0),
    "messages": (frame(1, b'{"id":1,"op":"ping"}'), 160),
    "no messages": (frame(1, b"{"), 160),
}
"""What is sent again and again, and the most answers to it."""


async def test_a_flood_is_closed_with_4029_and_not_looked_at_any_more(tmp_path: Path) -> None:
    """Of a megabyte, as many frames are taken as the limits allow."""
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        other = await Web(app, http).socket()
        await ask(other, "subscribe", {"channels": ["sys"]})
        for name, (sent, most_answers) in FLOODS.items():
            begins = frame(1, fin=False) if sent[0] & 0x0F == 0 else b""
            flooding = asyncio.create_task(asyncio.to_thread(flood, app, begins + sent * (1_000_000 // len(sent))))
            while not flooding.done():
                assert (await ask(other, "ping"))["ok"]
                await asyncio.sleep(0.06)
            *answers, last = await flooding
            assert (last[0], int.from_bytes(last[1][:2], "big")) == (CLOSE, 4029), name
            assert len(answers) <= most_answers, name
            if answers and answers[-1][0] != PONG:
                refusal = json.loads(answers[-1][1])
                assert refusal["error"]["code"] == "RATE_LIMITED", "the last refusal is sent before the close"
        await until(lambda: len(app.connections.open) == 1)


async def test_after_a_close_little_is_read_and_nothing_served(tmp_path: Path) -> None:
    """What was on its way when the arena closed is let pass."""
    async with running(config_of(tmp_path)) as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        await shake_hands(reader, writer)
        (connection,) = app.connections.open
        assert connection.session is not None
        connection.session.close(1001, "")
        writer.write(frame(1, b'{"id":1,"op":"ping"}') + frame(8, (1001).to_bytes(2, "big")))
        begun_s = asyncio.get_running_loop().time()
        assert (await reader.read())[2:] == (1001).to_bytes(2, "big")
        assert asyncio.get_running_loop().time() - begun_s < 0.4, "it ends when the client has answered, not later"
        writer.close()


async def test_limits_of_an_address_hold_for_all_that_comes_to_the_port(tmp_path: Path) -> None:
    config = public(config_of(tmp_path, requests_per_address_per_s=3), trusted_proxies=("127.0.0.0/8",))
    async with aiohttp.ClientSession() as http, running(config) as app:
        for number, path in enumerate(
            ("/metrics", "/nothing", "/api/v1/nothing", "/health", "/ready", "/version", "/ws")
        ):
            client = {"X-Forwarded-For": f"1.2.3.{number}"}
            counted, status = 0, 0
            while status != 429:
                async with http.get(f"http://127.0.0.1:{app.port}{path}", headers=client) as response:
                    status, body = response.status, await response.read()
                counted += (status != 429) * (1 + len(body) // ANSWER_BYTES)
                assert counted <= 4, path
            assert counted >= 3, "a long answer, as of /metrics, counts more"
            assert json.loads(body)["code"] == "RATE_LIMITED"
            assert response.headers["Retry-After"] == "1"
            assert response.headers["Connection"] == "close"


async def test_handshakes_of_an_address_are_counted(tmp_path: Path) -> None:
    config = public(config_of(tmp_path, handshakes_per_address_per_minute=3))
    async with aiohttp.ClientSession() as http, running(config) as app:
        web = Web(app, http)
        for _ in range(3):
            await (await web.socket()).close()
        with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
            await web.socket()
        await until(lambda: not app.connections.open)


async def test_in_development_those_of_the_same_machine_may_do_more(tmp_path: Path) -> None:
    limits = {"requests_per_address_per_s": 1, "handshakes_per_address_per_minute": 1, "connections_per_address": 1}
    limits |= {"guests_per_address_per_minute": 1, "bare_connections_per_address": 1}
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path, **limits)) as app:
        web = Web(app, http)
        players = [await web.socket((await web.guest())["token"]) for _ in range(5)]
        assert [(await ask(ws, "ping"))["ok"] for ws in players] == [True] * 5


async def test_operators_can_have_a_port_of_their_own(tmp_path: Path) -> None:
    config = public(config_of(tmp_path, requests_per_address_per_s=1_000), operators_listen="127.0.0.1:0")
    async with aiohttp.ClientSession() as http, running(config) as app:
        for port, status in ((app.port, 404), (app.ports.operators, 200)):
            for path in ("/metrics", "/ready"):
                async with http.get(f"http://127.0.0.1:{port}{path}") as response:
                    assert response.status == status, (port, path)
            async with http.get(f"http://127.0.0.1:{port}/health") as response:
                assert response.status == 200
        (door,) = app.ports.listeners["operators"].open
        door.seen_ns = 0
        async with http.get(f"http://127.0.0.1:{app.ports.operators}/api/v1/markets/instruments") as response:
            assert response.status == 404
        assert door.seen_ns, "a scraper that asks now and then is not silent"


def handshake(version: str = "HTTP/1.1", method: str = "GET", drop: str = "", **changed: Any) -> bytes:
    headers = {
        "Host": "arena",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    headers.pop(drop, None)
    lines = [f"{name}: {one}" for name, value in headers.items() for one in value.split("|")]
    return "\r\n".join([f"{method} /ws {version}", *lines, "", ""]).encode()


HANDSHAKES = [
    (handshake(), b"101", b"Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
    (handshake(Connection="keep-alive, Upgrade"), b"101", b""),
    (handshake(Connection="keep-alive|Upgrade"), b"101", b""),
    (handshake(Upgrade="WebSocket"), b"101", b""),
    (handshake(Sec_WebSocket_Protocol="chat|arena.v1+msgpack"), b"101", b"arena.v1+msgpack"),
    (handshake(Sec_WebSocket_Protocol="chat, arena.v1+json"), b"101", b"arena.v1+json"),
    (handshake(version="HTTP/1.0"), b"400", b""),
    (handshake(method="HEAD"), b"400", b""),
    (handshake(drop="Sec-WebSocket-Key"), b"400", b""),
    (handshake(Sec_WebSocket_Key="short"), b"400", b""),
    (handshake(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==|AAAAAAAAAAAAAAAAAAAAAA=="), b"400", b""),
    (handshake(drop="Upgrade"), b"400", b""),
    (handshake(Connection="Upgrades"), b"400", b""),
    (handshake(drop="Sec-WebSocket-Version"), b"400", b"Sec-WebSocket-Version: 13"),
    (handshake(Sec_WebSocket_Version="8"), b"426", b"Sec-WebSocket-Version: 13"),
]
"""What is sent, the status of the answer, and what is in it."""


async def test_the_opening_handshake(tmp_path: Path) -> None:
    async with running(config_of(tmp_path, auth_within_s=0.2, request_within_s=0.2)) as app:
        for sent, status, has in HANDSHAKES:
            answer = (await asyncio.to_thread(exchange, app, sent)).split(b"\r\n\r\n")[0]
            assert answer.split(b" ")[1] == status, sent
            assert has.lower() in answer.lower(), sent


ENDS = {
    "not masked": (b"\x81\x02{}", 1002),
    "two beginnings": (frame(1, fin=False) + frame(1), 1002),
    "1006": (frame(8, (1006).to_bytes(2, "big")), 1002),
    "5000": (frame(8, (5000).to_bytes(2, "big")), 1002),
    "65535": (frame(8, (65_535).to_bytes(2, "big")), 1002),
    "3999": (frame(8, (3_999).to_bytes(2, "big")), 3_999),
    "no code": (frame(8), 1000),
    "too big": (frame(1, b"x" * 16_385), 1009),
}


async def test_frames_that_end_a_connection_and_their_codes(tmp_path: Path) -> None:
    async with running(config_of(tmp_path)) as app:
        for name, (sent, code) in ENDS.items():
            *_, (opcode, payload) = await asyncio.to_thread(flood, app, sent)
            assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code), name
        await until(lambda: not app.connections.open)
