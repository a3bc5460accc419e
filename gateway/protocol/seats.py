"""A player's seat in a match, what challenge rules find, and leaderboards."""

from __future__ import annotations

from typing import Generic

from msgspec import Struct

from gateway.protocol.scalars import D, SeatStatus


class Judgement(Struct, Generic[D], frozen=True, omit_defaults=True):
    """What a challenge rule found, and at which quote; without one, the start of a day found it, or it is a warning.

    A drawdown holds the seat's `equity` against a `floor`, the profit target holds it, less the fees of closing all,
    against a `target`; the loss per trade holds a trade's `result`, without fees, against a `limit`. `percent` is how
    much of the way to the floor a warning goes out at.
    """

    match: int
    rule: str
    equity: D | None = None
    floor: D | None = None
    target: D | None = None
    result: D | None = None
    limit: D | None = None
    percent: int | None = None
    symbol: str | None = None
    bid: D | None = None
    ask: D | None = None
    quote_seq: int | None = None  # of the log, as the next
    seq: int | None = None  # of what broke the rule; of an event, its own


class Seat(Struct, Generic[D], frozen=True, omit_defaults=True):
    """A player in a match. `floors`, `distance` and `warnings` are by the names of the rules.

    `floors` are of equity, and only of a seat that plays; `distance` is how far equity is above each, and how far
    net equity is from the profit target. `warnings` are today's, in percent of the way to the floor. `out` says which
    rule has disqualified the seat, `locked` that it has reached the profit target. `profit` is what prices have brought
    in closed trades, `fees` all that was paid, `net` the one less the other; so it is everywhere.
    """

    match: int
    equity: D
    cash: D
    reserved: D
    margin: D
    profit: D
    fees: D
    net: D
    trades: int
    wins: int
    orders: int
    positions: int
    joined_at: int  # ms
    stakes: D
    status: SeatStatus
    floors: dict[str, D] = {}
    distance: dict[str, D] = {}
    warnings: dict[str, int] = {}
    out: Judgement[D] | None = None
    locked: Judgement[D] | None = None
    rank: int | None = None  # when the match is over
    prize: D | None = None
    net_equity: D | None = None  # less open stakes and the fees of closing all now; where there is a profit target


class SeatEvent(Struct, Generic[D], frozen=True, gc=False):
    """A seat was taken, or begun anew: `cash` is what it has."""

    match: int
    cash: D


class BoardRow(Struct, Generic[D], frozen=True, omit_defaults=True):
    rank: int
    player: int
    name: str
    equity: D
    profit: D
    fees: D
    net: D
    trades: int
    positions: int
    status: SeatStatus
    prize: D | None = None  # when the match is over


class Board(Struct, Generic[D], frozen=True, omit_defaults=True):
    """A leaderboard, by equity, or the final ranking; `rank` is that of the player who asks."""

    match: int
    players: int
    rows: list[BoardRow[D]]
    rank: int | None = None
