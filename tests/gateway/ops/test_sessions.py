"""One client of the gateway: bad input, orders, idempotency, subscriptions. No sockets, a real engine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace

from engine.model.commands import RegisterPlayer, SetSwitch, encode_cold
from engine.model.reasons import MESSAGES, Reason
from engine.model.scale import NS_PER_MS, NS_PER_S
from gateway.channels.fanout import INTERVALS
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from gateway.core.tokens import ADMIN
from gateway.ops.table import OPS
from gateway.protocol.codecs import Codec
from gateway.protocol.errors import Code, error_of, error_of_reason
from gateway.protocol.history import Page
from gateway.protocol.identity import accounts, passkeys, people
from gateway.protocol.identity.keys import CreateDependent
from gateway.protocol.scalars import Arguments
from gateway.protocol.session import ExpiringToken, SignInGuest
from tests.harness.gateway import JSON, MSGPACK, ROOMY, Client, Gateway, open_gateway

LONG = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "100", "leverage": 10}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    opened.arena.sequencer.stop()
    await opened.task


@pytest_asyncio.fixture
async def ann(gateway: Gateway) -> Client:
    return await gateway.player()


UP = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 5, "account": {"match": 1}}


def changed(**fields: Any) -> dict[str, Any]:
    return LONG | fields


def text(**fields: Any) -> bytes:
    return msgspec.json.encode({"id": 1, "op": "order.place", "args": changed(**fields)})


def fixed(**fields: Any) -> bytes:
    return msgspec.json.encode({"id": 1, "op": "fixed.buy", "args": UP | fields})


BAD_MESSAGES = {
    "not JSON": (b"{", "NOT_JSON"),
    "empty": (b"", "NOT_JSON"),
    "two values": (b"{}{}", "NOT_JSON"),
    "NaN": (b'{"id":1,"op":"quote","args":{"symbol":NaN}}', "NOT_JSON"),
    "invalid UTF-8 in a string": (b'{"id":1,"op":"quote","args":{"symbol":"\xff"}}', "NOT_JSON"),
    "an array": (b"[1]", "BAD_MESSAGE"),
    "no id": (b'{"op":"ping"}', "BAD_MESSAGE"),
    "null id": (b'{"id":null,"op":"ping"}', "BAD_MESSAGE"),
    "huge id": (b'{"id":9007199254740993,"op":"ping"}', "BAD_MESSAGE"),
    "float id": (b'{"id":1.5,"op":"ping"}', "FLOAT_NOT_ALLOWED"),
    "unknown field of the envelope": (b'{"id":1,"op":"ping","arg":{}}', "BAD_MESSAGE"),
    "empty key": (b'{"id":1,"op":"ping","key":""}', "BAD_MESSAGE"),
    "long key": (b'{"id":1,"op":"ping","key":"%s"}' % (b"k" * 37), "BAD_MESSAGE"),
    "key of a query": (b'{"id":1,"op":"ping","key":"k"}', "KEY_NOT_ALLOWED"),
    "nested deeply": (b'{"id":1,"op":"ping","args":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "BAD_MESSAGE"),
    "unknown op": (b'{"id":1,"op":"order.palce","args":{}}', "UNKNOWN_OP"),
    "args not an object": (b'{"id":1,"op":"ping","args":[]}', "BAD_ARGUMENTS"),
    "missing field": (b'{"id":1,"op":"quote","args":{}}', "BAD_ARGUMENTS"),
    "unknown field": (text(levrage=10), "BAD_ARGUMENTS"),
    "float margin": (text(margin=1.5), "FLOAT_NOT_ALLOWED"),
    "round float margin": (b'{"id":1,"op":"order.place","args":{"margin":1e2}}', "FLOAT_NOT_ALLOWED"),
    "float leverage": (text(leverage=2.5), "FLOAT_NOT_ALLOWED"),
    "nested float": (text(margin={"amount": [1.5]}), "FLOAT_NOT_ALLOWED"),
    "float of an unknown field": (text(typo=0.1), "FLOAT_NOT_ALLOWED"),
    "boolean margin": (text(margin=True), "BAD_ARGUMENTS"),
    "huge margin": (text(margin=10**30), "OUT_OF_RANGE"),
    "huge margin as text": (text(margin="9" * 30), "OUT_OF_RANGE"),
    "margin with 400 digits": (text(margin="9" * 400), "NOT_DECIMAL"),
    "exponent": (text(margin="1e3"), "NOT_DECIMAL"),
    "plus sign": (text(margin="+1"), "NOT_DECIMAL"),
    "other digits": (text(margin="\u0661\u0662"), "NOT_DECIMAL"),
    "too precise a margin": (text(margin="1.000000001"), "TOO_PRECISE"),
    "price off the tick": (text(type="limit", price="60000.005"), "TOO_PRECISE"),
    "quantity off the lot": (text(quantity="0.000001"), "TOO_PRECISE"),
    "unknown symbol": (text(symbol="DOGEUSDT"), "SYMBOL_UNKNOWN"),
    "unknown side": (text(side="buy"), "BAD_ARGUMENTS"),
    "leverage beyond 32 bits": (text(leverage=2**31), "BAD_ARGUMENTS"),
    "client_order_id with a space": (text(client_order_id="a b"), "BAD_ARGUMENTS"),
    "client_order_id with a newline": (text(client_order_id="a\n"), "BAD_ARGUMENTS"),
    "expiry beyond time": (text(expires_at=2**62), "BAD_ARGUMENTS"),
    "negative margin": (text(margin="-5"), "SIZE_INVALID"),
    "no size": (text(margin=None), "SIZE_INVALID"),
    "leverage -1": (text(leverage=-1), "LEVERAGE_INVALID"),
    "leverage 0": (text(leverage=0), "LEVERAGE_INVALID"),
    "trailing stop as text": (text(trailing_stop="1"), "BAD_ARGUMENTS"),
    "trailing stop of all": (text(trailing_stop=1_000_000), "TRAILING_STOP_INVALID"),
    "negative price": (text(type="limit", price="-1"), "PRICE_INVALID"),
    "other match": (text(match=2**53), "MATCH_NOT_FOUND"),
    "too late": (b'{"id":1,"op":"time","deadline":1}', "TOO_LATE"),
    "percent and quantity": (
        b'{"id":1,"op":"position.close","args":{"position":1,"percent":1,"quantity":"1"}}',
        "BAD_ARGUMENTS",
    ),
    "unknown channel": (b'{"id":1,"op":"subscribe","args":{"channels":["tick"]}}', "CHANNEL_UNKNOWN"),
    "channel of an unknown symbol": (b'{"id":1,"op":"subscribe","args":{"channels":["tick.X"]}}', "SYMBOL_UNKNOWN"),
    "board of no match": (b'{"id":1,"op":"subscribe","args":{"channels":["board.7"]}}', "CHANNEL_UNKNOWN"),
    "unknown interval": (
        b'{"id":1,"op":"candles","args":{"symbol":"BTCUSDT","interval":"2m"}}',
        "INTERVAL_UNKNOWN",
    ),
    "stake as a float": (fixed(stake=1.5), "FLOAT_NOT_ALLOWED"),
    "negative stake": (fixed(stake="-5"), "STAKE_TOO_LOW"),
    "huge stake": (fixed(stake="1000.00000001"), "STAKE_TOO_HIGH"),
    "too precise a stake": (fixed(stake="1.000000001"), "TOO_PRECISE"),
    "unknown direction": (fixed(direction="long"), "BAD_ARGUMENTS"),
    "duration beyond 32 bits": (fixed(duration=2**31), "BAD_ARGUMENTS"),
    "short duration": (fixed(duration=4), "DURATION_INVALID"),
    "stake from an empty wallet": (fixed(account={"wallet": "demo"}), "INSUFFICIENT_FUNDS"),
    "stake from a wallet that none are taken from": (fixed(account={"wallet": "usdt"}), "FIXED_NOT_OFFERED"),
    "stake of items": (fixed(account={"wallet": "gold_coin"}), "BAD_ARGUMENTS"),
    "stake from an unknown wallet": (fixed(account={"wallet": "doge"}), "BAD_ARGUMENTS"),
    "stake from somebody's wallet": (fixed(account={"wallet": "demo", "player": 2}), "BAD_ARGUMENTS"),
    "stake from a match and a wallet": (fixed(account={"match": 1, "wallet": "demo"}), "BAD_ARGUMENTS"),
    "stake from neither": (fixed(account={}), "BAD_ARGUMENTS"),
    "too precise a stake from a wallet": (fixed(stake="1.0000001", account={"wallet": "usdt"}), "TOO_PRECISE"),
    "stake from no account": (fixed(account=None), "BAD_ARGUMENTS"),
    "stake of another match": (fixed(account={"match": 7}), "MATCH_NOT_FOUND"),
    "auth twice": (b'{"id":1,"op":"auth","args":{"token":"x"}}', "TOKEN_INVALID"),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
async def test_bad_input_gets_its_code_and_changes_nothing(gateway: Gateway, ann: Client, name: str) -> None:
    message, code = BAD_MESSAGES[name]
    before = gateway.digest()
    ann.sends(message)
    await gateway.settles()
    reply = ann.messages()[-1]
    assert reply["ok"] is False
    assert reply["error"]["code"] == code, reply
    assert gateway.digest() == before
    assert await ann.result("ping") == {}


async def test_someone_elses_position_does_not_exist(gateway: Gateway, ann: Client) -> None:
    placed = await ann.result("order.place", LONG)
    before = gateway.digest()
    bob = await gateway.player()
    unchanged = gateway.digest()
    assert unchanged != before
    assert await bob.error("position.close", {"position": placed["position"], "percent": 100}) == "POSITION_NOT_FOUND"
    assert await bob.error("position.amend", {"position": placed["position"], "stop_loss": "1"}) == "POSITION_NOT_FOUND"
    assert await bob.error("order.cancel", {"order": placed["order"]}) == "ORDER_NOT_FOUND"
    assert gateway.digest() == unchanged


async def test_the_errors_field_is_named(ann: Client) -> None:
    reply = await ann.asks("order.place", changed(stop_loss=1.5))
    assert reply["error"]["details"]["field"] == "stop_loss"
    reply = await ann.asks("order.place", changed(stop_loss="1.005"))
    assert reply["error"]["details"]["field"] == "stop_loss"


async def test_a_stranger_may_only_look_at_the_market(gateway: Gateway) -> None:
    stranger = gateway.guest()
    assert (await stranger.result("quote", {"symbol": "BTCUSDT"}))["bid"] == "60000.00"
    assert await stranger.error("order.place", LONG) == "NOT_AUTHENTICATED"
    assert await stranger.error("subscribe", {"channels": ["tick.BTCUSDT", "me"]}) == "NOT_AUTHENTICATED"
    assert stranger.session.channels == {}
    assert await stranger.error("auth", {"token": "no.such.token"}) == "TOKEN_INVALID"
    assert await stranger.error("auth", {"token": gateway.arena.tokens.issue(77)}) == "TOKEN_INVALID"


async def test_messages_that_are_too_big_close(gateway: Gateway, ann: Client) -> None:
    ann.sends(b" " * 16_384)
    assert ann.outlet.close_code == 0
    ann.sends(b" " * 16_385)
    assert ann.outlet.close_code == 1009
    stranger = gateway.guest()
    stranger.sends(b" " * 4_097)
    assert stranger.outlet.close_code == 1009


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_a_round_in_both_encodings(gateway: Gateway, codec: Codec) -> None:
    ann = await gateway.player(codec)
    await ann.result("subscribe", {"channels": ["me"]})
    placed = await ann.result("order.place", changed(stop_loss="59000", client_order_id="first"))
    assert placed["status"] == "filled"
    assert placed["fill_price"] == "60000.01"
    assert placed["order"] == placed["position"]

    resting = await ann.result("order.place", changed(type="limit", price=50_000))
    assert resting == {"order": placed["order"] + 1, "status": "accepted"}
    assert [order["price"] for order in await ann.result("order.list", {"match": 1})] == ["50000.00"]
    assert (await ann.result("order.cancel", {"order": resting["order"]}))["status"] == "canceled"

    tested = await ann.result("order.test", changed(type="stop", price="61000"))
    assert (tested["status"], tested["margin"], tested["price"]) == ("accepted", "100.00000000", "61000.00")
    waits = await ann.result("order.place", changed(type="stop", price="61000"))
    assert [order["type"] for order in await ann.result("order.list", {"match": 1})] == ["stop"]
    assert await ann.error("order.place", changed(type="stop", price="60000")) == "WOULD_TRIGGER_NOW"
    assert await ann.error("order.place", changed(type="stop")) == "PRICE_INVALID"
    assert (await ann.result("order.cancel", {"order": waits["order"]}))["status"] == "canceled"

    low = await ann.result("order.place", changed(type="limit", price="50000"))
    moved = await ann.result("order.amend", {"order": low["order"], "price": "51000", "expires_at": 9_000_000_000_000})
    assert moved == {"order": low["order"], "status": "accepted", "liquidation_price": "46107.48"}
    assert [(order["price"], order["expires_at"]) for order in await ann.result("order.list", {"match": 1})] == [
        ("51000.00", 9_000_000_000_000)
    ]
    await ann.result("order.amend", {"order": low["order"], "stop_loss": "50000", "expires_at": 0})
    (order,) = await ann.result("order.list", {"match": 1})
    assert (order["stop_loss"], "expires_at" in order) == ("50000.00", False)
    for wrong, code in (
        ({}, "BAD_ARGUMENTS"),
        ({"price": "60000.01"}, "WOULD_FILL_NOW"),
        ({"price": 60000.5}, "FLOAT_NOT_ALLOWED"),
        ({"price": "0"}, "PRICE_INVALID"),
        ({"stop_loss": "51000"}, "WOULD_TRIGGER_NOW"),
        ({"expires_at": 1}, "EXPIRY_INVALID"),
        ({"order": 99, "price": "1"}, "ORDER_NOT_FOUND"),
    ):
        assert await ann.error("order.amend", {"order": low["order"], **wrong}) == code
    assert await ann.result("order.cancel_all", {"match": 1}) == {"match": 1, "canceled": 1}
    assert await ann.result("order.cancel_all", {"match": 1}) == {"match": 1, "canceled": 0}
    assert await ann.error("order.cancel_all", {"match": 9}) == "MATCH_NOT_FOUND"

    await ann.result("position.amend", {"position": placed["position"], "take_profit": "70000", "stop_loss": "0"})
    position = (await ann.result("position.list", {"match": 1}))[0]
    assert (position["take_profit"], position["entry_price"]) == ("70000.00", "60000.01")
    more = await ann.result("position.amend", {"position": placed["position"], "add_margin": "10"})
    assert Decimal(more["liquidation_price"]) < Decimal(position["liquidation_price"])
    for wrong, code in (
        ({"add_margin": "1", "remove_margin": "1"}, "BAD_ARGUMENTS"),
        ({"add_margin": "0"}, "OUT_OF_RANGE"),
        ({"remove_margin": "-1"}, "OUT_OF_RANGE"),
        ({"remove_margin": "10.00000001"}, "MARGIN_TOO_LOW"),
        ({"add_margin": "1000000"}, "CASH_TOO_LOW"),
    ):
        assert await ann.error("position.amend", {"position": placed["position"], **wrong}) == code
    assert "stop_loss" not in position

    half = await ann.result("position.close", {"position": placed["position"], "percent": 50})
    rest = await ann.result("position.close", {"position": placed["position"], "quantity": half["left"]})
    assert rest["left"] == "0"

    private = ann.on("me")
    assert [message["type"] for message in private] == [
        "me",
        "position.opened",
        "order.accepted",
        "order.canceled",
        "order.accepted",
        "order.canceled",
        "order.accepted",
        *["order.changed"] * 2,
        "order.canceled",
        "position.changed",
        "position.margin_changed",
        "position.reduced",
        "position.closed",
    ]
    assert [message["n"] for message in private] == list(range(private[0]["n"], private[0]["n"] + 14))
    assert private[0]["kind"] == "snapshot"
    assert (private[1]["data"]["type"], private[1]["data"]["client_order_id"]) == ("market", "first")
    assert "type" not in private[-1]["data"]
    assert private[-1]["data"]["cause"] == "client"
    assert (await ann.result("match.reset", {"match": 1})) == {"match": 1}
    assert (await ann.result("me.get"))["seats"][0]["cash"] == "10000.00000000"


async def test_a_trailing_stop_is_asked_for_in_ppm_and_shown_as_a_distance(gateway: Gateway, ann: Client) -> None:
    await ann.result("subscribe", {"channels": ["me"]})
    later = changed(type="limit", price="50000", trailing_stop=10_000)
    assert (await ann.result("order.test", later))["stop_loss"] == "49500.00"
    waits = await ann.result("order.place", later)
    assert [order["trailing_stop"] for order in await ann.result("order.list", {"match": 1})] == [10_000]
    await ann.result("order.cancel", {"order": waits["order"]})
    assert await ann.error("order.place", changed(trailing_stop=10_000, stop_loss="1")) == "TRAILING_STOP_INVALID"

    now = changed(trailing_stop=10_000)
    assert (await ann.result("order.test", now))["stop_loss"] == "59400.00"
    position = {"position": (await ann.result("order.place", now))["position"]}
    await ann.result("position.amend", {**position, "trailing_stop": 0})
    assert not {"stop_loss", "trailing_distance"} & (await ann.result("position.list", {"match": 1}))[0].keys()
    await ann.result("position.amend", {**position, "trailing_stop": 20_000})
    await gateway.quote("BTCUSDT", 6_006_000, 6_006_001)
    shown = (await ann.result("position.list", {"match": 1}))[0]
    assert (shown["stop_loss"], shown["trailing_distance"]) == ("58860.00", "1200.00")
    await gateway.quote("BTCUSDT", 5_886_000, 5_886_001)

    told = [message["data"] for message in ann.on("me")[1:]]
    assert [data.get("trailing_stop") for data in told[:2]] == [10_000, 10_000]
    assert [(data.get("stop_loss"), data.get("trailing_distance"), data.get("cause")) for data in told[2:]] == [
        ("59400.00", "600.00", None),
        (None, None, None),
        ("58800.00", "1200.00", None),
        ("58860.00", "1200.00", None),
        ("58860.00", "1200.00", "trailing_stop"),
    ]


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_a_fixed_time_trade_is_bought_entered_and_settled(
    gateway: Gateway, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await gateway.player(codec)
    await ann.result("subscribe", {"channels": ["me"]})
    terms = next(one["fixed"] for one in await ann.result("instruments") if one["symbol"] == "BTCUSDT")
    assert terms == {
        "payout": 80, "min_stake": "1.00000000", "max_stake": "1000.00000000", "min_duration": 5,
        "max_duration": 86_400, "wallets": ["demo"], "exposure_cap": "1000000.00000000",
    }  # fmt: skip
    first = await ann.asks("fixed.buy", UP, key="a")
    trade = first["result"]["trade"]
    assert first["result"] == {"trade": trade, "payout": 80, "expires_at": first["at"] + 5_000}
    again = await ann.asks("fixed.buy", UP | {"stake": "10.0"}, key="a")
    assert (again["result"], again["replayed"]) == (first["result"], True)
    assert await ann.error("fixed.buy", UP | {"direction": "down"}, key="a") == "KEY_REUSED"
    waits = {
        "trade": trade, "match": 1, "symbol": "BTCUSDT", "direction": "up", "stake": "10.00000000", "payout": 80,
        "accepted_at": first["at"], "expires_at": first["at"] + 5_000,
    }  # fmt: skip
    assert await ann.result("fixed.list") == [waits]
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    running = (await ann.result("me.get"))["fixed"]
    assert running == [waits | {"entry_price": "60000.005", "entry_sequence": first["seq"] + 3}]

    clock = gateway.arena.clock
    monkeypatch.setattr(clock, "stamp_ns", lambda: (first["at"] + 4_000) * 10**6)
    await gateway.quote("BTCUSDT", 6_000_001, 6_000_003)
    monkeypatch.setattr(clock, "stamp_ns", lambda: (first["at"] + 5_001) * 10**6)
    await gateway.quote("BTCUSDT", 5_000_000, 5_000_001)
    opened, entered, settled = (message for message in ann.on("me") if message["type"].startswith("fixed."))
    told = {name: waits[name] for name in waits if name != "accepted_at"}
    assert opened["data"] == told | {"cash": "9990.00000000"}
    assert entered["data"] == opened["data"] | {"entry_price": "60000.005", "entry_sequence": entered["seq"]}
    assert settled["data"] == entered["data"] | {
        "cash": "10008.00000000", "result": "won", "exit_price": "60000.020", "exit_sequence": entered["seq"] + 1,
        "profit": "8.00000000", "paid_back": "18.00000000",
    }  # fmt: skip
    assert await ann.result("fixed.list") == []


async def test_order_test_says_what_order_place_does(gateway: Gateway, ann: Client) -> None:
    before = gateway.digest()
    tested = await ann.result("order.test", LONG)
    assert await ann.error("order.test", changed(margin="20000")) == "CASH_TOO_LOW"
    assert gateway.digest() == before
    placed = await ann.result("order.place", LONG)
    assert tested["status"] == placed["status"]
    assert tested["price"] == placed["fill_price"]
    assert tested["fee"] == placed["fee"]
    assert tested["liquidation_price"] == placed["liquidation_price"]


async def test_the_same_request_again_is_the_first_outcome_again(gateway: Gateway, ann: Client) -> None:
    first = await ann.asks("order.place", changed(client_order_id="a"))
    again = await ann.asks("order.place", changed(client_order_id="a", margin="100.00", stop_loss=None))
    assert again["result"] == first["result"]
    assert again["seq"] == first["seq"]
    assert again["replayed"] is True
    assert "replayed" not in first
    assert await ann.error("order.place", changed(client_order_id="a", margin="100.01")) == "KEY_REUSED"
    assert await ann.error("order.place", changed(client_order_id="a"), key="b") == "KEY_NOT_ALLOWED"

    close = {"position": first["result"]["position"], "percent": 100}
    closed = await ann.asks("position.close", close, key="c")
    repeated = await ann.asks("position.close", close, key="c")
    assert repeated["result"] == closed["result"]
    assert repeated["replayed"] is True
    assert await ann.error("position.close", close, key="d") == "POSITION_NOT_FOUND"

    bob = await gateway.player()
    other = await bob.asks("order.place", changed(client_order_id="a"))
    assert "replayed" not in other


async def test_a_refused_request_may_be_tried_again_under_its_key(ann: Client) -> None:
    assert await ann.error("order.place", changed(margin="20000", client_order_id="a")) == "CASH_TOO_LOW"
    assert "replayed" not in await ann.asks("order.place", changed(client_order_id="a"))


async def test_every_connection_of_a_player_hears_of_it_and_no_one_else(gateway: Gateway, ann: Client) -> None:
    second = await gateway.client(ann.session.player, MSGPACK)
    bob = await gateway.player()
    for client in (ann, second, bob):
        await client.result("subscribe", {"channels": ["me"]})
    await ann.result("order.place", LONG)
    assert ann.on("me")[1:] == second.on("me")[1:]
    assert len(ann.on("me")) == 2
    assert len(bob.on("me")) == 1

    await second.result("unsubscribe", {"channels": ["me"]})
    ann.session.ended()
    await bob.result("order.place", LONG)
    assert len(second.on("me")) == 2
    assert gateway.arena.fanout.private.keys() == {bob.session.player}


async def test_ticks_are_numbered_without_gaps_and_conflated_for_the_slow(gateway: Gateway, ann: Client) -> None:
    bob = await gateway.player()
    for client in (ann, bob):
        reply = await client.result("subscribe", {"channels": ["tick.BTCUSDT"]})
        assert reply == {"channels": ["tick.BTCUSDT"]}
    await gateway.quote("BTCUSDT", 6_000_100, 6_000_101)
    bob.outlet.slow = True
    for step in range(1, 4):
        await gateway.quote("BTCUSDT", 6_000_100 + step, 6_000_101 + step)
    bob.outlet.slow = False
    for channel, message in bob.outlet.held.items():
        channel.send_held(bob.session, message)
    await gateway.quote("BTCUSDT", 6_000_200, 6_000_201)

    ticks = bob.on("tick.BTCUSDT")
    assert [tick["n"] for tick in ticks] == [0, 1, 2, 3]
    assert [tick.get("kind") for tick in ticks] == ["snapshot", None, "conflated", None]
    assert [tick["data"]["bid"] for tick in ticks] == ["60000.00", "60001.00", "60001.03", "60002.00"]
    assert [tick["n"] for tick in ann.on("tick.BTCUSDT")] == list(range(6))


async def test_what_was_held_back_does_not_outlive_its_subscription(gateway: Gateway, ann: Client) -> None:
    channels = {"channels": ["tick.BTCUSDT"]}
    await ann.result("subscribe", channels)
    ann.outlet.slow = True
    await gateway.quote("BTCUSDT", 6_000_100, 6_000_101)
    await ann.result("unsubscribe", channels)
    await gateway.quote("BTCUSDT", 6_000_200, 6_000_201)
    await ann.result("subscribe", channels)
    ann.outlet.slow = False
    for channel, message in ann.outlet.held.items():
        channel.send_held(ann.session, message)
    await gateway.quote("BTCUSDT", 6_000_300, 6_000_301)

    ticks = ann.on("tick.BTCUSDT")
    assert [tick["n"] for tick in ticks] == [0, 2, 3]
    assert [tick["data"]["bid"] for tick in ticks[1:]] == ["60002.00", "60003.00"]


async def test_limits_are_exact(gateway: Gateway) -> None:
    limits = msgspec.structs.replace(ROOMY, messages_per_s=20, messages_burst=40, refusals_before_close=3)
    strict = await open_gateway(limits)
    ann = strict.guest()
    now_ns = 10**12
    for _ in range(41):
        ann.sends(b'{"id":1,"op":"ping"}', now_ns)
    assert [message["ok"] for message in ann.messages()] == [True] * 40 + [False]
    error = ann.messages()[-1]["error"]
    assert (error["code"], error["retry"], error["retry_after"]) == ("RATE_LIMITED", "after", 50)
    ann.sends(b'{"id":1,"op":"ping"}', now_ns + 50_000_000)
    assert ann.messages()[-1]["ok"]
    for _ in range(3):
        ann.sends(b"{", now_ns + 50_000_000)
    assert ann.outlet.close_code == 4029
    assert [message["error"]["code"] for message in ann.messages()[-3:]] == ["RATE_LIMITED"] * 3, (
        "sent before the close"
    )
    strict.arena.sequencer.stop()
    await strict.task


async def test_who_takes_refusals_for_ever_is_closed(gateway: Gateway) -> None:
    """Also when one message in fifty is let in: refusals count by themselves."""
    limits = msgspec.structs.replace(ROOMY, messages_per_s=20, messages_burst=40, refusals_before_close=100)
    strict = await open_gateway(limits)
    steady, greedy = strict.guest(), strict.guest()
    for step in range(2_000):
        now_ns = 10**12 + step * 50_000_000
        steady.sends(b'{"id":1,"op":"ping"}', now_ns)
        steady.sends(b'{"id":1,"op":"ping"}', now_ns)
        for _ in range(50):
            greedy.sends(b'{"id":1,"op":"ping"}', now_ns)
    assert (steady.outlet.close_code, greedy.outlet.close_code) == (0, 4029)
    assert len(greedy.outlet.frames) < 200
    await strict.stops()


async def test_of_so_many_connections_of_a_player_the_longest_silent_makes_room(gateway: Gateway, ann: Client) -> None:
    others = [await gateway.client(ann.session.player) for _ in range(4)]
    here = [ann, *others]
    for number, client in enumerate(here):
        client.outlet.seen_ns = (number + 3) % 5
    newest = await gateway.client(ann.session.player)
    newest.outlet.seen_ns = 9
    assert [client.outlet.close_code for client in here] == [0, 0, 4009, 0, 0]
    assert await newest.result("ping") == {}
    others[0].session.ended()
    await gateway.client(ann.session.player)
    assert [client.outlet.close_code for client in here] == [0, 0, 4009, 0, 0]


async def test_operators_do_not_share_their_connections(gateway: Gateway) -> None:
    operators = [gateway.guest() for _ in range(7)]
    for operator in operators:
        await operator.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    assert [operator.outlet.close_code for operator in operators] == [0] * 7


async def test_a_token_is_renewed_on_the_connection_that_lasts_as_long_then(
    gateway: Gateway, ann: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [time.time()]
    monkeypatch.setattr(gateway.arena.tokens, "_now_s", lambda: now_s[0])
    session = ann.session.identity
    assert session is not None
    now_s[0] += 3_000
    renewed = await ann.result("renew")
    assert renewed["expires_in"] == 3_600
    assert gateway.arena.identity(renewed["token"])._replace(expires_at_s=0) == session._replace(expires_at_s=0)
    now_s[0] += 3_000
    assert not ann.session.is_revoked()
    now_s[0] += 601
    assert ann.session.is_revoked()
    boss = gateway.guest()
    await boss.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    assert await boss.error("renew") == "PLAYERS_ONLY"


async def test_auth_again_renews_the_same_ones_connection_and_nobody_elses(gateway: Gateway, ann: Client) -> None:
    tokens, bob = gateway.arena.tokens, await gateway.player()
    before = ann.session.identity
    assert before is not None
    tokens._now_s = lambda: before.expires_at_s - 1
    renewed = await ann.result("auth", {"token": tokens.issue(ann.session.player)})
    assert (renewed["player"], renewed["expires_in"]) == (ann.session.player, 3_600)
    tokens._now_s = lambda: before.expires_at_s + 1
    assert (ann.session.is_revoked(), bob.session.is_revoked()) == (False, True)
    for token in (tokens.issue(bob.session.player), tokens.issue(0, ADMIN)):
        assert await ann.error("auth", {"token": token}) == "ALREADY_AUTHENTICATED"


async def test_a_token_names_the_registration_and_not_only_the_number(gateway: Gateway, ann: Client) -> None:
    """As after a backup: the number is that of another player who has signed up since."""
    blob = encode_cold(RegisterPlayer("bob", registration=7))
    outcome, _ = await gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, blob)
    tokens = gateway.arena.tokens
    for registration, answer in ((0, "TOKEN_INVALID"), (8, "TOKEN_INVALID"), (7, None)):
        client = gateway.guest()
        reply = await client.asks("auth", {"token": tokens.issue(outcome.id, registration=registration)})
        assert reply.get("error", {}).get("code") == answer
    stranger = gateway.guest()
    assert await stranger.error("auth", {"token": tokens.issue(ann.session.player, registration=7)}) == "TOKEN_INVALID"


async def test_candles_end_with_the_one_that_is_not_finished(gateway: Gateway, ann: Client) -> None:
    for interval in INTERVALS:
        rows = await ann.result("candles", {"symbol": "BTCUSDT", "interval": interval, "limit": 5})
        assert rows[-1][1:] == ["60000.00", "60000.00", "60000.00", "60000.00", 1]


async def test_the_board_ranks_by_equity(gateway: Gateway, ann: Client) -> None:
    bob = await gateway.player()
    await ann.result("order.place", LONG)
    board = await bob.result("match.board", {"match": 1})
    assert [row["player"] for row in board["rows"]] == [bob.session.player, ann.session.player]
    assert board["rank"] == 1
    await gateway.quote("BTCUSDT", 6_600_000, 6_600_001)
    board = await bob.result("match.board", {"match": 1})
    assert [row["player"] for row in board["rows"]] == [ann.session.player, bob.session.player]
    assert board["rank"] == 2


async def test_every_op_answers(gateway: Gateway, ann: Client) -> None:
    """With arguments left out, an op answers or names what is missing: none of them fails."""
    for op in OPS:
        reply = await ann.asks(op)
        assert reply["ok"] or reply["error"]["code"] in (
            "BAD_ARGUMENTS",
            "TOKEN_INVALID",
            "ADMINS_ONLY",
            "ACCOUNT_NEEDED",
        ), reply


def test_the_tables_are_complete() -> None:
    taken = {op.arguments for op in OPS.values()}
    named = [each for module in (accounts, passkeys, people) for each in vars(module).values()]
    bodies = {shape for shape in named if isinstance(shape, type) and issubclass(shape, Arguments)}
    shapes = {shape for shape in Arguments.__subclasses__() if shape.__module__.startswith("gateway.protocol.")}
    assert shapes - taken == {SignInGuest, ExpiringToken, Page, CreateDependent} | bodies - {Arguments}
    for reason in Reason:
        assert error_of_reason(reason).message == MESSAGES[reason]
    for code in Code:
        assert error_of(code).retry in ("never", "after", "query")
        assert code.name not in Reason.__members__


async def test_kill_switches_are_told_on_sys_and_a_players_to_that_player_only(gateway: Gateway, ann: Client) -> None:
    bob = await gateway.player(MSGPACK)
    for client in (ann, bob):
        await client.result("subscribe", {"channels": ["sys", "me"]})
    for scope, id, switch, on in (
        ("arena", 0, "close_only", True),
        ("instrument", 1, "halted", True),
        ("match", 1, "locked", False),
        ("player", ann.session.player, "locked", True),
    ):
        blob = encode_cold(SetSwitch(scope, id, switch, on, "a test"))
        await gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, blob)
    await gateway.settles()

    for client in (ann, bob):
        told = client.on("sys")[1:]
        assert [message["type"] for message in told] == ["switch.changed"] * 3
        assert [message["data"] for message in told] == [
            {"scope": "arena", "switch": "close_only", "on": True},
            {"scope": "instrument", "switch": "halted", "on": True, "symbol": "BTCUSDT"},
            {"scope": "match", "switch": "locked", "on": False, "match": 1},
        ]
    before, own = ann.on("me")
    assert (own["type"], own["n"]) == ("switch.changed", before["n"] + 1)
    assert own["data"] == {"scope": "player", "switch": "locked", "on": True, "player": ann.session.player}
    assert len(bob.on("me")) == 1
    shown = await ann.result("instruments")
    assert [one["halted"] for one in shown] == [True, False, False, False, False]


async def test_instruments_show_their_hours(gateway: Gateway, ann: Client) -> None:
    bitcoin = replace(gateway.machine.state.cold.instruments[1], hours=((0, 60), (10_000, 10_080)))
    await gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, encode_cold(bitcoin))
    first, second, *_ = await ann.result("instruments")
    assert first["hours"] == ["mon 00:00 - mon 01:00", "sun 22:40 - sun 24:00"]
    assert second["hours"] == []


async def test_a_deadline_is_of_the_clock_that_the_op_time_tells(gateway: Gateway) -> None:
    ann = await gateway.player()
    wall_ns = gateway.arena.clock._wall_ns
    gateway.arena.clock._wall_ns = lambda: wall_ns() + 3_600 * NS_PER_S
    now_ms = (await ann.result("time"))["at"]
    assert now_ms > wall_ns() // NS_PER_MS + 3_500_000
    assert await ann.error("time", deadline=now_ms - 60_000) == "TOO_LATE"
    assert (await ann.asks("time", deadline=now_ms + 600_000))["ok"]
