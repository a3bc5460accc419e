"""Attempts to steal, each made where a thief would make it: by frames to a session, or by commands in one batch.

The rules that stand against them have their own tests; here is what somebody gains by trying: nothing. Whose a position
or an order is, forged tokens and admin ops by players are also in gateway/ops/test_sessions.py, test_admin.py and
gateway/core/test_limits.py; transfers of the ledger in engine/ledger/test_ledger.py; who asks twice in test_retries.py;
bonuses for oneself in engine/competition/test_referrals.py; purchases with money, items or versions that are not there
in engine/competition/test_shop.py; stakes from wallets in engine/trading/test_wallet_stakes.py.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace

from engine.invariants import problems
from engine.model.commands import (
    Account,
    Asset,
    CancelMatch,
    CreateMatch,
    EndMatch,
    FundRewards,
    JoinMatch,
    LeaveMatch,
    StartMatch,
    TopUp,
    TransferCode,
)
from engine.model.events import EventKind
from engine.model.reasons import Reason
from gateway.ops.table import OPS
from gateway.sessions.caller import For
from tests.engine.competition.test_paid_matches import (
    USDT,
    balance,
    cash,
    escrow,
    fees,
    game,
    joins,
    match_of,
    rewards,
    rich,
)
from tests.gateway.ops.test_admin import ADMIN_OPS
from tests.gateway.ops.test_wallet import CUP, cup, operator
from tests.harness.arena import LONG, Arena, Player
from tests.harness.gateway import MSGPACK, Client, Gateway, open_gateway
from tests.harness.records import Command, Pulse, Quote, Transfer, outcomes_of

BUY = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "100", "leverage": 10}
UP = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 5, "account": {"match": 1}}
TOP_UP = {"asset": "USDT", "amount": "50"}


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    await opened.stops()


async def has(client: Client, asset: str = "USDT") -> str:
    """The balance that the wallet shows."""
    wallets = await client.result("me.wallet")
    return next((wallet["balance"] for wallet in wallets if wallet["asset"] == asset), "nothing")


def reasons(arena: Arena, *batch: Command) -> list[Reason]:
    """What became of the commands of one batch."""
    return [Reason(outcome["reason"]) for outcome in outcomes_of(arena.apply(list(batch)).outcomes)]


def got(arena: Arena, player: Player | int, *codes: TransferCode) -> int:
    """How often the player was given something for one of these reasons."""
    id = getattr(player, "id", player)
    told = (event for event in arena.history if event["kind"] == EventKind.WALLET_CHANGED and event["player"] == id)
    return sum(event["code"] in codes for event in told)


# Amounts that are none


NO_AMOUNTS = {
    '"1e3"': "NOT_DECIMAL", '"1E3"': "NOT_DECIMAL", '"\u0661\u0662"': "NOT_DECIMAL", '"\uff15"': "NOT_DECIMAL",
    '" 5"': "NOT_DECIMAL", '"5 "': "NOT_DECIMAL", '"5\\n"': "NOT_DECIMAL", '"5\\u0000"': "NOT_DECIMAL",
    '"+5"': "NOT_DECIMAL", '"--5"': "NOT_DECIMAL", '"5-"': "NOT_DECIMAL", '"-"': "NOT_DECIMAL", '""': "NOT_DECIMAL",
    '"5_0"': "NOT_DECIMAL", '"1,5"': "NOT_DECIMAL", '"1.5.0"': "NOT_DECIMAL", '"5."': "NOT_DECIMAL",
    '".5"': "NOT_DECIMAL", '"0x10"': "NOT_DECIMAL", '"NaN"': "NOT_DECIMAL", '"Infinity"': "NOT_DECIMAL",
    '"\u00b2"': "NOT_DECIMAL", '"\u22125"': "NOT_DECIMAL",
    "5.0": "FLOAT_NOT_ALLOWED", "1e3": "FLOAT_NOT_ALLOWED", "5e-1": "FLOAT_NOT_ALLOWED", "-0.0": "FLOAT_NOT_ALLOWED",
    "9223372036854775808": "OUT_OF_RANGE", "18446744073709551617": "OUT_OF_RANGE",
    "-9223372036854775809": "OUT_OF_RANGE",
    '"9223372036854775808"': "OUT_OF_RANGE", '"18446744073709551617"': "OUT_OF_RANGE",
    '"-18446744073709551615"': "OUT_OF_RANGE", '"46116860184.27387904"': "OUT_OF_RANGE",
    "true": "BAD_ARGUMENTS", "[5]": "BAD_ARGUMENTS", '{"amount":5}': "BAD_ARGUMENTS",
}  # fmt: skip
"""As they stand in the JSON of a frame. The last decimal but one is 2^62 units, the first that is too many."""

AMOUNTS: dict[str, tuple[str, dict[str, Any]]] = {
    "wallet.top_up": ("amount", TOP_UP),
    "order.place": ("margin", BUY),
    "fixed.buy": ("stake", UP),
    "position.amend": ("add_margin", {"position": 1}),
    "admin.fund_rewards": ("amount", TOP_UP),
}
"""Where money is said, and what else is said there."""


@pytest.mark.parametrize("op", AMOUNTS)
async def test_what_is_no_amount_is_never_taken_for_one(gateway: Gateway, op: str) -> None:
    ann = await operator(gateway) if op.startswith("admin") else await gateway.player()
    field, args = AMOUNTS[op]
    before = gateway.digest()
    answered = {}
    for amount in NO_AMOUNTS:
        text = msgspec.json.encode({"id": 7, "op": op, "args": args | {field: "?"}}).decode()
        ann.sends(text.replace('"?"', amount).encode())
        await gateway.settles()
        answered[amount] = ann.messages()[-1]["error"]["code"]
    assert answered == NO_AMOUNTS
    assert gateway.digest() == before


@pytest.mark.parametrize(
    ("amount", "code"), [(5.0, "FLOAT_NOT_ALLOWED"), (2**64 - 1, "OUT_OF_RANGE"), (b"5", "BAD_ARGUMENTS")], ids=str
)
async def test_nor_is_it_in_msgpack(gateway: Gateway, amount: Any, code: str) -> None:
    ann = await gateway.player(MSGPACK)
    before = gateway.digest()
    assert await ann.error("wallet.top_up", TOP_UP | {"amount": amount}) == code
    assert gateway.digest() == before


async def test_more_of_an_asset_than_64_bits_count_is_out_of_range(gateway: Gateway) -> None:
    """A unit of SOL is a tenth of those that amounts are read in."""
    ann, boss = await gateway.player(), await operator(gateway)
    before = gateway.digest()
    for amount in ("46116860184", "-46116860184"):
        for client, op in ((ann, "wallet.top_up"), (boss, "admin.fund_rewards")):
            assert await client.error(op, {"asset": "SOL", "amount": amount}) == "OUT_OF_RANGE"
    assert gateway.digest() == before


ODD: tuple[Any, ...] = (2**70, -(2**63) - 1, 2**53, -1, 0, 1.5, "9" * 39, "-1", "", "\x00", None, True, [], {}, [2**70])


async def test_whatever_stands_in_a_field_is_answered_and_the_books_stay_right(gateway: Gateway) -> None:
    """Each field of each op, of players and operators: an arena that stops is one that does not pay."""
    ann, boss = await gateway.player(), await operator(gateway)
    known = ADMIN_OPS | {op: args for op, (_, args) in AMOUNTS.items()} | {"order.test": BUY}
    for name, op in OPS.items():
        client = boss if op.who is For.ADMINS else ann
        for field in msgspec.structs.fields(op.arguments):
            for odd in ODD:
                request = {"id": f"{name} {field.name}", "op": name, "args": known.get(name, {}) | {field.name: odd}}
                client.sends(client.codec.encode(request))
                await gateway.settles()
            answered = [message for message in client.messages() if message.get("id") == f"{name} {field.name}"]
            assert len(answered) == len(ODD), answered
            client.outlet.frames.clear()
    assert problems(gateway.machine.state) == []


NEGATIVE = [
    ("wallet.top_up", TOP_UP | {"amount": "-50"}, "AMOUNT_INVALID"),
    ("wallet.top_up", TOP_UP | {"amount": -50}, "AMOUNT_INVALID"),
    ("wallet.top_up", TOP_UP | {"amount": "-0"}, "AMOUNT_INVALID"),
    ("admin.fund_rewards", TOP_UP | {"amount": "-50"}, "AMOUNT_INVALID"),
    ("order.place", BUY | {"margin": "-100"}, "SIZE_INVALID"),
    ("order.place", BUY | {"margin": None, "quantity": "-0.01"}, "SIZE_INVALID"),
    ("order.place", BUY | {"margin": "100", "quantity": "-0.01"}, "SIZE_INVALID"),
    ("order.place", BUY | {"leverage": -10}, "LEVERAGE_INVALID"),
    ("fixed.buy", UP | {"stake": "-10"}, "STAKE_TOO_LOW"),
    ("position.amend", {"add_margin": "-1"}, "OUT_OF_RANGE"),
    ("position.amend", {"remove_margin": "-1"}, "OUT_OF_RANGE"),
    ("position.close", {"percent": -50}, "PERCENT_INVALID"),
    ("position.close", {"quantity": "-0.001"}, "OUT_OF_RANGE"),
    ("admin.create_game", CUP | {"entry_fee": "-10"}, "BAD_ARGUMENTS"),
    ("admin.create_game", CUP | {"prize_split": [], "reward_price": "-10"}, "BAD_ARGUMENTS"),
    ("admin.create_game", CUP | {"house_fee_pct": "-1"}, "BAD_ARGUMENTS"),
    ("admin.create_game", CUP | {"house_fee_pct": "100.0001"}, "BAD_ARGUMENTS"),
    ("admin.create_game", CUP | {"prize_split": [150, -50]}, "BAD_ARGUMENTS"),
]


@pytest.mark.parametrize(("op", "args", "code"), NEGATIVE, ids=str)
async def test_less_than_nothing_is_not_given_nor_taken(
    gateway: Gateway, op: str, args: dict[str, Any], code: str
) -> None:
    ann = await gateway.player()
    position = (await ann.result("order.place", BUY))["position"]
    thief = await operator(gateway) if op.startswith("admin") else ann
    before = gateway.digest()
    of = {"position": position} if op.startswith("position") else {}
    assert await thief.error(op, of | args) == code
    assert gateway.digest() == before


@pytest.mark.parametrize(
    "rules",
    [
        {"entry_fee": -1}, {"prize_split": (), "reward_price": -1}, {"house_fee_ppm": -1},
        {"house_fee_ppm": 1_000_001}, {"prize_split": (150, -50)}, {"prize_split": (60, 30)},
        {"prize_split": (100,), "reward_price": 1}, {"entry_fee": 1 << 37}, {"currency": "GOLD_COIN"},
    ],
    ids=str,
)  # fmt: skip
def test_no_game_creates_money(arena: Arena, rules: dict[str, Any]) -> None:
    with arena.refuses(Reason.GAME_INVALID):
        arena.command(game(**rules))


async def test_no_field_is_added_to_a_request_that_moves_money(gateway: Gateway) -> None:
    ann = await gateway.player()
    match = await cup(await operator(gateway))
    before = gateway.digest()
    for op, args in (("wallet.top_up", TOP_UP), ("match.join", {"match": match}), ("match.leave", {"match": match}),
                     ("match.reset", {"match": 1}), ("order.place", BUY), ("fixed.buy", UP)):  # fmt: skip
        for field in ("player", "Player", "balance", "fee", "entry_fee", "code_", ""):
            assert await ann.error(op, args | {field: 1}) == "BAD_ARGUMENTS", (op, field)
        ann.sends(msgspec.json.encode({"id": 1, "op": op, "args": args, "player": 2}))
        assert ann.messages()[-1]["error"]["code"] == "BAD_MESSAGE"
    assert gateway.digest() == before


# What is somebody else's


async def test_nobody_trades_or_leaves_in_anothers_seat(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await gateway.player(), await gateway.player()
    match = await cup(boss, min_players=3, max_players=3)
    for player in (ann, bob):
        await player.result("wallet.top_up", TOP_UP)
    await ann.result("match.join", {"match": match})
    before = gateway.digest()
    assert await bob.error("match.leave", {"match": match}) == "NOT_JOINED"
    assert await bob.error("order.cancel_all", {"match": match}) == "NOT_JOINED"
    await boss.result("admin.start_match", {"match": match})
    begun = gateway.digest()
    assert before != begun
    assert await bob.error("order.place", BUY | {"match": match}) == "NOT_JOINED"
    assert await bob.error("fixed.buy", UP | {"account": {"match": match}}) == "NOT_JOINED"
    assert await bob.error("match.reset", {"match": match}) == "MATCH_NOT_PRACTICE"
    assert gateway.digest() == begun


async def test_no_number_of_a_match_opens_anothers_seat(gateway: Gateway) -> None:
    """Seats are found by player and match in one word: 1 and (2 << 32 | match) are together what 3 and match are."""
    ann, _, carl = await gateway.player(), await gateway.player(), await gateway.player()
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    await carl.result("order.place", BUY)
    await carl.result("order.place", BUY | {"type": "limit", "price": "50000"})
    before = await carl.result("me.get")
    for match in (2 << 32 | 1, 1 << 32 | 1, 0, 2**53):
        assert await ann.error("position.list", {"match": match}) == "NOT_JOINED"
        assert await ann.error("order.list", {"match": match}) == "NOT_JOINED"
        for op in ("match.get", "match.board", "match.leave", "match.reset", "match.summary", "order.cancel_all"):
            assert await ann.error(op, {"match": match}) == "MATCH_NOT_FOUND", op
        assert await ann.error("order.place", BUY | {"match": match}) == "MATCH_NOT_FOUND"
        assert await ann.error("fixed.buy", UP | {"account": {"match": match}}) == "MATCH_NOT_FOUND"
    after = await carl.result("me.get")
    assert (after["positions"], after["orders"]) == (before["positions"], before["orders"])


ANOTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("position.close", {"quantity": quantity}) for quantity in ("0.001", "0.0000001", "0", "-1", "x", "9" * 30)),
    *(("position.close", {"percent": percent}) for percent in (100, 0, 101)),
    *(("position.amend", {"stop_loss": price}) for price in ("1", "1.001", "x")),
    ("position.amend", {"take_profit": "1.001"}),
    ("position.amend", {"add_margin": "1"}),
    ("order.cancel", {}),
    *(("order.amend", {field: "50000.001"}) for field in ("price", "stop_loss", "take_profit")),
    ("order.amend", {"price": "50000"}),
)


@pytest.mark.parametrize(("op", "args"), ANOTHERS, ids=str)
async def test_an_error_does_not_tell_whether_another_has_such_a_position(
    gateway: Gateway, op: str, args: dict[str, Any]
) -> None:
    """Nor an order; not even after he has closed it, nor when he has just asked for the same."""
    ann, bob = await gateway.player(), await gateway.player()
    noun = op.partition(".")[0]
    rests = {"type": "limit", "price": "50000"} if noun == "order" else {}
    taken = (await ann.result("order.place", BUY | rests))["order"]
    answers = []
    for number in (taken, 99):
        reply = await bob.asks(op, {noun: number} | args)
        answers.append(reply["error"])
    assert answers[0] == answers[1]
    await ann.asks(op, {noun: taken} | args)
    assert (await bob.asks(op, {noun: taken} | args))["error"] == answers[1]


async def test_a_wallet_is_shown_to_its_owner_only(gateway: Gateway) -> None:
    ann, bob, guest = await gateway.player(), await gateway.player(), gateway.guest()
    await bob.result("subscribe", {"channels": ["me"]})
    await ann.result("wallet.top_up", TOP_UP)
    await gateway.settles()
    assert [message["type"] for message in bob.on("me")] == ["me"]
    assert (await has(ann), await has(bob)) == ("50.000000", "nothing")
    assert await guest.error("me.wallet") == "NOT_AUTHENTICATED"
    assert await guest.error("wallet.top_up", TOP_UP) == "NOT_AUTHENTICATED"


async def test_a_key_of_somebody_elses_opens_nothing(gateway: Gateway) -> None:
    """Keys are each player's own: the same one does not bring the answer that another got, nor is it taken away."""
    ann, bob = await gateway.player(), await gateway.player()
    first = await ann.asks("wallet.top_up", TOP_UP, key="k")
    other = await bob.asks("wallet.top_up", TOP_UP, key="k")
    assert other["seq"] != first["seq"]
    assert "replayed" not in other
    assert (await ann.asks("wallet.top_up", TOP_UP, key="k"))["seq"] == first["seq"]
    assert (await has(ann), await has(bob)) == ("50.000000", "50.000000")


