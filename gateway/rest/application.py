"""The applications of the ports, and what goes around every request: its id, origins, limits, and errors as problems.

A browser may talk to us from the origins that the configuration names, with credentials; the answer to its preflight
says so for every path, also for one that there is not.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from uuid import uuid4

import msgspec
import structlog
from aiohttp import web

from engine.model.scale import NS_PER_S
from gateway.core.limits import Bucket, Buckets, retry_after_ms
from gateway.core.metrics import Metrics
from gateway.ops.market import quote_of
from gateway.protocol.codes.catalogue import CATALOGUE
from gateway.protocol.errors import Code, Refused, error_of
from gateway.protocol.market import QuotesOf
from gateway.rest import responses
from gateway.rest.guests import Guests
from gateway.rest.openapi import document
from gateway.rest.operators import Operators, Readiness
from gateway.rest.requests import CALLER, KEY_HEADER, Handler, arguments_of
from gateway.rest.routes import PREFIX, ROUTES, Route
from gateway.rest.serving import serve
from gateway.sessions.arena import Arena
from gateway.sessions.caller import ANSWER_BYTES, Caller
from gateway.transport.addresses import Addresses
from gateway.transport.listener import Door
from gateway.transport.websocket import Sockets, origin_allowed

log = structlog.get_logger()

ID_HEADER: Final = "X-Request-Id"
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""An id that a client may give its request."""

METHODS: Final = ", ".join(dict.fromkeys(route.method for route in ROUTES))
REQUEST_HEADERS: Final = f"Authorization, Content-Type, If-None-Match, {KEY_HEADER}, {ID_HEADER}"
EXPOSED_HEADERS: Final = (
    f"{ID_HEADER}, Idempotency-Replayed, X-Sequence, X-At, ETag, Retry-After, RateLimit-Limit, RateLimit-Remaining,"
    f" RateLimit-Reset, {responses.NEXT_HEADER}"
)
PREFLIGHT_S: Final = "600"
"""How long a browser may remember what a preflight was told."""


