"""The Python client when its connection breaks: it resumes, tells the program, and ends nothing silently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSCloseCode, web

from bench.process import ArenaProcess
from gateway.client import Change, Client, Disconnected, Failed, Refused, State, Unanswered
from gateway.protocol.envelopes import Push
from tests.gateway.client.test_client import Script, answers, hangs_up_on_orders, script

__all__ = ["script"]


async def until(states: list[Change], state: State) -> Change:
    async with asyncio.timeout(20):
        while not states or states[-1].state is not state:  # noqa: ASYNC110  # it is told to a list
            await asyncio.sleep(0.01)
    return states[-1]


async def take(client: Client, count: int) -> AsyncIterator[Push]:
    events = client.events()
    for _ in range(count):
        yield await anext(events)


async def place(client: Client) -> None:
    await client.place(symbol="BTCUSDT", side="long", margin="1", leverage=1)


async def test_what_is_counted_is_resumed_and_the_rest_subscribed_to(script: Script) -> None:
    async def tells_and_hangs_up(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["op"] == "subscribe":
            for channel, n in (("me", 7), ("match.1", 3), ("board.1", 2)):
                await socket.send_json({"channel": channel, "n": n, "seq": 1, "at": 1, "type": "x", "data": {}})
        await hangs_up_on_orders(socket, asked)

    script.answers = [tells_and_hangs_up, answers]
    states: list[Change] = []
    async with Client(script.url, on_state=states.append) as alice:
        alice.matches = [1]
        await alice.auth("token")
        await alice.subscribe("me", "board.1", "match.1")
        await place(alice)
        resumed = await until(states, State.RESUMED)
        assert resumed.channels == {"me": "replayed", "match.1": "replayed", "board.1": "reset"}
    assert [asked["op"] for asked in script.seen[-4:]] == ["auth", "resume", "subscribe", "order.place"]
    assert script.seen[-3]["args"] == {"session": "s", "last": {"me": 7, "match.1": 3}}
    assert script.seen[-2]["args"] == {"channels": ["board.1"]}
    assert [change.state for change in states] == [
        State.CONNECTED, State.LOST, State.CONNECTED, State.RESUMED, State.ENDED,
    ]  # fmt: skip
    lost, ended = states[1], states[-1]
    assert isinstance(lost.error, Disconnected)
    assert (lost.error.code, ended.error) == (WSCloseCode.GOING_AWAY, None)


async def test_a_notification_that_comes_again_is_told_once(script: Script) -> None:
    async def notifies(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await answers(socket, asked)
        if asked["op"] in ("subscribe", "resume"):
            for n in (7, 8) if asked["op"] == "resume" else (7,):
                for type in ("x", "notification")[n == 7 and asked["op"] == "resume" :]:
                    await socket.send_json({"channel": "me", "n": n, "seq": 1, "at": 1, "type": type, "data": {}})

    async def hangs_up(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await (hangs_up_on_orders if asked["op"] == "order.place" else notifies)(socket, asked)

    script.answers = [hangs_up, notifies]
    async with Client(script.url) as alice:
        alice.matches = [1]
        await alice.auth("token")
        await alice.subscribe("me")
        await place(alice)
        told = [(event.n, event.type) async for event in take(alice, 4)]
        assert told == [(7, "x"), (7, "notification"), (8, "x"), (8, "notification")]


async def test_a_channel_that_the_refusal_names_is_lost_and_no_other(script: Script) -> None:
    async def has_no_seat(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if "match.7" in asked["args"].get("channels", ()):
            details = {"channel": "match.7", "index": asked["args"]["channels"].index("match.7")}
            error = {"code": "NOT_JOINED", "message": "no", "retry": "never", "details": details}
            await socket.send_json({"id": asked["id"], "ok": False, "error": error})
        else:
            await answers(socket, asked)

    script.answers = [hangs_up_on_orders, has_no_seat]
    async with Client(script.url) as alice:
        alice.matches = [1]
        await alice.auth("token")
        await alice.subscribe("board.1", "match.7", "board.2")
        await place(alice)
        told = await anext(alice.events())
        assert (told.channel, told.kind, told.data.code) == ("match.7", "ended", "NOT_JOINED")
        assert alice.channels == ["board.1", "board.2"]
    asked = [asked["args"]["channels"] for asked in script.seen if asked["op"] == "subscribe"]
    assert asked[1:] == [["board.1", "match.7", "board.2"], ["board.1", "board.2"]], "once more, and not bit by bit"


async def test_who_waits_for_an_event_is_told_why_none_comes(script: Script) -> None:
    async def disables(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.close(code=4003)

    script.answers = [disables]
    states: list[Change] = []
    async with Client(script.url, on_state=states.append) as alice:
        waiting = asyncio.ensure_future(anext(alice.events()))
        with pytest.raises(Disconnected, match="4003"):
            await alice.ping()
        with pytest.raises(Disconnected, match="4003"):
            await waiting
        with pytest.raises(Disconnected, match="4003"):
            await alice.ping()
    assert [change.state for change in states] == [State.CONNECTED, State.ENDED]
    assert isinstance(states[-1].error, Disconnected)


async def test_a_program_that_closes_ends_its_events_and_fails_what_waits(script: Script) -> None:
    async def says_nothing(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None: ...

    script.answers = [says_nothing]
    async with Client(script.url) as alice:
        asking = asyncio.ensure_future(alice.ping())
        await asyncio.sleep(0.05)
    with pytest.raises(Disconnected):
        await asking
    assert [event async for event in alice.events()] == []


async def test_a_fault_of_the_client_is_told_to_whoever_waits(script: Script) -> None:
    def fails(change: Change) -> None:
        if change.state is State.LOST:
            raise ZeroDivisionError

    script.answers = [hangs_up_on_orders]
    async with Client(script.url, on_state=fails) as alice:
        alice.matches = [1]
        with pytest.raises(Failed, match="ZeroDivisionError"):
            await place(alice)
        assert isinstance(alice._reader, asyncio.Task)
        with pytest.raises(ZeroDivisionError):
            await alice._reader


async def test_while_nobody_is_there_a_request_ends_in_time(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data")
    server.start()
    states: list[Change] = []
    try:
        async with Client(server.url, timeout_s=2, on_state=states.append) as alice:
            await alice.guest("alice")
            await alice.subscribe("me")
            await alice.place(symbol="BTCUSDT", side="long", margin=10, leverage=10)
            server.kill()
            with pytest.raises(Unanswered):
                await alice.ping()
            assert alice.state is State.LOST
            server.start()
            resumed = await until(states, State.RESUMED)
            assert resumed.channels == {"me": "replayed"}, "from the log, which the start has replayed"
            await alice.place(symbol="BTCUSDT", side="long", margin=10, leverage=10)
            told = [event async for event in take(alice, 3)]
            assert [event.type for event in told] == ["me", "position.opened", "position.opened"]
            assert [event.n for event in told] == [told[0].n + more for more in range(3)]
    finally:
        server.kill()


async def test_a_ticket_opens_a_connection_that_comes_back(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        async with Client(server.url) as alice, Client(server.url) as page, Client(server.url) as thief:
            await alice.guest("alice")
            ticket = (await alice.ticket()).ticket
            assert (await page.auth(ticket)).player == alice.player
            with pytest.raises(Refused, match="TOKEN_INVALID"):
                await thief.auth(ticket)
            assert (await page.cancel_on_disconnect(60_000)).after_ms == 60_000
            assert isinstance(page._socket, aiohttp.ClientWebSocketResponse)
            await page._socket.close()
            assert (await page.me()).player == alice.player
            assert page.reconnects == 1
    finally:
        server.kill()


async def test_a_refused_handshake_says_when_to_come_back(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    turned_away: list[float] = []

    async def turns_away(request: web.Request) -> web.StreamResponse:
        if script.connections == 1 and not turned_away:
            turned_away.append(asyncio.get_running_loop().time())
            return web.Response(status=429, headers={"Retry-After": "1"})
        if turned_away:
            turned_away.append(asyncio.get_running_loop().time())
        return await serve(request)

    serve = script.serve
    monkeypatch.setattr(script, "serve", turns_away)
    script.answers = [hangs_up_on_orders, answers]
    async with Client(script.url) as alice:
        alice.matches = [1]
        await place(alice)
    assert turned_away[1] - turned_away[0] >= 1


async def test_orders_of_who_stays_away_are_cancelled_also_when_the_arena_was_down_meanwhile(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        async with Client(server.url) as alice:
            await alice.guest("alice")
            await alice.cancel_on_disconnect(1_000)
            await alice.place(symbol="BTCUSDT", side="long", margin=10, leverage=10, type="limit", price=1_000)
            server.kill()
            token = alice.token
        assert token is not None
        server.start()
        await asyncio.sleep(1.5)
        async with Client(server.url) as alice:
            await alice.auth(token)
            assert await alice.orders() == []
    finally:
        server.kill()
