"""What the ops look up in the projection of a running arena.

Answers are as current as the projection, which lags a moment behind; `reach` waits for it. While it cannot be read, as
during a rebuild, whoever asks is told to ask again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from gateway.protocol.errors import Code, Refused
from persistence.audit import Audit, AuditInput, audit_file
from persistence.projector import Lagging, Projector
from persistence.queries import HistoryUnavailable, Queries
from persistence.rows import Candle, ClosedPosition, Order, PlayerList, Row, Standings, Summary, Wanted

T = TypeVar("T")

ALL = 1 << 30

WITHIN_S = 5.0
"""How long an answer waits for the projection."""


class History:
    """See the module. Lists of a player: newest first."""

    def __init__(self, projection: Projector, queries: Queries, path: Path) -> None:
        self._projection = projection
        self._queries = queries
        self._path = path

    async def reach(self, player: int) -> None:
        """Wait until the projection has all that the player has been told of. Raises Refused."""
        await self._reached(self._projection.wait_for_player(player))

    async def candles(
        self, instrument: int, interval_s: int, until_ns: int, limit: int, from_ns: int | None = None
    ) -> list[Candle]:
        """Closed candles that opened before `until_ns`, up to those that closed just now, earliest first: the latest,
        or the first from `from_ns` on."""
        since_ns, most = from_ns or 0, limit if from_ns is None else ALL
        waiting = [
            Candle(*(int(candle[name]) for name in Candle._fields))
            for candle in self._projection.waiting_candles(instrument, interval_s, until_ns, most)
            if candle["open_at_ns"] >= since_ns
        ]
        stored = await self._read(self._queries.candles(instrument, interval_s, limit, until_ns, from_ns))
        by_time = {candle.open_at_ns: candle for candle in (*stored, *waiting)}
        found = [by_time[open_at_ns] for open_at_ns in sorted(by_time)]
        return found[-limit:] if from_ns is None else found[:limit]

    async def page(self, of: PlayerList[Row], player: int, wanted: Wanted) -> list[Row]:
        return await self._read(self._queries.page(of, player, wanted))

    async def order(self, player: int, order: int | str) -> Order | None:
        """The order of that id, or the latest one that the player has called so; None when he has none."""
        if isinstance(order, str):
            return await self._read(self._queries.order_of_client(player, order))
        return await self._read(self._queries.order(player, order))

    async def unread(self, player: int) -> int:
        """How many notifications the player has not read."""
        return await self._read(self._queries.unread(player))

    async def closes(self, player: int, position: int) -> list[ClosedPosition]:
        """Of a position, earliest first."""
        return await self._read(self._queries.closes(player, position))

    async def summary(self, player: int, match: int) -> Summary:
        """Of a match that has been finished. All that happened in it is in the projection once its end is."""
        summary = await self._read(self._queries.summary(player, match))
        if summary is None:
            await self._reached(self._projection.catch_up())
            summary = await self._read(self._queries.summary(player, match))
        assert summary is not None, f"match {match} has not been finished for player {player}"
        return summary

    async def standings(self, season: int, limit: int, player: int) -> Standings:
        """The best of a season, and the player's rank in it."""
        return await self._read(self._queries.standings(season, limit, player))

    async def audit(self, taken: AuditInput) -> Audit:
        """Hold the accounts that were taken from the state against the journal, in a thread of its own."""
        await self._reached(self._projection.catch_up())
        try:
            return await asyncio.to_thread(audit_file, taken, self._path)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def _reached(self, waiting: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(WITHIN_S):
                await waiting
        except TimeoutError:
            raise Refused(Code.OVERLOADED, because="the history lags behind") from None
        except Lagging as error:
            raise Refused(Code.STOPPING) from error

    async def _read(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except HistoryUnavailable as unavailable:
            raise self._unavailable(unavailable.error) from unavailable

    def _unavailable(self, error: Exception) -> Refused:
        """What whoever asks is told; what damage is found is mended."""
        self._projection.report(error)
        return Refused(Code.OVERLOADED, because="the history cannot be read at the moment")
