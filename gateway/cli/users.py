"""`arena user`: accounts from the machine itself, beside an arena that runs or not. It notices within a second."""

from __future__ import annotations

import getpass
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from cyclopts import App, Parameter

from gateway.cli.failure import EXIT_ERRORS, Failure
from gateway.cli.parameters import DataFolder, Json

if TYPE_CHECKING:
    from gateway.identity.users import User

T = TypeVar("T")

Who = Annotated[str, Parameter(help="A user name, an address, or #NUMBER.")]
Why = Annotated[str, Parameter(help="For the log of what operators did.")]

user = App(name="user", help="Accounts of people: the first operator, and what goes wrong.", help_format="plaintext")


@user.command
def create(
    name: Annotated[str, Parameter(help="The user name, or the address.")],
    *,
    admin: Annotated[bool, Parameter(negative="", help="An operator who may do everything.")] = False,
    partner: Annotated[bool, Parameter(negative="", help="A partner, who brings users of his own.")] = False,
    role: Annotated[str, Parameter(help="player, partner, support, finance or admin.")] = "",
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """Make an account. The password is read from standard input, or asked for on a terminal; left empty, one is made.

    Try:
      arena user create boss --admin
      arena user create ann@example.com --role support
    """
    from gateway.identity import operators

    role = "admin" if admin else "partner" if partner else role or "player"
    if role not in ROLES:
        raise Failure(f"--role must be one of {', '.join(ROLES)}")
    password, made = _password(name)
    hashed = _hashed(password)
    username, email = (None, name) if "@" in name else (name, None)
    now_ms = _now_ms()

    def work(connection: sqlite3.Connection) -> User:
        created = operators.create(connection, role, username, email, hashed, now_ms)
        _record(connection, "user.create", created, f'{{"role": "{role}"}}', "")
        return created

    created = _changed(data, work)
    _say(json, {"user": created.id, "name": name, "role": role} | ({"password": password} if made else {}))
    return 0


@user.command(name="list")
def list_users(
    *,
    role: Annotated[str, Parameter(help="Only those of this role.")] = "",
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """List accounts.

    Try:
      arena user list --role admin
    """
    from gateway.identity import operators

    found = _changed(data, lambda connection: operators.listed(connection, role))
    shown = [
        {
            "user": each.id, "name": each.known_as, "role": each.role, "player": each.player,
            "disabled": each.disabled_why or "yes" if each.disabled_ms is not None else "",
        }
        for each in found
    ]  # fmt: skip
    if json:
        print(msgspec.json.encode(shown).decode())
    else:
        for each in shown:
            disabled = f"  disabled: {each['disabled']}" if each["disabled"] else ""
            print(f"#{each['user']:<6} {each['role']:<8} player {each['player']:<8} {each['name']}{disabled}")
    return 0


@user.command
def disable(
    name: Who,
    *,
    why: Why = "",
    undo: Annotated[bool, Parameter(negative="", help="Let the user in again.")] = False,
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """Let somebody in no more, and close what is open, within a second.

    Try:
      arena user disable ann --why "asked for it"
      arena user disable ann --undo
    """
    from gateway.identity import operators

    if not undo and not why:
        raise Failure("say --why: it is kept")
    now_ms = _now_ms()

    def work(connection: sqlite3.Connection) -> User:
        found = operators.named(connection, name)
        if undo:
            operators.enable(connection, found)
        else:
            operators.disable(connection, found, why, now_ms)
        _record(connection, "user.enable" if undo else "user.disable", found, "{}", why)
        return found

    found = _changed(data, work)
    _say(json, {"user": found.id, "name": found.known_as, "disabled": not undo})
    return 0


@user.command
def role(
    name: Who,
    role: Annotated[str, Parameter(help="partner, support, finance or admin.")],
    *,
    why: Why = "",
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """Give an operator or a partner another role. Sessions with the one of before end.

    Try:
      arena user role ann finance
    """
    from gateway.identity import operators

    now_ms = _now_ms()

    def work(connection: sqlite3.Connection) -> User:
        found = operators.named(connection, name)
        operators.set_role(connection, found, role, now_ms)
        _record(connection, "user.role", found, f'{{"role": "{role}"}}', why)
        return found

    found = _changed(data, work)
    _say(json, {"user": found.id, "name": found.known_as, "role": role})
    return 0


@user.command
def reset(name: Who, *, why: Why = "", data: DataFolder = Path("data"), json: Json = False) -> int:
    """Give somebody a new password, read as for create. Sessions and passkeys of before end.

    Try:
      arena user reset ann
    """
    from gateway.identity import operators

    password, made = _password(name)
    hashed = _hashed(password)
    now_ms = _now_ms()

    def work(connection: sqlite3.Connection) -> User:
        found = operators.named(connection, name)
        operators.reset(connection, found, hashed, now_ms)
        _record(connection, "user.reset", found, "{}", why)
        return found

    found = _changed(data, work)
    _say(json, {"user": found.id, "name": found.known_as} | ({"password": password} if made else {}))
    return 0


@user.command
def backup(
    *,
    to: Annotated[Path, Parameter(help="The file to make; it must not be there.")],
    data: DataFolder = Path("data"),
    json: Json = False,
) -> int:
    """Copy the database of accounts as it is now.

    Try:
      arena user backup --data data --to identity.copy
    """
    from gateway.identity.database import FILE, back_up

    with _explained(data):
        back_up(_file(data, FILE), to)
    _say(json, {"copied": str(to)})
    return 0


ROLES = ("player", "partner", "support", "finance", "admin")


def _changed(data: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do the work on the database of the data folder, as a whole."""
    from gateway.identity.database import FILE, connect, transact
    from gateway.protocol.errors import Refused

    with _explained(data):
        connection = connect(_file(data, FILE))
        try:
            return transact(connection, work)
        except Refused as refused:
            details = refused.error.details or {}
            raise Failure(str(details.get("problem", refused.error.message))) from refused
        finally:
            connection.close()


def _file(data: Path, name: str) -> Path:
    if not (data / name).exists():
        raise Failure(f"there are no accounts in {data}: name the data folder with --data, and start the arena once")
    return data / name


@contextmanager
def _explained(data: Path) -> Iterator[None]:
    from gateway.identity.database import IdentityUnusable

    try:
        yield
    except (IdentityUnusable, sqlite3.Error, OSError) as error:
        raise Failure(f"{data}: {error}", EXIT_ERRORS) from error


def _record(connection: sqlite3.Connection, op: str, of: User, arguments: str, why: str) -> None:
    from gateway.identity.operators import Action, record

    who = f"command line ({getpass.getuser()})"
    record(connection, Action(_now_ms(), 0, who, "admin", op, f'{{"user": {of.id}, "args": {arguments}}}', why, "ok"))


def _password(name: str) -> tuple[str, bool]:
    """The password, and whether it was made here."""
    from gateway.identity.passwords import problem_with

    if sys.stdin is not None and sys.stdin.isatty():
        given = getpass.getpass("password (empty: make one): ")
    else:
        given = sys.stdin.readline().rstrip("\r\n") if sys.stdin is not None else ""
    if not given:
        return secrets.token_urlsafe(12), True
    problem = problem_with(given, name)
    if problem:
        raise Failure(f"password: {problem}")
    return given, False


def _hashed(password: str) -> str:
    from gateway.core.config import Identity
    from gateway.identity.passwords import hash_of

    costs = Identity()
    return hash_of(password, costs.password_memory_kib, costs.password_rounds)


def _now_ms() -> int:
    return int(time.time() * 1_000)


def _say(json: bool, said: dict[str, object]) -> None:
    print(msgspec.json.encode(said).decode() if json else ", ".join(f"{key} {value}" for key, value in said.items()))
