"""What operators look at: players and their accounts, what is open, limits."""

from __future__ import annotations

from decimal import Decimal

from gateway.core.tokens import ADMIN
from tests.gateway.ops.test_history import gateway, later, listed
from tests.harness.gateway import Client, Gateway

__all__ = ["gateway"]  # a fixture

MARKET = {"match": 1, "symbol": "BTCUSDT", "side": "long", "quantity": "0.1", "leverage": 10}


async def operator(gateway: Gateway) -> Client:
    client = gateway.guest()
    await client.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    return client


async def test_players_are_found_by_name_and_number_and_paged(gateway: Gateway) -> None:
    boss = await operator(gateway)
    ids = [(await gateway.player()).session.player for _ in range(3)]
    page = await boss.result("admin.players", {"search": "AN", "limit": 2})
    assert ([entry["player"] for entry in page["items"]], page["next"]) == ([ids[2], ids[1]], ids[1])
    rest = await boss.result("admin.players", {"search": "an", "limit": 2, "before": page["next"]})
    assert (rest["items"][0], rest["next"]) == (
        {"player": ids[0], "name": "ann", "connections": 1, "locked": False}, None,
    )  # fmt: skip
    assert [each["player"] for each in (await boss.result("admin.players", {"search": str(ids[1])}))["items"]] == [
        ids[1]
    ]
    assert (await boss.result("admin.players", {"search": "zoe"}))["items"] == []


async def test_a_player_is_seen_as_he_sees_himself(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "5"})
    await ann.result("order.place", MARKET)
    player = ann.session.player
    record = await boss.result("admin.player", {"player": player})
    assert record["seats"] == (await ann.result("me.get"))["seats"]
    assert record["wallet"] == await ann.result("me.wallet")
    await boss.result("admin.set_switch", {"switch": "locked", "on": True, "player": player, "reason": "a test"})
    assert (await boss.result("admin.player", {"player": player}))["locked"]
    assert await listed(boss, "admin.ledger", {"player": player}) == await listed(ann, "me.ledger")
    for op in ("admin.player", "admin.ledger"):
        assert (await boss.asks("admin.player", {"player": 99}))["error"]["code"] == "PLAYER_NOT_FOUND", op
        assert await ann.error(op, {"player": player}) in ("ADMINS_ONLY", "OPERATORS_ONLY", "ROLE_FORBIDDEN")


async def test_exposure_is_the_sum_of_all_positions(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await gateway.player(), await gateway.player()
    assert await boss.result("admin.exposure") == []
    for who, order in ((ann, MARKET), (bob, MARKET | {"quantity": "0.2"}), (bob, MARKET | {"side": "short"})):
        await who.result("order.place", order)
    await gateway.quote("BTCUSDT", 6_100_000, 6_100_001)
    shown = [position for who in (ann, bob) for position in await who.result("position.list", {"match": 1})]
    for found, side in zip(await boss.result("admin.exposure"), ("long", "short"), strict=True):
        of = [position for position in shown if position["side"] == side]
        assert (found["symbol"], found["side"], found["positions"]) == ("BTCUSDT", side, len(of))
        for name in ("quantity", "margin", "profit"):
            assert Decimal(found[name]) == sum(Decimal(position[name]) for position in of)
        mark = Decimal(of[0]["mark_price"])
        assert Decimal(found["notional"]) == mark * Decimal(found["quantity"])


async def test_limits_in_force_are_those_of_the_configuration_and_switches(gateway: Gateway) -> None:
    boss = await operator(gateway)
    await boss.result("admin.set_switch", {"switch": "halted", "on": True, "symbol": "BTCUSDT", "reason": "a test"})
    found = await boss.result("admin.limits")
    assert found["limits"]["messages_per_s"] == gateway.arena.config.limits.messages_per_s
    assert found["switches"] == [{"scope": "instrument", "switch": "halted", "on": True, "symbol": "BTCUSDT"}]
    await later(boss, "admin.audit")
