"""The Python client against a real arena, and against a server that behaves badly on purpose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSCloseCode, web

from bench.process import ArenaProcess, arena
from gateway.client.client import Client, Disconnected, Garbled, Refused, Unanswered, Unreachable
from gateway.client.connection import Encoding
from gateway.process.bots import NoSeat, play
from gateway.protocol.matches import MatchCreated, Rules
from gateway.protocol.scalars import Empty
from gateway.protocol.shop import Bonus, Item, Offer

ROOMY = "messages_burst = 100\n"
"""For whoever uses every op without a pause."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArenaProcess]:
    process = ArenaProcess(tmp_path_factory.mktemp("client") / "data", config=ROOMY)
    process.start()
    yield process
    process.kill()


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_round_of_the_game_uses_every_op(server: ArenaProcess, encoding: Encoding) -> None:
    async with Client(server.url, encoding=encoding) as alice:
        guest = await alice.guest("alice")
        assert (guest.name, guest.matches) == ("alice", [1, 2])
        assert await alice.subscribe("me", "tick.BTCUSDT", "sys") == ["me", "tick.BTCUSDT", "sys"]
        assert await alice.unsubscribe("sys") == ["me", "tick.BTCUSDT"]
        await alice.ping()
        assert await alice.time() > 1_700_000_000_000

        bitcoin = next(one for one in await alice.instruments() if one.symbol == "BTCUSDT")
        assert (bitcoin.tick_size, bitcoin.brackets[-1].notional_cap) == (Decimal("0.01"), None)
        quote = await alice.quote("BTCUSDT")
        assert quote.bid is not None
        assert quote.ask is not None
        assert quote.bid < quote.ask
        candle = (await alice.candles("BTCUSDT", "1m"))[-1]
        assert candle.low <= candle.open <= candle.high
        practice, challenge = await alice.match_list(status="open")
        assert (practice.match, practice.title, practice.rules) == (1, "Practice", Rules())
        assert (challenge.rules.max_daily_drawdown_pct, challenge.rules.daily_anchor) == (Decimal(5), "balance")
        assert challenge.seat is None
        seat = (await alice.match(challenge.match)).seat
        assert seat is not None
        assert (seat.status, seat.floors) == ("playing", {"daily_drawdown": 9500, "total_drawdown": 9000})

        would = await alice.test_order(symbol="BTCUSDT", side="long", margin=100, leverage=10)
        placed = await alice.place(symbol="BTCUSDT", side="long", margin=100, leverage=10)
        assert (would.status, placed.status, placed.position) == ("filled", "filled", placed.order)
        resting = await alice.place(
            symbol="BTCUSDT", side="long", quantity=Decimal("1E-2"), leverage=10, type="limit",
            price="10000", client_order_id="low",
        )  # fmt: skip
        assert [(order.order, order.client_order_id) for order in await alice.orders()] == [(resting.order, "low")]
        assert (await alice.amend_order(resting.order, price=11_000, stop_loss="9000")).order == resting.order
        assert [(order.price, order.stop_loss) for order in await alice.orders()] == [(11_000, 9_000)]
        assert (await alice.cancel(resting.order)).status == "canceled"
        await alice.amend_position(placed.order, trailing_stop=500_000)
        (trails,) = await alice.positions()
        assert trails.stop_loss is not None
        assert trails.trailing_distance is not None
        assert 0 <= trails.trailing_distance - trails.stop_loss <= bitcoin.tick_size
        assert (await alice.cancel_all()).canceled == 0
        assert (await alice.amend_position(placed.order, stop_loss="10000")).position == placed.order
        assert [position.stop_loss for position in await alice.positions()] == [Decimal(10000)]
        nearer = (await alice.positions())[0].liquidation_price
        farther = (await alice.amend_position(placed.order, add_margin=50)).liquidation_price
        assert nearer is not None
        assert farther is not None
        assert farther < nearer
        assert (await alice.amend_position(placed.order, remove_margin=50)).liquidation_price == nearer
        half = await alice.close_position(placed.order, percent=50)
        assert half.left is not None
        assert half.left > 0
        assert (await alice.close_position(placed.order)).left == 0
        assert (await alice.reset()).match == 1
        assert (await alice.me()).seats[0].cash == Decimal(10000)
        bought = await alice.buy_fixed(symbol="BTCUSDT", direction="up", stake="2.5", duration=3600)
        assert bitcoin.fixed is not None
        assert bought.payout == bitcoin.fixed.payout == 80
        assert [(trade.trade, trade.expires_at) for trade in await alice.fixed_trades()] == [
            (bought.trade, bought.expires_at)
        ]
        assert (await alice.me()).seats[0].stakes == Decimal("2.5")
        assert any(row.player == alice.player for row in (await alice.board()).rows)

        told = []
        async for event in alice.events():
            if event.channel == "me":
                told.append((event.n, event.type))
                if event.type == "fixed.entered":
                    break
        assert [n for n, _ in told] == list(range(told[0][0], told[0][0] + len(told)))
        assert [type for _, type in told] == [
            "me", "position.opened", "order.accepted", "order.changed", "order.canceled", *["position.changed"] * 2,
            *["position.margin_changed"] * 2, "position.reduced", "position.closed",
            "seat.changed", "fixed.opened", "fixed.entered",
        ]  # fmt: skip


