"""The whole arena as its users have it: a process, a socket, a disk, and somebody who pulls the plug."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from bench.process import ArenaProcess, arena
from engine.batch.machine import RULES_VERSION
from engine.model.commands import Kind, request_key
from gateway.client.client import Client, Refused
from gateway.process.bots import play
from persistence.disk import Folder
from persistence.segments import entries

KINDS = {
    "order.place": Kind.PLACE_ORDER,
    "order.amend": Kind.AMEND_ORDER,
    "order.cancel_all": Kind.CANCEL_ALL,
    "order.cancel": Kind.CANCEL_ORDER,
    "position.close": Kind.CLOSE_POSITION,
    "position.amend": Kind.AMEND_POSITION,
    "fixed.buy": Kind.BUY_FIXED,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ArenaProcess]:
    """An arena that is ready, killed in the end if it still runs."""
    process = ArenaProcess(tmp_path / "data")
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArenaProcess]:
    """One for those who do not mind what others did in it, nor that it was killed."""
    process = ArenaProcess(tmp_path_factory.mktemp("shared") / "data")
    process.start()
    yield process
    process.kill()


def commands_in_log(data: Path) -> dict[int, tuple[int, int, tuple[int, int]]]:
    """By sequence: kind, player and key of every command in the log."""
    found: dict[int, tuple[int, int, tuple[int, int]]] = {}
    for entry in entries(Folder(data / "log"), rules_version=RULES_VERSION):
        for sequence, record in enumerate(entry.batch.records, start=entry.batch.first_sequence):
            key = int(record["key_low"]), int(record["key_high"])
            found[sequence] = int(record["kind"]), int(record["player"]), key
    return found


def verified(data: Path) -> dict[str, Any]:
    """What `arena verify` says of the data folder."""
    done = arena("verify", "--data", str(data), "--json")
    assert done.returncode == 0, done.stderr
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


async def test_a_kill_under_load_loses_nothing_that_was_acknowledged(server: ArenaProcess, tmp_path: Path) -> None:
    journal = tmp_path / "acknowledged.jsonl"
    playing = asyncio.create_task(play(server.url, 8, 12, seed=1, actions_per_s=8, journal=journal))
    await asyncio.sleep(4)

    server.kill()
    acknowledged_before = len(journal.read_text().splitlines())
    killed = verified(server.data)
    await asyncio.to_thread(server.start)
    summary = await playing
    assert server.stop() == 0

    assert acknowledged_before > 20
    assert killed["equal"]
    assert summary.error_examples == []
    assert summary.reconnects >= 8
    stopped = verified(server.data)
    assert stopped["equal"]
    assert stopped["snapshots_checked"] == 1
    assert stopped["sequence"] > killed["sequence"]

    logged = commands_in_log(server.data)
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert len(lines) > acknowledged_before
    for line in lines:
        assert logged[line["seq"]] == (KINDS[line["op"]], line["player"], request_key(line["player"], line["key"]))


async def test_a_player_comes_back_after_a_kill_to_what_was_left(shared: ArenaProcess) -> None:
    async with Client(shared.url) as alice:
        await alice.guest("alice")
        placed = await alice.place(symbol="BTCUSDT", side="long", margin="100", leverage=10, key="first")
        gone = await alice.place(symbol="BTCUSDT", side="long", margin="100", leverage=10)
        part = await alice.close_position(gone.order, quantity="0.0001", key="part")
        await alice.close_position(gone.order)
        token = alice.token
        assert token is not None

    shared.kill()
    await asyncio.to_thread(shared.start)

    async with Client(shared.url) as alice:
        await alice.auth(token)
        assert [position.position for position in await alice.positions()] == [placed.position]
        again = await alice.place(symbol="BTCUSDT", side="long", margin="100", leverage=10, key="first")
        assert again.order == placed.order
        with pytest.raises(Refused, match="KEY_REUSED"):
            await alice.place(symbol="BTCUSDT", side="short", margin="100", leverage=10, key="first")
        assert await alice.close_position(gone.order, quantity="0.0001", key="part") == part
        closed = await alice.close_position(placed.order)
        assert closed.position == placed.position


BAD_MESSAGES = [
    "", "{", "[]", "null", '"x"', "1", '{"id":1}', '{"id":1,"op":"nothing"}', '{"id":{},"op":"ping"}',
    '{"id":1,"op":"ping","more":1}', '{"id":1,"op":"quote","args":{"symbol":1}}', '{"id":1,"op":"quote","args":[]}',
    '{"id":1,"op":"order.place","args":{"margin":1.5}}', '{"id":1,"op":"order.place","args":{}}',
    '{"id":1,"op":"auth","args":{"token":"nonsense"}}', '{"id":1e400,"op":"ping"}', "[" * 3000,
    '{"id":1,"op":"position.close","args":{"position":99999999999999999999,"percent":1}}', "\u0000", "\U0001f600",
]  # fmt: skip


async def test_bad_input_gets_an_answer_and_hurts_nobody(shared: ArenaProcess) -> None:
    random = Random(1)
    async with aiohttp.ClientSession() as http, http.ws_connect(shared.url + "/ws") as socket:
        for message in BAD_MESSAGES:
            await socket.send_str(message)
            answer = await socket.receive_json(timeout=5)
            assert answer["ok"] is False
            assert answer["error"]["code"]
        assert not socket.closed

    async with aiohttp.ClientSession() as http:
        for number in range(30):
            async with http.ws_connect(shared.url + "/ws") as socket:
                noise = random.randbytes(random.randint(1, 6_000))
                if number % 3 == 0:
                    await socket.send_bytes(noise)
                elif number % 3 == 1:
                    await socket.send_str(noise.decode("latin-1"))
                else:
                    socket._writer.transport.write(noise)
                    continue  # it may be the beginning of a long frame: then no answer is right
                await asyncio.wait_for(socket.receive(), 5)

    async with Client(shared.url) as alice:
        await alice.guest("alice")
        assert (await alice.place(symbol="BTCUSDT", side="long", margin="100", leverage=10)).status == "filled"


async def test_an_operator_opens_a_match_with_the_token_that_the_command_prints(shared: ArenaProcess) -> None:
    done = arena("token", "--admin", "--data", str(shared.data))
    assert done.returncode == 0, done.stderr
    async with Client(shared.url) as boss, Client(shared.url) as alice:
        assert (await boss.auth(done.stdout.strip())).role == "admin"
        await alice.guest("alice")
        game = await boss.create_game(title="Sprint", duration_s=60, reward_price="10")
        match = await boss.create_match(game)
        await alice.join(match)
        await boss.set_switch("locked", True, "a rehearsal", match=match)
        with pytest.raises(Refused, match="MATCH_LOCKED"):
            await alice.place(match=match, symbol="BTCUSDT", side="long", margin="10", leverage=2)
        await boss.end_match(match, "enough")
        seat = (await alice.match(match)).seat
        assert seat is not None
        assert (seat.rank, seat.prize) == (1, 10)


async def test_a_purchase_is_made_once_though_the_arena_dies(shared: ArenaProcess) -> None:
    token = arena("token", "--admin", "--data", str(shared.data)).stdout.strip()
    async with Client(shared.url) as boss, Client(shared.url) as alice:
        await boss.auth(token)
        await boss.set_offer(item="TREASURE_BOX", price="2.5", asset="USDT")
        await alice.guest()
        await alice.top_up("USDT", "10")
        seen = next(found.version for found in await alice.wallet() if found.asset == "USDT")
        await alice.purchase("TREASURE_BOX", 2, version=seen, key="boxes")
        shared.kill()
        shared.start()
        for _ in range(2):
            await alice.purchase("TREASURE_BOX", 2, version=seen, key="boxes")
        assert [(item.item, item.count) for item in await alice.inventory()] == [("TREASURE_BOX", 2)]
        assert [found.balance for found in await alice.wallet() if found.asset == "USDT"] == [5]


async def test_a_career_its_season_and_a_game_that_changes_survive_a_kill(server: ArenaProcess) -> None:
    token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
    rules: dict[str, Any] = {"title": "Cup", "duration_s": 60, "cup": 30, "win_exp": 120, "lose_exp": 20}
    async with Client(server.url) as boss, Client(server.url) as alice, Client(server.url) as bob:
        await boss.auth(token)
        await boss.fund_rewards("GOLD_COIN", 5)
        game = await boss.create_game(**rules, item_rewards={"GOLD_COIN": 3})
        match = await boss.create_match(game)
        await boss.update_game(game, **rules | {"cup": 99})
        await alice.guest("alice")
        await alice.subscribe("me")
        await bob.guest("bob")
        for player in (alice, bob):
            await player.join(match)
        await boss.end_match(match, "over")
        assert [(item.item, item.count) for item in await alice.inventory()] == [("GOLD_COIN", 3)]
        assert (await alice.match(match)).cup == 30
        async for event in alice.events():
            if event.type == "player.progressed":
                assert (event.data.cups, event.data.level) == (30, 2)
                break
        assert await boss.start_season("Spring") == 1
        await boss.activate_game(game, False)
        assert [one.game for one in await alice.games()] == [1, 2]
        assert (await boss.game(game)).cup == 99
        await asyncio.sleep(1)  # the history is a quarter of a second late
        alices, bobs = alice.token, bob.token
        assert alices is not None
        assert bobs is not None
    server.kill()
    server.start()
    async with Client(server.url) as boss, Client(server.url) as alice, Client(server.url) as bob:
        await alice.auth(alices)
        await bob.auth(bobs)
        await boss.auth(token)
        career = (await alice.me()).career
        assert (career.cups, career.season, career.season_cups, career.wins) == (30, 1, 0, 1)
        for season in (None, 0):
            board = await bob.cups(season)
            assert [(row.name, row.cups) for row in board.rows] == [("alice", 30), ("bob", 0)]
            assert board.rank == 2
        board = await bob.cups(1)
        assert (board.name, board.rows, board.rank) == ("Spring", [], None)
        await boss.activate_game(game, True)
        assert [(one.game, one.version) for one in await alice.games()] == [(1, 1), (2, 1), (game, 2)]
        await boss.delete_game(game)
        with pytest.raises(Refused, match="GAME_NOT_FOUND"):
            await boss.create_match(game)


async def test_the_books_agree_after_a_paid_match_and_a_kill_and_what_is_changed_is_seen(server: ArenaProcess) -> None:
    token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
    async with Client(server.url) as boss, Client(server.url) as alice, Client(server.url) as bob:
        await boss.auth(token)
        game = await boss.create_game(
            title="Cup", duration_s=60, currency="USDT", entry_fee="10", house_fee_pct="10", prize_split=[100]
        )
        paid, waits = await boss.create_match(game), await boss.create_match(game)
        for player in (alice, bob):
            await player.guest()
            await player.top_up("USDT", "50")
            await player.join(paid)
        await alice.join(waits)
        await boss.end_match(paid, "over")
        assert [found.balance for found in await alice.wallet() if found.asset == "USDT"] == [50 - 10 + 18 - 10]
        await asyncio.sleep(1)  # the history is a quarter of a second late
        changes = (await alice.ledger()).items
        assert [change.reason for change in changes] == ["prize", "entry_fee", "entry_fee", "top_up", "grant"]
        assert (await alice.ledger(limit=1, before=changes[0].n)).items == changes[1:2]
        await boss.fund_rewards("DEMO", "100")
        await alice.top_up("DEMO", "50")
        await alice.buy_fixed(symbol="BTCUSDT", direction="up", stake="20", duration=3600, wallet="demo")
        assert [(trade.wallet, trade.match) for trade in await alice.fixed_trades()] == [("demo", None)]
        audited = await boss.audit()
        assert (audited.accounts, audited.problems) == (16, [])
        has = {of.asset: (of.balance, of.held) for of in await alice.wallet()}
        assert has == {"USDT": (48, 0), "DEMO": (10_050, 20)}
    server.kill()

    found = arena("audit", "--data", str(server.data), "--json")
    assert found.returncode == 0, found.stdout + found.stderr
    assert json.loads(found.stdout).items() >= {"accounts": 16, "transfers": 16, "problems": []}.items()
    with closing(sqlite3.connect(server.data / "projection.sqlite")) as journal:
        journal.execute("UPDATE transfers SET amount = amount - 1 WHERE code = 7")
        journal.commit()
    found = arena("audit", "--data", str(server.data))
    assert found.returncode == 1
    assert "house:fees" in found.stdout


async def test_a_match_whose_end_came_while_the_arena_was_down_is_paid_once_and_seats_are_kept(
    server: ArenaProcess,
) -> None:
    token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
    rules: dict[str, Any] = {"currency": "USDT", "entry_fee": "10", "prize_split": [100]}
    async with Client(server.url) as boss, Client(server.url) as alice:
        await boss.auth(token)
        short = await boss.create_match(await boss.create_game(title="Short", duration_s=3, **rules))
        long = await boss.create_match(await boss.create_game(title="Long", duration_s=600, **rules))
        await alice.guest("alice")
        await alice.top_up("USDT", "50")
        for match in (short, long):
            await alice.join(match)
            await alice.place(match=match, symbol="BTCUSDT", side="long", margin="100", leverage=10)
        hers = alice.token
        assert hers is not None
        ends_at = (await alice.match(short)).ends_at
        assert ends_at is not None

    server.kill()
    await asyncio.sleep(max(0, ends_at / 1000 - time.time()))
    await asyncio.to_thread(server.start)

    async with Client(server.url) as boss, Client(server.url) as alice:
        await boss.auth(token)
        await alice.auth(hers)
        over = await alice.match(short)
        assert over.seat is not None
        assert (over.status, over.seat.rank, over.seat.prize, over.seat.positions) == ("closed", 1, 10, 0)
        with pytest.raises(Refused, match="MATCH_NOT_OPEN"):
            await boss.end_match(short, "once more")
        (kept,) = await alice.positions(long)
        with pytest.raises(Refused, match="ALREADY_JOINED"):
            await alice.join(long)
        await alice.close_position(kept.position)
        assert [of.balance for of in await alice.wallet() if of.asset == "USDT"] == [50 - 10 - 10 + 10]
        await asyncio.sleep(1)  # the history is a quarter of a second late
        reasons = [change.reason for change in (await alice.ledger()).items]
        assert reasons == ["prize", "entry_fee", "entry_fee", "top_up", "grant"]
    server.kill()
    assert verified(server.data)["equal"]
    assert arena("audit", "--data", str(server.data)).returncode == 0
