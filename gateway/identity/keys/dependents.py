"""Players whom an owner has beside himself: sub-accounts of a player, for his bots, and users of a partner.

Each is a player of its own in the engine, and a row of users without a way to sign in: the owner's API keys act for it.
The owner names it. A player's sub-accounts are one person, so they and he do not meet in a match; a partner's users are
people of their own.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import Final, NamedTuple

from gateway.core.config import Keys
from gateway.core.tokens import PLAYER, new_registration
from gateway.identity import users
from gateway.identity.accounts import Accounts
from gateway.identity.users import NewUser, User
from gateway.protocol.errors import Code, Refused
from gateway.protocol.identity.keys import Dependent

JOINING_S: Final = 10.0
"""That an attempt to join keeps the others of a family out: by then the state says what became of it."""
LONGEST_NAME: Final = 20


class Member(NamedTuple):
    """One that an owner has."""

    user: int
    owner: int
    name: str
    player: int
    registration: int


class Dependents:
    """See the module. What it raises is Refused."""

    def __init__(self, accounts: Accounts, config: Keys) -> None:
        self._accounts = accounts
        self._config = config
        self._named: dict[tuple[int, str], Member] = {}
        self._families: dict[int, set[int]] = {}
        """By player, of those who are one person: all of them."""
        self._owners: dict[int, int] = {}
        """By player of a sub-account: the player who has it."""
        self._joining: dict[tuple[frozenset[int], str, int], tuple[int, float]] = {}
        self._making: dict[tuple[int, str], asyncio.Task[Member]] = {}

    async def load(self) -> None:
        """Be as the database is."""

        def read(connection: sqlite3.Connection) -> tuple[list[Member], dict[int, int]]:
            found = connection.execute(
                "SELECT d.user, d.owner, d.name, u.player, u.registration"
                " FROM dependents d JOIN users u ON u.id = d.user WHERE u.disabled_ms IS NULL"
            )
            owners = connection.execute("SELECT id, player FROM users WHERE id IN (SELECT owner FROM dependents)")
            return [Member(*row) for row in found], dict(owners.fetchall())

        members, players = await self._accounts.database.run(read)
        self._named = {(each.owner, each.name): each for each in members}
        self._families, self._owners = {}, {}
        for member in members:
            self._know(member, players[member.owner])

    def _know(self, member: Member, owner_player: int) -> None:
        self._named[member.owner, member.name] = member
        if owner_player and member.player:
            family = self._families.setdefault(owner_player, {owner_player})
            family.add(member.player)
            self._families[member.player] = family
            self._owners[member.player] = owner_player

    def named(self, owner: int, name: str) -> Member | None:
        found = self._named.get((owner, name))
        return found if found is not None and found.player else None

    def of(self, owner: int) -> list[Dependent]:
        return [Dependent(each.name, each.player) for (user, _), each in self._named.items() if user == owner]

    def user_of(self, owner: int, player: int) -> int:
        """The row of an owner's player. Raises Refused NOT_FOUND."""
        for (user, _), each in self._named.items():
            if user == owner and each.player == player:
                return each.user
        raise Refused(Code.NOT_FOUND, field="player", value=player, problem="no sub-account of yours")

    async def create(self, owner: User, name: str) -> Member:
        """The owner's player of that name, made when there is none."""
        found = self.named(owner.id, name)
        if found is not None:
            return found
        at = (owner.id, name)
        task = self._making.get(at)
        if task is None:
            task = self._making[at] = asyncio.create_task(self._create(owner, name))
            task.add_done_callback(lambda done: self._making.pop(at, None))
        return await asyncio.shield(task)

    async def _create(self, owner: User, name: str) -> Member:
        most = self._config.sub_accounts_per_player if owner.role == PLAYER else self._config.users_per_partner
        now_ms = self._accounts.now_ms()

        def work(connection: sqlite3.Connection) -> User:
            row = connection.execute("SELECT user FROM dependents WHERE owner = ? AND name = ?", (owner.id, name))
            if (known := row.fetchone()) is not None:
                return users.get(connection, known[0])
            (count,) = connection.execute("SELECT count(*) FROM dependents WHERE owner = ?", (owner.id,)).fetchone()
            if count >= most:
                raise Refused(Code.TOO_MANY_PLAYERS, most=most)
            shown = f"{owner.name[:LONGEST_NAME]} {count + 1}"
            user = users.make(connection, NewUser(PLAYER, shown, registration=new_registration()), now_ms)
            connection.execute("INSERT INTO dependents VALUES (?, ?, ?, ?)", (user.id, owner.id, name, now_ms))
            return user

        user = await self._accounts.registered(await self._accounts.database.run(work))
        member = Member(user.id, owner.id, name, user.player, user.registration)
        self._know(member, owner.player)
        return member

    # One person

    def owner_of(self, player: int) -> int:
        """The player whose sub-account this one is; or itself."""
        return self._owners.get(player, player)

    def others(self, player: int) -> set[int]:
        """Players who are the same person."""
        return self._families.get(player, {player}) - {player}

    def begin_joining(self, player: int, what: str, number: int) -> None:
        """Keep the others out while it is not known what becomes of this one. Raises Refused SAME_PERSON while another
        one tries."""
        family = frozenset(self._families.get(player, ()))
        now_s = time.monotonic()
        for at in [at for at, (_, until_s) in self._joining.items() if until_s <= now_s]:
            del self._joining[at]
        tries, _ = self._joining.get((family, what, number), (player, 0.0))
        if tries != player:
            raise Refused(Code.SAME_PERSON)
        if family:
            self._joining[family, what, number] = (player, now_s + JOINING_S)
