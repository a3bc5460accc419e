"""Partners and their users, and sub-accounts of players."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.core.config import Keys
from gateway.core.tokens import ADMIN
from gateway.identity import operators
from gateway.identity.passwords import hash_of
from tests.gateway.identity.test_keys import ALL, new_key, with_key
from tests.harness.people import PASSWORD, Person, Site, asked, config_of, open_site

TRADE = {"symbol": "BTCUSDT", "direction": "UP", "stakeUsd": "10", "expirySeconds": 60, "match": 1}


async def partner(site: Site, name: str = "acme", scopes: list[str] = ALL) -> tuple[Person, str]:
    identities = site.app.identities
    hashed = hash_of(PASSWORD, 64, 1)
    await identities.database.run(lambda found: operators.create(found, "partner", name, None, hashed, 0))
    person = await site.person().enters("auth/login", username=name, password=PASSWORD)
    key, _ = await new_key(person, scopes)
    return person, key


async def traded(site: Site, key: str, **body: Any) -> tuple[int, Any]:
    """Once there are prices."""
    async with asyncio.timeout(30):
        while True:
            status, answer = await with_key(site, key, "POST", "partner/trades", TRADE | body)
            if status != 409 or answer["code"] not in ("FEED_STALE", "QUOTE_NOT_USABLE", "QUOTES_TOO_FEW"):
                return status, answer
            await asyncio.sleep(0.2)


async def test_a_partners_users_are_made_at_first_use_and_trade_apart(site: Site) -> None:
    _, key = await partner(site)
    for user in ("alice", "bob"):
        status, answer = await traded(site, key, externalUserId=user)
        assert status == 201, answer
    _, found = await with_key(site, key, "GET", "partner/users")
    assert [each["name"] for each in found["items"]] == ["alice", "bob"]
    assert len({each["player"] for each in found["items"]}) == 2
    status, answer = await traded(site, key, externalUserId="alice")
    assert status == 201
    counts = []
    for user in ("alice", "bob"):
        _, open_trades = await with_key(site, key, "GET", f"partner/trades?externalUserId={user}")
        counts.append(len(open_trades["items"]))
    assert counts == [2, 1]
    _, me = await with_key(site, key, "GET", "me", X_External_User_Id="bob")
    assert me["player"] == found["items"][1]["player"]
    assert (await with_key(site, key, "GET", "partner/trades?externalUserId=eve"))[1]["code"] == "NOT_FOUND"
    assert (await with_key(site, key, "GET", "partner/trades/history?externalUserId=bob"))[0] == 200
    assert (await with_key(site, key, "GET", "partner/markets/instruments"))[0] == 200
    assert (await with_key(site, key, "GET", "partner/markets/quotes?symbol=BTCUSDT"))[0] == 200


async def test_a_user_of_a_partner_has_a_socket_by_the_partners_key(site: Site) -> None:
    _, key = await partner(site)
    _, made = await with_key(site, key, "POST", "partner/users", {"externalUserId": "alice"})
    socket = await site.http.ws_connect(site.url + "/ws")
    reply = await asked(socket, "auth", {"token": key, "external_user_id": "alice"})
    assert (reply["result"]["player"], reply["result"]["role"]) == (made["player"], "player")
    await socket.close()


async def test_what_a_partner_may_not(site: Site) -> None:
    _, key = await partner(site)
    _, other = await partner(site, "other", ["read:markets"])
    ann = await site.person().registers("ann")
    anns, _ = await new_key(ann)
    await with_key(site, key, "POST", "partner/users", {"externalUserId": "alice"})
    named = {"X_External_User_Id": "alice"}
    refused = {
        "another's user": await with_key(site, other, "GET", "me", **named),
        "no scope": await with_key(site, other, "POST", "partner/trades", TRADE | {"externalUserId": "alice"}),
        "a player's key": await with_key(site, anns, "GET", "partner/users"),
        "a player's key for a user": await with_key(site, anns, "GET", "me", **named),
        "no user": await with_key(site, key, "GET", "me"),
        "no key": await ann.asks("GET", "partner/users"),
        "a name with a line": await with_key(site, key, "POST", "partner/users", {"externalUserId": "a\nb"}),
        "a name of a header": await with_key(site, key, "POST", "orders/test", X_External_User_Id="a b"),
        "an operator's op": await with_key(site, key, "GET", "admin/players"),
    }
    assert {what: answer["code"] for what, (_, answer) in refused.items()} == {
        "another's user": "NOT_FOUND", "no scope": "KEY_SCOPE", "a player's key": "PARTNERS_ONLY",
        "a player's key for a user": "PARTNERS_ONLY", "no user": "PLAYERS_ONLY", "no key": "NOT_AUTHENTICATED",
        "a name with a line": "BAD_ARGUMENTS", "a name of a header": "BAD_ARGUMENTS", "an operator's op": "ADMINS_ONLY",
    }  # fmt: skip


@pytest.mark.parametrize("quota", ["users", "requests"])
async def test_a_partner_has_quotas(tmp_path: Path, quota: str) -> None:
    keys = Keys(users_per_partner=1) if quota == "users" else Keys(partner_per_minute=2)
    async with open_site(msgspec.structs.replace(config_of(tmp_path), keys=keys)) as site:
        person, key = await partner(site)
        second, _ = await new_key(person)
        codes = [
            (await with_key(site, each, "POST", "partner/users", {"externalUserId": f"user{number}"}))[1].get("code")
            for number, each in enumerate((key, second, key))
        ]
        wanted = [None, "TOO_MANY_PLAYERS"] * 2 if quota == "users" else [None, None, "RATE_LIMITED"]
        assert codes == ([*wanted[:2], wanted[1]] if quota == "users" else wanted)


async def test_a_sub_account_trades_by_a_key_of_its_owner(site: Site) -> None:
    ann = await site.person().registers("ann")
    status, bot = await ann.post("me/players", name="bot")
    assert (status, bot["name"]) == (201, "bot")
    key, _ = await new_key(ann, player=bot["player"])
    _, me = await with_key(site, key, "GET", "me")
    assert me["player"] == bot["player"] != ann.player
    assert (await ann.asks("GET", "me/players"))[1]["items"] == [bot]
    assert (await ann.post("me/players", name="bot"))[1] == bot
    codes = [(await ann.post("me/players", name=f"bot{number}"))[1].get("code") for number in range(5)]
    assert codes == [None] * 4 + ["TOO_MANY_PLAYERS"]


async def test_accounts_of_one_person_do_not_meet(site: Site) -> None:
    """In a match or its queue, one after the other or at once. A stranger may join, and practice is for all."""
    arena = site.app.arena
    boss = await site.http.ws_connect(site.url + "/ws")
    await asked(boss, "auth", {"token": arena.tokens.issue(0, ADMIN)})
    game = {"title": "Duel", "duration_s": 600, "min_players": 2, "max_players": 3}
    made = (await asked(boss, "admin.create_game", game))["result"]["id"]
    match = (await asked(boss, "admin.create_match", {"game": made}))["result"]["id"]
    ann, bob = await site.person().registers("ann"), await site.person().registers("bob")
    _, bot = await ann.post("me/players", name="bot")
    _, bot2 = await ann.post("me/players", name="bot2")
    key, _ = await new_key(ann, player=bot["player"])
    key2, _ = await new_key(ann, player=bot2["player"])
    at_once = await asyncio.gather(
        ann.post(f"matches/{match}/join"),
        *(with_key(site, each, "POST", f"matches/{match}/join") for each in (key, key2)),
    )
    assert sorted(answer.get("code", "joined") for _, answer in at_once) == ["SAME_PERSON", "SAME_PERSON", "joined"]
    assert (await with_key(site, key, "POST", f"matches/{match}/join"))[1].get("code") in (
        "SAME_PERSON",
        "ALREADY_JOINED",
    )
    assert (await bob.post(f"matches/{match}/join"))[0] == 200
    assert (await with_key(site, key, "POST", f"games/{made}/queue"))[0] == 200
    assert (await ann.post(f"games/{made}/queue"))[1]["code"] == "SAME_PERSON"
    await boss.close()


async def test_who_shuts_himself_out_does_not_play_by_his_bots(site: Site) -> None:
    ann = await site.person().registers("ann")
    _, bot = await ann.post("me/players", name="bot")
    key, _ = await new_key(ann, player=bot["player"])
    assert (await ann.post("me/exclusion", days=1))[0] == 201
    order = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "20", "leverage": 10}
    assert (await with_key(site, key, "POST", "orders", order))[1]["code"] == "SELF_EXCLUDED"


async def test_bots_go_with_their_owner(site: Site) -> None:
    ann = await site.person().registers("ann")
    _, bot = await ann.post("me/players", name="bot")
    key, _ = await new_key(ann, player=bot["player"])
    assert (await ann.post("me/delete", password=PASSWORD))[0] == 204
    assert (await with_key(site, key, "GET", "me"))[1]["code"] == "TOKEN_INVALID"
