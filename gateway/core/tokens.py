"""Who is asking: tokens signed with a secret that lives in the data folder, so that they survive a restart."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import jwt

from gateway.protocol.errors import Code, Refused

ALGORITHM: Final = "HS256"
ISSUER: Final = "tick-arena"
PLAYER: Final = "player"
ADMIN: Final = "admin"
"""Roles. An operator is no player: the number in his token is 0."""
SECRET_FILE: Final = "token.key"
SECRET_BYTES: Final = 32


class Identity(NamedTuple):
    """What a token says."""

    player: int
    session: str
    role: str
    expires_at_s: int


class SecretUnusable(Exception):
    """The file with the signing secret is damaged or open to others; the message says which."""


class Tokens:
    """Issues and checks access tokens."""

    def __init__(self, secret: bytes, lifetime_s: int, now_s: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._lifetime_s = lifetime_s
        self._now_s = now_s

    def issue(self, player: int, role: str = PLAYER) -> str:
        """A token for a new session of the player, or of an operator: player 0 with the role ADMIN."""
        now = int(self._now_s())
        claims = {
            "iss": ISSUER,
            "sub": str(player),
            "sid": secrets.token_hex(8),
            "role": role,
            "iat": now,
            "exp": now + self._lifetime_s,
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def identity(self, token: str) -> Identity:
        """Who the token was issued to. Raises Refused TOKEN_INVALID, without saying what is wrong with it."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": ["iss", "sub", "sid", "role", "exp"], "verify_exp": False, "verify_iat": False},
            )
            found = Identity(int(claims["sub"]), str(claims["sid"]), str(claims["role"]), int(claims["exp"]))
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise Refused(Code.TOKEN_INVALID) from error
        numbered = found.player == 0 if found.role == ADMIN else 0 < found.player < 1 << 31
        if found.expires_at_s <= self._now_s() or not numbered:
            raise Refused(Code.TOKEN_INVALID)
        return found

    def is_current(self, identity: Identity) -> bool:
        """Does the identity still hold?"""
        return self._now_s() < identity.expires_at_s


def secret_in(directory: Path) -> bytes:
    """The signing secret kept in the data folder; made at the first start, readable by its owner only."""
    path = directory / SECRET_FILE
    if not path.exists():
        _write_secret(path, secrets.token_bytes(SECRET_BYTES))
    if path.stat().st_mode & 0o077:
        raise SecretUnusable(f"{path} can be read by others: chmod 600 it, or delete it, which ends all sessions")
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise SecretUnusable(f"{path} is not a secret of {SECRET_BYTES} bytes: delete it, which ends all sessions")
    return secret


def _write_secret(path: Path, secret: bytes) -> None:
    growing = path.with_suffix(".tmp")
    growing.unlink(missing_ok=True)
    file = os.open(growing, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(file, secret)
        os.fsync(file)
    finally:
        os.close(file)
    growing.replace(path)
