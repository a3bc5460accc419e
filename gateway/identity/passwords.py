"""Passwords: argon2id, off the loop, at most so many at once, and as slow for a name that nobody has."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gateway.protocol.errors import Code, Refused

T = TypeVar("T")

SHORTEST: Final = 8
LONGEST: Final = 128
THREADS: Final = 2
MOST_WAITING: Final = 64
"""Passwords that wait for a thread; more are refused."""

_KNOWN_TO_ALL: Final = frozenset({
    "password", "passw0rd", "password1", "password12", "password123", "p@ssw0rd", "12345678", "123456789",
    "1234567890", "87654321", "qwertyui", "qwerty123", "qwertyuiop", "1q2w3e4r", "1qaz2wsx", "asdfghjkl", "zxcvbnm1",
    "iloveyou", "sunshine", "princess", "football", "baseball", "superman", "trustno1", "letmein1", "welcome1",
    "abc12345", "abcd1234", "starwars", "whatever", "michelle", "jennifer", "dragon12", "monkey12", "bitcoin1",
    "tickarena",
})  # fmt: skip


def problem_with(password: str, *own: str) -> str:
    """What is wrong with a new password; empty: nothing. `own` are names that it may not be."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"a password has {SHORTEST} to {LONGEST} characters"
    small = password.casefold()
    if small in _KNOWN_TO_ALL or len(set(small)) < 3:
        return "it is one of the passwords that are tried first"
    if any(name and small in (name.casefold(), name.casefold().partition("@")[0]) for name in own):
        return "it is the name or the address of the account"
    return ""


class Passwords:
    """Hashes and verifies. The hash says with what costs it was made; others may be configured later."""

    def __init__(self, memory_kib: int, rounds: int) -> None:
        self._hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, "passwords")
        self._waiting = 0
        self._nobodys = self._hasher.hash(secrets.token_hex(16))

    async def hash(self, password: str) -> str:
        """Raises Refused OVERLOADED."""
        return await self._run(self._hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Is it the password? Without a hash it is not, after the same time. Raises Refused OVERLOADED."""
        return await self._run(self._verify, hashed or self._nobodys, password) and hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        """Was it made with other costs than those of now?"""
        return self._hasher.check_needs_rehash(hashed)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_normal(password))

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, _normal(password))
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= MOST_WAITING:
            raise Refused(Code.OVERLOADED, because="so many sign in at the moment")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1


def hash_of(password: str, memory_kib: int, rounds: int) -> str:
    """The hash, made here and now."""
    hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
    return hasher.hash(_normal(password))


def _normal(password: str) -> str:
    """The same, whichever keyboard it was typed on."""
    return unicodedata.normalize("NFKC", password)
