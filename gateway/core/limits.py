"""Limits: how often, and how many at once. Exact: N are let in, the next one is not. Time is given, in ns."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from engine.model.scale import NS_PER_S

MOST_ADDRESSES: Final = 10_000
"""Addresses remembered at once; then those that are at rest are forgotten."""


def is_this_machine(address: str) -> bool:
    """Does the client run on this machine?"""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


class Bucket:
    """A token bucket of `burst` tokens that fills at `tokens` per `per_s` seconds, kept as the time when it is full."""

    __slots__ = ("_burst_ns", "_full_at_ns", "_token_ns")

    def __init__(self, tokens: int, burst: int, per_s: int = 1) -> None:
        self._token_ns = per_s * NS_PER_S // tokens
        self._burst_ns = (burst - 1) * self._token_ns
        self._full_at_ns = 0

    def take(self, now_ns: int, tokens: int = 1) -> int:
        """Take so many tokens (at most a full bucket) and return 0; or take none and return the ns until there are
        enough."""
        taken_ns = min(tokens * self._token_ns, self._burst_ns + self._token_ns)
        full_at_ns = self._full_at_ns if self._full_at_ns > now_ns else now_ns
        wait_ns = full_at_ns + taken_ns - now_ns - self._burst_ns - self._token_ns
        if wait_ns > 0:
            return wait_ns
        self._full_at_ns = full_at_ns + taken_ns
        return 0

    def wait_ns(self, now_ns: int) -> int:
        """The ns until a token can be taken; takes none."""
        return max(self._full_at_ns - now_ns - self._burst_ns, 0)

    def is_full(self, now_ns: int) -> bool:
        return self._full_at_ns <= now_ns


class Buckets:
    """A bucket for each address (or player) with recent requests."""

    def __init__(self, tokens: int, burst: int, per_s: int = 1) -> None:
        self._shape = (tokens, burst, per_s)
        self._buckets: dict[str | int, Bucket] = {}

    def of(self, owner: str | int, now_ns: int) -> Bucket:
        bucket = self._buckets.get(owner)
        if bucket is None:
            if len(self._buckets) >= MOST_ADDRESSES:
                self._buckets = {key: kept for key, kept in self._buckets.items() if not kept.is_full(now_ns)}
            bucket = self._buckets[owner] = Bucket(*self._shape)
        return bucket


class Counts:
    """How many each owner has open, up to a bound."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str | int, int] = {}

    def enter(self, owner: str | int) -> bool:
        """One more, if that is allowed."""
        count = self._open.get(owner, 0)
        if count >= self._most:
            return False
        self._open[owner] = count + 1
        return True

    def leave(self, owner: str | int) -> None:
        """One less."""
        count = self._open[owner] - 1
        if count:
            self._open[owner] = count
        else:
            del self._open[owner]
