"""The examples, on a real arena for some seconds."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.process import ArenaProcess
from gateway.client import Client

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArenaProcess]:
    process = ArenaProcess(tmp_path_factory.mktemp("examples") / "data")
    process.start()
    yield process
    process.kill()


def run(name: str, *arguments: str) -> str:
    """What it prints, if all goes well."""
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_says_what_it_does(path: Path) -> None:
    assert "--seconds" in run(path.stem, "--help")


def test_the_market_maker_quotes_both_sides_and_leaves_nothing_open(server: ArenaProcess) -> None:
    printed = run("market_maker", "--url", server.url, "--spread-ppm", "100", "--seconds", "5")
    assert "quotes long at " in printed
    assert "quotes short at " in printed
    assert printed.splitlines()[-1].startswith("cash ")


def test_the_chart_is_drawn(server: ArenaProcess) -> None:
    printed = run("terminal_chart", "--url", server.url, "--seconds", "3")
    assert "BTCUSDT 1s" in printed
    assert "┌" in printed
    assert "█" in printed or "│" in printed


async def test_the_mirror_copies_what_opens_and_what_closes(server: ArenaProcess) -> None:
    async with Client(server.url) as leader, Client(server.url) as follower:
        await leader.guest("leader")
        await follower.guest("follower")
        await follower.subscribe("me")
        tokens = {"LEADER_TOKEN": str(leader.token), "FOLLOWER_TOKEN": str(follower.token)}
        program = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / "examples" / "mirror.py"), "--url", server.url, "--share", "0.5",
            stdout=asyncio.subprocess.PIPE, env=ENVIRONMENT | tokens,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                assert program.stdout is not None
                assert (await program.stdout.readline()).startswith(b"from now on")
                placed = await leader.place(symbol="BTCUSDT", side="short", margin=200, leverage=5)
                events = follower.events()
                while (event := await anext(events)).type != "position.opened":
                    pass
                opened = event.data
                assert (opened.side, opened.client_order_id) == ("short", f"mirror-{placed.order}")
                assert opened.margin <= 100
                await leader.close_position(placed.order, percent=50)
                await leader.close_position(placed.order)
                told: list[str] = []
                while told[-1:] != ["position.closed"]:
                    told.append((await anext(events)).type)
                assert told == ["position.reduced", "position.closed"]
        finally:
            program.terminate()
            await program.wait()
