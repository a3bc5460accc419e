"""A round over HTTP alone, and what goes around every request."""

from __future__ import annotations

import csv
import io
from typing import Any

import msgspec
import pytest
import structlog

from engine.model.reasons import Reason
from gateway.core.config import Limits
from gateway.protocol.errors import Code
from gateway.protocol.history import Fill, Paged
from gateway.rest import responses
from tests.gateway.rest.browser import Browser, open_browser
from tests.harness.gateway import ROOMY, Gateway, open_gateway

LONG = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "20", "leverage": 10}
LIMIT = {"match": 1, "symbol": "BTCUSDT", "side": "long", "type": "limit", "price": "50000", "quantity": "0.001"} | {
    "leverage": 10
}


async def test_a_round_over_http_alone(ann: Browser) -> None:
    placed = await ann.asks("POST", "orders", LONG)
    assert (placed.status, placed.body["status"]) == (201, "filled")
    assert placed.headers["Cache-Control"] == "no-store"
    assert int(placed.headers["X-Sequence"]) > 0
    position = placed.body["position"]

    held = (await ann.asks("GET", "positions?match=1")).body
    assert ([each["position"] for each in held["items"]], held["next"]) == ([position], None)
    amended = await ann.asks("PATCH", f"positions/{position}", {"stop_loss": "59000"})
    assert (amended.status, amended.body["position"]) == (200, position)
    closed = await ann.asks("POST", f"positions/{position}/close", {"percent": 100})
    assert (closed.status, closed.body["left"]) == (200, "0")
    assert (await ann.asks("GET", "positions?match=1")).body["items"] == []
    assert (await ann.asks("GET", "me")).body["positions"] == []


async def test_an_order_is_named_by_its_path_in_both_ways(ann: Browser) -> None:
    first = await ann.asks("POST", "orders", LIMIT | {"client_order_id": "first"})
    second = (await ann.asks("POST", "orders", LIMIT)).body["order"]
    amended = await ann.asks("PATCH", "orders/client:first", {"price": "51000"})
    assert amended.body["order"] == first.body["order"]
    assert (await ann.asks("DELETE", f"orders/{second}")).body == {"order": second, "status": "canceled"}
    assert (await ann.asks("DELETE", "orders?match=1")).body == {"match": 1, "canceled": 1}


async def test_a_stake_in_the_words_of_its_path(ann: Browser) -> None:
    trade = {"symbol": "BTCUSDT", "direction": "UP", "stakeUsd": "5", "expirySeconds": 60}
    placed = await ann.asks("POST", "trades", trade | {"match": 1})
    assert (placed.status, placed.body["payout"]) == (201, 80)
    opened = (await ann.asks("GET", "trades/open")).body["items"]
    assert [each["trade"] for each in opened] == [placed.body["trade"]]
    assert await ann.code("POST", "trades", trade) == (400, "BAD_ARGUMENTS")
    assert await ann.code("POST", "trades", trade | {"match": 1, "stakeUsd": 5.5}) == (400, "FLOAT_NOT_ALLOWED")


async def test_a_request_that_is_sent_again_is_answered_as_the_first_one_was(ann: Browser) -> None:
    first = await ann.asks("POST", "orders", LONG, Idempotency_Key="once")
    again = await ann.asks("POST", "orders", LONG, Idempotency_Key="once")
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["X-Sequence"] == first.headers["X-Sequence"]
    assert await ann.code("POST", "orders", LONG | {"margin": "21"}, Idempotency_Key="once") == (409, "KEY_REUSED")
    assert await ann.code("POST", "orders", LONG, Idempotency_Key="k" * 37) == (400, "BAD_ARGUMENTS")
    assert await ann.code("GET", "me", Idempotency_Key="once") == (400, "KEY_NOT_ALLOWED")


