"""API keys made, listed, changed and revoked by their owners: players and partners with an account."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final

from gateway.core.tokens import PARTNER, PLAYER, Identity
from gateway.identity import users
from gateway.identity.accounts import Accounts
from gateway.identity.keys import rows
from gateway.identity.keys.dependents import Dependents
from gateway.identity.keys.keyring import Keyring, whole_key
from gateway.identity.keys.rows import Key, NewKey
from gateway.identity.keys.signatures import public_key_of
from gateway.identity.users import User
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.keys import ApiKey, CreatedKey, CreateKey, KeyRecord, KeyUsage, UpdateKey

SECRET_BYTES: Final = 32
NARROWEST_IPV6: Final = 64
"""Bits: limits know an IPv6 address by its network of so many."""


class KeyManagement:
    """See the module. What it raises is Refused."""

    def __init__(self, accounts: Accounts, keyring: Keyring, dependents: Dependents) -> None:
        self._accounts = accounts
        self.keyring = keyring
        self.dependents = dependents

    async def create(self, identity: Identity, of: CreateKey) -> CreatedKey:
        """The secret is shown this once."""
        user = await self.owner(identity)
        acting = user.id
        if of.player is not None and of.player != user.player:
            acting = self.dependents.user_of(user.id, of.player)
        config = self.keyring.config
        addresses = " ".join(networks(of.addresses or ()))
        per_minute = self._per_minute(of.per_minute)
        if (of.kind == rows.ED25519) is (of.public_key is None):
            problem = "of ed25519, and of nothing else, it is given"
            raise Refused(Code.BAD_ARGUMENTS, field="public_key", problem=problem)
        salt = secrets.token_bytes(SECRET_BYTES)
        kept = public_key_of(of.public_key) if of.public_key is not None else salt
        text = secrets.token_urlsafe(SECRET_BYTES)
        now_ms = self.keyring.now_ms()

        def work(connection: sqlite3.Connection) -> int:
            counted = "SELECT count(*) FROM api_keys WHERE user = ? AND revoked_ms IS NULL"
            if connection.execute(counted, (user.id,)).fetchone()[0] >= config.keys_per_user:
                raise Refused(Code.TOO_MANY_KEYS, most=config.keys_per_user)
            scopes = " ".join(dict.fromkeys(of.scopes))
            new = NewKey(user.id, acting, of.label, of.kind, kept, scopes, addresses, per_minute, now_ms, of.expires_at)
            id = rows.make(connection, new)
            if of.kind == rows.SECRET:
                digest = hashlib.sha256(whole_key(id, text).encode()).digest()
                connection.execute("UPDATE api_keys SET secret = ? WHERE id = ?", (digest, id))
            return id

        id = await self._accounts.database.run(work)
        await self.keyring.load()
        secret: str | None = None
        if of.kind == rows.SECRET:
            secret = whole_key(id, text)
        elif of.kind == rows.HMAC:
            secret = self.keyring.hmac_secret(id, salt)
        return CreatedKey(await self._shown(id), secret)

    async def listed(self, identity: Identity) -> list[ApiKey]:
        user = await self.owner(identity)
        return [key.shown() for key in await self._accounts.database.run(rows.all_keys) if key.user == user.id]

    async def update(self, identity: Identity, of: UpdateKey) -> ApiKey:
        """What is open with the key goes on with what it may do from now on."""
        await self._own(identity, of.key)
        if of.per_minute is not None:
            self._per_minute(of.per_minute)
        addresses = None if of.addresses is None else " ".join(networks(of.addresses))
        await self._accounts.database.run(lambda connection: rows.change(connection, of, addresses))
        await self.keyring.load()
        return await self._shown(of.key)

    async def revoke(self, identity: Identity, key: int) -> None:
        """For ever; its sockets are closed within a second."""
        await self._own(identity, key)
        now_ms = self.keyring.now_ms()
        await self._accounts.database.run(lambda connection: rows.revoke(connection, key, now_ms))
        await self.keyring.load()

    async def usage(self, identity: Identity, key: int | None, days: int) -> list[KeyUsage]:
        return await self.keyring.usage(days, (await self.owner(identity)).id, key)

    async def records(self, user: int | None, days: int) -> list[KeyRecord]:
        """For operators."""
        keys = await self._accounts.database.run(rows.all_keys)
        usage = await self.keyring.usage(days, user)
        return [
            KeyRecord(key.user, key.shown(), [each for each in usage if each.key == key.id])
            for key in keys
            if user in (None, key.user)
        ]

    async def owner(self, identity: Identity) -> User:
        """The account of who asks. Guests and operators have no keys."""
        key = self.keyring.key_of(identity)
        if key is not None:
            user = await self._accounts.database.run(lambda connection: users.get(connection, key.user))
        else:
            user = await self._accounts.user_of(identity)
        if user.role not in (PLAYER, PARTNER):
            raise Refused(Code.PLAYERS_ONLY)
        return user

    async def _own(self, identity: Identity, key: int) -> None:
        if not any(each.key == key for each in await self.listed(identity)):
            raise Refused(Code.NOT_FOUND)

    async def _shown(self, id: int) -> ApiKey:
        keys: list[Key] = await self._accounts.database.run(rows.all_keys)
        return next(key.shown() for key in keys if key.id == id)

    def _per_minute(self, asked: int | None) -> int:
        most = self.keyring.config.per_minute
        if asked is not None and asked > most:
            raise Refused(
                Code.BAD_ARGUMENTS, field="per_minute", value=asked, at_most=most, problem="so many are too many"
            )
        return asked or most


def networks(names: Iterable[str]) -> list[str]:
    """As they are kept. Raises Refused BAD_ARGUMENTS."""
    found = []
    for name in names:
        try:
            network = ip_network(name)
        except ValueError as error:
            problem = "addresses, or networks such as 192.0.2.0/24"
            raise Refused(Code.BAD_ARGUMENTS, field="addresses", value=name, problem=problem) from error
        if network.version == 6 and network.prefixlen > NARROWEST_IPV6:
            problem = f"of IPv6, networks of at most {NARROWEST_IPV6} bits: an address counts for its network"
            raise Refused(Code.BAD_ARGUMENTS, field="addresses", value=name, problem=problem)
        found.append(str(network))
    return found
