"""Ops of who is asking: auth, and the ping and time that need no auth."""

from __future__ import annotations

from msgspec import Struct

from engine.model.scale import NS_PER_MS
from gateway.protocol import arguments as args
from gateway.protocol.errors import Code, Refused
from gateway.sessions.session import Session


class Authenticated(Struct, frozen=True):
    player: int
    session: str
    role: str


class Time(Struct, frozen=True):
    at: int


class Empty(Struct, frozen=True):
    pass


def auth(session: Session, credentials: args.Auth) -> Authenticated:
    if session.identity is not None:
        raise Refused(Code.ALREADY_AUTHENTICATED)
    identity = session.arena.tokens.identity(credentials.token)
    if identity.player > int(session.arena.state.book.world[0]["players"]):
        raise Refused(Code.TOKEN_INVALID)
    session.authenticate(identity)
    return Authenticated(identity.player, identity.session, identity.role)


def ping(session: Session, nothing: args.Nothing) -> Empty:
    return Empty()


def time(session: Session, nothing: args.Nothing) -> Time:
    return Time(session.arena.clock.stamp_ns() // NS_PER_MS)