class Rest:
    """See the module. `readiness` answers /ready."""

    def __init__(
        self, arena: Arena, metrics: Metrics, readiness: Callable[[], Readiness], addresses: Addresses
    ) -> None:
        limits = arena.config.limits
        self._arena = arena
        self._addresses = addresses
        self._operators = Operators(arena, metrics, readiness)
        self._new_guests = Buckets(limits.guests_per_address_per_minute, limits.guests_per_address_per_minute, per_s=60)
        self._requests = Buckets(limits.requests_per_address_per_s, limits.requests_per_address_per_s)
        guests = Guests(arena, lambda request: self._spend(self._new_guests, request))
        self._document = msgspec.Raw(msgspec.json.encode(document()))
        self.handlers: dict[str, Handler] = {
            "guest": guests.sign_in,
            "renew": guests.renew,
            "quotes": self._quotes,
            "errors": self._errors,
        }
        """Of the routes that no op serves, by the name that the table has."""

    def application(
        self, sockets: Sockets, handlers: Mapping[str, Handler] = {}, more: Iterable[web.RouteDef] = ()
    ) -> web.Application:
        """What is on the public port. `handlers` are those of routes that are served elsewhere, `more` is beside the
        table."""
        application = web.Application(
            middlewares=[_has_come, self._name, self._answer_errors, self._limit_address],
            client_max_size=self._arena.config.limits.frame_bytes,
        )
        application.add_routes(
            [
                web.get("/", self._operators.page),
                web.get("/ws", sockets.serve),
                web.get("/openapi.json", self._openapi),
            ]
        )
        known = self.handlers | dict(handlers)
        for route in ROUTES:
            handler = known[route.handler] if route.handler else self._serving(route)
            application.router.add_route(route.method, PREFIX + route.path, handler)
        application.add_routes([*more, *self._operators.for_everybody()])
        if not self._arena.config.server.operators_listen:
            application.add_routes(self._operators.for_operators())
        return application

    def operators_application(self) -> web.Application:
        """What is on the port for operators, if there is one."""
        application = web.Application(middlewares=[_has_come, self._name, self._answer_errors])
        application.add_routes([*self._operators.for_everybody(), *self._operators.for_operators()])
        return application

    def _serving(self, route: Route) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            return await serve(request[CALLER], request, route)

        return handler

    async def _quotes(self, request: web.Request) -> web.StreamResponse:
        route = next(route for route in ROUTES if route.handler == "quotes")
        of: QuotesOf = await arguments_of(request, route)
        symbols = [of.symbol] if of.symbol is not None else list(self._arena.instruments.by_symbol)
        quotes = [quote_of(self._arena, symbol) for symbol in symbols]
        return responses.tagged(request, responses.answer(responses.listed(quotes), cache=responses.CHECKED))

    async def _errors(self, request: web.Request) -> web.StreamResponse:
        return responses.tagged(request, responses.answer(responses.listed(CATALOGUE), cache=responses.CHECKED))

    async def _openapi(self, request: web.Request) -> web.StreamResponse:
        return responses.tagged(request, responses.answer(self._document, cache=responses.CHECKED))

    # Around every request

    @web.middleware
    async def _name(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The id of the request, the client's or one of ours, is in the answer and in every line that is logged."""
        given = request.headers.get(ID_HEADER, "")
        id = given if _ID.fullmatch(given) else uuid4().hex
        with structlog.contextvars.bound_contextvars(request_id=id):
            response = await handler(request)
        if not response.prepared:
            response.headers[ID_HEADER] = id
        return response

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Origin, and every error as a problem."""
        try:
            response = await handler(request)
        except Refused as refused:
            self._arena.refusals[refused.error.code] += 1
            response = responses.refusal(request, refused)
            if refused.code is Code.RATE_LIMITED:
                response.force_close()
        except web.HTTPException as error:
            response = _http_problem(request, error)
        except (ConnectionError, web.RequestPayloadError):
            # The client has hung up or sent half a body. If it is there still, this is its answer.
            response = responses.failure(request, error_of(Code.BAD_MESSAGE, problem="the request is not whole"), 400)
        except TimeoutError:
            log.warning("a request was not answered in time", path=request.path)
            response = responses.failure(request, error_of(Code.INTERNAL), 500)
        except Exception:
            log.exception("a request made the server fail", path=request.path)
            response = responses.failure(request, error_of(Code.INTERNAL), 500)
        if not response.prepared:
            self._tell_limits(request, response)
            self._tell_origin(request, response)
        return response

    @web.middleware
    async def _limit_address(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The limits that hold for all that comes to the public port. Raises Refused."""
        self._spend(self._requests, request)
        if _is_for_programs(request):
            server = self._arena.config.server
            if not origin_allowed(request, server.allowed_origins, server.development):
                raise Refused(Code.ORIGIN_FORBIDDEN)
            if request.method == "OPTIONS":
                return web.Response(status=204)
        request[CALLER] = Caller(self._arena, self._addresses.of(request), time.monotonic_ns())
        response = await handler(request)
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            self._pay_for(request, len(response.body))
        return response

    def _tell_origin(self, request: web.Request, response: web.StreamResponse) -> None:
        """What a browser must be told before it shows the answer to a page of another origin."""
        if _is_for_programs(request):
            response.headers["Vary"] = _with_origin(response.headers.get("Vary", ""))
        origin = request.headers.get("Origin")
        server = self._arena.config.server
        if origin is None or not origin_allowed(request, server.allowed_origins, server.development):
            return
        headers = response.headers
        headers["Vary"] = _with_origin(headers.get("Vary", ""))
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        if origin in server.allowed_origins:
            headers["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = METHODS
            headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
            headers["Access-Control-Max-Age"] = PREFLIGHT_S

    def _tell_limits(self, request: web.Request, response: web.StreamResponse) -> None:
        """How many requests are left: of the player, or else of the address."""
        caller = request.get(CALLER)
        if caller is None or not _is_for_programs(request):
            return
        now_ns = time.monotonic_ns()
        if caller.identity is not None:
            bucket = self._arena.player_buckets.of(caller.identity.owner, now_ns)
        elif self._addresses.is_exempt(caller.address):
            return
        else:
            bucket = self._requests.of(caller.address, now_ns)
        response.headers.update(_limits_of(bucket, now_ns))

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


def _is_for_programs(request: web.Request) -> bool:
    return request.path.startswith(("/api/", "/openapi.json", "/asyncapi.json", "/client/", responses.COMPAT))


def _limits_of(bucket: Bucket, now_ns: int) -> dict[str, str]:
    """The bucket as headers; the reset is in whole seconds until it is full."""
    return {
        "RateLimit-Limit": str(bucket.burst),
        "RateLimit-Remaining": str(bucket.left(now_ns)),
        "RateLimit-Reset": str(-(-bucket.full_in_ns(now_ns) // NS_PER_S)),
    }


_HTTP_CODES: Final = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.TOO_LARGE}


def _http_problem(request: web.Request, error: web.HTTPException) -> web.Response:
    code = _HTTP_CODES.get(error.status, Code.BAD_MESSAGE)
    response = responses.failure(request, Refused(code).error, error.status)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _with_origin(vary: str) -> str:
    names = [name for name in vary.split(", ") if name]
    return ", ".join(names if "Origin" in names else [*names, "Origin"])
