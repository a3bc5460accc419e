"""What players are notified of: pushed, kept, and marked as read on all devices."""

from __future__ import annotations

from typing import Any

from gateway.protocol.codecs import JSON
from tests.gateway.ops.test_history import boss, ends, gateway, later, sprint
from tests.gateway.ops.test_queues import passes
from tests.harness.gateway import MSGPACK, Client, Gateway

__all__ = ["boss", "gateway"]  # fixtures

MARKET = {"match": 1, "symbol": "BTCUSDT", "side": "long", "quantity": "0.1", "leverage": 10}


async def stopped(gateway: Gateway, ann: Client) -> None:
    """A position of Ann's is closed by its stop."""
    await ann.result("order.place", MARKET | {"stop_loss": "59000"})
    await gateway.quote("BTCUSDT", 5_890_000, 5_890_001)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)


async def test_what_happens_without_the_player_is_told_in_words_and_kept(gateway: Gateway, boss: Client) -> None:
    ann = await gateway.player()
    match = await sprint(boss, ann)
    await ann.result("subscribe", {"channels": ["me"]})
    await stopped(gateway, ann)
    order = MARKET | {"type": "limit", "price": "59500"}
    await ann.result("order.place", order)
    await gateway.quote("BTCUSDT", 5_940_000, 5_940_001)
    await ends(gateway, boss, match)

    told = await later(ann, "me.notifications")
    finished, filled, stop = told["items"]
    assert [item["type"] for item in told["items"]] == ["match.finished", "order.filled", "position.closed"]
    assert (told["unread"], told["next"], stop["read"]) == (3, None, False)
    assert stop["title"] == "Stop loss"
    assert stop["text"] == "Your stop loss closed long 0.10000 BTCUSDT at 58900.00: profit -110.00100000."
    assert stop["values"] == {
        "side": "long", "quantity": "0.10000", "symbol": "BTCUSDT", "price": "58900.00", "profit": "-110.00100000",
    }  # fmt: skip
    assert finished["values"] == {"match": str(match), "rank": "1", "players": "1", "prize": "50.00000000"}
    assert filled["text"] == "Your limit order, long 0.10000 BTCUSDT, has filled."
    assert [message["data"] for message in ann.notified()] == told["items"][::-1]

    numbers = [message["n"] for message in ann.on("me")]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "a notification is not counted"
    for message in ann.notified():
        (about,) = [each for each in ann.on("me") if each["n"] == message["n"]]
        assert about["type"] == message["data"]["type"]


async def test_what_the_player_does_himself_is_no_news(gateway: Gateway) -> None:
    ann = await gateway.player()
    await ann.result("subscribe", {"channels": ["me"]})
    placed = await ann.result("order.place", MARKET)
    await ann.result("position.close", {"position": placed["order"], "percent": 100})
    placed = await ann.result("order.place", MARKET | {"type": "limit", "price": "50000"})
    await ann.result("order.cancel", {"order": placed["order"]})
    assert await later(ann, "me.notifications") == {"items": [], "next": None, "unread": 0}
    assert ann.notified() == []


async def test_what_is_read_is_read_on_all_devices(gateway: Gateway) -> None:
    ann = await gateway.player()
    phone = await gateway.client(ann.session.player, MSGPACK)
    await phone.result("subscribe", {"channels": ["me"]})
    for _ in range(3):
        await stopped(gateway, ann)
    last, middle, first = (item["n"] for item in (await later(ann, "me.notifications"))["items"])

    await ann.result("me.read", {"notifications": [middle]})
    assert phone.on("me")[-1]["type"] == "notification.read"
    assert phone.on("me")[-1]["data"] == {"first": middle, "last": middle}
    told = await later(phone, "me.notifications")
    assert ([item["read"] for item in told["items"]], told["unread"]) == ([False, True, False], 2)
    unread = await later(phone, "me.notifications", {"unread": True, "limit": 1})
    assert ([item["n"] for item in unread["items"]], unread["next"], unread["unread"]) == ([last], last, 2)
    rest = await later(phone, "me.notifications", {"unread": True, "before": unread["next"]})
    assert ([item["n"] for item in rest["items"]], rest["next"]) == ([first], None)

    await stopped(gateway, ann)
    await phone.result("me.read", {"up_to": last})
    told = await later(ann, "me.notifications")
    assert ([item["read"] for item in told["items"]], told["unread"]) == ([False, True, True, True], 1)


async def test_only_what_was_told_can_be_read(gateway: Gateway) -> None:
    ann, bob = await gateway.player(), await gateway.player(JSON)
    await stopped(gateway, ann)
    (item,) = (await later(ann, "me.notifications"))["items"]
    wrongs: list[dict[str, Any]] = [{}, {"up_to": 1, "notifications": [1]}, {"notifications": []}, {"up_to": 0}]
    for wrong in wrongs:
        assert await ann.error("me.read", wrong) == "BAD_ARGUMENTS"
    assert await ann.error("me.read", {"up_to": item["n"] + 100}) == "NOTIFICATION_NOT_FOUND"
    assert await ann.error("me.read", {"notifications": [1, item["n"] + 100]}) == "NOTIFICATION_NOT_FOUND"
    await passes(gateway, 1)
    await bob.result("me.read", {"up_to": 1})
    assert (await later(ann, "me.notifications"))["unread"] == 1
    assert (await later(bob, "me.notifications"))["unread"] == 0
