"""Kill switches: an operator stops opens in the arena, an instrument, a match or for a player, or halts an instrument.

They are columns of the tables, so that kernels can look at them at every open, and again when a resting order fills.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec.structs import replace

from engine.model.commands import Scope, SetSwitch, Switch
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.emit import Emit


class Reach(NamedTuple):
    """What a scope is of: a table whose rows have the switches as columns."""

    table: str
    switches: tuple[str, ...]


REACHES: Final = {
    "arena": Reach("world", ("locked", "close_only")),
    "instrument": Reach("instruments", ("locked", "halted", "close_only")),
    "match": Reach("matches", ("locked",)),
    "player": Reach("players", ("locked",)),
}


def set_switch(state: State, command: SetSwitch, emit: Emit) -> tuple[Reason, int]:
    """Turn the switch on or off, whatever it was; the id of what it is a switch of."""
    reach = REACHES.get(command.scope)
    if reach is None or command.switch not in reach.switches or not command.reason.strip():
        return Reason.SWITCH_INVALID, 0
    if not _exists(state, reach.table, command.id):
        return Reason.SWITCH_INVALID, 0

    getattr(state.book, reach.table)[command.id][command.switch] = command.on
    if command.scope == "instrument":
        known = state.cold.instruments[command.id]
        state.cold.instruments[command.id] = replace(known, **{command.switch: command.on})
    scope = Scope[command.scope.upper()]
    event = emit(
        EventKind.SWITCH_CHANGED,
        player=command.id if scope is Scope.PLAYER else 0,
        match=command.id if scope is Scope.MATCH else 0,
        instrument=command.id if scope is Scope.INSTRUMENT else 0,
    )
    event["id"] = command.id
    event["scope"] = scope
    event["switch"] = Switch[command.switch.upper()]
    event["on"] = command.on
    return Reason.ACCEPTED, command.id


def _exists(state: State, table: str, id: int) -> bool:
    """Does the table have that id? There is one world, under 0; of the others the world knows how many there are."""
    if table == "world":
        return id == 0
    return 1 <= id <= int(state.book.world[0][table])
