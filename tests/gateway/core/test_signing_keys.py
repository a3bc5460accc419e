"""Two keys that sign tokens: the current one and the one before."""

from __future__ import annotations

import os
from pathlib import Path

import jwt
import pytest

from gateway.core.signing_keys import (
    KEYS_FILE,
    SECRET_FILE,
    SecretUnusable,
    SigningKey,
    keys_in,
    keys_stamp,
    rotate_in,
    secret_in,
)
from gateway.core.tokens import Tokens
from gateway.protocol.errors import Refused


def tokens_of(directory: Path) -> Tokens:
    return Tokens(secret_in(directory), 60, keys=keys_in(directory))


def test_a_token_outlives_one_rotation_and_not_two(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path)
    first, stamp = tokens.issue(7), keys_stamp(tmp_path)
    assert jwt.get_unverified_header(first)["kid"] == "1"
    assert rotate_in(tmp_path) == "2"
    assert keys_stamp(tmp_path) != stamp
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600
    second = tokens_of(tmp_path).issue(7)
    assert jwt.get_unverified_header(second)["kid"] == "2"
    for token in (first, second):
        assert tokens_of(tmp_path).identity(token).player == 7
    assert rotate_in(tmp_path) == "3"
    assert tokens_of(tmp_path).identity(second).player == 7
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        tokens_of(tmp_path).identity(first)
    # What hides the codes of private matches never changes.
    assert tokens_of(tmp_path).hidden("sesame") == tokens.hidden("sesame")


def test_a_token_is_checked_with_the_key_that_it_names_and_no_other(tmp_path: Path) -> None:
    one, two = SigningKey("1", os.urandom(32)), SigningKey("2", os.urandom(32))
    tokens = Tokens(one.secret, 60, keys=(two, one))
    claims = jwt.decode(tokens.issue(7), options={"verify_signature": False})
    for secret, kid in ((one.secret, "2"), (two.secret, "1"), (two.secret, "3"), (two.secret, "")):
        with pytest.raises(Refused, match="TOKEN_INVALID"):
            tokens.identity(jwt.encode(claims, secret, "HS256", headers={"kid": kid}))
    # Older programs named no key: theirs is the first.
    assert tokens.identity(jwt.encode(claims, one.secret, "HS256")).player == 7
    with pytest.raises(Refused, match="TOKEN_INVALID"):
        tokens.identity(jwt.encode(claims, two.secret, "HS256"))


@pytest.mark.parametrize("content", [b"", b"[]", b'[["1", "eA=="]]', b'[["x", "' + b"A" * 43 + b'="]]'])
def test_keys_that_are_damaged_or_open_to_others_are_refused(tmp_path: Path, content: bytes) -> None:
    secret_in(tmp_path)
    path = tmp_path / KEYS_FILE
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SecretUnusable, match=r"signing\.keys"):
        keys_in(tmp_path)
    path.chmod(0o640)
    with pytest.raises(SecretUnusable, match="chmod 600"):
        keys_in(tmp_path)
    assert (tmp_path / SECRET_FILE).exists()
