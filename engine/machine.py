"""The one door: a batch goes in, outcomes and events come out, and nothing else changes the state.

Hot commands run in machine code (kernels/turn.py) until a cold one comes, which its handler below takes. A batch
leaves the state as if its commands had been applied one by one, on any machine, today or in replay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.commands import (
    PLACE_ORDER,
    Batch,
    Commands,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    Kind,
    OpenFeed,
    RegisterPlayer,
    ResetSeat,
    commands_of,
    decode_cold,
)
from engine.events import EVENT, OUTCOME, EventKind, Events, events_of
from engine.instruments import define_instrument
from engine.kernels import turn
from engine.kernels.emit import begin
from engine.kernels.orders import plan
from engine.matches import create_game, create_match, register_player, reset_seat_of
from engine.reasons import Reason
from engine.room import make_room
from engine.state import State
from engine.tables import readable

RULES_VERSION = 1
"""Raised when new code changes what a logged command means."""

EVENT_BUFFER = 16_384
"""Events between two looks of the machine at its buffer; more than that only makes one command take several calls."""


class Applied(NamedTuple):
    """What a batch did."""

    outcomes: NDArray[np.void]  # OUTCOME, one per command
    events: NDArray[np.void]  # EVENT, in the order in which things happened; may be overwritten by the next apply


class Plan(NamedTuple):
    """What an order would do now; integers as in its command."""

    fills: bool
    lots: int
    price: int
    notional: int
    margin: int
    fee: int
    liquidation: int  # 0 none
    bankruptcy: int  # ticks at which the margin is used up


def open_feed(state: State, command: OpenFeed, events: Events) -> tuple[Reason, int]:
    """A new connection: whatever source sequence comes next is newer than none."""
    state.book.quotes["source_sequence"] = -1
    begin(state.book, events, EventKind.FEED_OPENED.value, 0, 0, 0)
    return Reason.ACCEPTED, 0


Handler = Callable[[State, Any, Events], tuple[Reason, int]]

HANDLERS: dict[type, Handler] = {
    DefineInstrument: define_instrument,
    CreateGame: create_game,
    CreateMatch: create_match,
    RegisterPlayer: register_player,
    ResetSeat: reset_seat_of,
    OpenFeed: open_feed,
}
"""What takes each cold command: its checks, then its changes; the reason, and the id of what it made."""


class Machine:
    """The engine: a state, and the way to change it."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self._buffer = np.zeros(EVENT_BUFFER, EVENT)
        self._events = Events(*(readable(view) for view in events_of(self._buffer)))

    def apply(self, batch: Batch) -> Applied:
        """Apply a batch that is on disk. Its stamp must not lie before the last one's."""
        world = self.state.book.world[0]
        assert batch.at_ns >= world["now_ns"], "stamps never go back"
        assert batch.first_sequence == world["sequence"] + 1, "sequences have no gaps"

        count = len(batch.records)
        outcomes = readable(np.zeros(count, OUTCOME))
        records = batch.records if batch.records.flags.writeable else batch.records.copy()  # kernels have one signature
        commands = Commands(*(readable(view) for view in commands_of(records)))
        done: list[NDArray[np.int64]] = []
        i = turn.START
        while True:
            book, first = self.state.book, batch.first_sequence
            i = int(turn.apply(book, commands, self._events, outcomes, first, batch.at_ns, i))
            if i == turn.START:
                make_room(self.state, count)
                continue
            if i == count:
                break
            self._drain(done)
            if commands.header[i]["kind"] == Kind.COLD and self.state.book.turn[0]["phase"] == turn.PHASE_ENTRY:
                self._apply_cold(batch, commands.header[i], outcomes[i], batch.first_sequence + i)
                self._drain(done)
                make_room(self.state, count)
                i += 1
        self.state.book.world[0]["sequence"] = batch.first_sequence + count - 1
        events = self._buffer[: int(self.state.book.turn[0]["events"])]
        if done:
            events = np.concatenate([*done, events.view(np.int64)]).view(EVENT)
        return Applied(outcomes.view(np.ndarray), events)

    def try_order(self, record: bytes) -> tuple[Reason, Plan | None]:
        """What the PLACE_ORDER command in `record` would do at this moment; changes nothing."""
        command = readable(np.frombuffer(bytearray(record), PLACE_ORDER))[0]
        book = self.state.book
        reason = Reason(int(plan(book, command, 0)))
        if reason is not Reason.ACCEPTED:
            return reason, None
        planned = book.turn[0]
        lots, price, margin = int(planned["lots"]), int(planned["price"]), int(planned["margin"])
        value = int(book.instruments[int(command["instrument"])]["value"])
        loss = margin // value // lots
        return reason, Plan(
            fills=bool(planned["fills"]),
            lots=lots,
            price=price,
            notional=int(planned["notional"]),
            margin=margin,
            fee=int(planned["fee"]),
            liquidation=int(planned["liquidation"]),
            bankruptcy=price - int(command["side"]) * loss,
        )

    def _apply_cold(self, batch: Batch, header: Any, outcome: Any, sequence: int) -> None:
        offset = int(header["blob_offset"])
        command = decode_cold(batch.blobs[offset : offset + int(header["blob_length"])])
        self.state.book.turn[0]["sequence"] = sequence
        self.state.book.turn[0]["events"] = 0
        reason, id = HANDLERS[type(command)](self.state, command, self._events)
        outcome["reason"] = reason
        outcome["id"] = id
        outcome["sequence"] = sequence
        self.state.book.world[0]["sequence"] = sequence

    def _drain(self, done: list[NDArray[np.int64]]) -> None:
        count = int(self.state.book.turn[0]["events"])
        if count:
            # As plain words, because a copy of records goes field by field.
            done.append(self._buffer[:count].view(np.int64).copy())
            self.state.book.turn[0]["events"] = 0


