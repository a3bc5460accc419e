"""What operators do to users, at the server's side or from the command line; and the log of what operators do.

All functions work within the caller's transaction. A running arena notices what another process has changed.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from gateway.core.tokens import OPERATORS, PARTNER, PLAYER, new_registration
from gateway.identity import sessions, users
from gateway.identity.users import NewUser, User
from gateway.protocol.errors import Code, Refused

REVOKED_FOR_MS: Final = 30 * 86_400_000
"""By then every access token of a session that is ended has expired."""
LONGEST_TEXT: Final = 4_096
"""Of arguments and reasons that are kept."""


class Action(NamedTuple):
    """One that an operator took: a row of actions."""

    at_ms: int
    user: int
    who: str
    role: str
    op: str
    arguments: str
    why: str
    outcome: str
    sequence: int = 0


class LoggedAction(NamedTuple):
    """A row of actions, with its number."""

    id: int
    action: Action


def record(connection: sqlite3.Connection, action: Action) -> None:
    """Write down an action."""
    row = action._replace(arguments=action.arguments[:LONGEST_TEXT], why=action.why[:LONGEST_TEXT])
    names = ", ".join(Action._fields)
    connection.execute(f"INSERT INTO actions ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def recorded(
    connection: sqlite3.Connection, limit: int, before: int = 0, op: str = "", who: str = ""
) -> list[LoggedAction]:
    """The latest before number `before`, newest first; of one op, or of one operator."""
    found = connection.execute(
        f"SELECT id, {', '.join(Action._fields)} FROM actions WHERE (? = 0 OR id < ?) AND (? = '' OR op = ?)"
        " AND (? = '' OR who = ?) ORDER BY id DESC LIMIT ?",
        (before, before, op, op, who, who, limit),
    )
    return [LoggedAction(id, Action(*row)) for id, *row in found]


def named(connection: sqlite3.Connection, name: str) -> User:
    """By user name, address, or number with a # before it. Raises Refused NOT_FOUND."""
    user: User | None = None
    if name.startswith("#") and name[1:].isdecimal():
        user = users.find(connection, "id", int(name[1:]))
    else:
        user = users.find(connection, "username_key", name.lower()) or users.find(connection, "email_key", name.lower())
    if user is None:
        raise Refused(Code.NOT_FOUND, problem=f"there is no user {name}")
    return user


def create(
    connection: sqlite3.Connection, role: str, username: str | None, email: str | None, password: str, now_ms: int
) -> User:
    """A user with a password that is hashed already. A player has his number from his first sign-in on."""
    if username is None and email is None:
        raise Refused(Code.BAD_ARGUMENTS, field="username", problem="give a user name or an address")
    name = users.check_name("username", username or "player") if role == PLAYER else username or email or ""
    registration = new_registration() if role == PLAYER else 0
    new = NewUser(role, name, username, email, email is not None, password, registration)
    return users.make(connection, new, now_ms)


def listed(connection: sqlite3.Connection, role: str = "") -> list[User]:
    columns = ", ".join(User._fields)
    found = connection.execute(f"SELECT {columns} FROM users WHERE ? = '' OR role = ? ORDER BY id", (role, role))
    return [User(*row) for row in found]


def disable(connection: sqlite3.Connection, user: User, why: str, now_ms: int) -> None:
    """Nobody signs in as this one, and all that is open is closed."""
    connection.execute("UPDATE users SET disabled_ms = ?, disabled_why = ? WHERE id = ?", (now_ms, why, user.id))
    end_sessions(connection, user, now_ms)


def enable(connection: sqlite3.Connection, user: User) -> None:
    connection.execute("UPDATE users SET disabled_ms = NULL, disabled_why = '' WHERE id = ?", (user.id,))


def set_role(connection: sqlite3.Connection, user: User, role: str, now_ms: int) -> None:
    """Of an operator or a partner; sessions with the role of before end. A player stays one, and nobody becomes one:
    the engine knows players and nobody else. Raises Refused."""
    if user.is_player or role not in (*OPERATORS, PARTNER):
        raise Refused(Code.BAD_ARGUMENTS, field="role", problem="a player stays a player, and nobody else becomes one")
    connection.execute("UPDATE users SET role = ? WHERE id = ?", (role, user.id))
    end_sessions(connection, user, now_ms)


def reset(connection: sqlite3.Connection, user: User, password: str, now_ms: int) -> None:
    """A new password, that is hashed already; sessions and passkeys of before end."""
    users.set_password(connection, user, password)
    connection.execute("DELETE FROM passkeys WHERE user = ?", (user.id,))
    end_sessions(connection, user, now_ms)


def end_sessions(connection: sqlite3.Connection, user: User, now_ms: int) -> list[str]:
    """All of the user; which those were."""
    ended = sessions.end_all(connection, user.id)
    rows = [(session, now_ms + REVOKED_FOR_MS) for session in ended]
    connection.executemany("INSERT OR REPLACE INTO revocations VALUES (?, ?)", rows)
    return ended