async def test_a_round_of_the_store_and_of_referrals(server: ArenaProcess) -> None:
    token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
    async with Client(server.url) as boss, Client(server.url) as alice, Client(server.url) as bob:
        await boss.auth(token)
        await boss.set_offer(item="GOLD_COIN", price="2.5", asset="USDT", title="A coin")
        stock = next(offer.stock for offer in await boss.store() if offer.item == "GOLD_COIN")
        await boss.stock("GOLD_COIN", 5)
        await boss.set_referrals(asset="SOL", referrer_bonus="0.5", referred_bonus="0.25", at="sign_up")
        assert (await boss.fund_referrals("SOL", 1)).amount == 1

        await alice.guest("alice")
        assert [(found.asset, found.balance) for found in await alice.wallet()] == [("DEMO", 10_000)]
        code = (await alice.referral()).code
        await bob.guest("bob", referral_code=code)
        brought = await alice.referral()
        assert (brought.referred, brought.earned) == (1, {"SOL": Decimal("0.5")})
        assert brought.bonus == Bonus("SOL", Decimal("0.5"), Decimal("0.25"), "sign_up", 10)

        await alice.top_up("USDT", 10)
        seen = next(found.version for found in await alice.wallet() if found.asset == "USDT")
        for _ in range(2):
            bought = await alice.purchase("GOLD_COIN", 3, version=seen, key="coins")
            assert (bought.item, bought.count) == ("GOLD_COIN", 3)
        assert await alice.inventory() == [Item("GOLD_COIN", "Gold coin", 3, 2)]
        coin = next(offer for offer in await alice.store() if offer.item == "GOLD_COIN")
        assert coin == Offer("GOLD_COIN", "A coin", "USDT", Decimal("2.5"), stock + 2, True)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_match_is_watched_and_looked_back_at(server: ArenaProcess, encoding: Encoding) -> None:
    token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
    async with Client(server.url) as boss, Client(server.url, encoding=encoding) as alice:
        await boss.auth(token)
        await alice.guest("alice")
        await alice.subscribe("sys")
        game = await boss.create_game(title="Sprint", duration_s=600, min_players=1, max_players=1, reward_price="50")
        match = await boss.create_match(game)
        room = f"match.{match}"
        await alice.subscribe(room)
        await alice.join(match)
        placed = await alice.place(match=match, symbol="BTCUSDT", side="long", quantity="0.01", leverage=10)
        with pytest.raises(Refused, match="the match is not over"):
            await alice.summary(match)
        await boss.end_match(match, "over")
        told = []
        async for event in alice.events():
            told.append((event.channel, event.type, event.data))
            if event.type == "room.finished":
                break
        assert ("sys", "match.created", MatchCreated(match, game)) in told
        types = [(type, data.status) for channel, type, data in told if channel == room]
        assert types == [
            ("match", "waiting"), ("room.joined", "open"), ("room.started", "open"), ("room.finished", "closed"),
        ]  # fmt: skip

        summary = await alice.summary(match)
        assert summary.best is not None
        assert summary.best == summary.worst
        assert (summary.best.position, summary.match.rank, summary.match.prize) == (placed.order, 1, 50)
        assert summary.best.net == summary.match.balance - summary.match.starting_balance
        assert (summary.equity[-1].at, summary.equity[-1].equity) == (summary.match.at, summary.match.balance)
        assert (await alice.match_history()).items == [summary.match]
        (closed,) = (await alice.trade_history(limit=5, match=summary.match.match)).items
        assert (closed.position, closed.cause, closed.match) == (placed.order, "match_end", match)
        assert (await alice.trade_history(before=closed.n)).items == []
        assert (await alice.fixed_history()).items == []
        assert (await alice.trade_history(from_=closed.at, to=closed.at + 1)).items == [closed]
        life = await alice.order_record(closed.position)
        assert (life.closes, [life.order]) == ([closed], (await alice.order_history(status="filled")).items[-1:])
        assert [fill.order for fill in (await alice.fill_history()).items] == [closed.position]
        assert [(row.rank, row.prize) for row in (await alice.board(match)).rows] == [(1, 50)]


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_who_leaves_a_private_match_subscribes_to_it_no_more(server: ArenaProcess, encoding: Encoding) -> None:
    """It would be refused after a reconnect, and all other subscriptions with it."""
    token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
    async with Client(server.url) as boss, Client(server.url, encoding=encoding) as alice:
        await boss.auth(token)
        await alice.guest("alice")
        game = await boss.create_game(title="Closed", duration_s=600, min_players=2, max_players=2)
        match = await boss.create_match(game, code="sesame")
        await alice.join(match, code="sesame")
        await alice.subscribe("sys", f"match.{match}", f"board.{match}")
        await alice.leave(match)
        await alice.ping()
        assert alice.channels == ["sys"]
        with pytest.raises(Refused, match="has no seat"):
            await alice.board(match)


