"""The command: help at once, one line for what is wrong, exit codes, and JSON that can be read."""

from __future__ import annotations

import gzip
import json
import socket
import time
from pathlib import Path

import pytest

from bench.gateway import _quantile
from bench.process import ArenaProcess, arena


def test_help_comes_at_once() -> None:
    begun_s = time.perf_counter()
    done = arena("--help")
    assert time.perf_counter() - begun_s < 2.0, "something heavy is imported: see the module's docstring"
    assert done.returncode == 0
    for command in (*COMMANDS, "bench"):
        assert command in done.stdout
    assert "--install-completion" in done.stdout


COMMANDS = ("serve", "market", "record", "bots", "verify", "audit", "token", "rebuild", "warmup")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = arena(command, "--help")
    assert done.returncode == 0
    assert f"arena {command}" in done.stdout


def test_version() -> None:
    assert arena("--version").stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["verify", "--data", "nowhere"], "there is no arena in nowhere: name its folder with --data"),
        (["rebuild", "--data", "nowhere"], "there is no arena in nowhere: name its folder with --data"),
        (["serve", "--config", "nowhere.toml"], "nowhere.toml"),
        (["serve", "--port", "99999"], "--port: Expected `int` <= 65535"),
        (["market", "--symbols", "NOPE"], "cannot simulate NOPE: choose from"),
        (["market", "--recording", "nowhere.gz"], "no such recording: nowhere.gz"),
        (["record", "nowhere/file.gz"], "there is no folder nowhere"),
        (["bots", "--players", "0"], "must be positive"),
        (["bots", "--url", "http://127.0.0.1:9"], "start one with `arena serve`"),
        (["bench", "gateway", "--data", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = arena(*arguments)
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("arena: ")]
    assert len(lines) == 1, done.stderr
    assert told in lines[0]
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_told_before_anything_is_replayed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = arena("serve", "--data", str(tmp_path / "data"), "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} is in use: choose another with --port" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("market", "told"),
    [
        ("binanse", "market.source: must be \"simulated\", \"binance\" or \"recording:FILES\", not 'binanse'"),
        ("recording:good.gz,nowhere.gz", "market.source: no such recording: nowhere.gz"),
        ("recording:", "market.source: no such recording"),
        ("recording:good.gz,text.gz", "market.source: text.gz is no recording, or an empty one"),
        ("recording:other.gz", "market.source: other.gz is no recording, or an empty one"),
    ],
)
def test_a_market_that_cannot_be_is_told_before_anything_is_replayed(
    market: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.gz").write_bytes(gzip.compress(b'10 {"stream":"btcusdt@trade","data":{}}\n'))
    Path("text.gz").write_text("no gzip at all\n")
    Path("other.gz").write_bytes(gzip.compress(b"a gzip of something else\n" * 100))
    done = arena("serve", "--port", "0", "--market", market)
    assert done.returncode == 2, done.stderr
    assert f"arena: {told}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("data").exists()


def test_a_key_that_is_no_key_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[server]\nprot = 8080\n")
    done = arena("serve", "--config", str(config))
    assert done.returncode == 2
    assert "prot" in done.stderr


def test_a_round_of_operating(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        played = arena("bots", "--players", "3", "--seconds", "2", "--rate", "10", "--url", server.url, "--json")
        assert played.returncode == 0, played.stdout
        assert json.loads(played.stdout)["accepted"] > 5
        in_use = arena("verify", "--data", str(server.data))
        assert in_use.returncode == 2
        assert "in use by process" in in_use.stderr
        second = arena("serve", "--data", str(server.data), "--port", "0")
        assert second.returncode == 2
        assert "choose another folder with --data" in second.stderr
    finally:
        server.stop()
    verified = arena("verify", "--data", str(server.data), "--json")
    assert verified.returncode == 0, verified.stderr
    verdict = json.loads(verified.stdout)
    assert verdict["equal"]
    rebuilt = arena("rebuild", "--data", str(server.data), "--json")
    assert json.loads(rebuilt.stdout) == {"sequence": verdict["sequence"]}


def test_a_flipped_bit_fails_the_check(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data")
    server.start()
    server.stop()
    (segment,) = (server.data / "log").glob("*.log")
    content = bytearray(segment.read_bytes())
    content[4096 + 200] ^= 1
    segment.write_bytes(content)
    done = arena("verify", "--data", str(server.data))
    assert done.returncode == 1
    assert segment.name in done.stderr
    assert "Traceback" not in done.stderr


def test_quantiles_of_a_histogram() -> None:
    buckets = [(1.0, 0.0), (2.0, 10.0), (4.0, 20.0), (float("inf"), 20.0)]
    assert _quantile(buckets, 0.5) == 2.0
    assert _quantile(buckets, 0.75) == 3.0
