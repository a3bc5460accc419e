"""Who is asking: tokens signed with keys that live in the data folder, so that they survive a restart.

A token names the key that signed it (`kid`). Two are good at a time, the current one and the one before, so that one
can be replaced while tokens of it are about: gateway/core/signing_keys.py.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Annotated, Final, Literal, NamedTuple

import jwt
import msgspec

from gateway.core.signing_keys import FIRST_KEY, SigningKey
from gateway.protocol.errors import Code, Refused

ALGORITHM: Final = "HS256"
ISSUER: Final = "tick-arena"

Role = Literal["player", "partner", "support", "finance", "admin"]
PLAYER: Final = "player"
PARTNER: Final = "partner"
SUPPORT: Final = "support"
FINANCE: Final = "finance"
ADMIN: Final = "admin"
OPERATORS: Final = frozenset({SUPPORT, FINANCE, ADMIN})
"""Roles. Only a player has a number; in the tokens of the others it is 0."""

ACCOUNT_SESSION: Final = "s_"
"""What the session of an account begins with: it is in the database of identities and can be revoked there."""
OPERATOR_MADE: Final = "t_"
"""What the session of a token from the command line begins with."""

KEY_SESSION: Final = "k_"
"""What the session of an API key begins with; the key's number follows."""

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

    @property
    def is_of_account(self) -> bool:
        """Was it made by a sign-in to an account?"""
        return self.session.startswith(ACCOUNT_SESSION)

    @property
    def is_guest(self) -> bool:
        """Is the token all that there is of the player?"""
        return not self.session.startswith((ACCOUNT_SESSION, OPERATOR_MADE, KEY_SESSION))

    @property
    def is_of_key(self) -> bool:
        """Did an API key log on?"""
        return self.session.startswith(KEY_SESSION)


class _Claims(msgspec.Struct, frozen=True):
    """What a token of ours has in it; with others it is none. Times in seconds."""

    sub: Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,9})\Z")]
    sid: str
    role: Role
    exp: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    reg: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0


def new_registration() -> int:
    """What a new player's registration is named by: drawn, so that no other one has it."""
    return secrets.randbits(63) or 1


class Tokens:
    """Issues and checks access tokens. `keys` are the current signing key and those before that are still good; they
    may be replaced at any time. `secret` hides the codes of private matches, and is the first key."""

    def __init__(
        self,
        secret: bytes,
        lifetime_s: int,
        now_s: Callable[[], float] = time.time,
        keys: tuple[SigningKey, ...] = (),
    ) -> None:
        self._secret = secret
        self._lifetime_s = lifetime_s
        self._now_s = now_s
        self.keys = keys or (SigningKey(FIRST_KEY, secret),)

    def hidden(self, code: str) -> str:
        """What stands in log and state for the code of a private match: it can be compared, and not be read."""
        digest = hashlib.blake2b(code.encode(), key=self._secret, person=b"match code", digest_size=16)
        return HIDDEN + digest.hexdigest()

    def derived(self, purpose: bytes, text: bytes) -> bytes:
        """32 bytes that only who has the secret can make of the text."""
        return hmac.digest(self._secret, purpose + b"\0" + text, "sha256")

    def issue(
        self, player: int, role: str = PLAYER, registration: int = 0, session: str = "", lifetime_s: int = 0
    ) -> str:
        """A token of a session of the player, or of an operator, who has player 0. Without `session` a new one."""
        return self._signed(player, session or secrets.token_hex(8), role, registration, lifetime_s)

    def renewed(self, identity: Identity) -> str:
        """A token that lasts longer, of the same session."""
        return self._signed(identity.player, identity.session, identity.role, identity.registration)

    def _signed(self, player: int, session: str, role: str, registration: int, lifetime_s: int = 0) -> str:
        now = int(self._now_s())
        claims = {
            "iss": ISSUER,
            "sub": str(player),
            "reg": registration,
            "sid": session,
            "role": role,
            "iat": now,
            "exp": now + (lifetime_s or self._lifetime_s),
        }
        key = self.keys[0]
        return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.id})

    def identity(self, token: str, grace_s: int = 0) -> Identity:
        """Who the token was issued to, also if it expired no longer than `grace_s` ago. Raises Refused TOKEN_INVALID,
        without saying what is wrong with it."""
        try:
            claims = jwt.decode(
                token,
                self._key_of(token),
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": ["iss", "sub", "sid", "role", "exp"], "verify_exp": False, "verify_iat": False},
            )
            found = msgspec.convert(claims, _Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
            raise Refused(Code.TOKEN_INVALID) from error
        if found.exp + grace_s <= self._now_s() or (int(found.sub) == 0) is not (found.role != PLAYER):
            raise Refused(Code.TOKEN_INVALID)
        return Identity(int(found.sub), found.sid, found.role, found.exp, found.reg)

    def _key_of(self, token: str) -> bytes:
        """The secret of the key that the token names. One without a name is of the first key: older programs gave it
        none. Raises jwt.InvalidTokenError."""
        named = jwt.get_unverified_header(token).get("kid", FIRST_KEY)
        for key in self.keys:
            if key.id == named:
                return key.secret
        raise jwt.InvalidTokenError("no such key")

    def expires_in_s(self, identity: Identity) -> int:
        """How much longer the identity holds."""
        return max(identity.expires_at_s - int(self._now_s()), 0)

    def is_current(self, identity: Identity) -> bool:
        """Does the identity still hold?"""
        return self._now_s() < identity.expires_at_s
