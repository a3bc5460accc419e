"""Pages and documents as they are kept in site/: /docs, /asyncapi.json. Nothing of a page comes from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

SITE: Final = Path(__file__).parent / "site"

FILES: Final = {
    "/docs": "index.html",
    "/docs/rest": "rest.html",
    "/docs/socket": "socket.html",
    "/docs/errors": "errors.html",
    "/docs/style.css": "style.css",
    "/docs/rest.js": "rest.js",
    "/docs/redoc.standalone.js": "redoc.standalone.js",
    "/docs/redoc.LICENSE.txt": "redoc.LICENSE.txt",
    "/asyncapi.json": "asyncapi.json",
}
"""By path. /openapi.json is made of the routes by who serves them."""

_PLAIN: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_DRAWN: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; worker-src blob:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Redoc writes styles into the page, and searches in a worker that it makes of itself."""


def routes() -> list[web.RouteDef]:
    """All of it, for whoever asks."""
    return [web.get(path, _serving(name)) for path, name in FILES.items()]


def _serving(name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    headers = {
        "Content-Security-Policy": _DRAWN if name == "rest.html" else _PLAIN,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(SITE / name, headers=headers)

    return handler
