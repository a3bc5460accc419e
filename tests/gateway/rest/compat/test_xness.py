"""/compat/100xness/: every call as that front end makes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from tests.gateway.rest.compat.conftest import FrontEnd
from tests.harness.people import PASSWORD, Site, config_of, open_site

ANN = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
LONG = {"asset": "BTC", "side": "long", "qty": 0.001, "leverage": 10}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest_asyncio.fixture
async def ann(site: Site) -> FrontEnd:
    front = FrontEnd(site, "100xness")
    status, answer = await front.posts("auth/register", ANN)
    assert status == 200, answer
    return front


async def opened(front: FrontEnd, **changed: Any) -> str:
    status, answer = await front.posts("trade/open", LONG | changed)
    assert (status, set(answer)) == (200, {"message", "orderId"}), answer
    return str(UUID(answer["orderId"]))


async def test_register(site: Site, ann: FrontEnd) -> None:
    assert (await ann.posts("auth/register", ANN))[0] == 409
    async with site.http.post(
        f"{site.url}/compat/100xness/auth/register", json=ANN | {"email": "b@example.com"}
    ) as got:
        user = (await got.json())["user"]
        assert (user["email"], user["name"]) == ("b@example.com", "Ann")
        cookie = got.headers["Set-Cookie"]
    assert re.match(r"token=[\w.-]+; HttpOnly; Max-Age=3600; Path=/; SameSite=Strict", cookie)


async def test_login(ann: FrontEnd) -> None:
    status, answer = await ann.posts("auth/login", {"email": ANN["email"], "password": PASSWORD})
    assert (status, set(answer), answer["user"]["name"]) == (200, {"message", "user"}, "Ann")
    status, answer = await ann.posts("auth/login", {"email": ANN["email"], "password": "wrong horse battery"})
    assert (status, set(answer)) == (401, {"error"})


async def test_logout(ann: FrontEnd) -> None:
    token = ann.cookie
    status, answer = await ann.posts("auth/logout")
    assert (status, set(answer)) == (200, {"message"})
    assert ann.cookie == ""
    assert (await ann.asks("GET", "auth/me"))[0] == 401
    ann.token = token
    assert (await ann.asks("GET", "auth/me"))[0] == 401, "the session has ended, and not only the cookie"


async def test_me(ann: FrontEnd) -> None:
    assert set((await ann.gets("auth/me"))["user"]) == {"id", "email", "name"}


@pytest.mark.parametrize("path", ["trade/open", "trade/create"])
async def test_a_trade_is_opened(ann: FrontEnd, path: str) -> None:
    status, answer = await ann.posts(path, LONG | {"takeProfit": 1_000_000, "stopLoss": 0})
    assert status == 200, answer
    shown = (await ann.gets(f"trade/orders/{answer['orderId']}"))["order"]
    assert (shown["symbol"], shown["orderType"], shown["quantity"]) == ("BTCUSDT", "long", 0.001)
    assert (shown["status"], shown["leverage"], shown["takeProfit"]) == ("open", 10, 1_000_000)
    assert "stopLoss" not in shown
    assert ISO.fullmatch(shown["createdAt"])


@pytest.mark.parametrize(
    "wrong", [{"qty": 1_000}, {"qty": "1e3"}, {"asset": "XXX"}, {"leverage": 5_000}, {"side": "up"}]
)
async def test_a_trade_that_is_refused_says_why(ann: FrontEnd, wrong: dict[str, Any]) -> None:
    status, answer = await ann.posts("trade/open", LONG | wrong)
    assert (status, set(answer)) == (400, {"error"})
    assert (await ann.gets("trade/orders"))["orders"] == []


async def test_a_trade_is_closed_and_its_profit_is_ours(ann: FrontEnd) -> None:
    id = await opened(ann)
    status, answer = await ann.posts(f"trade/close/{id}", {"closeReason": "TakeProfit", "pnl": 1_000_000})
    assert (status, answer["orderId"]) == (200, id)
    (shown,) = (await ann.gets("trade/orders"))["orders"]
    assert (shown["id"], shown["status"], shown["closeReason"]) == (id, "closed", "Manual")
    assert abs(shown["pnl"]) < 100
    assert shown["exitPrice"] > 0
    assert ISO.fullmatch(shown["closedAt"])
    assert (await ann.posts(f"trade/close/{UUID(int=7)}"))[0] == 404


async def test_orders(ann: FrontEnd) -> None:
    ids = [await opened(ann), await opened(ann, side="short")]
    orders = (await ann.gets("trade/orders"))["orders"]
    assert {each["id"] for each in orders} == set(ids)
    assert (await ann.asks("GET", f"trade/orders/{UUID(int=7)}"))[0] == 404
    assert (await ann.asks("GET", "trade/orders/a%20b"))[0] == 404


async def test_balance(ann: FrontEnd) -> None:
    balance = await ann.gets("balance")
    assert balance["balances"] == [{"symbol": "USDC", "balance": 1_000_000, "decimals": 2}]
    assert await ann.gets("balance/USDC") == balance["balances"][0]
    assert (await ann.asks("GET", "balance/BTC"))[0] == 404
    await opened(ann)
    assert (await ann.gets("balance/USDC"))["balance"] < 1_000_000


async def test_candles(ann: FrontEnd) -> None:
    candle = (await ann.gets("candles?ts=1m&asset=BTC"))["data"][-1]
    assert set(candle) == {"bucket", "time", "symbol", "open", "high", "low", "close", "volume"}
    assert candle["low"] <= candle["close"] <= candle["high"]
    later = candle["time"] + 600
    assert (await ann.gets(f"candles?ts=1m&asset=BTCUSDT&startTime={later}"))["data"] == []
    assert (await ann.gets("candles?ts=1m&asset=BTCUSDT&startTime=0&endTime=1000000"))["data"] == []
    assert (await ann.asks("GET", "candles?ts=7m&asset=BTCUSDT"))[0] == 404
    assert (await ann.asks("GET", "candles?asset=BTCUSDT"))[0] == 400


async def test_health(ann: FrontEnd) -> None:
    health = await ann.gets("health")
    assert health["status"] == "OK"
    assert ISO.fullmatch(health["timestamp"])


async def test_a_page_of_a_configured_origin_sends_its_cookie_and_no_other_does(tmp_path: Path) -> None:
    origin = "https://front.example"
    server = {"development": True, "compat": ("100xness",), "allowed_origins": (origin,)}
    async with open_site(config_of(tmp_path, server)) as site:
        url = f"{site.url}/compat/100xness/trade/open"
        async with site.http.options(url, headers={"Origin": origin}) as preflight:
            assert preflight.status == 204
            assert preflight.headers["Access-Control-Allow-Origin"] == origin
            assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
        status, answer = await FrontEnd(site, "100xness").asks(
            "POST", "trade/open", LONG, Origin="https://evil.example"
        )
        assert (status, set(answer)) == (403, {"error"})
