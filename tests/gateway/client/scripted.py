"""A server that behaves badly on purpose: what it does with a message is the test's to say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSCloseCode, web

Answer = Callable[[web.WebSocketResponse, dict[str, Any]], Awaitable[None]]


class Script:
    """Answers the messages of each connection as the test says; `seen` is what came."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.connections = 0
        self.answers: list[Answer] = []
        """For each connection: what to do with a message."""
        self.url = ""

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["arena.v1+json"])
        await socket.prepare(request)
        answer = self.answers[min(self.connections, len(self.answers) - 1)]
        self.connections += 1
        async for message in socket:
            asked = json.loads(message.data)
            self.seen.append(asked)
            await answer(socket, asked)
        return socket

    @property
    def ops(self) -> list[str]:
        return [asked["op"] for asked in self.seen]


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    script = Script()
    application = web.Application()
    application.add_routes([web.get("/ws", script.serve)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield script
    await runner.cleanup()


def channels_of(asked: dict[str, Any]) -> list[str]:
    """Which a subscribe or a resume is about."""
    return list(asked["args"].get("channels") or asked["args"].get("last") or ())


async def answers(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
    results: dict[str, Any] = {
        "auth": {"player": 0, "session": "s", "role": "admin"},
        "subscribe": {"channels": channels_of(asked)},
        "resume": {"channels": dict.fromkeys(channels_of(asked), "reset")},
        "order.place": {"order": 5, "status": "accepted"},
    }
    result = results.get(asked["op"], {})
    await socket.send_json({"id": asked["id"], "ok": True, "seq": 1, "at": 1, "result": result, "replayed": True})
    if asked["op"] == "subscribe":
        for channel in channels_of(asked):
            await tells(socket, channel, 1, "snapshot")


async def tells(socket: web.WebSocketResponse, channel: str, n: int, type: str) -> None:
    await socket.send_json({"channel": channel, "n": n, "seq": n, "at": 1, "type": type, "data": {}})


async def refuses(
    socket: web.WebSocketResponse, asked: dict[str, Any], code: str, retry_after: int = 0, **details: Any
) -> None:
    error: dict[str, Any] = {"code": code, "message": "no", "retry": "after" if retry_after else "never"}
    if details:
        error["details"] = details
    if retry_after:
        error["retry_after"] = retry_after
    await socket.send_json({"id": asked["id"], "ok": False, "error": error})


async def hangs_up_on_orders(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
    if asked["op"] == "order.place":
        await socket.close(code=WSCloseCode.GOING_AWAY)
    else:
        await answers(socket, asked)


async def says_nothing(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
    """Not even a refusal."""
