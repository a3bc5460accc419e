"""Ops of a connection: auth, renew and tickets, and ping and time, which need no token."""

from __future__ import annotations

from engine.model.scale import NS_PER_MS
from gateway.core.tickets import LIFETIME_S
from gateway.core.tokens import Identity
from gateway.identity.keys.keyring import PREFIX as KEY
from gateway.identity.keys.signatures import Signed
from gateway.protocol.errors import Code, Refused
from gateway.protocol.scalars import Empty, Nothing
from gateway.protocol.session import Auth, Authenticated, Renewed, Ticket, Time
from gateway.sessions.caller import Caller
from gateway.sessions.logon import identity_of_key
from gateway.sessions.session import Session


def auth(session: Session, credentials: Auth) -> Authenticated:
    """Again on the same connection: it lasts as long as the newer token, if that is the same one's."""
    identity = _identity(session, credentials)
    if session.identity is None:
        session.authenticate(identity)
    elif session.identity.is_same(identity):
        session.identity = identity
    else:
        raise Refused(Code.ALREADY_AUTHENTICATED)
    expires_in_s = 0 if identity.is_of_key else session.arena.tokens.expires_in_s(identity)
    return Authenticated(identity.player, identity.session, identity.role, expires_in_s)


def _identity(session: Session, credentials: Auth) -> Identity:
    """Raises Refused."""
    signature, token = credentials.signature, credentials.token
    if (signature is None) is not bool(token):
        raise Refused(Code.BAD_ARGUMENTS, field="token", problem="give either a token or a signature")
    if signature is not None:
        signed = Signed(signature.key, signature.timestamp, signature.recv_window, signature.nonce, signature.signature)
        return identity_of_key(session, signed, credentials.external_user_id)
    if token.startswith(KEY):
        return identity_of_key(session, token, credentials.external_user_id)
    if credentials.external_user_id is not None:
        raise Refused(Code.BAD_ARGUMENTS, field="external_user_id", problem="it goes with a partner's API key")
    return session.arena.identity(token)


def renew(session: Session, nothing: Nothing) -> Renewed:
    token = session.renew()
    assert session.identity is not None
    return Renewed(token, session.arena.tokens.expires_in_s(session.identity))


def ticket(caller: Caller, nothing: Nothing) -> Ticket:
    assert caller.identity is not None
    return Ticket(caller.arena.tickets.issue(caller.identity), LIFETIME_S)


def ping(caller: Caller, nothing: Nothing) -> Empty:
    return Empty()


def time(caller: Caller, nothing: Nothing) -> Time:
    return Time(caller.arena.clock.stamp_ns() // NS_PER_MS)
