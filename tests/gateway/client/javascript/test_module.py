"""The JavaScript client's module and its types: complete, and what a compiler of TypeScript takes."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.process import ArenaProcess
from gateway.client import Refused
from gateway.documents.typescript import DECLARATIONS, typescript
from gateway.ops.table import OPS, Command
from tests.documentation.pages import ROOT, blocks
from tests.gateway.client.players import MODULE, NODE, javascript_player
from tests.gateway.client.scripted import Script, answers, hangs_up_on_orders, scripted, tells

HERE = Path(__file__).parent
COMPILER = Path(sys.prefix) / "javascript" / "node_modules" / "typescript" / "bin" / "tsc"
"""Where `make test` has it from npm."""


def run(program: str, *arguments: str) -> Any:
    """What a program that has imported the client prints, as JSON."""
    code = f"const client = await import({json.dumps(MODULE.as_uri())}); {program}"
    done = subprocess.run([NODE, "--input-type=module", "-e", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_types_are_those_of_the_definitions() -> None:
    assert DECLARATIONS.read_text() == typescript(), "make docs"


def test_the_compiler_takes_the_types_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    for path in (MODULE, DECLARATIONS, HERE / "bot.mts"):
        shutil.copy(path, tmp_path)
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2023,dom"]
    assert COMPILER.exists(), "`make test` fetches it"
    done = subprocess.run([NODE, COMPILER, *options, "bot.mts", DECLARATIONS.name], cwd=tmp_path, capture_output=True)
    assert done.stdout.decode() == ""
    assert done.returncode == 0


def test_every_command_is_sent_with_a_key() -> None:
    commands = [name for name, op in OPS.items() if isinstance(op, Command)]
    assert sorted(run("console.log(JSON.stringify([...client.COMMANDS]))")) == sorted(commands)


def test_the_module_has_what_the_types_say() -> None:
    exported = re.findall(r"^export declare (?:class|const|function) (\w+)", typescript(), re.MULTILINE)
    assert sorted(run("console.log(JSON.stringify(Object.keys(client)))")) == sorted(exported)
    declared = re.search(r"declare class Arena \{\n(.*?)\n\}", typescript(), re.DOTALL)
    assert declared is not None
    members = set(re.findall(r"^  (?:readonly )?(\w+)", declared[1], re.MULTILINE)) - {"op"}
    look = "const arena = new client.Arena(); console.log(JSON.stringify([...Object.keys(arena),"
    assert members == set(run(look + " ...Object.getOwnPropertyNames(client.Arena.prototype)]))"))


def test_the_program_of_the_documentation_runs(tmp_path: Path) -> None:
    (program,) = (block.text for block in blocks(ROOT / "docs" / "clients.md", "javascript"))
    shutil.copy(MODULE, tmp_path)
    server = ArenaProcess(tmp_path / "data")
    server.start()
    try:
        (tmp_path / "bot.mjs").write_text(program.replace("http://127.0.0.1:8080", server.url))
        done = subprocess.run([NODE, "bot.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    finally:
        server.kill()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("me ")


def test_it_needs_nothing_else() -> None:
    assert (
        re.findall(r"^\s*import |\bimport\(|\brequire\(|\bprocess\b|\bBuffer\b", MODULE.read_text(), re.MULTILINE) == []
    )


def test_a_runtime_without_websocket_says_what_to_do() -> None:
    program = (
        "delete globalThis.WebSocket; try { new client.Arena() } catch (e) { console.log(JSON.stringify(e.message)) }"
    )
    assert "pass a class as the option WebSocket" in run(program)


async def test_a_number_that_is_not_exact_is_refused_before_it_is_sent() -> None:
    async with scripted() as script, javascript_player(script.url) as alice:
        script.answers = [answers]
        for amount in (0.1, 2**53):
            with pytest.raises(TypeError, match="margin must be text or an integer"):
                await alice.request("order.place", {"margin": amount})
        assert script.seen == []


ACCOUNTS = """
[server]
development = false

[identity]
access_token_s = 10
"""


async def test_an_account_plays_on_while_its_tokens_change(tmp_path: Path) -> None:
    server = ArenaProcess(tmp_path / "data", config=ACCOUNTS)
    server.start()
    try:
        account = {"username": "alice", "password": "correct horse battery"}
        async with javascript_player(server.url) as alice:
            signed_in = await alice.call("register", account)
            await asyncio.sleep(12)  # longer than the first token lasts
            now = await alice.attributes()
            assert (await alice.request("me.get"))["player"] == now["player"] == signed_in["player"]
            assert now["token"] != signed_in["access_token"]
            assert now["refreshToken"] != signed_in["refresh_token"]
            assert now["reconnects"] == 0
        async with javascript_player(server.url) as back:
            assert (await back.call("refresh", now["refreshToken"]))["player"] == now["player"]
            assert (await back.call("login", account))["player"] == now["player"]
            with pytest.raises(Refused, match="CREDENTIALS_INVALID"):
                await back.call("login", account | {"password": "wrong horse battery"})
    finally:
        server.kill()


async def test_events_that_nobody_reads_are_dropped_and_counted() -> None:
    async def tells_five(socket: Any, asked: dict[str, Any]) -> None:
        for n in range(1, 6):
            await tells(socket, "x", n, "x")
        await answers(socket, asked)

    async with scripted() as script, javascript_player(script.url, events_kept=3) as alice:
        script.answers = [tells_five]
        await alice.request("ping")
        assert (await alice.attributes())["events_dropped"] == 2
        assert [event["n"] for event in [await alice.event() for _ in range(3)] if event] == [3, 4, 5]


async def test_a_new_connection_goes_on_where_the_old_one_was_lost() -> None:
    async with scripted() as script, javascript_player(script.url) as alice:
        script.answers = [hangs_up_on_orders, answers]
        await alice.auth("token")
        await alice.subscribe("me", "match.1")
        await alice.event()
        await alice.request("order.place", {"match": 1})
    resumed = next(asked for asked in script.seen if asked["op"] == "resume")
    assert resumed["args"] == {"session": "s", "last": {"me": 1, "match.1": 1}}


async def test_a_program_that_reads_events_is_told_why_there_are_no_more() -> None:
    async def replaces(socket: Any, asked: dict[str, Any]) -> None:
        await socket.close(code=4009)

    script: Script
    async with scripted() as script, javascript_player(script.url) as alice:
        script.answers = [replaces]
        with pytest.raises(Exception, match="closed with code 4009"):
            await alice.request("ping")
        with pytest.raises(Exception, match="closed with code 4009"):
            await alice.event()
