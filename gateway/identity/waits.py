"""How long who has failed must wait: a few tries are free, then each one costs twice the wait of the one before.

A try is counted when it begins, so that many at once are no way around it, and taken back when it succeeds. Kept in
memory: a restart forgets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final

from gateway.core.config import Identity
from gateway.core.limits import retry_after_ms
from gateway.identity.sessions import Client
from gateway.protocol.errors import Code, Refused

MS: Final = 1_000_000
FIRST_WAIT_NS: Final = 1_000 * MS
FORGOTTEN_AFTER: Final = 4
"""Longest waits without a try."""
MOST_OWNERS: Final = 50_000
"""Who are remembered; beyond it those are forgotten whose last try is the longest ago."""


class Waits:
    """Of owners of one kind: accounts, or addresses."""

    def __init__(self, free: int, longest_s: float, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._free = free
        self._longest_ns = int(longest_s * 1_000) * MS
        self._now_ns = now_ns
        self._tries: dict[Hashable, tuple[int, int]] = {}
        """How many have failed, and when the last one began; the one that is longest ago first."""

    def begin(self, owner: Hashable) -> None:
        """Count a try. Raises Refused RATE_LIMITED, and counts none, while the owner must wait."""
        now_ns = self._now_ns()
        tries, last_ns = self._tries.pop(owner, (0, 0))
        if now_ns - last_ns > FORGOTTEN_AFTER * self._longest_ns:
            tries = 0
        wait_ns = last_ns + self._wait_ns(tries) - now_ns
        if wait_ns > 0:
            self._tries[owner] = tries, last_ns
            raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns), because="so many tries failed")
        self._tries[owner] = tries + 1, now_ns
        if len(self._tries) > MOST_OWNERS:
            del self._tries[next(iter(self._tries))]

    def take_back(self, owner: Hashable) -> None:
        """The try was none: it succeeded, or could not be looked at."""
        tries, last_ns = self._tries.pop(owner, (0, 0))
        if tries > 1:
            self._tries[owner] = tries - 1, last_ns

    def forget(self, owner: Hashable) -> None:
        """The owner has shown who he is."""
        self._tries.pop(owner, None)

    def _wait_ns(self, tries: int) -> int:
        """After so many that failed."""
        if tries < self._free:
            return 0
        return min(FIRST_WAIT_NS << min(tries - self._free, 30), self._longest_ns)


class Guessing:
    """What wrong passwords and codes cost: those of an account, known or not, and those of a network address."""

    def __init__(self, config: Identity) -> None:
        self._accounts = Waits(config.tries_of_account, config.longest_wait_s)
        self._addresses = Waits(config.tries_of_address, config.longest_wait_s)

    @contextmanager
    def attempt(self, kind: str, account: str, client: Client) -> Iterator[None]:
        """Around what finds out: it has failed when it raises Refused CREDENTIALS_INVALID. Codes and passwords are
        counted apart, so that who keeps an owner from using one leaves him the other. Raises Refused RATE_LIMITED."""
        owner = (kind, account)
        if client.limited:
            self._addresses.begin(client.address)
        try:
            self._accounts.begin(owner)
            yield
        except Refused as refused:
            if client.limited and refused.code not in (Code.CREDENTIALS_INVALID, Code.RATE_LIMITED):
                self._addresses.take_back(client.address)
            if refused.code not in (Code.CREDENTIALS_INVALID, Code.RATE_LIMITED):
                self._accounts.take_back(owner)
            raise
        self._accounts.forget(owner)
        if client.limited:
            self._addresses.take_back(client.address)
