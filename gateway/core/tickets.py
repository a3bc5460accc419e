"""One-time tickets: what opens a socket in the place of a token, once, and soon after it was given.

A page that cannot keep a token out of an address, or a process that is not to have it, connects with one. They are in
memory only: after a restart another one is asked for.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final

from gateway.core.tokens import Identity
from gateway.protocol.errors import Code, Refused

PREFIX: Final = "tk_"
LIFETIME_S: Final = 30
MOST_OF_ONE: Final = 8
"""Unused tickets of one owner: with one more, the oldest of his is void."""


class Tickets:
    """Issues tickets, and takes each once. Bounded by owners: one has at most MOST_OF_ONE, for LIFETIME_S."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._issued: dict[str, tuple[float, Identity]] = {}
        """By ticket, the oldest first: when it is void, and who has it."""
        self._of_owner: dict[int | str, list[str]] = {}

    def issue(self, identity: Identity) -> str:
        """A ticket that stands for this identity."""
        self._forget_expired()
        own = self._of_owner.setdefault(identity.owner, [])
        if len(own) >= MOST_OF_ONE:
            self._remove(own[0])
        ticket = PREFIX + secrets.token_urlsafe(32)
        self._issued[ticket] = self._now_s() + LIFETIME_S, identity
        self._of_owner.setdefault(identity.owner, []).append(ticket)
        return ticket

    def take(self, ticket: str) -> Identity:
        """Whose ticket it is; it is void from now on. Raises Refused TOKEN_INVALID."""
        self._forget_expired()
        if ticket not in self._issued:
            raise Refused(Code.TOKEN_INVALID)
        return self._remove(ticket)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._issued)

    def _forget_expired(self) -> None:
        now_s = self._now_s()
        while self._issued:
            ticket, (void_at_s, _) = next(iter(self._issued.items()))
            if void_at_s > now_s:
                return
            self._remove(ticket)

    def _remove(self, ticket: str) -> Identity:
        _, identity = self._issued.pop(ticket)
        own = self._of_owner[identity.owner]
        own.remove(ticket)
        if not own:
            del self._of_owner[identity.owner]
        return identity
