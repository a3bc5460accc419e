"""REST under /api/v1, and what operators ask: /health, /ready, /metrics, /version.

The same answers as the socket's ops, as JSON; errors as application/problem+json with the same codes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec
import structlog
from aiohttp import web

from engine.batch.machine import RULES_VERSION
from engine.model.commands import RegisterPlayer, encode_cold
from engine.model.reasons import Reason
from engine.views import seats_of
from gateway.core.limits import Buckets, retry_after_ms
from gateway.core.metrics import Metrics
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from gateway.core.tokens import PLAYER, new_registration
from gateway.core.versions import PROTOCOL_VERSION, package_version
from gateway.ops.market import all_instruments, candles_of, quote_of
from gateway.presenters.referral_codes import player_of
from gateway.protocol.codecs import JSON
from gateway.protocol.errors import Code, Error, Problem, Refused, error_of
from gateway.protocol.market import CandlesOf, QuotesOf
from gateway.protocol.player_names import player_name
from gateway.protocol.problems import problem_of
from gateway.protocol.session import ExpiringToken, Guest, Renewed, SignInGuest
from gateway.sessions.arena import Arena
from gateway.sessions.caller import ANSWER_BYTES, RENEWED_BY_REFRESH
from gateway.transport.addresses import Addresses
from gateway.transport.listener import Door
from gateway.transport.page import page
from gateway.transport.websocket import VERSION, Sockets, origin_allowed

log = structlog.get_logger()
T = TypeVar("T")
CALL_TIMEOUT_S: Final = 10.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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


class Rest:
    """The handlers. `readiness` answers /ready."""

    def __init__(
        self, arena: Arena, metrics: Metrics, readiness: Callable[[], Readiness], addresses: Addresses
    ) -> None:
        limits = arena.config.limits
        self._arena = arena
        self._metrics = metrics
        self._readiness = readiness
        self._guests = Buckets(limits.guests_per_address_per_minute, limits.guests_per_address_per_minute, per_s=60)
        self._requests = Buckets(limits.requests_per_address_per_s, limits.requests_per_address_per_s)
        self._addresses = addresses

    def application(self, sockets: Sockets, routes: Iterable[web.RouteDef] = ()) -> web.Application:
        """What is on the public port, with routes that are served elsewhere."""
        limits = self._arena.config.limits
        application = web.Application(
            middlewares=[_has_come, self._answer_errors, self._limit_address], client_max_size=limits.frame_bytes
        )
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", sockets.serve),
                web.post("/api/v1/auth/guest", self._guest),
                web.post("/api/v1/auth/renew", self._renew),
                web.get("/api/v1/instruments", self._instruments),
                web.get("/api/v1/quotes", self._quotes),
                web.get("/api/v1/candles", self._candles),
                web.get("/health", self._health),
                web.get("/version", self._version),
                *routes,
            ]
        )
        if not self._arena.config.server.operators_listen:
            application.add_routes(self._for_operators())
        return application

    def operators_application(self) -> web.Application:
        """What is on the port for operators, if there is one."""
        application = web.Application(middlewares=[_has_come, self._answer_errors])
        application.add_routes(
            [web.get("/health", self._health), web.get("/version", self._version), *self._for_operators()]
        )
        return application

    def _for_operators(self) -> list[web.RouteDef]:
        return [web.get("/ready", self._ready), web.get("/metrics", self._metrics_text)]

    # Players

    async def _guest(self, request: web.Request) -> web.StreamResponse:
        arena = self._arena
        if not arena.allows_guests():
            raise Refused(Code.NOT_ALLOWED)
        guest: SignInGuest = JSON.decode(await body_of(request) or b"{}", SignInGuest)
        if guest.token is not None:
            if guest.name is not None:
                raise Refused(Code.BAD_ARGUMENTS, field="name", problem="a player keeps its name")
            if guest.referral_code is not None:
                raise Refused(Code.BAD_ARGUMENTS, field="referral_code", problem="only a new player can be referred")
            identity = arena.identity(guest.token, arena.config.server.token_grace_s)
            if identity.is_of_account:
                raise Refused(Code.NOT_ALLOWED, problem=RENEWED_BY_REFRESH)
            player = identity.player
        else:
            name = _name_of(guest)
            self._spend(self._guests, request)
            referrer = player_of(guest.referral_code) if guest.referral_code is not None else 0
            grant = arena.config.players.demo_units()
            blob = encode_cold(RegisterPlayer(name, grant, referrer, new_registration()))
            async with asyncio.timeout(CALL_TIMEOUT_S):
                outcome, _ = await arena.sequencer.call(cold_record(), Urgency.OPENS, blob)
            if outcome.reason:
                raise Refused(Reason(outcome.reason))
            player = outcome.id
        registered = arena.state.cold.players[player]
        matches = [seat.match for seat in seats_of(arena.state, player)]
        token = arena.tokens.issue(player, registration=registered.registration)
        return _json(Guest(token, player, registered.name, matches))

    async def _renew(self, request: web.Request) -> web.StreamResponse:
        """Where guests are not allowed too: a player's token is all that there is of the player."""
        arena = self._arena
        given: ExpiringToken = JSON.decode(await body_of(request), ExpiringToken)
        identity = arena.identity(given.token, arena.config.server.token_grace_s)
        if identity.role != PLAYER:
            raise Refused(Code.PLAYERS_ONLY)
        if identity.is_of_account:
            raise Refused(Code.NOT_ALLOWED, problem=RENEWED_BY_REFRESH)
        token = arena.tokens.renewed(identity)
        return _json(Renewed(token, arena.tokens.expires_in_s(arena.identity(token))))

    # Market

    async def _instruments(self, request: web.Request) -> web.StreamResponse:
        return _json(all_instruments(self._arena))

    async def _quotes(self, request: web.Request) -> web.StreamResponse:
        of = _query(request, QuotesOf)
        symbols = [of.symbol] if of.symbol is not None else list(self._arena.instruments.by_symbol)
        return _json([quote_of(self._arena, symbol) for symbol in symbols])

    async def _candles(self, request: web.Request) -> web.StreamResponse:
        return _json(await candles_of(self._arena, _query(request, CandlesOf)))

    # Operators

    async def _health(self, request: web.Request) -> web.StreamResponse:
        return _json({"ok": True})

    async def _ready(self, request: web.Request) -> web.StreamResponse:
        readiness = self._readiness()
        return _json(readiness, 200 if readiness.ready else 503)

    async def _metrics_text(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        symbol = next(iter(self._arena.instruments.by_symbol), "BTCUSDT")
        return page(request.host, request.secure, package_version(), symbol, self._arena.allows_guests())

    async def _version(self, request: web.Request) -> web.StreamResponse:
        return _json({"version": package_version(), "rules": RULES_VERSION, "protocol": PROTOCOL_VERSION})

    # All of them

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Origin, and every error as a problem."""
        server = self._arena.config.server
        allowed = origin_allowed(request, server.allowed_origins, server.development)
        try:
            response = await handler(request)
        except Refused as refused:
            self._arena.refusals[refused.error.code] += 1
            response = problem(refused.error, refused.status)
            response.headers.update(_HEADERS.get(refused.code, {}))
            if refused.code is Code.RATE_LIMITED:
                response.force_close()
        except web.HTTPException as error:
            response = _http_problem(error)
        except (ConnectionError, web.RequestPayloadError):
            # The client has hung up or sent half a body. If it is there still, this is its answer.
            response = problem(error_of(Code.BAD_MESSAGE, problem="the request is not whole"), 400)
        except TimeoutError:
            log.warning("a request was not answered in time", path=request.path)
            response = problem(error_of(Code.INTERNAL), 500)
        except Exception:
            log.exception("a request made the server fail", path=request.path)
            response = problem(error_of(Code.INTERNAL), 500)
        if allowed and not response.prepared and "Origin" in request.headers:
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, PATCH, DELETE"
            response.headers["Vary"] = "Origin"
        return response

    @web.middleware
    async def _limit_address(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The limits that hold for all that comes to the public port. Raises Refused."""
        self._spend(self._requests, request)
        server = self._arena.config.server
        if request.path.startswith("/api/"):
            if not origin_allowed(request, server.allowed_origins, server.development):
                raise Refused(Code.ORIGIN_FORBIDDEN)
            if request.method == "OPTIONS":
                return web.Response(status=204)
        response = await handler(request)
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            self._pay_for(request, len(response.body))
        return response

    def _pay_for(self, request: web.Request, answer_bytes: int) -> None:
        """Count a long answer as more requests, as over a socket."""
        now_ns = time.monotonic_ns()
        self._requests.of(self._addresses.of(request), now_ns).owe(now_ns, answer_bytes // ANSWER_BYTES)

    def _spend(self, buckets: Buckets, request: web.Request) -> None:
        address = self._addresses.of(request)
        if self._addresses.is_exempt(address):
            return
        now_ns = time.monotonic_ns()
        wait_ns = buckets.of(address, now_ns).take(now_ns)
        if wait_ns:
            raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns))


