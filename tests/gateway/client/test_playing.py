"""Strangers sign up with a code that comes by mail, log in, and play a match, in an arena for the public: through each
client, and through the socket alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.client import Client, Disconnected, Refused
from gateway.core.tokens import ADMIN
from tests.gateway.client.players import javascript_player, python_player
from tests.harness.people import PASSWORD, Site, asked, config_of, open_site

ORDER = {"symbol": "BTCUSDT", "side": "long", "margin": "50", "leverage": 10}
GAME = {"title": "Sprint", "min_players": 1, "max_players": 1, "duration_s": 3_600}


async def code_for(site: Site, address: str, before: int = 0) -> str:
    assert (await site.person().post("auth/otp/request", email=address))[0] == 202
    return await site.mailbox.code_for(address, before)


async def made_match(site: Site) -> int:
    operator = site.person()
    operator.token = site.app.arena.tokens.issue(0, ADMIN)
    _, game = await operator.post("admin/games", **GAME)
    status, match = await operator.post("admin/matches", game=game["id"])
    assert status == 201
    made: int = match["id"]
    return made


@pytest.mark.parametrize("join", [python_player, javascript_player])
async def test_a_match_is_played_through_each_client(tmp_path: Path, join: Any) -> None:
    address = "annika@example.com"
    async with open_site(config_of(tmp_path)) as site:
        match = await made_match(site)
        async with join(site.url) as ann:
            account = {"email": address, "otp": await code_for(site, address), "name": "annika", "password": PASSWORD}
            player = (await ann.sign_in("register", account))["player"]
        async with join(site.url) as ann:
            signed_in = await ann.sign_in("login", {"email": address, "password": PASSWORD})
            assert signed_in["player"] == player
            await ann.subscribe("me")
            await ann.request("match.join", {"match": match})
            placed = await ann.request("order.place", {"match": match} | ORDER)
            assert placed["status"] == "filled"
            await ann.request("position.close", {"position": placed["position"]})
            while (event := await ann.event()) is not None and event["type"] != "position.closed":
                pass
            assert event is not None
            summary = await ann.request("me.fills", {"match": match})
            assert [fill["order"] for fill in summary["items"]] == [placed["order"]]


async def test_a_match_is_played_through_the_socket_alone(tmp_path: Path) -> None:
    address = "annika@example.com"
    async with open_site(config_of(tmp_path)) as site:
        match = await made_match(site)
        ann = await site.person().enters("auth/register", email=address, otp=await code_for(site, address), name="anni")
        await ann.enters("auth/login", email=address, otp=await code_for(site, address, before=1))
        socket, identity = await ann.socket()
        assert identity["result"]["player"] == ann.player
        assert (await asked(socket, "match.join", {"match": match}, "join"))["ok"]
        placed = (await asked(socket, "order.place", {"match": match} | ORDER, "place"))["result"]
        closed = await asked(socket, "position.close", {"position": placed["position"]}, "close")
        assert closed["result"]["status"] == "filled"
        assert (await asked(socket, "position.list", {"match": match}))["result"] == []


@pytest.mark.parametrize("join", [python_player, javascript_player])
async def test_the_tokens_of_an_account_are_renewed_while_connected(tmp_path: Path, join: Any) -> None:
    async with open_site(config_of(tmp_path, access_token_s=10)) as site, join(site.url) as ann:
        first = await ann.sign_in("register", {"username": "annika", "password": PASSWORD})
        async with asyncio.timeout(30):
            while (await ann.attributes())["token"] == first["access_token"]:  # noqa: ASYNC110  # what is waited for knows nothing of the test
                await asyncio.sleep(0.1)
        assert (await ann.request("me.get"))["player"] == first["player"]
        now = await ann.attributes()
        assert now["refreshToken"] != first["refresh_token"]
        assert now["reconnects"] == 0


async def test_a_refresh_is_asked_for_once_and_a_logout_ends_the_session(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site, Client(site.url) as ann:
        await ann.register(username="annika", password=PASSWORD)
        first, second = await asyncio.gather(ann.credentials.refresh(), ann.credentials.refresh())
        assert first == second, "of two at once the second would have ended the session"
        last = (await ann.credentials.refresh()).refresh_token
        await ann.logout()
        assert (ann.token, ann.refresh_token) == (None, None)
        assert await site.person().code("auth/refresh", refresh_token=last) == "TOKEN_INVALID"
        with pytest.raises((Disconnected, Refused)):
            await ann.me()
