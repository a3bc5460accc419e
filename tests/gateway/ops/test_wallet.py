"""Wallets and paid matches as clients see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.core.tokens import ADMIN
from tests.harness.gateway import Client, Gateway, open_gateway

CUP = {
    "title": "Cup", "duration_s": 60, "currency": "USDT", "entry_fee": "10.5", "house_fee_pct": "10",
    "prize_split": [70, 30], "min_players": 2, "max_players": 2,
}  # fmt: skip


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    opened.arena.sequencer.stop()
    await opened.task


async def operator(gateway: Gateway) -> Client:
    client = gateway.guest()
    await client.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    return client


async def cup(boss: Client, **rules: Any) -> int:
    game = (await boss.result("admin.create_game", CUP | rules))["id"]
    match: int = (await boss.result("admin.create_match", {"game": game}))["id"]
    return match


def changes(client: Client) -> list[tuple[str, str, str]]:
    """(reason, change, balance) of every change of the wallet that was told."""
    told = [message["data"] for message in client.on("me") if message["type"] == "wallet.changed"]
    return [(data["reason"], data["change"], data["balance"]) for data in told]


async def test_from_the_top_up_to_the_prize(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await gateway.player(), await gateway.player()
    match = await cup(boss)
    shown = (await ann.result("match.get", {"match": match}))["money"]
    assert shown == {"currency": "USDT", "entry_fee": "10.500000", "house_fee_pct": "10", "prize_split": [70, 30]}
    for player in (ann, bob):
        await player.result("subscribe", {"channels": ["me"]})
        assert await player.error("match.join", {"match": match}) == "INSUFFICIENT_FUNDS"
        assert await player.result("me.wallet") == []
        credited = await player.result("wallet.top_up", {"asset": "USDT", "amount": "50"}, key="once")
        assert credited == {"asset": "USDT", "amount": "50.000000"}
        assert (await player.asks("wallet.top_up", {"asset": "USDT", "amount": "50"}, key="once"))["replayed"]
        await player.result("match.join", {"match": match}, key="join")
        assert (await player.asks("match.join", {"match": match}, key="join"))["replayed"]
    await boss.result("admin.end_match", {"match": match, "reason": "over"})
    await gateway.settles()
    assert changes(ann) == [
        ("top_up", "50.000000", "50.000000"),
        ("entry_fee", "-10.500000", "39.500000"),
        ("prize", "13.230000", "52.730000"),
    ]
    assert changes(bob)[-1] == ("prize", "5.670000", "45.170000")
    seat = (await ann.result("match.get", {"match": match}))["seat"]
    assert (seat["rank"], seat["prize"]) == (1, "13.230000")
    (wallet,) = await ann.result("me.wallet")
    assert wallet == {"asset": "USDT", "balance": "52.730000", "held": "0", "version": 4}


async def test_leaving_gives_the_fee_back(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    match = await cup(boss)
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "10.5"})
    await ann.result("match.join", {"match": match}, key="in")
    await ann.result("match.leave", {"match": match}, key="out")
    assert (await ann.asks("match.leave", {"match": match}, key="out"))["replayed"]
    assert await ann.error("match.leave", {"match": match}) == "NOT_JOINED"
    assert (await ann.result("me.wallet"))[0]["balance"] == "10.500000"


async def test_a_fixed_prize_wants_funds(gateway: Gateway) -> None:
    boss = await operator(gateway)
    fixed = CUP | {"prize_split": [], "reward_price": "100"}
    game = (await boss.result("admin.create_game", fixed))["id"]
    assert await boss.error("admin.create_match", {"game": game}) == "INSUFFICIENT_FUNDS"
    await boss.result("admin.fund_rewards", {"asset": "USDT", "amount": "100"})
    await boss.result("admin.create_match", {"game": game})


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"asset": "USDT", "amount": "0"}, "AMOUNT_INVALID"),
        ({"asset": "USDT", "amount": "0.0000001"}, "TOO_PRECISE"),
        ({"asset": "DOGE", "amount": "1"}, "BAD_ARGUMENTS"),
    ],
    ids=str,
)
async def test_a_top_up_that_is_refused_changes_nothing(gateway: Gateway, args: Any, code: str) -> None:
    ann = await gateway.player()
    before = gateway.digest()
    assert await ann.error("wallet.top_up", args) == code
    assert gateway.digest() == before


@pytest.mark.parametrize(("asset", "unit"), [("USDT", "0.000001"), ("SOL", "0.00000001"), ("GOLD_COIN", "1")])
async def test_a_player_tops_up_so_much_of_an_asset_and_no_more(gateway: Gateway, asset: str, unit: str) -> None:
    """In one request or in many, and as many as he likes at once."""
    ann, bob = await gateway.player(), await gateway.player()
    refused = await ann.asks("wallet.top_up", {"asset": asset, "amount": "100001"})
    assert refused["error"]["code"] == "TOP_UP_LIMIT"
    part = {"asset": asset, "amount": "30000"}
    for number in range(5):
        ann.sends(msgspec.json.encode({"id": f"part {number}", "op": "wallet.top_up", "args": part}))
    await gateway.settles()
    answers = [message for message in ann.messages() if str(message["id"]).startswith("part")]
    assert [each.get("error", {}).get("code") for each in answers].count("TOP_UP_LIMIT") == 2
    rest = {"asset": asset, "amount": "10000"}
    await ann.result("wallet.top_up", rest, key="rest")
    assert (await ann.asks("wallet.top_up", rest, key="rest"))["replayed"]
    assert await ann.error("wallet.top_up", {"asset": asset, "amount": unit}) == "TOP_UP_LIMIT"
    (had,) = [each for each in await ann.result("me.wallet") if each["asset"] == asset]
    assert Decimal(had["balance"]) == 100_000
    await bob.result("wallet.top_up", part)
    await ann.result("wallet.top_up", {"asset": "BT", "amount": "1"})


async def test_what_came_back_counts_as_well(gateway: Gateway) -> None:
    """The ledger does not tell it from what came in."""
    boss, ann = await operator(gateway), await gateway.player()
    match = await cup(boss, entry_fee="60000", min_players=2)
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "70000"})
    await ann.result("match.join", {"match": match})
    await ann.result("match.leave", {"match": match})
    assert await ann.error("wallet.top_up", {"asset": "USDT", "amount": "1"}) == "TOP_UP_LIMIT"


def staked(data: dict[str, Any]) -> tuple[Any, ...]:
    return data["wallet"], data["stake"], data["cash"], data.get("profit"), data.get("paid_back")


async def test_a_fixed_time_trade_from_a_wallet(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await ann.result("wallet.top_up", {"asset": "DEMO", "amount": "50"})
    up = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 5, "account": {"wallet": "demo"}}
    assert await ann.error("fixed.buy", up) == "HOUSE_LIMIT"
    await boss.result("admin.fund_rewards", {"asset": "DEMO", "amount": "1000"})
    await ann.result("subscribe", {"channels": ["me"]})
    first = await ann.asks("fixed.buy", up, key="a")
    trade, at = first["result"]["trade"], first["at"]
    assert first["result"] == {"trade": trade, "payout": 80, "expires_at": at + 5_000}
    again = await ann.asks("fixed.buy", up, key="a")
    assert (again["result"], again["replayed"]) == (first["result"], True)
    assert await ann.error("fixed.buy", up | {"account": {"match": 1}}, key="a") == "KEY_REUSED"
    waits = {
        "trade": trade, "wallet": "demo", "symbol": "BTCUSDT", "direction": "up", "stake": "10.00000000", "payout": 80,
        "accepted_at": at, "expires_at": at + 5_000,
    }  # fmt: skip
    in_match = await ann.result("fixed.buy", up | {"duration": 60, "account": {"match": 1}})
    listed = await ann.result("fixed.list")
    assert listed == (await ann.result("me.get"))["fixed"]
    assert [one.get("wallet", one.get("match")) for one in listed] == [1, "demo"]
    assert (listed[0]["trade"], listed[1]) == (in_match["trade"], waits)
    assert (await ann.result("me.wallet"))[0] == {
        "asset": "DEMO", "balance": "50.00000000", "held": "10.00000000", "version": 4,
    }  # fmt: skip

    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    clock = gateway.arena.clock
    monkeypatch.setattr(clock, "stamp_ns", lambda: (at + 4_000) * 10**6)
    await gateway.quote("BTCUSDT", 6_000_001, 6_000_003)
    monkeypatch.setattr(clock, "stamp_ns", lambda: (at + 5_001) * 10**6)
    await gateway.quote("BTCUSDT", 5_000_000, 5_000_001)
    told = [message["data"] for message in ann.on("me") if message["type"].startswith("fixed.")]
    assert [staked(data) for data in told if data["trade"] == trade] == [
        ("demo", "10.00000000", "40.00000000", None, None),
        ("demo", "10.00000000", "40.00000000", None, None),
        ("demo", "10.00000000", "58.00000000", "8.00000000", "18.00000000"),
    ]
    assert all("match" not in data for data in told if data["trade"] == trade)
    assert changes(ann) == [("stake", "0", "50.00000000"), ("payout", "8.00000000", "58.00000000")]


async def test_live_money_is_staked_where_an_operator_offers_it(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "50"})
    await boss.result("admin.fund_rewards", {"asset": "USDT", "amount": "1000"})
    up = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 5, "account": {"wallet": "usdt"}}
    assert await ann.error("fixed.buy", up) == "FIXED_NOT_OFFERED"
    bitcoin = next(seed for seed in gateway.arena.config.instruments if seed.symbol == "BTCUSDT")
    offers = msgspec.to_builtins(replace(bitcoin, fixed_wallets=("DEMO", "USDT")))
    await boss.result("admin.define_instrument", offers)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    shown = next(one["fixed"] for one in await ann.result("instruments") if one["symbol"] == "BTCUSDT")
    assert shown["wallets"] == ["demo", "usdt"]
    await ann.result("fixed.buy", up)
    (trade,) = await ann.result("fixed.list")
    assert (trade["wallet"], trade["stake"]) == ("usdt", "10.000000")


async def test_what_a_match_has_and_owes(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await boss.result("admin.fund_rewards", {"asset": "USDT", "amount": "100"})
    match = await cup(boss, prize_split=[], reward_price="30", min_players=1)
    found = await boss.result("admin.solvency", {"match": match})
    told = {"match": match, "asset": "USDT", "set_aside": "20.550000", "solvent": True}
    assert found == told | {"escrow": "0", "refunds": "0", "prizes": "0"}
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "10.5"})
    await ann.result("match.join", {"match": match}, key="in")
    found = await boss.result("admin.solvency", {"match": match})
    assert found == told | {"escrow": "10.500000", "refunds": "10.500000", "prizes": "30.000000"}
    await boss.result("admin.end_match", {"match": match, "reason": "over"})
    await gateway.settles()
    found = await boss.result("admin.solvency", {"match": match})
    assert [found[name] for name in ("escrow", "set_aside", "refunds", "prizes")] == ["0"] * 4
    for unpaid in (1, 99):
        assert await boss.error("admin.solvency", {"match": unpaid}) == "MATCH_NOT_FOUND"
    assert await ann.error("admin.solvency", {"match": match}) == "ADMINS_ONLY"
