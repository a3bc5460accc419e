"""`arena user`, beside an arena that runs."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.cli import users
from gateway.cli.data_folder import rotate_key
from gateway.cli.failure import Failure
from tests.harness.people import PASSWORD, asked, close_code, config_of, open_site


@pytest.fixture(autouse=True)
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password comes on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO((PASSWORD + "\n") * 20))


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return msgspec.json.decode(capsys.readouterr().out.splitlines()[-1])


async def test_the_first_operator_is_made_and_signs_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_site(config_of(tmp_path)) as site:
        assert users.create("boss", admin=True, data=tmp_path, json=True) == 0
        assert said(capsys) == {"user": 1, "name": "boss", "role": "admin"}
        boss = await site.person().enters("auth/login", username="boss", password=PASSWORD)
        socket, reply = await boss.socket()
        assert (reply["result"]["player"], reply["result"]["role"]) == (0, "admin")
        assert (await asked(socket, "admin.audit"))["ok"]
        with pytest.raises(Failure, match="there is an account"):
            users.create("BOSS", data=tmp_path)
        with pytest.raises(Failure, match="one of player"):
            users.create("root", role="root", data=tmp_path)
        # Another role: this session ends.
        users.role("boss", "support", data=tmp_path)
        assert await close_code(socket) == 4001


async def test_a_disabled_player_is_out_within_a_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_site(config_of(tmp_path)) as site:
        bob = await site.person().registers("bob")
        socket, _ = await bob.socket()
        with pytest.raises(Failure, match="--why"):
            users.disable("bob", data=tmp_path)
        users.disable("bob", why="cheats", data=tmp_path)
        assert await close_code(socket) == 4003
        assert await bob.code("auth/login", username="bob", password=PASSWORD) == "ACCOUNT_DISABLED"
        assert await bob.code("auth/login", username="bob", password="not " + PASSWORD) == "CREDENTIALS_INVALID"
        assert await bob.code("auth/refresh", refresh_token=bob.refresh_token) == "TOKEN_INVALID"
        capsys.readouterr()
        users.list_users(data=tmp_path, json=True)
        assert said(capsys) == [{"user": 1, "name": "bob", "role": "player", "player": 1, "disabled": "cheats"}]
        users.disable("#1", undo=True, data=tmp_path)
        await site.person().enters("auth/login", username="bob", password=PASSWORD)


async def test_a_password_is_reset_and_one_is_made_when_none_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_site(config_of(tmp_path)) as site:
        bob = await site.person().registers("bob")
        monkeypatch.setattr("sys.stdin", io.StringIO(""))
        users.reset("bob", data=tmp_path, json=True)
        made = said(capsys)["password"]
        assert await bob.code("auth/login", username="bob", password=PASSWORD) == "CREDENTIALS_INVALID"
        await bob.enters("auth/login", username="bob", password=made)
        monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
        with pytest.raises(Failure, match="8 to 128"):
            users.reset("bob", data=tmp_path)
        # A player who is made here gets his number when he signs in.
        monkeypatch.setattr("sys.stdin", io.StringIO(PASSWORD + "\n"))
        users.create("cem@example.com", data=tmp_path)
        cem = await site.person().enters("auth/login", email="cem@example.com", password=PASSWORD)
        assert cem.player == bob.player + 1
        with pytest.raises(Failure, match="a player stays a player"):
            users.role("cem@example.com", "admin", data=tmp_path)


async def test_a_running_arena_takes_a_new_signing_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_site(config_of(tmp_path)) as site:
        bob = await site.person().registers("bob")
        for number in ("2", "3"):
            before = bob.token
            rotate_key(data=tmp_path, json=True)
            assert said(capsys) == {"key": number}
            while site.app.arena.tokens.keys[0].id != number:
                await bob.enters("auth/refresh", refresh_token=bob.refresh_token)
            assert (await bob.socket(before))[1]["ok"]
            await bob.enters("auth/refresh", refresh_token=bob.refresh_token)


def test_a_folder_without_accounts_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="there are no accounts"):
        users.list_users(data=tmp_path)


async def test_a_copy_is_made_once(tmp_path: Path) -> None:
    async with open_site(config_of(tmp_path)) as site:
        await site.person().registers("bob")
        copy = tmp_path / "identity.copy"
        users.backup(to=copy, data=tmp_path)
        with pytest.raises(Failure, match="exists"):
            users.backup(to=copy, data=tmp_path)
    assert copy.stat().st_mode & 0o777 == 0o600