async def test_only_operators_fund_begin_and_end_what_is_about_money(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    match = await cup(boss)
    before = gateway.digest()
    for op, args in (("admin.fund_rewards", TOP_UP), ("admin.create_game", CUP), ("admin.create_match", {"game": 1}),
                     ("admin.start_match", {"match": match}), ("admin.end_match", {"match": match, "reason": "mine"}),
                     ("admin.cancel_match", {"match": match, "reason": "mine"})):  # fmt: skip
        assert await ann.error(op, args, key="k") == "ADMINS_ONLY"
    assert gateway.digest() == before


# Money out of nowhere, and of another kind


async def test_only_a_development_arena_gives_money_away(gateway: Gateway) -> None:
    """Not even to him who got some while it did, and asks again with his key."""
    ann = await gateway.player()
    await ann.result("wallet.top_up", TOP_UP, key="once")
    config = gateway.arena.config
    gateway.arena.config = replace(config, server=replace(config.server, development=False))
    before = gateway.digest()
    for asset in Asset:
        assert await ann.error("wallet.top_up", {"asset": asset.name, "amount": "1"}) == "NOT_ALLOWED"
    assert await ann.error("wallet.top_up", TOP_UP, key="once") == "NOT_ALLOWED"
    assert gateway.digest() == before


def test_demo_money_stays_demo_money(arena: Arena) -> None:
    match = match_of(arena, currency="DEMO")
    live = rich(arena)
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(JoinMatch(match, live))
    arena.command(TopUp(live, "DEMO", 10 * USDT))
    arena.command(JoinMatch(match, live))
    arena.passes(60)
    assert cash(arena, live) == 100 * USDT
    assert balance(arena, live, Account.PLAYER_DEMO, Asset.DEMO) == 9 * USDT


async def test_demo_money_pays_for_no_live_match(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    match = await cup(boss)
    await ann.result("wallet.top_up", {"asset": "DEMO", "amount": "1000"})
    assert await ann.error("match.join", {"match": match}) == "INSUFFICIENT_FUNDS"
    assert await has(ann, "DEMO") == "1000.00000000"


def test_no_transfer_makes_live_money_of_demo_money(arena: Arena) -> None:
    demo = arena.account(1, Account.PLAYER_DEMO, Asset.DEMO, balance=100)
    live = arena.account(1, Account.PLAYER_CASH, Asset.USDT)
    with arena.refuses(Reason.ASSETS_DIFFER):
        arena.command(Transfer(1, demo, live, 100))


# Two seats for one fee


def test_joining_twice_costs_once(arena: Arena) -> None:
    match = match_of(arena)
    ann = joins(arena, match)
    with arena.refuses(Reason.ALREADY_JOINED):
        arena.command(JoinMatch(match, ann.id))
    assert cash(arena, ann) == 90 * USDT


def test_with_money_for_one_match_a_player_joins_one(arena: Arena) -> None:
    """Also in one batch, in which neither has been answered yet."""
    matches = match_of(arena), match_of(arena)
    ann = rich(arena, 10 * USDT)
    joining = [JoinMatch(match, ann) for match in matches]
    assert reasons(arena, *joining) == [Reason.ACCEPTED, Reason.INSUFFICIENT_FUNDS]
    assert (cash(arena, ann), *(escrow(arena, match) for match in matches)) == (0, 10 * USDT, 0)


async def test_two_sessions_of_a_player_join_at_the_same_moment(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    again = await gateway.client(ann.session.player, MSGPACK)
    match = await cup(boss, min_players=3, max_players=3)
    await ann.result("wallet.top_up", TOP_UP)
    batches = len(gateway.batches)
    for client in (ann, again):
        client.sends(client.codec.encode({"id": 99, "op": "match.join", "args": {"match": match}}))
    await gateway.settles()
    assert gateway.batches[batches:] == [2]
    answers = [client.messages()[-1] for client in (ann, again)]
    assert [answer["ok"] for answer in answers] == [True, False]
    assert answers[1]["error"]["code"] == "ALREADY_JOINED"
    assert await has(ann) == "39.500000"


async def test_one_key_in_two_sessions_at_the_same_moment_is_one_request(gateway: Gateway) -> None:
    ann = await gateway.player()
    again = await gateway.client(ann.session.player)
    for client in (ann, again):
        client.sends(client.codec.encode({"id": 99, "op": "wallet.top_up", "args": TOP_UP, "key": "k"}))
    await gateway.settles()
    first, second = (client.messages()[-1] for client in (ann, again))
    assert (first["result"], first["seq"]) == (second["result"], second["seq"])
    assert [answer.get("replayed", False) for answer in (first, second)] == [False, True]
    assert await has(ann) == "50.000000"


def test_who_comes_too_late_for_the_last_seat_keeps_his_money(arena: Arena) -> None:
    match = match_of(arena, max_players=1)
    ann, bob = rich(arena), rich(arena)
    assert reasons(arena, JoinMatch(match, ann), JoinMatch(match, bob)) == [Reason.ACCEPTED, Reason.MATCH_FULL]
    assert (cash(arena, ann), cash(arena, bob), escrow(arena, match)) == (90 * USDT, 100 * USDT, 10 * USDT)


# Out again with the fee


def test_nobody_leaves_with_the_fee_after_the_start(arena: Arena) -> None:
    match = match_of(arena, min_players=2)
    ann, _ = joins(arena, match), joins(arena, match)
    with arena.refuses(Reason.MATCH_NOT_WAITING):
        arena.command(LeaveMatch(match, ann.id))
    assert (cash(arena, ann), escrow(arena, match)) == (90 * USDT, 20 * USDT)


def test_the_last_player_to_join_does_not_leave_in_the_same_batch(arena: Arena) -> None:
    match = match_of(arena, min_players=2)
    ann, bob = joins(arena, match), rich(arena)
    batch = JoinMatch(match, bob), LeaveMatch(match, bob), LeaveMatch(match, ann.id)
    assert reasons(arena, *batch) == [Reason.ACCEPTED, Reason.MATCH_NOT_WAITING, Reason.MATCH_NOT_WAITING]
    assert (cash(arena, bob), escrow(arena, match)) == (90 * USDT, 20 * USDT)


def test_who_leaves_when_the_countdown_is_over_is_too_late(arena: Arena) -> None:
    match = match_of(arena, min_players=2, countdown_s=10)
    ann, _ = joins(arena, match), joins(arena, match)
    arena.now_ns += 10 * 10**9
    assert reasons(arena, LeaveMatch(match, ann.id)) == [Reason.MATCH_NOT_WAITING]
    assert escrow(arena, match) == 20 * USDT


def test_a_seat_is_given_back_once(arena: Arena) -> None:
    match = match_of(arena, min_players=3)
    ann, bob = joins(arena, match), joins(arena, match)
    batch = LeaveMatch(match, ann.id), LeaveMatch(match, ann.id), CancelMatch(match, "no"), LeaveMatch(match, bob.id)
    assert reasons(arena, *batch) == [
        Reason.ACCEPTED, Reason.NOT_JOINED, Reason.ACCEPTED, Reason.MATCH_NOT_WAITING,
    ]  # fmt: skip
    assert (cash(arena, ann), cash(arena, bob), escrow(arena, match)) == (100 * USDT, 100 * USDT, 0)


def test_who_is_disqualified_wins_nothing(arena: Arena) -> None:
    match = match_of(arena, max_total_drawdown_ppm=10_000)
    ann, bob = joins(arena, match), joins(arena, match)
    arena.quote("BTCUSDT", 60_000)
    ann.opens("BTCUSDT", LONG, quantity="1", leverage=20)
    arena.quote("BTCUSDT", 59_000)
    arena.passes(60)
    assert (cash(arena, ann), cash(arena, bob)) == (90 * USDT, 90 * USDT + 18 * USDT)
    assert (escrow(arena, match), fees(arena)) == (0, 2 * USDT)


def test_a_prize_alone_among_the_disqualified_is_nobodys(arena: Arena) -> None:
    """He who is out first is no better off than the others."""
    arena.command(FundRewards("USDT", 15 * USDT))
    match = match_of(arena, max_total_drawdown_ppm=10_000, prize_split=(), reward_price=25 * USDT, house_fee_ppm=0)
    ann = joins(arena, match)
    arena.quote("BTCUSDT", 60_000)
    ann.opens("BTCUSDT", LONG, quantity="1", leverage=20)
    arena.quote("BTCUSDT", 59_000)
    arena.passes(60)
    assert (cash(arena, ann), rewards(arena), escrow(arena, match)) == (100 * USDT, 15 * USDT, 0)


# Paid twice


def total(arena: Arena, *players: int) -> int:
    return sum(cash(arena, player) for player in players) + fees(arena) + rewards(arena)


def top_up(arena: Arena, *players: int) -> None:
    """So that each of them can pay for the next match, and the house for its prize."""
    for player in players:
        if cash(arena, player) < 50 * USDT:
            arena.command(TopUp(player, "USDT", 50 * USDT))
    if rewards(arena) < 30 * USDT:
        arena.command(FundRewards("USDT", 30 * USDT))


TURNS: dict[str, Callable[[int, int, int], Command]] = {
    "start": lambda match, ann, carl: StartMatch(match),
    "cancel": lambda match, ann, carl: CancelMatch(match, "so"),
    "end": lambda match, ann, carl: EndMatch(match, "so"),
    "ann leaves": lambda match, ann, carl: LeaveMatch(match, ann),
    "carl joins": lambda match, ann, carl: JoinMatch(match, carl),
}
"""What can be done to a match in which Ann and Bob wait for a third player."""


@pytest.mark.parametrize(("length", "at_once"), [(3, True), (2, False)], ids=["one batch", "batch by batch"])
@pytest.mark.parametrize("prize", [{}, {"prize_split": (), "reward_price": 25 * USDT}], ids=["pool", "fixed prize"])
def test_however_a_match_is_turned_it_is_settled_once(
    arena: Arena, prize: dict[str, Any], length: int, at_once: bool
) -> None:
    """All ways of doing some of these things: end twice, cancel twice, cancel after the start, end and cancel, and so
    on. Afterwards each fee has come back, or gone into the one settlement, and no money was made or lost."""
    number = arena.command(game(min_players=3, **prize)).id
    ann, bob, carl = (rich(arena) for _ in range(3))
    known: Counter[str] = Counter()
    for turns in itertools.product(TURNS, repeat=length):
        top_up(arena, ann, bob, carl)
        before, arena.history = total(arena, ann, bob, carl), []
        match = arena.command(CreateMatch(number, practice=False)).id
        commands: list[Command] = [
            JoinMatch(match, ann), JoinMatch(match, bob), *(TURNS[turn](match, ann, carl) for turn in turns),
            *[CancelMatch(match, "over")] * 2, *[EndMatch(match, "over")] * 2,
        ]  # fmt: skip
        for batch in [commands] if at_once else [[command] for command in commands]:
            known.update(reason.name for reason in reasons(arena, *batch))
        assert (escrow(arena, match), total(arena, ann, bob, carl)) == (0, before), turns
        for player in (ann, bob, carl):
            paid, won = got(arena, player, TransferCode.ENTRY_FEE), got(arena, player, TransferCode.PRIZE)
            assert won <= 1, turns
            assert got(arena, player, TransferCode.REFUND) + won <= paid, turns
        ends = EventKind.MATCH_FINISHED, EventKind.MATCH_CANCELED
        assert sum(event["kind"] in ends and not event["player"] for event in arena.history) == 1, turns
    assert {"ACCEPTED", "MATCH_NOT_WAITING", "MATCH_NOT_OPEN", "NOT_JOINED"} <= known.keys()


def test_the_end_of_its_time_and_the_operators_in_one_batch_are_one_end(arena: Arena) -> None:
    match = match_of(arena)
    ann, bob = joins(arena, match), joins(arena, match)
    arena.now_ns += 60 * 10**9
    assert reasons(arena, EndMatch(match, "now"), Pulse(), EndMatch(match, "now")) == [
        Reason.MATCH_NOT_OPEN, Reason.ACCEPTED, Reason.MATCH_NOT_OPEN,
    ]  # fmt: skip
    assert [got(arena, player, TransferCode.PRIZE) for player in (ann, bob)] == [1, 1]
    assert (cash(arena, ann) + cash(arena, bob), fees(arena), escrow(arena, match)) == (198 * USDT, 2 * USDT, 0)


def test_the_target_that_ends_a_match_and_the_operator_in_one_batch_are_one_end(arena: Arena) -> None:
    match = match_of(arena, profit_target_ppm=10_000, target_ends=True, prize_split=(100,))
    ann, bob = joins(arena, match), joins(arena, match)
    arena.quote("BTCUSDT", 60_000)
    ann.opens("BTCUSDT", LONG, quantity="1", leverage=20)
    jump = Quote(arena.instruments["BTCUSDT"][0], 6_100_000, 6_100_001, arena.source_sequence + 1)
    assert reasons(arena, jump, EndMatch(match, "now")) == [Reason.ACCEPTED, Reason.MATCH_NOT_OPEN]
    assert (cash(arena, ann), cash(arena, bob)) == (90 * USDT + 18 * USDT, 90 * USDT)
    assert (fees(arena), escrow(arena, match)) == (2 * USDT, 0)
