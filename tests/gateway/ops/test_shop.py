"""The store, items and referrals as clients see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from engine.model.commands import RegisterPlayer, encode_cold
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from gateway.core.tokens import ADMIN
from gateway.presenters.referral_codes import ALPHABET, code_of, player_of
from gateway.protocol.errors import Refused
from tests.harness.gateway import Client, Gateway, open_gateway

BOX = {"item": "TREASURE_BOX", "price": "2.5", "asset": "USDT", "title": "A box"}


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


async def open_store(gateway: Gateway) -> Client:
    """The operator who has opened it: four boxes for 2.5 USDT each."""
    boss = await operator(gateway)
    await boss.result("admin.set_offer", BOX)
    await boss.result("admin.stock", {"item": "TREASURE_BOX", "count": 4})
    return boss


async def rich(gateway: Gateway, amount: str = "10") -> Client:
    client = await gateway.player()
    await client.result("wallet.top_up", {"asset": "USDT", "amount": amount})
    return client


async def brought_by(gateway: Gateway, code: str) -> Client:
    blob = encode_cold(RegisterPlayer("bob", referrer=player_of(code)))
    outcome, _ = await gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, blob)
    assert not outcome.reason
    return await gateway.client(outcome.id)


def changes(client: Client) -> list[tuple[str, str, str]]:
    """(reason, change, asset) of every change of the wallet that was told."""
    told = [message["data"] for message in client.on("me") if message["type"] == "wallet.changed"]
    return [(data["reason"], data["change"], data["asset"]) for data in told]


async def test_from_the_shelf_to_the_inventory(gateway: Gateway) -> None:
    await open_store(gateway)
    ann = await rich(gateway)
    await ann.result("subscribe", {"channels": ["me"]})
    assert await ann.result("inventory.list") == []
    (wallet,) = await ann.result("me.wallet")
    bought = await ann.result("wallet.purchase", {"item": "TREASURE_BOX", "count": 3, "version": wallet["version"]})
    assert bought == {"item": "TREASURE_BOX", "count": 3}
    assert changes(ann) == [("purchase", "-7.500000", "USDT"), ("purchase", "3", "TREASURE_BOX")]
    assert await ann.result("inventory.list") == [
        {"item": "TREASURE_BOX", "name": "Treasure box", "count": 3, "version": 2}
    ]
    assert await ann.result("store.list") == [
        {"item": "TREASURE_BOX", "title": "A box", "asset": "USDT", "price": "2.500000", "stock": 1, "active": True}
    ]
    assert (await ann.result("me.wallet"))[0]["balance"] == "2.500000"


async def test_the_same_key_buys_once(gateway: Gateway) -> None:
    boss, ann = await open_store(gateway), await rich(gateway)
    first = await ann.asks("wallet.purchase", {"item": "TREASURE_BOX"}, key="once")
    await boss.result("admin.set_offer", BOX | {"price": "100", "active": False})
    again = await ann.asks("wallet.purchase", {"item": "TREASURE_BOX"}, key="once")
    assert (again["replayed"], again["result"]) == (True, first["result"])
    assert await ann.error("wallet.purchase", {"item": "TREASURE_BOX", "count": 2}, key="once") == "KEY_REUSED"
    assert [item["count"] for item in await ann.result("inventory.list")] == [1]
    bob = await rich(gateway)
    assert await bob.error("wallet.purchase", {"item": "TREASURE_BOX"}, key="once") == "OFFER_NOT_ACTIVE"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"item": "TREASURE_BOX", "count": 0}, "COUNT_INVALID"),
        ({"item": "TREASURE_BOX", "count": -3}, "COUNT_INVALID"),
        ({"item": "TREASURE_BOX", "count": 2**31 - 1}, "OUT_OF_STOCK"),
        ({"item": "TREASURE_BOX", "count": 2**63}, "BAD_ARGUMENTS"),
        ({"item": "TREASURE_BOX", "count": 2**64 + 1}, "BAD_ARGUMENTS"),
        ({"item": "TREASURE_BOX", "count": 1.5}, "FLOAT_NOT_ALLOWED"),
        ({"item": "TREASURE_BOX", "count": 5}, "OUT_OF_STOCK"),
        ({"item": "TREASURE_BOX", "count": 4}, "INSUFFICIENT_FUNDS"),
        ({"item": "TREASURE_BOX", "version": 1}, "VERSION_CONFLICT"),
        ({"item": "TREASURE_BOX", "version": 0}, "BAD_ARGUMENTS"),
        ({"item": "TREASURE_BOX", "player": 1}, "BAD_ARGUMENTS"),
        ({"item": "TREASURE_BOX", "price": "0"}, "BAD_ARGUMENTS"),
        ({"item": "GOLD_COIN"}, "OFFER_NOT_FOUND"),
        ({"item": "USDT"}, "BAD_ARGUMENTS"),
    ],
    ids=str,
)
async def test_nobody_steals_from_the_store(gateway: Gateway, args: Any, code: str) -> None:
    await open_store(gateway)
    ann = await rich(gateway, "9.999999")
    before = gateway.digest()
    assert await ann.error("wallet.purchase", args) == code
    assert gateway.digest() == before


async def test_the_money_of_another_buys_nothing(gateway: Gateway) -> None:
    await open_store(gateway)
    await rich(gateway)
    bob = await gateway.player()
    await bob.result("wallet.top_up", {"asset": "DEMO", "amount": "1000"})
    assert await bob.error("wallet.purchase", {"item": "TREASURE_BOX"}) == "INSUFFICIENT_FUNDS"
    boss = await operator(gateway)
    assert await boss.error("wallet.purchase", {"item": "TREASURE_BOX"}) == "PLAYERS_ONLY"
    assert await gateway.guest().error("wallet.purchase", {"item": "TREASURE_BOX"}) == "NOT_AUTHENTICATED"


@pytest.mark.parametrize(
    ("op", "args", "code"),
    [
        ("admin.set_offer", BOX | {"asset": "DEMO"}, "OFFER_INVALID"),
        ("admin.set_offer", BOX | {"asset": "GOLD_COIN", "price": "1"}, "OFFER_INVALID"),
        ("admin.set_offer", BOX | {"price": "0"}, "OFFER_INVALID"),
        ("admin.set_offer", BOX | {"price": "-1"}, "BAD_ARGUMENTS"),
        ("admin.set_offer", BOX | {"price": "0.0000001"}, "BAD_ARGUMENTS"),
        ("admin.set_offer", BOX | {"item": "USDT"}, "BAD_ARGUMENTS"),
        ("admin.set_offer", BOX | {"stock": 5}, "BAD_ARGUMENTS"),
        ("admin.stock", {"item": "TREASURE_BOX", "count": -1}, "AMOUNT_INVALID"),
        ("admin.stock", {"item": "USDT", "count": 1}, "BAD_ARGUMENTS"),
        ("admin.set_referrals", {"referrer_bonus": "-1"}, "BAD_ARGUMENTS"),
        ("admin.set_referrals", {"referrer_bonus": "2000000000000"}, "REFERRALS_INVALID"),
        ("admin.set_referrals", {"at": "never"}, "BAD_ARGUMENTS"),
        ("admin.set_referrals", {"min_house_fee_pct": "-1"}, "BAD_ARGUMENTS"),
        ("admin.set_referrals", {"most_per_day": -1}, "REFERRALS_INVALID"),
        ("admin.set_referrals", {"asset": "TREASURE_BOX", "referrer_bonus": "0.5"}, "BAD_ARGUMENTS"),
        ("admin.fund_referrals", {"asset": "BT", "amount": "0"}, "AMOUNT_INVALID"),
    ],
    ids=str,
)
async def test_what_an_operator_cannot_set(gateway: Gateway, op: str, args: Any, code: str) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    before = gateway.digest()
    assert await boss.error(op, args) == code
    assert await ann.error(op, args) == "ADMINS_ONLY"
    assert gateway.digest() == before


# Referrals


async def test_who_brings_a_player_has_a_bonus_and_sees_it(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    alone = await ann.result("referral.get")
    assert alone == {"code": code_of(1), "referred": 0, "earned": {}, "bonus": None}
    await boss.result("admin.set_referrals", {"asset": "BT", "referrer_bonus": "20", "referred_bonus": "10"})
    await boss.result("admin.fund_referrals", {"asset": "BT", "amount": "30"})
    bob = await brought_by(gateway, alone["code"])
    await bob.result("subscribe", {"channels": ["me"]})
    game = {"title": "Cup", "duration_s": 60, "currency": "USDT", "entry_fee": "5", "prize_split": [100],
            "house_fee_pct": "10", "profit_target_pct": "1", "profit_target": "ends"}  # fmt: skip
    game_id = (await boss.result("admin.create_game", game))["id"]
    match = (await boss.result("admin.create_match", {"game": game_id}))["id"]
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    order = {"match": match, "symbol": "BTCUSDT", "side": "long", "margin": "100", "leverage": 50}
    for player in (bob, await gateway.player()):
        await player.result("wallet.top_up", {"asset": "USDT", "amount": "5"})
        await player.result("match.join", {"match": match})
        position = (await player.result("order.place", order))["position"]
        await player.result("position.close", {"position": position, "percent": 100})
    await bob.result("order.place", order)
    assert (await ann.result("referral.get"))["earned"] == {}
    await gateway.quote("BTCUSDT", 6_500_000, 6_500_001)
    assert changes(bob)[-1] == ("referral", "10.000000", "BT")
    assert await ann.result("referral.get") == {
        "code": alone["code"],
        "referred": 1,
        "earned": {"BT": "20.000000"},
        "bonus": {
            "asset": "BT",
            "referrer": "20.000000",
            "referred": "10.000000",
            "at": "first_paid_match",
            "most_per_day": 10,
        },
    }
    assert (await ann.result("me.wallet"))[0]["balance"] == "20.000000"


@pytest.mark.parametrize("player", [1, 2, 30, 31, 961, 923_520, 923_521, 2**31 - 1])
def test_a_code_says_who_it_is_however_it_is_written(player: int) -> None:
    code = code_of(player)
    assert 5 <= len(code) <= 9
    assert player_of(code) == player_of(code.lower()) == player


def test_a_slip_of_the_pen_is_seen() -> None:
    code = code_of(123_456)
    slips = {code[:at] + other + code[at + 1 :] for at in range(len(code)) for other in ALPHABET} - {code}
    slips |= {code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(len(code) - 1)} - {code}
    for wrong in [*sorted(slips), code[:-1], "", "2", "22222", "I1O0L", "5 555", "Z" * 9, "Z" * 64, "ÄÖ٣"]:
        with pytest.raises(Refused, match="REFERRAL_CODE_UNKNOWN"):
            player_of(wrong)
