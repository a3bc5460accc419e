"""The programs and the two minutes that README and docs show, on a real arena."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench.process import ArenaProcess, arena
from gateway.client import Client
from tests.documentation.pages import PAGES, ROOT, blocks, name_of, section

README = ROOT / "README.md"
PROGRAMS = {
    f"{name_of(page)}:{block.line}": block.text for page in PAGES if page != README for block in blocks(page, "python")
}


def printed_by(example: str, server: ArenaProcess, *arguments: str) -> list[str]:
    """The lines that a program prints when it plays on this server."""
    script = example.replace("http://127.0.0.1:8080", server.url)
    assert script != example
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=300, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_two_minutes_go_as_told_and_all_other_programs_run(tmp_path: Path) -> None:
    plays, holds_a_match = (block.text for block in blocks(README, "python"))
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        lines = printed_by(plays, server)
        assert lines[0].startswith("bought at ")
        assert lines[1].startswith("sold at ")
        assert lines[-1].endswith(" position.closed")

        token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
        (line,) = printed_by(holds_a_match, server, token)
        # What it is worth depends on where the price has gone meanwhile.
        assert re.fullmatch(r"rank 1 - equity \d{4,5}\.\d{8} - prize 50\.00000000", line), line

        assert PROGRAMS
        for where, program in PROGRAMS.items():
            assert printed_by(program, server), where

        assert int((server.data / "lock").read_text()) == server.pid, "`kill -9 $(cat data/lock)` hits the arena"
        server.kill()
        server.start()
        server.stop()
    finally:
        server.kill()
    assert arena("verify", "--data", str(server.data)).returncode == 0


async def test_the_other_machine_has_all_that_it_needs(tmp_path: Path) -> None:
    """What the recipe copies is enough for a guest to go on there with the token that he has."""
    server = ArenaProcess(tmp_path / "data")
    other = ArenaProcess(tmp_path / "arena")
    server.start()
    try:
        async with Client(server.url) as alice:
            await alice.guest("alice")
            await alice.top_up("USDT", 7)
            token = alice.token
        server.kill()
        recipe = section(ROOT / "docs" / "durability.md", "What one machine cannot promise")
        copied = re.findall(r"^ {4}rsync .* data/(\S+) other-machine:arena/", recipe, re.MULTILINE)
        for name in copied:
            there, to = server.data / name, other.data / name
            to.parent.mkdir(exist_ok=True)
            if there.is_dir():
                shutil.copytree(there, to)
            elif there.exists():
                shutil.copy2(there, to)
        other.start()
        async with Client(other.url) as alice:
            assert token is not None
            await alice.auth(token)
            assert {found.asset: found.balance for found in await alice.wallet()}["USDT"] == 7
    finally:
        server.kill()
        other.kill()


def test_a_python_that_is_not_the_projects_says_what_to_type() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", "from gateway.client import Client"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 1
    assert "type `. .venv/bin/activate` first" in done.stderr.splitlines()[-1]


def test_who_holds_a_match_without_a_token_is_told_how() -> None:
    _, holds_a_match = (block.text for block in blocks(README, "python"))
    done = subprocess.run([sys.executable, "-c", holds_a_match], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (1, "say who you are: python3 hold.py $(arena token --admin)\n")


def test_make_run_is_what_the_makefile_says() -> None:
    # As from a shell, also when make runs this test.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "--dry-run", "run"], capture_output=True, text=True, cwd=ROOT, check=True, env=environment
    )
    assert done.stdout.rstrip().endswith("arena serve")
