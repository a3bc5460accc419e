"""A request that moves money has one effect, however often it is asked for, and whatever happens in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.batch.machine import RULES_VERSION
from engine.digest import state_hash
from engine.model.commands import JoinMatch, LeaveMatch, RegisterPlayer, TopUp
from engine.model.reasons import Reason
from persistence.log import Appended
from persistence.recovery import Recovered, recover
from persistence.snapshot import CopyBuffers, capture, publish, write
from tests.end_to_end.test_theft import TOP_UP, has
from tests.engine.competition.test_paid_matches import USDT, cash, escrow, match_of, rich
from tests.gateway.ops.test_wallet import CUP, cup, operator
from tests.harness.arena import Arena
from tests.harness.gateway import ROOMY, Client, open_gateway
from tests.harness.records import Asked

Request = tuple[str, str, dict[str, Any], str]
"""Who asks, op, arguments, key."""


async def matches_of(boss: Client) -> list[int]:
    """Four that wait for players: one that will be left, one that will be called off, one that will be played, and one
    that will be played in vain."""
    return [await cup(boss, min_players=3, max_players=3) for _ in range(4)]


def requests(matches: list[int], fixed: int, name: str) -> list[Request]:
    """Every kind of request that moves money, each with a key of its own."""
    left, off, played, void = ({"match": match} for match in matches)
    stake = {"symbol": "BTCUSDT", "direction": "up", "stake": "10", "duration": 3600, "account": {"wallet": "demo"}}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("ann", "wallet.top_up", TOP_UP), ("bob", "wallet.top_up", TOP_UP), ("boss", "admin.fund_rewards", TOP_UP),
        ("ann", "match.join", left), ("ann", "match.leave", left),
        ("ann", "match.join", off), ("boss", "admin.cancel_match", off | {"reason": "rain"}),
        ("boss", "admin.create_match", {"game": fixed}),
        ("ann", "match.join", played), ("bob", "match.join", played),
        ("boss", "admin.start_match", played), ("boss", "admin.end_match", played | {"reason": "over"}),
        ("bob", "match.join", void), ("boss", "admin.start_match", void),
        ("boss", "admin.end_match", void | {"reason": "rain", "void": True}),
        ("ann", "queue.join", {"game": fixed}), ("ann", "queue.leave", {"game": fixed}),
        ("boss", "admin.stock", {"item": "GOLD_COIN", "count": 5}),
        ("ann", "wallet.purchase", {"item": "GOLD_COIN", "count": 2}),
        ("boss", "admin.fund_referrals", TOP_UP),
        *((who, op, {"asset": "DEMO", "amount": "50"})
          for who, op in (("boss", "admin.fund_rewards"), ("ann", "wallet.top_up"))),
        ("ann", "fixed.buy", stake),
    ]  # fmt: skip
    return [(who, op, args, f"{name} {number}") for number, (who, op, args) in enumerate(asked)]


OTHERWISE: dict[str, Any] = {
    "amount": "51", "match": 1, "count": 3, "stake": "11", "game": 1, "quantity": "0.002", "stop_loss": "49000",
    "price": "58000",
}  # fmt: skip
"""By a field of a request: what else it could say."""


class House:
    """An arena on a disk, and who comes to it: Ann, Bob and the operator, who keep their keys over its restarts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.players: dict[str, int] = {}
        self.answered: dict[str, dict[str, Any]] = {}

    async def opens(self) -> Recovered:
        recovered = recover(self.directory, segment_bytes=32 * 4096)
        self.recovered, self.gateway = recovered, await open_gateway(ROOMY, recovered)
        for name in ("ann", "bob"):
            if name not in self.players:
                self.players[name] = (await self.gateway.player()).session.player
        self.clients = {name: await self.gateway.client(player) for name, player in self.players.items()}
        self.clients["boss"] = await operator(self.gateway)
        return recovered

    async def restarts(self) -> Recovered:
        """All that is left is what is on the disk."""
        before = await self.closes()
        recovered = await self.opens()
        assert state_hash(self.gateway.machine.state) == before
        return recovered

    async def closes(self) -> bytes:
        await self.gateway.stops()
        self.recovered.close()
        return state_hash(self.gateway.machine.state)

    def takes_snapshot(self) -> None:
        appended = Appended(self.recovered.log.last_sequence, self.recovered.log.chain)
        captured = capture(self.gateway.machine.state, CopyBuffers(), appended, self.recovered.log.log_id)
        written = write(self.recovered.snapshots, captured, RULES_VERSION)
        publish(self.recovered.snapshots, written, projected=appended.last_sequence)

    async def asks(self, request: Request, **other: Any) -> dict[str, Any]:
        who, op, args, key = request
        return await self.clients[who].asks(op, args | other, key=key)

    async def does(self, request: Request) -> None:
        await self.gateway.quote("BTCUSDT", 6_000_000, 6_000_001)  # stakes want a fresh one
        self.answered[request[3]] = reply = await self.asks(request)
        assert reply["ok"], (request, reply)
        assert "replayed" not in reply

    async def hears_the_same_again(self, request: Request) -> None:
        """The first outcome, and nothing is changed; nor under the same key with other arguments."""
        first, before = self.answered[request[3]], self.gateway.digest()
        again = await self.asks(request)
        assert (again["ok"], again["result"], again["seq"]) == (True, first["result"], first["seq"]), request
        assert again["replayed"], request
        field = next(field for field in OTHERWISE if field in request[2])
        assert (await self.asks(request, **{field: OTHERWISE[field]}))["error"]["code"] == "KEY_REUSED"
        assert self.gateway.digest() == before

    async def wealth(self) -> dict[str, str]:
        return {name: await has(self.clients[name]) for name in self.players}


