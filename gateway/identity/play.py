"""Responsible play: limits that players set for themselves, and shutting oneself out.

A limit is for a day, by UTC. A lower one holds at once; a higher one, or none, after a day, so that nobody raises it in
the heat of the moment. Only players who have set something are looked at. What counts is in memory, and written down
every moment; after a crash a moment of play may be missing.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from engine.batch.machine import Applied
from engine.model.commands import Asset, Batch, TransferCode
from engine.model.events import DTYPES, EventKind, Wallet
from gateway.identity.database import Database
from gateway.protocol.errors import Code, Refused

DEPOSIT: Final = "deposit"
LOSS: Final = "loss"
TIME: Final = "time"
KINDS: Final = (DEPOSIT, LOSS, TIME)
WATCH_EVERY_S: Final = 1.0
DAY_S: Final = 86_400
DAY_MS: Final = DAY_S * 1_000
DOLLARS: Final = frozenset({Asset.USDT, Asset.USDC})
"""Assets that count: a native unit of each is a millionth of a dollar."""
_DEPOSITS: Final = frozenset({TransferCode.TOP_UP})
_PLAY: Final = frozenset(
    {TransferCode.ENTRY_FEE, TransferCode.REFUND, TransferCode.PRIZE, TransferCode.STAKE, TransferCode.PAYOUT}
)


class Limit(NamedTuple):
    """Of a day: millionths of a dollar, or seconds; None: there is none. `next` holds from `next_from_ms` on."""

    value: int | None
    next: int | None = None
    next_from_ms: int | None = None

    def at(self, now_ms: int) -> int | None:
        return self.next if self.next_from_ms is not None and self.next_from_ms <= now_ms else self.value

    def changed(self, value: int | None, now_ms: int) -> Limit:
        """A lower one at once, another one after a day."""
        current = self.at(now_ms)
        if value is not None and (current is None or value <= current):
            return Limit(value)
        return Limit(current) if value == current else Limit(current, value, now_ms + DAY_MS)


@dataclass
class Account:
    """What is known of a player who has set something."""

    user: int
    limits: dict[str, Limit] = field(default_factory=dict)
    excluded_until_ms: int = 0
    day: int = 0
    used: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    is_written: bool = True


class Play:
    """See the module."""

    def __init__(self, database: Database, now_s: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now_s = now_s
        self._accounts: dict[int, Account] = {}
        """By player."""

    async def begin(self) -> None:
        """Know what players have set, and what counts today."""
        today = self._today()

        def read(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return connection.execute(
                "SELECT users.player, users.id, until_ms, deposited, lost, seconds FROM users"
                " LEFT JOIN exclusions ON exclusions.user = users.id"
                " LEFT JOIN play_days ON play_days.user = users.id AND day = ?"
                " WHERE users.player != 0 AND (until_ms IS NOT NULL OR users.id IN (SELECT user FROM play_limits))",
                (today,),
            ).fetchall()

        def read_limits(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            columns = "users.player, kind, value, next_value, next_from_ms"
            return connection.execute(f"SELECT {columns} FROM play_limits JOIN users ON users.id = user").fetchall()

        for player, user, until_ms, deposited, lost, seconds in await self._database.run(read):
            used = {DEPOSIT: deposited or 0, LOSS: lost or 0, TIME: float(seconds or 0)}
            self._accounts[player] = Account(user, {}, until_ms or 0, today, used)
        for player, kind, value, next_value, next_from_ms in await self._database.run(read_limits):
            if player in self._accounts:
                self._accounts[player].limits[kind] = Limit(_known(value), _known(next_value), next_from_ms)

    # What a player sets

    def limits_of(self, player: int) -> tuple[dict[str, Limit], dict[str, float], int]:
        """His limits, what is used of them today, and until when he has shut himself out, in ms; 0: he has not."""
        account = self._accounts.get(player)
        if account is None:
            return {}, dict.fromkeys(KINDS, 0), 0
        self._turn_day(account)
        return account.limits, account.used, account.excluded_until_ms

    async def set_limit(self, player: int, user: int, kind: str, value: int | None) -> None:
        """Lower at once, higher after a day."""
        account = self._accounts.setdefault(player, Account(user, day=self._today()))
        found = account.limits.get(kind, Limit(None)).changed(value, self._now_ms())
        row = (
            user,
            kind,
            _stored(found.value),
            _stored(found.next) if found.next_from_ms else None,
            found.next_from_ms,
        )
        await self._database.run(
            lambda connection: connection.execute("INSERT OR REPLACE INTO play_limits VALUES (?, ?, ?, ?, ?)", row)
        )
        account.limits[kind] = found

    async def exclude(self, player: int, user: int, days: int) -> int:
        """Shut the player out; until when, in ms. What holds for longer already stays."""
        account = self._accounts.setdefault(player, Account(user, day=self._today()))
        until_ms = max(account.excluded_until_ms, self._now_ms() + days * DAY_MS)
        row = (user, self._now_ms(), until_ms)
        await self._database.run(
            lambda connection: connection.execute("INSERT OR REPLACE INTO exclusions VALUES (?, ?, ?)", row)
        )
        account.excluded_until_ms = until_ms
        return until_ms

    # What is let in

    def check_play(self, player: int) -> None:
        """Raises Refused when the player may begin nothing: shut out, or no time left."""
        account = self._accounts.get(player)
        if account is None:
            return
        self._turn_day(account)
        if account.excluded_until_ms > self._now_ms():
            raise Refused(Code.SELF_EXCLUDED, until=account.excluded_until_ms)
        self._check(account, TIME, 0)

    def check_deposit(self, player: int, units: int) -> None:
        """Raises Refused when so many millionths of a dollar more are too many for today."""
        account = self._accounts.get(player)
        if account is not None:
            self._turn_day(account)
            self._check(account, DEPOSIT, units)

    def check_stake(self, player: int, units: int, at_stake: int) -> None:
        """Raises Refused when so much more could be lost than may be lost today; `at_stake` is held already."""
        account = self._accounts.get(player)
        if account is not None and units:
            self._turn_day(account)
            self._check(account, LOSS, units + at_stake)

    def _check(self, account: Account, kind: str, more: int) -> None:
        limit = account.limits.get(kind, Limit(None)).at(self._now_ms())
        used = int(account.used[kind])
        if limit is not None and (used + more > limit or (not more and used >= limit)):
            raise Refused(Code.PLAY_LIMIT_REACHED, limit=kind, left=max(limit - used, 0))

    # What counts

    def count(self, batch: Batch, applied: Applied) -> None:
        """A consumer of the sequencer: deposits and losses of players who have set something."""
        if not self._accounts:
            return
        events = applied.events
        changed = events[events["kind"] == EventKind.WALLET_CHANGED.value].view(DTYPES[Wallet])
        for event in changed[np.isin(changed["player"], list(self._accounts))]:
            self._count_change(int(event["player"]), int(event["asset"]), int(event["code"]), int(event["change"]))

    def _count_change(self, player: int, asset: int, code: int, change: int) -> None:
        if asset not in DOLLARS:
            return
        account = self._accounts[player]
        self._turn_day(account)
        if code in _DEPOSITS and change > 0:
            account.used[DEPOSIT] += change
        elif code in _PLAY:
            account.used[LOSS] = account.used[LOSS] - change
        else:
            return
        account.is_written = False

    async def watch(self, is_present: Callable[[int], bool]) -> None:
        """Count how long players play who have limited that, and write down what is used; until cancelled."""
        begun_s = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            now_s = time.monotonic()
            self.pass_time(now_s - begun_s, is_present)
            begun_s = now_s
            await self.write()

    def pass_time(self, seconds: float, is_present: Callable[[int], bool]) -> None:
        """So long was just played by those who are there."""
        for player, account in self._accounts.items():
            if TIME in account.limits and is_present(player):
                self._turn_day(account)
                account.used[TIME] += seconds
                account.is_written = False

    async def write(self) -> None:
        """Write down what has changed."""
        rows = [
            (each.user, each.day, int(each.used[TIME]), int(each.used[DEPOSIT]), int(each.used[LOSS]))
            for each in self._accounts.values()
            if not each.is_written
        ]
        if not rows:
            return
        for each in self._accounts.values():
            each.is_written = True
        insert = "INSERT OR REPLACE INTO play_days (user, day, seconds, deposited, lost) VALUES (?, ?, ?, ?, ?)"
        await self._database.run(lambda connection: connection.executemany(insert, rows))

    def forget(self, player: int) -> None:
        """The account is gone."""
        self._accounts.pop(player, None)

    def _turn_day(self, account: Account) -> None:
        if account.day != self._today():
            account.day = self._today()
            account.used = dict.fromkeys(KINDS, 0)

    def _today(self) -> int:
        return int(self._now_s()) // DAY_S

    def _now_ms(self) -> int:
        return int(self._now_s() * 1_000)


def _stored(value: int | None) -> int:
    return -1 if value is None else value


def _known(value: int | None) -> int | None:
    return None if value is None or value < 0 else value
