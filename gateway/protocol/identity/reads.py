"""What operators look at: players, what is open, limits."""

from __future__ import annotations

from typing import Annotated, Generic

from msgspec import Meta, Struct

from gateway.protocol.history import OfMatches
from gateway.protocol.market import SwitchEvent
from gateway.protocol.scalars import Arguments, D, Id, Side
from gateway.protocol.seats import Seat
from gateway.protocol.wallets import Balance


class PlayersOf(Arguments, frozen=True):
    """The latest `limit` players, or those before the number `before`, whose name has the `search` in it, or whose
    number it is."""

    search: Annotated[str, Meta(max_length=200)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    before: Annotated[int, Meta(ge=1, le=2**53)] = 2**53


class OfPlayer(Arguments, frozen=True):
    player: Id


class LedgerOf(OfMatches, frozen=True, kw_only=True):
    """A page of the changes of a player's accounts."""

    player: Id


class PlayerEntry(Struct, frozen=True):
    """`connections` are those that are open now; `locked`: by a kill switch."""

    player: int
    name: str
    connections: int
    locked: bool


class PlayerRecord(Struct, Generic[D], frozen=True):
    """A player, with the seats in matches that are not over, and all accounts."""

    player: int
    name: str
    connections: int
    locked: bool
    seats: list[Seat[D]]
    wallet: list[Balance[D]]


class Exposure(Struct, Generic[D], frozen=True):
    """What is open in an instrument on one side, over all matches: `notional` and `profit` at the price at which it
    could be closed now, `profit` as the players see it."""

    symbol: str
    side: Side
    positions: int
    quantity: D
    notional: D
    margin: D
    profit: D


class ArenaLimits(Struct, frozen=True):
    """The limits of the configuration, and the kill switches that are on but for those of players."""

    limits: dict[str, float]
    switches: list[SwitchEvent]
