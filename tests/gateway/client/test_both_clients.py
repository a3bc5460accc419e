"""What both clients do alike, in Python and in JavaScript: with an arena, and with a server that behaves badly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSCloseCode, web

from bench.process import ArenaProcess, arena
from gateway.client import Disconnected, Garbled, Refused, Unanswered, Unreachable
from tests.gateway.client.players import Player, javascript_player, python_player
from tests.gateway.client.scripted import (
    Script,
    answers,
    channels_of,
    hangs_up_on_orders,
    refuses,
    says_nothing,
    scripted,
    tells,
)

Join = Callable[..., AbstractAsyncContextManager[Player]]

ORDER = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "100", "leverage": 10}


@pytest.fixture(params=["python", "javascript"])
def join(request: pytest.FixtureRequest) -> Any:
    return {"python": python_player, "javascript": javascript_player}[request.param]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArenaProcess]:
    process = ArenaProcess(tmp_path_factory.mktemp("clients") / "data", config="messages_burst = 100\n")
    process.start()
    yield process
    process.kill()


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with scripted() as script:
        yield script


async def until(player: Player, type: str) -> list[dict[str, Any]]:
    """The messages up to the first of this type."""
    told = []
    while True:
        event = await player.event()
        assert event is not None
        told.append(event)
        if event["type"] == type:
            return told


# With an arena


async def test_a_round_of_the_game(server: ArenaProcess, join: Join) -> None:
    async with join(server.url) as alice:
        guest = await alice.guest("alice")
        assert (guest["name"], guest["matches"]) == ("alice", [1, 2])
        assert await alice.subscribe("me", "tick.BTCUSDT", "sys") == ["me", "tick.BTCUSDT", "sys"]
        assert await alice.unsubscribe("sys", "tick.BTCUSDT") == ["me"]
        assert (await alice.request("time"))["at"] > 1_700_000_000_000
        assert [one["tick_size"] for one in await alice.request("instruments") if one["symbol"] == "BTCUSDT"] == [
            "0.01"
        ]
        placed = await alice.request("order.place", ORDER)
        assert (placed["status"], placed["position"]) == ("filled", placed["order"])
        low = ORDER | {"type": "limit", "price": "10000", "client_order_id": "low"}
        resting = await alice.request("order.place", low)
        assert (await alice.request("order.place", low))["order"] == resting["order"], "its id is its key"
        assert (await alice.request("order.cancel", {"order": resting["order"]}))["status"] == "canceled"
        half = await alice.request("position.close", {"position": placed["order"], "percent": 50}, key="half")
        assert await alice.request("position.close", {"position": placed["order"], "percent": 50}, key="half") == half
        await alice.request("position.close", {"position": placed["order"]})
        assert await alice.request("position.list", {"match": 1}) == []

        told = [event for event in await until(alice, "position.closed") if event["channel"] == "me"]
        assert [event["type"] for event in told] == [
            "me", "position.opened", "order.accepted", "order.canceled", "position.reduced", "position.closed",
        ]  # fmt: skip
        assert [event["n"] for event in told] == list(range(told[0]["n"], told[0]["n"] + len(told)))


async def test_an_operator_holds_a_match_that_is_watched(server: ArenaProcess, join: Join) -> None:
    token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
    async with join(server.url) as boss, join(server.url) as alice:
        assert (await boss.auth(token))["player"] == 0
        await alice.guest("alice")
        game = {"title": "Sprint", "duration_s": 600, "min_players": 1, "max_players": 1}
        game_id = (await boss.request("admin.create_game", game))["id"]
        match = (await boss.request("admin.create_match", {"game": game_id}))["id"]
        await alice.subscribe(f"match.{match}")
        await alice.request("match.join", {"match": match})
        await boss.request("admin.end_match", {"match": match, "reason": "over"})
        told = await until(alice, "room.finished")
        assert [event["type"] for event in told] == ["match", "room.joined", "room.started", "room.finished"]


async def test_a_refusal_says_code_and_details(server: ArenaProcess, join: Join) -> None:
    async with join(server.url) as alice:
        await alice.guest("alice")
        with pytest.raises(Refused) as refused:
            await alice.request("quote", {"symbol": "NOTHING"})
        assert (refused.value.code, refused.value.retry) == ("SYMBOL_UNKNOWN", "never")
        assert refused.value.details == {"symbol": "NOTHING"}


async def test_a_private_match_that_was_left_is_subscribed_to_no_more(server: ArenaProcess, join: Join) -> None:
    token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
    async with join(server.url) as boss, join(server.url) as alice:
        await boss.auth(token)
        await alice.guest("alice")
        game = {"title": "Closed", "duration_s": 600, "min_players": 2, "max_players": 2}
        game_id = (await boss.request("admin.create_game", game))["id"]
        match = (await boss.request("admin.create_match", {"game": game_id, "code": "sesame"}))["id"]
        await alice.request("match.join", {"match": match, "code": "sesame"})
        await alice.subscribe("sys", f"match.{match}", f"board.{match}")
        await alice.request("match.leave", {"match": match})
        await alice.request("ping")
        assert (await alice.attributes())["channels"] == ["sys"]


async def test_more_requests_than_the_arena_takes_at_once_are_all_answered(server: ArenaProcess, join: Join) -> None:
    async with join(server.url) as alice:
        await alice.guest("alice")
        await asyncio.gather(*(alice.request("ping") for _ in range(130)))


async def test_a_token_is_renewed_while_connected_and_exchanged_when_it_has_expired(tmp_path: Path, join: Join) -> None:
    fleeting = "[server]\ntoken_lifetime_s = 2\ntoken_grace_s = 60\n"
    server = ArenaProcess(tmp_path / "data", config=fleeting)
    server.start()
    try:
        async with join(server.url) as alice, join(server.url) as back:
            first = (await alice.guest("alice"))["token"]
            await asyncio.sleep(4)
            assert await alice.request("position.list", {"match": 1}) == []
            now = await alice.attributes()
            assert now["token"] != first
            assert now["reconnects"] == 0
            assert (await back.auth(first))["player"] == now["player"]
    finally:
        server.kill()


async def test_an_arena_that_crashes_is_come_back_to(tmp_path: Path, join: Join) -> None:
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        async with join(server.url, timeout_s=120) as alice:
            await alice.guest("alice")
            await alice.subscribe("me")
            server.kill()
            placing = asyncio.create_task(alice.request("order.place", ORDER))
            server.start()
            assert (await placing)["status"] == "filled"
            assert (await until(alice, "position.opened"))[-1]["data"]["symbol"] == "BTCUSDT"
            assert (await alice.attributes())["reconnects"] == 1
    finally:
        server.kill()


async def test_what_happened_while_the_connection_was_lost_is_told_once(server: ArenaProcess, join: Join) -> None:
    async with relayed(server.port) as (url, cut), join(url) as alice, join(server.url) as other:
        await alice.guest("alice")
        await other.auth((await alice.attributes())["token"])
        await alice.subscribe("me", "tick.BTCUSDT")
        told = await until(alice, "me")
        for _ in range(3):
            cut()
            await other.request("order.place", ORDER)
            told += await until(alice, "position.opened")
        mine = [event for event in told if event["channel"] == "me"]
        assert [event["n"] for event in mine] == list(range(mine[0]["n"], mine[0]["n"] + 4))
        assert [event["type"] for event in mine] == ["me", *["position.opened"] * 3]
        assert (await alice.attributes())["reconnects"] == 3


async def test_who_came_with_a_ticket_comes_back_by_himself(server: ArenaProcess, join: Join) -> None:
    async with join(server.url) as alice, relayed(server.port) as (url, cut), join(url) as window:
        player = (await alice.guest("alice"))["player"]
        ticket = (await alice.request("auth.ticket"))["ticket"]
        assert (await window.auth(ticket))["player"] == player
        assert (await window.attributes())["token"] not in (None, ticket)
        cut()
        assert await window.request("position.list", {"match": 1}) == []
        assert (await window.attributes())["reconnects"] == 1


@asynccontextmanager
async def relayed(port: int) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """An address from which all goes on to this port, and a function that cuts what is connected."""
    ends: set[asyncio.StreamWriter] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        ends.update((writer, to_writer))
        await asyncio.gather(pass_on(reader, to_writer), pass_on(to_reader, writer))

    def cut() -> None:
        for end in ends:
            end.transport.abort()
        ends.clear()

    relay = await asyncio.start_server(connect, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{relay.sockets[0].getsockname()[1]}", cut
    cut()
    relay.close()


# With a server that behaves badly


async def test_what_was_not_answered_is_asked_again_with_the_same_key(script: Script, join: Join) -> None:
    script.answers = [hangs_up_on_orders, answers]
    async with join(script.url) as alice:
        await alice.auth("token")
        await alice.subscribe("me")
        assert (await alice.request("order.place", ORDER))["order"] == 5
        assert (await alice.attributes())["reconnects"] == 1
    again = script.ops.index("auth", 1)
    assert [script.ops[again], script.ops[again + 2]] == ["auth", "order.place"]
    assert channels_of(script.seen[again + 1]) == ["me"]
    assert script.seen[again - 1] == script.seen[again + 2]
    assert script.seen[again]["args"] == {"token": "token"}


async def test_a_channel_that_is_refused_after_a_reconnect_takes_no_other_along(script: Script, join: Join) -> None:
    taken: list[str] = []

    async def takes_few_and_has_no_seat(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        channels = channels_of(asked)
        if len(channels) > 4:
            await refuses(socket, asked, "RATE_LIMITED", retry_after=50)
        elif "match.7" in channels:
            await refuses(socket, asked, "NOT_JOINED")
        else:
            taken.extend(channels)
            await answers(socket, asked)

    script.answers = [hangs_up_on_orders, takes_few_and_has_no_seat]
    boards = [f"board.{match}" for match in range(1, 9)]
    async with join(script.url) as alice:
        await alice.auth("token")
        await alice.subscribe("me", *boards[:3], "match.7", *boards[3:])
        await alice.request("order.place", ORDER)
        last = (await until(alice, "refused"))[-1]
        assert (last["channel"], last["kind"], last["data"]["code"]) == ("match.7", "ended", "NOT_JOINED")
        async with asyncio.timeout(5):
            while len(taken) < 9:  # noqa: ASYNC110  # what is waited for knows nothing of the test
                await asyncio.sleep(0.01)
        assert sorted(taken) == sorted(["me", *boards]) == sorted((await alice.attributes())["channels"])


async def test_a_refusal_that_names_the_channel_is_enough(script: Script, join: Join) -> None:
    asked_for: list[list[str]] = []

    async def has_no_seat(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        channels = channels_of(asked)
        asked_for.append(channels)
        if "match.7" in channels:
            await refuses(socket, asked, "NOT_JOINED", channel="match.7")
        else:
            await answers(socket, asked)

    script.answers = [hangs_up_on_orders, has_no_seat]
    boards = [f"board.{match}" for match in range(1, 9)]
    async with join(script.url) as alice:
        await alice.auth("token")
        await alice.subscribe("me", *boards[:3], "match.7", *boards[3:])
        await alice.request("order.place", ORDER)
        assert (await until(alice, "refused"))[-1]["channel"] == "match.7"
        async with asyncio.timeout(5):
            while not set(boards) <= {each for channels in asked_for for each in channels}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert sum("match.7" in channels for channels in asked_for) == 1


async def test_a_notification_that_a_resume_repeats_is_told_once(script: Script, join: Join) -> None:
    async def notifies(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["op"] == "subscribe":
            await answers(socket, asked)
            await tells(socket, "me", 2, "notification")
        else:
            await hangs_up_on_orders(socket, asked)

    async def repeats(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await answers(socket, asked)
        if asked["op"] == "resume":
            for n in (2, 3):
                await tells(socket, "me", n, "notification")
            await tells(socket, "me", 4, "back")

    script.answers = [notifies, repeats]
    async with join(script.url) as alice:
        await alice.auth("token")
        await alice.subscribe("me")
        await alice.request("order.place", ORDER)
        told = await until(alice, "back")
        assert [event["n"] for event in told if event["type"] == "notification"] == [2, 3]


async def test_a_subscription_that_is_refused_for_now_is_asked_for_until_it_is_there(
    script: Script, join: Join
) -> None:
    async def refuses_twice(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if channels_of(asked) and sum(bool(channels_of(each)) for each in script.seen) < 4:
            await refuses(socket, asked, "RATE_LIMITED", retry_after=10)
            return
        await answers(socket, asked)
        if channels_of(asked):
            await tells(socket, "me", 2, "back")

    script.answers = [hangs_up_on_orders, refuses_twice]
    async with join(script.url) as alice:
        await alice.auth("token")
        await alice.subscribe("me")
        await alice.request("order.place", ORDER)
        await until(alice, "back")
        assert (await alice.attributes())["channels"] == ["me"]


async def test_a_socket_that_breaks_while_subscriptions_come_back_brings_them_with_the_next(
    script: Script, join: Join
) -> None:
    async def hangs_up_on_subscriptions(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if channels_of(asked):
            await socket.close(code=WSCloseCode.GOING_AWAY)
        else:
            await answers(socket, asked)

    script.answers = [hangs_up_on_orders, hangs_up_on_subscriptions, answers]
    async with join(script.url) as alice:
        await alice.auth("token")
        await alice.subscribe("me")
        await alice.request("order.place", ORDER)
        assert (await alice.attributes())["reconnects"] == 2
        assert [script.ops[-3], script.ops[-1]] == ["auth", "order.place"]
        assert channels_of(script.seen[-2]) == ["me"]


async def test_what_is_refused_for_now_is_asked_for_again_with_its_key(script: Script, join: Join) -> None:
    async def has_old_prices_at_first(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if len(script.seen) < 3:
            await refuses(socket, asked, "FEED_STALE", retry_after=10)
        else:
            await answers(socket, asked)

    script.answers = [has_old_prices_at_first]
    async with join(script.url) as alice:
        assert (await alice.request("order.place", ORDER))["order"] == 5
    first, second, third = script.seen
    assert first["key"]
    assert first == second == third


@pytest.mark.parametrize(("retry", "retry_after"), [(False, 10), (True, 60_000), (True, 0)])
async def test_a_refusal_that_lasts_is_raised_at_once(
    script: Script, join: Join, retry: bool, retry_after: int
) -> None:
    async def says_no(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await refuses(socket, asked, "MARKET_CLOSED", retry_after)

    script.answers = [says_no]
    async with join(script.url, retry=retry) as alice:
        with pytest.raises(Refused, match="MARKET_CLOSED"):
            await alice.request("ping")
    assert len(script.seen) == 1


@pytest.mark.parametrize("code", ["INSTRUMENT_LOCKED", "RATE_LIMITED"])
async def test_a_refusal_that_is_repeated_is_raised_when_the_time_is_up(script: Script, join: Join, code: str) -> None:
    async def says_no(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await refuses(socket, asked, code, retry_after=50)

    script.answers = [says_no]
    async with join(script.url, timeout_s=0.3) as alice:
        with pytest.raises(Refused, match=code):
            await alice.request("ping")
    assert len(script.seen) > 1


async def test_without_reconnect_the_outcome_is_unknown(script: Script, join: Join) -> None:
    script.answers = [hangs_up_on_orders]
    async with join(script.url, reconnect=False) as alice:
        with pytest.raises(Disconnected) as gone:
            await alice.request("order.place", ORDER)
        assert gone.value.code == WSCloseCode.GOING_AWAY


async def test_a_connection_that_a_newer_one_replaces_does_not_come_back(script: Script, join: Join) -> None:
    async def replaces(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.close(code=4009)

    script.answers = [replaces]
    async with join(script.url) as alice:
        with pytest.raises(Disconnected) as gone:
            await alice.request("ping")
        assert gone.value.code == 4009
    assert script.connections == 1


async def test_silence_is_told_with_the_key_to_ask_again(script: Script, join: Join) -> None:
    script.answers = [says_nothing]
    async with join(script.url, timeout_s=0.2) as alice:
        with pytest.raises(Unanswered) as unanswered:
            await alice.request("order.place", ORDER, key="mine")
        assert unanswered.value.key == "mine"


async def test_a_reply_that_comes_too_late_is_not_one_to_nothing(script: Script, join: Join) -> None:
    async def answers_orders_later(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        held.append(asked)
        while asked["op"] == "ping" and held:
            await answers(socket, held.pop(0))

    held: list[dict[str, Any]] = []
    script.answers = [answers_orders_later]
    async with join(script.url, timeout_s=0.2) as alice:
        with pytest.raises(Unanswered):
            await alice.request("order.place", ORDER)
        late = dict(held[0])
        await alice.request("ping")
        assert (await alice.attributes())["unexpected"] == 0
        held.append(late)  # nobody waits for a second answer
        await alice.request("ping")
        assert (await alice.attributes())["unexpected"] == 1


@pytest.mark.parametrize("said", ["{", "null", "7", '{"channel": 5, "n": 1}', '{"id": 1, "error": 7}'])
async def test_a_message_that_is_none_ends_the_connection(script: Script, join: Join, said: str) -> None:
    async def babbles(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_str(said)

    script.answers = [babbles]
    async with join(script.url) as alice:
        with pytest.raises(Garbled):
            await alice.request("ping")


async def test_what_another_server_answers_is_garbled(script: Script, join: Join) -> None:
    async with join(script.url) as alice:
        with pytest.raises(Garbled, match="status 404"):
            await alice.guest("alice")


async def test_nobody_there_is_said_at_once(unused_tcp_port: int, join: Join) -> None:
    with pytest.raises(Unreachable, match="no arena at"):
        async with join(f"http://127.0.0.1:{unused_tcp_port}"):
            pass


async def test_waiting_for_events_does_not_block_asking(script: Script, join: Join) -> None:
    script.answers = [answers]
    async with join(script.url) as alice:
        waiting = asyncio.ensure_future(alice.event())
        await alice.request("ping")
        assert not waiting.done()
        waiting.cancel()
