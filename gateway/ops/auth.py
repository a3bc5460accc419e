"""Ops of a connection: auth and renew, and ping and time, which need no token."""

from __future__ import annotations

from engine.model.scale import NS_PER_MS
from gateway.protocol.errors import Code, Refused
from gateway.protocol.scalars import Empty, Nothing
from gateway.protocol.session import Auth, Authenticated, Renewed, Time
from gateway.sessions.caller import Caller
from gateway.sessions.session import Session


def auth(session: Session, credentials: Auth) -> Authenticated:
    if session.identity is not None:
        raise Refused(Code.ALREADY_AUTHENTICATED)
    identity = session.arena.identity(credentials.token)
    session.authenticate(identity)
    expires_in_s = session.arena.tokens.expires_in_s(identity)
    return Authenticated(identity.player, identity.session, identity.role, expires_in_s)


def renew(session: Session, nothing: Nothing) -> Renewed:
    token = session.renew()
    assert session.identity is not None
    return Renewed(token, session.arena.tokens.expires_in_s(session.identity))


def ping(caller: Caller, nothing: Nothing) -> Empty:
    return Empty()


def time(caller: Caller, nothing: Nothing) -> Time:
    return Time(caller.arena.clock.stamp_ns() // NS_PER_MS)
