"""me/limits, me/exclusion, me/export and the end of an account: what a person may do about himself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from engine import views
from engine.model.commands import Asset
from gateway.core.tokens import Identity
from gateway.identity import personal_data
from gateway.identity.identities import Identities
from gateway.identity.play import KINDS, TIME, Limit
from gateway.identity.sessions import Client
from gateway.identity.users import User
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.people import DeleteMe, Exclude, Excluded, PlayLimit, PlayLimits, SetLimit
from gateway.rest.requests import Handler, arguments_of, identity_of
from gateway.rest.responses import answer
from gateway.rest.routes import ROUTES
from gateway.sessions.arena import Arena

UNITS: Final = {kind: 60 if kind == TIME else 1_000_000 for kind in KINDS}
"""Of what is said in minutes and dollars: seconds, and millionths."""


class PeopleRoutes:
    """The handlers."""

    def __init__(self, arena: Arena, identities: Identities, client_of: Callable[[web.Request], Client]) -> None:
        self._arena = arena
        self._identities = identities
        self._client_of = client_of

    def handlers(self) -> dict[str, Handler]:
        """By their names in the table of routes."""
        return {
            "limits": self.limits,
            "limit.set": self.set_limit,
            "exclude": self.exclude,
            "export": self.export,
            "delete": self.delete,
        }

    async def limits(self, request: web.Request) -> web.Response:
        user = await self._user(request)
        limits, used, excluded_ms = self._identities.play.limits_of(user.player)
        items = [_shown(kind, limits.get(kind, Limit(None)), used[kind], self._now_ms()) for kind in KINDS]
        return answer(PlayLimits(items, excluded_ms if excluded_ms > self._now_ms() else None))

    async def set_limit(self, request: web.Request) -> web.Response:
        user = await self._user(request)
        of: SetLimit = await arguments_of(request, _ROUTES["limit.set"])
        value = None if of.value is None else of.value * UNITS[of.kind]
        await self._identities.play.set_limit(user.player, user.id, of.kind, value)
        limits, used, _ = self._identities.play.limits_of(user.player)
        return answer(_shown(of.kind, limits[of.kind], used[of.kind], self._now_ms()))

    async def exclude(self, request: web.Request) -> web.Response:
        user = await self._user(request)
        of: Exclude = await arguments_of(request, _ROUTES["exclude"])
        return answer(Excluded(await self._identities.play.exclude(user.player, user.id, of.days)), 201)

    async def export(self, request: web.Request) -> web.Response:
        user = await self._user(request)
        return answer(await self._identities.database.run(lambda database: personal_data.export(database, user)))

    async def delete(self, request: web.Request) -> web.Response:
        user = await self._user(request)
        of: DeleteMe = await arguments_of(request, _ROUTES["delete"])
        await self._identities.credentials.check_password(user, of.password, self._client_of(request))
        _, _, excluded_ms = self._identities.play.limits_of(user.player)
        if excluded_ms > self._now_ms():
            raise Refused(Code.SELF_EXCLUDED, until=excluded_ms)  # or a new account would be a way around it
        has_money = any(
            each.balance and each.asset != Asset.DEMO for each in views.wallet(self._arena.state.book, user.player)
        )
        if has_money and not of.give_up_money:
            problem = "there is money or an item in the wallet: say that it is given up"
            raise Refused(Code.BAD_ARGUMENTS, field="give_up_money", problem=problem)
        await self._identities.accounts.delete(user)
        self._identities.play.forget(user.player)
        return web.Response(status=204)

    async def _user(self, request: web.Request) -> User:
        """The player's account. Raises Refused."""
        identity: Identity | None = identity_of(self._arena, request)
        if identity is None:
            raise Refused(Code.NOT_AUTHENTICATED)
        user = await self._identities.accounts.user_of(identity)
        if not user.is_player:
            raise Refused(Code.PLAYERS_ONLY)
        return user

    def _now_ms(self) -> int:
        return self._identities.accounts.now_ms()


def _shown(kind: str, limit: Limit, used: float, now_ms: int) -> PlayLimit:
    unit = UNITS[kind]

    def whole(value: int | None) -> int | None:
        return None if value is None else value // unit

    if limit.next_from_ms is None or limit.next_from_ms <= now_ms:
        return PlayLimit(kind, whole(limit.at(now_ms)), max(int(used) // unit, 0))
    return PlayLimit(kind, whole(limit.value), max(int(used) // unit, 0), whole(limit.next), limit.next_from_ms)


_ROUTES: Final = {route.handler: route for route in ROUTES if route.handler}
