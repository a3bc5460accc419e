"""Rows of users: looked up, made and changed. All functions work within the caller's transaction."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from typing import Final, NamedTuple

from gateway.core.tokens import PLAYER
from gateway.protocol.errors import Code, Refused
from gateway.protocol.player_names import player_name

LONGEST_EMAIL: Final = 254
_EMAIL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
"""What RFC 5321 calls a Mailbox, without quoted names and address literals: nothing in it can end a line."""
_USERNAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{1,30}[A-Za-z0-9])")


class User(NamedTuple):
    """A row of users; the columns are explained in schema.sql."""

    id: int
    player: int
    registration: int
    role: str
    username: str | None
    email: str | None
    email_confirmed: int
    password: str | None
    name: str
    referrer: int
    birth_date: str | None
    country: str | None
    created_ms: int
    disabled_ms: int | None
    disabled_why: str

    @property
    def known_as(self) -> str:
        """What an operator calls this one."""
        return self.username or self.email or f"user {self.id}"

    @property
    def is_player(self) -> bool:
        return self.role == PLAYER


_COLUMNS: Final = ", ".join(User._fields)


def email_key(email: str) -> str:
    """By which an address is found, whatever capitals it is written with. Raises Refused BAD_ARGUMENTS."""
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        raise Refused(Code.BAD_ARGUMENTS, field="email", problem="this is no e-mail address")
    return email.lower()


def username_key(username: str) -> str:
    """By which a name to sign in with is found. Raises Refused BAD_ARGUMENTS."""
    if not _USERNAME.fullmatch(username):
        problem = "3 to 32 letters a to z, digits, and _ . - between them"
        raise Refused(Code.BAD_ARGUMENTS, field="username", problem=problem)
    return username.lower()


def check_name(field: str, name: str) -> str:
    """The name that others see, as it is kept. Raises Refused BAD_ARGUMENTS."""
    try:
        return player_name(name)
    except ValueError as error:
        raise Refused(Code.BAD_ARGUMENTS, field=field, problem=str(error)) from error


def sign_in_key(email: str | None, username: str | None) -> tuple[str, str]:
    """The column and the key by which an account is named. What is no address or name names no account, and is no
    error: the answer to it is that of any that does not exist. Raises Refused when neither or both are given."""
    if (email is None) is (username is None):
        raise Refused(Code.BAD_ARGUMENTS, field="email", problem="give one of email and username")
    text = email if email is not None else username
    assert text is not None
    return ("email_key" if email is not None else "username_key"), unicodedata.normalize("NFC", text).lower()


def find(connection: sqlite3.Connection, column: str, key: str | int) -> User | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM users WHERE {column} = ?", (key,)).fetchone()
    return User(*row) if row else None


def get(connection: sqlite3.Connection, id: int) -> User:
    """Raises Refused TOKEN_INVALID: the account is gone since its token was issued."""
    user = find(connection, "id", id)
    if user is None:
        raise Refused(Code.TOKEN_INVALID)
    return user


def of_session(connection: sqlite3.Connection, session: str) -> User:
    """Whose session it is. Raises Refused TOKEN_INVALID."""
    row = connection.execute("SELECT user FROM sessions WHERE id = ?", (session,)).fetchone()
    if row is None:
        raise Refused(Code.TOKEN_INVALID)
    return get(connection, row[0])


class NewUser(NamedTuple):
    """What a user begins with."""

    role: str
    name: str
    username: str | None = None
    email: str | None = None
    email_confirmed: bool = False
    password: str | None = None
    registration: int = 0
    player: int = 0
    referrer: int = 0
    birth_date: str | None = None
    country: str | None = None


def make(connection: sqlite3.Connection, new: NewUser, now_ms: int) -> User:
    """Raises Refused ACCOUNT_EXISTS, which names the field."""
    keys = {
        "username": username_key(new.username) if new.username is not None else None,
        "email": email_key(new.email) if new.email is not None else None,
    }
    for field, key in keys.items():
        if key is not None and find(connection, f"{field}_key", key) is not None:
            raise Refused(Code.ACCOUNT_EXISTS, field=field)
    row = new._asdict() | {f"{field}_key": key for field, key in keys.items()} | {"created_ms": now_ms}
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    made = connection.execute(f"INSERT INTO users ({names}) VALUES ({marks})", tuple(row.values()))
    assert made.lastrowid is not None
    return get(connection, made.lastrowid)


def set_player(connection: sqlite3.Connection, user: User, player: int) -> User:
    """The engine has made the player."""
    connection.execute("UPDATE users SET player = ? WHERE id = ?", (player, user.id))
    return get(connection, user.id)


def set_password(connection: sqlite3.Connection, user: User, hashed: str | None) -> None:
    connection.execute("UPDATE users SET password = ? WHERE id = ?", (hashed, user.id))


def set_email(connection: sqlite3.Connection, user: User, email: str) -> None:
    """A confirmed one. Raises Refused ACCOUNT_EXISTS."""
    key = email_key(email)
    other = find(connection, "email_key", key)
    if other is not None and other.id != user.id:
        raise Refused(Code.ACCOUNT_EXISTS, field="email")
    changed = "UPDATE users SET email = ?, email_key = ?, email_confirmed = 1 WHERE id = ?"
    connection.execute(changed, (email, key, user.id))


def blank(connection: sqlite3.Connection, user: User, now_ms: int) -> None:
    """Forget who it was. The row stays, so that the number and the registration are nobody else's."""
    connection.execute(
        "UPDATE users SET username = NULL, username_key = NULL, email = NULL, email_key = NULL, email_confirmed = 0,"
        " password = NULL, name = '', birth_date = NULL, country = NULL, disabled_ms = ?, disabled_why = 'deleted'"
        " WHERE id = ?",
        (now_ms, user.id),
    )


def remove(connection: sqlite3.Connection, user: User) -> None:
    """With all that hangs on it."""
    connection.execute("DELETE FROM codes WHERE user = ? OR email_key = ?", (user.id, (user.email or "").lower()))
    connection.execute("DELETE FROM users WHERE id = ?", (user.id,))
