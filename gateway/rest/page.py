"""What somebody sees who opens the arena's address in a browser: what this is, and where to go."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

from aiohttp import web

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; connect-src 'self' ws: wss:",
    "Cache-Control": "no-store",
}

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>tick-arena</title>
<style>body {{ max-width: 46em; margin: 3em auto; padding: 0 1em; font: 16px/1.5 sans-serif }}
pre {{ background: #f3f3f3; padding: 1em; overflow-x: auto }}</style>
<h1>tick-arena {version}</h1>
<p>This is the arena of a trading game. Players open leveraged positions, or stake on up or down, against live prices.
It is played by programs and apps, which talk WebSocket to it, at</p>
<pre>{scheme}://{host}/ws</pre>
<p>{who} A first message:</p>
<pre id="first">{first}</pre>
<p>From the console of a browser:</p>
<pre>socket = new WebSocket("{scheme}://{host}/ws")
socket.onmessage = message =&gt; console.log(message.data)
socket.onopen = () =&gt; socket.send('{first}')</pre>
<p>From Python, in the folder of the project: the programs of <code>README.md</code>. All messages, errors and limits
are in <code>docs/protocol.md</code>, the rules of the game in <code>docs/trading.md</code>; to open an arena to the
public, read <code>SECURITY.md</code>.</p>
<p>What there is, with examples: <a href="/docs">/docs</a>.</p>
<p>Without a socket: <a href="/api/v1/markets/instruments">/api/v1/markets/instruments</a>,
<a href="/api/v1/markets/quotes">/api/v1/markets/quotes</a>,
<a href="/health">/health</a>, <a href="/version">/version</a>.</p>
</html>
"""


def page(host: str, is_secure: bool, version: str, symbol: str, allows_guests: bool) -> web.Response:
    """The page. `host` is as the client names it."""
    first: dict[str, Any] = {"id": 1, "op": "subscribe", "args": {"channels": [f"tick.{symbol}"]}}
    if not allows_guests:
        first = {"id": 1, "op": "auth", "args": {"token": "..."}}
    guests = "Prices are for everybody; who wants to play becomes a guest with POST /api/v1/auth/guest."
    text = _PAGE.format(
        version=escape(version),
        scheme="wss" if is_secure else "ws",
        host=escape(host),
        who=guests if allows_guests else "It asks for a token first, which its operator gives.",
        first=escape(json.dumps(first), quote=False),
    )
    return web.Response(text=text, content_type="text/html", headers=HEADERS)
