"""The Python client as a package of its own, in an environment that has nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from bench.process import ArenaProcess
from build_client_wheel import build

PLAYS = """
import asyncio, sys
from arena_client import Client, SyncClient

async def again(token):
    async with Client(sys.argv[1], encoding="msgpack") as arena:
        await arena.auth(token)
        return len(await arena.positions())

with SyncClient(sys.argv[1]) as arena:
    arena.guest("alice")
    print(arena.place(symbol="BTCUSDT", side="long", margin="100", leverage=10).status)
    print(asyncio.run(again(arena.token)))
print(sorted({"numpy", "numba", "engine", "gateway"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("client"))


def test_it_has_the_client_the_protocol_and_no_name_of_the_project(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as package:
        sources = {name: package.read(name).decode() for name in package.namelist() if name.endswith(".py")}
        metadata = next(package.read(name).decode() for name in package.namelist() if name.endswith("METADATA"))
    assert {"arena_client/client.py", "arena_client/sync.py", "arena_client/protocol/orders.py"} <= set(sources)
    assert {name.split("/")[0] for name in sources} == {"arena_client"}
    assert [
        name for name, text in sources.items() if re.search(r"^\s*(from|import) (gateway|engine)", text, re.M)
    ] == []
    needed = re.findall(r"^Requires-Dist: ([\w-]+)", metadata, re.MULTILINE)
    assert needed == ["aiohttp", "msgspec"]


@pytest.mark.compiled
def test_it_plays_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--disable-pip-version-check", "-q"]
    subprocess.run([*install, str(wheel)], check=True)
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        played = subprocess.run(
            [python, "-I", "-c", PLAYS, server.url], capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        server.kill()
    assert (played.returncode, played.stderr) == (0, "")
    assert played.stdout.splitlines() == ["filled", "1", "[]"]
