"""Accounts: signing up and in, sessions, passwords and addresses. Bodies of requests under auth/, and their answers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.protocol.scalars import Arguments

Address = Annotated[str, Meta(max_length=254)]
Username = Annotated[str, Meta(max_length=32)]
Password = Annotated[str, Meta(max_length=128)]
OneTimeCode = Annotated[str, Meta(pattern=r"^[0-9]{6,8}\Z")]
Secret = Annotated[str, Meta(max_length=4096)]
BirthDate = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]


class Register(Arguments, frozen=True):
    """A new account, for a new player; or, with a guest's token in the header, for the guest. One of `email` and
    `username`. `otp` is a code that was sent to the address; with it a password is not needed."""

    email: Address | None = None
    username: Username | None = None
    password: Password | None = None
    otp: OneTimeCode | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None  # that others see
    referral_code: Annotated[str, Meta(max_length=64)] | None = None
    birth_date: BirthDate | None = None
    country: Country | None = None  # ISO 3166-1


class Login(Arguments, frozen=True):
    """One of `email` and `username`; one of `password` and `otp`, which goes with `email`."""

    email: Address | None = None
    username: Username | None = None
    password: Password | None = None
    otp: OneTimeCode | None = None


class SignedIn(Struct, frozen=True):
    """A session has begun, or goes on."""

    player: int  # 0: an operator
    access_token: str
    refresh_token: str  # good once: it brings the next one
    expires_in: int  # s, of the access token
    session: str
    role: str


class RefreshToken(Arguments, frozen=True):
    refresh_token: Secret


class OfAddress(Arguments, frozen=True):
    email: Address


class ChangePassword(Arguments, frozen=True):
    """All other sessions end."""

    new_password: Password
    password: Password | None = None  # the one of now, if there is one


class ResetPassword(Arguments, frozen=True):
    """With the code of auth/password/forgot. All sessions end."""

    email: Address
    otp: OneTimeCode
    new_password: Password


class ChangeEmail(Arguments, frozen=True):
    """First without a code, which is then sent to the new address; then with it."""

    email: Address
    password: Password | None = None  # the one of now, if there is one
    otp: OneTimeCode | None = None


class Sent(Struct, frozen=True):
    """Whether or not there is such an account, the answer is this."""

    expires_in: int  # s, of the code


class OfSession(Arguments, frozen=True):
    session: Annotated[str, Meta(max_length=64)]


class SessionEntry(Struct, frozen=True):
    """One of the account's sessions."""

    session: str
    how: str  # it began
    address: str
    agent: str
    created_at: int  # ms
    used_at: int  # ms
    expires_at: int  # ms
    current: bool
