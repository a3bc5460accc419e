"""All API keys, in memory: who logs on with one, what it may do, and how much it is used.

A secret has 256 random bits, so its SHA-256 is enough to keep of it: there is no list of likely ones to try. What signs
with HMAC must be known to both sides; the database has only what it is derived with from the secret in the data folder.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from typing import Final

from gateway.core.config import Keys
from gateway.core.limits import Bucket, retry_after_ms
from gateway.core.tokens import KEY_SESSION, PARTNER, Identity, Tokens
from gateway.identity.database import Database
from gateway.identity.keys import rows
from gateway.identity.keys.rows import Key
from gateway.identity.keys.signatures import Nonces, Signed, is_ed25519, is_hmac
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.keys import KeyUsage

PREFIX: Final = "ak_"
_NAME: Final = re.compile(r"ak_([1-9][0-9]{0,17})")
_WHOLE: Final = re.compile(r"ak_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})")
FOR_EVER_S: Final = 2**40
MS: Final = 1_000


class Keyring:
    """See the module. What it raises is Refused."""

    def __init__(
        self, database: Database, tokens: Tokens, config: Keys, now_s: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._tokens = tokens
        self.config = config
        self._now_s = now_s
        self._keys: dict[int, Key] = {}
        self._buckets: dict[int, Bucket] = {}
        self._partners: dict[int, Bucket] = {}
        """Of all keys of a partner, by his user."""
        self._nonces = Nonces(self.now_ms())
        self._counted: dict[tuple[int, str], list[int]] = {}
        """By key and day, what is not written yet: requests, commands, refusals."""

    def now_ms(self) -> int:
        return int(self._now_s() * MS)

    async def load(self) -> None:
        """Be as the database is."""
        found = {key.id: key for key in await self._database.run(rows.all_keys)}
        for id in [id for id in self._buckets if id not in found or found[id].per_minute != self._keys[id].per_minute]:
            del self._buckets[id]
        self._keys = found

    # Who it is

    def identity(self, key: str, address: str) -> Identity:
        """Who shows this whole key."""
        found = _WHOLE.fullmatch(key)
        known = self._keys.get(int(found[1])) if found else None
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        if known is None or known.kind != rows.SECRET or not hmac.compare_digest(digest, known.secret):
            raise Refused(Code.TOKEN_INVALID)
        return self._identity(known, address)

    def signer(self, signed: Signed, address: str) -> Identity:
        """Who has signed this; once only."""
        found = _NAME.fullmatch(signed.key)
        known = self._keys.get(int(found[1])) if found else None
        if known is None or known.kind == rows.SECRET or not self._is_signed(known, signed):
            raise Refused(Code.SIGNATURE_INVALID)
        now_ms = self.now_ms()
        self._nonces.check_time(signed, now_ms)
        self._nonces.use(known.id, signed, now_ms)
        return self._identity(known, address)

    def _is_signed(self, key: Key, signed: Signed) -> bool:
        if key.kind == rows.ED25519:
            return is_ed25519(key.secret, signed)
        return is_hmac(self.hmac_secret(key.id, key.secret), signed)

    def hmac_secret(self, id: int, salt: bytes) -> str:
        """What is shown of a key that signs with HMAC."""
        secret = self._tokens.derived(b"api key", str(id).encode() + b" " + salt)
        return whole_key(id, base64.urlsafe_b64encode(secret).decode().rstrip("="))

    def _identity(self, key: Key, address: str) -> Identity:
        if not self._is_good(key):
            raise Refused(Code.TOKEN_INVALID)
        if key.addresses and not is_among(address, key.addresses):
            raise Refused(Code.KEY_ADDRESS, address=address)
        return Identity(key.player, f"{KEY_SESSION}{key.id}", key.role, FOR_EVER_S, key.registration)

    # What it may do

    def key_of(self, identity: Identity) -> Key | None:
        """The key that the identity logged on with; None when it was none, or it is revoked."""
        return self._keys.get(int(identity.session.removeprefix(KEY_SESSION))) if identity.is_of_key else None

    def is_good(self, identity: Identity) -> bool:
        """Is the key neither revoked nor suspended nor expired, and is nobody disabled? Cheap."""
        key = self.key_of(identity)
        return key is not None and self._is_good(key)

    def _is_good(self, key: Key) -> bool:
        return not key.is_suspended and not key.is_barred and not 0 < key.expires_ms <= self.now_ms()

    def admit(self, identity: Identity, scope: str | None, changes: bool, now_ns: int) -> None:
        """Count a request that needs the scope; "" is any. Raises Refused."""
        key = self.key_of(identity)
        if key is None:
            raise Refused(Code.TOKEN_INVALID)
        counted = self._counted.setdefault((key.id, self.day()), [0, 0, 0])
        counted[0] += 1
        if scope is None or (scope and scope not in key.scopes):
            counted[2] += 1
            raise Refused(Code.KEY_SCOPE, needs=scope, has=sorted(key.scopes))
        wait_ns = max(bucket.wait_ns(now_ns) for bucket in self._buckets_of(key))
        if wait_ns:
            counted[2] += 1
            raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns))
        for bucket in self._buckets_of(key):
            bucket.take(now_ns)
        counted[1] += changes

    def check(self, identity: Identity, scope: str) -> None:
        """Raises Refused KEY_SCOPE when the key does not have the scope; "" is any."""
        key = self.key_of(identity)
        if key is None or (scope and scope not in key.scopes):
            raise Refused(Code.KEY_SCOPE, needs=scope, has=sorted(key.scopes) if key is not None else [])

    def _buckets_of(self, key: Key) -> list[Bucket]:
        bucket = self._buckets.get(key.id)
        if bucket is None:
            bucket = self._buckets[key.id] = Bucket(key.per_minute, key.per_minute, per_s=60)
        if key.role != PARTNER:
            return [bucket]
        most = self.config.partner_per_minute
        return [bucket, self._partners.setdefault(key.user, Bucket(most, most, per_s=60))]

    # Use

    def day(self, days_ago: int = 0) -> str:
        return (datetime.fromtimestamp(self._now_s(), UTC) - timedelta(days=days_ago)).date().isoformat()

    async def usage(self, days: int, user: int | None = None, key: int | None = None) -> list[KeyUsage]:
        """What has just been counted is in it."""
        await self.write()
        from_day = self.day(days - 1)
        return await self._database.run(partial(rows.usage, from_day=from_day, user=user, key=key))

    async def watch(self) -> None:
        """Write down again and again what keys are used for, until cancelled."""
        while True:
            await asyncio.sleep(self.config.write_usage_every_s)
            await self.write()

    async def write(self) -> None:
        """Write down what was counted."""
        counted, self._counted = self._counted, {}
        if not counted:
            return
        try:
            written = [(key, day, *counts) for (key, day), counts in counted.items()]
            await self._database.run(lambda connection: rows.add_usage(connection, written))  # type: ignore[arg-type]
        except Refused:
            for at, counts in counted.items():
                now = self._counted.setdefault(at, [0, 0, 0])
                now[:] = [before + more for before, more in zip(now, counts, strict=True)]
            raise


def whole_key(id: int, secret: str) -> str:
    return f"{PREFIX}{id}_{secret}"


def is_among(address: str, networks: Iterable[str]) -> bool:
    """Is the address, or the network that it counts for, within one of these?"""
    try:
        found = ip_network(address)
    except ValueError:
        return False
    return any(
        each.version == found.version and found.subnet_of(each)  # type: ignore[arg-type]
        for each in map(ip_network, networks)
    )
