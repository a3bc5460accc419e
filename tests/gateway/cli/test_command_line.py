"""The command: help at once, one line for what is wrong, exit codes, and JSON that can be read."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from bench.process import ArenaProcess, arena
from bench.sockets.gateway import _quantile
from gateway.cli.main import main
from gateway.process.bots import Summary

ROOT = Path(__file__).parents[3]


def test_help_names_every_command() -> None:
    done = arena("--help")
    assert done.returncode == 0
    for command in (*COMMANDS, "bench"):
        assert command in done.stdout
    assert "--install-completion" in done.stdout


def test_the_command_loads_nothing_heavy_before_it_is_called() -> None:
    heavy = "{'numpy', 'numba', 'aiohttp', 'structlog', 'uvloop'}"
    code = f"import sys, gateway.cli.main; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


COMMANDS = ("serve", "market", "record", "bots", "verify", "audit", "token", "rebuild", "warmup", "config")


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
        (["serve", "--port", "99999"], "--port: must be at least 0 and at most 65535, not 99999"),
        (["market", "--symbols", "NOPE"], "cannot simulate NOPE: choose from"),
        (["market", "--recording", "nowhere.gz"], "no such recording: nowhere.gz"),
        (["record", "nowhere/file.gz"], "there is no folder nowhere"),
        (["bots", "--players", "0"], "must be positive"),
        (["bots", "--url", "http://127.0.0.1:9"], "start one with `arena serve`"),
        (["bench", "gateway", "--data", "nowhere"], "there is no folder nowhere"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refused(capsys, *arguments)
    assert told in line


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says when it is used wrongly. In this process: a new one would import for most of its time."""
    logging = structlog.get_config()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["arena", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    # Where the command logs to is this test's captured output: the next test's logging would find it closed.
    structlog.configure(**logging)
    said = capsys.readouterr().err
    lines = [line for line in said.splitlines() if line.startswith("arena: ")]
    assert (ended.value.code, len(lines)) == (2, 1), said
    return lines[0]


def test_a_port_in_use_is_told_before_anything_is_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(capsys, "serve", "--data", str(tmp_path / "data"), "--port", str(port))
    assert f"port {port} is in use: choose another with --port" in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("market", "told"),
    [
        ("binanse", 'market.source: must be "simulated", "binance" or "recording:FILES", not \'binanse\''),
        ("recording:good.gz,nowhere.gz", "market.source: no such recording: nowhere.gz"),
        ("recording:", "market.source: no such recording"),
        ("recording:good.gz,text.gz", "market.source: text.gz is no recording, or an empty one"),
        ("recording:other.gz", "market.source: other.gz is no recording, or an empty one"),
    ],
)
def test_a_market_that_cannot_be_is_told_before_anything_is_replayed(
    market: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("good.gz").write_bytes(gzip.compress(b'10 {"stream":"btcusdt@trade","data":{}}\n'))
    Path("text.gz").write_text("no gzip at all\n")
    Path("other.gz").write_bytes(gzip.compress(b"a gzip of something else\n" * 100))
    assert refused(capsys, "serve", "--port", "0", "--market", market).startswith(f"arena: {told}")
    assert not Path("data").exists()


@pytest.mark.parametrize(
    ("arguments", "config", "told"),
    [
        (["--host", "0.0.0.0"], "", "server.host is '0.0.0.0', which others can reach"),
        (["--host", "::"], "", "server.host is '::'"),
        ([], '[server]\nhost = "192.0.2.7"\n', "server.host is '192.0.2.7'"),
        ([], '[server]\nhost = ""\n', "server.host is ''"),
        ([], '[server]\ntrusted_proxies = ["127.0.0.1"]\n', "server.trusted_proxies names a proxy"),
    ],
)
def test_development_is_not_for_others_unless_it_is_said(
    arguments: list[str], config: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "arena.toml"
    path.write_text(config)
    line = refused(capsys, "serve", "--data", str(tmp_path / "data"), "--port", "0", "--config", str(path), *arguments)
    assert told in line
    assert "server.public_development to true" in line
    assert not (tmp_path / "data").exists()


def test_a_key_that_is_no_key_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[server]\nprot = 8080\n")
    done = arena("serve", "--config", str(config))
    assert done.returncode == 2
    assert "prot" in done.stderr


@pytest.mark.parametrize(("played", "errors", "code"), [(50, 0, 0), (20, 0, 1), (50, 1, 1)])
def test_bots_say_how_many_played_and_fail_when_they_are_fewer_than_asked(
    played: int, errors: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def plays(*arguments: object, **rest: object) -> Summary:
        return Summary(50, played, 1.0, 0, 0, 0, {}, 0, 0, 0, errors, [], 0.0, 0.0)

    monkeypatch.setattr("gateway.process.bots.play", plays)
    monkeypatch.setattr(sys, "argv", ["arena", "bots", "--players", "50"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == code
    assert "asked" in said.out
    assert ("only 20 of 50 players could play" in said.err) == (played == 20)


@pytest.mark.compiled
def test_a_round_of_operating(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        played = arena("bots", "--players", "3", "--seconds", "2", "--rate", "10", "--url", server.url, "--json")
        assert played.returncode == 0, played.stdout
        assert json.loads(played.stdout)["accepted"] > 5
        assert "in use by process" in refused(capsys, "verify", "--data", str(server.data))
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
