"""Games, careers and seasons as clients see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.model import state
from gateway.core.defaults import GAMES
from gateway.core.tokens import ADMIN
from gateway.presenters.games import game_answer
from gateway.presenters.specs import create_game_of
from gateway.protocol.codecs import JSON
from gateway.protocol.games import Game, GameSpec, GameUpdate
from persistence.rows import Standing, Standings
from tests.harness.gateway import Client, Gateway, open_gateway

CUP = {"title": "Cup", "duration_s": 60, "cover": "cup.png", "cup": 30, "win_exp": 120, "lose_exp": 20,
       "item_rewards": {"GOLD_COIN": 3}}  # fmt: skip


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    opened = await open_gateway()
    yield opened
    opened.arena.sequencer.stop()
    await opened.task


async def operator(gateway: Gateway) -> Client:
    client = gateway.guest(JSON)
    await client.result("auth", {"token": gateway.arena.tokens.issue(0, ADMIN)})
    await client.result("admin.fund_rewards", {"asset": "GOLD_COIN", "amount": 100})
    return client


async def makes(client: Client, op: str, args: Any, **rest: Any) -> int:
    made: int = (await client.result(op, args, **rest))["id"]
    return made


async def plays(boss: Client, game: int, *players: Client) -> int:
    """A match that the first of them wins."""
    match = await makes(boss, "admin.create_match", {"game": game})
    for player in players:
        await player.result("match.join", {"match": match})
    await boss.result("admin.end_match", {"match": match, "reason": "over"})
    return match


async def test_a_game_changes_and_its_match_does_not(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    game = await makes(boss, "admin.create_game", CUP)
    match = await makes(boss, "admin.create_match", {"game": game})
    update = CUP | {"game": game, "title": "Big cup", "cup": 50, "cover": "", "item_rewards": {}}
    assert await makes(boss, "admin.update_game", update, key="once") == game
    assert (await boss.asks("admin.update_game", update, key="once"))["replayed"]
    shown = await ann.result("match.get", {"match": match})
    expected = {"title": "Cup", "game": game, "game_version": 1, "cover": "cup.png", "cup": 30, "win_exp": 120,
                "lose_exp": 20, "money": {"item_rewards": {"GOLD_COIN": 3}}}  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    later = await makes(boss, "admin.create_match", {"game": game})
    shown = await ann.result("match.get", {"match": later})
    assert (shown["title"], shown["game_version"], shown["cup"]) == ("Big cup", 2, 50)
    assert not {"cover", "money"} & shown.keys()
    known = await ann.result("game.get", {"game": game})
    assert (known["game"], known["version"], known["title"], known["active"]) == (game, 2, "Big cup", True)


async def test_who_sees_which_games(gateway: Gateway) -> None:
    boss, ann = await operator(gateway), await gateway.player()
    game = await makes(boss, "admin.create_game", CUP)

    async def listed(client: Client) -> list[int]:
        return [each["game"] for each in await client.result("game.list")]

    assert await listed(ann) == await listed(boss) == [1, 2, game]
    await makes(boss, "admin.activate_game", {"game": game, "active": False})
    assert (await listed(ann), await listed(boss)) == ([1, 2], [1, 2, game])
    assert await ann.error("game.get", {"game": game}) == "GAME_NOT_FOUND"
    assert (await boss.result("game.get", {"game": game}))["active"] is False
    assert await boss.error("admin.create_match", {"game": game}) == "GAME_NOT_ACTIVE"
    await makes(boss, "admin.activate_game", {"game": game, "active": True})
    assert await listed(ann) == [1, 2, game]
    await makes(boss, "admin.delete_game", {"game": game})
    assert await listed(ann) == await listed(boss) == [1, 2]
    for op in ("game.get", "admin.delete_game", "admin.create_match"):
        assert await boss.error(op, {"game": game}) == "GAME_NOT_FOUND"
    assert await gateway.guest().error("game.list") == "NOT_AUTHENTICATED"


FULL = GameSpec(
    title="Full", description="All", starting_balance="1234.50000000", max_positions=7, max_leverage=9, fees=False,
    execution="next", speed_bump_ms=40, allowed_symbols=("ETHUSDT",), allowed_directions="short_only",
    max_trades_per_minute=3, min_trades=2, min_hold_s=5, max_daily_drawdown_pct="2.5", daily_anchor="higher",
    max_total_drawdown_pct="10", total_drawdown="trailing", max_loss_per_trade_pct="1", loss_per_trade="disqualify",
    profit_target_pct="12.0625", profit_target="ends", min_players=2, max_players=9, countdown_s=30, duration_s=600,
    currency="USDT", entry_fee="2.500000", reward_price="100.000000", house_fee_pct="7.5", nobody_wins="keep",
    ranks_by_trades=False, queue_timeout_s=40, outage_s=50, outage="extend", cover="full.png",
    cup=3, win_exp=4, lose_exp=5, item_rewards={"GOLD_COIN": 2}, allow_hedging=True,
    day_zone="Asia/Tokyo", day_start="17:30",
)  # fmt: skip
SPLIT = msgspec.structs.replace(FULL, reward_price="0", prize_split=(70, 30), allow_hedging=False)


@pytest.mark.parametrize("data", [GameSpec("Plain"), *GAMES, FULL, SPLIT, msgspec.structs.replace(FULL, currency="SOL"),
                                  msgspec.structs.replace(FULL, currency="", entry_fee="1.50")],
                         ids=lambda data: data.title)  # fmt: skip
def test_what_is_shown_of_a_game_makes_the_same_game_again(data: GameSpec) -> None:
    command = create_game_of(data)
    shown = msgspec.json.decode(msgspec.json.encode(game_answer(5, state.Game([command]))))
    del shown["version"], shown["active"]
    assert create_game_of(msgspec.convert(shown, GameUpdate)) == command


def test_the_example_of_a_game_leaves_nothing_as_it_is_by_default() -> None:
    """So that a field which is not shown, or not taken, is missed above."""
    plain = GameSpec("Plain")
    for field in plain.__struct_fields__:
        assert any(getattr(data, field) != getattr(plain, field) for data in (FULL, SPLIT)), field
    assert {"game", "version", "active"} == set(Game.__struct_fields__) - set(plain.__struct_fields__)


async def test_a_match_makes_a_career(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await gateway.player(), await gateway.player()
    game = await makes(boss, "admin.create_game", CUP)
    for player in (ann, bob):
        await player.result("subscribe", {"channels": ["me"]})
        assert player.on("me")[0]["data"]["career"] == {
            "cups": 0, "season": 0, "season_cups": 0, "experience": 0, "level": 1, "to_next_level": 100, "wins": 0,
            "matches": 0,
        }  # fmt: skip
    match = await plays(boss, game, ann, bob)
    await gateway.settles()
    told = {message["type"]: message["data"] for message in ann.on("me")}
    assert told["player.progressed"] == {
        "match": match, "cups": 30, "change": 30, "season": 0, "season_cups": 30, "experience": 120, "gained": 120,
        "level": 2, "level_before": 1,
    }  # fmt: skip
    assert (told["wallet.changed"]["asset"], told["wallet.changed"]["reason"]) == ("GOLD_COIN", "item_reward")
    assert told["wallet.changed"]["change"] == "3"
    assert (await ann.result("me.get"))["career"] == {
        "cups": 30, "season": 0, "season_cups": 30, "experience": 120, "level": 2, "to_next_level": 180, "wins": 1,
        "matches": 1,
    }  # fmt: skip
    lost = (await bob.result("me.get"))["career"]
    assert (lost["cups"], lost["experience"], lost["to_next_level"], lost["wins"]) == (0, 20, 80, 0)


async def test_the_board_of_cups_of_all_time_of_now_and_of_then(gateway: Gateway) -> None:
    boss, ann, bob = await operator(gateway), await gateway.player(), await gateway.player()
    game = await makes(boss, "admin.create_game", CUP)
    await boss.result("subscribe", {"channels": ["sys"]})
    assert await ann.result("board.cups") == {"players": 0, "rows": []}
    await plays(boss, game, ann, bob)
    assert await makes(boss, "admin.start_season", {"name": "Spring"}) == 1
    assert (boss.on("sys")[-1]["type"], boss.on("sys")[-1]["data"]) == ("season.started", {"season": 1})
    await plays(boss, game, bob)

    first, second = ((ann.session.player, 30), (bob.session.player, 30))
    board = await bob.result("board.cups")
    assert [(row["player"], row["cups"]) for row in board["rows"]] == [first, second]
    assert board["rows"][1] == {"rank": 2, "player": bob.session.player, "name": "ann", "cups": 30, "matches": 2}
    assert (board["players"], board["rank"]) == (2, 2)
    board = await ann.result("board.cups", {"season": 1})
    assert [(row["player"], row["cups"], row["matches"]) for row in board["rows"]] == [(bob.session.player, 30, 1)]
    assert (board["season"], board["name"], board["players"], "rank" in board) == (1, "Spring", 1, False)
    assert "rank" not in await boss.result("board.cups")

    gateway.history.seasons[0] = Standings([Standing(first[0], 30, 1)], 2, 2)
    board = await bob.result("board.cups", {"season": 0})
    assert board == {
        "players": 2, "season": 0, "rank": 2,
        "rows": [{"rank": 1, "player": first[0], "name": "ann", "cups": 30, "matches": 1}],
    }  # fmt: skip
    assert await ann.error("board.cups", {"season": 2}) == "SEASON_UNKNOWN"
    assert await ann.error("board.cups", {"season": -1}) == "BAD_ARGUMENTS"


@pytest.mark.parametrize(
    ("op", "args", "code"),
    [
        ("admin.create_game", CUP | {"title": ""}, "BAD_ARGUMENTS"),
        ("admin.create_game", CUP | {"title": "x" * 101}, "BAD_ARGUMENTS"),
        ("admin.create_game", CUP | {"cover": "x" * 501}, "BAD_ARGUMENTS"),
        ("admin.create_game", CUP | {"cup": -1}, "BAD_ARGUMENTS"),
        ("admin.create_game", CUP | {"item_rewards": {"GOLD_COIN": 0}}, "BAD_ARGUMENTS"),
        ("admin.create_game", CUP | {"item_rewards": {"USDT": 1}}, "GAME_INVALID"),
        ("admin.update_game", CUP, "BAD_ARGUMENTS"),
        ("admin.update_game", CUP | {"game": 99}, "GAME_NOT_FOUND"),
        ("admin.update_game", CUP | {"game": 1, "max_positions": 10**6}, "GAME_INVALID"),
        ("admin.activate_game", {"game": 1}, "BAD_ARGUMENTS"),
        ("admin.activate_game", {"game": 99, "active": True}, "GAME_NOT_FOUND"),
        ("admin.start_season", {"name": ""}, "BAD_ARGUMENTS"),
        ("admin.start_season", {"name": "  "}, "SEASON_INVALID"),
    ],
    ids=str,
)  # fmt: skip
async def test_what_does_not_fit_is_refused(gateway: Gateway, op: str, args: Any, code: str) -> None:
    boss = await operator(gateway)
    before = gateway.digest()
    assert await boss.error(op, args) == code
    assert gateway.digest() == before
