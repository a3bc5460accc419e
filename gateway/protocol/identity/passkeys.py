"""Passkeys: bodies of requests under auth/passkey/ and me/passkeys, and their answers."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.protocol.identity.accounts import Password
from gateway.protocol.scalars import Arguments


class AddPasskey(Arguments, frozen=True):
    password: Password | None = None  # if there is one


class NewPasskey(Arguments, frozen=True):
    """What `navigator.credentials.create` brought, as JSON."""

    credential: dict[str, Any]
    label: Annotated[str, Meta(max_length=64)] = ""  # to tell passkeys apart


class SignInWithPasskey(Arguments, frozen=True):
    """What `navigator.credentials.get` brought, as JSON."""

    credential: dict[str, Any]


class OfPasskey(Arguments, frozen=True):
    passkey: Annotated[str, Meta(max_length=1400)]


class Passkey(Struct, frozen=True):
    passkey: str
    label: str
    created_at: int  # ms
    used_at: int | None  # ms
