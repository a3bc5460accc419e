"""Answers: JSON, lists with their cursor, problems, and how long each may be kept."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import Struct

from gateway.core.spreadsheets import csv_text
from gateway.protocol.errors import Code, Error, Refused, problem_of
from gateway.transport.websocket import VERSION

COMPAT: Final = "/compat/"
"""Where errors are as front ends of other systems expect them."""

NEXT_HEADER: Final = "X-Next"
"""What to ask for as `before`, if there is more of a list that is answered as CSV."""

NO_STORE: Final = "no-store"
CHECKED: Final = "no-cache"
FOR_EVER: Final = "public, max-age=31536000, immutable"

HEADERS: Final = {
    Code.HANDSHAKE_INVALID: {"Upgrade": "websocket", "Sec-WebSocket-Version": VERSION},
    Code.HANDSHAKE_VERSION: {"Upgrade": "websocket", "Sec-WebSocket-Version": VERSION},
    Code.NOT_AUTHENTICATED: {"WWW-Authenticate": "Bearer"},
    Code.TOKEN_INVALID: {"WWW-Authenticate": 'Bearer error="invalid_token"'},
}
"""That go with a problem."""


def answer(result: Any, status: int = 200, cache: str = NO_STORE) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(result),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": cache},
    )


def listed(result: Any) -> Any:
    """A list is answered with its cursor, as pages are; what is whole has none."""
    return {"items": result, "next": None} if isinstance(result, list) else result


def spreadsheet(item: type[Struct], result: Any, status: int, cache: str) -> web.Response:
    """A list, or a page of one, as CSV; the page's cursor is a header."""
    items = result if isinstance(result, list) else result.items
    headers = {"Cache-Control": cache}
    if not isinstance(result, list) and result.next is not None:
        headers[NEXT_HEADER] = str(result.next)
    body = csv_text(item, items).encode()
    return web.Response(body=body, status=status, content_type="text/csv", charset="utf-8", headers=headers)


def tagged(request: web.Request, response: web.Response) -> web.Response:
    """The answer with its entity tag; or that it is the one which the client has."""
    assert isinstance(response.body, bytes)
    tag = f'"{hashlib.blake2b(response.body, digest_size=12).hexdigest()}"'
    known = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    if tag in known or "*" in known:
        kept = {name: response.headers[name] for name in ("Cache-Control", NEXT_HEADER) if name in response.headers}
        response = web.Response(status=304, headers=kept)
    response.headers["ETag"] = tag
    return response


def plain_error(error: Error, status: int) -> web.Response:
    """An error as the compatibility routes have it: a text."""
    details = error.details or {}
    told = [error.message, *(str(details[name]) for name in ("field", "problem", "because") if name in details)]
    return answer({"error": ": ".join(told)}, status)


def problem(error: Error, status: int) -> web.Response:
    """An error as application/problem+json."""
    body = problem_of(error, status)
    headers = {"Cache-Control": NO_STORE}
    if error.retry_after is not None:
        headers["Retry-After"] = str(-(-error.retry_after // 1000))
    return web.Response(
        body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/problem+json"
    )


def failure(request: web.Request, error: Error, status: int) -> web.Response:
    """An error as who asks there expects it."""
    return plain_error(error, status) if request.path.startswith(COMPAT) else problem(error, status)


def refusal(request: web.Request, refused: Refused) -> web.Response:
    response = failure(request, refused.error, refused.status)
    if isinstance(refused.code, Code):
        response.headers.update(HEADERS.get(refused.code, {}))
    return response
