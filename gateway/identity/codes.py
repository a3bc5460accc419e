"""One-time codes that are sent by mail: short, for a few minutes, for a few tries."""

from __future__ import annotations

import secrets
import sqlite3
import time
from typing import Final

from gateway.core.config import Config
from gateway.core.limits import Buckets, retry_after_ms
from gateway.core.tokens import Tokens
from gateway.identity.database import Database
from gateway.identity.sessions import Client
from gateway.notify.letters import Event
from gateway.notify.outbox import Outbox
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.accounts import Sent

DIGITS: Final = 6
MOST_TRIES: Final = 5
"""With one code."""
HOUR_S: Final = 3_600
ADDRESSES: Final = 4
"""Mail addresses that one network address may ask codes for as often as it can be done for one."""

SIGN_IN: Final = "sign_in"
RESET: Final = "reset"
CHANGE: Final = "change"
LETTERS: Final = {SIGN_IN: Event.SIGN_IN_CODE, RESET: Event.RESET_CODE, CHANGE: Event.ADDRESS_CODE}
"""By what a code is for. Only one of each is good for an address at a time."""


class Codes:
    """See the module."""

    def __init__(self, database: Database, tokens: Tokens, outbox: Outbox, config: Config) -> None:
        self._database = database
        self._tokens = tokens
        self._outbox = outbox
        self._lifetime_s = config.identity.code_s
        most = config.identity.codes_per_address_per_hour
        self._of_mail = Buckets(most, most, per_s=HOUR_S)
        self._of_network = Buckets(most * ADDRESSES, most * ADDRESSES, per_s=HOUR_S)

    def admit(self, key: str, client: Client) -> None:
        """Count a code that is asked for. Raises Refused RATE_LIMITED, and NOT_ALLOWED where no mail is sent."""
        if not self._outbox.can_send:
            raise Refused(Code.NOT_ALLOWED, problem="this arena sends no mail")
        now_ns = time.monotonic_ns()
        wait_ns = self._of_network.of(client.address, now_ns).take(now_ns) if client.limited else 0
        wait_ns = wait_ns or self._of_mail.of(key, now_ns).take(now_ns)
        if wait_ns:
            because = "so many codes were asked for"
            raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns), because=because)

    async def send(
        self, purpose: str, email: str, key: str, now_ms: int, user: int = 0, is_wanted: bool = True
    ) -> Sent:
        """Make a code for an address in place of the one before, and send it if it is wanted."""
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        row = (purpose, key, user, self._hash(purpose, key, code), now_ms + self._lifetime_s * 1_000)
        insert = "INSERT OR REPLACE INTO codes (purpose, email_key, user, hash, expires_ms) VALUES (?, ?, ?, ?, ?)"
        await self._database.run(lambda connection: connection.execute(insert, row))
        if is_wanted:
            self._outbox.put(LETTERS[purpose].letter(email, code=code, minutes=self._lifetime_s // 60))
        return Sent(self._lifetime_s)

    def is_right(
        self, connection: sqlite3.Connection, purpose: str, key: str, code: str, now_ms: int, user: int = 0
    ) -> bool:
        """Is it the code that was sent? A wrong one is counted; it is not spent by this."""
        of = (purpose, key, user)
        row = connection.execute(
            "SELECT hash, expires_ms, tries FROM codes WHERE purpose = ? AND email_key = ? AND user = ?", of
        ).fetchone()
        if row is None or row[1] <= now_ms or row[2] >= MOST_TRIES:
            return False
        if secrets.compare_digest(row[0], self._hash(purpose, key, code)):
            return True
        connection.execute("UPDATE codes SET tries = tries + 1 WHERE purpose = ? AND email_key = ? AND user = ?", of)
        return False

    def spend(self, connection: sqlite3.Connection, purpose: str, key: str, user: int = 0) -> None:
        """It is of no use any more."""
        of = (purpose, key, user)
        connection.execute("DELETE FROM codes WHERE purpose = ? AND email_key = ? AND user = ?", of)

    def _hash(self, purpose: str, key: str, code: str) -> bytes:
        """Under the secret of the data folder: who has only the database cannot try all codes."""
        return self._tokens.hidden(f"{purpose} {key} {code}").encode()
