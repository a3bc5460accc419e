"""What every message needs to know of identities, in memory: who is shut out, and which sessions are over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from gateway.core.tokens import Identity


class Standing:
    """Filled from the database, and changed with it."""

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._revoked: dict[str, float] = {}
        """Sessions, and until when their access tokens would last."""
        self._disabled: set[int] = set()
        """Players."""
        self._with_account: set[int] = set()
        """Players for whom a guest's token is not enough."""

    def load(self, revoked: dict[str, float], disabled: Iterable[int], with_account: Iterable[int]) -> None:
        """Be as the database is."""
        self._revoked = dict(revoked)
        self._disabled = set(disabled)
        self._with_account = set(with_account)

    def revoke(self, session: str, until_s: float) -> None:
        """The session is over."""
        now_s = self._now_s()
        for known in [known for known, ends_s in self._revoked.items() if ends_s <= now_s]:
            del self._revoked[known]
        self._revoked[session] = until_s

    def has_account(self, player: int) -> None:
        """Guests' tokens of this player are of no use any more."""
        self._with_account.add(player)

    def is_registered(self, player: int) -> bool:
        return player in self._with_account

    def disable(self, player: int) -> None:
        self._disabled.add(player)

    def is_disabled(self, player: int) -> bool:
        return player in self._disabled

    def bars(self, identity: Identity) -> bool:
        """Is the identity of no use, though its token is good? Cheap: it is asked for each message."""
        if identity.session in self._revoked or identity.player in self._disabled:
            return True
        return identity.player in self._with_account and identity.is_guest
