"""Which front ends there are, by the names of `[server] compat`."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from gateway.identity.identities import Identities
from gateway.identity.sessions import Client
from gateway.rest.compat.calls import Front
from gateway.rest.compat.game_wallet import GameWallet
from gateway.rest.compat.xness import COOKIE, Xness
from gateway.rest.responses import COMPAT
from gateway.sessions.arena import Arena


def compat_routes(
    arena: Arena, identities: Identities, client_of: Callable[[web.Request], Client]
) -> list[web.RouteDef]:
    """Of those that are configured."""
    compat, named = arena.config.compat, arena.config.server.compat
    routes: list[web.RouteDef] = []
    if "100xness" in named:
        front = Front(arena, identities, client_of, COOKIE)
        routes += Xness(front, compat.trading_match).routes(f"{COMPAT}100xness")
    if "game-wallet" in named:
        front = Front(arena, identities, client_of)
        routes += GameWallet(front, compat.wallet_asset).routes(f"{COMPAT}game-wallet")
    return routes
