"""The whole state of an arena: the tables, and beside them the texts and other cold things by id.

It is a pure function of the log. A snapshot is `sections` of it; `state_from` is the way back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.model.commands import (
    CreateGame,
    CreateMatch,
    DefineInstrument,
    DefineZone,
    RegisterPlayer,
    SetOffer,
    SetReferrals,
    StartSeason,
)
from engine.model.tables import (
    MOST_LINKED,
    NAMES_ON_DISK,
    PREFETCH_WINDOW,
    SCRATCH,
    SMALLEST,
    Book,
    dtype_on_disk,
    grown,
    make_array,
    make_book,
)


class Bonus(msgspec.Struct, frozen=True):
    """What the house has paid for a player who was referred, in native units."""

    asset: int  # Asset
    referrer: int
    referred: int


class Game(msgspec.Struct):
    """A game in all its versions: matches play by the one that was the latest when they were made."""

    versions: list[CreateGame]
    active: bool = True  # new matches of it may be made
    deleted: bool = False

    @property
    def rules(self) -> CreateGame:
        """The latest version."""
        return self.versions[-1]

    def version(self, number: int) -> CreateGame:
        """The version of that number, from 1."""
        return self.versions[number - 1]


class Queue(msgspec.Struct):
    """Who waits for a match of a game."""

    waiting: dict[int, int] = msgspec.field(default_factory=dict)
    """By player, in join order: row of the timer that ends the waiting; 0: none does."""
    match: int = 0
    """The last match that was made of those who waited; 0: none was."""


class Disconnect(msgspec.Struct):
    """What a player wants done when he has been away for too long: his orders cancelled."""

    after_ms: int
    timer: int = 0
    """While he is away, the row of the timer that does it."""


class Cold(msgspec.Struct):
    """What is not numbers, and what is rare: the commands that made things, by id. Dicts keep the order of the log."""

    instruments: dict[int, DefineInstrument] = msgspec.field(default_factory=dict)
    games: dict[int, Game] = msgspec.field(default_factory=dict)
    matches: dict[int, CreateMatch] = msgspec.field(default_factory=dict)
    players: dict[int, RegisterPlayer] = msgspec.field(default_factory=dict)
    referrals: SetReferrals | None = None
    referred: dict[int, list[int]] = msgspec.field(default_factory=dict)  # by who referred them, the earliest first
    bonuses: dict[int, Bonus] = msgspec.field(default_factory=dict)  # by who was referred
    bonus_day: int = 0  # of the last bonus: days since the epoch
    bonuses_of_day: dict[int, int] = msgspec.field(default_factory=dict)  # how many there were then, by referrer
    offers: dict[int, SetOffer] = msgspec.field(default_factory=dict)  # by the Asset that the item is
    seasons: dict[int, StartSeason] = msgspec.field(default_factory=dict)
    queues: dict[int, Queue] = msgspec.field(default_factory=dict)
    zones: dict[int, DefineZone] = msgspec.field(default_factory=dict)  # by row
    disconnects: dict[int, Disconnect] = msgspec.field(default_factory=dict)  # by player


@dataclass
class State:
    book: Book = field(default_factory=make_book)
    cold: Cold = field(default_factory=Cold)


def sections(state: State) -> dict[str, NDArray[Any]]:
    """The tables that are state, by the names that they and their columns have on disk: all of the Book but its
    scratch. Not copies."""
    return {
        NAMES_ON_DISK.get(name, name): np.asarray(array).view(dtype_on_disk(name))
        for name, array in state.book.arrays.items()
        if name not in SCRATCH
    }


def encode_cold_state(cold: Cold) -> bytes:
    return msgspec.msgpack.encode(cold)


def state_from(tables: dict[str, NDArray[Any]], cold: bytes) -> State:
    """The state whose `sections` and encoded cold things these are. The arrays are copied."""
    rows = dict.fromkeys(("fired", "fired_scratch"), len(tables["triggers"]))
    rows |= dict.fromkeys(("due_seats", "due_seats_scratch"), len(tables["seats"]))
    rows |= {"progress": 1, "order_plan": 1, "transfer_plan": 1, "outcomes": SMALLEST, "spare_outcome": 1}
    rows |= {"prefetched": PREFETCH_WINDOW, "saved": 2 * MOST_LINKED}
    scratch = {name: make_array(name, rows[name]) for name in SCRATCH}
    arrays = {}
    for name in Book._fields:
        if name not in SCRATCH:
            table = tables[NAMES_ON_DISK.get(name, name)]
            arrays[name] = grown(table.view(getattr(Book, name)), name, len(table))
    return State(Book(**arrays, **scratch), msgspec.msgpack.decode(cold, type=Cold))
