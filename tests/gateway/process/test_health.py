"""What an arena says of itself."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import aiohttp
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.model.commands import Batch
from engine.model.scale import NS_PER_S
from gateway.cli.serve import _advice
from gateway.core.clock import ClockRefused
from gateway.process import health
from gateway.process.app import App
from tests.gateway.transport.test_sockets import LONG, Web, ask, config_of, running, until


async def figures_of(web: Web) -> dict[str, float]:
    """By name; that of a label as name{value}."""
    async with web.http.get(web.url + "/metrics") as response:
        text = await response.text()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = "".join(value for name, value in sample.labels.items() if name != "le")
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_ready_says_what_there_is_to_look_at(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        web = Web(app, http)
        tokens = ("", (await web.guest())["token"], app.arena.tokens.issue(0, "admin"))
        sockets = [await web.socket(token) for token in tokens]
        await until(lambda: app.health.files.log_bytes > 0)
        gc.collect()
        status, ready = await web.get("/ready")
        assert (status, ready["ready"]) == (200, True)
        figures = ready["figures"]
        assert set(figures["feed_age_s"]) == {"BTCUSDT"}
        assert figures["feed_age_s"]["BTCUSDT"] < 60
        assert abs(figures["clock_offset_s"]) < 1
        assert figures["disk_free_bytes"] > 0
        assert figures["projection_lag"] >= 0
        assert figures["log_bytes"] > 1_000_000
        assert figures["snapshot_age_s"] is None
        assert figures["gc_pause_s"] > 0
        assert figures["connections"] == {"player": 1, "admin": 1, "stranger": 1}
        assert ready["checks"]["projection"]["ok"]
        assert not any(socket.closed for socket in sockets)


async def test_a_batch_that_does_not_get_to_the_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "DISK_ANSWERS_WITHIN_S", 0.2)
    async with running(config_of(tmp_path)) as app:
        await until(lambda: app.checks()["log"].ok)
        sequencer, synced = app.arena.sequencer, asyncio.Event()
        append = sequencer._append

        async def hangs(batch: Batch) -> None:
            await synced.wait()
            await append(batch)

        monkeypatch.setattr(sequencer, "_append", hangs)
        await until(lambda: not app.checks()["log"].ok)
        assert "on its way to the disk for " in app.checks()["log"].detail
        synced.set()
        await until(lambda: app.checks()["log"].ok)


async def test_the_age_of_the_newest_snapshot_is_told_across_a_restart(tmp_path: Path) -> None:
    async with running(config_of(tmp_path)) as app:
        assert app.health.figures().snapshot_age_s is None
    async with running(config_of(tmp_path)) as app:
        await until(lambda: app.health.files.snapshot_at_s is not None)
        age_s = app.health.figures().snapshot_age_s
        assert age_s is not None
        assert 0 <= age_s < 600


async def test_a_wall_clock_that_is_not_believed_is_told(tmp_path: Path) -> None:
    async with running(config_of(tmp_path)) as app:
        clock = app.arena.clock
        wall_ns = clock._wall_ns
        clock._wall_ns = lambda: wall_ns() + 30 * 86_400 * NS_PER_S
        assert not app.health.checks()["clock"].ok
        assert "is not believed" in app.health.checks()["clock"].detail
        assert app.health.figures().clock_offset_s > 29 * 86_400
        clock._wall_ns = lambda: wall_ns() - 7_200 * NS_PER_S
        assert app.health.checks()["clock"].ok
        assert "7200 s behind" in app.health.checks()["clock"].detail
        clock._wall_ns = wall_ns


async def test_metrics_tell_how_each_step_of_a_command_goes(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http, running(config_of(tmp_path)) as app:
        web = Web(app, http)
        ws = await web.socket((await web.guest())["token"])
        await until(lambda: app.health.pulse.loop_lags.total > 0)
        before = await figures_of(web)
        assert (await ask(ws, "order.place", LONG))["ok"]
        assert (await ask(ws, "order.place", LONG | {"leverage": 1_000}))["error"]["code"] == "LEVERAGE_TOO_HIGH"
        assert (await ask(ws, "order.place", {}))["error"]["code"] == "BAD_ARGUMENTS"
        await web.get("/api/v1/markets/quotes", params={"symbol": "X"})
        after = await figures_of(web)
        assert after["arena_decode_seconds_count"] - before["arena_decode_seconds_count"] == 3
        assert after["arena_wait_seconds_count"] - before["arena_wait_seconds_count"] == 2
        for step in ("sync", "apply", "fanout"):
            assert after[f"arena_{step}_seconds_count"] > before[f"arena_{step}_seconds_count"]
            assert after[f"arena_{step}_seconds_sum"] > 0
        assert after["arena_batch_records_count"] == after["arena_sync_seconds_count"]
        for code in ("LEVERAGE_TOO_HIGH", "BAD_ARGUMENTS", "SYMBOL_UNKNOWN"):
            assert after[f"arena_refusals_total{{{code}}}"] == 1
        assert after["arena_connections{player}"] == 1
        assert 0 <= after["arena_feed_age_seconds{BTCUSDT}"] < 60
        assert after["arena_memory_bytes"] > after["arena_table_bytes"] > 100_000
        assert after["arena_loop_lag_seconds_count"] > 0
        assert after["arena_log_lines_lost_total"] >= 0


async def test_files_are_looked_at_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "one").write_bytes(b"x" * 8_192)
    found = health._look_at(tmp_path)
    assert (found.log_bytes, found.snapshots_bytes, found.snapshot_at_s) == (8_192, 0, None)


async def test_an_arena_that_was_off_for_long_is_started_when_somebody_says_so(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    async with running(config):
        pass
    data = msgspec.structs.replace(config.data, clock_ahead_s=0.001)
    with pytest.raises(ClockRefused, match="ahead of the last stamp") as refused:
        await App.start(msgspec.structs.replace(config, data=data))
    assert "--accept-clock" in _advice(refused.value)
    accepted = msgspec.structs.replace(data, accept_clock=True)
    async with running(msgspec.structs.replace(config, data=accepted)) as app:
        assert app.arena.clock.offset_ns() < NS_PER_S
