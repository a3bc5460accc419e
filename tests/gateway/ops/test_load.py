"""What one client may ask of the one thread that serves all, however much there has been: old matches, many seats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.model.scale import NS_PER_S
from gateway.ops import dispatcher
from gateway.presenters import boards
from persistence.rows import Standings
from tests.gateway.ops.test_wallet import operator
from tests.harness.gateway import ROOMY, Client, Gateway, open_gateway

SPRINT = {"title": "Sprint", "duration_s": 60}
NOW_NS = 10**12
LATER_NS = 10**18
"""Than any time at which a test really asks something."""


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    await opened.stops()


@pytest_asyncio.fixture
async def strict() -> AsyncIterator[Gateway]:
    opened = await open_gateway(msgspec.structs.replace(ROOMY, messages_per_s=20, messages_burst=40))
    yield opened
    await opened.stops()


async def made(boss: Client, count: int, *players: Client) -> list[int]:
    """Matches of a new game, with those players."""
    game = (await boss.result("admin.create_game", SPRINT))["id"]
    matches = [(await boss.result("admin.create_match", {"game": game}))["id"] for _ in range(count)]
    for match in matches:
        for player in players:
            await player.result("match.join", {"match": match})
    return matches


def codes(client: Client, op: str, args: Any, times: int, now_ns: int | None = NOW_NS) -> list[str]:
    """What is answered to so many requests in one moment."""
    client.outlet.frames.clear()
    for number in range(times):
        client.sends(msgspec.json.encode({"id": number, "op": op, "args": args}), now_ns)
    answers = [message for message in client.messages() if "id" in message]
    return [message["error"]["code"] if "error" in message else "ok" for message in answers]


async def test_of_matches_that_are_over_me_get_says_nothing(gateway: Gateway) -> None:
    """They would be more and more, and me.matches has them."""
    boss, ann = await operator(gateway), await gateway.player()
    matches = await made(boss, 3, ann)
    assert [seat["match"] for seat in (await ann.result("me.get"))["seats"]] == [1, 2, *matches]
    await boss.result("admin.end_match", {"match": matches[1], "reason": "over"})
    assert [seat["match"] for seat in (await ann.result("me.get"))["seats"]] == [1, 2, matches[0], matches[2]]
    await boss.result("admin.end_match", {"match": matches[0], "reason": "over", "void": True})
    assert [seat["match"] for seat in (await ann.result("me.get"))["seats"]] == [1, 2, matches[2]]
    assert (await ann.result("match.get", {"match": matches[1]}))["seat"]["rank"] == 1


async def test_matches_are_listed_page_by_page(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    sprints = await made(boss, 7)
    for match in sprints[:3]:
        await boss.result("admin.end_match", {"match": match, "reason": "over"})

    async def listed(**args: Any) -> list[int]:
        return [match["match"] for match in await ann.result("match.list", args)]

    assert await listed() == [1, 2, *sprints]
    assert await listed(limit=2) == sprints[5:]
    assert await listed(limit=3, before=sprints[5]) == sprints[2:5]
    assert await listed(limit=9, before=sprints[1]) == [1, 2, sprints[0]]
    assert await listed(before=1) == await listed(game=99) == await listed(status="archived") == []
    assert await listed(status="closed", limit=2) == sprints[1:3]
    assert await listed(status="open", game=1) == [1]
    for wrong in ({"limit": 0}, {"limit": 501}, {"before": 0}):
        assert await ann.error("match.list", wrong) == "BAD_ARGUMENTS"


@pytest.mark.parametrize(("op", "args", "let_in"), [
    ("ping", {}, 39), ("match.list", {}, 7), ("match.board", {"match": 1}, 7), ("me.get", {}, 19),
    ("subscribe", {"channels": ["board.1"]}, 6), ("subscribe", {"channels": ["tick.BTCUSDT"]}, 39),
], ids=str)  # fmt: skip
async def test_what_walks_much_counts_as_many_messages(strict: Gateway, op: str, args: Any, let_in: int) -> None:
    """A burst is of 40 messages, and auth was one."""
    ann = strict.guest()
    ann.sends(msgspec.json.encode({"id": 0, "op": "auth", "args": {"token": await token(strict)}}), NOW_NS)
    asked = []
    for number in range(50):
        asked += codes(ann, op, args, 1)
        if op == "subscribe":
            ann.session.channels.clear()
        if asked[-1] != "ok":
            break
        assert number < 45
    assert asked == ["ok"] * let_in + ["RATE_LIMITED"]


async def private(boss: Client) -> int:
    game = (await boss.result("admin.create_game", SPRINT))["id"]
    match: int = (await boss.result("admin.create_match", {"game": game, "code": "sesame"}))["id"]
    return match


async def tries(gateway: Gateway, client: Client, match: int, code: str, after_s: float = 0) -> str:
    """What is answered to one code, so long after the first ones."""
    client.outlet.frames.clear()
    request = {"id": 1, "op": "match.join", "args": {"match": match, "code": code}}
    client.sends(msgspec.json.encode(request), LATER_NS + int(after_s * NS_PER_S))
    await gateway.settles()
    answer = next(message for message in client.messages() if message.get("id") == 1)
    return "ok" if answer["ok"] else answer["error"]["code"]


async def test_ten_wrong_codes_a_minute_are_all_that_a_player_may_try(gateway: Gateway) -> None:
    """On whatever connection, from whatever address, and at whatever match."""
    boss, ann = await operator(gateway), await gateway.player()
    one, other = await private(boss), await private(boss)
    (public,) = await made(boss, 1)
    elsewhere = await gateway.client(ann.session.player, address="10.0.0.1")
    for number in range(5):
        assert await tries(gateway, ann, one, str(number)) == "CODE_WRONG"
        assert await tries(gateway, elsewhere, other, str(number)) == "CODE_WRONG"
    for code in ("5", "sesame"):
        assert await tries(gateway, ann, one, code) == "RATE_LIMITED"
        assert await tries(gateway, elsewhere, other, code) == "RATE_LIMITED"
    answer = ann.messages()[-1]["error"]
    assert (answer["retry"], answer["retry_after"]) == ("after", 6_000)
    assert await tries(gateway, ann, public, "") == "ok"
    assert await tries(gateway, ann, one, "sesame", 5.9) == "RATE_LIMITED"
    assert await tries(gateway, ann, one, "5", 6) == "CODE_WRONG"
    assert await tries(gateway, ann, one, "sesame", 6) == "RATE_LIMITED"
    assert await tries(gateway, ann, one, "sesame", 12) == "ok"


async def test_ten_wrong_codes_a_minute_are_all_that_come_from_an_address(gateway: Gateway) -> None:
    match = await private(await operator(gateway))
    players = [await gateway.player(address="10.0.0.1") for _ in range(6)]
    for player in players[:5]:
        for _ in range(2):
            assert await tries(gateway, player, match, "") == "CODE_WRONG"
    assert await tries(gateway, players[5], match, "sesame") == "RATE_LIMITED"
    assert await tries(gateway, await gateway.player(address="10.0.0.2"), match, "sesame") == "ok"
    assert await tries(gateway, players[5], match, "sesame", 6) == "ok"


async def test_right_codes_are_not_counted(gateway: Gateway) -> None:
    match = await private(await operator(gateway))
    for number in range(20):
        assert await tries(gateway, await gateway.player(), match, "sesame") == "ok", number


async def token(gateway: Gateway) -> str:
    player = await gateway.player()
    player.session.ended()
    return gateway.arena.tokens.issue(player.session.player)


async def test_so_many_answers_of_a_connection_wait_for_the_history(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread reads it for all: whoever asks faster than it answers waits for himself."""
    ann = await gateway.player()
    go = asyncio.Event()

    async def slow(season: int, limit: int, player: int) -> Standings:
        await go.wait()
        return Standings([], 0, 0)

    boss = await operator(gateway)
    await boss.result("admin.start_season", {"name": "First"})
    monkeypatch.setattr(gateway.history, "standings", slow)
    answered = codes(ann, "board.cups", {"season": 0}, dispatcher.MOST_QUERIES, None)
    await asyncio.sleep(0)
    assert answered == []
    assert codes(ann, "board.cups", {"season": 0}, 1, None) == ["OVERLOADED"]
    go.set()
    await gateway.settles()
    assert [message["ok"] for message in ann.messages()].count(True) == dispatcher.MOST_QUERIES
    assert await ann.result("board.cups", {"season": 0}) == {"players": 0, "rows": [], "season": 0}


