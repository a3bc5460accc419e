"""The client without asyncio, on a real arena."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from bench.process import ArenaProcess
from gateway.client import Change, Refused, State, SyncClient, Unreachable


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArenaProcess]:
    process = ArenaProcess(tmp_path_factory.mktemp("sync") / "data")
    process.start()
    yield process
    process.kill()


def test_a_round_without_await(server: ArenaProcess) -> None:
    with SyncClient(server.url) as arena:
        arena.guest("alice")
        arena.subscribe("me")
        placed = arena.place(symbol="BTCUSDT", side="long", margin=100, leverage=10)
        assert arena.close_position(placed.order).left == Decimal(0)
        assert (arena.player > 0, arena.matches, arena.channels) == (True, [1, 2], ["me"])
        told = [event.type for event in arena.events(timeout_s=1)]
        assert told == ["me", "position.opened", "position.closed"]
        with pytest.raises(Refused, match="SYMBOL_UNKNOWN"):
            arena.quote("NOTHING")


def test_a_program_is_told_of_each_change(server: ArenaProcess) -> None:
    changes: list[Change] = []
    with SyncClient(server.url, on_state=changes.append) as arena:
        assert [change.state for change in changes] == [State.CONNECTED]
        arena.ping()
    assert [change.state for change in changes] == [State.CONNECTED, State.ENDED]


def test_threads_share_it(server: ArenaProcess) -> None:
    with SyncClient(server.url) as arena, ThreadPoolExecutor(4) as threads:
        arena.guest("alice")
        assert all(quote.bid is not None for quote in threads.map(arena.quote, ["BTCUSDT"] * 8))


def test_nobody_there_is_said_and_its_thread_ends(unused_tcp_port: int) -> None:
    arena = SyncClient(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(Unreachable), arena:
        pass
    assert not arena._thread.is_alive()


def test_what_is_asked_outside_of_with_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="use `with`"):
        SyncClient().ping()


def test_the_arenas_end_is_raised(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        with SyncClient(server.url, reconnect=False) as arena:
            server.kill()
            with pytest.raises(Exception, match="was closed"):
                list(arena.events())
    finally:
        server.kill()
