"""/compat/game-wallet/: every call as that front end makes it."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from tests.gateway.rest.compat.conftest import FrontEnd
from tests.harness.people import PASSWORD, Site, config_of, open_site

ANN = {"username": "ann_example", "password": PASSWORD}


@pytest_asyncio.fixture
async def ann(site: Site) -> FrontEnd:
    front = FrontEnd(site, "game-wallet")
    status, signed_up = await front.posts("signup", ANN)
    assert (status, set(signed_up)) == (201, {"message", "token"})
    front.token = signed_up["token"]
    return front


async def test_signup(ann: FrontEnd) -> None:
    ann.token = ""
    status, answer = await ann.posts("signup", ANN)
    assert (status, set(answer)) == (409, {"error"})
    assert (await ann.posts("signup", {"username": "bob"}))[0] == 400
    assert (await ann.posts("signup", b"{"))[0] == 400


async def test_signup_with_a_referral_code(site: Site, ann: FrontEnd) -> None:
    code = (await ann.gets("balance"))["referralCode"]
    bob = FrontEnd(site, "game-wallet")
    status, _ = await bob.posts("signup", {"username": "bob_example", "password": PASSWORD, "referralCode": code})
    assert status == 201


async def test_login(ann: FrontEnd) -> None:
    status, answer = await ann.posts("login", ANN)
    assert (status, set(answer)) == (200, {"token"})
    assert (await ann.posts("login", ANN | {"password": "wrong horse battery"}))[0] == 401


async def test_balance(ann: FrontEnd) -> None:
    balance = await ann.gets("balance")
    assert balance.pop("referralCode")
    assert balance == {"username": "ann_example", "balance": 0, "version": 0, "inventory": []}
    ann.token = ""
    assert (await ann.asks("GET", "balance"))[0] == 401


async def test_top_up(ann: FrontEnd) -> None:
    status, topped = await ann.posts("top-up", {"amount": 250})
    assert (status, set(topped), topped["balance"]) == (200, {"balance", "version"}, 250)
    for wrong in (b'{"amount":1.5}', b'{"amount":-1}', b'{"amount":1e3}', b"{}", b'{"amount":null}'):
        assert (await ann.posts("top-up", wrong))[0] == 400
    balance = await ann.gets("balance")
    assert (balance["balance"], balance["version"]) == (250, topped["version"])


async def test_purchase(ann: FrontEnd) -> None:
    assert (await ann.posts("purchase", {"item": "gold_coin"}))[0] == 402
    await ann.posts("top-up", {"amount": 5_000})
    status, bought = await ann.posts("purchase", {"item": "gold_coin"})
    assert (status, bought["item"], bought["quantity"]) == (200, "gold_coin", 1)
    balance = await ann.gets("balance")
    assert (bought["balance"], bought["version"]) == (balance["balance"], balance["version"])
    assert balance["inventory"] == [{"item": "gold_coin", "quantity": 1}]
    assert (await ann.posts("purchase", {"item": "gold_coin", "version": 1}))[0] == 409
    assert (await ann.posts("purchase", {"item": "sword"}))[0] == 400
    assert (await ann.gets("balance"))["inventory"] == [{"item": "gold_coin", "quantity": 1}]


async def test_health(ann: FrontEnd) -> None:
    assert await ann.gets("health") == {"status": "UP", "database": "CONNECTED"}


async def test_without_the_configuration_there_is_nothing(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site:
        for name in ("game-wallet", "100xness"):
            status, answer = await FrontEnd(site, name).asks("GET", "health")
            assert (status, set(answer)) == (404, {"error"})
