"""The log of what operators did: written behind their answers, in order, and read back.

Whoever puts an action in never waits. It is on disk within moments; a file that cannot be written is tried again, and
nothing is thrown away. A crash in between loses the row, and not the command, which is in the log of commands.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from functools import partial
from itertools import islice
from typing import Any, Final

import msgspec

from gateway.core.tokens import Identity
from gateway.identity import operators, users
from gateway.identity.database import Database
from gateway.identity.operators import Action
from gateway.protocol.errors import Refused
from gateway.protocol.identity.operators import ActionsOf, OperatorAction
from gateway.protocol.problems import SECRETS

AT_ONCE: Final = 100
CLOSE_WITHIN_S: Final = 5.0


def action_of(
    identity: Identity | None, op: str, arguments: Any, outcome: str, at_ms: int, sequence: int = 0
) -> Action:
    """The row; `who` is the session until it is written."""
    fields = msgspec.to_builtins(arguments)
    if isinstance(fields, dict):
        fields = {name: "***" if name in SECRETS and value else value for name, value in fields.items()}
    why = fields.get("reason", "") if isinstance(fields, dict) else ""
    session, role = (identity.session, identity.role) if identity is not None else ("", "")
    return Action(at_ms, 0, session, role, op, msgspec.json.encode(fields).decode(), str(why), outcome, sequence)


class ActionLog:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[Action] = deque()
        self._has_some = asyncio.Event()
        self._writing = asyncio.Lock()

    def put(self, action: Action) -> None:
        """Write it down soon."""
        self._waiting.append(action)
        self._has_some.set()

    async def run(self) -> None:
        """Write until cancelled. Raises Refused while that cannot be done: then it is started again."""
        while True:
            await self._has_some.wait()
            await self.write()

    async def write(self) -> None:
        """Write what waits, once: two who write take turns, and who is cancelled waits until it is known what became of
        what is in the thread already."""
        async with self._writing:
            writing = asyncio.create_task(self._write_all())
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await asyncio.wait([writing])
                raise

    async def _write_all(self) -> None:
        self._has_some.clear()
        while self._waiting:
            some = list(islice(self._waiting, AT_ONCE))
            try:
                await self._database.run(partial(_write, actions=some))
            except BaseException:
                self._has_some.set()
                raise
            for _ in some:
                self._waiting.popleft()

    async def read(self, of: ActionsOf) -> list[OperatorAction]:
        """The latest before number `before`, newest first; also those that were put in just now."""
        if self._waiting:
            await self.write()
        rows = await self._database.run(
            lambda connection: operators.recorded(connection, of.limit, of.before, of.op or "", of.who or "")
        )
        return [
            OperatorAction(
                id, each.at_ms, each.who, each.role, each.op, msgspec.json.decode(each.arguments),
                each.why, each.outcome, each.sequence or None,
            )
            for id, each in rows
        ]  # fmt: skip


def _write(connection: sqlite3.Connection, actions: list[Action]) -> None:
    for action in actions:
        try:
            user = users.of_session(connection, action.who)
        except Refused:
            operators.record(connection, action._replace(who=f"session {action.who}"))
        else:
            operators.record(connection, action._replace(user=user.id, who=user.known_as))