async def test_a_refusal_says_code_and_details(server: ArenaProcess) -> None:
    async with Client(server.url) as alice:
        await alice.guest()
        with pytest.raises(Refused) as refused:
            await alice.quote("NOTHING")
        assert (refused.value.code, refused.value.retry) == ("SYMBOL_UNKNOWN", "never")
        assert refused.value.details == {"symbol": "NOTHING"}
        with pytest.raises(TypeError, match="a float is not exact"):
            await alice.place(symbol="BTCUSDT", side="long", margin=0.1, leverage=1)  # type: ignore[arg-type]


FLEETING = """
[server]
token_lifetime_s = 2
token_grace_s = 60
"""


async def test_a_token_is_renewed_while_connected_and_exchanged_when_it_has_expired(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data", config=FLEETING)
    server.start()
    try:
        async with Client(server.url) as alice, Client(server.url) as later, Client(server.url) as back:
            first = (await alice.guest("alice")).token
            await alice.place(symbol="BTCUSDT", side="long", margin=10, leverage=10)
            await later.auth(first)
            later.credentials.keep(0)
            await asyncio.sleep(4)
            assert len(await alice.positions()) == 1
            assert alice.token != first
            assert alice.reconnects == 0
            assert len(await later.positions()) == 1, "closed with 4001, it has come back with a token for the old one"
            assert later.reconnects >= 1
            assert (await back.auth(first)).player == alice.player
    finally:
        server.kill()


async def test_a_connection_that_a_newer_one_replaces_does_not_come_back(script: Script) -> None:
    async def replaces(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.close(code=4009)

    script.answers = [replaces]
    async with Client(script.url) as alice:
        with pytest.raises(Disconnected) as gone:
            await alice.ping()
        assert gone.value.code == 4009


TIGHT = """
[[games]]
title = "Anything goes"

[[games]]
title = "Tight"
max_trades_per_minute = 40
max_total_drawdown_pct = "0.01"
"""


async def test_bots_that_a_rule_puts_out_start_over(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data", config=TIGHT)
    server.start()
    try:
        summary = await play(server.url, 5, 3, seed=2, actions_per_s=10, match=2, journal=tmp_path / "journal")
    finally:
        server.kill()
    assert summary.error_examples == []
    acknowledged = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    resets = [line for line in acknowledged if line["op"] == "match.reset"]
    assert any(
        line["op"] == "order.place" and line["player"] == reset["player"] and line["seq"] > reset["seq"]
        for reset in resets
        for line in acknowledged
    ), resets


async def test_bots_find_nothing_wrong(server: ArenaProcess) -> None:
    summary = await play(server.url, 5, 3, seed=2, actions_per_s=10)
    assert summary.error_examples == []
    assert summary.accepted > 30


async def test_bots_without_a_seat_in_the_match_say_it_once_and_stop(server: ArenaProcess) -> None:
    with pytest.raises(NoSeat, match="new players have no seat in match 99, but in 1"):
        await play(server.url, 5, 60, seed=2, match=99)


# A server that behaves badly


class Script:
    """Answers the messages of each connection as the test says; `seen` is what came."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.connections = 0
        self.answers: list[Any] = []
        """For each connection: what to do with a message."""
        self.url = ""

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        answer = self.answers[min(self.connections, len(self.answers) - 1)]
        self.connections += 1
        async for message in socket:
            asked = json.loads(message.data)
            self.seen.append(asked)
            await answer(socket, asked)
        return socket


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    application = web.Application()
    application.add_routes([web.get("/ws", lambda request: script.serve(request))])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield script
    await runner.cleanup()


async def answers(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
    results: dict[str, Any] = {
        "auth": {"player": 7, "session": "s", "role": "player"},
        "subscribe": {"channels": asked["args"].get("channels")},
        "resume": {"channels": dict.fromkeys(asked["args"].get("last", {}), "replayed")},
        "order.place": {"order": 5, "status": "accepted"},
    }
    result = results.get(asked["op"], {})
    await socket.send_json({"id": asked["id"], "ok": True, "seq": 1, "at": 1, "result": result, "replayed": True})


async def hangs_up_on_orders(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
    if asked["op"] == "order.place":
        await socket.close(code=WSCloseCode.GOING_AWAY)
    else:
        await answers(socket, asked)


async def says_nothing(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
    pass


async def test_what_was_not_answered_is_asked_again_with_the_same_key(script: Script) -> None:
    script.answers = [hangs_up_on_orders, answers]
    async with Client(script.url) as alice:
        alice.matches = [1]
        await alice.auth("token")
        await alice.subscribe("me")
        placed = await alice.place(symbol="BTCUSDT", side="long", margin="1", leverage=1)
        assert placed.order == 5
        assert alice.reconnects == 1
    assert [asked["op"] for asked in script.seen] == [
        "auth", "subscribe", "order.place", "auth", "subscribe", "order.place",
    ]  # fmt: skip
    assert script.seen[2] == script.seen[5]
    assert script.seen[3]["args"] == {"token": "token"}


async def refuses(socket: web.WebSocketResponse, asked: dict[str, Any], code: str, retry_after: int = 0) -> None:
    error: dict[str, Any] = {"code": code, "message": "no", "retry": "after" if retry_after else "never"}
    if retry_after:
        error["retry_after"] = retry_after
    await socket.send_json({"id": asked["id"], "ok": False, "error": error})


async def test_a_channel_that_is_refused_after_a_reconnect_takes_no_other_along(script: Script) -> None:
    subscribed: list[str] = []

    async def takes_few_and_has_no_seat(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["op"] == "subscribe":
            channels = asked["args"]["channels"]
            if len(channels) > 4:
                await refuses(socket, asked, "RATE_LIMITED", retry_after=50)
                return
            if "match.7" in channels:
                await refuses(socket, asked, "NOT_JOINED")
                return
            subscribed.extend(channels)
        await answers(socket, asked)

    script.answers = [hangs_up_on_orders, takes_few_and_has_no_seat]
    boards = [f"board.{match}" for match in range(1, 9)]
    async with Client(script.url) as alice:
        alice.matches = [1]
        await alice.auth("token")
        await alice.subscribe("me", *boards[:3], "match.7", *boards[3:])
        await alice.place(symbol="BTCUSDT", side="long", margin="1", leverage=1)
        told = await anext(alice.events())
        assert (told.channel, told.type, told.kind, told.data.code) == ("match.7", "refused", "ended", "NOT_JOINED")
        async with asyncio.timeout(5):
            while len(subscribed) < 9:  # noqa: ASYNC110  # what is waited for knows nothing of the test
                await asyncio.sleep(0.01)
        assert sorted(subscribed) == sorted(["me", *boards]) == sorted(alice.channels)


async def test_a_subscription_that_is_refused_for_now_is_asked_for_until_it_is_there(script: Script) -> None:
    async def refuses_twice(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        tries = [each for each in script.seen if each["op"] == "subscribe"]
        if asked["op"] == "subscribe" and len(tries) < 4:
            await refuses(socket, asked, "RATE_LIMITED", retry_after=10)
            return
        await answers(socket, asked)
        if asked["op"] == "subscribe":
            await socket.send_json({"channel": "me", "n": 1, "seq": 1, "at": 1, "type": "back", "data": {}})

    script.answers = [hangs_up_on_orders, refuses_twice]
    async with Client(script.url) as alice:
        alice.matches = [1]
        await alice.auth("token")
        await alice.subscribe("me")
        await alice.place(symbol="BTCUSDT", side="long", margin="1", leverage=1)
        assert (await anext(alice.events())).type == "back"
        assert alice.channels == ["me"]


async def test_a_socket_that_breaks_while_subscriptions_come_back_brings_them_with_the_next(script: Script) -> None:
    async def hangs_up_on_subscriptions(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked["op"] == "subscribe":
            await socket.close(code=WSCloseCode.GOING_AWAY)
        else:
            await answers(socket, asked)

    script.answers = [hangs_up_on_orders, hangs_up_on_subscriptions, answers]
    async with Client(script.url) as alice:
        alice.matches = [1]
        await alice.auth("token")
        await alice.subscribe("me")
        await alice.place(symbol="BTCUSDT", side="long", margin="1", leverage=1)
        assert alice.reconnects == 2
        assert [asked["op"] for asked in script.seen[-3:]] == ["auth", "subscribe", "order.place"]


async def test_what_is_refused_for_now_is_asked_for_again_with_its_key(script: Script) -> None:
    async def has_old_prices_at_first(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if len(script.seen) < 3:
            await refuses(socket, asked, "FEED_STALE", retry_after=10)
        else:
            await answers(socket, asked)

    script.answers = [has_old_prices_at_first]
    async with Client(script.url) as alice:
        alice.matches = [1]
        assert (await alice.place(symbol="BTCUSDT", side="long", margin="1", leverage=1)).order == 5
    first, second, third = script.seen
    assert first["key"]
    assert first == second == third


@pytest.mark.parametrize(("retry", "retry_after"), [(False, 10), (True, 60_000), (True, 0)])
async def test_a_refusal_that_lasts_is_raised_at_once(script: Script, retry: bool, retry_after: int) -> None:
    async def says_no(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await refuses(socket, asked, "MARKET_CLOSED", retry_after)

    script.answers = [says_no]
    async with Client(script.url, retry=retry) as alice:
        with pytest.raises(Refused, match="MARKET_CLOSED"):
            await alice.ping()
    assert len(script.seen) == 1


async def test_a_refusal_that_is_repeated_is_raised_when_the_time_is_up(script: Script) -> None:
    async def says_no(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await refuses(socket, asked, "INSTRUMENT_LOCKED", retry_after=50)

    script.answers = [says_no]
    async with Client(script.url, timeout_s=0.3) as alice:
        with pytest.raises(Refused, match="INSTRUMENT_LOCKED"):
            await alice.ping()
    assert len(script.seen) > 1


async def test_more_requests_than_the_arena_takes_at_once_are_all_answered(server: ArenaProcess) -> None:
    async with Client(server.url) as alice:
        await alice.guest("alice")
        await asyncio.gather(*(alice.ping() for _ in range(130)))


async def test_without_reconnect_the_outcome_is_unknown(script: Script) -> None:
    script.answers = [hangs_up_on_orders]
    async with Client(script.url, reconnect=False) as alice:
        alice.matches = [1]
        with pytest.raises(Disconnected) as gone:
            await alice.place(symbol="BTCUSDT", side="long", margin="1", leverage=1)
        assert gone.value.code == WSCloseCode.GOING_AWAY
        with pytest.raises(Disconnected):
            await anext(alice.events())


async def test_silence_is_told_with_the_key_to_ask_again(script: Script) -> None:
    script.answers = [says_nothing]
    async with Client(script.url, timeout_s=0.2) as alice:
        alice.matches = [1]
        with pytest.raises(Unanswered) as unanswered:
            await alice.place(symbol="BTCUSDT", side="long", margin="1", leverage=1, key="mine")
        assert unanswered.value.key == "mine"


async def test_a_reply_that_comes_too_late_is_not_one_to_nothing(script: Script) -> None:
    async def answers_orders_later(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        held.append(asked)
        while asked["op"] == "ping" and held:
            await answers(socket, held.pop(0))

    held: list[dict[str, Any]] = []
    script.answers = [answers_orders_later]
    async with Client(script.url, timeout_s=0.2) as alice:
        alice.matches = [1]
        with pytest.raises(Unanswered):
            await alice.place(symbol="BTCUSDT", side="long", margin="1", leverage=1)
        late = dict(held[0])
        await alice.request("ping", {}, Empty)
        assert alice.unexpected == 0
        held.append(late)  # nobody waits for a second answer
        await alice.request("ping", {}, Empty)
        assert alice.unexpected == 1


async def test_a_message_that_is_none_ends_the_connection(script: Script) -> None:
    async def babbles(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        await socket.send_str("{")

    script.answers = [babbles]
    async with Client(script.url) as alice:
        with pytest.raises(Garbled):
            await alice.request("ping", {}, Empty)


async def test_events_that_nobody_reads_are_dropped_and_counted(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.client.connection.EVENTS_KEPT", 3)

    async def tells(socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        for n in range(1, 6):
            await socket.send_json({"channel": "x", "n": n, "seq": n, "at": 1, "type": "x", "data": {}})
        await answers(socket, asked)

    script.answers = [tells]
    async with Client(script.url) as alice:
        await alice.ping()
        assert alice.events_dropped == 2
        events = alice.events()
        assert [(await anext(events)).n for _ in range(3)] == [3, 4, 5]


async def test_what_another_server_answers_is_garbled(script: Script) -> None:
    async with Client(script.url) as alice:
        with pytest.raises(Garbled, match="status 404"):
            await alice.guest("alice")


async def test_nobody_there_is_said_at_once(unused_tcp_port: int) -> None:
    with pytest.raises(Unreachable, match="no arena at"):
        async with Client(f"http://127.0.0.1:{unused_tcp_port}"):
            pass


async def test_waiting_for_events_does_not_block_asking(script: Script) -> None:
    script.answers = [answers]
    async with Client(script.url) as alice:
        waiting = asyncio.ensure_future(anext(alice.events()))
        await alice.ping()
        assert not waiting.done()
        waiting.cancel()
