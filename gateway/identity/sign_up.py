"""Signing up: a name or an address, a password or a code, and a player."""

from __future__ import annotations

import sqlite3
import time
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import Final

from engine.model.state import State
from gateway.core.config import Config
from gateway.core.limits import Buckets, retry_after_ms
from gateway.core.tokens import PLAYER, Identity, new_registration
from gateway.identity import users
from gateway.identity.accounts import Accounts
from gateway.identity.codes import SIGN_IN, Codes
from gateway.identity.passwords import Passwords, problem_with
from gateway.identity.sessions import Client
from gateway.identity.users import NewUser, User
from gateway.identity.waits import Guessing
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.accounts import Register, SignedIn

HOUR_S: Final = 3_600


class SignUp:
    """See the module."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: Passwords,
        codes: Codes,
        guessing: Guessing,
        state: State,
        config: Config,
    ) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._codes = codes
        self._guessing = guessing
        self._state = state
        self._config = config
        per_hour = config.identity.sign_ups_per_address_per_hour
        self._sign_ups = Buckets(per_hour, per_hour, per_s=HOUR_S)

    async def register(self, of: Register, referrer: int, client: Client, guest: Identity | None) -> SignedIn:
        """A new account, of a new player or of this guest. Raises Refused."""
        if not self._config.identity.sign_up:
            raise Refused(Code.NOT_ALLOWED, problem="this arena takes no new accounts")
        new = self._checked(of, referrer)
        if guest is not None:
            new = self._of_guest(new, guest)
        if of.otp is not None:
            new = new._replace(email_confirmed=True)
        if client.limited:
            now_ns = time.monotonic_ns()
            wait_ns = self._sign_ups.of(client.address, now_ns).take(now_ns)
            if wait_ns:
                raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns))
        if of.password is not None:
            new = new._replace(password=await self._passwords.hash(of.password))
        otp, now_ms = of.otp, self._accounts.now_ms()
        key = users.email_key(of.email) if of.email is not None else ""

        def work(connection: sqlite3.Connection) -> User | None:
            if otp is not None and not self._codes.is_right(connection, SIGN_IN, key, otp, now_ms):
                return None
            if new.player and users.find(connection, "player", new.player) is not None:
                raise Refused(Code.ACCOUNT_EXISTS)
            self._codes.spend(connection, SIGN_IN, key)
            return users.make(connection, new, now_ms)

        with self._guessing.attempt(SIGN_IN, key, client) if otp is not None else nullcontext():
            user = await self._accounts.database.run(work)
            if user is None:
                raise Refused(Code.CREDENTIALS_INVALID)
        return await self._accounts.open_session(user, "register", client)

    def _checked(self, of: Register, referrer: int) -> NewUser:
        """Raises Refused."""
        if (of.email is None) is (of.username is None):
            raise Refused(Code.BAD_ARGUMENTS, field="email", problem="give one of email and username")
        if of.email is not None:
            users.email_key(of.email)
            if of.otp is None and self._config.identity.sign_up_needs_code and not self._config.server.development:
                raise Refused(Code.CODE_NEEDED)
        elif of.otp is not None:
            raise Refused(Code.BAD_ARGUMENTS, field="otp", problem="a code goes with an address")
        if of.username is not None:
            users.username_key(of.username)
            users.check_name("username", of.username)
        if of.password is None and of.otp is None:
            raise Refused(Code.BAD_ARGUMENTS, field="password", problem="give a password, or a code of the address")
        if of.password is not None:
            problem = problem_with(of.password, of.email or "", of.username or "", of.name or "")
            if problem:
                raise Refused(Code.BAD_ARGUMENTS, field="password", problem=problem)
        self._check_eligible(of)
        name = users.check_name("name", of.name) if of.name is not None else of.username or "player"
        return NewUser(
            PLAYER, name, of.username, of.email,
            registration=new_registration(), referrer=referrer, birth_date=of.birth_date, country=of.country,
        )  # fmt: skip

    def _check_eligible(self, of: Register) -> None:
        """Raises Refused: what is asked for and not said, and NOT_ELIGIBLE."""
        config = self._config.identity
        if config.youngest_age:
            if of.birth_date is None:
                raise Refused(Code.BAD_ARGUMENTS, field="birth_date", problem="say when you were born")
            try:
                born = date.fromisoformat(of.birth_date)
            except ValueError as error:
                raise Refused(Code.BAD_ARGUMENTS, field="birth_date", problem="there is no such day") from error
            today = datetime.fromtimestamp(self._accounts.now_ms() / 1_000, UTC).date()
            age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
            if age < config.youngest_age:
                raise Refused(Code.NOT_ELIGIBLE, field="birth_date", at_least=config.youngest_age)
        if config.countries or config.countries_refused:
            if of.country is None:
                raise Refused(Code.BAD_ARGUMENTS, field="country", problem="say from where you are")
            if of.country in config.countries_refused or (config.countries and of.country not in config.countries):
                raise Refused(Code.NOT_ELIGIBLE, field="country", value=of.country)

    def _of_guest(self, new: NewUser, guest: Identity) -> NewUser:
        """The guest keeps number, name and all that is his. Raises Refused."""
        if guest.role != PLAYER:
            raise Refused(Code.PLAYERS_ONLY)
        if new.referrer:
            raise Refused(Code.BAD_ARGUMENTS, field="referral_code", problem="only a new player can be referred")
        if guest.is_of_account:
            raise Refused(Code.ACCOUNT_EXISTS)
        player = self._state.cold.players[guest.player]
        if not player.registration:
            raise Refused(Code.NOT_ALLOWED, problem="a player of so old a program cannot have an account")
        return new._replace(player=guest.player, registration=player.registration, name=player.name)
