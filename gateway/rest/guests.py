"""Players without an account: a new one, and a fresh token for one that there is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from engine.model.commands import RegisterPlayer, encode_cold
from engine.model.reasons import Reason
from engine.views import seats_of
from gateway.core.records import cold_record
from gateway.core.sequencer import Urgency
from gateway.core.tokens import PLAYER, new_registration
from gateway.presenters.referral_codes import player_of
from gateway.protocol.codecs import JSON
from gateway.protocol.errors import Code, Refused
from gateway.protocol.player_names import player_name
from gateway.protocol.session import ExpiringToken, Guest, Renewed, SignInGuest
from gateway.rest.requests import body_of
from gateway.rest.responses import answer
from gateway.rest.serving import CALL_TIMEOUT_S
from gateway.sessions.arena import Arena
from gateway.sessions.caller import RENEWED_BY_REFRESH


class Guests:
    """The handlers. `count` counts a new player of the address that the request comes from, and may refuse it."""

    def __init__(self, arena: Arena, count: Callable[[web.Request], None]) -> None:
        self._arena = arena
        self._count = count

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
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
            player = await self._new_player(request, guest)
        registered = arena.state.cold.players[player]
        matches = [seat.match for seat in seats_of(arena.state, player)]
        token = arena.tokens.issue(player, registration=registered.registration)
        return answer(Guest(token, player, registered.name, matches))

    async def _new_player(self, request: web.Request, guest: SignInGuest) -> int:
        arena = self._arena
        name = _name_of(guest)
        self._count(request)
        referrer = player_of(guest.referral_code) if guest.referral_code is not None else 0
        grant = arena.config.players.demo_units()
        blob = encode_cold(RegisterPlayer(name, grant, referrer, new_registration()))
        async with asyncio.timeout(CALL_TIMEOUT_S):
            outcome, _ = await arena.sequencer.call(cold_record(), Urgency.OPENS, blob)
        if outcome.reason:
            raise Refused(Reason(outcome.reason))
        return outcome.id

    async def renew(self, request: web.Request) -> web.StreamResponse:
        """Where guests are not allowed too: a player's token is all that there is of the player."""
        arena = self._arena
        given: ExpiringToken = JSON.decode(await body_of(request), ExpiringToken)
        identity = arena.identity(given.token, arena.config.server.token_grace_s)
        if identity.role != PLAYER:
            raise Refused(Code.PLAYERS_ONLY)
        if identity.is_of_account:
            raise Refused(Code.NOT_ALLOWED, problem=RENEWED_BY_REFRESH)
        token = arena.tokens.renewed(identity)
        return answer(Renewed(token, arena.tokens.expires_in_s(arena.identity(token))))


def _name_of(guest: SignInGuest) -> str:
    """The name of a new player. Raises Refused BAD_ARGUMENTS."""
    try:
        return player_name(guest.name) if guest.name is not None else "guest"
    except ValueError as error:
        raise Refused(Code.BAD_ARGUMENTS, field="name", problem=str(error)) from error
