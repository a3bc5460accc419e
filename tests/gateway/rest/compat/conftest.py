"""A whole arena with accounts, to which front ends of other systems come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest_asyncio

from engine.model.commands import StockStore, encode_cold
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from tests.harness.people import Site, config_of, open_site


class FrontEnd:
    """Asks under /compat/, with a token, and with the cookie that it was given last."""

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.token = ""
        self.cookie = ""
        self._base = f"{site.url}/compat/{name}/"

    async def asks(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            headers["Cookie"] = f"token={self.cookie}"
        data = body if isinstance(body, bytes) or body is None else msgspec.json.encode(body)
        async with self.site.http.request(method, self._base + path, data=data, headers=headers) as response:
            if "token" in response.cookies:
                self.cookie = response.cookies["token"].value
            return response.status, await response.json()

    async def gets(self, path: str) -> Any:
        status, answer = await self.asks("GET", path)
        assert status == 200, answer
        return answer

    async def posts(self, path: str, body: Any = None) -> tuple[int, Any]:
        return await self.asks("POST", path, body)


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    config = config_of(tmp_path, {"development": True, "compat": ("100xness", "game-wallet")})
    async with open_site(config) as opened:
        for item in ("GOLD_COIN", "TREASURE_BOX"):
            blob = encode_cold(StockStore(item, 5))
            await opened.app.arena.sequencer.call(cold_record(), Urgency.OPERATOR, blob)
        yield opened
