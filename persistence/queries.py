"""History queries: a read-only connection to the projection, with its own thread.

Results are as current as the projection. Paging goes backwards by message number, which stays valid while rows are
added.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiosqlite

from engine.model.commands import Asset
from engine.model.events import FixedResult
from persistence.projection import BUSY_S
from persistence.rows import (
    NEWEST,
    Candle,
    ClosedPosition,
    EquityPoint,
    FinishedMatch,
    Order,
    PlayerList,
    Row,
    Standing,
    Standings,
    Summary,
    TradeResult,
    Wanted,
)

CLOSE_WITHIN_S: Final = 2.0

Arguments = Sequence[int | str] | Mapping[str, Any]


def _columns(row: type[Any]) -> str:
    return ", ".join(f'"{name}"' for name in row._fields)


_CANDLES: Final = (
    f"SELECT {_columns(Candle)} FROM candles WHERE instrument = ? AND interval_s = ? AND open_at_ns < ?"
    " ORDER BY open_at_ns DESC LIMIT ?"
)
MODES: Final = {
    "practice": "match IN (SELECT value FROM json_each(:practices))",
    "match": "match <> 0 AND match NOT IN (SELECT value FROM json_each(:practices))",
    "demo": f"match = 0 AND asset = {Asset.DEMO.value}",
    "live": f"match = 0 AND asset <> {Asset.DEMO.value}",
}
"""In a practice match, in another one, or staked from a wallet: with play money, or with real money."""

_ORDER: Final = f"SELECT {_columns(Order)} FROM orders WHERE player = ? AND id = ?"
_ORDER_OF_CLIENT: Final = (
    f"SELECT {_columns(Order)} FROM orders WHERE player = ? AND client_order_id = ? AND client_order_id <> ''"
    " ORDER BY id DESC LIMIT 1"
)
_UNREAD: Final = "SELECT count(*) FROM notifications WHERE player = ? AND read_at_ns = 0"
_CLOSES: Final = f"SELECT {_columns(ClosedPosition)} FROM closed_positions WHERE player = ? AND id = ? ORDER BY message"
_CANDLES_FROM: Final = _CANDLES.replace("ORDER BY open_at_ns DESC", "AND open_at_ns >= ? ORDER BY open_at_ns")
_FINISHED_MATCH: Final = f"SELECT {_columns(FinishedMatch)} FROM finished_matches WHERE player = ? AND match = ?"
_POINTS: Final = f"SELECT {_columns(EquityPoint)} FROM equity_points WHERE match = ? AND player = ? ORDER BY at_ns"
_IN_MATCH: Final = (
    "player = :player AND message > (SELECT message FROM seats WHERE player = :player AND match = :match)"
    " AND message < :last AND match = :match"
)
"""Scans all messages of the player from joining to the end, of this match and of others."""
_RESULTS: Final = (
    f"SELECT {_columns(TradeResult)} FROM (SELECT id, instrument, side, fixed, sum(result) AS result FROM ("
    f"SELECT id, instrument, side, 0 AS fixed, -fee AS result FROM fills WHERE {_IN_MATCH} UNION ALL"
    f" SELECT id, instrument, side, 0, profit - fee FROM closed_positions WHERE {_IN_MATCH} UNION ALL"
    f" SELECT id, instrument, direction, 1, profit FROM fixed_trades WHERE {_IN_MATCH}"
    f" AND result <> {FixedResult.REFUNDED.value}) GROUP BY id)"
)
_BEST: Final = f"{_RESULTS} ORDER BY result DESC, id LIMIT 1"
_WORST: Final = f"{_RESULTS} ORDER BY result, id LIMIT 1"
_STANDINGS: Final = (
    f"SELECT {_columns(Standing)} FROM standings WHERE season = ? ORDER BY cups DESC, cups_at_ns, player LIMIT ?"
)
_STANDING_PLAYERS: Final = "SELECT count(*) FROM standings WHERE season = ?"
_STANDING_RANK: Final = (
    "SELECT 1 + (SELECT count(*) FROM standings AS other WHERE other.season = own.season"
    " AND (-other.cups, other.cups_at_ns, other.player) < (-own.cups, own.cups_at_ns, own.player))"
    " FROM standings AS own WHERE season = ? AND player = ?"
)


class HistoryUnavailable(Exception):
    """The projection cannot be read at the moment, because it is locked, being rebuilt, or damaged."""

    def __init__(self, error: sqlite3.Error | ValueError) -> None:
        super().__init__(str(error))
        self.error = error


class Queries:
    """The file is opened by the first query, and by the first one after `close`, which is also called before the file
    is replaced. The caller bounds the limits.

    All queries raise HistoryUnavailable.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()

    async def candles(
        self, instrument: int, interval_s: int, limit: int, until_ns: int = NEWEST, from_ns: int | None = None
    ) -> list[Candle]:
        """Closed candles that open before `until_ns`, oldest first: the last ones, or the first from `from_ns` on."""
        if from_ns is not None:
            found = await self._fetch(_CANDLES_FROM, (instrument, interval_s, until_ns, from_ns, limit))
            return [Candle(*row) for row in found]
        rows = await self._fetch(_CANDLES, (instrument, interval_s, until_ns, limit))
        return [Candle(*row) for row in rows][::-1]

    async def page(self, of: PlayerList[Row], player: int, wanted: Wanted) -> list[Row]:
        """A page of the player's list, newest first. Scans his rows from the newest on, until it is full."""
        rows = await self._fetch(_page_sql(of, wanted), wanted._asdict() | {
            "player": player, "practices": json.dumps(wanted.practices), "kinds": json.dumps(wanted.kinds),
        })  # fmt: skip
        return [of.row(*row) for row in rows]

    async def order(self, player: int, id: int) -> Order | None:
        """The player's order of that id; None when he has none."""
        row = await self._first(_ORDER, (player, id))
        return Order(*row) if row is not None else None

    async def order_of_client(self, player: int, client_order_id: str) -> Order | None:
        """The player's latest order that he has called so; None when there is none."""
        row = await self._first(_ORDER_OF_CLIENT, (player, client_order_id))
        return Order(*row) if row is not None else None

    async def unread(self, player: int) -> int:
        """How many notifications the player has not read."""
        ((count,),) = await self._fetch(_UNREAD, (player,))
        return int(count)

    async def closes(self, player: int, position: int) -> list[ClosedPosition]:
        """The closes of a position, earliest first."""
        return [ClosedPosition(*row) for row in await self._fetch(_CLOSES, (player, position))]

    async def summary(self, player: int, match: int) -> Summary | None:
        """The player's summary of a finished match; None until it is finished."""
        finished = await self._first(_FINISHED_MATCH, (player, match))
        if finished is None:
            return None
        ended = FinishedMatch(*finished)
        of = {"player": player, "match": match, "last": ended.message}
        best, worst = await self._first(_BEST, of), await self._first(_WORST, of)
        points = await self._fetch(_POINTS, (match, player))
        return Summary(
            ended,
            TradeResult(*best) if best is not None else None,
            TradeResult(*worst) if worst is not None else None,
            [EquityPoint(*row) for row in points],
        )

    async def _first(self, sql: str, arguments: Arguments) -> Sequence[Any] | None:
        """The first row, or None."""
        return next(iter(await self._fetch(sql, arguments)), None)

    async def standings(self, season: int, limit: int, player: int) -> Standings:
        """The season's top players by cups, then by how long they have had them, then by id; and the player's rank.

        Scans all players of the season.
        """
        top = await self._fetch(_STANDINGS, (season, limit))
        ((players,),) = await self._fetch(_STANDING_PLAYERS, (season,))
        ranks = await self._fetch(_STANDING_RANK, (season, player))
        return Standings([Standing(*row) for row in top], players, ranks[0][0] if ranks else 0)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(TimeoutError, sqlite3.Error, ValueError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await connection.close()

    async def _fetch(self, sql: str, arguments: Arguments) -> list[sqlite3.Row]:
        try:
            async with self._opening:
                if self._connection is None:
                    self._connection = await _connect(self._path)
                connection = self._connection
            return list(await connection.execute_fetchall(sql, arguments))
        except (sqlite3.Error, ValueError) as error:  # ValueError: closed, because the file was replaced
            raise HistoryUnavailable(error) from error


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = aiosqlite.connect(f"file:{quote(str(path))}?mode=ro", timeout=BUSY_S, uri=True)
    connection._thread.daemon = True  # does not keep the process from exiting
    return await connection


def _page_sql(of: PlayerList[Row], wanted: Wanted) -> str:
    where = [f"player = :player AND {of.cursor} < :before"]
    if wanted.match:
        where.append("match = :match")
    if wanted.instrument:
        where.append("instrument = :instrument")
    if wanted.from_ns:
        where.append(f"{of.time} >= :from_ns")
    if wanted.until_ns != NEWEST:
        where.append(f"{of.time} < :until_ns")
    if wanted.mode:
        where.append(MODES[wanted.mode])
    if wanted.unread:
        where.append("read_at_ns = 0")
    if wanted.kinds:
        where.append("kind IN (SELECT value FROM json_each(:kinds))")
    return (
        f"SELECT {_columns(of.row)} FROM {of.table} WHERE {' AND '.join(where)} ORDER BY {of.cursor} DESC LIMIT :limit"
    )
