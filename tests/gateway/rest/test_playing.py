"""Strangers sign up with a code that comes by mail, and play a match over HTTP alone, in an arena for the public."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gateway.core.tokens import ADMIN
from tests.harness.people import Person, Site, config_of, open_site

LONG = {"symbol": "BTCUSDT", "side": "long", "margin": "50", "leverage": 10}
GAME = {"title": "Duel", "min_players": 2, "max_players": 2, "duration_s": 3_600}


async def signed_up(site: Site, address: str) -> Person:
    """By a code first; and once more signed in, by another."""
    person = site.person()
    assert (await person.post("auth/otp/request", email=address))[0] == 202
    code = await site.mailbox.code_for(address)
    await person.enters("auth/register", email=address, otp=code, name=address.partition("@")[0])
    assert (await person.asks("POST", "auth/logout"))[0] == 204
    assert (await person.post("auth/otp/request", email=address))[0] == 202
    return await person.enters("auth/login", email=address, otp=await site.mailbox.code_for(address, before=1))


async def done(person: Person, method: str, path: str, **body: Any) -> Any:
    status, answer = await person.asks(method, path, body or None)
    assert status < 300, answer
    return answer


async def test_a_match_is_played_over_http_alone(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site:
        ann, bob = [await signed_up(site, f"{name}@example.com") for name in ("annika", "robert")]
        operator = site.person()
        operator.token = site.app.arena.tokens.issue(0, ADMIN)
        game = (await done(operator, "POST", "admin/games", **GAME))["id"]
        match = (await done(operator, "POST", "admin/matches", game=game))["id"]
        for person in (ann, bob):
            assert (await done(person, "POST", f"matches/{match}/join")) == {"match": match}

        async with asyncio.timeout(20):
            while (await done(ann, "GET", f"matches/{match}"))["status"] != "open":  # noqa: ASYNC110  # over HTTP one asks again
                await asyncio.sleep(0.05)
        placed = await done(ann, "POST", "orders", match=match, **LONG)
        assert (await done(ann, "GET", f"positions?match={match}"))["items"][0]["position"] == placed["position"]
        closed = await done(ann, "POST", f"positions/{placed['position']}/close", percent=100)
        assert closed["status"] == "filled"
        fills = (await done(ann, "GET", f"me/fills?match={match}"))["items"]
        assert [fill["order"] for fill in fills] == [placed["order"]]

        await done(operator, "POST", f"admin/matches/{match}/end", reason="played")
        summaries = [await done(person, "GET", f"matches/{match}/summary") for person in (ann, bob)]
        assert {summary["match"]["rank"] for summary in summaries} == {1, 2}
        assert summaries[0]["match"]["trades"] == 1
        finished = (await done(bob, "GET", "me/matches"))["items"]
        assert [each["match"] for each in finished] == [match]
