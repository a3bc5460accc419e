"""A person's data: given out, and taken away. The log of commands knows a player's number and the name that others see,
and keeps them; here is everything else."""

from __future__ import annotations

import sqlite3
from typing import Any

from gateway.identity import operators, users
from gateway.identity.users import User

_TABLES = {
    "sessions": "id, how, address, agent, created_ms, used_ms, expires_ms",
    "passkeys": "label, created_ms, used_ms",
    "play_limits": "kind, value, next_value, next_from_ms",
    "exclusions": "at_ms, until_ms",
    "play_days": "day, seconds, deposited, lost",
    "api_keys": "id, label, kind, scopes, addresses, per_minute, created_ms, expires_ms, suspended, revoked_ms",
}


def export(connection: sqlite3.Connection, user: User) -> dict[str, Any]:
    """All that is kept of the person but the hashes of secrets."""
    account = {name: value for name, value in user._asdict().items() if name not in ("password", "registration")}
    found: dict[str, Any] = {"account": account}
    for table, columns in _TABLES.items():
        rows = connection.execute(f"SELECT {columns} FROM {table} WHERE user = ?", (user.id,)).fetchall()
        found[table] = [dict(zip(columns.split(", "), row, strict=True)) for row in rows]
    return found


def delete(connection: sqlite3.Connection, user: User, now_ms: int) -> list[str]:
    """Leave of the row what keeps the number from being anybody's: number, registration, and that it is gone. Which
    sessions have ended."""
    dependents = "SELECT user FROM dependents WHERE owner = ?"
    connection.execute(
        f"UPDATE users SET disabled_ms = ?, disabled_why = 'its owner is gone' WHERE id IN ({dependents})",
        (now_ms, user.id),
    )
    ended = operators.end_sessions(connection, user, now_ms)
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE user = ?", (user.id,))
    connection.execute("DELETE FROM codes WHERE user = ? OR email_key = ?", (user.id, (user.email or "").lower()))
    users.blank(connection, user, now_ms)
    return ended
