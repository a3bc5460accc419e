"""Responsible play: limits and shutting oneself out, who may sign up, and a person's data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import data_folder
from gateway.identity.play import DAY_MS, Limit
from tests.harness.people import PASSWORD, Person, Site, asked, config_of, open_site

DEVELOPMENT = {"development": True}


async def ask(person: Person, op: str, args: Any = None) -> Any:
    """The result of an op, or the code with which it is refused."""
    socket, _ = await person.socket()
    reply = await asked(socket, op, args)
    await socket.close()
    return reply["result"] if reply["ok"] else reply["error"]["code"]


def test_a_lower_limit_holds_at_once_and_a_higher_one_after_a_day() -> None:
    limit = Limit(None).changed(100, 0)
    assert limit.at(0) == 100
    limit = limit.changed(50, 0)
    assert limit.at(0) == 50
    for higher in (80, None):
        raised = limit.changed(higher, 1_000)
        assert (raised.at(DAY_MS), raised.at(DAY_MS + 1_000)) == (50, higher)
    # Asked for again, it takes a day again; a lower one takes back what was asked for.
    assert raised.changed(None, DAY_MS).at(DAY_MS + 1_000) == 50
    assert raised.changed(40, 2_000) == Limit(40)


async def limited(site: Site, name: str, kind: str, value: int | None) -> Person:
    person = await site.person().registers(name)
    status, answer = await person.asks("PUT", f"me/limits/{kind}", {"value": value})
    assert (status, answer["value"]) == (200, value)
    return person


async def test_deposits_end_at_the_limit(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path, DEVELOPMENT)) as site:
        ann = await limited(site, "ann", "deposit", 100)
        assert (await ask(ann, "wallet.top_up", {"asset": "USDT", "amount": "60"}))["amount"] == "60.000000"
        assert await ask(ann, "wallet.top_up", {"asset": "USDC", "amount": "40.000001"}) == "PLAY_LIMIT_REACHED"
        assert (await ask(ann, "wallet.top_up", {"asset": "USDC", "amount": "40"}))["amount"] == "40.000000"
        # What is no dollar does not count.
        assert (await ask(ann, "wallet.top_up", {"asset": "BT", "amount": "1000"}))["asset"] == "BT"
        _, answer = await ann.asks("GET", "me/limits")
        assert answer["items"][0] == {"kind": "deposit", "value": 100, "used": 100}
        status, answer = await ann.asks("PUT", "me/limits/deposit", {"value": 500})
        assert (status, answer["value"], answer["next"]) == (200, 100, 500)
    async with open_site(config_of(tmp_path, DEVELOPMENT)) as site:
        ann.site = site
        assert await ask(ann, "wallet.top_up", {"asset": "USDT", "amount": "1"}) == "PLAY_LIMIT_REACHED"


async def test_losses_end_at_the_limit_and_what_is_at_stake_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_site(config_of(tmp_path, DEVELOPMENT)) as site:
        data_folder.token(admin=True, data=tmp_path)
        boss = site.person()
        boss.token = capsys.readouterr().out.strip().splitlines()[-1]
        game = {"title": "Duel", "duration_s": 600, "min_players": 2, "currency": "USDT", "entry_fee": "10"}
        made = (await ask(boss, "admin.create_game", game | {"prize_split": [100], "max_players": 2}))["id"]
        matches = [(await ask(boss, "admin.create_match", {"game": made}))["id"] for _ in range(3)]
        ann = await limited(site, "ann", "loss", 25)
        await ask(ann, "wallet.top_up", {"asset": "USDT", "amount": "100"})
        assert (await ask(ann, "match.join", {"match": matches[0]}))["match"] == matches[0]
        assert (await ask(ann, "match.join", {"match": matches[1]}))["match"] == matches[1]
        assert await ask(ann, "match.join", {"match": matches[2]}) == "PLAY_LIMIT_REACHED"
        assert await ask(ann, "queue.join", {"game": made}) == "PLAY_LIMIT_REACHED"
        # What comes back is lost no more.
        await ask(ann, "match.leave", {"match": matches[0]})
        assert (await ask(ann, "match.join", {"match": matches[2]}))["match"] == matches[2]
        _, answer = await ann.asks("GET", "me/limits")
        assert answer["items"][1] == {"kind": "loss", "value": 25, "used": 20}


async def test_time_that_is_played_ends_at_the_limit(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site:
        ann = await limited(site, "ann", "time", 1)
        socket, _ = await ann.socket()
        site.app.identities.play.pass_time(59, site.app.arena.presence.is_here)
        assert (await asked(socket, "match.reset", {"match": 1}))["ok"]
        site.app.identities.play.pass_time(2, site.app.arena.presence.is_here)
        reply = await asked(socket, "match.reset", {"match": 1})
        assert (reply["error"]["code"], reply["error"]["details"]["limit"]) == ("PLAY_LIMIT_REACHED", "time")
        # What ends something still works.
        assert (await asked(socket, "order.cancel_all", {"match": 1}))["ok"]
        await socket.close()


async def test_who_shuts_himself_out_begins_nothing_and_cannot_take_it_back(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site:
        ann = await site.person().registers("ann")
        status, answer = await ann.post("me/exclusion", days=7)
        assert status == 201
        assert (await ann.post("me/exclusion", days=1))[1] == answer
        assert await ask(ann, "match.reset", {"match": 1}) == "SELF_EXCLUDED"
        assert await ask(ann, "order.cancel_all", {"match": 1}) == {"canceled": 0, "match": 1}
        assert await ann.code("me/delete", password=PASSWORD) == "SELF_EXCLUDED"
    async with open_site(config_of(tmp_path)) as site:
        ann.site = site
        assert await ask(ann, "match.reset", {"match": 1}) == "SELF_EXCLUDED"
        assert (await ann.asks("GET", "me/limits"))[1]["excluded_until"] == answer["until"]


async def test_who_is_too_young_or_from_elsewhere_does_not_sign_up(tmp_path: Path) -> None:
    config = config_of(tmp_path, youngest_age=18, countries=("DE", "FR"), countries_refused=("FR",))
    today = datetime.now(UTC).date()
    young = (today - timedelta(days=18 * 365)).isoformat()
    async with open_site(config) as site:
        grown = {"birth_date": "1990-02-28", "country": "DE"}
        for name, body, code in (
            ("a-minor", {"birth_date": young}, "NOT_ELIGIBLE"),
            ("no-day", {"birth_date": "1990-02-31"}, "BAD_ARGUMENTS"),
            ("no-date", {"birth_date": None}, "BAD_ARGUMENTS"),
            ("no-land", {"country": None}, "BAD_ARGUMENTS"),
            ("refused", {"country": "FR"}, "NOT_ELIGIBLE"),
            ("elsewhere", {"country": "US"}, "NOT_ELIGIBLE"),
        ):
            person = site.person()
            assert await person.code("auth/register", username=name, password=PASSWORD, **(grown | body)) == code, name
        await site.person().registers("grown-up", **grown)


async def test_a_person_gets_his_data_and_is_forgotten(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path, DEVELOPMENT)) as site:
        ann = await site.person("phone").enters("auth/register", email="ann@example.com", password=PASSWORD)
        await ann.asks("PUT", "me/limits/loss", {"value": 5})
        _, data = await ann.asks("GET", "me/export")
        assert (data["account"]["email"], data["sessions"][0]["agent"]) == ("ann@example.com", "phone")
        assert data["play_limits"][0]["kind"] == "loss"
        assert "argon2" not in str(data)
        await ask(ann, "wallet.top_up", {"asset": "USDT", "amount": "5"})
        assert await ann.code("me/delete") == "CREDENTIALS_INVALID"
        assert await ann.code("me/delete", password=PASSWORD) == "BAD_ARGUMENTS"
        assert (await ann.post("me/delete", password=PASSWORD, give_up_money=True))[0] == 204
        assert (await ann.asks("GET", "me/export"))[0] == 401
        nobody = site.person()
        assert await nobody.code("auth/login", email="ann@example.com", password=PASSWORD) == "CREDENTIALS_INVALID"
        # The address is free again, and the number is not.
        again = await nobody.enters("auth/register", email="ann@example.com", password=PASSWORD)
        assert again.player == ann.player + 1
        dump = await site.app.identities.database.run(lambda connection: "".join(connection.iterdump()))
        assert dump.count("ann@example.com") == 2  # address and key of the new account
        assert "phone" not in dump
