"""Who asks, over whatever it is: who that is, what it may use, and what it may still do.

A request over HTTP is a Caller for as long as it takes; a connection of a socket is one too: session.py.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from gateway.core.limits import retry_after_ms
from gateway.core.tokens import ADMIN, FINANCE, OPERATORS, PARTNER, PLAYER, SUPPORT, Identity
from gateway.protocol.errors import Code, Refused
from gateway.sessions.arena import Arena
from gateway.sessions.scopes import scope_of

ANSWER_BYTES: Final = 8_192
"""Of an answer, that count as one message more: to make them takes about half a millisecond."""


class For(Enum):
    """Who may use an op."""

    ALL = auto()  # even before auth
    MARKET = auto()  # who looks at the market, without auth where guests are allowed
    SIGNED_IN = auto()  # players and operators
    PLAYERS = auto()
    KEY_HOLDERS = auto()  # who may have API keys: players and partners
    SUPPORT = auto()  # operators: what only reads
    FINANCE = auto()  # operators who move money
    ADMINS = auto()


STRANGERS_USE: Final = frozenset({For.ALL})
GUESTS_USE: Final = STRANGERS_USE | {For.MARKET}
PLAYERS_USE: Final = GUESTS_USE | {For.SIGNED_IN, For.PLAYERS, For.KEY_HOLDERS}
SUPPORT_USES: Final = GUESTS_USE | {For.SIGNED_IN, For.SUPPORT}
BY_ROLE: Final = {
    PLAYER: PLAYERS_USE,
    PARTNER: GUESTS_USE | {For.KEY_HOLDERS},
    SUPPORT: SUPPORT_USES,
    FINANCE: SUPPORT_USES | {For.FINANCE},
    ADMIN: SUPPORT_USES | {For.FINANCE, For.ADMINS},
}
OPERATORS_USE: Final = frozenset({For.SUPPORT, For.FINANCE, For.ADMINS})
RENEWED_BY_REFRESH: Final = "exchange the refresh token of the account, and send auth with what it brings"


class Caller:
    """See the module."""

    def __init__(self, arena: Arena, address: str, now_ns: int = 0) -> None:
        self.arena = arena
        self.address = address
        self.identity: Identity | None = None
        self.may_use = GUESTS_USE if arena.allows_guests() else STRANGERS_USE
        self.now_ns = now_ns
        """When the current request arrived, monotonic; only for the limits."""

    # Who it is

    @property
    def player(self) -> int:
        """The player's id; 0 before auth, and for an operator."""
        return self.identity.player if self.identity is not None else 0

    @property
    def role(self) -> str:
        """Of its token; "stranger" before auth."""
        return self.identity.role if self.identity is not None else "stranger"

    @property
    def is_operator(self) -> bool:
        return self.identity is not None and self.identity.role in OPERATORS

    def authenticate(self, identity: Identity) -> None:
        """This client is that player from now on."""
        self.identity = identity
        self.may_use = BY_ROLE[identity.role]

    def is_disabled(self) -> bool:
        """Was its account disabled?"""
        return self.identity is not None and self.arena.standing.is_disabled(self.identity.player)

    def is_revoked(self) -> bool:
        """Has its token expired, or its session ended?"""
        identity = self.identity
        if identity is None:
            return False
        if identity.is_of_key and (self.arena.keys is None or not self.arena.keys.keyring.is_good(identity)):
            return True
        return self.arena.standing.bars(identity) or not self.arena.tokens.is_current(identity)

    def admit_key(self, op: str, changes: bool) -> None:
        """Count a request with an API key, if it is one. Raises Refused KEY_SCOPE, RATE_LIMITED."""
        if self.identity is not None and self.identity.is_of_key and self.arena.keys is not None:
            self.arena.keys.keyring.admit(self.identity, scope_of(op), changes, self.now_ns)

    def check_key(self, scope: str) -> None:
        """Raises Refused KEY_SCOPE when this is a key without the scope."""
        if self.identity is not None and self.identity.is_of_key and self.arena.keys is not None:
            self.arena.keys.keyring.check(self.identity, scope)

    # What it may still do

    def spend(self, messages: int) -> None:
        """Count the current request as so many messages. Raises Refused RATE_LIMITED."""
        wait_ns = self.player_wait_ns(messages)
        if wait_ns:
            raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns))

    def player_wait_ns(self, messages: int) -> int:
        """Take so many messages of those that the player has over all connections, and return 0; or take none and
        return the ns until there are enough."""
        if self.identity is None:
            return 0
        return self.arena.player_buckets.of(self.identity.owner, self.now_ns).take(self.now_ns, messages)

    def pay_for(self, answer_bytes: int) -> None:
        """Count a long answer as more messages, now that it is known how long it is."""
        messages = answer_bytes // ANSWER_BYTES
        if messages and self.identity is not None:
            self.arena.player_buckets.of(self.identity.owner, self.now_ns).owe(self.now_ns, messages)

    def try_code(self, is_right: bool) -> None:
        """Count a wrong code. Raises Refused RATE_LIMITED when the player or the address has sent too many: for a right
        one too, or the answer would give it away."""
        now_ns = self.now_ns
        buckets = [self.arena.code_tries.of(owner, now_ns) for owner in (self.player, self.address)]
        wait_ns = max(bucket.wait_ns(now_ns) for bucket in buckets)
        if wait_ns:
            because = "so many codes were wrong"
            raise Refused(Code.RATE_LIMITED, retry_after_ms=retry_after_ms(wait_ns), because=because)
        if not is_right:
            for bucket in buckets:
                bucket.take(now_ns)
