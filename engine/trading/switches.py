"""Kill switches: an operator stops opens in the arena, an instrument, a match or for a player, or halts an instrument.

They are columns of the tables, which kernels check at every open and again when a resting order fills.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec.structs import replace

from engine.model.commands import Scope, SetSwitch, Switch
from engine.model.events import EventKind
from engine.model.reasons import Reason
from engine.model.state import State
from engine.storage.emit import Emit


class SwitchScope(NamedTuple):
    """A table, and its switch columns."""

    table: str
    switches: tuple[str, ...]


SCOPES: Final = {
    "arena": SwitchScope("world", ("locked", "close_only")),
    "instrument": SwitchScope("instruments", ("locked", "halted", "close_only")),
    "match": SwitchScope("matches", ("locked",)),
    "player": SwitchScope("players", ("locked",)),
}


def set_switch(state: State, command: SetSwitch, emit: Emit) -> tuple[Reason, int]:
    """Turn the switch on or off; returns the id within the scope."""
    columns = SCOPES.get(command.scope)
    if columns is None or command.switch not in columns.switches or not command.reason.strip():
        return Reason.SWITCH_INVALID, 0
    if not _exists(state, columns.table, command.id):
        return Reason.SWITCH_INVALID, 0

    getattr(state.book, columns.table)[command.id][command.switch] = command.on
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
    """Is there such a row? The world is row 0; the world counts the rows of the other tables."""
    if table == "world":
        return id == 0
    return 1 <= id <= int(state.book.world[0][table])
