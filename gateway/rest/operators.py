"""What operators and load balancers ask: /health, /ready, /metrics, /version; and what is at the address itself."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from aiohttp import web

from engine.batch.machine import RULES_VERSION
from gateway.core.metrics import Metrics
from gateway.core.versions import PROTOCOL_VERSION, package_version
from gateway.rest.page import page
from gateway.rest.responses import answer
from gateway.sessions.arena import Arena


class Check(msgspec.Struct, frozen=True):
    """One of the things that must be right before the arena serves."""

    ok: bool
    detail: str


class Figures(msgspec.Struct, frozen=True):
    """What to look at first when something is wrong. `loop_lag_s` and `gc_pause_s` are the worst of the last minute or
    two; a symbol without any frame has no age, and neither has a snapshot that is not there."""

    feed_age_s: dict[str, float]
    clock_offset_s: float
    """Wall time ahead of the arena's."""
    disk_free_bytes: int
    projection_lag: int
    """Log entries."""
    log_bytes: int
    snapshot_age_s: float | None
    loop_lag_s: float
    gc_pause_s: float
    connections: dict[str, int]
    """By role."""
    log_lines_lost: int


class Readiness(msgspec.Struct, frozen=True):
    """The answer of /ready."""

    ready: bool
    checks: dict[str, Check]
    figures: Figures


class Operators:
    """The handlers. `readiness` answers /ready."""

    def __init__(self, arena: Arena, metrics: Metrics, readiness: Callable[[], Readiness]) -> None:
        self._arena = arena
        self._metrics = metrics
        self._readiness = readiness

    def for_everybody(self) -> list[web.RouteDef]:
        return [web.get("/health", self._health), web.get("/version", self._version)]

    def for_operators(self) -> list[web.RouteDef]:
        return [web.get("/ready", self._ready), web.get("/metrics", self._metrics_text)]

    async def page(self, request: web.Request) -> web.StreamResponse:
        symbol = next(iter(self._arena.instruments.by_symbol), "BTCUSDT")
        return page(request.host, request.secure, package_version(), symbol, self._arena.allows_guests())

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return answer({"ok": True})

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        readiness = self._readiness()
        return answer(readiness, 200 if readiness.ready else 503)

    async def _metrics_text(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return answer({"version": package_version(), "rules": RULES_VERSION, "protocol": PROTOCOL_VERSION})
