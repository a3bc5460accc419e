"""Rows of sessions and refresh tokens. All functions work within the caller's transaction.

A refresh token is good once: it brings the next one. One that comes a second time has been stolen from somebody, and
nobody knows from whom, so the whole session ends.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from typing import Final, NamedTuple

from gateway.core.tokens import ACCOUNT_SESSION
from gateway.protocol.errors import Code, Refused

PREFIX: Final = "rt_"
MOST_SESSIONS: Final = 20
"""Of a user; the one that was not used for longest makes room."""
LONGEST_AGENT: Final = 200


class Client(NamedTuple):
    """Where a request comes from; `limited`: the limits of addresses hold for it."""

    address: str
    agent: str
    limited: bool = True


class Session(NamedTuple):
    """A row of sessions."""

    id: str
    user: int
    how: str
    address: str
    agent: str
    created_ms: int
    used_ms: int
    expires_ms: int


class Opened(NamedTuple):
    """A session and the refresh token that goes on with it; `revoked` are those that made room."""

    session: str
    refresh_token: str
    revoked: list[str]


def open_session(
    connection: sqlite3.Connection, user: int, how: str, client: Client, now_ms: int, lifetime_ms: int
) -> Opened:
    old = connection.execute("SELECT id FROM sessions WHERE user = ? ORDER BY used_ms DESC", (user,)).fetchall()
    revoked = [id for (id,) in old[MOST_SESSIONS - 1 :]]
    for id in revoked:
        end(connection, id)
    session = ACCOUNT_SESSION + secrets.token_hex(12)
    row = (session, user, how, client.address, client.agent[:LONGEST_AGENT], now_ms, now_ms, now_ms + lifetime_ms)
    connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    return Opened(session, _new_token(connection, session), revoked)


class Reused(Exception):
    """A refresh token came a second time; its session has ended."""

    def __init__(self, session: str) -> None:
        super().__init__(session)
        self.session = session


def refresh(
    connection: sqlite3.Connection, token: str, client: Client, now_ms: int, lifetime_ms: int
) -> Opened | Reused:
    """The next refresh token; or, when this one has been used, that its session has ended. Raises Refused TOKEN_INVALID
    when there is no such token, or its session has ended or expired."""
    hashed = _hashed(token)
    row = connection.execute("SELECT session, used_ms FROM refresh_tokens WHERE hash = ?", (hashed,)).fetchone()
    if row is None:
        raise Refused(Code.TOKEN_INVALID)
    session, used_ms = row
    if used_ms is not None:
        end(connection, session)
        return Reused(session)
    if get(connection, session).expires_ms <= now_ms:
        raise Refused(Code.TOKEN_INVALID)
    connection.execute("UPDATE refresh_tokens SET used_ms = ? WHERE hash = ?", (now_ms, hashed))
    changed = "UPDATE sessions SET used_ms = ?, expires_ms = ?, address = ?, agent = ? WHERE id = ?"
    values = (now_ms, now_ms + lifetime_ms, client.address, client.agent[:LONGEST_AGENT], session)
    connection.execute(changed, values)
    return Opened(session, _new_token(connection, session), [])


def get(connection: sqlite3.Connection, session: str) -> Session:
    """Raises Refused TOKEN_INVALID."""
    row = connection.execute("SELECT * FROM sessions WHERE id = ?", (session,)).fetchone()
    if row is None:
        raise Refused(Code.TOKEN_INVALID)
    return Session(*row)


def of_user(connection: sqlite3.Connection, user: int) -> list[Session]:
    """The one that was used last first."""
    rows = connection.execute("SELECT * FROM sessions WHERE user = ? ORDER BY used_ms DESC, id", (user,))
    return [Session(*row) for row in rows]


def end(connection: sqlite3.Connection, session: str) -> None:
    """With its refresh tokens."""
    connection.execute("DELETE FROM sessions WHERE id = ?", (session,))


def end_all(connection: sqlite3.Connection, user: int, but: str = "") -> list[str]:
    """All sessions of the user, but this one; which those were. With no exception the API keys are suspended too: who
    ends all sessions may fear that somebody else was in."""
    if not but:
        connection.execute("UPDATE api_keys SET suspended = 1 WHERE user = ?", (user,))
    ended = [each.id for each in of_user(connection, user) if each.id != but]
    for id in ended:
        end(connection, id)
    return ended


def sweep(connection: sqlite3.Connection, now_ms: int) -> None:
    """Forget what has expired."""
    connection.execute("DELETE FROM sessions WHERE expires_ms <= ?", (now_ms,))
    connection.execute("DELETE FROM revocations WHERE until_ms <= ?", (now_ms,))
    connection.execute("DELETE FROM codes WHERE expires_ms <= ?", (now_ms,))


def _new_token(connection: sqlite3.Connection, session: str) -> str:
    token = PREFIX + secrets.token_urlsafe(32)
    connection.execute("INSERT INTO refresh_tokens VALUES (?, ?, NULL)", (_hashed(token), session))
    return token


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
