"""Ops of API keys: made, listed, changed, revoked, and what they were used for."""

from __future__ import annotations

from gateway.core.tokens import Identity
from gateway.identity.keys.management import KeyManagement
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.keys import (
    ApiKey,
    CreatedKey,
    CreateKey,
    KeyRecord,
    KeysOf,
    KeyUsage,
    OfKey,
    UpdateKey,
    UsageOf,
)
from gateway.protocol.scalars import Empty, Nothing
from gateway.sessions.caller import Caller


async def create(caller: Caller, of: CreateKey) -> CreatedKey:
    management, identity = _of(caller)
    return await management.create(identity, of)


async def listed(caller: Caller, nothing: Nothing) -> list[ApiKey]:
    management, identity = _of(caller)
    return await management.listed(identity)


async def update(caller: Caller, of: UpdateKey) -> ApiKey:
    management, identity = _of(caller)
    return await management.update(identity, of)


async def revoke(caller: Caller, of: OfKey) -> Empty:
    management, identity = _of(caller)
    await management.revoke(identity, of.key)
    return Empty()


async def usage(caller: Caller, of: UsageOf) -> list[KeyUsage]:
    management, identity = _of(caller)
    return await management.usage(identity, of.key, of.days)


async def records(caller: Caller, of: KeysOf) -> list[KeyRecord]:
    management, _ = _of(caller)
    return await management.records(of.user, of.days)


def _of(caller: Caller) -> tuple[KeyManagement, Identity]:
    assert caller.identity is not None
    if caller.arena.keys is None:
        raise Refused(Code.ACCOUNT_NEEDED)
    return caller.arena.keys, caller.identity
