"""What the soak test breaks, one after another: the rows of the table in docs/durability.md, and how each is broken."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any, Final, NamedTuple

from bench import bad_clients
from bench.process import ARENA
from bench.rig import Rig, Sight

PAGE_BYTES: Final = 4_096
"""Of the projection."""

Does = Callable[[Rig, float], Coroutine[Any, Any, None]]
Shows = Callable[[Sight, Sight], bool]


class Breakage(NamedTuple):
    """`does` breaks a part for so many seconds, and heals it. `shows` says whether an operator can see it: what is to
    be seen before, and now."""

    part: str
    what: str
    does: Does
    shows: Shows | None = None
    at_least_s: float = 2.0
    restarts: bool = False


def _faults(**changes: Any) -> Does:
    async def does(rig: Rig, seconds: float) -> None:
        rig.faults(**changes)
        await asyncio.sleep(seconds)
        rig.faults()

    return does


def _fails(target: str, how: str = "broken") -> Does:
    return _faults(fail={target: how})


def _market(*command: Any) -> Does:
    async def does(rig: Rig, seconds: float) -> None:
        rig.market(*(seconds if word == "SECONDS" else word for word in command))
        await asyncio.sleep(seconds)

    return does


def _client(acts: Callable[[int, float], None]) -> Does:
    async def does(rig: Rig, seconds: float) -> None:
        await asyncio.to_thread(acts, rig.arena.port, seconds)

    return does


def _is_bad(check: str, part: str = "") -> Shows:
    return lambda before, now: now.bad(check, part)


def _grows(metric: str, by: float = 0.0) -> Shows:
    return lambda before, now: now.value(metric) > before.value(metric) + by


def _failed(part: str) -> Shows:
    return _grows(f"failures_total{{{part}}}")


def _is_above(metric: str, most: float) -> Shows:
    return lambda before, now: now.value(metric) > most


# Breakages that are more than a fault in the arena's process


async def _kill(rig: Rig, seconds: float) -> None:
    rig.arena.kill()
    await asyncio.to_thread(rig.arena.start)


async def _stop(rig: Rig, seconds: float) -> None:
    code = await asyncio.to_thread(rig.arena.stop)
    await asyncio.to_thread(rig.arena.start)
    assert code == 0, f"a clean stop ended with {code}"


async def _kill_while_rest_refuses(rig: Rig, seconds: float) -> None:
    rig.market("rest", 451)
    await _kill(rig, seconds)
    await asyncio.sleep(seconds)
    rig.market("rest", None)


async def _start_another(rig: Rig, seconds: float) -> None:
    arguments = ["serve", "--data", str(rig.arena.data), "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *ARENA, *arguments, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    _, said = await process.communicate()
    assert process.returncode == 2, f"two arenas in one folder: {said.decode()}"


async def _lock_projection(rig: Rig, seconds: float) -> None:
    path = rig.arena.data / "projection.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        await asyncio.sleep(seconds)
        other.execute("ROLLBACK")


async def _damage_projection(rig: Rig, seconds: float) -> None:
    path = rig.arena.data / "projection.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or the pages would be read from the WAL
    with path.open("r+b") as file:
        file.seek(2 * PAGE_BYTES)
        file.write(bytes(path.stat().st_size - 2 * PAGE_BYTES))
    await asyncio.sleep(seconds)


async def _nobody_reads(rig: Rig, seconds: float) -> None:
    rig.reader.sleep()
    rig.faults(fail={"gateway.channels.publisher:Publisher.send_boards": "x" * 400})
    await asyncio.sleep(seconds)
    rig.faults()
    rig.reader.wake()


async def _reader_goes(rig: Rig, seconds: float) -> None:
    rig.reader.go()
    await asyncio.sleep(0.2)
    rig.market("disconnect")
    await asyncio.sleep(seconds)
    rig.reader.come()


def _is_built_again(before: Sight, now: Sight) -> bool:
    return "built again" in str(now.checks["projection"]["detail"])


def _says_rest(before: Sight, now: Sight) -> bool:
    return "REST" in str(now.checks["feed"]["detail"])


ANSWER: Final = "gateway.ops.dispatcher:Dispatcher._answer"
NO_SPACE: Final = {"os:posix_fallocate": "ENOSPC"}
PUBLISHER: Final = "gateway.channels.publisher:Publisher"

STORE: Final = "persistence.projector:store"
SWEEP: Final = "gateway.transport.connections:Connections.sweep"
MARKET: Final = "market"
CLIENT: Final = "a client's connection"

BREAKAGES: Final = (
    Breakage("log", "kill -9", _kill, restarts=True),
    Breakage("log", "a clean stop", _stop, restarts=True),
    Breakage("market exchange", "kill -9, and REST answers 451", _kill_while_rest_refuses, _says_rest, restarts=True),
    Breakage("log", "syncs take 300 ms longer", _faults(slow={"os:fdatasync": 0.3}), _grows("sync_seconds_sum", 0.5)),
    Breakage("folder", "the disk is full", _faults(free_bytes=1_000_000, fail=NO_SPACE), _is_bad("disk", "full")),
    Breakage("folder", "the disk does not answer", _fails("os:statvfs", "EIO"), _is_bad("disk", "answer")),
    Breakage("projection", "another process has locked it", _lock_projection, _is_above("projection_lag", 50), 6.0),
    Breakage("projection", "its disk is full", _fails(STORE, "SQLITE_FULL"), _is_above("projection_lag", 50)),
    Breakage("projection", "its disk fails", _fails(STORE, "SQLITE_IOERR"), _is_above("projection_lag", 50)),
    Breakage("projection", "pages of it are damaged", _damage_projection, _is_built_again),
    Breakage("snapshots", "none can be written", _fails("persistence.snapshot:write", "EIO")),
    Breakage(MARKET, "it is silent", _market("gap", "SECONDS"), _is_bad("feed", "stale"), 5.0),
    Breakage(MARKET, "one symbol is silent", _market("gap", "SECONDS", "BTCUSDT"), _is_bad("feed", "BTCUSDT"), 5.0),
    Breakage(MARKET, "numbers start over", _market("start_over", "ETHUSDT"), _grows("market_reconnects_total"), 8.0),
    Breakage(MARKET, "it is away", _market("outage", "SECONDS"), _is_bad("feed", "stale"), 4.0),
    Breakage(MARKET, "it stalls, and sends all at once", _market("stall", "SECONDS"), _is_bad("feed", "stale"), 3.5),
    Breakage(MARKET, "it sends garbage", _market("garbage", 500)),
    Breakage(MARKET, "it sends what is nested too deeply", _market("nest", "SOLUSDT")),
    Breakage(MARKET, "one wild price", _market("wild", "BNBUSDT")),
    Breakage(MARKET, "its sink fails", _fails("gateway.market.prices:Prices.quote"), _failed("market")),
    Breakage("connections", "it fails", _fails(SWEEP), _failed("connections")),
    Breakage("listener", "it fails", _fails("gateway.transport.listener:Listener.sweep"), _failed("listener")),
    Breakage("candles", "it fails", _fails(f"{PUBLISHER}.send_candles"), _failed("candles")),
    Breakage("boards", "it fails", _fails(f"{PUBLISHER}.send_boards"), _failed("boards")),
    Breakage("accounts", "it fails", _fails("gateway.identity.database:Database.changed_outside"), _failed("accounts")),
    Breakage("files", "it fails", _fails("gateway.process.health:_look_at"), _failed("files"), 6.0),
    Breakage("pulse", "it fails", _fails("gateway.process.pulse:Worst.observe"), _failed("pulse")),
    Breakage("fan-out", "channels fail", _fails("gateway.channels.fanout:Channel.send"), _failed("fan-out")),
    Breakage("an answer", "none can be made", _fails(ANSWER), _failed("an answer")),
    Breakage(CLIENT, "it does not read", _client(bad_clients.never_reads), None, 8.0),
    Breakage(CLIENT, "300 say nothing", _client(bad_clients.say_nothing)),
    Breakage(CLIENT, "pings without end", _client(bad_clients.ping)),
    Breakage(CLIENT, "they hang up", _client(bad_clients.hang_up)),
    Breakage("log lines", "nobody reads them", _nobody_reads),
    Breakage("log lines", "who read them is gone", _reader_goes, _grows("log_lines_lost_total")),
    Breakage("event loop", "it is blocked", _faults(slow={SWEEP: 0.5}), _grows("loop_lag_seconds_sum", 0.5)),
    Breakage("the clock", "the wall's is 30 s ahead for a time", _faults(wall_s=30.0), _grows("clock_steps_total")),
    Breakage("the clock", "the wall's is ten days ahead", _faults(wall_s=864_000.0), _is_bad("clock", "not believed")),
    Breakage("lock", "another arena is started in the folder", _start_another),
)
