"""What becomes of an order is told by one record: by its id or the client's, in lists with filters and cursors."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.protocol.codecs import JSON, Codec
from tests.gateway.ops.test_history import boss, ends, gateway, later, listed, sprint
from tests.gateway.ops.test_queues import passes
from tests.harness.gateway import MSGPACK, Client, Gateway

__all__ = ["boss", "gateway"]  # fixtures

MARKET = {"match": 1, "symbol": "BTCUSDT", "side": "long", "quantity": "0.1", "leverage": 10}
LIMIT = MARKET | {"type": "limit", "price": "50000"}


async def test_a_record_tells_the_life_of_an_order(gateway: Gateway) -> None:
    ann = await gateway.player()
    placed = await ann.result("order.place", LIMIT | {"client_order_id": "mine"})
    (record,) = await listed(ann, "order.history")
    assert (record["order"], record["status"], record["price"]) == (placed["order"], "accepted", "50000.00")
    assert (record["client_order_id"], "fill_price" in record, "position" in record) == ("mine", False, False)
    accepted_at = record["accepted_at"]

    await passes(gateway, 1)
    await ann.result("order.amend", {"order": "client:mine", "price": "51000", "stop_loss": "40000"})
    await gateway.quote("BTCUSDT", 5_090_000, 5_090_001)
    life = await later(ann, "order.get", {"order": "client:mine"})
    record = life["order"]
    assert (record["status"], record["price"], record["stop_loss"]) == ("filled", "51000.00", "40000.00")
    assert (record["fill_price"], record["position"]) == ("51000.00", placed["order"])
    assert record["accepted_at"] == accepted_at < record["at"]
    assert (life["closes"], life["left"], life["net"]) == ([], "0.10000", f"-{record['fee']}")

    await ann.result("position.close", {"position": "client:mine", "percent": 40})
    await ann.result("position.close", {"position": placed["order"], "percent": 100})
    life = await later(ann, "order.get", {"order": placed["order"]})
    assert life["order"] == record
    assert [close["left"] for close in life["closes"]] == ["0.06000", "0"]
    brought = [float(close["profit"]) - float(close["fee"]) for close in life["closes"]]
    assert float(life["net"]) == pytest.approx(sum(brought) - float(record["fee"]))
    assert life["left"] == "0"


async def test_every_end_of_an_order_is_on_record(gateway: Gateway, boss: Client) -> None:
    ann = await gateway.player()
    match = await sprint(boss, ann, execution="next")
    filled = await ann.result("order.place", MARKET)
    canceled = await ann.result("order.place", LIMIT)
    await ann.result("order.cancel", {"order": canceled["order"]})
    dated = LIMIT | {"time_in_force": "gtd", "expires_at": gateway.arena.clock.stamp_ns() // 10**6 + 2_000}
    expired = await ann.result("order.place", dated)
    await passes(gateway, 3)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    refused = await ann.result("order.place", MARKET | {"match": match, "max_slippage": 1})
    await passes(gateway, 1)
    await gateway.quote("BTCUSDT", 6_100_000, 6_100_001)
    waits = await ann.result("order.place", LIMIT)
    expected = {
        waits["order"]: "accepted", refused["order"]: "refused", expired["order"]: "expired",
        canceled["order"]: "canceled", filled["order"]: "filled",
    }  # fmt: skip
    found = await listed(ann, "order.history")
    assert {record["order"]: record["status"] for record in found} == expected
    assert [record["order"] for record in found] == list(expected), "the latest placed come first"
    for record in found:
        assert await listed(ann, "order.history", {"status": record["status"]}) == [record]
        assert (await later(ann, "order.get", {"order": record["order"]}))["order"] == record
    assert next(record for record in found if record["status"] == "refused")["reason"] == "SLIPPAGE_TOO_HIGH"


@pytest.mark.parametrize("codec", [JSON, MSGPACK])
async def test_a_list_says_where_it_goes_on_and_filters_by_match_symbol_mode_and_time(
    gateway: Gateway, boss: Client, codec: Codec
) -> None:
    ann = await gateway.player(codec)
    match = await sprint(boss, ann)
    await gateway.quote("ETHUSDT", 300_000, 300_001)
    begun = gateway.arena.clock.stamp_ns() // 10**6
    placed = []
    for asked in (MARKET, MARKET | {"match": match}, MARKET | {"symbol": "ETHUSDT"}, MARKET):
        placed.append((await ann.result("order.place", asked))["order"])
        await ann.result("position.close", {"position": placed[-1], "percent": 100})
    await passes(gateway, 5)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    between = gateway.arena.clock.stamp_ns() // 10**6
    placed.append((await ann.result("order.place", MARKET))["order"])
    await ann.result("position.close", {"position": placed[-1], "percent": 100})

    for op, id in (("order.history", "order"), ("me.fills", "order"), ("me.trades", "position")):

        async def ids(_op: str = op, _id: str = id, **filters: Any) -> list[int]:
            return [item[_id] for item in await listed(ann, _op, filters)][::-1]

        seen: list[int] = []
        before: dict[str, int] = {}
        while True:
            page = await later(ann, op, {"limit": 2} | before)
            seen += [item[id] for item in page["items"]]
            if page["next"] is None:
                break
            before = {"before": page["next"]}
        assert seen == placed[::-1]
        assert await ids(limit=5) == await ids() == placed
        assert await ids(match=match) == await ids(mode="match") == placed[1:2]
        assert await ids(mode="practice") == [placed[0], *placed[2:]]
        assert await ids(symbol="ETHUSDT") == placed[2:3]
        assert await ids(to=between) == placed[:-1]
        assert [item[id] for item in await listed(ann, op, {"from": between})] == placed[-1:]
        assert await listed(ann, op, {"from": begun, "to": begun}) == []
        assert await ids(symbol="ETHUSDT", mode="match") == []
        assert await ann.error(op, {"symbol": "NOPE"}) == "SYMBOL_UNKNOWN"
        for wrong in ({"mode": "demo"}, {"from_": 1}, {"limit": 0}, {"status": "lost"}):
            assert await ann.error(op, wrong) == "BAD_ARGUMENTS"


async def test_fixed_trades_of_play_money_are_told_from_those_of_a_seat(gateway: Gateway, boss: Client) -> None:
    ann = await gateway.player()
    match = await sprint(boss, ann)
    await ann.result("wallet.top_up", {"asset": "DEMO", "amount": "50"})
    await boss.result("admin.fund_rewards", {"asset": "DEMO", "amount": "50"})
    stake = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 300}
    bought = {}
    for mode, account in (("practice", {"match": 1}), ("match", {"match": match}), ("demo", {"wallet": "demo"})):
        bought[mode] = (await ann.result("fixed.buy", stake | {"account": account}))["trade"]
    await passes(gateway, 301)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    await ends(gateway, boss, match)
    for mode, trade in bought.items():
        assert [item["trade"] for item in await listed(ann, "me.fixed", {"mode": mode})] == [trade]
    assert await listed(ann, "me.fixed", {"mode": "live"}) == []


async def test_an_order_of_somebody_else_is_not_there(gateway: Gateway) -> None:
    ann, bob = await gateway.player(), await gateway.player()
    placed = await ann.result("order.place", LIMIT | {"client_order_id": "mine"})
    for order in (placed["order"], "client:mine", "client:nobodys", 10**9):
        assert await bob.error("order.cancel", {"order": order}) == "ORDER_NOT_FOUND"
        assert await bob.error("order.amend", {"order": order, "price": "1"}) == "ORDER_NOT_FOUND"
        assert await bob.error("position.close", {"position": order, "percent": 1}) == "POSITION_NOT_FOUND"
        with pytest.raises(AssertionError, match="ORDER_NOT_FOUND"):
            await later(bob, "order.get", {"order": order})
    for order in ("mine", "client:", "client:a b", "client:" + 37 * "x", 0):
        assert await ann.error("order.cancel", {"order": order}) == "BAD_ARGUMENTS"
    assert (await ann.result("order.cancel", {"order": "client:mine"}))["order"] == placed["order"]
    assert await ann.error("order.cancel", {"order": "client:mine"}) == "ORDER_NOT_FOUND"


async def test_the_key_of_another_request_is_no_client_order_id(gateway: Gateway) -> None:
    ann = await gateway.player()
    placed = await ann.result("order.place", MARKET)
    await ann.result("position.amend", {"position": placed["order"], "stop_loss": "40000"}, key="k")
    assert await ann.error("position.close", {"position": "client:k", "percent": 1}) == "POSITION_NOT_FOUND"
