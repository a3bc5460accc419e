"""Signing in with a password or a code. Whether the account exists, the answer and the time are the same."""

from __future__ import annotations

import sqlite3

from gateway.identity import users
from gateway.identity.accounts import Accounts
from gateway.identity.codes import SIGN_IN, Codes
from gateway.identity.passwords import Passwords
from gateway.identity.sessions import Client
from gateway.identity.users import User
from gateway.identity.waits import Guessing
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.accounts import Login, OfAddress, Sent, SignedIn


class SignIn:
    """See the module. What it raises is Refused."""

    def __init__(
        self, accounts: Accounts, passwords: Passwords, codes: Codes, guessing: Guessing, takes_new: bool
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._codes = codes
        self._guessing = guessing
        self._takes_new = takes_new

    async def log_in(self, of: Login, client: Client) -> SignedIn:
        """CREDENTIALS_INVALID, whatever it is that does not fit."""
        column, key = users.sign_in_key(of.email, of.username)
        if (of.password is None) is (of.otp is None):
            raise Refused(Code.BAD_ARGUMENTS, field="password", problem="give one of password and otp")
        if of.otp is not None:
            if of.email is None:
                raise Refused(Code.BAD_ARGUMENTS, field="otp", problem="a code goes with an address")
            user = await self._by_code(key, of.otp, client)
            return await self._accounts.open_session(user, "code", client)
        assert of.password is not None
        user = await self._by_password(column, key, of.password, client)
        return await self._accounts.open_session(user, "password", client)

    async def send_code(self, of: OfAddress, client: Client) -> Sent:
        """To sign in with, or to sign up."""
        key = users.email_key(of.email)
        self._codes.admit(key, client)
        user = await self._accounts.database.run(lambda connection: users.find(connection, "email_key", key))
        to = user.email or of.email if user is not None else of.email
        is_wanted = user is not None or self._takes_new
        return await self._codes.send(SIGN_IN, to, key, self._accounts.now_ms(), is_wanted=is_wanted)

    async def _by_password(self, column: str, key: str, password: str, client: Client) -> User:
        with self._guessing.attempt("password", f"{column} {key}", client):
            user = await self._accounts.database.run(lambda connection: users.find(connection, column, key))
            if not await self._passwords.verify(user.password if user is not None else None, password):
                raise Refused(Code.CREDENTIALS_INVALID)
        assert user is not None
        assert user.password is not None
        if self._passwords.is_outdated(user.password):
            hashed = await self._passwords.hash(password)
            await self._accounts.database.run(lambda connection: users.set_password(connection, user, hashed))
        return user

    async def _by_code(self, key: str, otp: str, client: Client) -> User:
        """Who has no account yet keeps the code: to sign up with."""
        now_ms = self._accounts.now_ms()

        def work(connection: sqlite3.Connection) -> User | None:
            user = users.find(connection, "email_key", key)
            if not self._codes.is_right(connection, SIGN_IN, key, otp, now_ms) or user is None:
                return None
            self._codes.spend(connection, SIGN_IN, key)
            return user

        with self._guessing.attempt(SIGN_IN, key, client):
            user = await self._accounts.database.run(work)
            if user is None:
                raise Refused(Code.CREDENTIALS_INVALID)
        return await self._accounts.address_proven(user)