BAD = {
    "a float": ("POST", "orders", LONG | {"margin": 20.5}, 400, "FLOAT_NOT_ALLOWED"),
    "a field that there is not": ("POST", "orders", LONG | {"sdie": "long"}, 400, "BAD_ARGUMENTS"),
    "no json": ("POST", "orders", b"{", 400, "NOT_JSON"),
    "a list": ("POST", "orders", [], 400, "BAD_ARGUMENTS"),
    "no body": ("POST", "orders", None, 400, "BAD_ARGUMENTS"),
    "a body in the query": ("POST", "orders?match=1", LONG, 400, "BAD_ARGUMENTS"),
    "a query parameter twice": ("GET", "positions?match=1&match=2", None, 400, "BAD_ARGUMENTS"),
    "a query parameter that there is not": ("GET", "positions?match=1&x=2", None, 400, "BAD_ARGUMENTS"),
    "an integer that is none": ("GET", "positions?match=one", None, 400, "BAD_ARGUMENTS"),
    "an integer that is huge": ("GET", "positions?match=" + "9" * 4_000, None, 400, "BAD_ARGUMENTS"),
    "what the path names already": ("PATCH", "orders/5", {"order": 6, "price": "1"}, 400, "BAD_ARGUMENTS"),
    "an order that there is not": ("DELETE", "orders/77", None, 404, "ORDER_NOT_FOUND"),
    "what the rules refuse": ("POST", "orders", LONG | {"margin": "1000000"}, 409, "CASH_TOO_LOW"),
    "a path that there is not": ("GET", "nothing", None, 404, "NOT_FOUND"),
    "a method that it does not take": ("PUT", "orders", LONG, 405, "METHOD_NOT_ALLOWED"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_gets_its_code_and_changes_nothing(gateway: Gateway, ann: Browser, name: str) -> None:
    method, path, body, status, code = BAD[name]
    before = gateway.digest()
    assert await ann.code(method, path, body) == (status, code)
    assert gateway.digest() == before


async def test_who_one_is_and_what_one_may_are_told_apart(gateway: Gateway, ann: Browser) -> None:
    assert await ann.code("POST", "admin/seasons", {"name": "x"}) == (403, "ADMINS_ONLY")
    assert await ann.as_admin().code("GET", "me") == (403, "PLAYERS_ONLY")
    assert (await ann.as_admin().asks("POST", "admin/seasons", {"name": "x"})).status == 201
    ann.token = ""
    stranger = await ann.asks("GET", "me")
    assert (stranger.status, stranger.body["code"]) == (401, "NOT_AUTHENTICATED")
    assert stranger.headers["WWW-Authenticate"] == "Bearer"
    for wrong in ("Bearer x", "Basic x", "Bearer"):
        assert await ann.code("GET", "me", Authorization=wrong) == (401, "TOKEN_INVALID")
        assert await ann.code("GET", "markets/instruments", Authorization=wrong) == (401, "TOKEN_INVALID")


async def test_instruments_are_sent_once_as_long_as_they_stay(gateway: Gateway) -> None:
    async with open_browser(gateway, development=False) as stranger:
        first = await stranger.asks("GET", "markets/instruments")
        assert (first.status, first.headers["Cache-Control"]) == (200, "no-cache")
        tag = first.headers["ETag"]
        again = await stranger.asks("GET", "markets/instruments", If_None_Match=f'"other", W/{tag}')
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
        assert (await stranger.asks("GET", "markets/quotes/BTCUSDT")).body["bid"] == "60000.00"
        assert len((await stranger.asks("GET", "markets/quotes")).body["items"]) == len(first.body["items"])
        assert await stranger.code("GET", "markets/quotes?symbol=X") == (404, "SYMBOL_UNKNOWN")
        assert await stranger.code("GET", "games") == (401, "NOT_AUTHENTICATED")


async def test_closed_candles_may_be_kept_for_ever(gateway: Gateway, ann: Browser) -> None:
    path = "markets/candles?symbol=BTCUSDT&interval=1m"
    now_ms = gateway.arena.clock.stamp_ns() // 1_000_000
    assert (await ann.asks("GET", path)).headers["Cache-Control"] == "no-cache"
    assert (await ann.asks("GET", f"{path}&until={now_ms}")).headers["Cache-Control"] == "no-cache"
    closed = await ann.asks("GET", f"{path}&until={now_ms - 60_000}")
    assert "immutable" in closed.headers["Cache-Control"]


async def test_lists_are_had_as_csv(ann: Browser) -> None:
    for id in ("first", "second"):
        await ann.asks("POST", "orders", LIMIT | {"client_order_id": id})
    listed = (await ann.asks("GET", "orders?match=1")).body["items"]
    got = await ann.asks("GET", "orders?match=1&format=csv")
    assert (got.status, got.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    lines = list(csv.DictReader(io.StringIO(got.body.decode())))
    columns = ("order", "price", "client_order_id")
    assert [[line[name] for name in columns] for line in lines] == [[str(o[name]) for name in columns] for o in listed]

    by_header = await ann.asks("GET", "orders?match=1", Accept="text/csv;q=0.9, */*;q=0.1")
    assert (by_header.body, by_header.headers["Vary"]) == (got.body, "Accept, Origin")
    assert (await ann.asks("GET", "orders?match=1&format=json", Accept="text/csv")).body["items"] == listed
    assert (await ann.asks("GET", "orders?match=1", Accept="text/csv, application/json")).body["items"] == listed


async def test_csv_has_the_cursor_of_its_page_and_its_own_tag(gateway: Gateway, ann: Browser) -> None:
    page = responses.spreadsheet(Fill[str], Paged([], 7), 200, responses.NO_STORE)
    assert page.headers["X-Next"] == "7"
    assert "X-Next" not in responses.spreadsheet(Fill[str], Paged([], None), 200, responses.NO_STORE).headers
    assert (await ann.asks("GET", "me/fills?limit=1&format=csv")).body.startswith(b"n,seq,")
    tables = {format: await ann.asks("GET", f"markets/instruments?format={format}") for format in ("json", "csv")}
    assert tables["json"].headers["ETag"] != tables["csv"].headers["ETag"]
    tag = tables["csv"].headers["ETag"]
    again = await ann.asks("GET", "markets/instruments?format=csv", If_None_Match=tag)
    assert (again.status, again.headers["Vary"]) == (304, "Accept, Origin")


async def test_what_is_no_list_is_no_csv(ann: Browser) -> None:
    assert await ann.code("GET", "orders?match=1&format=xml") == (400, "BAD_ARGUMENTS")
    assert await ann.code("GET", "me?format=csv") == (400, "BAD_ARGUMENTS")
    assert (await ann.asks("GET", "me", Accept="text/csv")).headers["Content-Type"].startswith("application/json")


async def test_limits_are_told_and_held() -> None:
    gateway = await open_gateway(msgspec.structs.replace(ROOMY, player_messages_per_s=1, player_messages_burst=5))
    async with open_browser(gateway) as ann:
        ann.token = gateway.arena.tokens.issue((await gateway.player()).session.player)
        first = await ann.asks("GET", "referral")
        assert [first.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")] == ["5", "4", "1"]
        for _ in range(4):
            assert (await ann.asks("GET", "referral")).status == 200
        refused = await ann.asks("GET", "referral")
        assert (refused.status, refused.body["code"]) == (429, "RATE_LIMITED")
        assert (refused.headers["Retry-After"], refused.headers["RateLimit-Remaining"]) == ("1", "0")
    await gateway.stops()


async def test_a_request_has_an_id_in_its_answer_and_in_every_line(ann: Browser) -> None:
    assert (await ann.asks("GET", "ping", X_Request_Id="mine-1")).headers["X-Request-Id"] == "mine-1"
    drawn = (await ann.asks("GET", "ping", X_Request_Id="two words")).headers["X-Request-Id"]
    assert len(drawn) == 32
    assert (await ann.asks("GET", "nothing", X_Request_Id="mine-2")).headers["X-Request-Id"] == "mine-2"

    def fails(*anything: Any) -> None:
        raise ArithmeticError

    ann.gateway.history.reach = fails  # type: ignore[method-assign, assignment]
    merge = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[merge]) as lines:
        assert await ann.code("GET", "me/ledger", X_Request_Id="mine-3") == (500, "INTERNAL")
    assert [line["request_id"] for line in lines] == ["mine-3"]


async def test_a_page_of_an_origin_that_is_allowed_may_do_everything(gateway: Gateway) -> None:
    origin = "https://arena.example"
    async with open_browser(gateway, development=False, allowed_origins=(origin,)) as page:
        for path in ("orders", "orders/5", "nothing"):
            preflight = await page.asks("OPTIONS", path, Origin=origin, Access_Control_Request_Method="PATCH")
            assert preflight.status == 204
            told = preflight.headers
            assert told["Access-Control-Allow-Origin"] == origin
            assert told["Access-Control-Allow-Credentials"] == "true"
            assert {"GET", "POST", "PUT", "PATCH", "DELETE"} == set(told["Access-Control-Allow-Methods"].split(", "))
            assert "Idempotency-Key" in told["Access-Control-Allow-Headers"]
            assert told["Access-Control-Max-Age"] == "600"
        got = await page.asks("GET", "markets/instruments", Origin=origin)
        assert got.headers["Vary"] == "Accept, Origin"
        assert "RateLimit-Remaining" in got.headers["Access-Control-Expose-Headers"]
        refused = await page.asks("GET", "me", Origin=origin)
        assert (refused.status, refused.headers["Access-Control-Allow-Origin"]) == (401, origin)
        foreign = await page.asks("GET", "markets/instruments", Origin="https://evil.example")
        assert (foreign.status, foreign.body["code"]) == (403, "ORIGIN_FORBIDDEN")
        assert "Access-Control-Allow-Origin" not in foreign.headers
    async with open_browser(gateway) as page:
        got = await page.asks("GET", "markets/instruments", Origin="https://any.example")
        assert got.headers["Access-Control-Allow-Origin"] == "https://any.example"
        assert "Access-Control-Allow-Credentials" not in got.headers


async def test_strangers_are_told_the_limit_of_their_address(gateway: Gateway) -> None:
    gateway.arena.config = msgspec.structs.replace(gateway.arena.config, limits=Limits(requests_per_address_per_s=2))
    async with open_browser(gateway, development=False) as stranger:
        first = await stranger.asks("GET", "ping")
        assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("2", "1")
        assert (await stranger.asks("GET", "ping")).status == 200
        assert await stranger.code("GET", "ping") == (429, "RATE_LIMITED")


async def test_every_code_is_told_to_who_asks(ann: Browser) -> None:
    codes = {each["code"]: each for each in (await ann.asks("GET", "errors")).body["items"]}
    assert set(codes) == {code.name for code in Code} | {each.name for each in Reason if each is not Reason.ACCEPTED}
    refused = await ann.asks("POST", "orders", LONG | {"margin": "1000000"})
    said = codes[refused.body["code"]]
    assert (said["status"], said["message"], said["retry"]) == (
        refused.status,
        refused.body["detail"],
        refused.body["retry"],
    )
