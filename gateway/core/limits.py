"""Limits: how often, and how many at once. Exact: N are let in, the next one is not. Time is given, in ns."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from engine.model.scale import NS_PER_MS, NS_PER_S

MOST_OWNERS: Final = 20_000
"""Of whom buckets are kept as used lately; of twice as many in all."""


def retry_after_ms(wait_ns: int) -> int:
    """What a client is told of a wait: whole milliseconds, not too few."""
    return -(-wait_ns // NS_PER_MS)


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

    def owe(self, now_ns: int, tokens: int) -> None:
        """Take so many tokens, also those that are not there yet: what comes next waits for them."""
        self._full_at_ns = max(self._full_at_ns, now_ns) + tokens * self._token_ns

    @property
    def burst(self) -> int:
        """Tokens of a full bucket."""
        return self._burst_ns // self._token_ns + 1

    def left(self, now_ns: int) -> int:
        """Tokens that can be taken now."""
        return max((self._burst_ns + self._token_ns - self.full_in_ns(now_ns)) // self._token_ns, 0)

    def full_in_ns(self, now_ns: int) -> int:
        return max(self._full_at_ns - now_ns, 0)

    def wait_ns(self, now_ns: int) -> int:
        """The ns until a token can be taken; takes none."""
        return max(self._full_at_ns - now_ns - self._burst_ns, 0)


class Buckets:
    """A bucket for each owner, an address or a player, that has used it lately.

    Two generations, so that a look-up never walks. After as long as an empty bucket takes to fill, who has not used his
    in the meantime is forgotten, and loses nothing by it: his is full. Only with more than MOST_OWNERS in that time are
    some forgotten that are not.
    """

    def __init__(self, tokens: int, burst: int, per_s: int = 1) -> None:
        self._shape = (tokens, burst, per_s)
        self._fills_in_ns = burst * per_s * NS_PER_S // tokens
        self._recent: dict[str | int, Bucket] = {}
        self._older: dict[str | int, Bucket] = {}
        self._turns_at_ns = 0

    def of(self, owner: str | int, now_ns: int) -> Bucket:
        """The owner's bucket. Ask for it each time: one that is kept may not be the owner's any more."""
        bucket = self._recent.get(owner)
        if bucket is None:
            if now_ns >= self._turns_at_ns or len(self._recent) >= MOST_OWNERS:
                self._older, self._recent = self._recent, {}
                self._turns_at_ns = now_ns + self._fills_in_ns
            bucket = self._older.pop(owner, None) or Bucket(*self._shape)
            self._recent[owner] = bucket
        return bucket

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._recent) + len(self._older)


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
