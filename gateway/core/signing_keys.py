"""The keys that sign tokens, in the data folder: the current one, and the one before.

`token.key` is the first key, and for ever what hides the codes of private matches. `arena rotate-key` makes another one
current. The one before it stays good, so that no session ends; the one before that is forgotten. Keys after the first
are in `signing.keys`, which a running arena looks at.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from persistence.disk import sync_file

SECRET_FILE: Final = "token.key"
KEYS_FILE: Final = "signing.keys"
SECRET_BYTES: Final = 32
FIRST_KEY: Final = "1"
"""The id of the key in `token.key`."""
_DELETED: Final = "which ends all sessions and makes the codes of private matches useless"


class SigningKey(NamedTuple):
    """`id` is what tokens name it by."""

    id: str
    secret: bytes


class SecretUnusable(Exception):
    """A file with signing secrets is damaged or open to others; the message says which."""


def secret_in(directory: Path) -> bytes:
    """The first secret kept in the data folder; made at the first start, readable by its owner only."""
    path = directory / SECRET_FILE
    if not path.exists():
        _write_secretly(path, secrets.token_bytes(SECRET_BYTES))
    _check_private(path, _DELETED)
    secret = path.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise SecretUnusable(f"{path} is not a secret of {SECRET_BYTES} bytes: restore it, or delete it, {_DELETED}")
    return secret


def keys_in(directory: Path) -> tuple[SigningKey, ...]:
    """The keys whose tokens are good, the current one first. Raises SecretUnusable."""
    path = directory / KEYS_FILE
    if not path.exists():
        return (SigningKey(FIRST_KEY, secret_in(directory)),)
    _check_private(path, "which ends all sessions")
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=tuple[SigningKey, ...])
    except msgspec.DecodeError as error:
        raise SecretUnusable(f"{path} is damaged: restore it, or delete it, which ends all sessions") from error
    if not 1 <= len(keys) <= 2 or any(len(key.secret) != SECRET_BYTES or not key.id.isdecimal() for key in keys):
        raise SecretUnusable(f"{path} does not hold one or two keys: restore it, or delete it, which ends all sessions")
    return keys


def rotate_in(directory: Path) -> str:
    """Make a new key the current one and keep the one before; its id. Raises SecretUnusable, OSError."""
    current = keys_in(directory)[0]
    made = SigningKey(str(int(current.id) + 1), secrets.token_bytes(SECRET_BYTES))
    _write_secretly(directory / KEYS_FILE, msgspec.json.encode((made, current)))
    return made.id


def keys_stamp(directory: Path) -> int:
    """Changes when the keys do."""
    try:
        return (directory / KEYS_FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _check_private(path: Path, deleted: str) -> None:
    if path.stat().st_mode & 0o077:
        raise SecretUnusable(f"{path} can be read by others: chmod 600 it, or delete it, {deleted}")


def _write_secretly(path: Path, content: bytes) -> None:
    growing = path.with_suffix(".tmp")
    growing.unlink(missing_ok=True)
    file = os.open(growing, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    growing.replace(path)
    sync_file(path.parent)  # the log will have codes of matches that only this secret opens