@web.middleware
async def _has_come(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the port that its connection is not silent."""
    if isinstance(request.protocol, Door):
        request.protocol.requested()
    return await handler(request)


async def body_of(request: web.Request) -> bytes:
    """Raises Refused, and what ends a body early."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(Code.BAD_MESSAGE, problem="a body is taken as it is, without Content-Encoding")
    return await request.read()


def _name_of(guest: SignInGuest) -> str:
    """The name of a new player. Raises Refused BAD_ARGUMENTS."""
    try:
        return player_name(guest.name) if guest.name is not None else "guest"
    except ValueError as error:
        raise Refused(Code.BAD_ARGUMENTS, field="name", problem=str(error)) from error


def _query(request: web.Request, shape: type[T]) -> T:
    """The query's parameters as `shape`: numbers are text there. Raises Refused BAD_ARGUMENTS."""
    try:
        return msgspec.convert(dict(request.query), shape, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(Code.BAD_ARGUMENTS, **problem_of(error, shape, dict(request.query))) from error


def _json(answer: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")


def problem(error: Error, status: int) -> web.Response:
    """An error as application/problem+json."""
    body = Problem(
        f"urn:tick-arena:error:{error.code}",
        error.code.replace("_", " ").capitalize(),
        status,
        error.code,
        error.message,
        error.retry,
        error.retry_after,
        error.details,
    )
    headers = {"Retry-After": str(-(-error.retry_after // 1000))} if error.retry_after is not None else None
    return web.Response(
        body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/problem+json"
    )


_HEADERS: Final[dict[Code | Reason, dict[str, str]]] = {
    code: {"Upgrade": "websocket", "Sec-WebSocket-Version": VERSION}
    for code in (Code.HANDSHAKE_INVALID, Code.HANDSHAKE_VERSION)
}
"""That go with an answer."""

_HTTP_CODES: Final = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.TOO_LARGE}


def _http_problem(error: web.HTTPException) -> web.Response:
    code = _HTTP_CODES.get(error.status, Code.BAD_MESSAGE)
    return problem(Refused(code).error, error.status)
