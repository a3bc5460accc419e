"""History queries: a read-only connection to the projection, with its own thread.

Results are as current as the projection. Paging goes backwards by message number, which stays valid while rows are
added.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import aiosqlite

from engine.model.events import FixedResult
from persistence.projection import BUSY_S

_NEWEST: Final = (1 << 63) - 1

CLOSE_WITHIN_S: Final = 2.0


class Candle(NamedTuple):
    """Prices in ticks of the bid."""

    open_at_ns: int
    open: int
    high: int
    low: int
    close: int
    ticks: int


class Fill(NamedTuple):
    """A filled order, and the position (same id) that it opened."""

    message: int
    sequence: int
    at_ns: int
    match: int
    instrument: int
    id: int
    side: int
    order_type: int
    leverage: int
    price: int
    lots: int
    cost: int
    margin: int
    fee: int
    liquidation: int
    stop_loss: int
    take_profit: int
    client_order_id: str


class ClosedPosition(NamedTuple):
    """A close of a position or a part of it; `left` lots stay open."""

    message: int
    sequence: int
    at_ns: int
    match: int
    instrument: int
    id: int
    side: int
    cause: int
    leverage: int
    price: int
    lots: int
    cost: int
    margin: int
    fee: int
    profit: int
    left: int


class FixedTrade(NamedTuple):
    """A settled fixed-time trade; entry and exit in half ticks. With an asset it was staked from a wallet: stake and
    profit are in native units."""

    message: int
    sequence: int
    at_ns: int
    match: int
    instrument: int
    id: int
    direction: int
    result: int
    reason: int
    stake: int
    payout_percent: int
    expires_at_ns: int
    entry: int
    exit: int
    entry_sequence: int
    exit_sequence: int
    profit: int
    asset: int


class WalletChange(NamedTuple):
    """A change of a player's account, in native units of the asset."""

    message: int
    sequence: int
    at_ns: int
    match: int
    asset: int
    change: int
    balance: int
    held: int
    version: int
    code: int


class FinishedMatch(NamedTuple):
    """A player's result in a match; the prize in native units of its asset, other money in 1e-8 units."""

    message: int
    sequence: int
    at_ns: int
    match: int
    rank: int
    seats: int
    balance: int
    prize: int
    asset: int
    trades: int
    wins: int
    max_drawdown: int
    profit: int
    fees: int
    starting_balance: int
    rule: int


class TradeResult(NamedTuple):
    """Total profit of a position or a fixed-time trade, after fees."""

    id: int
    instrument: int
    side: int
    fixed: int  # 1: a fixed-time trade
    result: int


class EquityPoint(NamedTuple):
    """An equity sample of a seat."""

    at_ns: int
    equity: int
    balance: int


class Summary(NamedTuple):
    """A finished match for one player: result, best and worst trade (None without trades), equity curve."""

    finished: FinishedMatch
    best: TradeResult | None
    worst: TradeResult | None
    points: list[EquityPoint]  # earliest first


class Standing(NamedTuple):
    """A player's result in a season."""

    player: int
    cups: int
    matches: int


class Standings(NamedTuple):
    """The top of a season's leaderboard."""

    top: list[Standing]
    players: int
    rank: int  # of the requesting player, from 1; 0: not on it


def _columns(row: type[NamedTuple]) -> str:
    return ", ".join(f'"{name}"' for name in row._fields)


_CANDLES: Final = (
    f"SELECT {_columns(Candle)} FROM candles WHERE instrument = ? AND interval_s = ? AND open_at_ns < ?"
    " ORDER BY open_at_ns DESC LIMIT ?"
)
_FILLS: Final = f"SELECT {_columns(Fill)} FROM fills WHERE player = ? AND message < ? ORDER BY message DESC LIMIT ?"
_CLOSED: Final = (
    f"SELECT {_columns(ClosedPosition)} FROM closed_positions WHERE player = ? AND message < ?"
    " ORDER BY message DESC LIMIT ?"
)
_FIXED: Final = (
    f"SELECT {_columns(FixedTrade)} FROM fixed_trades WHERE player = ? AND message < ? ORDER BY message DESC LIMIT ?"
)
_WALLET: Final = (
    f"SELECT {_columns(WalletChange)} FROM wallet_changes WHERE player = ? AND message < ?"
    " ORDER BY message DESC LIMIT ?"
)
_FINISHED: Final = (
    f"SELECT {_columns(FinishedMatch)} FROM finished_matches WHERE player = ? AND message < ?"
    " ORDER BY message DESC LIMIT ?"
)
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

    async def candles(self, instrument: int, interval_s: int, limit: int, until_ns: int = _NEWEST) -> list[Candle]:
        """The last `limit` closed candles that open before `until_ns`, oldest first."""
        rows = await self._fetch(_CANDLES, (instrument, interval_s, until_ns, limit))
        return [Candle(*row) for row in rows][::-1]

    async def fills(self, player: int, limit: int, before: int = _NEWEST) -> list[Fill]:
        """The player's last fills whose message number is less than `before`, newest first."""
        rows = await self._fetch(_FILLS, (player, before, limit))
        return [Fill(*row) for row in rows]

    async def closed_positions(self, player: int, limit: int, before: int = _NEWEST) -> list[ClosedPosition]:
        """The player's last closes whose message number is less than `before`, newest first."""
        rows = await self._fetch(_CLOSED, (player, before, limit))
        return [ClosedPosition(*row) for row in rows]

    async def fixed_trades(self, player: int, limit: int, before: int = _NEWEST) -> list[FixedTrade]:
        """The player's last settled fixed-time trades whose message number is less than `before`, newest first."""
        rows = await self._fetch(_FIXED, (player, before, limit))
        return [FixedTrade(*row) for row in rows]

    async def wallet_changes(self, player: int, limit: int, before: int = _NEWEST) -> list[WalletChange]:
        """The last changes of the player's accounts whose message number is less than `before`, newest first."""
        rows = await self._fetch(_WALLET, (player, before, limit))
        return [WalletChange(*row) for row in rows]

    async def finished_matches(self, player: int, limit: int, before: int = _NEWEST) -> list[FinishedMatch]:
        """The player's last finished matches whose message number is less than `before`, newest first."""
        rows = await self._fetch(_FINISHED, (player, before, limit))
        return [FinishedMatch(*row) for row in rows]

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

    async def _first(self, sql: str, arguments: Sequence[int] | Mapping[str, int]) -> Sequence[int] | None:
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

    async def _fetch(self, sql: str, arguments: Sequence[int] | Mapping[str, int]) -> list[sqlite3.Row]:
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
