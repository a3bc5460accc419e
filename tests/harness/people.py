"""A whole arena that strangers come to: over HTTP and sockets, with a mail server that keeps what it gets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiosmtpd.smtp import SMTP

from gateway.core.config import Config, Data, Identity, Limits, Mail, Market, Server
from gateway.process.app import App

PASSWORD = "correct horse battery"
CHEAP = Identity(password_memory_kib=64, password_rounds=1)
"""Passwords that cost nothing."""


class Mailbox:
    """Of everybody: takes each letter."""

    def __init__(self) -> None:
        self.letters: list[Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(message_from_bytes(envelope.content))
        return "250 OK"

    def to(self, address: str) -> list[Message]:
        return [letter for letter in self.letters if letter["To"] == address]

    async def code_for(self, address: str, before: int = 0) -> str:
        """The code of the letter after so many others to the address."""
        async with asyncio.timeout(20):
            while len(self.to(address)) <= before:  # noqa: ASYNC110  # what is waited for knows nothing of the test
                await asyncio.sleep(0.01)
        found = re.search(r"\b\d{6}\b", str(self.to(address)[before].get_payload()))
        assert found
        return found[0]


class Person:
    """Somebody with a browser: asks over HTTP, and keeps the tokens of the last sign-in."""

    def __init__(self, site: Site, agent: str = "test") -> None:
        self.site = site
        self.agent = agent
        self.token = ""
        self.refresh_token = ""
        self.player = 0
        self.session = ""

    async def asks(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Status and answer."""
        token = self.token if token is None else token
        headers = {"User-Agent": self.agent} | ({"Authorization": f"Bearer {token}"} if token else {})
        url = f"{self.site.url}/api/v1/{path}"
        async with self.site.http.request(method, url, json=body, headers=headers) as response:
            data = await response.read()
            return response.status, msgspec.json.decode(data) if data else None

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        return await self.asks("POST", path, body)

    async def code(self, path: str, **body: Any) -> str:
        """The code with which a request is refused."""
        status, answer = await self.post(path, **body)
        assert status >= 400, answer
        code: str = answer["code"]
        return code

    async def enters(self, path: str, **body: Any) -> Person:
        """Sign up or in."""
        status, answer = await self.post(path, **body)
        assert status in (200, 201), answer
        self.token, self.refresh_token = answer["access_token"], answer["refresh_token"]
        self.player, self.session = answer["player"], answer["session"]
        return self

    async def registers(self, username: str, **body: Any) -> Person:
        return await self.enters("auth/register", username=username, **({"password": PASSWORD} | body))

    async def socket(self, token: str | None = None) -> tuple[aiohttp.ClientWebSocketResponse, dict[str, Any]]:
        """One more connection, and what auth answers."""
        ws: aiohttp.ClientWebSocketResponse = await self.site.http.ws_connect(self.site.url + "/ws")
        return ws, await asked(ws, "auth", {"token": self.token if token is None else token})


async def asked(ws: aiohttp.ClientWebSocketResponse, op: str, args: Any = None, key: str = "") -> dict[str, Any]:
    await ws.send_json({"id": 1, "op": op, "args": args or {}} | ({"key": key} if key else {}))
    while True:
        message: dict[str, Any] = await ws.receive_json(timeout=10)
        if message.get("id") == 1:
            return message


async def close_code(ws: aiohttp.ClientWebSocketResponse) -> int:
    """With which the arena closes."""
    async with asyncio.timeout(10):
        while not ws.closed:
            await ws.receive()
    assert ws.close_code is not None
    return ws.close_code


class Site:
    """The arena, its mailbox, and who comes."""

    def __init__(self, app: App, mailbox: Mailbox, http: aiohttp.ClientSession) -> None:
        self.app = app
        self.mailbox = mailbox
        self.http = http
        self.url = f"http://127.0.0.1:{app.port}"

    def person(self, agent: str = "test") -> Person:
        return Person(self, agent)


def config_of(directory: Path, server: dict[str, Any] | None = None, **identity: Any) -> Config:
    """Not for development, with passwords that cost nothing."""
    return Config(
        server=msgspec.structs.replace(Server(port=0, development=False, shutdown_s=1.0), **(server or {})),
        data=Data(directory=str(directory)),
        market=Market(symbols=("BTCUSDT",)),
        # Tests may wait for each other longer than players would.
        limits=msgspec.structs.replace(
            Limits(), requests_per_address_per_s=10_000, refuse_opens_after_ms=10_000, refuse_most_after_ms=10_000
        ),
        identity=msgspec.structs.replace(CHEAP, **identity),
    )


@asynccontextmanager
async def open_site(config: Config) -> AsyncIterator[Site]:
    """Serve it; its letters go to a mail server of its own."""
    mailbox = Mailbox()
    post_office = await asyncio.get_running_loop().create_server(lambda: SMTP(mailbox), "127.0.0.1", 0)
    port = post_office.sockets[0].getsockname()[1]
    mail = Mail(host="127.0.0.1", port=port, security="none", sender="Arena <arena@example.com>")
    try:
        app = await App.start(msgspec.structs.replace(config, mail=mail))
        ended = asyncio.create_task(app.run(asyncio.Event()))
        try:
            async with aiohttp.ClientSession() as http:
                yield Site(app, mailbox, http)
        finally:
            ended.cancel()
            await app.stop()
    finally:
        post_office.close()
