"""Operators: who may use the admin ops, and what they do while players play."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.model.commands import CreateMatch, encode_cold
from gateway.core.defaults import INSTRUMENTS
from gateway.core.records import cold_record
from gateway.core.sequencer import Answer, Urgency
from gateway.core.tokens import ADMIN
from gateway.ops.table import OPS
from gateway.protocol.codecs import JSON
from gateway.sessions.caller import OPERATORS_USE
from tests.harness.gateway import Client, Gateway, open_gateway

GAME = {"title": "Cup", "duration_s": 60, "starting_balance": "1000", "reward_price": "50", "fees": False}
DOGE = {
    "symbol": "DOGEUSDT", "name": "Dogecoin", "base": "DOGE", "tick_size": "0.00001", "lot_size": "1",
    "min_quantity": "1", "max_quantity": "10000000", "highest_price": "10", "max_leverage": 20,
    "brackets": [{"maintenance_ppm": 10_000, "max_leverage": 20}],
}  # fmt: skip
BUY = {"symbol": "BTCUSDT", "side": "long", "quantity": "0.01", "leverage": 10}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    opened.arena.sequencer.stop()
    await opened.task


async def operator(gateway: Gateway) -> Client:
    client = gateway.guest(JSON)
    token = gateway.arena.tokens.issue(0, ADMIN)
    authenticated = await client.result("auth", {"token": token})
    assert (authenticated["player"], authenticated["role"]) == (0, ADMIN)
    return client


async def makes(client: Client, op: str, args: Any, **rest: Any) -> int:
    made: int = (await client.result(op, args, **rest))["id"]
    return made


async def test_a_match_from_its_game_to_its_prize(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await gateway.player(), await gateway.player()
    game = await makes(boss, "admin.create_game", GAME)
    match = await makes(boss, "admin.create_match", {"game": game})
    for player in (ann, bob):
        await player.result("subscribe", {"channels": ["me"]})
        await player.result("match.join", {"match": match})
    await gateway.quote("BTCUSDT", 5_999_999, 6_000_000)
    await bob.result("order.place", {"match": match, **BUY})
    await gateway.quote("BTCUSDT", 6_010_000, 6_010_001)
    assert await makes(boss, "admin.end_match", {"match": match, "reason": "the final whistle"}) == match
    await gateway.settles()
    results = (bob, 1, "1001.00000000", "50.00000000"), (ann, 2, "1000.00000000", "0")
    for player, rank, balance, prize in results:
        finished, progressed = player.on("me")[-2:]
        won = int(player is bob)
        net = "1.00000000" if won else "0"
        told = {
            "match": match, "rank": rank, "players": 2, "balance": balance, "prize": prize, "trades": won, "wins": won,
            "starting_balance": "1000.00000000", "profit": net, "fees": "0",
            "net": net, "max_drawdown": "0",
        }  # fmt: skip
        assert (finished["type"], finished["data"]) == ("match.finished", told)
        assert (progressed["type"], progressed["data"]["cups"]) == ("player.progressed", 0)
    assert (await boss.result("match.get", {"match": match}))["status"] == "closed"
    assert await boss.error("admin.end_match", {"match": match, "reason": "again"}) == "MATCH_NOT_OPEN"


async def test_the_code_of_a_private_match_is_in_no_command_and_no_state(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    blobs: list[bytes] = []
    submit = gateway.arena.sequencer.submit

    def keeps(record: bytes, answer: Answer, urgency: Urgency, blob: bytes = b"") -> None:
        blobs.append(blob)
        submit(record, answer, urgency, blob)

    monkeypatch.setattr(gateway.arena.sequencer, "submit", keeps)
    game = await makes(boss, "admin.create_game", GAME | {"min_players": 2, "max_players": 2})
    match = await makes(boss, "admin.create_match", {"game": game, "code": "sesame"})
    assert await ann.error("match.join", {"match": match, "code": "Sesame"}) == "CODE_WRONG"
    stored = gateway.machine.state.cold.matches[match].code
    assert await ann.error("match.join", {"match": match, "code": stored}) == "CODE_WRONG"
    await ann.result("match.join", {"match": match, "code": "sesame"})
    written = b"".join(blobs).lower()
    assert b"join_match" in written
    assert b"sesame" not in written
    assert "sesame" not in stored


async def test_a_match_made_before_codes_were_hidden_still_opens_with_its_code(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    game = await makes(boss, "admin.create_game", GAME | {"min_players": 2, "max_players": 2})
    blob = encode_cold(CreateMatch(game, practice=False, code="sesame"))
    outcome, _ = await gateway.arena.sequencer.call(cold_record(), Urgency.OPERATOR, blob)
    assert await ann.error("match.join", {"match": outcome.id, "code": "open"}) == "CODE_WRONG"
    await ann.result("match.join", {"match": outcome.id, "code": "sesame"})


async def test_a_private_room_from_its_first_player_to_the_archive(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await gateway.player(), await gateway.player()
    game = await makes(boss, "admin.create_game", GAME | {"min_players": 2, "max_players": 2, "countdown_s": 60})
    match = await makes(boss, "admin.create_match", {"game": game, "code": "sesame"})
    for player in (ann, bob):
        await player.result("subscribe", {"channels": ["me"]})
        assert await player.error("match.join", {"match": match}) == "CODE_WRONG"
    await ann.result("match.join", {"match": match, "code": "sesame"})
    assert await ann.result("match.leave", {"match": match}) == {"match": match}
    await ann.result("match.join", {"match": match, "code": "sesame"})
    (listed,) = await bob.result("match.list", {"status": "waiting"})
    shown = {"match": match, "players": 1, "min_players": 2, "max_players": 2, "private": True}
    assert {name: listed[name] for name in shown} == shown
    await bob.result("match.join", {"match": match, "code": "sesame"})
    await gateway.settles()
    types = [message["type"] for message in ann.on("me")[1:]]
    assert types == ["match.joined", "match.left", "match.joined", "match.started"]
    assert (await bob.result("match.get", {"match": match}))["status"] == "open"
    assert await bob.error("match.leave", {"match": match}) == "MATCH_NOT_WAITING"

    other = await makes(boss, "admin.create_match", {"game": game})
    await ann.result("match.join", {"match": other})
    await makes(boss, "admin.cancel_match", {"match": other, "reason": "rain"})
    await gateway.settles()
    told = {"match": other, "reason": "CALLED_OFF"}
    assert (ann.on("me")[-1]["type"], ann.on("me")[-1]["data"]) == ("match.canceled", told)
    await makes(boss, "admin.archive_match", {"match": other})
    assert other not in [each["match"] for each in await ann.result("match.list")]
    assert [each["match"] for each in await ann.result("match.list", {"status": "archived"})] == [other]

    third = await makes(boss, "admin.create_match", {"game": game})
    assert await boss.error("admin.start_match", {"match": third}) == "MATCH_EMPTY"
    await ann.result("match.join", {"match": third})
    await makes(boss, "admin.start_match", {"match": third})
    assert (await ann.result("match.get", {"match": third}))["status"] == "open"


async def test_hours_and_days_are_by_the_clock_of_a_zone_that_the_engine_is_told_of_once(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    stock = DOGE | {"hours": ["mon 09:30 - mon 16:00"], "zone": "America/New_York"}
    await makes(boss, "admin.define_instrument", stock)
    await makes(boss, "admin.define_instrument", stock)
    shown = {each["symbol"]: each for each in await ann.result("instruments")}
    assert (shown["DOGEUSDT"]["hours"], shown["DOGEUSDT"]["zone"]) == (stock["hours"], "America/New_York")
    assert shown["BTCUSDT"]["zone"] == "UTC"

    daily = {"max_daily_drawdown_pct": "5", "day_start": "17:00"}
    games = [await makes(boss, "admin.create_game", GAME | daily | {"day_zone": zone})
             for zone in ("America/New_York", "Asia/Tokyo", "UTC")]  # fmt: skip
    await makes(boss, "admin.update_game", GAME | daily | {"game": games[2], "day_zone": "Europe/Paris"})
    for game, zone in zip(games, ("America/New_York", "Asia/Tokyo", "Europe/Paris"), strict=True):
        assert (await ann.result("game.get", {"game": game}))["day_zone"] == zone
        match = await makes(boss, "admin.create_match", {"game": game})
        rules = (await ann.result("match.get", {"match": match}))["rules"]
        assert (rules["day_zone"], rules["day_start"]) == (zone, "17:00")
    told = [zone.name for zone in gateway.machine.state.cold.zones.values()]
    assert told == ["America/New_York", "Asia/Tokyo", "Europe/Paris"]


@pytest.mark.parametrize(("op", "wrong", "says"), [
    ("admin.define_instrument", {"zone": "Mars/Olympus"}, 'zone: there is no time zone "Mars/Olympus"'),
    ("admin.create_game", {"day_zone": "America"}, 'day_zone: there is no time zone "America"'),
    ("admin.create_game", {"day_start": "24:00"}, "day_start"),
], ids=str)  # fmt: skip
async def test_a_time_that_there_is_not_is_refused(gateway: Gateway, op: str, wrong: dict[str, str], says: str) -> None:
    boss, before = await operator(gateway), gateway.digest()
    error = (await boss.asks(op, (DOGE if op == "admin.define_instrument" else GAME) | wrong))["error"]
    assert error["code"] == "BAD_ARGUMENTS"
    assert says in str(error["details"])
    assert gateway.digest() == before


@pytest.mark.parametrize("of", [{}, {"symbol": "BTCUSDT"}, {"match": 1}, {"player": 1}], ids=str)
async def test_a_kill_switch_stops_opens_and_not_closes(gateway: Gateway, of: dict[str, Any]) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await gateway.quote("BTCUSDT", 5_999_999, 6_000_000)
    position = (await ann.result("order.place", {"match": 1, **BUY}))["position"]
    await boss.result("subscribe", {"channels": ["sys"]})
    switch = {"switch": "locked", "reason": "a rehearsal", **of}
    await makes(boss, "admin.set_switch", {"on": True, **switch}, key="once")
    assert (await ann.error("order.place", {"match": 1, **BUY})).endswith("_LOCKED")
    await ann.result("position.close", {"position": position, "percent": 50})
    assert (await boss.asks("admin.set_switch", {"on": True, **switch}, key="once"))["replayed"]
    await makes(boss, "admin.set_switch", {"on": False, **switch})
    await ann.result("order.place", {"match": 1, **BUY})


async def test_new_data_of_an_instrument_leave_its_switches_alone(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await gateway.quote("BTCUSDT", 5_999_999, 6_000_000)
    await boss.result("admin.set_switch", {"switch": "locked", "on": True, "reason": "so", "symbol": "BTCUSDT"})
    data = msgspec.to_builtins(INSTRUMENTS[0]) | {"max_leverage": 7}
    assert await makes(boss, "admin.define_instrument", data) == 1
    assert await ann.error("order.place", {"match": 1, **BUY}) == "INSTRUMENT_LOCKED"
    await boss.result("admin.set_switch", {"switch": "locked", "on": False, "reason": "so", "symbol": "BTCUSDT"})
    assert await ann.error("order.place", {"match": 1, **BUY}) == "LEVERAGE_TOO_HIGH"


async def test_an_instrument_is_halted_and_settled(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await gateway.quote("BTCUSDT", 5_999_999, 6_000_000)
    await ann.result("subscribe", {"channels": ["me"]})
    position = (await ann.result("order.place", {"match": 1, **BUY}))["position"]
    await boss.result("admin.set_switch", {"switch": "halted", "on": True, "reason": "gone", "symbol": "BTCUSDT"})
    settle = {"symbol": "BTCUSDT", "price": "59000", "reason": "delisted; the last price of another exchange"}
    await makes(boss, "admin.settle_instrument", settle, key="once")
    closed = next(message for message in ann.on("me") if message["type"] == "position.closed")
    assert (closed["data"]["position"], closed["data"]["cause"]) == (position, "settlement")
    assert closed["data"]["price"] == "59000.00"
    assert await ann.result("position.list", {"match": 1}) == []
    assert (await boss.asks("admin.settle_instrument", settle, key="once"))["replayed"]
    await ann.result("match.reset", {"match": 1})


async def test_a_match_is_called_off_with_the_wrong_price_as_evidence(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    await ann.result("wallet.top_up", {"asset": "USDT", "amount": "10"})
    paid = GAME | {"currency": "USDT", "entry_fee": "10", "min_players": 0, "reward_price": "0", "prize_split": [100]}
    match = await makes(boss, "admin.create_match", {"game": await makes(boss, "admin.create_game", paid)})
    await ann.result("match.join", {"match": match})
    await gateway.quote("BTCUSDT", 600_000, 600_001)
    wrong = gateway.arena.sequencer.sequence
    args = {"match": match, "reason": "a price that the exchange took back", "void": True, "evidence": wrong}
    await makes(boss, "admin.end_match", args)
    assert (await ann.result("match.get", {"match": match}))["status"] == "canceled"
    wallet = {balance["asset"]: balance["balance"] for balance in await ann.result("me.wallet")}
    assert wallet["USDT"] == "10.000000"


ADMIN_OPS = {
    "admin.define_instrument": msgspec.to_builtins(INSTRUMENTS[0]),
    "admin.create_game": GAME,
    "admin.update_game": GAME | {"game": 1},
    "admin.delete_game": {"game": 1},
    "admin.activate_game": {"game": 1, "active": False},
    "admin.start_season": {"name": "Spring"},
    "admin.create_match": {"game": 1},
    "admin.audit": {},
    "admin.log": {},
    "admin.keys": {},
    "admin.players": {},
    "admin.player": {"player": 1},
    "admin.ledger": {"player": 1},
    "admin.exposure": {},
    "admin.limits": {},
    "admin.solvency": {"match": 1},
    "admin.fund_rewards": {"asset": "USDT", "amount": "1"},
    "admin.fund_referrals": {"asset": "BT", "amount": "1"},
    "admin.set_referrals": {"asset": "BT", "referrer_bonus": "1", "referred_bonus": "1"},
    "admin.set_offer": {"item": "TREASURE_BOX", "price": "1"},
    "admin.stock": {"item": "TREASURE_BOX", "count": 1},
    "admin.start_match": {"match": 1},
    "admin.cancel_match": {"match": 1, "reason": "why not"},
    "admin.archive_match": {"match": 1},
    "admin.end_match": {"match": 1, "reason": "why not"},
    "admin.set_switch": {"switch": "locked", "on": True, "reason": "why not"},
    "admin.settle_instrument": {"symbol": "BTCUSDT", "price": "60000", "reason": "why not"},
}


async def test_only_operators_use_admin_ops_and_an_operator_is_no_player(gateway: Gateway) -> None:
    boss, ann, guest = await operator(gateway), await gateway.player(), gateway.guest()
    assert set(ADMIN_OPS) == {name for name, op in OPS.items() if op.who in OPERATORS_USE}
    before = gateway.digest()
    for op, args in ADMIN_OPS.items():
        assert await ann.error(op, args) == "ADMINS_ONLY"
        assert await guest.error(op, args) == "NOT_AUTHENTICATED"
    for op, args in (("order.place", {"match": 1, **BUY}), ("me.get", {}), ("subscribe", {"channels": ["me"]})):
        assert await boss.error(op, args) == "PLAYERS_ONLY"
    assert gateway.digest() == before


BAD = [
    ("admin.create_game", GAME | {"starting_balance": "0"}),
    ("admin.create_game", GAME | {"starting_balance": 1_000.5}),
    ("admin.create_game", GAME | {"entry_fee": "-1"}),
    ("admin.create_game", GAME | {"max_daily_drawdown_pct": "101"}),
    ("admin.create_game", GAME | {"prize_split": [0, 100]}),
    ("admin.create_game", GAME | {"practice": True}),
    ("admin.create_game", {}),
    ("admin.create_game", GAME | {"max_positions": 2**70}),
    ("admin.define_instrument", msgspec.to_builtins(INSTRUMENTS[0]) | {"quote_lifetime_ms": 2**53}),
    ("admin.define_instrument", msgspec.to_builtins(INSTRUMENTS[0]) | {"tick_size": "0"}),
    ("admin.define_instrument", msgspec.to_builtins(INSTRUMENTS[0]) | {"brackets": []}),
    *[
        ("admin.define_instrument", msgspec.to_builtins(INSTRUMENTS[0]) | {"symbol": symbol})
        for symbol in ("BRK.B", "BTC USDT", "btcusdt", "", "X" * 33, "BTC/USDT", "ÄTH", "BTCUSDT\n")
    ],
    ("admin.end_match", {"match": 1}),
    ("admin.end_match", {"match": 1, "reason": ""}),
    ("admin.end_match", {"match": 1, "reason": "so", "void": True, "evidence": 0}),
    ("admin.end_match", {"match": 1, "reason": "so", "void": True, "evidence": 1_000}),
    ("admin.settle_instrument", {"symbol": "BTCUSDT", "price": "60000", "reason": ""}),
    ("admin.settle_instrument", {"symbol": "NONE", "price": "60000", "reason": "so"}),
    ("admin.settle_instrument", {"symbol": "BTCUSDT", "reason": "so"}),
    ("admin.set_switch", {"switch": "off", "on": True, "reason": "so"}),
    ("admin.set_switch", {"switch": "locked", "on": True, "reason": "so", "match": 1, "player": 1}),
    ("admin.set_switch", {"switch": "locked", "on": True, "reason": "so", "symbol": "NONE"}),
]


@pytest.mark.parametrize(("op", "args"), BAD, ids=str)
async def test_what_does_not_fit_is_refused_and_changes_nothing(gateway: Gateway, op: str, args: Any) -> None:
    boss = await operator(gateway)
    before = gateway.digest()
    assert await boss.error(op, args) in (
        "BAD_ARGUMENTS", "FLOAT_NOT_ALLOWED", "OUT_OF_RANGE", "SYMBOL_UNKNOWN", "GAME_INVALID", "INSTRUMENT_INVALID",
    )  # fmt: skip
    assert gateway.digest() == before


@pytest.mark.parametrize(
    ("op", "args", "code"),
    [
        ("admin.create_game", GAME | {"prize_split": [60, 30]}, "GAME_INVALID"),
        ("admin.create_game", GAME | {"allowed_symbols": ["NONE"]}, "INSTRUMENT_NOT_FOUND"),
        ("admin.settle_instrument", {"symbol": "BTCUSDT", "price": "60000", "reason": "so"}, "INSTRUMENT_NOT_HALTED"),
        ("admin.settle_instrument", {"symbol": "BTCUSDT", "price": "60000.005", "reason": "so"}, "TOO_PRECISE"),
        ("admin.create_match", {"game": 99}, "GAME_NOT_FOUND"),
        ("admin.create_match", {"game": 1}, "MATCH_ENDLESS"),
        ("admin.end_match", {"match": 99, "reason": "so"}, "MATCH_NOT_FOUND"),
        ("admin.set_switch", {"switch": "halted", "on": True, "reason": "so", "player": 1}, "SWITCH_INVALID"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_the_engine_refuses(gateway: Gateway, op: str, args: Any, code: str) -> None:
    boss = await operator(gateway)
    assert await boss.error(op, args) == code
