"""Who logs on with an API key, shown whole or by a signature, and for which of a partner's users."""

from __future__ import annotations

import msgspec

from gateway.core.tokens import PARTNER, PLAYER, Identity
from gateway.identity.keys.dependents import Member
from gateway.identity.keys.signatures import Signed
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.keys import ExternalId
from gateway.sessions.caller import Caller
from gateway.sessions.scopes import ANY


def identity_of_key(caller: Caller, credentials: str | Signed, external_user: str | None = None) -> Identity:
    """Raises Refused. NOT_FOUND: the partner has no user of that name yet."""
    keys = caller.arena.keys
    if keys is None:
        raise Refused(Code.TOKEN_INVALID)
    if isinstance(credentials, Signed):
        identity = keys.keyring.signer(credentials, caller.address)
    else:
        identity = keys.keyring.identity(credentials, caller.address)
    if external_user is not None:
        identity = acting_for(caller, identity, external_user)
    if caller.arena.standing.bars(identity) or not caller.arena.has_registered(identity):
        raise Refused(Code.TOKEN_INVALID)
    return identity


def acting_for(caller: Caller, identity: Identity, external_user: str) -> Identity:
    """The partner's user, with what the partner's key may do. Raises Refused."""
    keys = caller.arena.keys
    key = keys.keyring.key_of(identity) if keys is not None else None
    if keys is None or key is None or key.role != PARTNER:
        raise Refused(Code.PARTNERS_ONLY)
    member = keys.dependents.named(key.user, external_user)
    if member is None:
        raise Refused(Code.NOT_FOUND, field="external_user_id", value=external_user)
    return as_member(identity, member)


async def acting_for_new(caller: Caller, identity: Identity, external_user: str) -> Identity:
    """The same; a user whom there is not yet is made. Raises Refused."""
    keys = caller.arena.keys
    key = keys.keyring.key_of(identity) if keys is not None else None
    if keys is None or key is None or key.role != PARTNER:
        raise Refused(Code.PARTNERS_ONLY)
    if keys.dependents.named(key.user, external_user) is None:
        try:
            name = msgspec.convert(external_user, ExternalId)
        except msgspec.ValidationError as error:
            problem = "1 to 64 letters, digits and . _ : @ / -"
            raise Refused(
                Code.BAD_ARGUMENTS, field="external_user_id", value=external_user[:64], problem=problem
            ) from error
        keys.keyring.admit(identity, ANY, True, caller.now_ns)
        await keys.dependents.create(await keys.owner(identity), name)
    return acting_for(caller, identity, external_user)


def as_member(identity: Identity, member: Member) -> Identity:
    """The same key, for one of its owner's players."""
    return identity._replace(player=member.player, registration=member.registration, role=PLAYER)
