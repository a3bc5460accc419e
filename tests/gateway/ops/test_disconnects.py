"""Cancel on disconnect: the engine is told when the last connection is gone, and when one is back."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.sessions.presence import Presence
from tests.harness.gateway import Client, Gateway, open_gateway


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    await opened.stops()


@pytest_asyncio.fixture
async def ann(gateway: Gateway) -> Client:
    return await gateway.player()


async def is_armed(gateway: Gateway, player: int) -> bool:
    await gateway.settles()
    found = gateway.machine.state.cold.disconnects.get(player)
    return found is not None and found.timer != 0


async def test_the_last_connection_that_ends_arms_it_and_the_first_that_comes_disarms_it(
    gateway: Gateway, ann: Client
) -> None:
    player, other = ann.session.player, await gateway.client(ann.session.player)
    assert await ann.result("cancel_on_disconnect", {"after_ms": 60_000}) == {"after_ms": 60_000}
    ann.session.ended()
    assert not await is_armed(gateway, player)
    other.session.ended()
    assert await is_armed(gateway, player)
    back = await gateway.client(player)
    assert not await is_armed(gateway, player)
    await back.result("cancel_on_disconnect", {"after_ms": 0})
    back.session.ended()
    assert not await is_armed(gateway, player)
    commands = gateway.arena.sequencer.commands
    (await gateway.client(player)).session.ended()
    await gateway.settles()
    assert gateway.arena.sequencer.commands == commands, "who does not want it costs nothing"


async def test_who_is_gone_before_the_engine_knows_of_the_wish_is_gone_all_the_same(
    gateway: Gateway, ann: Client
) -> None:
    ann.sends(b'{"id":1,"op":"cancel_on_disconnect","args":{"after_ms":60000}}')
    ann.session.ended()
    assert await is_armed(gateway, ann.session.player)


async def test_after_a_start_all_are_gone(gateway: Gateway, ann: Client) -> None:
    """A crash tells nothing: who was connected then has no timer yet."""
    player = ann.session.player
    await ann.result("cancel_on_disconnect", {"after_ms": 60_000})
    assert not await is_armed(gateway, player)
    Presence(gateway.machine.state, gateway.arena.sequencer, gateway.arena.config.limits).begin()
    assert await is_armed(gateway, player)


async def test_a_delay_that_is_none_is_refused(ann: Client) -> None:
    for after_ms, code in ((999, "DISCONNECT_DELAY_INVALID"), (-1, "BAD_ARGUMENTS"), (86_400_001, "BAD_ARGUMENTS")):
        assert await ann.error("cancel_on_disconnect", {"after_ms": after_ms}) == code
