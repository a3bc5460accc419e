"""Signed requests: the bytes that are signed, and what keeps a signature from being used twice.

The bytes are lines joined by a line feed, without one at the end:

    arena-1
    the key's name: ak_ and its number
    the time, in ms since 1970
    the window, in ms
    the nonce
    the method: GET, POST, ...; AUTH for the logon of a socket
    the path with its query, as it is sent; /ws for the logon of a socket
    the SHA-256 of the body in small hexadecimal digits; of nothing, if there is no body

HMAC-SHA256 (RFC 2104) is made with the bytes of the whole text `ak_..._...` that was shown, Ed25519 (RFC 8032) with the
private key. Either signature is base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.protocol.errors import Code, Refused

VERSION: Final = "arena-1"
LONGEST_WINDOW_MS: Final = 60_000
AHEAD_MS: Final = 1_000
"""That a client's clock may be ahead of ours."""
MOST_NONCES: Final = 100_000
LONGEST_NONCE: Final = 64
PUBLIC_KEY_BYTES: Final = 32


class Signed(NamedTuple):
    """What a signed request says of itself."""

    key: str
    timestamp_ms: int
    window_ms: int
    nonce: str
    signature: str
    method: str = "AUTH"
    path: str = "/ws"
    body: bytes = b""

    def content(self) -> bytes:
        """The bytes that are signed."""
        digest = hashlib.sha256(self.body).hexdigest()
        lines = (VERSION, self.key, self.timestamp_ms, self.window_ms, self.nonce, self.method, self.path, digest)
        return "\n".join(map(str, lines)).encode("utf-8", "surrogatepass")


def hmac_of(secret: str, content: bytes) -> bytes:
    return hmac.digest(secret.encode(), content, "sha256")


def is_hmac(secret: str, signed: Signed) -> bool:
    return hmac.compare_digest(hmac_of(secret, signed.content()), _decoded(signed.signature))


def is_ed25519(public_key: bytes, signed: Signed) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(_decoded(signed.signature), signed.content())
    except InvalidSignature:
        return False
    return True


def public_key_of(text: str) -> bytes:
    """Raises Refused BAD_ARGUMENTS."""
    found = _decoded(text)
    if len(found) != PUBLIC_KEY_BYTES:
        problem = "the 32 bytes of an Ed25519 public key, as base64"
        raise Refused(Code.BAD_ARGUMENTS, field="public_key", value=text, problem=problem)
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


class Nonces:
    """Of signatures that were good, until they are too old to be. What was signed before we started may have been used
    before, so it is refused."""

    def __init__(self, started_ms: int) -> None:
        self._started_ms = started_ms
        self._used: OrderedDict[tuple[int, str], int] = OrderedDict()
        """When each is forgotten, in the order in which they came."""

    def check_time(self, signed: Signed, now_ms: int) -> None:
        """Raises Refused SIGNATURE_INVALID."""
        problem = ""
        if not 1 <= len(signed.nonce) <= LONGEST_NONCE:
            problem = f"a nonce has 1 to {LONGEST_NONCE} characters"
        elif not 1 <= signed.window_ms <= LONGEST_WINDOW_MS:
            problem = f"a window has 1 to {LONGEST_WINDOW_MS} ms"
        elif signed.timestamp_ms > now_ms + AHEAD_MS:
            problem = "the timestamp is ahead of the server's clock"
        elif signed.timestamp_ms + signed.window_ms < now_ms:
            problem = "the timestamp is older than the window"
        elif signed.timestamp_ms < self._started_ms:
            problem = "it was signed before the server started"
        if problem:
            raise Refused(Code.SIGNATURE_INVALID, problem=problem, server_time=now_ms)

    def use(self, key: int, signed: Signed, now_ms: int) -> None:
        """Raises Refused: SIGNATURE_INVALID when it was used, OVERLOADED when there are too many to remember."""
        while self._used and next(iter(self._used.values())) < now_ms:
            self._used.popitem(last=False)
        if (key, signed.nonce) in self._used:
            raise Refused(Code.SIGNATURE_INVALID, problem="the nonce was used before")
        if len(self._used) >= MOST_NONCES:
            raise Refused(Code.OVERLOADED, because="there are so many signatures to remember")
        self._used[key, signed.nonce] = now_ms + LONGEST_WINDOW_MS + AHEAD_MS
