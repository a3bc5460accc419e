"""API keys: what a program shows in place of a token, and what it may do with it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.protocol.scalars import Arguments, OpenId

Scope = Literal["read:markets", "read:account", "trade:orders", "trade:fixed", "withdraw"]
KeyKind = Literal["secret", "hmac", "ed25519"]
"""`secret` is shown with each logon; the others sign, and are never sent."""
Label = Annotated[str, Meta(min_length=1, max_length=64)]
Scopes = Annotated[list[Scope], Meta(max_length=5)]
Networks = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=32)]
PerMinute = Annotated[int, Meta(ge=1, le=1_000_000)]
KeyExpiry = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
"""ms; 0: never."""
ExternalId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:@/-]{1,64}\Z")]
"""What an owner calls a player of his: a partner's own name of a user, or the name of a bot."""


class CreateKey(Arguments, frozen=True):
    """`public_key` is of ed25519: 32 bytes as base64. `player` is one of the asker's sub-accounts."""

    label: Label
    scopes: Scopes
    kind: KeyKind = "secret"
    public_key: Annotated[str, Meta(max_length=64)] | None = None
    expires_at: KeyExpiry = 0
    addresses: Networks | None = None
    per_minute: PerMinute | None = None
    player: OpenId | None = None


class UpdateKey(Arguments, frozen=True):
    """What is left out stays as it is."""

    key: OpenId
    label: Label | None = None
    scopes: Scopes | None = None
    expires_at: KeyExpiry | None = None
    addresses: Networks | None = None
    per_minute: PerMinute | None = None
    suspended: bool | None = None


class OfKey(Arguments, frozen=True):
    key: OpenId


class UsageOf(Arguments, frozen=True):
    """Of the last `days`, by UTC; of one key, or of all."""

    key: OpenId | None = None
    days: Annotated[int, Meta(ge=1, le=366)] = 30


class KeysOf(Arguments, frozen=True):
    """An operator's question; of all users, or of one."""

    user: OpenId | None = None
    days: Annotated[int, Meta(ge=1, le=366)] = 30


class ApiKey(Struct, frozen=True):
    """A key, without its secret."""

    key: int
    label: str
    kind: KeyKind
    scopes: list[str]
    addresses: list[str]  # networks from which it is good; empty: from anywhere
    per_minute: int
    player: int  # for whom it acts; 0: a partner
    created_at: int  # ms
    expires_at: int  # ms; 0: never
    suspended: bool


class CreatedKey(Struct, frozen=True):
    """`secret` is shown this once; null: the asker has it already."""

    key: ApiKey
    secret: str | None


class KeyUsage(Struct, frozen=True):
    """Of a key on a day."""

    key: int
    day: str  # such as 2026-12-01
    requests: int
    commands: int  # of them, those that change something
    refused: int  # for lack of a scope, or beyond the limit


class KeyRecord(Struct, frozen=True):
    """A key as operators see it, with its owner."""

    user: int
    key: ApiKey
    usage: list[KeyUsage]


class CreateDependent(Arguments, frozen=True):
    """A sub-account of a player, or a partner's user, by the owner's own name of it."""

    name: ExternalId


class Dependent(Struct, frozen=True):
    name: str
    player: int
