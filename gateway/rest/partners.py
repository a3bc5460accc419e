"""partner/* and me/players: users of partners, what they trade, and sub-accounts of players.

A partner shows his API key. Everything else of the API is open to his users too, by the scopes of the key: the header
X-External-User-Id says for whom.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from gateway.core.tokens import PARTNER, PLAYER
from gateway.identity.identities import Identities
from gateway.identity.users import User
from gateway.ops import service
from gateway.ops.market import quote_of
from gateway.ops.table import Command
from gateway.protocol.errors import Code, Refused
from gateway.protocol.history import FixedTradesOf
from gateway.protocol.identity.keys import CreateDependent, Dependent
from gateway.protocol.market import QuotesOf
from gateway.protocol.scalars import Nothing
from gateway.rest.requests import CALLER, KEY_IN_HEADER, Handler, arguments_of, identity_of, key_identity, key_of
from gateway.rest.responses import answer, listed
from gateway.rest.routes import ROUTES
from gateway.rest.serving import CALL_TIMEOUT_S, call, commanded
from gateway.rest.trades import OfExternalUser, PartnerTrade, PlaceTrade, TradesOfExternalUser, stake_of
from gateway.sessions.arena import Arena
from gateway.sessions.caller import Caller
from gateway.sessions.logon import acting_for, acting_for_new
from gateway.sessions.scopes import ACCOUNT


class PartnerRoutes:
    """The handlers."""

    def __init__(self, arena: Arena, identities: Identities) -> None:
        self._arena = arena
        self._identities = identities

    def handlers(self) -> dict[str, Handler]:
        """By their names in the table of routes."""
        return {
            "players": self.players,
            "players.create": self.create_player,
            "partner.instruments": self.instruments,
            "partner.quotes": self.quotes,
            "partner.users": self.users,
            "partner.user": self.create_user,
            "partner.trade": self.trade,
            "partner.trades": self.trades,
            "partner.history": self.history,
        }

    # Sub-accounts of players

    async def players(self, request: web.Request) -> web.Response:
        user = await self._player(request)
        return answer(listed(self._identities.dependents.of(user.id)))

    async def create_player(self, request: web.Request) -> web.Response:
        user = await self._player(request)
        of: CreateDependent = await arguments_of(request, _ROUTES["players.create"])
        async with asyncio.timeout(CALL_TIMEOUT_S):
            made = await self._identities.dependents.create(user, of.name)
        return answer(Dependent(made.name, made.player), 201)

    async def _player(self, request: web.Request) -> User:
        identity = identity_of(self._arena, request)
        if identity is None:
            raise Refused(Code.NOT_AUTHENTICATED)
        user = await self._identities.accounts.user_of(identity)
        if user.role != PLAYER:
            raise Refused(Code.PLAYERS_ONLY)
        if self._identities.dependents.owner_of(user.player) != user.player:
            raise Refused(Code.NOT_ALLOWED, problem="a sub-account has none of its own")
        return user

    # Markets

    async def instruments(self, request: web.Request) -> web.Response:
        caller = await self._partner(request)
        return answer(listed(await call(caller, "instruments", Nothing())))

    async def quotes(self, request: web.Request) -> web.Response:
        caller = await self._partner(request)
        service.op_for(caller, "quote")
        of: QuotesOf = await arguments_of(request, _ROUTES["partner.quotes"])
        symbols = [of.symbol] if of.symbol is not None else list(self._arena.instruments.by_symbol)
        return answer(listed([quote_of(self._arena, symbol) for symbol in symbols]))

    # Users, and what they trade

    async def users(self, request: web.Request) -> web.Response:
        owner = await self._owner(await self._partner(request))
        return answer(listed(self._identities.dependents.of(owner.id)))

    async def create_user(self, request: web.Request) -> web.Response:
        owner = await self._owner(await self._partner(request))
        of: OfExternalUser = await arguments_of(request, _ROUTES["partner.user"])
        async with asyncio.timeout(CALL_TIMEOUT_S):
            made = await self._identities.dependents.create(owner, of.externalUserId)
        return answer(Dependent(made.name, made.player), 201)

    async def trade(self, request: web.Request) -> web.Response:
        caller = await self._partner(request)
        of: PartnerTrade = await arguments_of(request, _ROUTES["partner.trade"])
        stake = stake_of(PlaceTrade(of.symbol, of.direction, of.stakeUsd, of.expirySeconds, of.mode, of.match))
        assert caller.identity is not None
        caller.check_key("trade:fixed")
        async with asyncio.timeout(CALL_TIMEOUT_S):
            caller.authenticate(await acting_for_new(caller, caller.identity, of.externalUserId))
            op = service.op_for(caller, "fixed.buy")
            assert isinstance(op, Command)
            return await commanded(caller, op, stake, key_of(request), 201)

    async def trades(self, request: web.Request) -> web.Response:
        caller = await self._partner(request)
        of: OfExternalUser = await arguments_of(request, _ROUTES["partner.trades"])
        self._act_for(caller, of.externalUserId)
        return answer(listed(await call(caller, "fixed.list", Nothing())))

    async def history(self, request: web.Request) -> web.Response:
        caller = await self._partner(request)
        of: TradesOfExternalUser = await arguments_of(request, _ROUTES["partner.history"])
        self._act_for(caller, of.externalUserId)
        fields = {name: getattr(of, name) for name in FixedTradesOf.__struct_fields__}
        return answer(await call(caller, "me.fixed", FixedTradesOf(**fields)))

    def _act_for(self, caller: Caller, external_user: str) -> None:
        assert caller.identity is not None
        caller.authenticate(acting_for(caller, caller.identity, external_user))

    async def _partner(self, request: web.Request) -> Caller:
        """Who shows a partner's key. Raises Refused."""
        if KEY_IN_HEADER not in request.headers:
            raise Refused(Code.NOT_AUTHENTICATED)
        caller = request[CALLER]
        caller.authenticate(await key_identity(caller, request))
        caller.spend(1)
        if caller.role != PARTNER:
            raise Refused(Code.PARTNERS_ONLY)
        return caller

    async def _owner(self, caller: Caller) -> User:
        """The partner's account; the request is counted."""
        assert caller.identity is not None
        self._identities.keyring.admit(caller.identity, ACCOUNT, False, caller.now_ns)
        return await self._identities.keys.owner(caller.identity)


_ROUTES: Final = {route.handler: route for route in ROUTES if route.handler}
