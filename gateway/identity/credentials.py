"""Passwords and addresses of accounts: changed by who is signed in, or replaced by who has the mailbox."""

from __future__ import annotations

import sqlite3

from gateway.core.tokens import Identity
from gateway.identity import users
from gateway.identity.accounts import Accounts
from gateway.identity.codes import CHANGE, RESET, Codes
from gateway.identity.passwords import Passwords, problem_with
from gateway.identity.sessions import Client
from gateway.identity.users import User
from gateway.identity.waits import Guessing
from gateway.notify.letters import Event
from gateway.notify.outbox import Outbox
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.accounts import ChangeEmail, ChangePassword, OfAddress, ResetPassword, Sent


class Credentials:
    """See the module. What it raises is Refused."""

    def __init__(
        self, accounts: Accounts, passwords: Passwords, codes: Codes, guessing: Guessing, outbox: Outbox
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._codes = codes
        self._guessing = guessing
        self._outbox = outbox

    async def change_password(self, identity: Identity, of: ChangePassword, client: Client) -> None:
        """All other sessions end."""
        user = await self._accounts.user_of(identity)
        await self.check_password(user, of.password, client)
        await self._set_password(user, of.new_password, identity.session)

    async def forgot(self, of: OfAddress, client: Client) -> Sent:
        """Send a code to who has an account, and answer the same to who has none."""
        key = users.email_key(of.email)
        self._codes.admit(key, client)
        user = await self._accounts.database.run(lambda connection: users.find(connection, "email_key", key))
        to = user.email or of.email if user is not None else of.email
        return await self._codes.send(RESET, to, key, self._accounts.now_ms(), is_wanted=user is not None)

    async def reset(self, of: ResetPassword, client: Client) -> None:
        """With the code; all sessions end."""
        key = users.email_key(of.email)
        now_ms = self._accounts.now_ms()
        self._check_new(of.new_password, of.email)

        def work(connection: sqlite3.Connection) -> User | None:
            user = users.find(connection, "email_key", key)
            if not self._codes.is_right(connection, RESET, key, of.otp, now_ms) or user is None:
                return None
            self._codes.spend(connection, RESET, key)
            return user

        with self._guessing.attempt(RESET, key, client):
            user = await self._accounts.database.run(work)
            if user is None:
                raise Refused(Code.CREDENTIALS_INVALID)
        user = await self._accounts.address_proven(user)
        await self._set_password(user, of.new_password)

    async def change_email(self, identity: Identity, of: ChangeEmail, client: Client) -> Sent:
        """First a code goes to the new address; with it the address is the account's. The same address again: it is
        confirmed."""
        user = await self._accounts.user_of(identity)
        key = users.email_key(of.email)
        if of.otp is None:
            await self.check_password(user, of.password, client)
            self._codes.admit(key, client)
            return await self._codes.send(CHANGE, of.email, key, self._accounts.now_ms(), user.id)
        otp, now_ms = of.otp, self._accounts.now_ms()

        def work(connection: sqlite3.Connection) -> bool:
            if not self._codes.is_right(connection, CHANGE, key, otp, now_ms, user.id):
                return False
            users.set_email(connection, user, of.email)
            self._codes.spend(connection, CHANGE, key, user.id)
            return True

        with self._guessing.attempt(CHANGE, f"{user.id} {key}", client):
            if not await self._accounts.database.run(work):
                raise Refused(Code.CREDENTIALS_INVALID)
        if user.email is not None and user.email.lower() != key:
            self._outbox.put(Event.ADDRESS_CHANGED.letter(user.email))
        return Sent(0)

    async def check_password(self, user: User, password: str | None, client: Client) -> None:
        """Of who is signed in: a session that was left open shall not be enough to take the account away."""
        if user.password is None:
            return
        with self._guessing.attempt("own password", str(user.id), client):
            if password is None or not await self._passwords.verify(user.password, password):
                raise Refused(Code.CREDENTIALS_INVALID)

    async def _set_password(self, user: User, password: str, session: str = "") -> None:
        self._check_new(password, user.email or "", user.username or "", user.name)
        hashed = await self._passwords.hash(password)
        await self._accounts.database.run(lambda connection: users.set_password(connection, user, hashed))
        await self._accounts.end_sessions(user, session)
        if user.email is not None and user.email_confirmed:
            self._outbox.put(Event.PASSWORD_CHANGED.letter(user.email))

    def _check_new(self, password: str, *own: str) -> None:
        problem = problem_with(password, *own)
        if problem:
            raise Refused(Code.BAD_ARGUMENTS, field="new_password", problem=problem)
