"""A client over HTTP, and the server that it talks to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDictProxy

from gateway.core.config import Server
from gateway.core.metrics import Metrics
from gateway.core.tokens import ADMIN
from gateway.rest.application import Rest
from gateway.rest.operators import Figures, Readiness
from gateway.rest.routes import ROUTES
from gateway.transport.addresses import Addresses
from gateway.transport.connections import Connections
from gateway.transport.websocket import Sockets
from tests.harness.gateway import Gateway

FIGURES = Figures({}, 0.0, 0, 0, 0, None, 0.0, 0.0, {}, 0)


class Got(NamedTuple):
    status: int
    body: Any
    headers: CIMultiDictProxy[str]


class Browser:
    """Sends its token with every request, if it has one."""

    def __init__(self, gateway: Gateway, client: Any) -> None:
        self.gateway = gateway
        self.client = client
        self.token = ""

    def as_admin(self) -> Browser:
        other = Browser(self.gateway, self.client)
        other.token = self.gateway.arena.tokens.issue(0, ADMIN)
        return other

    async def asks(self, method: str, path: str, body: Any = None, **headers: str) -> Got:
        """`path` under /api/v1/, or from the root."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        url = path if path.startswith("/") else f"/api/v1/{path}"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self.client.request(method, url, data=data, headers=sent) as response:
            text = await response.read()
            is_json = text and response.content_type.endswith("json")
            return Got(response.status, json.loads(text) if is_json else text, response.headers)

    async def code(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and code of a request that is refused."""
        got = await self.asks(method, path, body, **headers)
        assert got.headers["Content-Type"] == "application/problem+json", got
        assert got.body["status"] == got.status
        return got.status, got.body["code"]


async def no_accounts(request: web.Request) -> web.Response:
    """Accounts need a database: tests/gateway/identity has one."""
    raise NotImplementedError


@asynccontextmanager
async def open_browser(gateway: Gateway, **server: Any) -> AsyncIterator[Browser]:
    """`server` is what is configured otherwise."""
    arena = gateway.arena
    arena.config = msgspec.structs.replace(arena.config, server=msgspec.structs.replace(Server(), **server))
    addresses = Addresses(arena.config.server)
    rest = Rest(arena, Metrics(), lambda: Readiness(True, {}, FIGURES), addresses)
    sockets = Sockets(arena, Connections(arena.config.limits), addresses)
    accounts = {route.handler: no_accounts for route in ROUTES if route.handler not in rest.handlers}
    application = rest.application(sockets, accounts)
    async with TestClient(TestServer(application), cookie_jar=CookieJar(unsafe=True)) as client:
        yield Browser(gateway, client)
