"""A request that an op answers: the same checks, the same arguments and the same outcome as over a socket."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web

from engine.model.reasons import Reason
from engine.model.scale import NS_PER_MS, NS_PER_S
from gateway.core.intervals import INTERVALS
from gateway.core.records import Outcome
from gateway.ops import service
from gateway.ops.table import AsyncQuery, Command, Query
from gateway.protocol.errors import Refused, status_of_reason
from gateway.protocol.market import CandlesOf
from gateway.rest import responses
from gateway.rest.requests import arguments_of, identify, key_of, wants_csv
from gateway.rest.routes import Cache, Route
from gateway.sessions.caller import Caller
from gateway.sessions.submission import Submission

CALL_TIMEOUT_S: Final = 10.0
"""Until a client is told that the outcome is unknown."""

Done = asyncio.Future[tuple[Submission, Outcome, int]]


async def serve(caller: Caller, request: web.Request, route: Route) -> web.Response:
    """The answer of the route's op. Raises Refused, TimeoutError, and what ends a body early."""
    await identify(caller, request, route.is_public)
    caller.spend(1)
    op = service.op_for(caller, route.op)
    as_csv = wants_csv(request, route)
    arguments = await arguments_of(request, route)
    key = key_of(request)
    async with asyncio.timeout(CALL_TIMEOUT_S):
        if isinstance(op, Command):
            return await commanded(caller, op, arguments, key, route.status)
        assert isinstance(op, Query | AsyncQuery), "what is about a connection has no route"
        service.admit_query(caller, op, key, None)
        found = op.answer(caller, arguments)
        result = await found if isinstance(op, AsyncQuery) else found
    cache = _cache_of(caller, route, arguments)
    if as_csv:
        response = responses.spreadsheet(route.item, result, route.status, cache)
    else:
        response = responses.answer(responses.listed(result), route.status, cache)
    assert isinstance(response.body, bytes)
    caller.pay_for(len(response.body))
    if route.cache is not Cache.NEVER:
        response = responses.tagged(request, response)
    if route.item is not None:
        response.headers["Vary"] = "Accept"
    return response


async def call(caller: Caller, name: str, arguments: Any) -> Any:
    """The result of an op, for a handler that makes an answer of its own. Raises Refused and TimeoutError."""
    op = service.op_for(caller, name)
    async with asyncio.timeout(CALL_TIMEOUT_S):
        if isinstance(op, Command):
            submission, outcome, _ = await _submitted(caller, op, arguments, None)
            if outcome.reason:
                raise Refused(Reason(outcome.reason), error=submission.explain(outcome.reason))
            return submission.result(outcome)
        assert isinstance(op, Query | AsyncQuery), "what is about a connection has no route"
        service.admit_query(caller, op, None, None)
        found = op.answer(caller, arguments)
        return await found if isinstance(op, AsyncQuery) else found


async def _submitted(caller: Caller, op: Command, arguments: Any, key: str | None) -> tuple[Submission, Outcome, int]:
    done: Done = asyncio.get_running_loop().create_future()
    service.submit(caller, op, arguments, key, None, _answer, done)
    return await done


async def commanded(caller: Caller, op: Command, arguments: Any, key: str | None, status: int) -> web.Response:
    """The answer of a command. Raises Refused."""
    submission, outcome, at_ns = await _submitted(caller, op, arguments, key)
    if outcome.reason:
        caller.arena.refusals[submission.explain(outcome.reason).code] += 1
        response = responses.problem(submission.explain(outcome.reason), status_of_reason(outcome.reason))
    else:
        response = responses.answer(submission.result(outcome), status)
    response.headers["X-Sequence"] = str(outcome.sequence)
    response.headers["X-At"] = str(at_ns // NS_PER_MS)
    if outcome.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _answer(done: Done, submission: Submission, outcome: Outcome, at_ns: int) -> None:
    """Unless the client was told already that nobody knows."""
    if not done.done():
        done.set_result((submission, outcome, at_ns))


def _cache_of(caller: Caller, route: Route, arguments: Any) -> str:
    if route.cache is Cache.NEVER:
        return responses.NO_STORE
    if route.cache is Cache.CLOSED and isinstance(arguments, CandlesOf):
        until = arguments.until if arguments.until is not None else arguments.to
        interval = INTERVALS.get(arguments.interval)
        if until is None or interval is None:
            return responses.CHECKED
        if until * NS_PER_MS + interval.length_s * NS_PER_S <= caller.arena.clock.stamp_ns():
            return responses.FOR_EVER
    return responses.CHECKED