async def test_a_board_of_many_seats_is_ranked_now_and_then(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for all who ask; its figures are those of now, and who has come since is on the next one."""
    monkeypatch.setattr(boards, "FEW_SEATS", 1)
    gateway.arena.boards = kept = boards.Boards(gateway.machine.state, ROOMY.board_rows, every_ms=1_000_000)
    ann, bob = await gateway.player(), await gateway.player()
    board = await bob.result("match.board", {"match": 1})
    assert ([row["player"] for row in board["rows"]], board["rank"]) == ([1, 2], 2)
    await gateway.quote("BTCUSDT", 6_000_000, 6_000_001)
    await ann.result("order.place", {"match": 1, "symbol": "BTCUSDT", "side": "long", "margin": "100", "leverage": 10})
    carl = await gateway.player()
    board = await bob.result("match.board", {"match": 1})
    assert ([row["player"] for row in board["rows"]], board["rank"], board["players"]) == ([1, 2], 2, 2)
    assert board["rows"][0]["positions"] == 1
    assert "rank" not in await carl.result("match.board", {"match": 1})
    ranked_s, ranking = kept._rankings[1]
    kept._rankings[1] = ranked_s - 1_000, ranking
    board = await bob.result("match.board", {"match": 1})
    assert ([row["player"] for row in board["rows"]], board["rank"], board["players"]) == ([2, 3, 1], 1, 3)
    assert (await carl.result("match.board", {"match": 1}))["rank"] == 2
