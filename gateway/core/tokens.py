"""Who is asking: tokens signed with a secret that lives in the data folder, so that they survive a restart."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import jwt
import msgspec

from gateway.protocol.errors import Code, Refused
from persistence.disk import sync_file

ALGORITHM: Final = "HS256"
ISSUER: Final = "tick-arena"
PLAYER: Final = "player"
ADMIN: Final = "admin"
"""Roles. An operator is no player: the number in his token is 0."""
SECRET_FILE: Final = "token.key"
SECRET_BYTES: Final = 32
_DELETED: Final = "which ends all sessions and makes the codes of private matches useless"
HIDDEN: Final = "keyed:"
"""What the hidden code of a match begins with; one without was made before codes were hidden."""


class Identity(NamedTuple):
    """What a token says."""

    player: int
    session: str
    role: str
    expires_at_s: int
    registration: int = 0
    """Drawn when the player signed up: the number alone may be another's after a backup was restored. 0: none was."""

    @property
    def owner(self) -> int | str:
        """What limits know it by: the player, or this one operator."""
        return self.player or self.session

    def is_same(self, other: Identity) -> bool:
        """Is the other one the same player, or the same operator?"""
        return (self.owner, self.registration, self.role) == (other.owner, other.registration, other.role)


class _Claims(msgspec.Struct, frozen=True):
    """What a token of ours has in it; with others it is none. Times in seconds."""

    sub: Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,9})\Z")]
    sid: str
    role: Literal["player", "admin"]
    exp: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    reg: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0


def new_registration() -> int:
    """What a new player's registration is named by: drawn, so that no other one has it."""
    return secrets.randbits(63) or 1


class SecretUnusable(Exception):
    """The file with the signing secret is damaged or open to others; the message says which."""


class Tokens:
    """Issues and checks access tokens."""

    def __init__(self, secret: bytes, lifetime_s: int, now_s: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._lifetime_s = lifetime_s
        self._now_s = now_s

    def hidden(self, code: str) -> str:
        """What stands in log and state for the code of a private match: it can be compared, and not be read."""
        digest = hashlib.blake2b(code.encode(), key=self._secret, person=b"match code", digest_size=16)
        return HIDDEN + digest.hexdigest()

    def issue(self, player: int, role: str = PLAYER, registration: int = 0) -> str:
        """A token for a new session of the player, or of an operator: player 0 with the role ADMIN."""
        return self._signed(player, secrets.token_hex(8), role, registration)

    def renewed(self, identity: Identity) -> str:
        """A token that lasts longer, of the same session."""
        return self._signed(identity.player, identity.session, identity.role, identity.registration)

    def _signed(self, player: int, session: str, role: str, registration: int) -> str:
        now = int(self._now_s())
        claims = {
            "iss": ISSUER,
            "sub": str(player),
            "reg": registration,
            "sid": session,
            "role": role,
            "iat": now,
            "exp": now + self._lifetime_s,
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def identity(self, token: str, grace_s: int = 0) -> Identity:
        """Who the token was issued to, also if it expired no longer than `grace_s` ago. Raises Refused TOKEN_INVALID,
        without saying what is wrong with it."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": ["iss", "sub", "sid", "role", "exp"], "verify_exp": False, "verify_iat": False},
            )
            found = msgspec.convert(claims, _Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
            raise Refused(Code.TOKEN_INVALID) from error
        if found.exp + grace_s <= self._now_s() or (int(found.sub) == 0) is not (found.role == ADMIN):
            raise Refused(Code.TOKEN_INVALID)
        return Identity(int(found.sub), found.sid, found.role, found.exp, found.reg)

    def expires_in_s(self, identity: Identity) -> int:
        """How much longer the identity holds."""
        return max(identity.expires_at_s - int(self._now_s()), 0)

    def is_current(self, identity: Identity) -> bool:
        """Does the identity still hold?"""
        return self._now_s() < identity.expires_at_s


def secret_in(directory: Path) -> bytes:
    """The signing secret kept in the data folder; made at the first start, readable by its owner only."""
    path = directory / SECRET_FILE
    if not path.exists():
        _write_secret(path, secrets.token_bytes(SECRET_BYTES))
    if path.stat().st_mode & 0o077:
        raise SecretUnusable(f"{path} can be read by others: chmod 600 it, or delete it, {_DELETED}")
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise SecretUnusable(f"{path} is not a secret of {SECRET_BYTES} bytes: restore it, or delete it, {_DELETED}")
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
    sync_file(path.parent)  # the log will have codes of matches that only this secret opens
