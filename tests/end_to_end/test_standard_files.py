"""An arena whose standard output and error are full, gone or closed."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from bench.process import ARENA, START_S, ArenaProcess
from gateway.client.client import Client
from persistence.disk import Folder
from persistence.segments import entries


async def trades(url: str) -> None:
    async with Client(url) as alice:
        await alice.guest("alice")
        assert (await alice.place(symbol="BTCUSDT", side="long", margin="100", leverage=10)).status == "filled"


def lost_lines(url: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith("arena_log_lines_lost_total")).split()[1])


async def test_an_arena_outlives_its_standard_error(tmp_path: Path) -> None:
    full = ArenaProcess(tmp_path / "data", errors=Path("/dev/full"))
    full.start()
    assert lost_lines(full.url) > 2
    await trades(full.url)
    assert full.stop() == 0


async def test_an_arena_outlives_who_reads_its_standard_error(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    server = ArenaProcess(tmp_path / "data", errors=fifo)
    server.start()
    assert b"arena open" in os.read(reader, 65_536)
    os.close(reader)
    await trades(server.url)
    assert server.stop() == 0


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
async def test_what_is_printed_does_not_get_into_the_log(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """A file that is closed would leave its number to the next one that is opened."""

    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    arguments = ["serve", "--data", str(tmp_path / "data"), "--port", str(port)]
    process = subprocess.Popen([*ARENA, *arguments], preexec_fn=close)  # noqa: ASYNC220
    try:
        await until_ready(url)
        await trades(url)
        files = {os.readlink(f"/proc/{process.pid}/fd/{descriptor}") for descriptor in closed}
        assert files == {os.devnull}
    finally:
        process.terminate()
    assert await asyncio.to_thread(process.wait, 30) == 0
    assert len(list(entries(Folder(tmp_path / "data" / "log")))) > 2


async def until_ready(url: str) -> None:
    async with asyncio.timeout(START_S):
        while True:
            try:
                await asyncio.to_thread(urllib.request.urlopen, f"{url}/ready", timeout=5)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return
