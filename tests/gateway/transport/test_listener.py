"""The port: how many connections there may be, whose, and for how long."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import web

from gateway.core.config import Limits, Server
from gateway.transport.addresses import Addresses
from gateway.transport.listener import KEPT_DESCRIPTORS, Door, Listener, most_connections

ROOMY = {"requests_per_address_per_s": 1_000, "bare_connections_per_address": 100}


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    """What the application does: it tells the listener of requests, and of those that become WebSockets."""
    assert isinstance(request.protocol, Door)
    request.protocol.requested()
    if request.path == "/ws":
        request.protocol.upgraded()
        await asyncio.sleep(60)
    return web.Response(text=(await request.read()).decode())


@asynccontextmanager
async def listening(
    most: int = 1_000, server: Server | None = None, for_operators: bool = False, **limits: Any
) -> AsyncIterator[Listener]:
    served = web.Server(answer)
    addresses = None if for_operators else Addresses(server or Server(development=False))
    listener = Listener(served, msgspec.structs.replace(Limits(), **ROOMY | limits), addresses, most)
    await listener.listen("127.0.0.1", 0)
    task = asyncio.create_task(listener.run())
    yield listener
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    listener.close()
    await served.shutdown(1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # the listener knows nothing of the test
            await asyncio.sleep(0.01)


async def connect(listener: Listener, sends: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(sends)
    return reader, writer


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Closed soon, whatever it brought before."""
    try:
        async with asyncio.timeout(5):
            await reader.read()
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, what: bytes = b"/") -> bool:
    try:
        async with asyncio.timeout(5):
            writer.write(b"GET %s HTTP/1.1\r\nHost: arena\r\n\r\n" % what)
            return (await reader.read(12)).endswith(b"200")
    except (ConnectionError, TimeoutError):
        return False


@pytest.mark.parametrize(
    "sends",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: arena\r\nX-",
        b"POST / HTTP/1.1\r\nHost: arena\r\nContent-Length: 100\r\n\r\nhalf",
        b"GET / HTTP/1.1\r\nHost: arena\r\n\r\n",
    ],
    ids=["silent", "half a line", "half the headers", "half a body", "kept alive"],
)
async def test_a_connection_that_brings_no_request_ends(sends: bytes) -> None:
    async with listening(request_within_s=0.3) as listener:
        reader, _ = await connect(listener, sends)
        assert await is_closed(reader)
        assert (len(listener.open), len(listener.bare)) == (0, 0)


async def test_each_request_has_its_time_and_a_websocket_has_all() -> None:
    async with listening(request_within_s=0.5) as listener:
        reader, writer = await connect(listener)
        socket = await connect(listener, b"GET /ws HTTP/1.1\r\nHost: arena\r\n\r\n")
        for _ in range(5):
            await asyncio.sleep(0.25)
            assert await answers(reader, writer)
            await reader.readuntil(b"\r\n\r\n")
        assert len(listener.open) == 2
        socket[1].close()


async def test_an_address_has_so_many_connections_that_are_no_websockets() -> None:
    async with listening(bare_connections_per_address=3) as listener:
        kept = [await connect(listener) for _ in range(3)]
        assert await is_closed((await connect(listener))[0])
        assert [await answers(*one) for one in kept] == [True] * 3

        kept[0][1].write(b"GET /ws HTTP/1.1\r\nHost: arena\r\n\r\n")
        await until(lambda: len(listener.bare) < 3)
        assert await answers(*await connect(listener))


async def test_an_address_may_connect_so_often() -> None:
    async with listening(requests_per_address_per_s=5) as listener:
        tried = [await connect(listener) for _ in range(20)]
        answered = [await answers(*one) for one in tried]
        assert answered[:5] == [True] * 5
        assert answered.count(True) < 10


async def test_when_there_is_no_more_room_the_longest_silent_makes_it() -> None:
    async with listening(most=3) as listener:
        first, second, third = [await connect(listener) for _ in range(3)]
        await until(lambda: len(listener.open) == 3)
        assert await answers(*first)
        assert await answers(*await connect(listener))
        assert await is_closed(second[0])
        assert await answers(*third)
        assert listener.turned_away == 1


