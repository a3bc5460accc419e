"""Limits and tokens: with the time given."""

from __future__ import annotations

import base64
from pathlib import Path

import jwt
import pytest

from gateway.core.limits import MOST_OWNERS, Bucket, Buckets, Counts
from gateway.core.signing_keys import SECRET_FILE, SecretUnusable, secret_in
from gateway.core.tokens import Tokens
from gateway.protocol.errors import Refused

S = 1_000_000_000
SECRET = b"k" * 32


def test_a_bucket_lets_exactly_its_burst_through() -> None:
    bucket = Bucket(20, 40)
    assert [bucket.take(S) for _ in range(40)] == [0] * 40
    assert bucket.take(S) == S // 20
    assert bucket.take(S + S // 20 - 1) == 1
    assert bucket.take(S + S // 20) == 0
    assert bucket.take(S + S // 20) > 0


def test_a_bucket_holds_its_rate_for_a_minute() -> None:
    bucket = Bucket(20, 40)
    taken = sum(bucket.take(S + millisecond * S // 1000) == 0 for millisecond in range(60_000))
    assert taken == 40 + 60 * 20 - 1


def test_whether_a_bucket_has_a_token_is_asked_without_taking_it() -> None:
    bucket = Bucket(2, 3)
    for now_ns in (0, S, S, S, 2 * S, 3 * S, 3 * S, 3 * S, 3 * S, 3 * S + 1, 3 * S + S // 2):
        waits_ns = [bucket.wait_ns(now_ns) for _ in range(3)]
        assert waits_ns == [bucket.take(now_ns)] * 3


def test_what_is_owed_is_waited_for_also_beyond_a_full_bucket() -> None:
    bucket = Bucket(2, 3)
    bucket.owe(S, 5)
    assert bucket.wait_ns(S) == bucket.take(S) == 3 * S // 2
    assert bucket.take(5 * S // 2) == 0
    assert bucket.take(5 * S // 2) == S // 2


def test_buckets_forget_who_is_at_rest_and_nobody_else() -> None:
    """A bucket of one token that fills in a second."""
    buckets = Buckets(1, 1)
    for step in range(100):
        now_ns = S + step * S // 10
        assert buckets.of(f"once {step}", now_ns).take(now_ns) == 0
        took = buckets.of("often", now_ns).take(now_ns) == 0
        assert took is (step % 10 == 0)
        assert len(buckets) <= 1 + 21


def test_buckets_are_bounded_however_many_owners_there_are() -> None:
    buckets = Buckets(1, 60, per_s=60)
    for owner in range(5 * MOST_OWNERS):
        buckets.of(owner, S).take(S)
    assert len(buckets) <= 2 * MOST_OWNERS


def test_counts_are_exact() -> None:
    counts = Counts(2)
    assert [counts.enter("a"), counts.enter("a"), counts.enter("a"), counts.enter("b")] == [True, True, False, True]
    counts.leave("a")
    assert counts.enter("a")


def test_a_token_says_who_it_is_until_it_expires() -> None:
    now_s = [1_000.0]
    tokens = Tokens(SECRET, 60, lambda: now_s[0])
    identity = tokens.identity(tokens.issue(7))
    assert (identity.player, identity.role, identity.expires_at_s) == (7, "player", 1_060)
    now_s[0] = 1_059.9
    assert tokens.is_current(identity)
    now_s[0] = 1_060.0
    assert not tokens.is_current(identity)


def nested_token() -> str:
    """One that is never decoded to its end: its header is 3,000 lists in each other."""
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","x":' + b"[" * 3_000).decode().rstrip("=")
    return f"{header}.e30.c2ln"


CLAIMS = {"iss": "tick-arena", "sub": "7", "sid": "a", "role": "player", "exp": 2_000}
BAD_TOKENS = {
    "empty": "",
    "not a token": "a.b.c",
    "another secret": jwt.encode(CLAIMS, b"x" * 32, "HS256"),
    "another algorithm": jwt.encode(CLAIMS, SECRET * 2, "HS512"),
    "no algorithm": jwt.encode(CLAIMS, "", "none"),
    "another issuer": jwt.encode(CLAIMS | {"iss": "x"}, SECRET, "HS256"),
    "expired": jwt.encode(CLAIMS | {"exp": 1_000}, SECRET, "HS256"),
    "no expiry": jwt.encode({name: CLAIMS[name] for name in CLAIMS if name != "exp"}, SECRET, "HS256"),
    "no player": jwt.encode(CLAIMS | {"sub": "ann"}, SECRET, "HS256"),
    "player 0": jwt.encode(CLAIMS | {"sub": "0"}, SECRET, "HS256"),
    "player beyond all": jwt.encode(CLAIMS | {"sub": str(1 << 40)}, SECRET, "HS256"),
    "player with other digits": jwt.encode(CLAIMS | {"sub": "\u0667"}, SECRET, "HS256"),
    "never expires": jwt.encode(CLAIMS | {"exp": float("inf")}, SECRET, "HS256"),
    "expires at no number": jwt.encode(CLAIMS | {"exp": float("nan")}, SECRET, "HS256"),
    "valid from never": jwt.encode(CLAIMS | {"nbf": float("inf")}, SECRET, "HS256"),
    "another role": jwt.encode(CLAIMS | {"role": "root"}, SECRET, "HS256"),
    "an operator who is a player": jwt.encode(CLAIMS | {"role": "admin"}, SECRET, "HS256"),
    "a session that is no text": jwt.encode(CLAIMS | {"sid": 7}, SECRET, "HS256"),
    "a registration that is no number": jwt.encode(CLAIMS | {"reg": "7"}, SECRET, "HS256"),
    "nested": nested_token(),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        Tokens(SECRET, 60, lambda: 1_000.0).identity(BAD_TOKENS[name])


def test_the_good_token_of_that_table_is_accepted() -> None:
    token = jwt.encode(CLAIMS, SECRET, "HS256")
    assert Tokens(SECRET, 60, lambda: 1_000.0).identity(token).player == 7


def test_the_secret_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    secret = secret_in(tmp_path)
    assert secret_in(tmp_path) == secret
    assert (tmp_path / SECRET_FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / SECRET_FILE).chmod(0o644)
    with pytest.raises(SecretUnusable, match="chmod"):
        secret_in(tmp_path)
    (tmp_path / SECRET_FILE).write_bytes(b"short")
    (tmp_path / SECRET_FILE).chmod(0o600)
    with pytest.raises(SecretUnusable, match="32 bytes"):
        secret_in(tmp_path)
