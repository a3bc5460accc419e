"""Accounts and their sessions: begun, gone on with, listed and ended; and the player of an account in the engine.

A user's row is written before the engine makes the player, with the registration that the command will have. So a
crash between the two loses nothing: the next start, or the next sign-in, finds the player by the registration, or has
it made.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from engine.model.commands import RegisterPlayer, encode_cold
from engine.model.reasons import Reason
from engine.model.state import State
from gateway.core.config import Config
from gateway.core.records import cold_record
from gateway.core.sequencer import Sequencer, Urgency
from gateway.core.signing_keys import SecretUnusable, keys_in, keys_stamp
from gateway.core.tokens import Identity, Tokens
from gateway.identity import personal_data, sessions, users
from gateway.identity.database import Database
from gateway.identity.sessions import Client
from gateway.identity.standing import Standing
from gateway.identity.users import User
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.accounts import SessionEntry, SignedIn

log = structlog.get_logger()

WATCH_EVERY_S: Final = 0.5
SWEEP_EVERY_S: Final = 3_600.0
MS: Final = 1_000


class Accounts:
    """See the module. What it raises, if nothing else is said, is Refused."""

    def __init__(
        self,
        database: Database,
        tokens: Tokens,
        standing: Standing,
        sequencer: Sequencer,
        state: State,
        config: Config,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self.tokens = tokens
        self._standing = standing
        self._sequencer = sequencer
        self._state = state
        self._config = config
        self._now_s = now_s
        self._directory = Path(config.data.directory)
        self._keys_stamp = keys_stamp(self._directory)
        self.on_load: list[Callable[[], Awaitable[None]]] = []
        """What else is kept in memory of the database: called when another process has changed it."""
        self._registering: dict[int, asyncio.Task[int]] = {}
        """By user: the engine is asked once, however often it is waited for."""

    def now_ms(self) -> int:
        return int(self._now_s() * MS)

    # At the start, and beside it

    async def begin(self) -> None:
        """Know what the database says, and give accounts the players that the engine made for them."""
        by_registration = {player.registration: id for id, player in self._state.cold.players.items()}

        def complete(connection: sqlite3.Connection) -> None:
            waiting = connection.execute("SELECT id, registration FROM users WHERE player = 0 AND registration != 0")
            for id, registration in waiting.fetchall():
                if registration in by_registration:
                    users.set_player(connection, users.get(connection, id), by_registration[registration])

        await self.database.run(complete)
        await self._load()

    async def watch(self) -> None:
        """Notice what the command line changes: users, and signing keys. Sweep now and then. Until cancelled."""
        swept_s = 0.0
        while True:
            if await self.database.changed_outside():
                await self._load()
            self._look_at_keys()
            if time.monotonic() - swept_s > SWEEP_EVERY_S:
                swept_s = time.monotonic()
                await self.database.run(partial(sessions.sweep, now_ms=self.now_ms()))
            await asyncio.sleep(WATCH_EVERY_S)

    async def _load(self) -> None:
        def read(connection: sqlite3.Connection) -> tuple[dict[str, float], list[int], list[int]]:
            revoked = {id: until / MS for id, until in connection.execute("SELECT session, until_ms FROM revocations")}
            disabled = connection.execute("SELECT player FROM users WHERE player != 0 AND disabled_ms IS NOT NULL")
            with_account = connection.execute("SELECT player FROM users WHERE player != 0")
            return revoked, [id for (id,) in disabled], [id for (id,) in with_account]

        self._standing.load(*await self.database.run(read))
        await self._load_others()

    async def _load_others(self) -> None:
        for load in self.on_load:
            await load()

    def _look_at_keys(self) -> None:
        stamp = keys_stamp(self._directory)
        if stamp == self._keys_stamp:
            return
        self._keys_stamp = stamp
        try:
            self.tokens.keys = keys_in(self._directory)
        except (SecretUnusable, OSError) as error:
            log.error("the signing keys cannot be read: those of before stay", error=str(error))
        else:
            log.info("signing key", current=self.tokens.keys[0].id)

    # Sessions

    async def open_session(self, user: User, how: str, client: Client) -> SignedIn:
        """A new session of a user who has shown who he is."""
        if user.disabled_ms is not None:
            raise Refused(Code.ACCOUNT_DISABLED)
        user = await self.registered(user)
        if user.player:
            self._standing.has_account(user.player)
        now_ms, lifetime_ms = self.now_ms(), self._config.identity.refresh_token_s * MS

        def work(connection: sqlite3.Connection) -> sessions.Opened:
            opened = sessions.open_session(connection, user.id, how, client, now_ms, lifetime_ms)
            self._write_revocations(connection, opened.revoked)
            return opened

        opened = await self.database.run(work)
        self._revoke(opened.revoked)
        return self._signed_in(user, opened)

    async def refresh(self, token: str, client: Client) -> SignedIn:
        """Go on with a session. Who comes with a token that was used already ends the session."""
        now_ms, lifetime_ms = self.now_ms(), self._config.identity.refresh_token_s * MS

        def work(connection: sqlite3.Connection) -> tuple[sessions.Opened, User] | sessions.Reused:
            opened = sessions.refresh(connection, token, client, now_ms, lifetime_ms)
            if isinstance(opened, sessions.Reused):
                self._write_revocations(connection, [opened.session])
                return opened
            user = users.of_session(connection, opened.session)
            if user.disabled_ms is not None:
                raise Refused(Code.ACCOUNT_DISABLED)
            return opened, user

        done = await self.database.run(work)
        if isinstance(done, sessions.Reused):
            self._revoke([done.session])
            log.warning("a refresh token came twice: its session has ended", session=done.session)
            raise Refused(Code.REFRESH_REUSED)
        opened, user = done
        if self._registration_is_anothers(user):
            raise Refused(Code.TOKEN_INVALID)
        return self._signed_in(user, opened)

    async def end_session(self, identity: Identity, session: str) -> None:
        """One of the asker's own sessions, which may be this one; a guest has only that."""

        def work(connection: sqlite3.Connection) -> None:
            if session != identity.session:
                mine = users.of_session(connection, identity.session).id
                try:
                    if sessions.get(connection, session).user != mine:
                        raise Refused(Code.NOT_FOUND)
                except Refused as refused:
                    raise Refused(Code.NOT_FOUND) from refused
            sessions.end(connection, session)
            self._write_revocations(connection, [session])

        await self.database.run(work)
        self._revoke([session])

    async def end_sessions(self, user: User, but: str = "") -> None:
        """All sessions of the user, but this one."""

        def work(connection: sqlite3.Connection) -> list[str]:
            ended = sessions.end_all(connection, user.id, but)
            self._write_revocations(connection, ended)
            return ended

        self._revoke(await self.database.run(work))
        await self._load_others()

    async def delete(self, user: User) -> None:
        """The person is forgotten; the player stays in the log, and nobody is let in as that one again."""
        now_ms = self.now_ms()
        self._revoke(await self.database.run(lambda connection: personal_data.delete(connection, user, now_ms)))
        self._standing.disable(user.player)
        await self._load_others()

    async def address_proven(self, user: User) -> User:
        """Who has the mailbox has shown it. If nobody had before, somebody else may have signed up with the address, so
        what there is of sessions and passwords goes."""
        if user.email_confirmed:
            return user

        def work(connection: sqlite3.Connection) -> User:
            assert user.email is not None
            users.set_email(connection, user, user.email)
            users.set_password(connection, user, None)
            return users.get(connection, user.id)

        proven = await self.database.run(work)
        await self.end_sessions(user)
        return proven

    async def sessions_of(self, identity: Identity) -> list[SessionEntry]:
        """The one that was used last first."""
        user = await self.user_of(identity)
        found = await self.database.run(lambda connection: sessions.of_user(connection, user.id))
        return [
            SessionEntry(
                each.id, each.how, each.address, each.agent,
                each.created_ms, each.used_ms, each.expires_ms, each.id == identity.session,
            )
            for each in found
        ]  # fmt: skip

    async def user_of(self, identity: Identity) -> User:
        """Whose session it is. Raises Refused ACCOUNT_NEEDED for guests and tokens of the command line."""
        if not identity.is_of_account:
            raise Refused(Code.ACCOUNT_NEEDED)
        return await self.database.run(lambda connection: users.of_session(connection, identity.session))

    def _signed_in(self, user: User, opened: sessions.Opened) -> SignedIn:
        lifetime_s = self._config.identity.access_token_s
        token = self.tokens.issue(user.player, user.role, user.registration, opened.session, lifetime_s)
        return SignedIn(user.player, token, opened.refresh_token, lifetime_s, opened.session, user.role)

    def _write_revocations(self, connection: sqlite3.Connection, ended: Iterable[str]) -> None:
        until_ms = int(self._revoked_until_s() * MS)
        rows = [(session, until_ms) for session in ended]
        connection.executemany("INSERT OR REPLACE INTO revocations VALUES (?, ?)", rows)

    def _revoke(self, ended: Iterable[str]) -> None:
        for session in ended:
            self._standing.revoke(session, self._revoked_until_s())

    def _revoked_until_s(self) -> float:
        """By then no token of the session is good any more, a guest's that may be exchanged included."""
        server = self._config.server
        longest_s = max(self._config.identity.access_token_s, server.token_lifetime_s + server.token_grace_s)
        return self._now_s() + longest_s

    # Players

    async def registered(self, user: User) -> User:
        """The user with his player, whom the engine makes now if it has not yet."""
        if not user.is_player or user.player:
            if self._registration_is_anothers(user):
                raise Refused(Code.TOKEN_INVALID)
            return user
        task = self._registering.get(user.id)
        if task is None:
            task = self._registering[user.id] = asyncio.create_task(self._register(user))
            task.add_done_callback(lambda done: self._registering.pop(user.id, None))
        return user._replace(player=await asyncio.shield(task))

    async def _register(self, user: User) -> int:
        player = self._player_of(user.registration)
        if not player:
            grant = self._config.players.demo_units()
            command = RegisterPlayer(user.name, grant, user.referrer, user.registration)
            outcome, _ = await self._sequencer.call(cold_record(), Urgency.OPENS, encode_cold(command))
            if outcome.reason:
                await self.database.run(lambda connection: users.remove(connection, user))
                raise Refused(Reason(outcome.reason))
            player = outcome.id
        await self.database.run(lambda connection: users.set_player(connection, user, player))
        return player

    def _player_of(self, registration: int) -> int:
        """0: the engine has made none. Walks all players, which is for what seldom happens."""
        players = self._state.cold.players.items()
        return next((id for id, player in players if player.registration == registration), 0)

    def _registration_is_anothers(self, user: User) -> bool:
        """Is the user's number another's, as may be after one of the two was restored from a backup?"""
        if not user.player:
            return False
        player = self._state.cold.players.get(user.player)
        return player is None or player.registration != user.registration
