"""Ops of a connection: auth, and ping and time, which need none."""

from __future__ import annotations

from engine.model.scale import NS_PER_MS
from gateway.protocol.errors import Code, Refused
from gateway.protocol.scalars import Empty, Nothing
from gateway.protocol.session import Auth, Authenticated, Time
from gateway.sessions.session import Session


def auth(session: Session, credentials: Auth) -> Authenticated:
    if session.identity is not None:
        raise Refused(Code.ALREADY_AUTHENTICATED)
    identity = session.arena.tokens.identity(credentials.token)
    if identity.player > int(session.arena.state.book.world[0]["players"]):
        raise Refused(Code.TOKEN_INVALID)
    session.authenticate(identity)
    return Authenticated(identity.player, identity.session, identity.role)


def ping(session: Session, nothing: Nothing) -> Empty:
    return Empty()


def time(session: Session, nothing: Nothing) -> Time:
    return Time(session.arena.clock.stamp_ns() // NS_PER_MS)
