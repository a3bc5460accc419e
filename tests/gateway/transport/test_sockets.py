"""A whole arena on a loopback port: REST, sockets, slow readers, restart and orderly stop."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import re
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import WSMsgType

from engine.model.commands import Batch, DefineZone, encode_cold
from gateway.core.config import Config, Data, Limits, Market, Server
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from gateway.core.tokens import ADMIN
from gateway.core.zones import moments_of
from gateway.ops.dispatcher import Dispatcher
from gateway.presenters.referral_codes import code_of
from gateway.process.app import App, serve
from gateway.process.seed import told_commands
from gateway.sessions.session import Session
from gateway.transport.connections import Connection
from gateway.transport.listener import Door
from gateway.transport.websocket import Reader
from persistence.log import EXIT_LOG_FAILED, Appended, Log, LogFailed

CHECKS = {"log", "feed", "disk", "projection", "clock", "tasks"}
ROOT = Path(__file__).parents[3]
LONG = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "20", "leverage": 10}


def config_of(directory: Path, **limits: Any) -> Config:
    return Config(
        server=Server(port=0, shutdown_s=1.0),
        data=Data(directory=str(directory)),
        market=Market(symbols=("BTCUSDT",)),
        limits=msgspec.structs.replace(Limits(), **limits),
    )


def public(config: Config, **server: Any) -> Config:
    """Not for development: limits of addresses hold for the same machine too."""
    changed = msgspec.structs.replace(config.server, development=False, **server)
    return msgspec.structs.replace(config, server=changed)


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[App]:
    app = await App.start(config)
    ended = asyncio.create_task(app.run(asyncio.Event()))
    try:
        await until(lambda: app.checks()["feed"].ok)
        yield app
    finally:
        ended.cancel()
        await app.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # what is waited for knows nothing of the test
            await asyncio.sleep(0.02)


async def test_a_start_tells_the_engine_of_other_limits_of_keys_and_of_newer_zones(tmp_path: Path) -> None:
    async with running(config_of(tmp_path, keys_per_player=7, keys_in_all=99)) as app:
        world = app.folder.machine.state.book.world[0]
        assert (int(world["keys_per_player"]), int(world["keys_in_all"])) == (7, 99)
        old = DefineZone("Asia/Tokyo", ((0, 0),))
        for zone in (old, DefineZone("Asia/Atlantis", ((0, 0),))):
            await app.arena.sequencer.call(cold_record(), Urgency.OPERATOR, encode_cold(zone))
    async with running(config_of(tmp_path)) as app:
        state = app.folder.machine.state
        assert int(state.book.world[0]["keys_per_player"]) == Limits().keys_per_player
        tokyo, atlantis = state.cold.zones.values()
        assert (tokyo.name, tokyo.moments) == ("Asia/Tokyo", moments_of("Asia/Tokyo"))
        assert atlantis == DefineZone("Asia/Atlantis", ((0, 0),))
        assert told_commands(state, Limits()) == []


class Web:
    """A client of the arena over HTTP."""

    def __init__(self, app: App, http: aiohttp.ClientSession) -> None:
        self.url = f"http://127.0.0.1:{app.port}"
        self.http = http

    async def get(self, path: str, **rest: Any) -> tuple[int, Any]:
        async with self.http.get(self.url + path, **rest) as response:
            return response.status, json.loads(await response.read())

    async def guest(self, **body: Any) -> dict[str, Any]:
        async with self.http.post(self.url + "/api/v1/auth/guest", json=body) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            assert response.status == 200, answer
            return answer

    async def socket(self, token: str = "", **rest: Any) -> aiohttp.ClientWebSocketResponse:
        ws: aiohttp.ClientWebSocketResponse = await self.http.ws_connect(self.url + "/ws", **rest)
        if token:
            await ask(ws, "auth", {"token": token})
        return ws


async def ask(ws: aiohttp.ClientWebSocketResponse, op: str, args: Any = None) -> dict[str, Any]:
    await ws.send_json({"id": 1, "op": op, "args": args or {}})
    while True:
        message: dict[str, Any] = await ws.receive_json(timeout=5)
        if message.get("id") == 1:
            return message


@pytest.mark.parametrize("how", ["closed", "cut", "refused", "without auth"])
async def test_a_connection_that_ends_leaves_nothing_for_the_garbage_collector(tmp_path: Path, how: str) -> None:
    def kept() -> int:
        return sum(isinstance(one, Session | Dispatcher | Reader | Connection | Door) for one in gc.get_objects())

    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        web = Web(app, http)
        token = (await web.guest())["token"]
        gc.collect()
        of_http = kept()
        gc.disable()
        try:
            for _ in range(5):
                ws = await web.socket("" if how == "without auth" else token)
                await ask(ws, "subscribe", {"channels": ["sys", "tick.BTCUSDT"]})
                if how == "refused":
                    await ws.send_bytes(b"not the encoding that was agreed on")
                if how == "cut":
                    for connection in app.connections.open:
                        connection.abort()
                await ws.close()
                await until(lambda: not app.connections.open)
            await until(lambda: kept() <= of_http)
        finally:
            gc.enable()


async def test_a_guest_trades_and_is_there_again_after_a_restart(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http:
        async with running(config_of(tmp_path)) as app:
            web = Web(app, http)
            guest = await web.guest(name="ann")
            assert (guest["name"], guest["matches"]) == ("ann", [1, 2])
            ws = await web.socket(guest["token"])
            placed = await ask(ws, "order.place", LONG | {"client_order_id": "first"})
            assert placed["result"]["status"] == "filled"
        assert ws.closed or (await ws.receive(timeout=5)).data == 1001

        async with running(config_of(tmp_path)) as app:
            web = Web(app, http)
            ws = await web.socket(guest["token"])
            positions = (await ask(ws, "position.list", {"match": 1}))["result"]
            assert [position["position"] for position in positions] == [placed["result"]["position"]]
            again = await ask(ws, "order.place", LONG | {"client_order_id": "first"})
            assert again["replayed"]
            assert again["result"] == placed["result"]
            renewed = await web.guest(token=guest["token"])
            assert renewed["player"] == guest["player"]


async def test_who_signs_up_has_demo_money_and_may_name_who_brought_him(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        web = Web(app, http)
        ann = await web.guest(name="ann")
        ws = await web.socket(ann["token"])
        (demo,) = (await ask(ws, "me.wallet"))["result"]
        assert (demo["asset"], demo["balance"]) == ("DEMO", "10000.00000000")
        told = (await ask(ws, "referral.get"))["result"]
        assert told["bonus"]["at"] == "first_paid_match"
        code = told["code"]
        await web.guest(referral_code=code.lower())
        assert (await ask(ws, "referral.get"))["result"]["referred"] == 1

        players = len(app.folder.machine.state.cold.players)
        unknown = code_of(players + 1)  # that of whom is just signing up
        for body, code_of_error in [
            ({"referral_code": unknown}, "REFERRAL_CODE_UNKNOWN"),
            ({"referral_code": "XXXXX"}, "REFERRAL_CODE_UNKNOWN"),
            ({"referral_code": ""}, "REFERRAL_CODE_UNKNOWN"),
            ({"referral_code": code, "token": ann["token"]}, "BAD_ARGUMENTS"),
            ({"demo_grant": 5}, "BAD_ARGUMENTS"),
        ]:
            async with http.post(web.url + "/api/v1/auth/guest", json=body) as response:
                assert (await response.json(content_type=None))["code"] == code_of_error
        assert len(app.folder.machine.state.cold.players) == players
        assert len((await ask(ws, "store.list"))["result"]) == 2


async def test_a_token_that_has_expired_lately_is_exchanged_also_where_there_are_no_guests(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    lasts = msgspec.structs.replace(config.server, token_lifetime_s=1, token_grace_s=2)
    async with aiohttp.ClientSession() as http:

        async def renewed(app: App, token: str) -> tuple[int, dict[str, Any]]:
            async with http.post(Web(app, http).url + "/api/v1/auth/renew", json={"token": token}) as response:
                return response.status, await response.json(content_type=None)

        async with running(msgspec.structs.replace(config, server=lasts)) as app:
            token = (await Web(app, http).guest())["token"]
            ws = await Web(app, http).socket(token)
            assert (await ws.receive(timeout=5)).data == 4001
            operators = app.arena.tokens.issue(0, ADMIN)
        async with running(public(msgspec.structs.replace(config, server=lasts))) as app:
            status, answer = await renewed(app, token)
            assert (status, answer["expires_in"]) == (200, 1)
            ws = await Web(app, http).socket()
            assert (await ask(ws, "auth", {"token": answer["token"]}))["result"]["player"] == 1
            await asyncio.sleep(3.1)
            for dead in (token, answer["token"], "no.such.token"):
                status, answer = await renewed(app, dead)
                assert (status, answer["code"]) == (401, "TOKEN_INVALID")
            assert (await renewed(app, operators))[1]["code"] == "TOKEN_INVALID"
            assert (await renewed(app, app.arena.tokens.issue(0, ADMIN)))[1]["code"] == "PLAYERS_ONLY"


async def test_after_a_backup_is_restored_a_token_does_not_open_the_account_of_another(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    async with aiohttp.ClientSession() as http:
        async with running(config_of(data)) as app:
            early = await Web(app, http).guest(name="early")
        shutil.copytree(data, backup)
        async with running(config_of(data)) as app:
            ann = await Web(app, http).guest(name="ann")
        shutil.rmtree(data)
        backup.rename(data)
        async with running(config_of(data)) as app:
            web = Web(app, http)
            bob = await web.guest(name="bob")
            assert bob["player"] == ann["player"]
            ws = await web.socket()
            assert (await ask(ws, "auth", {"token": ann["token"]}))["error"]["code"] == "TOKEN_INVALID"
            async with http.post(web.url + "/api/v1/auth/guest", json={"token": ann["token"]}) as response:
                assert response.status == 401
            assert (await ask(ws, "auth", {"token": bob["token"]}))["ok"]
            assert (await web.guest(token=early["token"]))["name"] == "early"


async def test_what_operators_and_browsers_ask(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        web = Web(app, http)
        assert await web.get("/health") == (200, {"ok": True})
        status, ready = await web.get("/ready")
        assert (status, ready["ready"], set(ready["checks"])) == (200, True, CHECKS)
        assert (await web.get("/version"))[1]["protocol"] == 1
        async with http.get(web.url + "/metrics") as response:
            metrics = await response.text()
        assert "arena_commands_total" in metrics
        assert "arena_sync_seconds_bucket" in metrics

        assert (await web.get("/api/v1/markets/instruments"))[1]["items"][0]["symbol"] == "BTCUSDT"
        assert (await web.get("/api/v1/markets/quotes", params={"symbol": "BTCUSDT"}))[1]["items"][0]["stale"] is False
        candles = {"symbol": "BTCUSDT", "interval": "1m", "limit": "2"}
        assert len((await web.get("/api/v1/markets/candles", params=candles))[1]["items"]) == 1
        for path, status, code in [
            ("/api/v1/markets/quotes?symbol=X", 404, "SYMBOL_UNKNOWN"),
            ("/api/v1/markets/candles?symbol=BTCUSDT", 400, "BAD_ARGUMENTS"),
            ("/api/v1/markets/candles?symbol=BTCUSDT&interval=1m&limit=x", 400, "BAD_ARGUMENTS"),
            ("/api/v1/nothing", 404, "NOT_FOUND"),
            ("/api/v1/auth/guest", 405, "METHOD_NOT_ALLOWED"),
        ]:
            got, problem = await web.get(path)
            assert (got, problem["status"], problem["code"]) == (status, status, code)
        for body, code in [
            (b"{", "NOT_JSON"),
            (b'{"nmae":"a"}', "BAD_ARGUMENTS"),
            (b'{"name":"\\n"}', "BAD_ARGUMENTS"),
        ]:
            async with http.post(web.url + "/api/v1/auth/guest", data=body) as response:
                assert (await response.json(content_type=None))["code"] == code
                assert response.content_type == "application/problem+json"
        async with http.post(web.url + "/api/v1/auth/guest", data=b" " * 20_000) as response:
            assert response.status == 413


async def test_foreign_origins_and_guests_are_refused_where_the_config_says_so(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    server = msgspec.structs.replace(config.server, development=False, allowed_origins=("https://arena.example",))
    async with (
        aiohttp.ClientSession() as http,
        running(msgspec.structs.replace(config, server=server)) as app,
    ):
        web = Web(app, http)
        foreign = {"Origin": "https://evil.example"}
        friend = {"Origin": "https://arena.example"}
        assert (await web.get("/api/v1/markets/instruments", headers=foreign))[0] == 403
        for headers, allowed in ((foreign, None), (friend, friend["Origin"])):
            async with http.options(web.url + "/api/v1/auth/guest", headers=headers) as response:
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await web.socket(headers=foreign)
        ws = await web.socket(headers=friend)
        assert (await ask(ws, "quote", {"symbol": "BTCUSDT"}))["error"]["code"] == "NOT_AUTHENTICATED"
        async with http.post(web.url + "/api/v1/auth/guest", json={}) as response:
            assert response.status == 403


async def test_an_origin_that_is_none_is_foreign(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    server = msgspec.structs.replace(config.server, development=False)
    async with (
        aiohttp.ClientSession() as http,
        running(msgspec.structs.replace(config, server=server)) as app,
    ):
        web = Web(app, http)
        own = {"Origin": web.url}
        assert (await web.get("/api/v1/markets/instruments", headers=own))[0] == 200
        await web.socket(headers=own)
        for origin in ("http://[::1", "http://a\u2100b", "null", "", web.url + "/"):
            foreign = {"Origin": origin}
            assert (await web.get("/api/v1/markets/instruments", headers=foreign))[0] == 403, origin
            async with http.get(web.url + "/health", headers=foreign) as response:
                assert response.status == 200
                assert "Access-Control-Allow-Origin" not in response.headers
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await web.socket(headers=foreign)


@pytest.mark.parametrize(
    ("message", "subprotocol", "code"),
    [
        ("x" * 1_000_000, "arena.v1+json", 1009),
        (b"\x80", "arena.v1+json", 1003),
        ("{}", "arena.v1+msgpack", 1003),
    ],
)
async def test_frames_that_end_a_connection(tmp_path: Path, message: str | bytes, subprotocol: str, code: int) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        web = Web(app, http)
        ws = await web.socket(protocols=[subprotocol])
        assert ws.protocol == subprotocol
        await (ws.send_str(message) if isinstance(message, str) else ws.send_bytes(message))
        assert (await ws.receive(timeout=5)).data == code
        assert (await web.get("/health"))[0] == 200


async def test_text_that_is_not_utf_8_closes_with_1007(tmp_path: Path) -> None:
    async with running(config_of(tmp_path)) as app:
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        await shake_hands(reader, writer)
        writer.write(b"\x81\x82\0\0\0\0\xff\xff")
        assert await reader.read(4) == b"\x88" + bytes([2 + len("text must be UTF-8")]) + (1007).to_bytes(2, "big")
        writer.close()


async def test_the_address_shows_what_it_is_and_a_first_message_that_is_answered(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        web = Web(app, http)
        async with http.get(web.url) as response:
            text = await response.text()
            assert (response.status, response.content_type) == (200, "text/html")
        assert f"ws://127.0.0.1:{app.port}/ws" in text
        for there in ("docs/protocol.md", "docs/trading.md", "README.md", "SECURITY.md"):
            assert there in text
            assert (ROOT / there).exists()
        for path in re.findall(r'href="([^"]+)"', text):
            async with http.get(web.url + path) as response:
                assert response.status == 200
        first = re.search(r'<pre id="first">(.+)</pre>', text)
        assert first is not None
        ws = await web.socket()
        await ws.send_str(first[1])
        assert (await ws.receive_json(timeout=5))["ok"]
        async with http.get(web.url, headers={"Host": "<script>"}) as response:
            assert "<script>" not in await response.text()


async def test_a_name_is_kept_as_it_is_read_or_refused(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        web = Web(app, http)
        assert (await web.guest(name=" \uff21nna  Maria "))["name"] == "Anna Maria"
        for name, told in (("Adm1n", "reserved"), ("ali\u200bce", "U+200B"), ("  ", "1 to 32 characters")):
            async with http.post(web.url + "/api/v1/auth/guest", json={"name": name}) as response:
                refused = await response.json(content_type=None)
            assert (response.status, refused["code"], refused["details"]["field"]) == (400, "BAD_ARGUMENTS", "name")
            assert told in refused["details"]["problem"]


async def test_an_arena_with_too_much_to_do_takes_no_new_connections(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        app.arena.sequencer._capacity_for_most = 0
        assert (await (await Web(app, http).socket()).receive(timeout=5)).data == 1013


async def test_too_many_connections_of_an_address_close_with_4029(tmp_path: Path) -> None:
    config = public(config_of(tmp_path, connections_per_address=2))
    async with aiohttp.ClientSession() as http, running(config) as app:
        web = Web(app, http)
        first, _ = [await web.socket() for _ in range(2)]
        assert (await (await web.socket()).receive(timeout=5)).data == 4029
        await first.close()
        await asyncio.sleep(0.05)
        assert (await ask(await web.socket(), "ping"))["ok"]


async def test_in_development_the_limits_of_an_address_are_not_those_of_this_machine(tmp_path: Path) -> None:
    limits = {"connections_per_address": 2, "guests_per_address_per_minute": 2, "requests_per_address_per_s": 4}
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path, **limits)) as app:
        web = Web(app, http)
        players = [(await web.guest())["player"] for _ in range(6)]
        sockets = [await web.socket() for _ in range(6)]
        assert len(set(players)) == 6
        assert all([(await ask(ws, "ping"))["ok"] for ws in sockets])


async def test_serve_ends_when_told_and_says_goodbye(tmp_path: Path) -> None:
    ports: list[int] = []
    stop = asyncio.Event()
    served = asyncio.create_task(serve(config_of(tmp_path), ports.append, stop))
    await until(lambda: bool(ports))
    async with aiohttp.ClientSession() as http:
        ws = await http.ws_connect(f"http://127.0.0.1:{ports[0]}/ws")
        await ask(ws, "subscribe", {"channels": ["sys"]})
        stop.set()
        goodbye = [await ws.receive(timeout=5) for _ in range(3)]
    assert [json.loads(message.data)["type"] for message in goodbye[:2]] == ["hello", "shutdown"]
    assert goodbye[2].data == 1001
    assert await asyncio.wait_for(served, 10) == 0


async def test_a_log_that_fails_ends_the_process_and_acknowledges_nothing(tmp_path: Path) -> None:
    def fails(log: Log, batch: Batch, state_hash: bytes | None) -> Appended:
        raise LogFailed("the disk is gone")

    ports: list[int] = []
    served = asyncio.create_task(serve(config_of(tmp_path), ports.append))
    await until(lambda: bool(ports))
    async with aiohttp.ClientSession() as http:
        web = f"http://127.0.0.1:{ports[0]}"
        async with http.post(web + "/api/v1/auth/guest", json={}) as response:
            token = (await response.json())["token"]
        ws = await http.ws_connect(web + "/ws")
        await ask(ws, "auth", {"token": token})
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Log, "_append", fails)
            await ws.send_json({"id": 2, "op": "order.place", "args": LONG})
            assert (await ws.receive(timeout=5)).type in (WSMsgType.CLOSED, WSMsgType.ERROR, WSMsgType.CLOSE)
            assert await asyncio.wait_for(served, 10) == EXIT_LOG_FAILED


async def test_silence_is_ended(tmp_path: Path) -> None:
    """Who neither says who it is nor listens to anything goes; pings come, and who answers them stays."""
    limits = {"auth_within_s": 0.3, "ping_every_s": 0.3, "silence_s": 0.9}
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path, **limits)) as app:
        web = Web(app, http)
        silent = await web.socket()
        assert (await silent.receive(timeout=3)).data == 4001

        token = (await web.guest())["token"]
        mute = await web.socket(token, autoping=False)
        alive = await web.socket(token)
        assert (await mute.receive(timeout=3)).type is WSMsgType.PING
        waiting = asyncio.create_task(alive.receive())
        while (message := await mute.receive(timeout=3)).type is WSMsgType.PING:
            pass
        assert message.data == 1001
        assert not waiting.done()
        waiting.cancel()


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: arena\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")


async def test_a_client_that_does_not_read_is_cut_and_others_do_not_notice(tmp_path: Path) -> None:
    patience_s = 0.6
    limits = {
        "slow_patience_s": patience_s,
        "slow_bytes": 16_384,
        "send_buffer_bytes": 8_192,
        "messages_per_s": 100_000,
        "messages_burst": 100_000,
        "player_messages_per_s": 100_000,
        "player_messages_burst": 100_000,
    }
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path, **limits)) as app:
        web = Web(app, http)
        deaf = await asyncio.to_thread(deaf_socket, app.port, (await web.guest())["token"])
        other = await web.socket((await web.guest())["token"])
        loop = asyncio.get_running_loop()
        slowest_s = 0.0
        begun_s = loop.time()
        while app.connections.cut == 0:
            assert loop.time() - begun_s < 6
            await loop.sock_sendall(deaf, masked(b'{"id":1,"op":"instruments"}') * 20)
            asked_s = loop.time()
            assert (await ask(other, "ping"))["ok"]
            slowest_s = max(slowest_s, loop.time() - asked_s)
            await asyncio.sleep(0.01)
        assert slowest_s < 0.25
        assert app.connections.cut == 1
        await asyncio.sleep(1.0)
        assert len(app.connections.open) == 1
        assert (await ask(other, "ping"))["ok"]
        deaf.close()


def deaf_socket(port: int, token: str) -> socket.socket:
    """A client that authenticates and then never reads."""
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    deaf.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16))
    deaf.sendall(
        b"GET /ws HTTP/1.1\r\nHost: arena\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    deaf.recv(1_000)
    deaf.sendall(masked(json.dumps({"id": 1, "op": "auth", "args": {"token": token}}).encode()))
    time.sleep(0.1)
    deaf.setblocking(False)
    return deaf


def masked(payload: bytes) -> bytes:
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload
