"""A small run of the test that cuts clients: and that it sees what is wrong."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from bench.process import ArenaProcess
from bench.resume import CONFIG, problems_of, run
from gateway.protocol.envelopes import Push


async def test_clients_that_are_cut_are_told_what_one_is_that_stays(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data", config=CONFIG)
    server.start()
    try:
        results = await run(server, clients=12, seconds=6.0, cut_every_s=1.0)
    finally:
        server.stop()
    assert results["problems"] == []
    assert results["cuts"] > 20
    assert results["channels_replayed"] > 20
    assert results["channels_reset"] == 0
    assert results["messages_of_me"] > 20


def player_told(*told: Push) -> Any:
    stays = [Push("me", n, n, 1, "x", {"what": n}) for n in range(1, 5)]
    sides = {
        "stays": SimpleNamespace(by_channel={"me": stays}),
        "is_cut": SimpleNamespace(by_channel={"me": list(told)}),
    }
    return SimpleNamespace(channels=["me"], trading=SimpleNamespace(player=7), **sides)


def test_what_is_wrong_is_seen() -> None:
    one, two, three, four = (Push("me", n, n, 1, "x", {"what": n}) for n in range(1, 5))
    assert problems_of(player_told(one, two, three, four)) == []
    assert problems_of(player_told(replace(one, kind="snapshot", data={}), two, three, four)) == []
    for told, problem in (
        ((one, two, two, three, four), "twice [(2, False)]"),
        ((one, three, four), "missing [(2, False)]"),
        ((one, two, replace(three, data={}), four), "otherwise [(3, False)]"),
        ((one, three, two, four), "out of order"),
    ):
        assert any(problem in found for found in problems_of(player_told(*told))), problem
