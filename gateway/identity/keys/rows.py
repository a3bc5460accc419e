"""Rows of API keys and of their use. All functions work within the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from gateway.protocol.identity.keys import ApiKey, KeyUsage, UpdateKey

SECRET: Final = "secret"
HMAC: Final = "hmac"
ED25519: Final = "ed25519"


class Key(NamedTuple):
    """A row of api_keys that is not revoked, with what it needs to know of its owner and of the player whom it acts
    for. `secret` is, by kind: a SHA-256, what the secret is derived with, or the public key."""

    id: int
    user: int
    acts_for: int
    label: str
    kind: Any
    secret: bytes
    scopes: frozenset[str]
    addresses: tuple[str, ...]
    per_minute: int
    created_ms: int
    expires_ms: int
    is_suspended: bool
    role: str
    is_barred: bool
    player: int
    registration: int

    def shown(self) -> ApiKey:
        return ApiKey(
            self.id, self.label, self.kind, sorted(self.scopes), list(self.addresses), self.per_minute, self.player,
            self.created_ms, self.expires_ms, self.is_suspended,
        )  # fmt: skip


class NewKey(NamedTuple):
    user: int
    acts_for: int
    label: str
    kind: str
    secret: bytes
    scopes: str
    addresses: str
    per_minute: int
    created_ms: int
    expires_ms: int


def make(connection: sqlite3.Connection, new: NewKey) -> int:
    names = ", ".join(NewKey._fields)
    made = connection.execute(f"INSERT INTO api_keys ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", new)
    assert made.lastrowid is not None
    return made.lastrowid


def all_keys(connection: sqlite3.Connection) -> list[Key]:
    """All that are not revoked."""
    found = connection.execute(
        "SELECT k.id, k.user, k.acts_for, k.label, k.kind, k.secret, k.scopes, k.addresses, k.per_minute, k.created_ms,"
        " k.expires_ms, k.suspended, owner.role, owner.disabled_ms IS NOT NULL OR acting.disabled_ms IS NOT NULL,"
        " acting.player, acting.registration FROM api_keys k JOIN users owner ON owner.id = k.user"
        " JOIN users acting ON acting.id = k.acts_for WHERE k.revoked_ms IS NULL ORDER BY k.id"
    )
    return [
        Key._make((*row[:6], frozenset(row[6].split()), tuple(row[7].split()), *row[8:11], bool(row[11]), *row[12:]))
        for row in found
    ]


def change(connection: sqlite3.Connection, of: UpdateKey, addresses: str | None) -> None:
    values = {
        "label": of.label,
        "scopes": None if of.scopes is None else " ".join(of.scopes),
        "expires_ms": of.expires_at,
        "addresses": addresses,
        "per_minute": of.per_minute,
        "suspended": None if of.suspended is None else int(of.suspended),
    }
    for column, value in values.items():
        if value is not None:
            connection.execute(f"UPDATE api_keys SET {column} = ? WHERE id = ?", (value, of.key))


def revoke(connection: sqlite3.Connection, key: int, now_ms: int) -> None:
    """The row stays for its use, and the secret does not."""
    connection.execute("UPDATE api_keys SET revoked_ms = ?, secret = x'' WHERE id = ?", (now_ms, key))


def add_usage(connection: sqlite3.Connection, rows: Iterable[tuple[int, str, int, int, int]]) -> None:
    """Of key and day: requests, commands and refusals that were more since the last time. A key whose owner is gone has
    none."""
    connection.executemany(
        "INSERT INTO key_usage SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?1 IN (SELECT id FROM api_keys)"
        " ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,"
        " commands = commands + excluded.commands, refused = refused + excluded.refused",
        rows,
    )


def usage(connection: sqlite3.Connection, from_day: str, user: int | None, key: int | None) -> list[KeyUsage]:
    """The latest day first; revoked keys too."""
    found = connection.execute(
        "SELECT key, day, requests, commands, refused FROM key_usage JOIN api_keys ON api_keys.id = key"
        " WHERE day >= ?1 AND (?2 IS NULL OR user = ?2) AND (?3 IS NULL OR key = ?3) ORDER BY day DESC, key",
        (from_day, user, key),
    )
    return [KeyUsage(*row) for row in found]
