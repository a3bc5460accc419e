"""Files for whoever asks: the pages and documents of site/, and the JavaScript client. Nothing of a page comes from
elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

SITE: Final = Path(__file__).parent / "site"
CLIENT: Final = Path(__file__).parents[1] / "client" / "javascript"

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
"""Of site/, by path. /openapi.json is made of the routes by who serves them."""

CLIENT_FILES: Final = ("arena.mjs", "arena.d.mts")
CLIENT_TYPES: Final = {".mjs": "text/javascript", ".mts": "text/plain"}
"""By the ending of the name. A browser runs a module of no other type."""

_PLAIN: Final = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_DRAWN: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self' data:; worker-src blob:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Redoc writes styles into the page, and searches in a worker that it makes of itself."""


def routes() -> list[web.RouteDef]:
    """All of it, for whoever asks."""
    return [
        *(web.get(path, _serving(SITE / name, _page_headers(name))) for path, name in FILES.items()),
        *(web.get(f"/client/{name}", _serving(CLIENT / name, _client_headers(name))) for name in CLIENT_FILES),
    ]


def _page_headers(name: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": _DRAWN if name == "rest.html" else _PLAIN,
        "Referrer-Policy": "no-referrer",
    }


def _client_headers(name: str) -> dict[str, str]:
    return {"Content-Type": f"{CLIENT_TYPES[Path(name).suffix]}; charset=utf-8"}


def _serving(file: Path, headers: dict[str, str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A browser keeps the file, and asks each time whether it is still the same one, by its entity tag."""
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"} | headers

    async def handler(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(file, headers=headers)

    return handler
