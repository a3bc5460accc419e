"""A port with REST on it, before a gateway in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.gateway.rest.browser import Browser, open_browser
from tests.harness.gateway import Gateway, open_gateway


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    await opened.stops()


@pytest_asyncio.fixture
async def ann(gateway: Gateway) -> AsyncIterator[Browser]:
    """Somebody who plays over HTTP alone."""
    async with open_browser(gateway) as browser:
        browser.token = gateway.arena.tokens.issue((await gateway.player()).session.player)
        yield browser