async def test_websockets_make_room_for_nobody() -> None:
    async with listening(most=2) as listener:
        sockets = [await connect(listener, b"GET /ws HTTP/1.1\r\nHost: arena\r\n\r\n") for _ in range(2)]
        await until(lambda: len(listener.open) == 2 and not listener.bare)
        assert await is_closed((await connect(listener))[0])
        assert len(listener.open) == len(sockets)


async def test_a_trusted_proxy_has_all_the_connections_that_it_wants_and_keeps_them() -> None:
    behind = Server(development=False, trusted_proxies=("127.0.0.0/8",))
    async with listening(server=behind, bare_connections_per_address=1, request_within_s=0.1) as listener:
        kept = [await connect(listener) for _ in range(5)]
        await asyncio.sleep(0.5)
        assert [await answers(*one) for one in kept] == [True] * 5


BEHIND_A_PROXY = {"server": Server(development=False, trusted_proxies=("127.0.0.0/8",))}
OF_OPERATORS = {"for_operators": True}


@pytest.mark.parametrize("whose", [BEHIND_A_PROXY, OF_OPERATORS], ids=["a proxy", "operators"])
async def test_who_is_trusted_may_be_silent_for_minutes_but_not_for_ever(
    whose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.transport.listener.KEPT_OPEN_S", 1.0)
    async with listening(request_within_s=0.1, **whose) as listener:
        reader, writer = await connect(listener)
        dead = await connect(listener, b"GET / HT")
        for _ in range(4):
            await asyncio.sleep(0.3)
            assert await answers(reader, writer)
            await reader.readuntil(b"\r\n\r\n")
        assert await is_closed(dead[0])
        assert await is_closed(reader)
        assert listener.turned_away == 2


@pytest.mark.parametrize("whose", [BEHIND_A_PROXY, OF_OPERATORS], ids=["a proxy", "operators"])
async def test_dead_connections_of_who_is_trusted_lock_nobody_out(whose: dict[str, Any]) -> None:
    async with listening(most=3, **whose) as listener:
        dead = [await connect(listener, b"GET / HT") for _ in range(3)]
        await until(lambda: len(listener.open) == 3)
        assert await answers(*await connect(listener))
        assert await is_closed(dead[0][0])


async def test_a_silent_proxy_keeps_no_silent_client_alive() -> None:
    """It stands before the client in the row of the silent, and is allowed more."""
    behind = Server(development=False, trusted_proxies=("127.0.0.2",))
    async with listening(server=behind, request_within_s=0.1) as listener:
        proxy = await asyncio.open_connection("127.0.0.1", listener.port, local_addr=("127.0.0.2", 0))
        reader, _ = await connect(listener)
        assert await is_closed(reader)
        assert await answers(*proxy)


async def test_a_client_that_is_gone_when_its_turn_comes_stops_nobody() -> None:
    async with listening() as listener:
        for _ in range(20):
            _, writer = await connect(listener)
            writer.transport.abort()
        assert await answers(*await connect(listener))


@pytest.mark.parametrize(
    ("soft", "hard", "raised", "most"),
    [
        (256, 256, None, 128),
        (100, 100, None, 50),
        (1_024, 4_096, 4_096, 4_096 - KEPT_DESCRIPTORS),
        (1_024, 1_048_576, 65_536, 65_536 - KEPT_DESCRIPTORS),
        (1_024, resource.RLIM_INFINITY, 65_536, 65_536 - KEPT_DESCRIPTORS),
        (100_000, 1_048_576, None, 100_000 - KEPT_DESCRIPTORS),
    ],
)
def test_descriptors_are_raised_as_far_as_may_be_and_some_kept_back(
    soft: int, hard: int, raised: int | None, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: given.append(pair))
    assert most_connections() == most
    assert given == ([(raised, hard)] if raised else [])


@pytest.mark.parametrize("sends", [b"no http\r\n\r\n", b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"x" * 9_000)])
async def test_what_is_no_request_is_told_so_as_all_errors_are(sends: bytes) -> None:
    async with listening() as listener:
        reader, _ = await connect(listener, sends)
        async with asyncio.timeout(5):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.split()[1] == b"400"
        assert b"application/problem+json" in head
        assert msgspec.json.decode(body)["code"] == "BAD_MESSAGE"