async def test_every_request_that_moves_money_has_one_effect_also_over_restarts(tmp_path: Path) -> None:
    """Asked again at once, later, after a restart from the log, and after one from a snapshot and the log behind it."""
    house = House(tmp_path)
    await house.opens()
    boss = house.clients["boss"]
    fixed = (await boss.result("admin.create_game", CUP | {"prize_split": [], "reward_price": "20"}))["id"]
    await boss.result("admin.set_offer", {"item": "GOLD_COIN", "price": "0.5", "asset": "USDT"})
    done: list[Request] = []
    for name in ("before the snapshot", "behind it"):
        for request in requests(await matches_of(house.clients["boss"]), fixed, name):
            await house.does(request)
            await house.hears_the_same_again(request)
            done.append(request)
        for request in reversed(done):
            await house.hears_the_same_again(request)
        wealth = await house.wealth()
        recovered = await house.restarts()
        if name == "before the snapshot":
            assert recovered.snapshot is None
            house.takes_snapshot()
        assert await house.wealth() == wealth
        for request in done:
            await house.hears_the_same_again(request)
    assert recovered.snapshot is not None
    assert recovered.batches_replayed > 0
    # Two top-ups each, and of two pools of 21, less a tenth for the house, 70 and 30 percent; four coins.
    assert wealth == {"ann": "103.460000", "bob": "90.340000"}
    assert (await house.clients["ann"].result("inventory.list"))[0]["count"] == 4
    assert len(await house.clients["ann"].result("fixed.list")) == 2
    await house.closes()


async def test_what_was_asked_of_a_trade_is_answered_again_when_it_has_ended(tmp_path: Path) -> None:
    """Its figures are decimals, of an instrument that nothing but the key names any more."""
    house = House(tmp_path)
    await house.opens()
    ann = house.clients["ann"]
    order = {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "1000", "leverage": 10}
    await house.gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    position = (await ann.result("order.place", order))["position"]
    rests = (await ann.result("order.place", order | {"type": "limit", "price": "59000"}))["order"]
    asked: list[Request] = [
        ("ann", "position.amend", {"position": position, "stop_loss": "50000"}, "stop"),
        ("ann", "position.close", {"position": position, "quantity": "0.001"}, "part"),
        ("ann", "order.amend", {"order": rests, "price": "58500"}, "move"),
    ]
    for request in asked:
        await house.does(request)
    await ann.result("position.close", {"position": position, "percent": 100})
    await ann.result("order.cancel", {"order": rests})
    for request in asked:
        await house.hears_the_same_again(request)
    await house.restarts()
    for request in asked:
        await house.hears_the_same_again(request)
    house.takes_snapshot()
    await house.restarts()
    for request in asked:
        await house.hears_the_same_again(request)
        who, op, args, _ = request
        assert (await house.clients[who].error(op, args)).endswith("_NOT_FOUND")
        assert (await house.clients["bob"].error(op, args, key="stop")).endswith("_NOT_FOUND")
    await house.closes()


async def test_what_has_taken_effect_is_said_however_late_it_is_asked_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.opens()
    ann = house.clients["ann"]
    first = await ann.asks("wallet.top_up", TOP_UP, key="once", deadline=1 << 42)
    again = await ann.asks("wallet.top_up", TOP_UP, key="once", deadline=1)
    assert (again["result"], again["replayed"]) == (first["result"], True)
    assert await ann.error("wallet.top_up", TOP_UP, key="never", deadline=1) == "TOO_LATE"
    assert await ann.error("wallet.top_up", TOP_UP, deadline=1) == "TOO_LATE"
    assert await ann.error("me.wallet", deadline=1) == "TOO_LATE"
    await house.closes()


def test_a_key_is_good_for_one_command_only(arena: Arena) -> None:
    """A cold command's key is the player's, whatever it is that he asks for."""
    match = match_of(arena, min_players=3)
    ann = rich(arena)
    arena.command(Asked(JoinMatch(match, ann), ann, "k"))
    for other in (LeaveMatch(match, ann), JoinMatch(match + 1, ann), TopUp(ann, "USDT", 1)):
        with arena.refuses(Reason.KEY_REUSED):
            arena.command(Asked(other, ann, "k"))
    arena.command(LeaveMatch(match, ann))
    assert arena.command(Asked(JoinMatch(match, ann), ann, "k")).replayed
    assert (cash(arena, ann), escrow(arena, match)) == (100 * USDT, 0)


def test_what_was_refused_may_be_asked_for_again_and_then_counts_once(arena: Arena) -> None:
    match = match_of(arena)
    poor = arena.command(RegisterPlayer("poor")).id
    asked = Asked(JoinMatch(match, poor), poor, "k")
    with arena.refuses(Reason.INSUFFICIENT_FUNDS):
        arena.command(asked)
    arena.command(TopUp(poor, "USDT", 25 * USDT))
    assert [arena.command(asked).replayed for _ in range(3)] == [False, True, True]
    assert (cash(arena, poor), escrow(arena, match)) == (15 * USDT, 10 * USDT)
