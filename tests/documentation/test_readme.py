"""What the README shows works: its client, its commands, and the files that it points to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.process import ArenaProcess, arena

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def printed_by(example: str, server: ArenaProcess, *arguments: str) -> list[str]:
    """The lines that a script of the README prints when it plays on this server."""
    script = example.replace("http://127.0.0.1:8080", server.url)
    assert script != example
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=30, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_two_minutes_go_as_told(tmp_path: Path) -> None:
    plays, holds_a_match = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        lines = printed_by(plays, server)
        assert lines[0].startswith("bought at ")
        assert lines[1].startswith("sold at ")
        assert lines[-1].endswith(" position.closed")

        token = arena("token", "--admin", "--data", str(server.data)).stdout.strip()
        (line,) = printed_by(holds_a_match, server, token)
        assert line.startswith("rank 1 - equity 9999."), line
        assert line.endswith(" - prize 50.00000000")

        assert int((server.data / "lock").read_text()) == server.pid, "`kill -9 $(cat data/lock)` hits the arena"
        server.kill()
        server.start()
        server.stop()
    finally:
        server.kill()
    assert arena("verify", "--data", str(server.data)).returncode == 0


def test_it_points_at_files_that_are_there() -> None:
    paths = re.findall(r"`((?:engine|gateway|persistence|tests)/[\w./*]*|config\.toml)`", README)
    assert len(paths) > 10
    for path in paths:
        assert list(ROOT.glob(path.rstrip("/"))), path


def test_it_names_options_that_exist() -> None:
    for command, options in re.findall(r"arena (serve|bots|verify|record|token)\b([^`|\n]*)", README):
        known = arena(command, "--help").stdout
        for option in set(re.findall(r"--[\w-]+", options)) - {"--help"}:
            assert option in known, f"arena {command} {option}"


def test_make_run_is_what_the_makefile_says() -> None:
    # As from a shell, also when make runs this test.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "--dry-run", "run"], capture_output=True, text=True, cwd=ROOT, check=True, env=environment
    )
    assert done.stdout.rstrip().endswith("arena serve")
