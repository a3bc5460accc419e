"""The parts of identity by themselves: what guessing costs, tickets, passwords, the file, who is barred."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from gateway.core.config import Identity as IdentityConfig
from gateway.core.tokens import Identity
from gateway.identity import database
from gateway.identity import passwords as passwords_module
from gateway.identity.database import Database, IdentityUnusable, back_up, connect
from gateway.identity.passwords import Passwords, problem_with
from gateway.identity.sessions import Client
from gateway.identity.standing import Standing
from gateway.identity.users import email_key, username_key
from gateway.identity.waits import Guessing, Waits
from gateway.protocol.errors import Code, Refused

S = 10**9
ANN = Identity(7, "s_1", "player", 1_000)


def test_waits_grow_and_are_forgotten() -> None:
    now = [1_000 * S]
    waits = Waits(free=3, longest_s=8, now_ns=lambda: now[0])
    for _ in range(3):
        waits.begin("ann")
    found = []
    for _ in range(6):
        with pytest.raises(Refused) as refused:
            waits.begin("ann")
        assert refused.value.error.retry_after is not None
        found.append(refused.value.error.retry_after)
        now[0] += refused.value.error.retry_after * 10**6
        waits.begin("ann")
    assert found == [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]
    waits.begin("bob")
    now[0] += 33 * S
    for _ in range(3):
        waits.begin("ann")


def test_who_is_right_owes_nothing_and_who_could_not_be_looked_at_neither() -> None:
    guessing = Guessing(IdentityConfig(tries_of_account=2, tries_of_address=3))
    client = Client("192.0.2.1", "")

    def tries(account: str, code: Code | None) -> None:
        with guessing.attempt("password", account, client):
            if code is not None:
                raise Refused(code)

    for _ in range(9):
        tries("ann", None)
        with pytest.raises(Refused, match="OVERLOADED"):
            tries("ann", Code.OVERLOADED)
    for account in ("ann", "ann", "bob"):
        with pytest.raises(Refused, match="CREDENTIALS_INVALID"):
            tries(account, Code.CREDENTIALS_INVALID)
    # The address has had its tries, whatever the account; another address still may for bob, but not for ann.
    with pytest.raises(Refused, match="RATE_LIMITED"):
        tries("cem", None)
    client = Client("192.0.2.2", "")
    tries("bob", None)
    with pytest.raises(Refused, match="RATE_LIMITED"):
        tries("ann", None)


@pytest.mark.parametrize(
    "password", ["short", "x" * 129, "password", "PassWord1", "aaaaaaaaaaaa", "ann@example.com", "Ann-of-york"]
)
def test_a_password_that_is_tried_first_is_refused(password: str) -> None:
    assert problem_with(password, "ann@example.com", "ann-of-york")
    assert not problem_with("correct horse battery", "ann@example.com", "ann-of-york")


async def test_passwords_are_the_same_on_every_keyboard_and_none_is_nobodys() -> None:
    passwords = Passwords(64, 1)
    hashed = await passwords.hash("caf\u00e9 au lait")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify(hashed, "cafe\u0301 au lait")
    assert not await passwords.verify(hashed, "cafe au lait")
    assert not await passwords.verify(None, "caf\u00e9 au lait")
    assert not passwords.is_outdated(hashed)
    assert Passwords(128, 1).is_outdated(hashed)
    passwords.close()


async def test_passwords_beyond_the_bound_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords_module, "MOST_WAITING", 2)
    passwords = Passwords(64, 1)
    found = await asyncio.gather(*(passwords.hash("x" * 9) for _ in range(3)), return_exceptions=True)
    assert [isinstance(each, Refused) and each.code is Code.OVERLOADED for each in found] == [False, False, True]
    assert await passwords.hash("x" * 9)
    passwords.close()


def test_who_is_barred() -> None:
    now = [0.0]
    standing = Standing(lambda: now[0])
    guest = ANN._replace(session="0011")
    assert not standing.bars(ANN)
    assert not standing.bars(guest)
    standing.has_account(7)
    assert standing.bars(guest)
    assert not standing.bars(ANN)
    assert not standing.bars(ANN._replace(session="t_00"))
    standing.revoke("s_1", 10.0)
    assert standing.bars(ANN)
    now[0] = 11.0
    standing.revoke("s_2", 20.0)
    assert not standing.bars(ANN)
    standing.disable(7)
    assert standing.bars(ANN)


@pytest.mark.parametrize(
    "address",
    [
        "", "ann", "ann@", "@example.com", "ann@localhost", "ann @example.com", "ann@example.com\n",
        "a\r\nb@example.com",
        "ann@exa\u00admple.com", "ann@example.com,bob@example.com", "<ann@example.com>", "ann@-example.com",
        "a" * 250 + "@example.com", "ann..b@example.com", '"ann"@example.com', "ann@[192.0.2.1]", "ann@example.com>",
    ],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(Refused, match="BAD_ARGUMENTS"):
        email_key(address)


def test_addresses_and_names_are_found_in_any_capitals() -> None:
    assert email_key("Ann.O'Hara+x@Example.COM") == "ann.o'hara+x@example.com"
    assert username_key("Ann_1") == "ann_1"
    for name in ("an", "x" * 33, "ann b", "-ann", "ann-", "\u0430nn"):
        with pytest.raises(Refused, match="BAD_ARGUMENTS"):
            username_key(name)


# The file


def test_a_file_is_its_owners_and_of_a_version_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "identity.sqlite"
    connect(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(IdentityUnusable, match="chmod 600"):
        connect(path)
    path.chmod(0o600)
    sqlite3.connect(path).execute("PRAGMA user_version = 99").connection.close()
    with pytest.raises(IdentityUnusable, match="version 99"):
        connect(path)
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(IdentityUnusable, match="not a database"):
        connect(path)


def test_an_older_file_is_brought_up_to_date_and_a_step_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "identity.sqlite"
    connect(path).close()
    monkeypatch.setattr(database, "VERSION", database.VERSION + 1)
    steps = (*database.MIGRATIONS, "CREATE TABLE more (id); CREATE TABLE users (id)")
    monkeypatch.setattr(database, "MIGRATIONS", steps)
    with pytest.raises(IdentityUnusable, match="already exists"):
        connect(path)
    monkeypatch.setattr(database, "MIGRATIONS", (*steps[:-1], "CREATE TABLE more (id); -- and no more"))
    connection = connect(path)
    assert connection.execute("SELECT count(*) FROM more").fetchone() == (0,)
    connection.close()


async def test_work_is_done_as_a_whole_and_what_comes_from_outside_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "identity.sqlite"
    opened = Database(path)
    add = "INSERT INTO revocations VALUES (?, 0)"

    def fails(connection: sqlite3.Connection) -> None:
        connection.execute(add, ("a",))
        raise ValueError("broken for a test")

    with pytest.raises(ValueError, match="broken"):
        await opened.run(fails)
    assert await opened.run(lambda connection: connection.execute("SELECT * FROM revocations").fetchall()) == []
    assert not await opened.changed_outside()
    other = connect(path)
    other.execute(add, ("b",))
    other.close()
    assert await opened.changed_outside()
    assert not await opened.changed_outside()
    back_up(path, tmp_path / "copy.sqlite")
    copy = connect(tmp_path / "copy.sqlite")
    assert copy.execute("SELECT session FROM revocations").fetchall() == [("b",)]
    copy.close()
    opened.close()


async def test_a_file_that_is_locked_for_long_is_no_end_of_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    opened = Database(tmp_path / "identity.sqlite")
    other = connect(tmp_path / "identity.sqlite")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused, match="OVERLOADED"):
        await opened.run(lambda connection: None)
    other.execute("ROLLBACK")
    await opened.run(lambda connection: None)
    other.close()
    opened.close()
