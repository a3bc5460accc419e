"""Looking things up in the projection, by a connection and a thread of its own that only read.

Answers are as fresh as the projection; pages go backwards by a cursor that stays valid while rows are added.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import aiosqlite

_NEWEST: Final = (1 << 63) - 1


class Candle(NamedTuple):
    """Prices in ticks of the bid."""

    open_at_ns: int
    open: int
    high: int
    low: int
    close: int
    ticks: int


class Fill(NamedTuple):
    """An order that was filled, and the position with the same id that it opened."""

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
    """A position, or a part of one, that was closed; `left` lots stayed open."""

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
    """A fixed-time trade that was settled; entry and exit in half ticks. One with an asset was staked from a wallet:
    stake and profit are native units of it."""

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


def _columns(row: type[Candle | Fill | ClosedPosition | FixedTrade | WalletChange]) -> str:
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


class Queries:
    """Made by `open`, ended by `close`. Limits are the caller's to bound."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, path: Path) -> Queries:
        connection = aiosqlite.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
        connection._thread.daemon = True  # a process that must end does not wait for who forgot to close it
        return cls(await connection)

    async def candles(self, instrument: int, interval_s: int, limit: int, until_ns: int = _NEWEST) -> list[Candle]:
        """The last `limit` closed candles that open before `until_ns`, oldest first."""
        rows = await self._connection.execute_fetchall(_CANDLES, (instrument, interval_s, until_ns, limit))
        return [Candle(*row) for row in rows][::-1]

    async def fills(self, player: int, limit: int, before: int = _NEWEST) -> list[Fill]:
        """The player's last fills whose message number is less than `before`, newest first."""
        rows = await self._connection.execute_fetchall(_FILLS, (player, before, limit))
        return [Fill(*row) for row in rows]

    async def closed_positions(self, player: int, limit: int, before: int = _NEWEST) -> list[ClosedPosition]:
        """The player's last closes whose message number is less than `before`, newest first."""
        rows = await self._connection.execute_fetchall(_CLOSED, (player, before, limit))
        return [ClosedPosition(*row) for row in rows]

    async def fixed_trades(self, player: int, limit: int, before: int = _NEWEST) -> list[FixedTrade]:
        """The player's last settled fixed-time trades whose message number is less than `before`, newest first."""
        rows = await self._connection.execute_fetchall(_FIXED, (player, before, limit))
        return [FixedTrade(*row) for row in rows]

    async def wallet_changes(self, player: int, limit: int, before: int = _NEWEST) -> list[WalletChange]:
        """The last changes of the player's accounts whose message number is less than `before`, newest first."""
        rows = await self._connection.execute_fetchall(_WALLET, (player, before, limit))
        return [WalletChange(*row) for row in rows]

    async def close(self) -> None:
        await self._connection.close()
