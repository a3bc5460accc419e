"""Whatever fails beside the log: it is told, counted and started again, and the arena goes on."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import structlog

from engine.batch.machine import Machine
from engine.model.commands import Batch
from gateway.channels.publisher import Publisher
from gateway.core.config import Keys
from gateway.core.sequencer import Sequencer
from gateway.identity.action_log import ActionLog
from gateway.identity.database import Database
from gateway.identity.keys.keyring import Keyring
from gateway.identity.operators import Action
from gateway.identity.play import Play
from gateway.market.prices import Prices
from gateway.market.server import MarketServer
from gateway.notify.letters import Letter
from gateway.notify.outbox import Outbox
from gateway.process import data_folder, health
from gateway.process.app import FANOUT, ROOMS, App, serve
from gateway.process.pulse import Worst
from gateway.process.supervision import Supervisor
from gateway.transport.connections import Connections
from gateway.transport.listener import Listener
from persistence import snapshot
from persistence.data_lock import DataLock
from persistence.log import EXIT_LOG_FAILED, Appended, DiskSpace, Log, LogFailed
from persistence.projector import Projector
from tests.documentation.pages import ROOT, rows, section
from tests.gateway.transport.test_sockets import LONG, Web, ask, config_of, running, until


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    config = msgspec.structs.replace(config_of(tmp_path), keys=Keys(write_usage_every_s=0.1))
    async with running(config) as app:
        yield app


@pytest.fixture
async def web(app: App) -> AsyncIterator[Web]:
    async with aiohttp.ClientSession() as http:
        yield Web(app, http)


def fails(*arguments: Any, **named: Any) -> Any:
    raise ValueError("broken for a test")


# The supervisor


async def test_work_that_fails_is_started_again_and_so_is_work_that_ends() -> None:
    begun: list[str] = []

    async def works() -> None:
        begun.append("")
        if len(begun) == 1:
            fails()
        if len(begun) == 3:
            await asyncio.Event().wait()

    supervisor = Supervisor(first_wait_s=0.1)
    supervisor.start("boards", works)
    await until(lambda: bool(supervisor.failing))
    assert supervisor.failing["boards"].startswith("ValueError: broken for a test, at test_supervision.py:")
    await until(lambda: len(begun) == 3)
    assert supervisor.failing == {}
    assert supervisor.failures == {"boards": 2}
    await supervisor.stop()


async def test_one_that_fails_at_once_is_waited_for_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def sleeps(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    async def works() -> None:
        fails()

    supervisor = Supervisor(first_wait_s=1)
    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "sleep", sleeps)
        supervisor.start("boards", works)
        while len(waits) < 8:
            await sleep(0)
        await supervisor.stop()
    assert waits[:8] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_the_worst_of_the_last_minutes_is_forgotten_after_them() -> None:
    minute, worst = 60 * 10**9, Worst()
    worst.observe(7, 0)
    worst.observe(3, minute - 1)
    assert worst.ns(minute - 1) == 7
    worst.observe(2, minute)
    assert worst.ns(minute) == 7
    assert worst.ns(2 * minute) == 2
    assert worst.ns(9 * minute) == 0


# One part after another

BREAKS = {
    "connections": (Connections, "sweep"),
    "candles": (Publisher, "send_candles"),
    "tickers": (Publisher, "send_tickers"),
    "boards": (Publisher, "send_boards"),
    "folder": (Log, "disk_space"),
    "files": (health, "_look_at"),
    "pulse": (Worst, "observe"),
    "market": (Prices, "quote"),
    "market playback": (MarketServer, "_publish"),
    "listener": (Listener, "sweep"),
    "accounts": (Database, "changed_outside"),
    "mail": (Outbox, "_send"),
    "actions": (ActionLog, "write"),
    "play": (Play, "pass_time"),
    "keys": (Keyring, "write"),
}
"""By task: what to break, so that it fails."""


async def test_no_task_ends_the_arena(app: App, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(BREAKS) == set(app.supervisor._tasks)
    monkeypatch.setattr(health, "LOOK_AT_FILES_EVERY_S", 0.05)
    ws = await web.socket((await web.guest())["token"])
    for name, (owner, attribute) in BREAKS.items():
        with monkeypatch.context() as patched:
            patched.setattr(owner, attribute, fails)
            app.arena.actions.put(Action(0, 0, "", "", "", "{}", "", "ok"))
            app.identities.outbox.put(Letter("ann@example.com", "for the task that sends mail", ""))
            await until(partial(app.supervisor.failing.__contains__, name))
            _, ready = await web.get("/ready")
            assert ready["ready"] is False
            assert ready["checks"]["tasks"]["detail"].startswith(f"{name}: ValueError: broken for a test")
            assert (await ask(ws, "ping"))["ok"]
        await until(lambda: not app.supervisor.failing and app.checks()["feed"].ok)
        assert (await ask(ws, "order.place", LONG))["ok"], name
    assert set(app.supervisor.failures) == set(BREAKS)
    async with web.http.get(web.url + "/metrics") as response:
        metrics = await response.text()
    assert all(f'arena_failures_total{{part="{name}"}}' in metrics for name in BREAKS)


@pytest.mark.parametrize("consumer", [FANOUT, ROOMS])
async def test_events_that_cannot_be_sent_end_sessions_and_nothing_else(app: App, web: Web, consumer: str) -> None:
    token = (await web.guest())["token"]
    ws = await web.socket(token)
    consumers = app.arena.sequencer._consumers
    app.arena.sequencer._consumers = {**consumers, consumer: fails}
    await ws.send_json({"id": 1, "op": "order.place", "args": LONG})
    received = [await ws.receive(timeout=5) for _ in range(2)]
    assert received[-1].data == 1011
    app.arena.sequencer._consumers = consumers
    assert app.supervisor.failures[consumer] >= 1
    again = await web.socket(token)
    assert len((await ask(again, "position.list", {"match": 1}))["result"]) == 1


async def test_a_log_that_fails_in_the_last_batch_is_told_as_at_any_other_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, stopping, ports = asyncio.Event(), threading.Event(), list[int]()
    loop = asyncio.get_running_loop()

    def fails_at_the_stop(log: Log, batch: Batch, state_hash: bytes | None) -> Appended:
        loop.call_soon_threadsafe(stop.set)
        assert stopping.wait(10)
        raise LogFailed("the disk is gone")

    def stops(sequencer: Sequencer) -> None:
        stopping.set()
        sequencer._stopping = True

    config = config_of(tmp_path)
    with structlog.testing.capture_logs() as lines:
        served = asyncio.create_task(serve(config, ports.append, stop))
        await until(lambda: bool(ports) or served.done())
        monkeypatch.setattr(Sequencer, "stop", stops)
        monkeypatch.setattr(Log, "_append", fails_at_the_stop)
        assert await asyncio.wait_for(served, 10) == EXIT_LOG_FAILED
    assert "critical" in [line["log_level"] for line in lines]
    DataLock(tmp_path).release()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("a fault of ours")])
async def test_a_snapshot_that_cannot_be_written_is_tried_again(
    app: App, web: Web, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tried: list[str] = []

    def full(*arguments: Any) -> Any:
        tried.append("")
        raise error

    folder = app.folder
    with monkeypatch.context() as patched:
        patched.setattr(snapshot, "write", full)
        folder._last_s = -1e9
        await until(lambda: bool(tried) and folder._writing is None)
    assert folder.snapshots == 0
    assert app.supervisor.failures["snapshot"] == len(tried)
    await web.guest()
    folder._last_s = -1e9
    await until(lambda: folder.snapshots == 1)


async def test_a_disk_that_does_not_answer_keeps_what_opens_out_and_lets_closes_in(
    app: App, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = await web.socket((await web.guest())["token"])
    position = (await ask(ws, "order.place", LONG))["result"]["position"]

    def broken(log: Log) -> Any:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Log, "disk_space", broken)
        await until(lambda: not app.checks()["disk"].ok)
        assert "does not answer" in app.checks()["disk"].detail
        assert (await ask(ws, "order.place", LONG))["error"]["code"] == "OVERLOADED"
        closed = await ask(ws, "position.close", {"position": position, "percent": 100})
        assert closed["ok"], closed
    await until(lambda: app.checks()["disk"].ok)
    assert (await ask(ws, "order.place", LONG))["ok"]


async def test_a_disk_that_hangs_holds_up_nobody_and_counts_as_full(
    app: App, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = await web.socket((await web.guest())["token"])
    answers, asked = threading.Event(), threading.Semaphore(0)
    disk_space = Log.disk_space

    def hangs(log: Log) -> DiskSpace:
        asked.release()
        answers.wait(20)
        return disk_space(log)

    monkeypatch.setattr(data_folder, "DISK_ANSWERS_WITHIN_S", 0.1)
    monkeypatch.setattr(Log, "disk_space", hangs)
    try:
        await until(lambda: asked.acquire(blocking=False))
        assert not answers.is_set()
        await until(lambda: not app.checks()["disk"].ok)
        assert app.checks()["disk"].detail == "the disk does not answer: it hangs"
        refused = (await ask(ws, "order.place", LONG))["error"]
        assert refused["details"] == {"because": "the disk does not answer: it hangs"}
        await asyncio.sleep(1)
        assert not asked.acquire(blocking=False), "one thread waits, however long it takes"
    finally:
        answers.set()
    await until(lambda: app.checks()["disk"].ok)
    assert (await ask(ws, "order.place", LONG))["ok"]


async def test_a_history_that_does_not_keep_up_is_no_fault_of_the_disk(
    app: App, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = await web.socket((await web.guest())["token"])
    with monkeypatch.context() as patched:
        patched.setattr(Projector, "full", property(lambda self: True))
        await until(lambda: bool(app.arena.sequencer.risk_refused))
        checks = app.checks()
        assert (checks["disk"].ok, checks["projection"].ok) == (True, False)
        refused = (await ask(ws, "order.place", LONG))["error"]
        assert refused["details"] == {"because": "the projection lags behind"}
    await until(lambda: not app.arena.sequencer.risk_refused)


async def test_an_engine_that_fails_in_a_batch_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows how much of the batch the tables hold; the log has all of it, and the next start replays it."""
    ports: list[int] = []
    served = asyncio.create_task(serve(config_of(tmp_path), ports.append))
    await until(lambda: bool(ports))
    monkeypatch.setattr(Machine, "apply", fails)
    with pytest.raises(ValueError, match="broken for a test"):
        await asyncio.wait_for(served, 10)


# The table


async def test_every_task_and_thread_of_an_arena_is_in_the_table(app: App, web: Web) -> None:
    await ask(await web.socket((await web.guest())["token"]), "order.place", LONG)
    table = rows(section(ROOT / "docs" / "durability.md", "Supervision"))
    said = {name for part, *_ in table for name in part.replace("`", "").split(", ")}
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    ours = {name for name in tasks if not name.startswith("Task-")} - {"stop"}
    threads = {short(thread.name) for thread in threading.enumerate()} - {"MainThread"}
    assert ours - said == set()
    assert threads - said == set()


def short(thread: str) -> str:
    """What a thread is called, without its number."""
    function = re.fullmatch(r"Thread-\d+ \((\w+)\)", thread)
    return function[1] if function else re.sub(r"[_-]\d+$", "", thread)
